"""Suppression: the recipients of an incident, and why a notice waits: silences, maintenance, dependencies, flapping.

Never here: whether an incident is true, which the rules decide, and whether a notice is due, which the ledger decides.
"""

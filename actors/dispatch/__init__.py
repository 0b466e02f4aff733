"""Concurrency: execution models, mailboxes and addresses, on which every actor runs.

Never here: monitoring. No module of this folder knows targets or incidents.
"""

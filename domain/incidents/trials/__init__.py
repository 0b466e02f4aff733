"""Trials that operators ask for: notices that travel as every other one does, and are about nothing that has happened.

Never here: how a trial is sent, or what becomes of it.
"""

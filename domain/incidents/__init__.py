"""Incidents, their transitions and notices, the outbox, and the ledger of what each channel last received.

Never here: SQL, sockets, or the choice of a time to retry.
"""

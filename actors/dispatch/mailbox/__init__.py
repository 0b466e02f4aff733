"""Mailboxes and addresses: order, bounds, overflow policies and dead letters.

Never here: threads and event loops, which are in run/.
"""

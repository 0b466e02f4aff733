"""Checks of probes that speak with one host, beyond their types: a function for each kind, found by one table; and where they may run.
Never here: checks that all kinds share, of hosts and certificates, which lie in `network`, one room above.
"""

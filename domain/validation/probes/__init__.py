"""Checks of probes that speak with one host, beyond their types: a function for each kind, found by one table.

What every kind shares (hosts, certificates) is checked by `network`, one room above.
"""

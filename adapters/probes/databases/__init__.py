"""Probes of databases and stores, in the protocol of each.

Never here: the store of watchkeeper's own record (adapters/stores/).
"""

"""The command line: one entry point, and one room per intention of its user.

Never here: monitoring; every verb uses the library like a host does.
"""

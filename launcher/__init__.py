"""The command line: one entry point, and one folder per intention of its user.

Never here: monitoring; every verb uses the library as a host does.
"""

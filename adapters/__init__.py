"""The outside world: one room per library or system, each behind a port of the core.

Never here: decisions about lateness, retry or incidents.
"""

"""Drivers of external systems: one folder per library or system, each behind a port of the core.

Never here: decisions about lateness, retry or incidents.
"""

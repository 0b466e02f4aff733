"""A second, independent set of invariants that checks the record and the deliveries.

Never here: code that the production path shares; a shared mistake would stay invisible.
"""

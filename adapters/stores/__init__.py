"""Stores of the record behind one port, in memory and in SQLite.

Never here: which notice is due; a store keeps what it is given.
"""

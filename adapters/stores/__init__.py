"""Stores of the record behind one port, in memory, in SQLite and in PostgreSQL.

Never here: which notice is due; a store keeps what it is given.
"""

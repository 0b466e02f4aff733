"""The SQLite store: connection, schema, hash chain, outbox, lock and head file.

Never here: compact history of samples (history/).
"""

"""The record of a simulated machine: the model in memory, SQLite on a faulty file system beside it, and their failures.

Never here: invariants of the record, which are in invariants/.
"""

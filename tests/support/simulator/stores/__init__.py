"""The record of a simulated machine: the model in memory, SQLite on a faulty file system beside it, and what goes wrong there.

Never here: what must hold of the record, which is in invariants/.
"""

"""The ownership of a store file: its lock and hold together, the tenure row, and the look of a process that waits.

Never here: the rules of who may claim a store (domain/supervision/tenure.py).
"""

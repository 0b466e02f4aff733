"""A whole store copied into another one of any kind: its tables in one form, read, written and compared.

Never here: a backup of a file while a runtime writes it (sqlite/backup).
"""

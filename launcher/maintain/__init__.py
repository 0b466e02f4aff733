"""Verbs that look after a store: backup and verify.

Never here: verbs that change what a runtime does; a store that is run stays as it is.
"""

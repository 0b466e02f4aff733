"""Verbs that run watchkeeper: run and demo, with signals and output.

Never here: anything that a library host needs.
"""

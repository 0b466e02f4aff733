"""Verbs about a configuration: check, schema and simulate.

Never here: verbs that need a store or a running instance.
"""

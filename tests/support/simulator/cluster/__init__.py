"""Several nodes on one store with shards, in virtual time: each runs the production decision and the production actors.

Never here: threads, PostgreSQL, and one process on one machine, which `machine` simulates.
"""

"""Samples in PostgreSQL: their blocks, how these are sealed and summed up, and how history is read from both.

Never here: incidents and notices.
"""

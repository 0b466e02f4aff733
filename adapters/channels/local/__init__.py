"""Channels inside the process: the log and functions of the host.

Never here: anything that opens a connection.
"""

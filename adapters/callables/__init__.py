"""Calls of the host's functions, on threads or on its event loop, each with a deadline.

Never here: the meaning of a result; probes and channels translate it.
"""

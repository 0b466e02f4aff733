"""Actors, one per module, and the system that wires them together.

Never here: sockets, files, clocks or host threads, which are in adapters/ and host/.
"""

"""Actors, one per module, and the system that wires them together.

Never here: sockets, files, clocks or host threads; those are adapters/ and host/.
"""

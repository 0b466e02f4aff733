"""Rules of monitoring as pure values and decisions: time, randomness and configuration arrive as arguments.

Never here: a clock, a thread, an actor, a log line, a socket or a file.
"""

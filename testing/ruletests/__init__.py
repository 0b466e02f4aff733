"""Rule tests: files that say what a configuration tells to which channel in a course of events, run in virtual time.

Never here: the actors that run it (`testing/world.py`), and the replay of recorded samples (`testing/replaying/`).
"""

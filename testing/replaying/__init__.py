"""Replay: recorded samples through another configuration in virtual time, and the differences from what was told.

Never here: the reading of a store (`adapters/stores/history/recording.py`), and courses of events that are written (`testing/ruletests/`).
"""

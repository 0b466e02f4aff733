"""Verbs that change something in a runtime or its store: acknowledge, silence, pause, report, reload.

Never here: how a command is made or recorded; the client does both.
"""

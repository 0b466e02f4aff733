"""Checks at other locations: the owner's side, the agent's side, and the messages between them by NATS.

Never here: how the results of locations become one judgement (`domain/rules/quorum.py`); the agent's own process (`host/`).
"""

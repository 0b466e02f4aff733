"""Conversations on one established connection without a coroutine: each goes on as far as it gets without waiting.
Never here: connecting, the deadline, and what is listened to, which are the attempt's; coroutines, which use `wire`.
"""

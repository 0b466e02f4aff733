"""Policies of the supervisor as values: schedule, admission, blindness, restart, retry and backoff.

Never here: actors or timers; each policy is given the moment and the random number.
"""

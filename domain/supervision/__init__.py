"""The policies that the supervisor applies, as values: schedule, admission, blindness, restart, retry, backoff.

Never here: actors or timers; each policy is given the moment and the random number.
"""

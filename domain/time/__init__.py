"""Moments, durations, the cadence grid and the order of timers, all in integer nanoseconds.

Never here: a read of a clock, or a timer that fires by itself.
"""

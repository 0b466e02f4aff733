"""A run as a value: targets, channels, faults and acts, drawn from a seed or read from a file.

Never here: anything that runs, or that a run changes.
"""

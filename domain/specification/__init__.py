"""Everything that a configuration can say: targets, probes, channels, rules and options.

Never here: whether a configuration is valid (validation/), or what a running target has seen.
"""

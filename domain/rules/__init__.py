"""Rules over samples: evaluators, windows, phases, and the aggregate of one target.

Never here: delivery of notices, or the time at which a rule is evaluated.
"""

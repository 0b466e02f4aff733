"""Drivers of each kind of target: they run one attempt and report an observation.

Never here: schedules, retries, or the judgement of conditions.
"""

"""The result of one attempt: observation, outcome, sample, and the record of the attempt.

Never here: rules over several samples, or the code that probes.
"""

"""The language of `expect`: its grammar, its comparisons, and the judgement of one observation.

Never here: rules over several samples, or the reading of a configuration file.
"""

"""Compact history of samples: sealing, roll-ups by hour and day, retention and reading.

Never here: incidents and notices (sqlite/).
"""

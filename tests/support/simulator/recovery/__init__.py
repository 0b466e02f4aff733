"""Checks of the time after all faults have stopped: service, the end of a run, and the reference without faults.

Never here: invariants of every step, which are in invariants/.
"""

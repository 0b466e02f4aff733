"""The invariants of every step of a run: the auditor, its rules by topic, and the trace of what it saw.

Never here: checks of the time after all faults have stopped, which are in recovery/.
"""

"""What must hold at every step of a run: the auditor, its rules by topic, and the trace of what it saw.

Never here: what must come right once all faults have stopped, which is in recovery/.
"""

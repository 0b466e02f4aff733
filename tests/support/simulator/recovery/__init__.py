"""What must come right once all faults have stopped: service, the end of a run, and the reference without faults.

Never here: what must hold at every step, which is in invariants/.
"""

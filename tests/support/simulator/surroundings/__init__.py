"""The surroundings of the actors of a simulated process: mailboxes, schedules, targets, receivers, and their faults.

Never here: judgements of what the actors do (invariants/, recovery/), or the record (stores/).
"""

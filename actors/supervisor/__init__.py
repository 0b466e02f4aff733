"""The supervisor and its parts: the only owner of time, deadlines, retry, restart and cancellation.

Never here: the judgement of a sample or the delivery of a notice.
"""

"""The edge to a host program: commands, questions, subscriptions, lifecycle, threads and locks.

Never here: judgement, schedules, or access to sockets and files.
"""

"""Messengers: one for each kind of channel; it sends one notice and reports the answer.

Never here: retries, order or suppression; the sink and the supervisor decide those.
"""

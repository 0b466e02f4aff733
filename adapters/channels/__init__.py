"""Messengers: each takes one notice to one channel and reports the answer.

Never here: retries, order or suppression; the sink and the supervisor decide those.
"""

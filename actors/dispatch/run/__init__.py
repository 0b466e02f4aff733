"""Dispatchers: one event loop, a pool of threads, or virtual time, with their timers.

Never here: the order of messages within one mailbox, which is in mailbox/.
"""

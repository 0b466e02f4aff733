"""Verbs that read: status, incidents and notices.

Never here: verbs that change anything (act/).
"""

"""Verbs that read a store: status, incidents and notices; redrive stands beside the list that it acts on.

Never here: verbs that start a runtime; those are in operate/.
"""

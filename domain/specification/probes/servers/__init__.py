"""Specifications of probes of databases, message brokers and mailboxes, a file for each kind.
Never here: the table of kinds, which stays in `kinds`; how a probe is carried out.
"""

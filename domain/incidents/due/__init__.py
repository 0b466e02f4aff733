"""The parts of the ledger: what is known of each incident and of each group, and the plainest choice of recipients.

Never here: the one comparison that decides whether a notice is due, and the reasons why a notice waits.
"""

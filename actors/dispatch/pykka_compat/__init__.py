"""The public face of pykka over our mailboxes: references, inboxes and the three models.

Never here: anything that our own actors need; they use addresses.
"""

"""pykka's public interface over our mailboxes: references, inboxes and the stopped flag.

Never here: parts that our own actors need beyond pykka; they use addresses.
"""

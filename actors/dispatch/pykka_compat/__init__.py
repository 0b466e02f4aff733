"""pykka's public interface over our mailboxes: references, inboxes and the stopped flag.

Never here: the mailboxes and addresses that our own actors use without pykka.
"""

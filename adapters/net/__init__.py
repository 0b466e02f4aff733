"""Names, addresses, sockets and the race of connections that all network probes share.

Never here: a protocol above TCP.
"""

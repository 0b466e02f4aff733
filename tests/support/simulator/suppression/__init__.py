"""A second, naive judgement of who is told of an incident and of what holds a notice back, and the invariants of both.

Never here: the router, the books of suppression or the ledger of the product; a shared mistake would stay invisible.
"""

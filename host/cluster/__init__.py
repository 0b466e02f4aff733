"""One process among several that share the shards of a store: which it runs, and how each answers for all of them.

Never here: what one engine does; the stand-by of a store that has one owner.
"""

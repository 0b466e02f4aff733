"""One store, several processes: the stand-by, its way to the active process, and how commands and questions reach an engine.

Never here: which process may own the store; the store itself decides that.
"""

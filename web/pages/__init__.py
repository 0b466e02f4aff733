"""Pages for people, made here from values of the runtime, and complete without a script.

Never here: a decision that the API would make otherwise, a script or a style inside a page, or a word that is not escaped.
"""

"""Pages for people, made here and complete without a script: so far the one on which a browser signs in.

Never here: a script or a style inside a page, or a word of a client that is not escaped.
"""

"""Public pages: what everybody may see of the targets that have a name for everybody, as HTML, feed, badges and JSON.

Never here: an id, an address, a rule, an evidence or a name of a person; all of it is made from one value, `PublicView`.
"""

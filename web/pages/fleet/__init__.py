"""The overview and the page of a group: all targets at a glance, the troubled ones first.

Never here: the page of one thing, or a question to the store that each row would ask anew.
"""

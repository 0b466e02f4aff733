"""The part of the sink that is about notices: which are due and under way, dead letters, and tests of channels.

Never here: the record itself and what operators command, which the sink and its other helpers keep.
"""

"""Configurations of peers become ours, one module or room a peer: what maps is written, and what does not stands as a comment at its place.

Never here: how a configuration of ours is read (configuration/).
"""

"""Probing from other machines: the agents at other locations, and the servers by which they are reached.

Never here: what is probed, or how several results become one.
"""

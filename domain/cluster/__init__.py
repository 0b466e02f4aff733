"""Sharing the work of one store among several processes: which shard a target lies on, and which node runs a shard.

Never here: processes, databases and clocks; these functions are told what the nodes have said of themselves.
"""

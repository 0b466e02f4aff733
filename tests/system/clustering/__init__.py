"""The parts of `cluster.py`: the network, the database, the nodes, the script of the targets, the faults, and the judgement.

Never here: anything that knows the insides of the product, but for `unfenced_node.py`, which takes the fence away.
"""

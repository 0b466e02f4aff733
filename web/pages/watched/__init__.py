"""The pages of one target: its state and its past, and one of its attempts with what it saw.

Never here: questions of the store (host/access has them), or the shapes of charts.
"""

"""Two configurations side by side: what a change of one into the other does, and to whom.

Never here: the change itself (host/lifecycle.py), and what is wrong with a configuration (validation/).
"""

"""Recipes: one for each receiver that speaks HTTP; a frozen value that says what is posted, and how an answer is read.

Never here: sockets, deadlines or retries; the messenger posts, the sink and the supervisor decide.
"""

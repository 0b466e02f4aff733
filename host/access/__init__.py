"""Access to a running runtime from outside: its doors, what a request may ask or order, tokens and links made while it runs.

Never here: requests, cookies, or the judgement of a role.
"""

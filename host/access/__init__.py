"""Access to a running runtime: tokens that are made while it runs, and links that open one session.

Never here: requests, cookies, or the judgement of a role.
"""

"""The routes of tokens that are made and revoked while a runtime runs, and their answers.

Never here: the judgement of a token, or the file that keeps it.
"""

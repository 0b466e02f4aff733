"""The words of a notice for people, and templates of them: pure texts, which each medium escapes itself.

Never here: a format of one receiver, or the decision that a notice is due.
"""

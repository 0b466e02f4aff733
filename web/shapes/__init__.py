"""The shapes of the API: the types of questions, bodies and answers, and how values of the domain become answers.

Never here: routes, authorisation, or a question to a runtime.
"""

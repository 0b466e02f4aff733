"""The routes of the API: their table, what each does, and the document that describes them.

Never here: authorisation, connections, or the queues of streams.
"""

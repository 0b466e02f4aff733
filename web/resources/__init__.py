"""The routes of the API: their table, their answers, and the document that describes them.

Never here: authorisation, connections, or the queues of streams.
"""

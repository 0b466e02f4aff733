"""Channels that send mail: the message, the conversation with the server, and the channel itself.

Never here: an HTTP service that sends mail; that is a recipe.
"""

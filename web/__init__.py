"""The JSON API, the event stream and pings over HTTP: an ASGI application over `host/`, and how it is served.

Never here: decisions, or access to actors, stores and probes.
"""

"""libcurl: its handles, options and socket events on the event loop.

Never here: rules on which requests may use the fast engine (fast/).
"""

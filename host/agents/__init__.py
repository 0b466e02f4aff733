"""The agent of a location as a host program runs it: its thread and its life cycle.

Never here: what an agent says on the wire (`adapters/locations/`); the verb of the command line (`launcher/operate/`).
"""

"""Probes that are carried by HTTP requests: several steps that pass values on, and registrations of names.

Never here: the request itself, which is the probe `http`.
"""

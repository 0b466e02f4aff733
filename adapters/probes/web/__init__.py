"""Probes that speak HTTP.

Never here: the HTTP engines themselves (adapters/http/).
"""

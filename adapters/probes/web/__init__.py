"""Probes that speak HTTP, or a protocol that begins as HTTP.

Never here: the HTTP engines themselves (adapters/http/).
"""

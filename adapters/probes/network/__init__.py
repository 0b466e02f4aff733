"""Probes of plain network protocols.

Never here: probes that speak HTTP (web/) or need no network (local/).
"""

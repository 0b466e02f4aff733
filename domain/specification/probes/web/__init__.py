"""Specifications of probes whose protocol begins as HTTP: WebSocket and gRPC.

Never here: plain requests of HTTP, which stay in `probe`.
"""

"""Specifications of probes whose protocol is HTTP or begins as HTTP: several steps, registrations, WebSocket and gRPC.

Never here: one plain request, which stays in `probe`.
"""

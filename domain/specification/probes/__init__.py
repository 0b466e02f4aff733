"""Specifications of probes that speak one protocol with one host, a file for each kind, and the table of all kinds.

HTTP, TCP and what a host program does itself stay in `probe`. How a probe is carried out is no business of this room.
"""

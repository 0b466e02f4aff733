"""Specifications of probes that speak one protocol with one host, a file for each kind, and the table of all kinds.
Never here: HTTP, TCP and the host's own checks, which stay in `probe`; how a probe is carried out.
"""

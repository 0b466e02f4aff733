"""Kinds of probes that installed packages bring: how they are found, what they must offer, and where they run.

Never here: the attempts of their targets (adapters/probes/local/); functions of the host (adapters/callables/).
"""

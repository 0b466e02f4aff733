"""The metrics of a runtime: their families, the text that Prometheus reads, and a collector for a host's own registry.

Never here: a figure that is counted here, but for those that the text is made of, or a label whose values are not bounded.
"""

"""Values that readers receive: status, events and histograms.

Never here: decisions; nothing in the core depends on a read model.
"""

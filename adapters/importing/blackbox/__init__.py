"""The modules of blackbox_exporter as templates.

Never here: parts that several peers share (importing/).
"""

"""The configuration of Gatus: endpoints, external endpoints, alerts and windows.

Never here: parts that several peers share (importing/).
"""

"""Reuse within a configuration: files that it includes, templates, loops and partial defaults, made into one plain document.

Never here: what a value means (domain/validation/), and anchors, which YAML itself has (document.py).
"""

"""Checks of a configuration: shape, meaning, and the problems that are reported with their place.

Never here: files, positions in a document, or the environment.
"""

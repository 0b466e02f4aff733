"""Charts: pure functions from values to SVG or to the places and classes of a template.

Never here: questions to the runtime, colours (the style sheet has them), or a position as a style.
"""

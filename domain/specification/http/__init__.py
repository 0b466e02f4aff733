"""Parts of the `http` probe as they are written: the versions that it offers, the rules for the header of its answer, the way to it, and what it gives.
Never here: the probe itself, which is in `probe`; how a request is made.
"""

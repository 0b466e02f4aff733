"""Parts of the `http` probe as they are written: the versions that it offers, and the rules for the header of its answer.
Never here: the probe itself, which is in `probe`; how a request is made.
"""

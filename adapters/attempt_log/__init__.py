"""One attempt with everything that it found, for a person who looks at it: the production probers, and what they keep back.

Never here: what a running watchkeeper does; its attempts keep an observation and nothing else.
"""

"""Child processes of `exec` probes: the start, the output and the end of a command.

Never here: the verdict about a plugin's output (domain/observation/plugin.py).
"""

"""Messages between actors, one module per listener, and the codec of their bytes.

Never here: behaviour; a message is a frozen value.
"""

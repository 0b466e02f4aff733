"""Messages between actors, one module per receiver, and the codec that turns them into bytes.

Never here: behaviour. A message is a frozen value.
"""

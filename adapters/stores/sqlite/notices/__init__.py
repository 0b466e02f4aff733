"""Notices in SQLite: the outbox, the digests in it, the tries to deliver them, and what each channel knows.

Never here: the incidents that they are about, and the chain that both are written into.
"""

"""The PostgreSQL store: connection, schema, fence, blocks of samples and their history. Needs the extra `postgres`.

Never here: the rules of the record (record_state); what history is made of (history/).
"""

"""Our own HTTP/1.1 engine for plain exchanges, and the rules on which requests it may carry.

Never here: redirects, proxies or decompression; libcurl carries those.
"""

"""One HTTP exchange with redirects and deadlines, over libcurl or over our own engine.

Never here: the conditions that judge an answer.
"""

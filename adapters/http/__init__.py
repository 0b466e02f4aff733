"""One HTTP exchange with redirects and deadlines, over libcurl, or over our own engine (fast/) for answers of the plainest form.

Never here: the conditions that judge an answer.
"""

"""The second process: commands and questions of a watched store from outside the runtime that watches it.

Never here: judgement, or a second writer; a command reaches a runtime by its API, or the store by the production sink.
"""

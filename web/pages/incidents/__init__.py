"""The pages of incidents: their list, and one with what happened and who knows of it.

Never here: commands (the forms have them), or questions of the store (host/access has them).
"""

"""The backup of Uptime Kuma: monitors, groups and notifications.

Never here: parts that several peers share (importing/).
"""

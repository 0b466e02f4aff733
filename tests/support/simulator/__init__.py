"""The production actors in virtual time under drawn faults: `python -m simulator` runs cases and shortens those that fail.

Never here: code that the package needs; users simulate with `World` and a forecast (watchkeeper.testing).
"""

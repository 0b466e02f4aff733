"""The common form of everything under way: a request, an attempt, a call. It stands alone because each room has one."""

import msgspec


class Activity(msgspec.Struct, eq=False):
    """One piece of work under way: equal to itself only, and shown without its fields, which may hold secrets."""

    __repr__ = object.__repr__

"""Values of every kind for any field of a specification: nearly all are wrong nearly everywhere."""

JUNK = (
    5,
    -1.5,
    "x",
    "\ud800",
    None,
    True,
    b"x",
    object(),
    [],
    {},
    [5],
    ("a", object()),
    {"a": 1},
    {1: 2},
    {None: 1},
    {(1, 2): 3},
    10**30,
)

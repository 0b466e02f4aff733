"""The own problems of nodes in the database: each leaves a text there, which the owner of the first shard reads."""

from ....domain import limits
from .connection import BoundedConnection
from .fence import LEASE

_READ = f"""
SELECT name, problems FROM node
WHERE name = %s OR (%s AND clock_timestamp() - beat_at < {LEASE} AND octet_length(problems) BETWEEN 1 AND %s)
ORDER BY name COLLATE "C"
"""  # noqa: S608 - a constant
# A former process of the name may have left another text: the new one looks as soon as the row is its own.
_WRITE = "UPDATE node SET problems = %s WHERE name = %s AND incarnation = %s"


def exchange_reports(
    connection: BoundedConnection, node: str, incarnation: str, problems: str, *, is_teller: bool
) -> dict[str, str]:
    """Leaves the text of a node where it is another one than before. Returns those of the other living nodes for the one that tells of them."""
    asked = (node, is_teller, limits.NODE_PROBLEMS_BYTES_MAX)
    found: dict[str, str] = dict(connection.execute(_READ, asked).fetchall())
    if found.pop(node, "") != problems:
        connection.execute(_WRITE, (problems, node, incarnation))
    return found

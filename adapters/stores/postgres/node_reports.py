"""The own problems of nodes in the database: each leaves a text there, which the owner of the first shard reads."""

from ....domain import limits
from ....domain.units import NS_PER_MS
from .connection import BoundedConnection

_LEASE = f"interval '{limits.TENURE_LEASE_NS // NS_PER_MS} milliseconds'"
# A former process of the name may have left another text.
_READ = f"""
SELECT name, problems FROM node JOIN node_report USING (name, incarnation)
WHERE clock_timestamp() - beat_at < {_LEASE} AND (%s OR name = %s) AND octet_length(problems) <= %s
ORDER BY name COLLATE "C"
"""  # noqa: S608 - a constant
_WRITE = """
INSERT INTO node_report (name, incarnation, problems) VALUES (%s, %s, %s)
ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, problems = excluded.problems
"""


def exchange_reports(
    connection: BoundedConnection, node: str, incarnation: str, problems: str, *, is_teller: bool
) -> dict[str, str]:
    """Leaves the text of a node where it is another one than before. Returns those of the other living nodes for the one that tells of them."""
    asked = (is_teller, node, limits.NODE_PROBLEMS_BYTES_MAX)
    found: dict[str, str] = dict(connection.execute(_READ, asked).fetchall())
    if found.pop(node, "") != problems:
        connection.execute(_WRITE, (node, incarnation, problems))
    return found

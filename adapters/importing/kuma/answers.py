"""Parts that several types of monitors share."""

from typing import Any, TypeAlias

from ..conditions import contains
from ..imported import literal, placed
from ..source import PeerPart

Probed: TypeAlias = tuple[dict[str, Any], list[Any]]
"""The keys of a probe, and the conditions beside it."""
_OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">="})


def host_of(part: PeerPart) -> Any:
    """Returns the host of a monitor."""
    return placed(part, "hostname", literal(part.text("hostname") or ""))


def keyword_of(part: PeerPart) -> list[Any]:
    """Returns the condition on a keyword, letter by letter; none without one."""
    word = part.text("keyword")
    sign = "!=" if part.flag("invertKeyword") else "=="
    return [] if word is None else [placed(part, "keyword", f"[BODY] {sign} {contains(word)}")]


def json_query_of(part: PeerPart) -> list[Any]:
    """Returns the condition on a path of a document; an expression of JSONata that is more than a path is listed."""
    path, wanted = part.text("jsonPath") or "$", part.text("expectedValue") or ""
    operator = part.text("jsonPathOperator") or "=="
    steps = path.removeprefix("$").lstrip(".")
    is_plain = all(each.isalnum() or each in "_-.[]" for each in steps)
    left = f"[BODY]{'' if not steps or steps.startswith('[') else '.'}{steps}"
    if is_plain and operator == "contains":
        return [placed(part, "jsonPath", f"{left} == {contains(wanted)}")]
    if is_plain and operator in _OPERATORS:
        return [placed(part, "jsonPath", f"{left} {operator} {literal(wanted)}")]
    part.leave("jsonPath", f"write a condition on `[BODY].path` by hand: {operator} {wanted}")
    return []

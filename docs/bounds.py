"""Tables of every bound and every policy, with the reasons that stand below each in the code; docs/limits.md is made from them."""

import ast
import inspect
import re
from collections.abc import Iterable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import msgspec
from watchkeeper import Channel, Log, Runtime
from watchkeeper.domain import limits
from watchkeeper.domain.policy import CachePolicy, MailboxOverflow
from watchkeeper.domain.time.duration import NS_PER_DAY, format_duration

ROOM = Path(limits.__file__).parent
SOURCES = tuple(path.read_text(encoding="utf-8") for path in sorted(ROOM.glob("[!_]*.py")))
ONE_A_ROW = (MailboxOverflow, CachePolicy)
"""The kinds of policies that have a row for each of them; of the others, which are few, each has a column."""


def bounds() -> str:
    """The constants of `limits` under the comments that head them, each with its reason."""
    lines: list[str] = []
    reasons = {name: reason for source in SOURCES for name, reason in documented(source).items()}
    for line in (line for source in SOURCES for line in source.splitlines()):
        if heading := re.match(r"# ([A-Z][^:.]*)", line):
            lines += ["", f"### {heading[1]}", "", "| bound | value | reason |", "|---|---|---|"]
        elif name := re.match(r"([A-Z][A-Z_]+) = ", line):
            value = amount(name[1], getattr(limits, name[1]))
            lines.append(f"| `{name[1]}` | {value} | {reasons.get(name[1], '')} |")
    return "\n".join(lines[1:])


def policies() -> str:
    """The policies of a runtime with one channel, a section for each kind."""
    listed = Runtime(channels=[Channel(id="NAME", log=Log())]).policies()
    return "\n\n".join(_section(kind, list(of_kind)) for kind, of_kind in groupby(listed, type))


def _section(kind: type[msgspec.Struct], of_kind: list[Any]) -> str:
    names = [field.name for field in msgspec.structs.fields(kind) if field.name != "name"]
    reasons = documented(inspect.getsource(kind))
    title = re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).capitalize()
    lines = [f"### {title}", "", " ".join((kind.__doc__ or "").split()), ""]
    if kind in ONE_A_ROW:
        lines += _table(["name", *names], ([each.name, *_values(each, names)] for each in of_kind))
        return "\n".join([*lines, "", *(f"- `{name}`: {reasons.get(name, '')}" for name in names)])
    columns = ["setting", *(each.name for each in of_kind), "reason"]
    rows = (
        [f"`{name}`", *(_values(each, [name])[0] for each in of_kind), reasons.get(name, "")]
        for name in names
    )
    return "\n".join([*lines, *_table(columns, rows)])


def _table(columns: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]


def _values(policy: msgspec.Struct, names: list[str]) -> list[str]:
    return [_shown(name, getattr(policy, name)) for name in names]


def _shown(name: str, value: Any) -> str:
    match value:
        case tuple():
            return ", ".join(f"`{each}`" for each in value) or "none"
        case str():
            return value
        case int() | float():
            return amount(name.upper(), value)
        case _:
            return f"`{value.value}`"


def documented(source: str) -> dict[str, str]:
    """The texts that follow assignments in a module or a class, by the name that is assigned."""
    tree = ast.parse(source)
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else tree.body
    return {
        name: " ".join(after.value.value.split())
        for before, after in pairwise(body)
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if (name := _assigned(before))
    }


def _assigned(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)):
            return name
        case _:
            return ""


def amount(name: str, value: float) -> str:
    """A value in the unit that its name ends in."""
    if "_NS" in name:
        return length(int(value)) if value else "0"
    if "_BYTES" in name and not value % 1024:
        return f"{value // 1024**2:,} MiB" if not value % 1024**2 else f"{value // 1024:,} KiB"
    return f"{value:,} s" if name.endswith("_S") and not name.endswith("_PER_S") else f"{value:,}"


def length(length_ns: int) -> str:
    """A length of time, long ones in days."""
    days, rest = divmod(length_ns, NS_PER_DAY)
    return f"{days:,} days" if days > 1 and not rest else format_duration(length_ns)

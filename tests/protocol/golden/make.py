"""Writes the golden bytes: one file per message type that has none yet. An existing file is never rewritten.

Run it after adding a message: `python tests/protocol/golden/make.py`. A change that makes an existing file differ is a
change of the wire, and needs a new SCHEMA_VERSION and a new folder beside this one.
"""

import re
from pathlib import Path
from typing import Any

from msgspec import inspect
from watchkeeper.domain.specification.probes.kinds import KINDS
from watchkeeper.domain.specification.target import Target
from watchkeeper.protocol.codec import SCHEMA_VERSION, encode, registry

FOLDER = Path(__file__).parent / f"v{SCHEMA_VERSION}"
TEXTS = {
    "every": "30s",
    "timeout": "5s",
    "retry_every": "2s",
    "max_age": "1s",
    "window": "5m",
    "method": "GET",
}
PLAIN = {inspect.IntType: 7, inspect.FloatType: 0.5, inspect.BoolType: True, inspect.BytesType: b"\x00\xff"}


def of_struct(kind: inspect.StructType) -> object:
    """An instance with every field set to something that is not its default where its type allows."""
    fields = {field.name: of(field.type, field.name) for field in kind.fields}
    if kind.cls is Target:
        # A target has exactly one probe.
        fields |= dict.fromkeys(KINDS) | {"tcp": fields["tcp"]}
    return kind.cls(**fields)


def of_text(kind: inspect.StrType, name: str) -> str:
    """Returns a text that the pattern allows; a duration where the pattern is that of one."""
    if name in TEXTS:
        return TEXTS[name]
    if kind.pattern is not None and not re.search(kind.pattern, f"some {name}"):
        return "30s" if "ns|us" in kind.pattern else f"some-{name}-0123456789abcdef"
    return f"some {name}"


def of(kind: inspect.Type, name: str) -> Any:
    """A value of a type, the same in every run."""
    match kind:
        case inspect.StructType():
            return of_struct(kind)
        case inspect.StrType():
            return of_text(kind, name)
        case inspect.EnumType(cls=cls):
            return list(cls)[-1]
        case inspect.LiteralType(values=values):
            return values[-1]
        case inspect.UnionType(types=types):
            return of(
                next(one for one in types if not isinstance(one, inspect.NoneType | inspect.DictType)), name
            )
        case inspect.VarTupleType(item_type=inner):
            return (of(inner, name),)
        case inspect.TupleType(item_types=inners):
            return tuple(of(inner, name) for inner in inners)
        case inspect.Metadata(type=inner):
            return of(inner, name)
    return PLAIN[type(kind)]


def missing() -> dict[str, object]:
    """One message of every type that has no file, by its tag."""
    return {
        tag: of_struct(inspect.type_info(kind))
        for tag, kind in registry().items()
        if not (FOLDER / f"{tag}.msgpack").exists()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for tag, message in missing().items():
        (FOLDER / f"{tag}.msgpack").write_bytes(encode(message))

"""The JSON Schema of a configuration file, for editors and for other programs."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ...domain.specification.channel import Channel
from ...domain.specification.configuration import Configuration
from ...domain.specification.descriptions import descriptions
from ...domain.specification.probe import KINDS
from ...domain.specification.shape_words import plain_types
from ...domain.specification.target import Target

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Draft 2020-12, made from the very types that a file is converted to; a target may omit what `defaults` say."""
    (top,), parts = msgspec.json.schema_components([Configuration], ref_template="#/$defs/{name}")
    for specification in _specifications(Configuration, {}):
        _describe(parts[specification.__name__], specification)
    for specification in (Target, Channel):
        _exactly_one(parts[specification.__name__], specification.one_of)
    for probe in KINDS.values():
        _untagged(parts[probe.__name__])
    schema = {"$schema": _DIALECT, "title": "watchkeeper configuration", **top, "$defs": parts}
    plain: dict[str, Any] = json.loads(json.dumps(schema))
    return plain


def _untagged(part: dict[str, Any]) -> None:
    """In a file the key of the target says which probe it is; the tag is for messages."""
    part["properties"].pop("kind", None)
    part["required"] = [name for name in part["required"] if name != "kind"]


def _exactly_one(part: dict[str, Any], names: tuple[str, ...]) -> None:
    part["oneOf"] = [{"required": [name], "properties": {name: {"type": "object"}}} for name in names]


def _specifications(specification: type[Any], seen: dict[type[Any], None]) -> Iterator[type[Any]]:
    """Every struct that can be reached, each once."""
    if specification in seen:
        return
    seen[specification] = None
    yield specification
    for field in msgspec.structs.fields(specification):
        for found in _structs(msgspec.inspect.type_info(field.type)):
            yield from _specifications(found, seen)


def _structs(kind: msgspec.inspect.Type) -> Iterator[type[Any]]:
    for choice in plain_types(kind):
        match choice:
            case msgspec.inspect.StructType():
                yield choice.cls
            case msgspec.inspect.VarTupleType():
                yield from _structs(choice.item_type)
            case _:
                pass


def _describe(part: dict[str, Any], specification: Any) -> None:
    """Put the sentences that stand under the class and its fields in the source into the schema."""
    part["description"] = inspect.cleandoc(vars(specification)["__doc__"])
    encoded = dict(zip(specification.__struct_fields__, specification.__struct_encode_fields__, strict=True))
    for name, sentence in descriptions(specification).items():
        field = part["properties"][encoded[name]]
        field["description"] = f"{sentence} {field.get('description', '')}".strip()
    for tag in (field for field in part["properties"].values() if "description" not in field):
        tag["description"] = f"Says which kind it is: {tag['enum'][0]}."

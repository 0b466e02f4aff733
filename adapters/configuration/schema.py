"""The JSON Schema of a configuration file, for editors and for other programs."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ...domain import limits
from ...domain.specification.configuration import Configuration
from ...domain.specification.construction.descriptions import descriptions
from ...domain.specification.construction.shape_words import plain_types
from ...domain.specification.probes.kinds import KINDS
from .reuse import keys

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = r"\$\{"
"""A text that a variable, a file or the entry of a loop fills in: it may stand for a number or a truth, `${PORT}`."""
FILLED = rf"|{REFERENCE}"
"""Ends each pattern: a text of a certain form may be one that a variable or a file fills in, `${PAGERDUTY_KEY}`."""


def json_schema() -> dict[str, Any]:
    """Draft 2020-12, made from the very types that a file is converted to; a target may omit what `defaults` say."""
    (top,), parts = msgspec.json.schema_components([Configuration], ref_template="#/$defs/{name}")
    for specification in dict.fromkeys(_specifications(msgspec.inspect.type_info(Configuration))):
        part, keys = parts[specification.__name__], specification.one_of
        _describe(part, specification)
        if keys:
            given = {"not": {"type": "null"}}
            part["oneOf"] = [{"required": [key], "properties": {key: given}} for key in keys]
    for probe in KINDS.values():
        # In a file the key of the target says which probe it is; the tag is for messages.
        part = parts[probe.__name__]
        del part["properties"]["kind"]
        part["required"].remove("kind")
    _add_reuse(parts)
    schema = {"$schema": _DIALECT, "title": "watchkeeper configuration", **top, "$defs": parts}
    plain: dict[str, Any] = json.loads(json.dumps(schema), object_hook=_filled_later)
    return plain


def _add_reuse(parts: dict[str, Any]) -> None:
    """Adds the keys that are gone before the types are judged."""
    entry = {"type": ["string", "number", "boolean"]}
    entries = {"anyOf": [entry, {"type": "object", "additionalProperties": entry}]}
    http = {key: each for key, each in parts["Http"]["properties"].items() if key != "url"}
    parts["Defaults"]["properties"][keys.HTTP] = {
        "type": "object",
        "properties": http,
        "additionalProperties": False,
        "description": keys.HTTP_DEFAULTS,
    }
    target = parts["Target"]["properties"]
    target[keys.USE] = _one_or_several(keys.USED, limits.USES_MAX)
    target[keys.FOR_EACH] = {
        "type": "array",
        "items": entries,
        "minItems": 1,
        "maxItems": limits.TARGETS_MAX,
        "description": keys.LOOPED,
    }
    probes = {key: _partial(parts[kind.__name__]["properties"]) for key, kind in KINDS.items()}
    template = _partial({**target, **probes})
    whole = parts["Configuration"]
    whole["patternProperties"] = {f"^{keys.PRIVATE}": {}}
    whole["properties"][keys.INCLUDE] = _one_or_several(keys.INCLUDED, limits.INCLUDED_FILES_MAX)
    whole["properties"][keys.TEMPLATES] = {
        "type": "object",
        "additionalProperties": template,
        "description": keys.TEMPLATED,
    }
    # A target that uses a template may lack what the template states.
    at_template = f"#/$defs/Configuration/properties/{keys.TEMPLATES}/additionalProperties"
    whole["properties"]["targets"]["items"] = {
        "if": {"required": [keys.USE]},
        "then": {"$ref": at_template},
        "else": {"$ref": "#/$defs/Target"},
    }


def _one_or_several(description: str, most: int) -> dict[str, Any]:
    several = {"type": "array", "items": {"type": "string"}, "maxItems": most}
    return {"anyOf": [{"type": "string"}, several], "description": description}


def _partial(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _filled_later(node: dict[str, Any]) -> dict[str, Any]:
    kind = node.get("type")
    if isinstance(kind, str) and kind in {"integer", "number", "boolean"}:
        return node | {"type": [kind, "string"], "pattern": REFERENCE}
    return node | {"pattern": node["pattern"] + FILLED} if isinstance(node.get("pattern"), str) else node


def _specifications(kind: msgspec.inspect.Type) -> Iterator[Any]:
    """Every specification that can be reached, some of them more than once."""
    for choice in plain_types(kind):
        match choice:
            case msgspec.inspect.StructType():
                yield choice.cls
                for field in choice.fields:
                    yield from _specifications(field.type)
            case msgspec.inspect.VarTupleType():
                yield from _specifications(choice.item_type)
            case msgspec.inspect.DictType():
                yield from _specifications(choice.value_type)
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

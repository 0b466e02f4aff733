"""The OpenAPI 3.1 document, made from the route table and the types of its answers."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from starlette.responses import Response

from ...domain.specification.probes.kinds import KINDS
from ...domain.specification.text import NAME_PATTERN
from ..problems import PROBLEM_TYPE, ProblemDocument
from ..shapes.answers import SILENCE_ID, NoQuery
from ..shapes.token_answers import NEW_NAME
from ..table import ApiCall, ApiRoute, Unlocked

_PARAMETER = re.compile(r"\{(\w+)\}")
_EXACTLY_ONE = {"SilenceBody": ("length", "until")}
"""The keys of a body of which exactly one is given, which its type cannot say."""
_FORMS = {
    "silence": f"^{SILENCE_ID}$",
    "announcement": f"^{SILENCE_ID}$",
    "target": NAME_PATTERN,
    "token": f"^{NEW_NAME}$",
}
"""The forms of ids that a request may choose."""
_PARAMETERS = {
    "target": "The id of a target.",
    "incident": "The id of an incident, such as `inc_0123456789abcdef01234567`.",
    "silence": "The id of a silence, chosen by its author.",
    "announcement": "The id of an announcement, chosen by its author.",
    "channel": "The id of a channel.",
    "key": "The key of a notice, or of a heartbeat.",
    "token": "The name of a token.",
    "signal": "`start`, `fail`, `log`, or an exit status from 0 to 255.",
}


async def openapi(call: ApiCall) -> Response:
    """Returns the document of the routes that are served."""
    return Response(call.request.app.state.document, media_type="application/json")


def document_of(routes: Iterable[ApiRoute]) -> bytes:
    """Returns the document as JSON."""
    table = tuple(routes)
    types = [kind for route in table for kind in (route.answer, route.body) if kind is not None]
    schemas, components = msgspec.json.schema_components(
        [ProblemDocument, *types], ref_template="#/components/schemas/{name}"
    )
    for name, choices in _EXACTLY_ONE.items():
        if name in components:
            components[name]["oneOf"] = [
                {"required": [key], "properties": {key: {"type": "string"}}} for key in choices
            ]
    _as_in_a_file(components)
    of_type = dict(zip(map(str, [ProblemDocument, *types]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, of_type)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "watchkeeper", "version": "1", "license": {"name": "MIT", "identifier": "MIT"}},
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _as_in_a_file(components: dict[str, Any]) -> None:
    """Describes a target as a configuration states it: its key says which probe it is; its id stands in the path."""
    if "Target" not in components:
        return
    components["Target"]["required"].remove("id")
    components["Target"]["oneOf"] = [
        {"required": [key], "properties": {key: {"type": "object"}}} for key in KINDS
    ]
    for probe in KINDS.values():
        part = components[probe.__name__]
        del part["properties"]["kind"]
        part["required"].remove("kind")
    for part in ("Target", *(probe.__name__ for probe in KINDS.values())):
        properties = components[part]["properties"]
        properties.update({key: _as_mapping(schema) for key, schema in properties.items()})


def _as_mapping(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of a value; of one that is a mapping or a list of pairs, as a program may write it, the mapping."""
    choices = schema.get("anyOf", ())
    if not any(each.get("type") == "object" for each in choices):
        return schema
    return {**schema, "anyOf": [each for each in choices if each.get("type") != "array"]}


def _operation(route: ApiRoute, of_type: dict[str, Any]) -> dict[str, Any]:
    is_open = isinstance(route.role, Unlocked)
    operation: dict[str, Any] = {
        "operationId": f"{route.operation}_{route.method.lower()}" if route.name else route.operation,
        "summary": route.does,
        "description": f"Open: {route.role.value}."
        if isinstance(route.role, Unlocked)
        else f"Role: {route.role}.",
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {
            "200": _answered(route, of_type),
            "default": {
                "description": "A refusal, which says why.",
                "content": _plain() if is_open else {PROBLEM_TYPE: {"schema": of_type[str(ProblemDocument)]}},
            },
        },
    }
    if not is_open:
        # Programs of the same machine may read without a token.
        operation["security"] = [{"token": []}, *([{}] if route.method == "GET" else [])]
    if route.is_command and route.answer is not None:
        said = {**_answered(route, of_type), "description": "Accepted; it is not over or not durable yet."}
        operation["responses"]["202"] = said
    if route.method == "GET" and route.answer is not None:
        operation["responses"]["304"] = {"description": "Unchanged since the entity tag of `If-None-Match`."}
    if route.body is not None:
        operation["requestBody"] = {
            "required": bool(_required(route.body)),
            "content": {"application/json": {"schema": of_type[str(route.body)]}},
        }
    return operation


def _required(body: type[Any]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(body)]


def _answered(route: ApiRoute, of_type: dict[str, Any]) -> dict[str, Any]:
    if route.answer is not None:
        return {
            "description": "The state as it is now.",
            "content": {"application/json": {"schema": of_type[str(route.answer)]}},
        }
    media = {"events": "text/event-stream", "openapi": "application/json"}.get(route.operation, "text/plain")
    schema = {"type": "object"} if media == "application/json" else {"type": "string"}
    return {"description": "The answer.", "content": {media: {"schema": schema}}}


def _plain() -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    return {"text/plain": text, PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}


def _path_parameters(route: ApiRoute) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1, "maxLength": 128, **_form(route, name)},
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _form(route: ApiRoute, parameter: str) -> dict[str, str]:
    if route.method == "PUT" and route.path.endswith(f"{{{parameter}}}"):
        return {"pattern": _FORMS[parameter]} if parameter in _FORMS else {}
    return {}


@cache
def _query_parameters(route: ApiRoute) -> list[dict[str, Any]]:
    if route.query is NoQuery:
        return []
    _, components = msgspec.json.schema_components([route.query], ref_template="#/components/schemas/{name}")
    fields = components[route.query.__name__]["properties"]
    return [
        {"name": name, "in": "query", "schema": _inlined(schema, components)}
        for name, schema in fields.items()
    ]


def _inlined(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of a parameter without `null`, which a query cannot say, and with its enumerations in place."""
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    flat = choices[0] if len(choices) == 1 else schema
    if "$ref" in flat:
        flat = components[flat["$ref"].rpartition("/")[2]]
    if "enum" in flat:
        flat = {**flat, "enum": [value for value in flat["enum"] if value is not None]}
    return {key: value for key, value in flat.items() if key not in {"default", "title"} or value is not None}

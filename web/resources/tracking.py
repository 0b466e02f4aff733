"""`PUT` and `DELETE /targets/{target}`: targets that are watched beside those of the configuration."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ...domain.errors import ConfigurationError, UsageError
from ...domain.specification.construction.shape import SECRETS
from ...domain.specification.problem import Path, Problem, capped
from ...domain.specification.text import MASK
from ..problems import Fault, Refusal
from ..shapes.answers import TargetRow
from ..shapes.documents import text_of
from ..table import Accepted, ApiCall
from .reading import target_as_it_is

WRONG = "the target cannot be watched as it is"


def read_object(raw: bytes) -> dict[str, Any]:
    """Returns the plain data of a body. Raises: DecodeError or ValidationError, of msgspec, where it is no JSON object."""
    plain: dict[str, Any] = _whole_numbers(msgspec.json.decode(raw, type=dict[str, Any]))
    return plain


def _whole_numbers(value: Any) -> Any:
    """Returns plain data in which `5.0` is 5, as JSON has it."""
    match value:
        case dict():
            return {key: _whole_numbers(item) for key, item in value.items()}
        case list():
            return [_whole_numbers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value


async def put_target(call: ApiCall) -> TargetRow | Accepted:
    """Watches a target, or replaces one that was put here.

    Raises: Refusal with every problem of the target, and of a target that the configuration or a program states.
    """
    name, data = call.path["target"], call.body
    target, problems, is_misshapen = call.operations.read_target({**data, "id": name})
    found = [*_of_id(data, name), *problems, *_masked(data, ())]
    if found:
        raise Refusal(400 if is_misshapen else 409, WRONG, faults_of(found))
    try:
        call.operations.track(target)
    except ConfigurationError as error:
        raise Refusal(409, WRONG, [Fault("", problem) for problem in error.problems]) from None
    except UsageError as error:
        raise Refusal(409, str(error)) from None
    settled = await call.operations.settled()
    row = await target_as_it_is(call, settled.status)
    return row if settled.is_durable else Accepted(row)


async def delete_target(call: ApiCall) -> TargetRow | Accepted:
    """Stops watching a target that was put here; returns it as it was.

    Raises: UnknownName; Refusal of a target that the configuration or a program states.
    """
    row = await target_as_it_is(call)
    try:
        call.operations.untrack(row.id)
    except UsageError as error:
        raise Refusal(409, str(error)) from None
    return row if (await call.operations.settled()).is_durable else Accepted(row)


def _of_id(data: dict[str, Any], name: str) -> Iterator[Problem]:
    if data.get("id", name) != name:
        yield Problem(("id",), "it is another one than that of the path: leave it out here")


def _masked(value: Any, path: Path) -> Iterator[Problem]:
    """Yields each secret that is the mask of one: what an answer shows is not what was written."""
    match value:
        case dict():
            for key, item in value.items():
                yield from _masked(item, (*path, key))
        case list():
            for at, item in enumerate(value):
                yield from _masked(item, (*path, at))
        case str() if value == MASK and not SECRETS.isdisjoint(path):
            yield Problem(path, f"{MASK} stands for a secret that no answer shows: write the secret itself")


def faults_of(problems: Iterable[Problem]) -> list[Fault]:
    """Returns each problem with its place as a JSON pointer."""
    every = [Fault(_pointer(problem.path), text_of(problem.text)) for problem in problems]
    told = capped([each.detail for each in every])
    return (
        [*every[: len(told)]] if len(told) >= len(every) else [*every[: len(told) - 1], Fault("", told[-1])]
    )


def _pointer(path: Path) -> str:
    return "".join("/" + text_of(str(step)).replace("~", "~0").replace("/", "~1") for step in path)

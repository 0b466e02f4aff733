"""Silences: those in force, what one would mute, and the commands that begin, change and end one."""

import re
from collections.abc import Iterable

from ...domain.errors import UnknownName
from ...domain.incidents.record import ALL, AllTargets, Silence
from ...domain.read_model.silence_preview import preview_of
from ...domain.specification.matcher import Matcher
from ...host.silencing import names_one, scope_of
from ..limits import LIST_MAX
from ..pacing import sliced
from ..problems import Fault, Refusal
from ..shapes.answers import SILENCE_ID, Listed, PreviewAnswer, SilenceRow
from ..shapes.documents import silence_row, time_or_none
from ..shapes.ends import end_ns
from ..table import Accepted, ApiCall
from .reading import page_of


async def silences(call: ApiCall) -> Listed[SilenceRow]:
    found = await call.operations.status()
    in_order = sorted(found.silences, key=lambda silence: silence.id)
    page, following = page_of(in_order, lambda silence: silence.id, call.query)
    return Listed(items=await sliced(page, silence_row), next=following)


async def silence(call: ApiCall) -> SilenceRow:
    """Returns a silence. Raises: UnknownName where none of this id is in force."""
    name = call.path["silence"]
    for each in (await call.operations.status()).silences:
        if each.id == name:
            return silence_row(each)
    raise UnknownName(f"no silence in force has the id {name!r}")


async def preview(call: ApiCall) -> PreviewAnswer:
    """Returns what a silence would mute. Raises: UnknownName; Refusal of matchers and ends that make no sense."""
    query = call.query
    target, matchers = _scope(call, query.target, query.match)
    until_ns = None
    if query.length is not None and query.until is not None:
        raise Refusal(409, "a silence has a length or an end: give at most one of the two")
    if query.length is not None or query.until is not None:
        until_ns = end_ns("a silence", query.length, query.until, call.operations.now_ns())
    found = await call.operations.status(fresh=True)
    muted, match = scope_of(target, matchers)
    shown = preview_of(
        Silence(id="", target=muted, match=match, until_ns=until_ns or 0),
        {each.id: each.metadata for each in found.targets},
        found.incidents,
    )
    return PreviewAnswer(
        targets=len(shown.targets),
        target_ids=list(shown.targets[:LIST_MAX]),
        open_incidents=[each.id for each in shown.incidents],
        until=time_or_none(until_ns),
    )


async def put_silence(call: ApiCall) -> SilenceRow | Accepted:
    """Begins or changes a silence. Raises: UnknownName; Refusal of an id, a matcher or an end that makes no sense."""
    name, body = call.path["silence"], call.body
    if not re.fullmatch(SILENCE_ID, name):
        raise Refusal(400, "the id of a silence has 1 to 64 letters, digits, dots, hyphens or underscores")
    target, matchers = _scope(call, body.target, body.match)
    until_ns = end_ns("a silence", body.length, body.until, call.operations.now_ns())
    author, reason = call.author.name, body.reason
    await call.operations.obeyed(
        lambda: call.operations.mute(
            name, target=body.target, match=matchers, until_ns=until_ns, by=author, reason=reason
        )
    )
    settled = await call.operations.settled()
    if settled.is_durable and settled.status is not None:
        for each in settled.status.silences:
            if each.id == name:
                return silence_row(each)
    muted, match = scope_of(target, matchers)
    made = Silence(id=name, target=muted, match=match, until_ns=until_ns, by=author, reason=reason)
    return Accepted(silence_row(made))


async def delete_silence(call: ApiCall) -> SilenceRow | Accepted:
    """Ends a silence; returns it as it was. Raises: UnknownName where none of this id is in force."""
    name = call.path["silence"]
    found = (await call.operations.status(fresh=True)).silences
    await call.operations.obeyed(lambda: call.operations.verbs.unsilence(name, by=call.author.name))
    was = next((silence_row(each) for each in found if each.id == name), None)
    if was is None:
        raise UnknownName(f"no silence in force has the id {name!r}")
    return was if (await call.operations.settled()).is_durable else Accepted(was)


def _scope(call: ApiCall, name: str | None, texts: Iterable[str]) -> tuple[str | AllTargets, tuple[str, ...]]:
    """Returns the target and the matchers of a silence.

    Raises: UnknownName for an id of a target that is not watched; Refusal with every text that is no matcher.
    """
    matchers, faults = tuple(texts), []
    for at, text in enumerate(matchers):
        try:
            Matcher.parse(text)
        except ValueError as error:
            faults.append(Fault(f"/match/{at}", str(error)))
    if faults:
        raise Refusal(409, "a matcher cannot be read", faults)
    if name is not None and names_one(name):
        call.operations.target(name)
    return ALL if name is None else name, matchers

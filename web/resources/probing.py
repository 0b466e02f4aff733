"""Routes for machines: whether the runtime lives, and pings of jobs. They answer with a word."""

import asyncio

import msgspec
from starlette.responses import PlainTextResponse, Response

from ...domain.errors import UnknownName, WatchkeeperError
from ...domain.line import one_line
from ..limits import PING_BODY_BYTES_MAX
from ..pings import PingKind
from ..shapes.answers import Words
from ..table import ApiCall

_SIGNALS: dict[str, PingKind] = {"": "success", "start": "start", "fail": "fail", "log": "log"}
ANSWER_WITHIN_S = 1.0


class PingQuery(msgspec.Struct, frozen=True):
    """The run of a job, which joins its start with its end; other parameters, which healthchecks knows, are ignored."""

    rid: Words | None = None


async def healthz(call: ApiCall) -> Response:
    """Answers `ok` where the runtime's own loop answers within a second."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await call.operations.status()
    except (WatchkeeperError, TimeoutError):
        return PlainTextResponse("not ok\n", 503)
    return PlainTextResponse("ok\n")


async def readyz(call: ApiCall) -> Response:
    """Answers `ready` where the runtime runs and has no problem with its store."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            status = await call.operations.status()
    except (WatchkeeperError, TimeoutError):
        return PlainTextResponse("not ready\n", 503)
    is_ready = all(part != "store" for part, _ in status.problems)
    return PlainTextResponse("ready\n" if is_ready else "not ready\n", 200 if is_ready else 503)


async def ping(call: ApiCall) -> Response:
    """Reports for the heartbeat of the key. An unknown key and an unknown signal look alike."""
    kind, exit_status = _meaning(call.path.get("signal", ""))
    target = call.services.pings.target_of(call.path["key"])
    if target is None or kind is None:
        return PlainTextResponse("not found\n", 404)
    body = (await _kept_body(call)).decode("utf-8", "replace")
    run = call.query.rid and one_line(call.query.rid, 64)
    try:
        await call.services.pings.take(target, kind, exit_status, run, body)
    except UnknownName:
        return PlainTextResponse("not found\n", 404)
    except (WatchkeeperError, TimeoutError):
        return PlainTextResponse("busy\n", 503, headers={"retry-after": "2"})
    return PlainTextResponse("OK")


def _meaning(signal: str) -> tuple[PingKind | None, int | None]:
    if signal in _SIGNALS:
        return _SIGNALS[signal], None
    if signal.isascii() and signal.isdigit() and len(signal) <= 3 and int(signal) <= 255:
        return ("fail" if int(signal) else "success"), int(signal)
    return None, None


async def _kept_body(call: ApiCall) -> bytes:
    """Reads the whole body and keeps its beginning; the time for it is bounded by the connection."""
    kept = bytearray()
    async for part in call.request.stream():
        kept += part[: PING_BODY_BYTES_MAX - len(kept)]
    return bytes(kept)

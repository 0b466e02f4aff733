"""The event stream of one client."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .. import limits
from ..hub import Frame, Hub, Stream, wanted_kinds
from ..origin import SOCKET, is_loopback
from ..shapes.answers import Words
from ..table import ApiCall


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events: kinds, with commas between them, and one target; by default all."""

    types: Words | None = None
    target: Words | None = None


async def events(call: ApiCall) -> Response:
    """Opens a stream; `Last-Event-ID` resumes an earlier one."""
    kinds = wanted_kinds(call.query.types)
    targets: frozenset[str] = frozenset()
    if call.query.target is not None:
        targets = frozenset({call.operations.target(call.query.target).id})
    where, hub = call.author.where, call.services.hub
    counts = where != SOCKET and not is_loopback(where)
    stream = await hub.join(where, counts_address=counts, may_still=call.author.may_still)
    hub.resume(stream, _last_of(call.request))
    return EventStream(hub, stream, kinds, targets)


def _last_of(request: Request) -> int | None:
    last = request.headers.get("last-event-id", "")
    return int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None


class EventStream(Response):
    """Writes frames until the client leaves or its stream is lost."""

    def __init__(self, hub: Hub, stream: Stream, kinds: frozenset[str], targets: frozenset[str]) -> None:
        super().__init__(
            None,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
            media_type="text/event-stream",
        )
        del self.headers["content-length"]
        self._hub = hub
        self._stream = stream
        self._kinds = kinds | {"beat", "reset"}
        self._targets = targets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(_left(receive, self._stream))

        async def write(message: dict[str, Any]) -> None:
            # Our own server aborts such a connection; that of a host would wait for ever.
            async with asyncio.timeout(limits.WRITE_WITHIN_S):
                await send(message)

        try:
            await write({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                self._stream.close()
            await write(_part(b"retry: %d\n\n" % limits.RETRY_MS))
            while frames := await self._stream.next():
                told = [frame for frame in frames if self._tells(frame)]
                if told:
                    await write(_part(b"".join(frame.text(self._targets) for frame in told)))
            await write({"type": "http.response.body", "body": b"", "more_body": False})
        except (ClientDisconnect, OSError):
            pass
        finally:
            leaving.cancel()
            self._hub.leave(self._stream)

    def _tells(self, frame: Frame) -> bool:
        if frame.kind not in self._kinds:
            return False
        return not self._targets or frame.is_of(self._targets)


async def _left(receive: Receive, stream: Stream) -> None:
    """Ends the stream when its client has gone."""
    message: dict[str, Any] = {"type": ""}
    while message["type"] != "http.disconnect":
        message = dict(await receive())
    stream.close()


def _part(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}

"""The hub of the event stream: one reading of the runtime for all clients, in frames that are few and small."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeAlias

import msgspec

from ..domain.errors import WatchkeeperError
from ..domain.incidents.announcement import Announcement
from ..domain.incidents.record import Silence
from ..domain.observation.sample import Sample
from ..domain.read_model.event import (
    Event,
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    RoleChanged,
    SampleSeen,
    WentBlind,
)
from ..domain.read_model.status import RuntimeStatus, TargetStatus
from ..domain.rules.aggregate import Status
from ..domain.units import NS_PER_MS
from ..host.access.operations import Operations
from ..host.subscriptions import Subscription
from . import limits
from .origin import always
from .pacing import Pacing, sliced
from .problems import Refusal
from .shapes.documents import incident_row, text_of, time_of

logger = logging.getLogger(__name__)
StatusEntry: TypeAlias = tuple[str, int, str]
"""The status of a target as the stream tells it (`paused` and `gone` are some), since when in milliseconds, and why."""
GONE = "gone"
KINDS = ("status", "incident", "notice", "silence", "announcement", "self")


class Frame:
    """One event of the stream."""

    def __init__(self, number: int, kind: str, data: Any) -> None:
        """`kind` is `status`, `incident`, `notice`, `silence`, `announcement`, `self`, `beat` or `reset`."""
        self.number = number
        self.kind = kind
        self.data = data

    @cached_property
    def _whole(self) -> bytes:
        """The bytes for all clients that hear of every target: made once, not for each of them."""
        return self._encoded(self.data)

    def is_of(self, targets: frozenset[str]) -> bool:
        """Whether it tells of one of these targets, or of none at all, as those of the runtime itself do."""
        match self.kind:
            case "status":
                return not targets.isdisjoint(self.data["k"])
            case "incident":
                return self.data.target in targets
            case "notice":
                return self.data["target"] in targets
            case _:
                return True

    def text(self, targets: frozenset[str]) -> bytes:
        """Returns the bytes of the frame, of a status frame only what is of these targets (none: all)."""
        if not targets or self.kind != "status":
            return self._whole
        return self._encoded(
            {"k": {name: entry for name, entry in self.data["k"].items() if name in targets}}
        )

    def _encoded(self, data: Any) -> bytes:
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (
            self.number,
            self.kind.encode(),
            msgspec.json.encode(data),
        )


class Stream:
    """The queue of one client. A full one is lost: the client comes back and resumes."""

    def __init__(self, where: str, may_still: Callable[[], bool] = always) -> None:
        self.where = where
        self._may_still = may_still
        self._frames: deque[Frame] = deque()
        self._came = asyncio.Event()
        self.is_lost = False

    def offer(self, frame: Frame) -> None:
        """Queues a frame; never waits. A client whose token was revoked hears nothing more."""
        if len(self._frames) >= limits.STREAM_QUEUE_MAX or not self._may_still():
            self.close()
        elif not self.is_lost:
            self._frames.append(frame)
            self._came.set()

    def close(self) -> None:
        """Ends the stream; what is queued is not sent."""
        self.is_lost = True
        self._frames.clear()
        self._came.set()

    def end_where_forbidden(self) -> None:
        """Ends the stream of a client that may not listen any more."""
        if not self.is_lost and not self._may_still():
            self.close()

    async def next(self) -> list[Frame]:
        """Waits for frames; returns none where the stream has ended."""
        await self._came.wait()
        frames = list(self._frames)
        self._frames.clear()
        if not self.is_lost:
            self._came.clear()
        return frames


class Hub:
    """Owns the streams of a site, the ring of the newest frames and, while anybody listens, one subscription."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._ring: deque[Frame] = deque(maxlen=limits.RING_FRAMES_MAX)
        # Numbers of an earlier process are below: a client that comes back with one of them is told to begin anew.
        self._number = operations.now_ns() // NS_PER_MS
        self._streams: set[Stream] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._beginning = asyncio.Lock()
        self._shown: dict[str, StatusEntry] = {}
        self._silences: tuple[Silence, ...] = ()
        self._announcements: tuple[Announcement, ...] = ()
        self._changed: dict[str, StatusEntry] = {}
        self._compared: dict[str, TargetStatus] = {}
        """The status of each target that `_shown` and `_changed` have taken in: a target without a change keeps its own."""
        self._heard: set[str] = set()
        """The targets of which an event told while the status was asked for and compared: it is newer than that status."""

    @property
    def listeners(self) -> int:
        return len(self._streams)

    async def join(
        self, where: str, *, counts_address: bool, may_still: Callable[[], bool] = always
    ) -> Stream:
        """Opens a stream, on which every change from now on is told, while `may_still` says yes.

        Raises: Refusal where there are too many, of all clients or of this address; UsageError while the runtime is stopped.
        """
        of_address = Counter(stream.where for stream in self._streams)[where]
        if len(self._streams) >= limits.STREAMS_MAX or (
            counts_address and of_address >= limits.STREAMS_PER_ADDRESS_MAX
        ):
            raise Refusal(429, "too many streams are open: close one", headers=[("retry-after", "10")])
        stream = Stream(where, may_still)
        self._streams.add(stream)
        self._operations.metrics.traffic.stream_changed(1)
        try:
            async with self._beginning:
                if not self._tasks:
                    await self._begin()
        except BaseException:
            self.leave(stream)
            raise
        return stream

    async def _begin(self) -> None:
        """Starts to read: first the events, then the status that they change, so that nothing is missed in between."""
        events = self._operations.verbs.subscribe(samples=True)
        try:
            status = await self._operations.status(fresh=True)
            self._compared, self._silences = {}, status.silences
            await sliced(status.targets, self._compare)
            self._shown, self._changed = self._changed, {}
            self._announcements = status.announcements
        except BaseException:
            events.close()
            raise
        self._tasks = [
            asyncio.create_task(work)
            for work in (
                self._follow(events),
                self._compare_regularly(),
                self._send_regularly(),
                self._beat(),
            )
        ]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Ends the streams where a part of the hub ended: a client that comes back starts all of it again."""
        if task.cancelled():
            return
        if error := task.exception():
            logger.error("The event stream ended by an internal fault", exc_info=error)
        self.close()

    def resume(self, stream: Stream, last: int | None) -> None:
        """Queues what came after the frame `last`; a reset where that is unknown, and at first."""
        missed = [frame for frame in self._ring if last is not None and frame.number > last]
        oldest = self._ring[0].number if self._ring else self._number + 1
        if (
            last is None
            or last > self._number
            or last < oldest - 1
            or len(missed) > limits.STREAM_QUEUE_MAX // 2
        ):
            stream.offer(Frame(self._number, "reset", {}))
            return
        for frame in missed:
            stream.offer(frame)

    def leave(self, stream: Stream) -> None:
        """Closes a stream; with the last one the hub stops reading."""
        if stream in self._streams:
            self._streams.discard(stream)
            self._operations.metrics.traffic.stream_changed(-1)
        stream.close()
        if not self._streams:
            self._rest()

    def close(self) -> None:
        """Ends every stream."""
        for stream in tuple(self._streams):
            self.leave(stream)

    def _rest(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        # Changes are not noted without listeners, so that the frames so far do not lead to the next one.
        self._shown, self._changed, self._compared = {}, {}, {}
        self._heard.clear()
        self._ring.clear()
        self._number += 1

    def _reset(self) -> None:
        """Tells every client to ask for the status anew, also those that come back."""
        self._ring.clear()
        self._number += 1
        self._offer(Frame(self._number, "reset", {}))

    def _offer(self, frame: Frame) -> None:
        """Queues a frame for every client. One that is lost gives its place away, though its last write may still wait."""
        for stream in tuple(self._streams):
            stream.offer(frame)
            if stream.is_lost:
                self.leave(stream)

    def _send(self, kind: str, data: Any) -> None:
        if kind != "beat":
            self._number += 1
        frame = Frame(self._number, kind, data)
        if kind != "beat":
            self._ring.append(frame)
        self._offer(frame)

    # Events and comparisons.

    async def _follow(self, events: Subscription) -> None:
        dropped, pace, now_s, done_s = 0, Pacing(), asyncio.get_running_loop().time, 0.0
        with events:
            async for event in events:
                has_waited = now_s() - done_s > limits.SLICE_S
                if events.dropped > dropped:
                    # This thread was too slow for a moment: clients ask anew instead of believing what is out of date.
                    dropped = events.dropped
                    self._reset()
                before = self._number
                self._take(event)
                if self._number > before:
                    # Queued events come without a wait: clients that read must be able to keep up with a burst of them.
                    await asyncio.sleep(0)
                if has_waited:
                    # The event that comes after a wait wakes this thread up: not each of 500 a second is to do that.
                    await asyncio.sleep(limits.EVENTS_EVERY_S)
                    pace = Pacing()
                elif pace.is_over:
                    await pace.rest()
                done_s = now_s()
        # The runtime has ended, and with this task every stream: clients come back when it runs again.

    def _take(self, event: Event) -> None:
        match event:
            case SampleSeen(sample=sample, status=status):
                self._show(sample.target, _entry_of_sample(sample, status))
            case IncidentChanged(incident=incident):
                self._send("incident", incident_row(incident))
            case NoticeEnded(notice=notice, delivery=delivery):
                told = {"key": notice.key, "channel": notice.channel, "state": delivery.state.value}
                of = {"incident": notice.incident.id, "target": text_of(notice.incident.target)}
                self._send("notice", {**told, **of, "attempts": delivery.attempts})
            case HealthChanged(part=part, detail=detail):
                self._send("self", {"part": part, "detail": detail})
            case RoleChanged(role=role, detail=detail):
                self._send("self", {"role": role, "detail": detail})
            case WentBlind(interval=interval):
                ends = {
                    "started_at": time_of(interval.started_at_ns),
                    "ended_at": time_of(interval.ended_at_ns),
                }
                self._send("self", {"blind": {**ends, "cause": interval.cause}})

    def _show(self, target: str, entry: StatusEntry) -> None:
        """Notes a status that differs from the last one that was sent; the paused state is known by comparing alone."""
        shown = self._changed.get(target) or self._shown.get(target)
        if shown is not None and (shown[0], shown[2]) != (entry[0], entry[2]) and shown[0] != "paused":
            self._changed[target] = entry
            self._heard.add(target)

    async def _send_regularly(self) -> None:
        while True:
            await asyncio.sleep(limits.FRAME_EVERY_S)
            for stream in tuple(self._streams):
                stream.end_where_forbidden()
            if self._changed:
                changed, self._changed = self._changed, {}
                self._shown |= changed
                # One that is gone is told once: the next comparison would find it gone again.
                for name in [name for name, entry in changed.items() if entry[0] == GONE]:
                    del self._shown[name]
                self._send("status", {"k": changed})

    async def _compare_regularly(self) -> None:
        while True:
            await asyncio.sleep(limits.COMPARED_EVERY_S)
            # After a restart the next comparison shows what has changed.
            with suppress(WatchkeeperError, TimeoutError):
                self._heard.clear()
                status = await self._operations.status(fresh=True)
                await sliced(status.targets, self._compare)
                self._take_rest(status)

    def _compare(self, target: TargetStatus) -> None:
        """Notes the status of a target where it differs from the last one that was sent."""
        name = target.id
        if self._compared.get(name) is target or name in self._heard or name in self._changed:
            # The events are quicker than a status that was asked for a moment before: they have the last word.
            return
        self._compared[name] = target
        entry = _entry_of(target)
        if self._shown.get(name) != entry:
            self._changed[name] = entry

    def _take_rest(self, status: RuntimeStatus) -> None:
        """Notes the targets that are gone, and tells what stands otherwise."""
        gone = self._shown.keys() - {target.id for target in status.targets}
        self._changed |= dict.fromkeys(
            gone - self._changed.keys(), (GONE, self._operations.now_ns() // NS_PER_MS, "")
        )
        for name in gone:
            self._compared.pop(name, None)
        if status.silences != self._silences:
            self._silences = status.silences
            self._send("silence", {"in_force": [text_of(silence.id) for silence in status.silences]})
        if status.announcements != self._announcements:
            self._announcements = status.announcements
            self._send("announcement", {"standing": [text_of(each.id) for each in status.announcements]})

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(limits.BEAT_EVERY_S)
            self._send("beat", {"at": time_of(self._operations.now_ns())})


def _entry_of(target: TargetStatus) -> StatusEntry:
    since_ms = target.since_ns // NS_PER_MS
    if target.paused:
        return "paused", since_ms, ""
    return target.status.value, since_ms, target.explanation or _why(target.sample, target.status)


def _entry_of_sample(sample: Sample, status: Status) -> StatusEntry:
    """Returns the entry by a sample; where its status began earlier, the next comparison says so."""
    return status.value, sample.at.wall_ns // NS_PER_MS, _why(sample, status)


def _why(sample: Sample | None, status: Status) -> str:
    """Returns the reason without its figures, which change with every sample."""
    return "" if sample is None or status is Status.UP else sample.reason.value


def wanted_kinds(types: str | None) -> frozenset[str]:
    """Returns the kinds of frames that a client asks for. Raises: Refusal of an unknown kind."""
    if types is None:
        return frozenset(KINDS)
    asked = frozenset(types.split(","))
    if unknown := asked - set(KINDS):
        raise Refusal(400, f"there are the types {', '.join(KINDS)}, not {', '.join(sorted(unknown))!r}")
    return asked

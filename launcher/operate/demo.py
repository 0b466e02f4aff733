"""The demo: three servers that fail on a script, watched by a real runtime, told as `run` tells it and shown on its page."""

import secrets
import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

from ...adapters.clock import SystemClock
from ...domain.errors import WatchkeeperError
from ...domain.incidents.incident import TransitionKind
from ...domain.line import count_of
from ...domain.read_model.event import Event, IncidentChanged, NoticeEnded
from ...domain.read_model.status import RuntimeStatus
from ...domain.rules.aggregate import Status
from ...domain.time.moment import wall_text
from ...domain.units import NS_PER_MS, NS_PER_S
from ..output import ExitStatus
from ..streams import OutputLost
from .demo_servers import DemoAnswer, Receiver, Respond, serving
from .outputs import Output
from .scene import WatchedRuntime
from .signals import handled
from .terminal import TerminalOutput, output_for

INTRODUCTION = (
    "a demonstration: nothing of yours is watched, and nothing is left behind",
    "three servers on this machine fail on a script, and say when; a real runtime watches them as examples/demo.yaml says",
    "a receiver takes its notices, and verifies the signature of each",
)
ENDS_BY_ITSELF = "all ends by itself, mostly within 20 seconds; --stay goes on until it is stopped"
STAYS = "the script begins anew every 30 seconds; Ctrl-C ends it"
CONFIG = Path(__file__).parents[2] / "examples" / "demo.yaml"
WITHIN_S = 50.0
"""The end of a demo on a machine that is too busy for it."""
WARM_WITHIN_S, WARM_SAMPLES = 5.0, 3
"""The script waits until each target has answered well so often: the first answers of a machine that is just installing are slow."""
PERIOD_S = 30.0
"""How long the script lasts where the demo stays: its calm end is long enough to look at an incident that is over."""
SCRIPTED = frozenset({("shop", "down"), ("slow", "latency")})
"""The target and the rule of each incident that the script brings about. A busy machine may have others: its answers are slow, too."""
SLOW_FROM_S, SLOW_UNTIL_S = 3.0, 8.0
SLOW_ANSWER_S = 0.4
DOWN_FROM_S, DOWN_UNTIL_S = 2.0, 7.0
HEALTHY: DemoAnswer = (200, {"status": "ok"})
ON_FIRE: DemoAnswer = (503, {"status": "on fire"})


class Cue(NamedTuple):
    """A change of a server at some second of the script."""

    at_s: float
    text: str
    begins: str = ""
    """The server that is at fault from now on."""
    ends: str = ""
    """The server that is well from now on: as soon as the receiver knows of its incident, which on a busy machine takes longer."""


CUES = (
    Cue(0.0, "healthy, slow and shop answer well"),
    Cue(DOWN_FROM_S, "shop answers 503 from now on", begins="shop"),
    Cue(
        SLOW_FROM_S,
        f"slow takes {SLOW_ANSWER_S * 1_000:.0f} ms from now on, and its rule allows 200",
        begins="slow",
    ),
    Cue(DOWN_UNTIL_S, "shop answers well again", ends="shop"),
    Cue(SLOW_UNTIL_S, "slow is fast again", ends="slow"),
)


class Demo:
    """Counts the events so far, tells them, and decides when the demo is complete."""

    def __init__(self, clock: SystemClock, output: Output, *, stays: bool) -> None:
        self._clock = clock
        self._output = output
        self.stays = stays
        self.receiver = Receiver(secrets.token_urlsafe(24), lambda text: self.say("receiver", text))
        self._faults: set[str] = set()
        """The servers that are at fault."""
        self._open: set[tuple[str, str]] = set()
        self.scripted_opened: set[tuple[str, str]] = set()
        self.scripted_resolved: set[tuple[str, str]] = set()
        self._cycle = 0
        self._began = clock.read()
        self._cues = list(CUES)
        self.ended = threading.Event()
        self.opened = self.resolved = self.notices_ended = 0
        self.lost: OutputLost | None = None

    def elapsed_s(self) -> float:
        return self._clock.read().since(self._began) / NS_PER_S

    def _script_s(self) -> float:
        """The seconds since the script began, for the last time where it begins anew."""
        return self.elapsed_s() % PERIOD_S if self.stays else self.elapsed_s()

    @property
    def is_over(self) -> bool:
        """Whether its time is up, it was told to end, or its lines cannot be written."""
        return (
            self.ended.is_set() or self.lost is not None or (not self.stays and self.elapsed_s() >= WITHIN_S)
        )

    def is_warm(self, status: RuntimeStatus) -> bool:
        """Whether the servers and the runtime are ready and all is told, or have had enough time for that."""
        is_well = all(each.status is Status.UP and each.samples >= WARM_SAMPLES for each in status.targets)
        is_told = self.opened == self.resolved and self.notices_ended >= self.opened + self.resolved
        return (is_well and is_told) or self.elapsed_s() >= WARM_WITHIN_S

    def begin(self) -> None:
        """Sets the script to its beginning."""
        self._began = self._clock.read()
        self.scripted_opened, self.scripted_resolved = self._open & SCRIPTED, set()

    def say(self, word: str, text: str) -> None:
        """Tells a line. The servers' threads call it too, so an output error is kept for the main thread to raise."""
        if isinstance(self._output, TerminalOutput):
            self._output.say(text, word=word)
            return
        now = wall_text(self._clock.read().wall_ns)
        try:
            sys.stdout.write(f"{now} INFO {word}: {text}\n")
        except OutputLost as error:
            self.lost = error

    def introduce(self, runtime: WatchedRuntime) -> None:
        """Opens the page, and tells its address before anything else."""
        try:
            url = runtime.serve("127.0.0.1:0")
            self.say("demo", f"the page is at {url}/")
        except WatchkeeperError as error:  # the web libraries are an extra
            self.say("demo", f"there is no page: {error}")
        else:
            if isinstance(self._output, TerminalOutput):
                self._output.show("browser", runtime.sign_in_text())
        for line in (*INTRODUCTION, STAYS if self.stays else ENDS_BY_ITSELF):
            self.say("demo", line)

    def cue(self) -> None:
        """Tells what the script does from now on."""
        if self.stays and self.elapsed_s() >= (self._cycle + 1) * PERIOD_S:
            self._cycle += 1
            self._cues = list(CUES)
            self._faults = set()
        while self._cues and self._is_due(self._cues[0]):
            cue = self._cues.pop(0)
            self.say("script", cue.text)
            self._faults = (self._faults | {cue.begins}) - {cue.ends, ""}

    def _is_due(self, cue: Cue) -> bool:
        is_told = not cue.ends or self.receiver.knows(cue.ends, "incident.opened")
        return is_told and cue.at_s <= self._script_s()

    def slow(self, _: BaseHTTPRequestHandler) -> DemoAnswer:
        """Answers slowly while it is at fault, but not beyond the end of the demo."""
        if "slow" in self._faults:
            self.ended.wait(SLOW_ANSWER_S)
        return HEALTHY

    def shop(self, _: BaseHTTPRequestHandler) -> DemoAnswer:
        """Fails while it is at fault."""
        return ON_FIRE if "shop" in self._faults else HEALTHY

    def _count(self, of: tuple[str, str], change: TransitionKind) -> None:
        if change is TransitionKind.OPENED:
            self.opened += 1
            self._open.add(of)
            self.scripted_opened |= {of} & SCRIPTED
        elif change is TransitionKind.RESOLVED:
            self.resolved += 1
            self._open.discard(of)
            self.scripted_resolved |= {of} & SCRIPTED

    @property
    def is_as_scripted(self) -> bool:
        """Whether each incident of the script opened and resolved, and every notice of them has ended at the receiver."""
        return (
            self.scripted_opened == self.scripted_resolved == SCRIPTED
            and self.notices_ended >= self.opened + self.resolved
            and all(
                self.receiver.knows(target, kind)
                for target, _ in SCRIPTED
                for kind in ("incident.opened", "incident.resolved")
            )
        )

    @property
    def is_complete(self) -> bool:
        """Whether all that the script brings about is over and told; one that stays never is."""
        return not self.stays and not self._cues and not self._open & SCRIPTED and self.is_as_scripted

    def hear(self, event: Event) -> None:
        """Tells an event, and counts it."""
        try:
            self._output.event(event)
        except OutputLost as error:
            self.lost = error
        match event:
            case IncidentChanged(incident):
                self._count((incident.target, incident.rule), incident.change)
            case NoticeEnded():
                self.notices_ended += 1
            case _:
                pass


def run_demo(*, plain: bool, stay: bool) -> ExitStatus:
    """Runs the demo, which ends by itself within a minute, or stays until SIGINT or SIGTERM."""
    clock = SystemClock()
    output = output_for(plain=plain, log="text", clock=clock)
    try:
        return _shown(Demo(clock, output, stays=stay))
    finally:
        output.close()


def _shown(demo: Demo) -> ExitStatus:
    with ExitStack() as stack:
        # The folder and the servers are gone after SIGTERM, too.
        stack.enter_context(handled(signal.SIGTERM, signal.default_int_handler))
        if demo.stays:
            for number in (signal.SIGTERM, signal.SIGINT):
                stack.enter_context(handled(number, lambda *_: demo.ended.set()))
        responds: dict[str, Respond] = {
            "RECEIVER_PORT": demo.receiver.respond,
            "HEALTHY_PORT": lambda _: HEALTHY,
            "SLOW_PORT": demo.slow,
            "SHOP_PORT": demo.shop,
        }
        ports = {name: str(stack.enter_context(serving(respond))) for name, respond in responds.items()}
        stack.callback(demo.ended.set)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-demo-"))
        environment = {
            **ports,
            "DEMO_SECRET": demo.receiver.secret,
            "DEMO_STORE": str(Path(folder) / "demo.db"),
        }
        runtime = WatchedRuntime.from_config(CONFIG, environment, standby=False)
        events = stack.enter_context(runtime.subscribe())
        stack.enter_context(runtime)
        demo.introduce(runtime)
        while not demo.is_warm(runtime.status()) and not demo.is_over:
            if (event := events.get(timeout_s=0.1)) is not None:
                demo.hear(event)
        demo.begin()
        demo.say("demo", f"watching {runtime.scene(CONFIG).summary}")
        while not demo.is_over and not demo.is_complete:
            demo.cue()
            if (event := events.get(timeout_s=0.1)) is not None:
                demo.hear(event)
        status = runtime.status()
        ended = _summary(demo, status, left=bool(runtime.stop()))
        if demo.lost is not None:
            raise demo.lost
        return ended


def _summary(demo: Demo, status: RuntimeStatus, *, left: bool) -> ExitStatus:
    receiver = demo.receiver
    if demo.stays:
        demo.say(
            "summary", f"{demo.opened} incidents opened, {demo.resolved} resolved; nothing is left behind"
        )
        return ExitStatus.FAILED if receiver.refused else ExitStatus.FINE
    as_it_should = demo.is_as_scripted and not (receiver.refused or left)
    samples, lateness_ms = dict(status.counters).get("samples", 0), status.lateness.p99_ns / NS_PER_MS
    demo.say("summary", f"{samples} samples, scheduling lateness p99 {lateness_ms:.1f} ms")
    opened, resolved = len(demo.scripted_opened), len(demo.scripted_resolved)
    more = demo.opened - opened
    busy = f"; {count_of(more, 'other')} opened, as this machine is busy" if more > 0 else ""
    demo.say("summary", f"{opened} incidents opened, {resolved} resolved{busy}")
    demo.say(
        "summary",
        f"{len(receiver.applied)} notices applied by the receiver, {receiver.repeated} repeated, "
        f"{receiver.refused} refused",
    )
    demo.say("summary", ("everything as expected" if as_it_should else "NOT as expected"))
    return ExitStatus.FINE if as_it_should else ExitStatus.FAILED

"""The demo: three servers that fail on a script, watched by a real runtime; prints each event as it happens."""

import secrets
import sys
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from ...adapters.clock import SystemClock
from ...domain.incidents.incident import TransitionKind
from ...domain.read_model.event import Event, HealthChanged, IncidentChanged, NoticeEnded
from ...domain.read_model.status import RuntimeStatus
from ...domain.time.moment import wall_text
from ...domain.units import NS_PER_MS, NS_PER_S
from ...runtime import Runtime
from ..output import ExitStatus
from ..streams import OutputLost
from .demo_servers import DemoAnswer, Receiver, Respond, serving

CONFIG = Path(__file__).parents[2] / "examples" / "demo.yaml"
WITHIN_S = 25.0
RESOLVED_EXPECTED = 2
SLOW_FROM_S, SLOW_UNTIL_S = 3.0, 8.0
SLOW_ANSWER_S = 0.2
DOWN_FROM_S, DOWN_UNTIL_S = 2.0, 7.0
HEALTHY: DemoAnswer = (200, {"status": "ok"})
ON_FIRE: DemoAnswer = (503, {"status": "on fire"})


class Demo:
    """Counts the events so far, prints them, and decides when the demo is complete."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._began = self._clock.read()
        self.ended = threading.Event()
        self.opened = self.resolved = self.notices_ended = 0
        self.lost: OutputLost | None = None

    def elapsed_s(self) -> float:
        return self._clock.read().since(self._began) / NS_PER_S

    def say(self, text: str) -> None:
        """Prints a line. The servers' threads call it too, so an output error is kept for the main thread to raise."""
        try:
            sys.stdout.write(f"{self.elapsed_s():6.2f} s  {text}\n")
        except OutputLost as error:
            self.lost = error

    def slow(self, _: BaseHTTPRequestHandler) -> DemoAnswer:
        """Answers slowly between SLOW_FROM_S and SLOW_UNTIL_S, but not beyond the end of the demo."""
        if SLOW_FROM_S <= self.elapsed_s() < SLOW_UNTIL_S:
            self.ended.wait(SLOW_ANSWER_S)
        return HEALTHY

    def shop(self, _: BaseHTTPRequestHandler) -> DemoAnswer:
        """Fails for five seconds and recovers."""
        return ON_FIRE if DOWN_FROM_S <= self.elapsed_s() < DOWN_UNTIL_S else HEALTHY

    def hear(self, event: Event) -> bool:
        """Prints an event. Returns True when the demo is complete."""
        match event:
            case IncidentChanged(incident):
                self.opened += incident.change is TransitionKind.OPENED
                self.resolved += incident.change is TransitionKind.RESOLVED
                since = f"since {wall_text(incident.opened_at_ns)}"
                self.say(
                    f"incident    {incident.change.value}: {incident.target} ({incident.rule}, "
                    f"{incident.severity.value}) {since}: {incident.summary()}"
                )
            case NoticeEnded(notice, delivery):
                self.notices_ended += 1
                self.say(
                    f"notice      {delivery.state.value}: incident.{notice.change.value} of "
                    f"{notice.incident.target} to {notice.channel}, attempt {delivery.attempts}"
                )
            case HealthChanged(part, detail):
                self.say(f"watchkeeper {part}: {detail or 'recovered'}")
            case _:
                pass
        return self.resolved == RESOLVED_EXPECTED and self.notices_ended >= self.opened + self.resolved


def run_demo() -> ExitStatus:
    """Runs the demo, which ends by itself within half a minute."""
    demo = Demo()
    with ExitStack() as stack:
        secret = secrets.token_urlsafe(24)
        receiver = Receiver(secret, demo.say)
        responds: dict[str, Respond] = {
            "RECEIVER_PORT": receiver.respond,
            "HEALTHY_PORT": lambda _: HEALTHY,
            "SLOW_PORT": demo.slow,
            "SHOP_PORT": demo.shop,
        }
        ports = {name: str(stack.enter_context(serving(respond))) for name, respond in responds.items()}
        stack.callback(demo.ended.set)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="watchkeeper-demo-"))
        environment = {**ports, "DEMO_SECRET": secret, "DEMO_STORE": str(Path(folder) / "demo.db")}
        runtime = Runtime.from_config(CONFIG, environment)
        events = stack.enter_context(runtime.subscribe())
        stack.enter_context(runtime)
        demo.say(f"watching    healthy, slow and shop as {CONFIG.name} says")
        while demo.elapsed_s() < WITHIN_S and demo.lost is None:
            event = events.get(timeout_s=0.5)
            if event is not None and demo.hear(event):
                break
        status = runtime.status()
        ended = _summary(demo, receiver, status, left=bool(runtime.stop()))
        if demo.lost is not None:
            raise demo.lost
        return ended


def _summary(demo: Demo, receiver: Receiver, status: RuntimeStatus, *, left: bool) -> ExitStatus:
    applied = [notice["type"] for notice in receiver.applied.values()]
    as_it_should = (
        demo.opened == demo.resolved == RESOLVED_EXPECTED
        and sorted(applied) == ["incident.opened"] * 2 + ["incident.resolved"] * 2
        and not (receiver.refused or left)
    )
    samples, lateness_ms = dict(status.counters).get("samples", 0), status.lateness.p99_ns / NS_PER_MS
    demo.say(f"summary     {samples} samples, scheduling lateness p99 {lateness_ms:.1f} ms")
    demo.say(f"summary     {demo.opened} incidents opened, {demo.resolved} resolved")
    demo.say(
        f"summary     {len(applied)} notices applied by the receiver, {receiver.repeated} repeated, "
        f"{receiver.refused} refused"
    )
    demo.say("summary     " + ("everything as expected" if as_it_should else "NOT as expected"))
    return ExitStatus.FINE if as_it_should else ExitStatus.FAILED

"""The prober of a target with several locations: one attempt is made at all of them, and their quorum is its observation."""

from collections.abc import Mapping

import msgspec

from ...domain.conditions.judgement import Expectation
from ...domain.errors import MessageError
from ...domain.observation.attempt import CancelOutcome, ProbeRequest
from ...domain.observation.location import NO_ANSWER, LocationResult, results_from
from ...domain.observation.observation import Observation, OnObserved, crashed
from ...domain.rules.quorum import seen_by_all
from ...domain.specification.probes.kinds import Probe
from ...domain.specification.target import Target
from ...domain.time.timers import CallAt, Timer
from ..activity import Activity
from ..expectations import Expectations
from ..probes.shared import SharableProber, Underway
from .asking import EncodedCheck, ProbeClient
from .wire import RemoteCheck, encode_check, hash_of


class LocatedProbers:
    """Makes the prober of each target that names locations."""

    def __init__(
        self,
        home: str,
        probers: Mapping[type[Probe], SharableProber],
        client: ProbeClient,
        call_at: CallAt,
        *,
        deny_private_addresses: bool,
    ) -> None:
        self.home, self.probers, self.client, self.call_at = home, probers, client, call_at
        self._deny = deny_private_addresses
        self._expectation_of = Expectations()

    def __call__(self, target: Target) -> "LocatedProber | None":
        """Returns the prober of a target; None where it is probed from here alone. Raises: ConditionError."""
        if not target.places:
            return None
        check, fault = None, ""
        try:
            data = encode_check(
                RemoteCheck(
                    probe=target.probe,
                    expect=target.expect,
                    warn=target.warnings,
                    upside_down=target.upside_down is True,
                    deny_private_addresses=self._deny,
                )
            )
            check = EncodedCheck(hash_of(data), data)
        except MessageError as error:
            fault = str(error)
        return LocatedProber(self, target, self._expectation_of(target), check, fault)


class LocatedProber:
    """Probes one target: from here where it names this runtime's own location, and by agents from all others."""

    def __init__(
        self,
        made_by: LocatedProbers,
        target: Target,
        expectation: Expectation,
        check: EncodedCheck | None,
        fault: str,
    ) -> None:
        self.around = made_by
        self.places, self.quorum = target.places, target.judged_quorum
        self.is_turned = target.upside_down is True
        self.expectation = expectation
        self.check = check
        """None where it is too large to travel."""
        self.fault = fault

    def start(self, request: ProbeRequest, done: OnObserved) -> "LocatedAttempt":
        """Starts an attempt at every location; `done` is called once, at the latest at the deadline."""
        attempt = LocatedAttempt(self, request, done)
        attempt.begin()
        return attempt

    def __repr__(self) -> str:
        return f"LocatedProber(places={self.places!r}, quorum={self.quorum})"


class LocatedAttempt(Activity):
    """One attempt under way: what each location found until now."""

    _prober: LocatedProber
    _request: ProbeRequest
    _done: OnObserved
    _found: dict[str, LocationResult] = msgspec.field(default_factory=dict)
    _numbers: list[int] = msgspec.field(default_factory=list)
    """Those of the asks."""
    _home: Underway | None = None
    _timer: Timer | None = None
    _begun: bool = False
    _ended: bool = False

    def begin(self) -> None:
        """Asks everywhere."""
        prober, around = self._prober, self._prober.around
        for place in prober.places:
            if place != around.home:
                self._ask(place)
        if around.home in prober.places:
            self._probe_here()
        # A result that is there already ends the attempt, though never from within its start.
        due_ns = 0 if self._is_complete else self._request.deadline.monotonic_ns
        self._timer = around.call_at(due_ns, self._expire)
        self._begun = True

    def _ask(self, place: str) -> None:
        prober, client = self._prober, self._prober.around.client
        if prober.check is None:
            self._found[place] = client.missed(place, prober.fault)
            return
        asked = client.ask(self, place, prober.check, self._request.deadline)
        if isinstance(asked, int):
            self._numbers.append(asked)
        else:
            self._found[place] = asked

    def _probe_here(self) -> None:
        probe = self._request.probe
        try:
            self._home = self._prober.around.probers[type(probe)].start(self._request, self._seen_here)
        except Exception as error:  # noqa: BLE001  # a driver that cannot start is an internal fault of this location alone
            self._seen_here(crashed(error))

    def _seen_here(self, observation: Observation) -> None:
        self._home, prober, request = None, self._prober, self._request
        sample = prober.expectation.judge_safely(request.attempt, request.started, observation)
        self.found((sample.turned() if prober.is_turned else sample).seen_from(prober.around.home))

    @property
    def _is_complete(self) -> bool:
        return len(self._found) == len(self._prober.places)

    def found(self, result: LocationResult) -> None:
        """Takes the result of one location; the last one ends the attempt."""
        if not self._ended:
            self._found[result.location] = result
            if self._begun and self._is_complete:
                self._end()

    def _expire(self) -> None:
        """The deadline has passed: locations that have not answered are silent. The probe from here ends by itself."""
        self._timer = None
        client = self._prober.around.client
        for number in self._numbers:
            if (pending := client.withdraw(number)) is not None:
                self._found[pending.location] = client.missed(pending.location, NO_ANSWER)
        if self._is_complete:
            self._end()

    def _end(self) -> None:
        self._stop_timer()
        self._ended = True
        results = results_from(self._prober.places, self._found)
        self._done(seen_by_all(results, self._prober.quorum))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def cancel(self) -> CancelOutcome:
        """Waits no longer. A probe at an agent runs on until its own end, and nobody hears of it."""
        if self._ended:
            return CancelOutcome.COMPLETED_ANYWAY
        self._ended = True
        self._stop_timer()
        asked = [self._prober.around.client.withdraw(number) for number in self._numbers]
        outcome = CancelOutcome.WITHOUT_EFFECT if self._home is None else self._home.cancel()
        return CancelOutcome.UNKNOWN if any(asked) else outcome

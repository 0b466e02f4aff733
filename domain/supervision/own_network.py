"""This machine's own network: gone while every target that speaks for it fails, so that no target is blamed."""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from ..incidents.record import BlindInterval
from ..limits import NETWORK_PROVEN_NS
from ..observation.outcome import Outcome, Reason
from ..observation.sample import Sample
from ..public_value import PublicValue
from ..specification.probe import Http, Tcp
from ..specification.probes.kinds import NETWORKED
from ..specification.probes.networked import NetworkProbe
from ..specification.target import Target
from ..time.duration import parse_duration
from ..time.moment import Moment

NETWORK_LOST = "network_lost"


class ConnectivityPolicy(PublicValue, frozen=True, kw_only=True):
    """Names the targets that speak for this machine's network; without names, all that need a network speak together."""

    name: str = "connectivity"
    targets: tuple[str, ...] = ()
    """The named ones, of `runtime.connectivity`; empty where all http and tcp targets speak together."""
    every: str = ""
    """The longest cadence of the named ones; their own where it is shorter."""

    def checked(self, target: Target) -> Target:
        """Returns the target with the cadence that its word for the network needs."""
        if target.id not in self.targets or parse_duration(target.every) <= parse_duration(self.every):
            return target
        return msgspec.structs.replace(target, every=self.every)


class OwnNetwork:
    """Decides from raw samples whether the network of this machine is gone.

    A named target fails by any sample but a good one. Without names only a sample by which the system itself says so
    counts (no route, no name server): a machine whose targets are all down may have a network all the same. A target on
    this machine itself has no say then, and one that is seldom checked is not waited for: the last sample that shows a
    network proves it for a minute.
    """

    __slots__ = (
        "_failing",
        "_local",
        "_named",
        "_newly",
        "_proven_ns",
        "_since",
        "_speaking",
        "_started",
        "_stood",
    )

    def __init__(self, named: Collection[str]) -> None:
        self._named = frozenset(named)
        self._speaking: set[str] = set()
        self._failing: set[str] = set()
        self._local: set[str] = set()
        """Those on this machine itself, which need no network; always empty where targets are named."""
        self._newly: set[str] = set()
        """The failing ones that began to fail after the last sample that showed a network."""
        self._proven_ns = 0
        """The moment of that sample (monotonic)."""
        self._started: Moment | None = None
        """The beginning of the first failed attempt since the last that was none."""
        self._since: Moment | None = None
        self._stood = False
        """Whether a target that speaks for it was ever reached."""

    @property
    def lost(self) -> bool:
        return self._since is not None

    def excuses(self, target: str) -> bool:
        """Whether its loss may be why a target is bad."""
        return self.lost and target not in self._local

    @property
    def hides_silence(self) -> bool:
        """Whether targets without evidence are explained by its loss.

        One that never stood is no loss: a gateway that is named wrongly, or a host without the family of all addresses, lasts.
        """
        return self.lost and self._stood

    @property
    def problem(self) -> str:
        """The description of the loss for an operator; empty while the network stands."""
        if not self.lost:
            return ""
        fails = f"all of {', '.join(sorted(self._named))} fail" if self._named else "no target can be reached"
        return f"the network of this machine is gone: {fails}, so no sample counts against a target"

    def listen(self, target: Target) -> None:
        """Count the word of a target from now on, if it speaks for the network."""
        self._local.discard(target.id)
        if not self._named and _is_local(_host_of(target)):
            self._local.add(target.id)
        speaks = target.id in self._named if self._named else target.kind in NETWORKED
        if speaks and target.id not in self._local:
            self._speaking.add(target.id)
        else:
            self._drop(target.id)

    def forget(self, target: str, now: Moment) -> BlindInterval | None:
        """Count a target no more: it was removed or paused. Returns the interval that ends by that."""
        self._drop(target)
        self._local.discard(target)
        return self._judge(now)

    def _drop(self, target: str) -> None:
        for targets in (self._speaking, self._failing, self._newly):
            targets.discard(target)

    def observe(self, sample: Sample, now: Moment) -> BlindInterval | None:
        """Notes the raw sample of an attempt. Returns the interval without a network that it ends, if it ends one."""
        target = sample.target
        if target not in self._speaking or sample.outcome is Outcome.CANCELLED:
            return None
        if not self._named and sample.ip and _is_local(sample.ip):
            self._drop(target)
            self._local.add(target)
        elif self._fails(sample.outcome, sample.reason):
            if target not in self._failing:
                self._newly.add(target)
            self._failing.add(target)
            self._started = self._started or sample.at
        elif self._named or sample.outcome is not Outcome.UNKNOWN:
            self._failing.discard(target)
            self._newly.clear()
            self._started, self._stood, self._proven_ns = None, True, now.monotonic_ns
        return self._judge(now)

    def _fails(self, outcome: Outcome, reason: Reason) -> bool:
        if self._named:
            return outcome not in {Outcome.UP, Outcome.DEGRADED}
        return outcome is Outcome.UNKNOWN and reason is Reason.BLIND

    def _judge(self, now: Moment) -> BlindInterval | None:
        if self._is_gone(now):
            self._since = self._since or self._started
            return None
        since, self._since = self._since, None
        return None if since is None else BlindInterval(since.wall_ns, now.wall_ns, NETWORK_LOST)

    def _is_gone(self, now: Moment) -> bool:
        if self._failing and len(self._failing) == len(self._speaking):
            return True
        # The network of one that fails beside others that were reached since is another one.
        proven = not self._stood or now.monotonic_ns - self._proven_ns < NETWORK_PROVEN_NS
        return not self._named and bool(self._newly) and not proven


def _host_of(target: Target) -> str:
    match target.probe:
        case Http(url=url):
            return urlsplit(url).hostname or ""
        case Tcp(host=host):
            return host
        case NetworkProbe() as probe:
            return probe.peer
        case _:
            return ""


def _is_local(host: str) -> bool:
    """Whether a host is this machine itself, which is reached without any network."""
    bare = host.strip("[]").removesuffix(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    if ":" not in bare and not bare[-1:].isdigit():
        return False  # a name: `ip_address` takes 5 us to refuse one
    try:
        address = ip_address(bare)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback

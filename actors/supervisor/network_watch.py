"""The watch over this machine's own network: what raw samples say of it, and the reports of its loss and return."""

from collections.abc import Callable

from ...domain.incidents.own_problems import NETWORK
from ...domain.incidents.record import BlindInterval
from ...domain.observation.sample import Sample
from ...domain.supervision.own_network import OwnNetwork
from ...domain.time.moment import Moment
from ...protocol.recorder import HealthReported, RecorderMessage
from ..ports import Listener

NETWORK_GONE = "the network of this machine is gone"
"""The detail of a sample that says nothing for that reason."""


class NetworkWatch:
    """Tells the recorder when the network is lost and when it is back, and the supervisor of the blind interval between."""

    def __init__(
        self,
        network: OwnNetwork,
        recorder: Listener[RecorderMessage],
        on_blind: Callable[[BlindInterval, Moment], None],
    ) -> None:
        self._network, self._recorder, self._on_blind = network, recorder, on_blind
        self.listen = network.listen
        self.excuses = network.excuses

    @property
    def lost(self) -> bool:
        """Whether the network is gone."""
        return self._network.lost

    @property
    def hides_silence(self) -> bool:
        """Whether silence says nothing, because the network that stood is gone."""
        return self._network.hides_silence

    def forget(self, target: str, now: Moment) -> None:
        """Counts the word of a target no more: it was removed or paused."""
        self._note(self._network.forget(target, now), now)

    def hear(self, sample: Sample, now: Moment) -> None:
        """Lets a raw sample say whether the network stands, before it may count against its target."""
        was_lost = self._network.lost
        ended = self._network.observe(sample, now)
        if self._network.lost and not was_lost:
            self._recorder.tell(HealthReported(NETWORK, self._network.problem))
        self._note(ended, now)

    def _note(self, ended: BlindInterval | None, now: Moment) -> None:
        if ended is not None:
            self._recorder.tell(HealthReported(NETWORK, ""))
            self._on_blind(ended, now)

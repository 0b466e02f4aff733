"""A name service that fails for every name, told apart from a zone that is broken."""

from ...domain.limits import NAMES_REFUSED
from ...domain.specification.probe import AddressFamily

Witness = tuple[str, AddressFamily]


class Refusals:
    """The names for which a name service has failed since its last real answer: an address, or the word that there is none.

    Names of one broken zone may be all that were asked. Before the name service is held to be at fault, the name that had
    an address last is asked for anew, as a witness.
    """

    __slots__ = ("_asking", "_hosts", "_witness", "ours")

    def __init__(self) -> None:
        self.ours = False
        """Whether it fails for every name: a fault on this side."""
        self._hosts: set[str] = set()
        self._witness: Witness | None = None
        self._asking = False

    def answered(self, host: str, family: AddressFamily, *, has_address: bool) -> None:
        """Note a real answer of a server."""
        self.ours = False
        self._hosts.clear()
        if has_address:
            self._witness = host, family

    def refused(self, host: str) -> Witness | None:
        """Note that it failed for a name. Returns the witness to ask for, where one is needed."""
        if len(self._hosts) < NAMES_REFUSED:
            self._hosts.add(host)
        if self.ours or self._asking or len(self._hosts) < NAMES_REFUSED:
            return None
        if self._witness is None or self._witness[0] in self._hosts:
            self.ours = True
            return None
        self._asking = True
        return self._witness

    def witness_answered(self, *, refused: bool) -> None:
        """Note that the witness was asked for; one that is not answered at all says nothing."""
        self._asking = False
        self.ours = self.ours or refused

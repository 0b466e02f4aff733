"""The way of a stand-by to the active process of its store: the control socket."""

from ..adapters.stores.ownership.forks import FORKS
from ..domain.errors import MessageError, NotRunning
from ..domain.limits import MESSAGE_BYTES_MAX
from ..domain.line import count_of
from ..domain.store_place import shown_store
from ..host.sharing.peer_wire import PEER_PATH
from ..host.sharing.standby import PassedAnswer, PassedRequest


class ControlSocketLink:
    """Sends messages and requests to the process that runs a store. Each has a connection of its own, within a deadline."""

    def ask(self, store: str, data: bytes, within_s: float) -> bytes:
        """Returns the answer to a message.

        Raises: NotRunning where nothing answers; TimeoutError; MessageError where another version of watchkeeper answers, and
        for a message that is too large.
        """
        if len(data) > MESSAGE_BYTES_MAX:
            raise MessageError(f"a command may have {count_of(MESSAGE_BYTES_MAX, 'byte')}")
        request = PassedRequest("POST", PEER_PATH, {"content-type": "application/octet-stream"}, data)
        answer = self.request(store, request, within_s)
        if not answer.body:
            raise NotRunning(f"the process that ran {shown_store(store)} has ended")
        if answer.status != 200:
            raise MessageError(
                f"the process that runs {shown_store(store)} answers with status {answer.status}: it has another version"
            )
        return answer.body

    def request(self, store: str, request: PassedRequest, within_s: float) -> PassedAnswer:
        """Returns the answer to a request to the API. Raises: NotRunning where nothing answers; TimeoutError."""
        with FORKS.importing():  # http.client takes 10 ms, which most runtimes never need
            from .exchange import LivingNodes, Request, exchange, place_of

        asked = Request(request.method, request.address, {}, request.body, dict(request.headers))
        answered = exchange(place_of(store, None), asked, within_s, LivingNodes())
        return PassedAnswer(answered.status, answered.headers, answered.body)

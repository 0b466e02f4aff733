"""The messenger of every channel that speaks HTTP: it makes the requests of a recipe, one after the other."""

from collections.abc import Callable
from functools import partial

from ...domain.incidents.notice import Answer, Notice
from ...domain.line import one_line
from ...domain.observation.attempt import CancelOutcome
from ...domain.time.moment import Deadline
from ..clock import MomentClock
from ..http.curl.transport import CurlTransport, Transfer
from ..http.destination import Destination, destination_of
from ..http.exchange import Headers, HttpAnswer, HttpShape, completed
from ..http.naming import Naming, naming_of
from .recipes.recipe import Recipe, RecipeReply, RecipeRequest, Sending, Steps, reply_of

OnAnswered = Callable[[Answer], None]


class RecipeMessenger:
    """Posts notices to one receiver over a transport, which belongs to the object that made it and is closed by that.

    The specification was validated. Raises ConfigurationError, which never shows the URL, for one that cannot be requested.
    """

    def __init__(
        self,
        recipe: Recipe,
        transport: CurlTransport,
        clock: MomentClock,
        *,
        deny_private_addresses: bool = False,
        address: str = "",
    ) -> None:
        self.recipe = recipe
        self.transport = transport
        self.clock = clock
        written = destination_of(recipe.url)
        # Asked here too, so that a name that no request can carry is refused at the start and not by each attempt.
        naming_of(written, recipe.tls)
        self._host = written.origin.host
        self._deny = deny_private_addresses
        self._address = address

    def send(
        self, notice: Notice, attempt: int, deadline: Deadline, done: OnAnswered, memory: str = ""
    ) -> "Posting":
        """Begin one attempt; a redirect is a wrong answer, never followed."""
        sending = Sending(notice, attempt, self.clock.read().wall_ns, memory, self._address)
        posting = Posting(self, self.recipe.attempt(sending), deadline, done)
        posting.begin()
        return posting

    def place_of(self, request: RecipeRequest) -> tuple[Destination, Naming]:
        """Returns the destination as it is written, and as it is asked."""
        written = destination_of(request.url)
        return written, naming_of(written, self.recipe.tls)

    def shape_of(self, request: RecipeRequest, naming: Naming) -> HttpShape:
        """Returns all of a request but where it goes."""
        headers: Headers = completed(request.headers, naming.headers)
        return HttpShape(
            method=request.method,
            headers=headers,
            body=request.body,
            body_bytes_max=request.answer_bytes_max,
            tls=self.recipe.tls,
            connect_to=naming.connect_to,
            deny_private_addresses=self._deny,
        )

    def close(self) -> None:
        """Nothing is held: postings under way end when the transport is closed."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.recipe).__name__}, host={self._host})"


class Posting:
    """One attempt under way: its request of the moment."""

    __slots__ = ("_deadline", "_done", "_messenger", "_outcome", "_sent", "_steps", "_transfer")

    def __init__(
        self, messenger: RecipeMessenger, steps: Steps, deadline: Deadline, done: OnAnswered
    ) -> None:
        self._messenger, self._steps, self._deadline, self._done = messenger, steps, deadline, done
        self._transfer: Transfer | None = None
        self._outcome: CancelOutcome | None = None
        self._sent = False
        """Whether an earlier request of the attempt has left."""

    def begin(self) -> None:
        """Starts the first request; an answer without any comes as soon as the loop comes round."""
        answer = self._next(None)
        if answer is not None:
            self._messenger.transport.soon(partial(self._done, answer))

    def _next(self, reply: RecipeReply | None) -> Answer | None:
        """Starts the next request. Returns the answer where there is none."""
        try:
            # A generator takes None before its first request, and nothing else.
            request = next(self._steps) if reply is None else self._steps.send(reply)
        except StopIteration as ended:
            answer: Answer = ended.value
            return answer
        except ValueError as error:
            # A notice that cannot be written down never can: it must not hold up those behind it.
            return Answer(accepted=False, retryable=False, detail=one_line(str(error)))
        self._start(request)
        return None

    def _start(self, request: RecipeRequest) -> None:
        messenger = self._messenger
        written, naming = messenger.place_of(request)
        shelf = messenger.transport.shelf_for_once(messenger.shape_of(request, naming))

        def answered(answer: HttpAnswer) -> None:
            self._sent = True
            secure, now_ns = written.secure, messenger.clock.read().wall_ns
            said = self._next(reply_of(request, answer, now_ns, secure=secure, literal=written.literal))
            if said is not None:
                self._done(said)

        self._transfer = messenger.transport.start(shelf, naming.destination, self._deadline, answered)

    def cancel(self) -> CancelOutcome:
        """Stop it now; UNKNOWN when the notice had left, for the receiver may act on it."""
        if self._transfer is None:
            return CancelOutcome.COMPLETED_ANYWAY
        if self._outcome is None:
            sent = self._transfer.request_was_sent()
            outcome = self._transfer.cancel()
            under_way = outcome is not CancelOutcome.COMPLETED_ANYWAY
            self._outcome = CancelOutcome.UNKNOWN if sent or (self._sent and under_way) else outcome
        return self._outcome

"""Authority: who asks, by which token or session, with which role, and how often."""

import asyncio
import hmac
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import sha256
from inspect import iscoroutine

from ..domain.limits import NAME_CHARACTERS_MAX
from ..domain.line import first_line, one_line
from ..domain.specification.web import Role, Token, Web
from ..host.access.doors import Actor
from . import limits
from .origin import (
    LOOPBACK_NAMES,
    SOCKET,
    Author,
    RequestHeaders,
    Visit,
    host_name,
    is_foreign,
    is_forwarded,
    is_loopback,
    is_own,
)
from .problems import Refusal
from .sessions import BrowserSession, Sessions, cookie_name, cookie_of

logger = logging.getLogger(__name__)
AUTHOR = b"watchkeeper-author"
"""The header by which a program says on the control socket who commands; it is read nowhere else."""


class Authority:
    """Decides who the author of a request is, by the rules of the door that it came in by."""

    def __init__(
        self, sessions: Sessions, issued: Callable[[], Iterable[Token]], actor: Actor | None = None
    ) -> None:
        """`issued` returns the tokens that were made at run time; with `actor`, the host alone says who asks."""
        self.sessions = sessions
        self.actor = actor
        self._issued = issued
        self._rates = Rates(limits.RATE_PER_S, limits.BURST_MAX)
        self._failed = Rates(
            limits.FAILED_LOGINS_MAX / limits.FAILED_LOGINS_WITHIN_S, limits.FAILED_LOGINS_MAX
        )
        self._actor_faults = Rates(1 / limits.FAULT_LINES_EVERY_S, 1)
        self._logins = Rates(limits.LOGINS_MAX / limits.LOGINS_WITHIN_S, limits.LOGINS_MAX)

    def author_of(self, visit: Visit) -> Author:
        """Returns the author. Their role is None where nothing gives one.

        Raises: Refusal of a token that is unknown, of a command that another site's page sent, and of too many requests.
        """
        if visit.is_by_socket:
            # The user of the socket is the one that the process runs as: their word for who they are is as good as ours.
            said = (visit.headers.one(AUTHOR) or "").encode("latin-1").decode("utf-8", "replace")
            return Author(first_line(said, NAME_CHARACTERS_MAX) or "control socket", Role.ADMIN, SOCKET)
        author, where = self._named(visit) or _anonymous(visit), visit.where
        if not self._rates.allow(f"{author.name}@{where}" if author.role is None else author.name + where):
            raise _too_many("more requests than one client may send: wait a second", 1)
        return author

    def admit(self, visit: Visit) -> None:
        """Counts a request of a stranger. Raises: Refusal where its address sends too many."""
        if not visit.is_by_socket and not self._rates.allow(f"stranger@{visit.where}"):
            raise _too_many("more requests than one client may send: wait a second", 1)

    def _named(self, visit: Visit) -> Author | None:
        """Returns the author by the host's word, by a token or by a session; None where the request has none of them."""
        if self.actor is not None:
            return self._by_host(self.actor, visit)
        presented = _bearer(visit.headers)
        if presented is None:
            return self._by_session(visit)
        token = self._checked(visit, presented)
        return Author(token.name, token.role, visit.where, lambda: self._stands(visit, token.sha256))

    def _by_host(self, actor: Actor, visit: Visit) -> Author:
        """Returns the author by the host's word; one without a role for None. Raises: Refusal where it raises or says nonsense."""
        try:
            said = actor(visit.scope)
            return Author("unknown", None, visit.where) if said is None else _author_said(said, visit.where)
        except Exception:
            # A request of anybody leads here: a line for each would fill the host's log.
            if self._actor_faults.allow(""):
                logger.exception("The `actor` of asgi() failed: its request is refused")
            raise Refusal(500, "the program that serves this cannot say who asks: its log says why") from None

    def _checked(self, visit: Visit, presented: str) -> Token:
        """Returns a token that is known. Raises: Refusal of an unknown one, and after too many of them."""
        if not self._failed.has_left(visit.where):
            raise _too_many("too many unknown tokens from this address: wait a minute", 60)
        token = _token_of(presented, self._tokens(visit.web))
        if token is None:
            self._failed.allow(visit.where)
            logger.warning("An unknown token was sent from %s", visit.where)
            raise _unauthorised("this token is unknown")
        return token

    def _tokens(self, web: Web | None) -> Iterable[Token]:
        """Yields the tokens of the configuration, then those made at run time; of two of one name the first counts."""
        configured = () if web is None else web.tokens
        names = {token.name for token in configured}
        yield from configured
        yield from (token for token in self._issued() if token.name not in names)

    def _known(self, visit: Visit, digest: str) -> Token | None:
        """Returns the token of this digest, if there is one now."""
        for token in self._tokens(visit.rules()):
            if token.sha256 == digest:
                return token
        return None

    def _stands(self, visit: Visit, digest: str) -> bool:
        return self._known(visit, digest) is not None

    # Sessions.

    def session_of(self, visit: Visit) -> tuple[str, BrowserSession] | None:
        """Returns the id and the session of a browser that has signed in, as its token stands now; None without one."""
        name = cookie_name(visit.mount, encrypted=visit.is_encrypted)
        id_ = cookie_of(visit.headers.all(b"cookie"), name)
        session = None if id_ is None else self.sessions.find(id_)
        if id_ is None or session is None:
            return None
        if session.token is None:
            return id_, session
        token = self._known(visit, session.token)
        if token is None:
            self.sessions.end(id_)
            return None
        return id_, session._replace(name=token.name, role=token.role)

    def _by_session(self, visit: Visit) -> Author | None:
        """Returns the author by the cookie. Raises: Refusal of a command that no page of ours has certainly sent."""
        headers = visit.headers
        if not visit.changes and is_foreign(headers) and headers.one(b"sec-fetch-mode") != "navigate":
            # A page of another site may link here, and reads nothing.
            return None
        found = self.session_of(visit)
        if found is None:
            return None
        if visit.changes and not is_own(headers):
            raise Refusal(403, "a command by a session must come from a page of this site: send a token")
        _, session = found
        return Author(session.name, session.role, visit.where, lambda: self._lasts(visit, session))

    def _lasts(self, visit: Visit, session: BrowserSession) -> bool:
        return self.sessions.is_open(session) and (
            session.token is None or self._stands(visit, session.token)
        )

    # Forms.

    def form_proof(self, visit: Visit) -> str:
        """Returns the secret that stands in the forms of a session's pages; empty without a session."""
        found = None if self.actor is not None else self.session_of(visit)
        return "" if found is None else found[1].form_proof

    def require_proof(self, visit: Visit, proof: str) -> None:
        """Raises: Refusal of a form that no page of this author has certainly sent.

        A token and the control socket need no proof: no browser adds them by itself to the form of another site. The sessions
        of a host are its own, perhaps in several processes: there the browser's word for the page's origin is the proof.
        """
        if visit.is_by_socket or (self.actor is None and visit.headers.all(b"authorization")):
            return
        wanted = self.form_proof(visit)
        is_proved = self.actor is not None or (
            wanted != "" and hmac.compare_digest(proof.encode(), wanted.encode())
        )
        if not (is_proved and is_own(visit.headers)):
            raise Refusal(403, "this form was not sent by a page of this session: open the page again")

    # Signing in.

    def sign_in(self, visit: Visit, presented: str) -> str:
        """Opens a session for a token; returns its id.

        Raises: Refusal of an unknown token, and of too many tries from an address or for a token.
        """
        self.count_login(visit.where)
        token = self._checked(visit, presented.strip())
        self.count_login(f"token {token.name}")
        return self.sessions.begin(token.name, token.role, token.sha256)

    def count_login(self, key: str) -> None:
        """Counts one try to sign in. Raises: Refusal where it is too many."""
        if not self._logins.allow(key):
            raise _too_many("too many tries to sign in: wait a minute", 60)


def _author_said(said: object, where: str) -> Author:
    """Returns the author that a host names. Raises: TypeError, which says what it must return."""
    roles = {role.value: role for role in Role}
    match said:
        case (str(name), str(role)) if name.strip() and role in roles:
            return Author(one_line(name.strip(), NAME_CHARACTERS_MAX), roles[role], where)
    if iscoroutine(said):
        said.close()
    raise TypeError(
        f"it must return a name and a role ({', '.join(roles)}), or None, and not {one_line(repr(said), 80)}"
    )


def _too_many(detail: str, wait_s: int) -> Refusal:
    return Refusal(429, detail, headers=[("retry-after", str(wait_s))])


def _unauthorised(detail: str) -> Refusal:
    return Refusal(401, detail, headers=[("www-authenticate", 'Bearer realm="watchkeeper"')])


def require(author: Author, role: Role) -> None:
    """Raises: Refusal where the author may not do what the role is for."""
    if author.role is None:
        raise _unauthorised("send a token: `Authorization: Bearer wk_...`")
    if not author.role.includes(role):
        raise Refusal(403, f"this needs the role {role.value}: {author.name} has {author.role.value}")


def _digest_of(token: str) -> str:
    """Returns the digest of a token, whatever a client sends in its place."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _bearer(headers: RequestHeaders) -> str | None:
    """Returns the token of a request; None without one. Raises: Refusal of a malformed header."""
    said = headers.all(b"authorization")
    if not said:
        return None
    scheme, _, token = said[0].partition(" ")
    if len(said) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise _unauthorised("the header must be `Authorization: Bearer wk_...`, once")
    return token.strip()


def _token_of(presented: str, tokens: Iterable[Token]) -> Token | None:
    """Compares with every token, in the same time whichever fits."""
    digest, found = _digest_of(presented), None
    for token in tokens:
        if hmac.compare_digest(token.sha256, digest):
            found = token
    return found


def _anonymous(visit: Visit) -> Author:
    """Returns the author of a request that names none."""

    def may_still() -> bool:
        now = visit.rules()
        return now is visit.web or _anonymous_role(visit._replace(web=now)) is not None

    return Author("anonymous", _anonymous_role(visit), visit.where, may_still)


def _anonymous_role(visit: Visit) -> Role | None:
    """Returns the role of a request without a token.

    A browser on this machine can be made to send requests here by any page: its `Host` shows that, and a forwarding header
    shows a proxy that other machines use.
    """
    said, headers = visit.web and visit.web.anonymous, visit.headers
    if said is not None:
        return Role.VIEWER if said == "viewer" else None
    client = visit.scope.get("client")
    if visit.door is None or not client or not is_loopback(str(client[0])):
        return None
    if is_forwarded(visit.scope, headers) or headers.all(b"origin"):
        return None
    if headers.one(b"sec-fetch-site") in {"cross-site", "same-site"}:
        return None
    return Role.VIEWER if host_name(headers.one(b"host") or "") in LOOPBACK_NAMES else None


class Rates:
    """How much each client may still do now; the clients that were seen longest ago are forgotten."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def has_left(self, client: str) -> bool:
        """Whether the client may do one thing more."""
        return self._now_left(client, asyncio.get_running_loop().time()) >= 1

    def allow(self, client: str) -> bool:
        """Counts one thing; False where it is too many."""
        now = asyncio.get_running_loop().time()
        left = self._now_left(client, now)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        self._left.move_to_end(client)
        if len(self._left) > limits.CLIENTS_KEPT_MAX:
            self._left.popitem(last=False)
        return allowed

    def _now_left(self, client: str, now: float) -> float:
        left, at = self._left.get(client, (float(self._burst), now))
        return min(float(self._burst), left + (now - at) * self._per_s)

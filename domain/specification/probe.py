"""Probe specifications, one for each kind, as a configuration or a Python program writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from .. import limits
from ..time.duration import Duration, parse_duration
from ..time.occurrences import Occurrences, expected_text, longest_gap_ns, occurrences_of
from .construction import Specification
from .http.access import ClientLogin, DigestAuth, NameServerText, Proxy
from .http.header_rules import Compression, Encryption, HeaderRules, HttpVersions
from .text import (
    MASK,
    METHOD_PATTERN,
    PING_KEY_PATTERN,
    DurationText,
    Name,
    Pairs,
    ScheduleText,
    ZoneName,
    as_pairs,
)

Method = Annotated[str, msgspec.Meta(pattern=METHOD_PATTERN)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
BodyCap = Annotated[int, msgspec.Meta(ge=0, le=limits.BODY_BYTES_MAX)]
TcpText = Annotated[str, msgspec.Meta(max_length=limits.TCP_TEXT_CHARACTERS_MAX)]
PingKey = Annotated[str, msgspec.Meta(pattern=PING_KEY_PATTERN)]
LinePattern = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.CONDITION_CHARACTERS_MAX)]
AddressFamily = Literal["any", "ipv4", "ipv6", "prefer_ipv4", "prefer_ipv6"]
TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]
ANY_ANSWER = ""
"""The expected text of a TCP probe whose answer conditions judge; a configuration cannot state it."""


class BasicAuth(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """User name and password of HTTP basic authentication."""

    user: str
    """The user name; it holds no colon."""
    password: str
    """The password; it is never shown."""

    def __repr__(self) -> str:
        return f"BasicAuth(user={self.user!r}, password={MASK})"


class Tls(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the peer's certificate is judged and which one we show."""

    verify: bool = True
    """Whether the certificate must be valid and issued for the host."""
    ca_file: str | None = None
    """Path of a PEM file with the authorities to trust, in place of the system's."""
    certificate_file: str | None = None
    """Path of a PEM file with the certificate that we show."""
    key_file: str | None = None
    """Path of a PEM file with its private key; default: it stands in `certificate_file`."""
    key_password: str | UnsetType = UNSET
    """The pass phrase of a private key that is encrypted; it is never shown."""
    # UNSET, and not in the bytes of a message, where none is given.
    server_name: str | None = None
    """The host name that the certificate must be for; default: the host that is connected to."""
    minimum_version: TlsVersion | UnsetType = UNSET
    """The oldest version of TLS that is good; default: 1.2. With 1.0 or 1.1 the weak keys and digests of their time are taken, too."""

    def __repr__(self) -> str:
        stated = {
            field.name: repr(getattr(self, field.name))
            for field in msgspec.structs.fields(self)
            if getattr(self, field.name) != field.default
        }
        if self.key_password is not UNSET:
            stated["key_password"] = MASK
        return f"Tls({', '.join(f'{name}={value}' for name, value in stated.items())})"


class OAuth2(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The client credentials grant of OAuth 2.0: a token is asked for, kept until shortly before it ends, and sent as bearer."""

    token_url: str
    """The URL that gives tokens."""
    client_id: str
    """The name of the client."""
    client_secret: str
    """Its secret; it is never shown."""
    scopes: Annotated[tuple[str, ...], msgspec.Meta(max_length=limits.TOKEN_SCOPES_MAX)] = ()
    """The scopes that are asked for."""
    parameters: Pairs = ()
    """Further fields of the request for a token, by name, such as `audience`."""
    authentication: ClientLogin = "basic"
    """How the client proves itself: by `basic` authentication, or by its name and secret in the `body`."""
    tls: Tls = Tls()
    """How the certificate of the token's server is judged."""

    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        scopes: Sequence[str] = ...,
        parameters: Pairs = ...,
        authentication: ClientLogin = ...,
        tls: Tls = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "parameters", as_pairs(self.parameters))

    def __repr__(self) -> str:
        url = self.token_url.partition("?")[0]
        return f"OAuth2({url!r}, client_id={self.client_id!r}, client_secret={MASK})"


class ProbeForm(Specification, frozen=True, tag_field="kind"):
    """The tag tells the kinds apart in messages; where a key of the target names the kind it is not written."""


class Http(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="http"):
    """An HTTP or HTTPS request on a fresh connection."""

    url: str
    """An absolute URL of scheme http or https."""
    method: Method = "GET"
    """The method in capitals; CONNECT is not possible."""
    headers: Pairs = ()
    """Headers that are sent besides the usual ones, by name."""
    body: str | None = None
    """The body of the request, sent in UTF-8."""
    basic_auth: BasicAuth | None = None
    """A login by user name and password."""
    bearer: str | None = None
    """A token sent as `Authorization: Bearer`; not together with `basic_auth`."""
    follow_redirects: bool = True
    """Whether a redirect is followed; otherwise it is the answer. Cookies that it sets last for the attempt."""
    redirects_max: Annotated[int, msgspec.Meta(ge=0, le=20)] = 10
    """How many redirects are followed in one attempt."""
    body_bytes_max: BodyCap = limits.BODY_BYTES
    """How much of the answer's body is read, in bytes. A longer body fails the conditions on it, and nothing else."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""
    connection: Literal["fresh", "reuse"] = "fresh"
    """`fresh` connects for each attempt; `reuse` keeps the connection open for the next."""
    # These are UNSET, and not in the bytes of a message, where they are not stated.
    versions: HttpVersions | UnsetType = UNSET
    """The versions of HTTP that are offered, of which each answer must be one; default: 1.1, and over TLS 2, and any answer is good.
    2 and 3 are for https: in clear 1.1 or 1.0 is asked for."""
    encryption: Encryption | UnsetType = UNSET
    """Whether the last answer, after all redirects, must come by TLS, must not, or may; default: any."""
    header_rules: HeaderRules | UnsetType = UNSET
    """Rules that the header of the last answer must keep."""
    compression: Compression | UnsetType = UNSET
    """The compression of the body that is asked for; default: none. Conditions read what came by gzip or deflate, asked for or not."""
    cookies: Pairs | UnsetType = UNSET
    """Cookies that are sent, by name; their values are never shown."""
    tls: Tls = Tls()
    """How the certificate is judged, for https."""
    # UNSET, and not in the bytes of a message, where they are not stated.
    proxy: Proxy | UnsetType = UNSET
    """The proxy between; default: none, whatever the environment says."""
    resolver: NameServerText | UnsetType = UNSET
    """The name server that is asked for the names of this target, its proxy and its token; default: the system's."""
    digest_auth: DigestAuth | UnsetType = UNSET
    """A login by digest authentication; not together with another one."""
    oauth2: OAuth2 | UnsetType = UNSET
    """A login by a token of OAuth 2.0; not together with another one."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "headers", as_pairs(self.headers))
        if self.cookies is not UNSET:
            msgspec.structs.force_setattr(self, "cookies", as_pairs(self.cookies))

    def __repr__(self) -> str:
        names = ", ".join(name for name, _ in as_pairs(self.headers))
        url, asked, _ = self.url.partition("?")
        return f"Http({self.method} {url}{asked and f'?{MASK}'}, headers=[{names}])"


class DialogueStep(Specification, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a dialogue: a text is sent, a line is awaited, TLS begins; each where it is stated, in this order."""

    send: TcpText | None = None
    """A text that is sent, in UTF-8, with the line end that it holds. `{{name}}` is the part that a step before has captured."""
    expect: LinePattern | None = None
    """A regular expression of RE2 on a line without its end; lines that do not match are skipped. `(?P<name>...)` captures a part."""
    starttls: bool = False
    """Whether TLS begins after that."""

    def __repr__(self) -> str:
        # As in a tcp probe, the text may be a login.
        send = MASK if self.send else None
        return f"DialogueStep(send={send}, expect={self.expect!r}, starttls={self.starttls})"


DialogueSteps = Annotated[
    tuple[DialogueStep, ...], msgspec.Meta(min_length=1, max_length=limits.DIALOGUE_STEPS_MAX)
]


class Tcp(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="tcp"):
    """A TCP connection, and optionally one line sent and an answer expected, or a dialogue of several steps; by TLS where stated."""

    host: str
    """A host name or an address, without the port."""
    port: Port
    """The port, 1 to 65,535."""
    send: TcpText | None = None
    """A text that is sent, in UTF-8, once the connection is made. Without `expect`, the answer is read where a condition asks for `[BODY]`."""
    expect: TcpText | None = None
    """A text that the answer must contain."""
    address_family: AddressFamily = "any"
    """Which kind of address of the host is connected to."""
    # UNSET, and not in the bytes of a message, where they are not stated.
    dialogue: DialogueSteps | UnsetType = UNSET
    """Steps of sending and expecting, in place of `send` and `expect`. `[BODY]` is all that was read in them."""
    tls: Tls | UnsetType = UNSET
    """How the certificate is judged; TLS begins with the first byte, or where a step has `starttls`. Default: in clear, without such a step."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        send: str | None = ...,
        expect: str | None = ...,
        address_family: AddressFamily = ...,
        dialogue: Sequence[DialogueStep] = ...,
        tls: Tls = ...,
    ) -> None: ...

    @property
    def steps(self) -> tuple[DialogueStep, ...]:
        """The steps of its dialogue."""
        return self.dialogue or ()

    @property
    def begins_in_clear(self) -> bool:
        """Whether the first bytes are no TLS."""
        return self.tls is UNSET or any(step.starttls for step in self.steps)

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS begins at some time."""
        return self.tls is not UNSET or any(step.starttls for step in self.steps)

    def __repr__(self) -> str:
        # The text may be a login, such as the `AUTH` of a key-value store, so it is masked.
        more = f", dialogue={self.dialogue!r}" if self.dialogue else ""
        more += f", tls={self.tls!r}" if self.tls else ""
        return f"Tcp({self.host!r}, {self.port}, send={MASK if self.send else None}, expect={self.expect!r}{more})"


class Exec(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="exec"):
    """A program run without a shell, answering by the Nagios plugin protocol (exit status 0, 1, 2, 3 and perfdata)."""

    argv: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=64)]
    """The program and its arguments; no shell reads them."""
    environment: Pairs = ()
    """The whole environment besides PATH, which is inherited, LANG and LC_ALL, which are C.UTF-8 unless named here, and WATCHKEEPER_EXEC,
    by which all that the program leaves running is found and killed once it has ended."""
    directory: str | None = None
    """The folder that it runs in; default: the one of the runtime's process."""
    output_bytes_max: BodyCap = limits.BODY_BYTES
    """How much of its output is read, in bytes."""

    def __init__(
        self,
        *,
        argv: Sequence[str],
        environment: Pairs = ...,
        directory: str | None = ...,
        output_bytes_max: int = ...,
    ) -> None: ...

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "environment", as_pairs(self.environment))

    def __repr__(self) -> str:
        return f"Exec({self.argv[0]!r}, {len(self.argv) - 1} arguments)"


class Call(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="call"):
    """A callable of the host, known by name: the callable itself stays with the runtime that was given it."""

    name: str
    """The name under which the runtime was given the callable."""


class Heartbeat(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="heartbeat"):
    """The host reports by itself; silence longer than the cadence plus `grace` is a failure."""

    grace: DurationText = "0s"
    """How much later than its cadence, or than a moment of its schedule, a report may come."""
    # UNSET, and not in the bytes of a message, where they are not stated.
    schedule: ScheduleText | UnsetType = UNSET
    """When it reports, in place of `every`: cron's five fields such as `0 3 * * *`, or an OnCalendar expression of systemd such as
    `Mon..Fri *-*-* 03:00`. After each report the next one is expected at the next moment of the schedule."""
    zone: ZoneName | UnsetType = UNSET
    """The time zone of `schedule`, such as `Europe/Berlin`; default: UTC."""
    run_max: DurationText | UnsetType = UNSET
    """How long a run may take that reported its start; default: as long as it likes."""
    key: PingKey | None = None
    """The secret with which a job reports over HTTP: `/ping/KEY`; default: it reports from Python alone."""

    def __init__(
        self,
        *,
        grace: Duration = ...,
        schedule: str = ...,
        zone: str = ...,
        run_max: Duration = ...,
        key: str | None = ...,
    ) -> None: ...

    @property
    def occurrences(self) -> Occurrences | None:
        """The moments of its schedule; None without one. Raises: ValueError for one that cannot be read, which `check` refuses."""
        return None if self.schedule is UNSET else occurrences_of(self.schedule, self.zone or "UTC")

    def expected_text(self, expected_ns: int, near_ns: int) -> str:
        """Returns a moment of its schedule for people, as they read it at `near_ns`: `expected 03:00 CET, grace until 04:00`."""
        return expected_text(
            expected_ns, expected_ns + parse_duration(self.grace), self.zone or "UTC", near_ns
        )

    @property
    def run_max_ns(self) -> int | None:
        """How long a run may take; None: as long as it likes."""
        return None if self.run_max is UNSET else parse_duration(self.run_max)

    @property
    def longest_gap_ns(self) -> int:
        """The longest time between two moments of its schedule; where there is none, the longest cadence."""
        try:
            return (None if self.schedule is UNSET else longest_gap_ns(self.schedule)) or limits.EVERY_NS_MAX
        except ValueError:
            return limits.EVERY_NS_MAX

    def __repr__(self) -> str:
        schedule = "" if self.schedule is UNSET else f"schedule={self.schedule!r}, "
        return f"Heartbeat({schedule}grace={self.grace!r}, key={MASK if self.key else None})"


MemberNames = Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=limits.COMPOSITE_MEMBERS_MAX)]


class Composite(ProbeForm, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="composite"):
    """Nothing is probed: each sample is made from the newest ones of other targets, its members.

    A member that is degraded is well, and makes it degraded. A paused member is left out, as is one that is watched no longer; one
    that is silent, or could not be checked, may be well or not, and makes the sample `unknown` where that decides it.
    """

    worst_of: MemberNames | None = None
    """The ids of the members, of which all must be well."""
    targets: MemberNames | None = None
    """The ids of the members, of which `at_least` so many must be well; in place of `worst_of`."""
    at_least: Annotated[int, msgspec.Meta(ge=1, le=limits.COMPOSITE_MEMBERS_MAX)] | None = None
    """How many of the `targets` must be well."""

    def __init__(
        self,
        *,
        worst_of: Sequence[str] | None = ...,
        targets: Sequence[str] | None = ...,
        at_least: int | None = ...,
    ) -> None: ...

    @property
    def members(self) -> tuple[str, ...]:
        """The ids of the members."""
        return (self.worst_of or ()) + (self.targets or ())

    @property
    def needed(self) -> int:
        """How many of the members must be well."""
        return len(self.members) if self.at_least is None else self.at_least

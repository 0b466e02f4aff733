"""The outcomes of an attempt, and their reasons."""

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one sample."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_evidence(self) -> bool:
        """Whether it is evidence about the target; internal faults and cancelled attempts are none."""
        return self not in NO_EVIDENCE

    @property
    def is_bad(self) -> bool:
        """Whether it counts against the target; a degraded target still does its work."""
        return self in BAD


NO_EVIDENCE = frozenset({Outcome.CANCELLED, Outcome.UNKNOWN})
BAD = frozenset({Outcome.DOWN, Outcome.TIMED_OUT})


class Reason(StrEnum):
    """The reason of an outcome; one value per cause that an operator would treat differently."""

    OK = "ok"
    LOCATIONS_DIFFER = "locations_differ"
    """The target is up by its quorum, and a location sees it down or degraded."""

    CONDITION_FAILED = "condition_failed"
    DNS_FAILED = "dns_failed"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_RESET = "connection_reset"
    UNREACHABLE = "unreachable"
    ADDRESS_REFUSED = "address_refused"
    """The address is not allowed: `deny_private_addresses` is set and it is not in the public network."""
    CONNECT_TIMED_OUT = "connect_timed_out"
    TIMED_OUT = "timed_out"
    TLS_FAILED = "tls_failed"
    CERTIFICATE_INVALID = "certificate_invalid"
    PROTOCOL_ERROR = "protocol_error"
    BODY_TOO_LARGE = "body_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    TRUNCATED = "truncated"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    REDIRECT_REFUSED = "redirect_refused"
    VERSION_REFUSED = "version_refused"
    """The server speaks another version of HTTP than those that are allowed."""
    ENCRYPTION_REFUSED = "encryption_refused"
    """The answer came by TLS and must not, or came in clear."""
    HEADER_REFUSED = "header_refused"
    """The header of the answer breaks a rule."""
    PROXY_FAILED = "proxy_failed"
    """The proxy cannot be reached, breaks off, or does not speak the protocol of its URL."""
    PROXY_REFUSED = "proxy_refused"
    """The proxy answers, and refuses the login or the target."""
    TOKEN_FAILED = "token_failed"  # noqa: S105  # a reason
    """No token could be had, so that the target was not asked."""
    UNEXPECTED_ANSWER = "unexpected_answer"
    CAPTURE_FAILED = "capture_failed"
    """A value that a later step needs is not in the answer, or cannot stand where it is to be used."""
    EXIT_STATUS = "exit_status"
    COMMAND_FAILED = "command_failed"
    EXCEPTION = "exception"
    HEARTBEAT_MISSED = "heartbeat_missed"
    RUN_OVERDUE = "run_overdue"
    """A run of a job has begun and has not ended in time."""
    REPORTED = "reported"
    """The host's own callable, plugin or heartbeat reported it."""

    CANCELLED = "cancelled"
    OVERLOADED = "overloaded"
    """The runtime itself was late: admission, loop lag, no free thread."""
    NO_DESCRIPTORS = "no_descriptors"
    BLIND = "blind"
    """The machine was suspended or stalled, or its own network was down, during the attempt."""
    RATE_LIMITED = "rate_limited"
    """The server that knows about the target refuses further questions for a while."""
    REGISTRY_UNKNOWN = "registry_unknown"
    """No server is known that could be asked about the target."""
    LOCATION_SILENT = "location_silent"
    """Too few of the locations from which the target is probed have answered."""
    INVALID_MEASUREMENT = "invalid_measurement"
    PROBE_CRASHED = "probe_crashed"


GOOD = frozenset({Reason.OK, Reason.LOCATIONS_DIFFER})
"""Reasons of samples that are up."""

INTERNAL_FAULTS = frozenset(
    {
        Reason.OVERLOADED,
        Reason.NO_DESCRIPTORS,
        Reason.BLIND,
        Reason.RATE_LIMITED,
        Reason.REGISTRY_UNKNOWN,
        Reason.LOCATION_SILENT,
        Reason.INVALID_MEASUREMENT,
        Reason.PROBE_CRASHED,
    }
)
"""Reasons that make a sample UNKNOWN, whatever the state of the target."""

SILENCES = frozenset({Reason.HEARTBEAT_MISSED, Reason.RUN_OVERDUE})
"""Reasons of samples that no report made: the absence of one."""

WITHOUT_ANSWER = frozenset(
    {
        Reason.DNS_FAILED,
        Reason.CONNECTION_REFUSED,
        Reason.CONNECTION_RESET,
        Reason.UNREACHABLE,
        Reason.ADDRESS_REFUSED,
        Reason.CONNECT_TIMED_OUT,
        Reason.TLS_FAILED,
        Reason.CERTIFICATE_INVALID,
        Reason.PROTOCOL_ERROR,
        Reason.BODY_TOO_LARGE,
        Reason.HEADERS_TOO_LARGE,
        Reason.TRUNCATED,
        Reason.TOO_MANY_REDIRECTS,
        Reason.REDIRECT_REFUSED,
        Reason.PROXY_FAILED,
        Reason.PROXY_REFUSED,
        Reason.TOKEN_FAILED,
        # In another version, or none at all where the handshake has not agreed on one.
        Reason.VERSION_REFUSED,
        Reason.COMMAND_FAILED,
        Reason.EXCEPTION,
        Reason.HEARTBEAT_MISSED,
        Reason.RUN_OVERDUE,
    }
)
"""Reasons of attempts without an answer or without a whole one: the time to such a failure is no response time.

A wrong answer (a status of 500, a failed condition, a plugin's CRITICAL) is an answer, and its time counts. A late
one (TIMED_OUT) took at least as long as the wait, which may count against the target, never for it.
"""


def is_answered(outcome: Outcome, reason: Reason) -> bool:
    """Whether a whole answer came in time, right or wrong: only then is its duration a response time.

    A sample that is no evidence has none either: it may be a refusal, or an answer that waited for a late runtime.
    """
    return outcome.is_evidence and outcome is not Outcome.TIMED_OUT and reason not in WITHOUT_ANSWER

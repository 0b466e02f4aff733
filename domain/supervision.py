"""Supervision: every policy that a supervisor applies, together."""

from collections.abc import Mapping
from typing import NamedTuple

from .admission import AdmissionPolicy
from .cancellation import CancellationPolicy
from .retry import RetryPolicy
from .units import NS_PER_S


class SupervisorPolicies(NamedTuple):
    """Every policy that the supervisor applies, printable as a whole."""

    admission: AdmissionPolicy
    retries: Mapping[str, RetryPolicy]
    """Per channel."""
    reopen: RetryPolicy = RetryPolicy(name="reopen store", backoff_ns_max=15 * NS_PER_S)
    cancellation: CancellationPolicy = CancellationPolicy()

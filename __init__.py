"""watchkeeper: polls targets on time, judges samples by rules, tells people exactly as often as it should."""

from .adapters.feed import Subscription
from .adapters.surface import Surface, surface_of
from .domain.aggregate import Status
from .domain.channel import CallChannel, Channel, Log, Webhook
from .domain.configuration import Configuration, Retention, RuntimeOptions
from .domain.duration import Duration
from .domain.errors import (
    ConfigurationError,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from .domain.event import HealthMoved, IncidentMoved, NoticeEnded, SampleSeen, WentBlind
from .domain.incident import Change, Incident
from .domain.notice import Notice
from .domain.observation import Measurement, Observation
from .domain.outcome import Outcome, Reason
from .domain.probe import BasicAuth, Call, Exec, Heartbeat, Http, Tcp, Tls
from .domain.rule import Consecutive, NoData, Rule, Severity, Threshold
from .domain.sample import Sample
from .domain.status import AbandonedWork, RuntimeStatus, TargetStatus
from .domain.target import Target, TargetFields
from .runtime import Runtime

__version__ = "0.1.0"

__all__ = [
    "AbandonedWork",
    "BasicAuth",
    "Call",
    "CallChannel",
    "Change",
    "Channel",
    "Configuration",
    "ConfigurationError",
    "Consecutive",
    "Duration",
    "Exec",
    "HealthMoved",
    "Heartbeat",
    "Http",
    "Incident",
    "IncidentMoved",
    "Log",
    "Measurement",
    "NoData",
    "Notice",
    "NoticeEnded",
    "Observation",
    "Outcome",
    "Reason",
    "Retention",
    "Rule",
    "Runtime",
    "RuntimeOptions",
    "RuntimeStatus",
    "Sample",
    "SampleSeen",
    "Severity",
    "Status",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "Subscription",
    "Surface",
    "Target",
    "TargetFields",
    "TargetStatus",
    "Tcp",
    "Threshold",
    "Tls",
    "UnknownName",
    "UsageError",
    "WatchkeeperError",
    "Webhook",
    "WentBlind",
    "__version__",
    "surface_of",
]

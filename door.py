"""The public names of watchkeeper: `watchkeeper/__init__.py` hands each of them out."""

from .adapters.stores.history.stored import Rollup, StoredSample
from .adapters.stores.sqlite.backup import Backup
from .adapters.stores.sqlite.reader import Verification
from .client.connection import Connection, connect
from .client.record import Record
from .domain.errors import (
    ConfigurationError,
    NotAllowed,
    NotRunning,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from .domain.incidents.incident import Incident, TransitionKind
from .domain.incidents.notice import Notice
from .domain.incidents.record import ALL, Silence
from .domain.observation.evidence import Evidence
from .domain.observation.observation import Measurement, Observation
from .domain.observation.outcome import Outcome, Reason
from .domain.observation.sample import Sample
from .domain.read_model.event import HealthChanged, IncidentChanged, NoticeEnded, SampleSeen, WentBlind
from .domain.read_model.status import AbandonedWork, RuntimeStatus, TargetStatus
from .domain.rules.aggregate import Status
from .domain.specification.channel import CallChannel, Channel, Log, Webhook
from .domain.specification.configuration import Configuration, Connectivity, Retention, RuntimeOptions
from .domain.specification.probe import BasicAuth, Call, Exec, Heartbeat, Http, Tcp, Tls
from .domain.specification.rule import Consecutive, NoData, Rule, Severity, Threshold
from .domain.specification.target import Target, TargetFields
from .domain.specification.web import Role, Token, Web
from .domain.time.duration import Duration
from .host.job import Job
from .host.subscriptions import Subscription
from .host.surface import Surface, surface_of
from .runtime import Runtime

asgi = Runtime.asgi

__all__ = [
    "ALL",
    "AbandonedWork",
    "Backup",
    "BasicAuth",
    "Call",
    "CallChannel",
    "Channel",
    "Configuration",
    "ConfigurationError",
    "Connection",
    "Connectivity",
    "Consecutive",
    "Duration",
    "Evidence",
    "Exec",
    "HealthChanged",
    "Heartbeat",
    "Http",
    "Incident",
    "IncidentChanged",
    "Job",
    "Log",
    "Measurement",
    "NoData",
    "NotAllowed",
    "NotRunning",
    "Notice",
    "NoticeEnded",
    "Observation",
    "Outcome",
    "Reason",
    "Record",
    "Retention",
    "Role",
    "Rollup",
    "Rule",
    "Runtime",
    "RuntimeOptions",
    "RuntimeStatus",
    "Sample",
    "SampleSeen",
    "Severity",
    "Silence",
    "Status",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoredSample",
    "Subscription",
    "Surface",
    "Target",
    "TargetFields",
    "TargetStatus",
    "Tcp",
    "Threshold",
    "Tls",
    "Token",
    "TransitionKind",
    "UnknownName",
    "UsageError",
    "Verification",
    "WatchkeeperError",
    "Web",
    "Webhook",
    "WentBlind",
    "asgi",
    "connect",
    "surface_of",
]

"""The public names of watchkeeper: `watchkeeper/__init__.py` hands each of them out."""

from .adapters.locations.serving import AgentStatistics
from .adapters.plugins.contract import ProbePlugin
from .adapters.stores.history.stored import Rollup, StoredSample, Summed, Totals
from .adapters.stores.record_reader import Verification
from .adapters.stores.sqlite.backup import Backup
from .client.connection import Connection, connect
from .client.record import Record
from .domain.errors import (
    ConfigurationError,
    NotAllowed,
    NotRunning,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreNewer,
    UnknownName,
    UsageError,
    WatchkeeperError,
)
from .domain.incidents.announcement import Announcement, AnnouncementKind
from .domain.incidents.delivery_try import DeliveryTry, TryResult
from .domain.incidents.incident import Incident, Transition, TransitionKind
from .domain.incidents.notice import Delivery, DeliveryState, Notice, NoticeReason
from .domain.incidents.record import ALL, BlindInterval, Outgoing, PauseMark, Silence
from .domain.incidents.told import ChannelTold
from .domain.observation.attempt import AttemptRecord, AttemptState
from .domain.observation.evidence import Evidence
from .domain.observation.location import LocationResult
from .domain.observation.observation import Measurement, Observation
from .domain.observation.outcome import Outcome, Reason
from .domain.observation.sample import Sample
from .domain.read_model.event import (
    HealthChanged,
    IncidentChanged,
    NoticeEnded,
    RoleChanged,
    SampleSeen,
    WentBlind,
)
from .domain.read_model.silence_preview import SilencePreview
from .domain.read_model.status import AbandonedWork, RuntimeStatus, TargetStatus
from .domain.rules.aggregate import Status
from .domain.specification.channel import CallChannel, Channel, Log, Webhook
from .domain.specification.chat_channels import Discord, Ntfy, Slack, Telegram
from .domain.specification.configuration import (
    Configuration,
    Connectivity,
    PingOptions,
    Retention,
    RuntimeOptions,
)
from .domain.specification.http.access import DigestAuth, Proxy
from .domain.specification.http.header_rules import HeaderRule
from .domain.specification.local_channels import Apprise, ExecChannel
from .domain.specification.mail_channel import Email
from .domain.specification.paging_channels import Alertmanager, PagerDuty
from .domain.specification.probe import (
    BasicAuth,
    Call,
    Composite,
    DialogueStep,
    Exec,
    Heartbeat,
    Http,
    OAuth2,
    Tcp,
    Tls,
)
from .domain.specification.probes.dns import Dns, DnsRecords
from .domain.specification.probes.icmp import Icmp
from .domain.specification.probes.plugin import Plugin
from .domain.specification.probes.redis import Redis
from .domain.specification.probes.servers.imap import Imap
from .domain.specification.probes.servers.mqtt import Mqtt
from .domain.specification.probes.servers.mysql import Mysql
from .domain.specification.probes.servers.postgres import Postgres
from .domain.specification.probes.smtp import Smtp
from .domain.specification.probes.ssh import Ssh
from .domain.specification.probes.tls_handshake import TlsHandshake
from .domain.specification.probes.udp import Udp
from .domain.specification.probes.web.grpc import Grpc
from .domain.specification.probes.web.http_steps import HttpCapture, HttpStep, HttpSteps
from .domain.specification.probes.web.registration import DomainRegistration
from .domain.specification.probes.web.websocket import WebSocket
from .domain.specification.remote.agents import Agents
from .domain.specification.routing import Dependency, Escalation, Flapping, Maintenance, Route, Window
from .domain.specification.rule import Consecutive, KOfN, Nagios, NoData, Rule, Severity, Slo, Threshold
from .domain.specification.target import Target, TargetFields
from .domain.specification.web import PublicPage, Role, Token, Web, WebMetrics
from .domain.time.duration import Duration
from .host.agents.agent import Agent
from .host.job import Job
from .host.subscriptions import Subscription
from .host.surface import Surface, surface_of
from .runtime import Runtime

asgi = Runtime.asgi

__all__ = [
    "ALL",
    "AbandonedWork",
    "Agent",
    "AgentStatistics",
    "Agents",
    "Alertmanager",
    "Announcement",
    "AnnouncementKind",
    "Apprise",
    "AttemptRecord",
    "AttemptState",
    "Backup",
    "BasicAuth",
    "BlindInterval",
    "Call",
    "CallChannel",
    "Channel",
    "ChannelTold",
    "Composite",
    "Configuration",
    "ConfigurationError",
    "Connection",
    "Connectivity",
    "Consecutive",
    "Delivery",
    "DeliveryState",
    "DeliveryTry",
    "Dependency",
    "DialogueStep",
    "DigestAuth",
    "Discord",
    "Dns",
    "DnsRecords",
    "DomainRegistration",
    "Duration",
    "Email",
    "Escalation",
    "Evidence",
    "Exec",
    "ExecChannel",
    "Flapping",
    "Grpc",
    "HeaderRule",
    "HealthChanged",
    "Heartbeat",
    "Http",
    "HttpCapture",
    "HttpStep",
    "HttpSteps",
    "Icmp",
    "Imap",
    "Incident",
    "IncidentChanged",
    "Job",
    "KOfN",
    "LocationResult",
    "Log",
    "Maintenance",
    "Measurement",
    "Mqtt",
    "Mysql",
    "Nagios",
    "NoData",
    "NotAllowed",
    "NotRunning",
    "Notice",
    "NoticeEnded",
    "NoticeReason",
    "Ntfy",
    "OAuth2",
    "Observation",
    "Outcome",
    "Outgoing",
    "PagerDuty",
    "PauseMark",
    "PingOptions",
    "Plugin",
    "Postgres",
    "ProbePlugin",
    "Proxy",
    "PublicPage",
    "Reason",
    "Record",
    "Redis",
    "Retention",
    "Role",
    "RoleChanged",
    "Rollup",
    "Route",
    "Rule",
    "Runtime",
    "RuntimeOptions",
    "RuntimeStatus",
    "Sample",
    "SampleSeen",
    "Severity",
    "Silence",
    "SilencePreview",
    "Slack",
    "Slo",
    "Smtp",
    "Ssh",
    "Status",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreNewer",
    "StoredSample",
    "Subscription",
    "Summed",
    "Surface",
    "Target",
    "TargetFields",
    "TargetStatus",
    "Tcp",
    "Telegram",
    "Threshold",
    "Tls",
    "TlsHandshake",
    "Token",
    "Totals",
    "Transition",
    "TransitionKind",
    "TryResult",
    "Udp",
    "UnknownName",
    "UsageError",
    "Verification",
    "WatchkeeperError",
    "Web",
    "WebMetrics",
    "WebSocket",
    "Webhook",
    "WentBlind",
    "Window",
    "asgi",
    "connect",
    "surface_of",
]

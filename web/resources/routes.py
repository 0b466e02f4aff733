"""The route table."""

from ...domain.specification.target import Target
from ...domain.specification.web import Role
from ..metrics.scraping import metrics
from ..shapes.announcement_rows import AnnouncementBody, AnnouncementRow
from ..shapes.answers import (
    AcknowledgementBody,
    AttemptRow,
    ConfigurationAnswer,
    Done,
    EvidenceRow,
    HeartbeatBody,
    IncidentRow,
    IncidentsQuery,
    Listed,
    NoBody,
    NoticesQuery,
    PageQuery,
    PingRow,
    PolicyRow,
    PreviewAnswer,
    PreviewQuery,
    RollupRow,
    SampleRow,
    SilenceBody,
    SilenceRow,
    SpanQuery,
    TargetRow,
    TargetsQuery,
    UptimeQuery,
)
from ..shapes.check_answer import CheckAnswer
from ..shapes.delivery_rows import ChannelRow, ChannelTestRow, IncidentNoticeRow, ToldRow, WaitRow
from ..shapes.drill_answers import DrillAnswer, DrillBody
from ..shapes.notice_rows import NoticeRow
from ..shapes.runtime_rows import SelfAnswer, StatusAnswer
from ..shapes.token_answers import MadeToken, TokenBody, TokenRow
from ..shapes.uptime_answer import UptimeAnswer
from ..table import API, ApiRoute, Unlocked
from . import (
    acting,
    announcing,
    channels,
    checks,
    drilling,
    probing,
    reading,
    silencing,
    streaming,
    tokens,
    tracking,
)
from .openapi import openapi

V, O, A = Role.VIEWER, Role.OPERATOR, Role.ADMIN  # noqa: E741  # columns of the table
TARGET = f"{API}/targets/{{target}}"
INCIDENT = f"{API}/incidents/{{incident}}"
SILENCE = f"{API}/silences/{{silence}}"
ANNOUNCEMENT = f"{API}/announcements/{{announcement}}"
TOKEN = f"{API}/tokens/{{token}}"

ROUTES: tuple[ApiRoute, ...] = (
    ApiRoute("GET", f"{API}/openapi.json", V, "This document.", openapi),
    ApiRoute(
        "GET", f"{API}/status", V, "The state of everything in a few figures.", reading.status, StatusAnswer
    ),
    ApiRoute("GET", f"{API}/self", V, "The state of the runtime itself.", reading.self, SelfAnswer),
    ApiRoute("GET", f"{API}/policies", V, "Every applied policy.", reading.policies, Listed[PolicyRow]),
    ApiRoute(
        "GET",
        f"{API}/targets",
        V,
        "Targets with their status, by id.",
        reading.targets,
        Listed[TargetRow],
        query=TargetsQuery,
    ),
    ApiRoute("GET", TARGET, V, "One target.", reading.target, TargetRow),
    ApiRoute(
        "PUT",
        TARGET,
        A,
        "Watches a target until a reload or the end of the process; one that was put here is replaced whole.",
        tracking.put_target,
        TargetRow,
        body=Target,
        reads=tracking.read_object,
    ),
    ApiRoute(
        "DELETE",
        TARGET,
        A,
        "Stops watching a target that was put here.",
        tracking.delete_target,
        TargetRow,
    ),
    ApiRoute("GET", f"{TARGET}/attempts", V, "Its newest attempts.", reading.attempts, Listed[AttemptRow]),
    ApiRoute(
        "GET",
        f"{TARGET}/samples",
        V,
        "Its samples; by default of the last hour.",
        reading.samples,
        Listed[SampleRow],
        query=SpanQuery,
    ),
    ApiRoute(
        "GET",
        f"{TARGET}/evidence",
        V,
        "The facts of its bad samples; by default of the last day.",
        reading.evidence,
        Listed[EvidenceRow],
        query=SpanQuery,
    ),
    ApiRoute(
        "GET",
        f"{TARGET}/hours",
        V,
        "Its hours; by default of the last day.",
        reading.hours,
        Listed[RollupRow],
        query=SpanQuery,
    ),
    ApiRoute(
        "GET",
        f"{TARGET}/days",
        V,
        "Its days (UTC); by default of the last 30.",
        reading.days,
        Listed[RollupRow],
        query=SpanQuery,
    ),
    ApiRoute("GET", f"{TARGET}/uptime", V, "Its uptime.", reading.uptime, UptimeAnswer, query=UptimeQuery),
    ApiRoute(
        "GET",
        f"{TARGET}/pings",
        V,
        "The newest reports of its job over the API, since this process runs.",
        reading.pings,
        Listed[PingRow],
        query=PageQuery,
    ),
    ApiRoute(
        "POST",
        f"{TARGET}/check",
        O,
        "Starts one attempt at once, beside its schedule; one that runs answers in its place.",
        checks.check,
        CheckAnswer,
        body=NoBody,
    ),
    ApiRoute("PUT", f"{TARGET}/pause", O, "Starts no more attempts.", acting.pause, TargetRow, body=NoBody),
    ApiRoute(
        "POST",
        f"{TARGET}/heartbeat",
        O,
        "Reports for a heartbeat: that its job ran, or that it failed.",
        acting.heartbeat,
        TargetRow,
        body=HeartbeatBody,
    ),
    ApiRoute("DELETE", f"{TARGET}/pause", O, "Starts attempts again.", acting.resume, TargetRow),
    ApiRoute(
        "GET",
        f"{API}/incidents",
        V,
        "Incidents, the newest first.",
        reading.incidents,
        Listed[IncidentRow],
        query=IncidentsQuery,
    ),
    ApiRoute("GET", INCIDENT, V, "One incident.", reading.incident, IncidentRow),
    ApiRoute(
        "GET",
        f"{INCIDENT}/transitions",
        V,
        "Its states, from its opening.",
        reading.transitions,
        Listed[IncidentRow],
    ),
    ApiRoute(
        "GET",
        f"{INCIDENT}/notices",
        V,
        "Its notices, each with every try to deliver it.",
        reading.incident_notices,
        Listed[IncidentNoticeRow],
    ),
    ApiRoute(
        "GET",
        f"{INCIDENT}/told",
        V,
        "The last notice that each channel took, and the one that waits.",
        reading.told,
        Listed[ToldRow],
    ),
    ApiRoute(
        "GET",
        f"{API}/waits",
        V,
        "The channels that are to be told of an incident and wait, each with the reason.",
        reading.waits,
        Listed[WaitRow],
        query=PageQuery,
    ),
    ApiRoute(
        "PUT",
        f"{INCIDENT}/acknowledgement",
        O,
        "Records that the author has seen it: channels are told of its end alone.",
        acting.acknowledge,
        IncidentRow,
        body=AcknowledgementBody,
    ),
    ApiRoute(
        "DELETE",
        f"{INCIDENT}/acknowledgement",
        O,
        "Withdraws the acknowledgement: channels are told once, and of changes again.",
        acting.unacknowledge,
        IncidentRow,
    ),
    ApiRoute(
        "GET",
        f"{API}/silences",
        V,
        "The silences in force, by id.",
        silencing.silences,
        Listed[SilenceRow],
        query=PageQuery,
    ),
    ApiRoute(
        "GET",
        f"{API}/silences/preview",
        V,
        "The effect that a silence would have now.",
        silencing.preview,
        PreviewAnswer,
        query=PreviewQuery,
    ),
    ApiRoute("GET", SILENCE, V, "One silence in force.", silencing.silence, SilenceRow),
    ApiRoute(
        "PUT", SILENCE, O, "Begins or changes a silence.", silencing.put_silence, SilenceRow, body=SilenceBody
    ),
    ApiRoute("DELETE", SILENCE, O, "Ends a silence.", silencing.delete_silence, SilenceRow),
    ApiRoute(
        "GET",
        f"{API}/announcements",
        V,
        "The announcements that stand on public pages, by id.",
        announcing.announcements,
        Listed[AnnouncementRow],
        query=PageQuery,
    ),
    ApiRoute(
        "GET", ANNOUNCEMENT, V, "One announcement that stands.", announcing.announcement, AnnouncementRow
    ),
    ApiRoute(
        "PUT",
        ANNOUNCEMENT,
        O,
        "Tells the readers of public pages something, or changes what they are told.",
        announcing.put_announcement,
        AnnouncementRow,
        body=AnnouncementBody,
    ),
    ApiRoute(
        "DELETE", ANNOUNCEMENT, O, "Ends an announcement.", announcing.delete_announcement, AnnouncementRow
    ),
    ApiRoute(
        "GET",
        f"{API}/notices",
        V,
        "Notices, oldest first.",
        reading.notices,
        Listed[NoticeRow],
        query=NoticesQuery,
    ),
    ApiRoute(
        "POST",
        f"{API}/notices/{{key}}/redrive",
        O,
        "Sends a notice that was given up again, under its own key.",
        acting.redrive,
        Done,
        body=NoBody,
    ),
    ApiRoute(
        "GET",
        f"{API}/channels",
        V,
        "The channels, each with the notices that it has not taken.",
        channels.channels,
        Listed[ChannelRow],
    ),
    ApiRoute(
        "POST",
        f"{API}/channels/{{channel}}/test",
        O,
        "Sends a test to a channel, once, and answers with its try.",
        channels.test,
        ChannelTestRow,
        body=NoBody,
    ),
    ApiRoute(
        "POST",
        f"{API}/drill",
        O,
        "Begins a drill of a route: an incident that nothing has caused, marked wherever it is told.",
        drilling.begin,
        DrillAnswer,
        body=DrillBody,
    ),
    ApiRoute("DELETE", f"{API}/drill/{{incident}}", O, "Ends a drill.", drilling.end, IncidentRow),
    ApiRoute(
        "POST",
        f"{API}/reload",
        A,
        "Applies the configuration file as it is now; an invalid one changes nothing.",
        acting.reload,
        StatusAnswer,
        body=NoBody,
    ),
    ApiRoute(
        "GET",
        f"{API}/config",
        A,
        "The configuration in effect, with its secrets masked.",
        reading.configuration,
        ConfigurationAnswer,
    ),
    ApiRoute(
        "GET",
        f"{API}/tokens",
        A,
        "Tokens by name, without their secrets: of the configuration, and those made at run time.",
        tokens.tokens,
        Listed[TokenRow],
        query=PageQuery,
    ),
    ApiRoute(
        "PUT",
        TOKEN,
        A,
        "Makes a token, whose secret is shown this once; gives one that exists another role.",
        tokens.put_token,
        MadeToken,
        body=TokenBody,
    ),
    ApiRoute(
        "DELETE",
        TOKEN,
        A,
        "Ends a token, its sessions and its event streams at once.",
        tokens.delete_token,
        TokenRow,
    ),
    ApiRoute("GET", f"{API}/events", V, "The event stream.", streaming.events, query=streaming.EventsQuery),
    ApiRoute("GET", "/metrics", V, "The metrics of this process, for Prometheus.", metrics),
    ApiRoute("GET", "/healthz", Unlocked.PUBLIC, "`ok` while the runtime's loop turns.", probing.healthz),
    ApiRoute(
        "GET", "/readyz", Unlocked.PUBLIC, "`ready` while it runs and its store writes.", probing.readyz
    ),
    *(
        ApiRoute(
            method,
            f"/ping/{{key}}{rest}",
            Unlocked.KEY,
            does,
            probing.ping,
            query=probing.PingQuery,
            name=name,
        )
        for rest, does, name in (
            ("", "The job of this key has succeeded.", "ping"),
            ("/{signal}", "It has started, failed, logged, or ended with an exit status.", "ping_signal"),
        )
        for method in ("GET", "POST")
    ),
)

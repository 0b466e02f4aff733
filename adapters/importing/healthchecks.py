"""healthchecks: the checks that its API lists become heartbeats, with the same keys of their pings."""

from typing import Any

from .imported import Imported, label_name, literal, placed, seconds_text, without_nothing
from .source import PeerFile, PeerPart

_OF_MAIL = [
    "prefix",
    "subject",
    "subject_fail",
    "start_kw",
    "success_kw",
    "failure_kw",
    "filter_subject",
    "filter_body",
    "filter_http_body",
    "filter_default_fail",
]
_SEEN = [
    "n_pings",
    "started",
    "last_ping",
    "last_ping_success",
    "last_duration",
    "next_ping",
    "unique_key",
    "badge_url",
    "update_url",
    "pause_url",
    "resume_url",
]
_NO_ADDRESS = (
    "the API tells no address of an integration: its notices are lines of the log until a channel is chosen"
)
_FROM_MAIL = "reports come over HTTP or from a program: mails are not read"
MAPPED = {
    "checks[].name": "`id` and `name`",
    "checks[].slug": "`id`, where there is one",
    "checks[].tags": "`labels`, each with the text `true`",
    "checks[].desc": "`description`",
    "checks[].grace": "`heartbeat.grace`, and `heartbeat.run_max` of a run whose start is reported",
    "checks[].timeout": "`every`",
    "checks[].schedule": "`heartbeat.schedule`: cron and OnCalendar",
    "checks[].tz": "`heartbeat.zone`",
    "checks[].status": "`paused: true` where it is `paused`",
    "checks[].ping_url": "`heartbeat.key`: the last part of it",
    "checks[].uuid": "`heartbeat.key`",
    "checks[].channels": "`notify`: each integration is a channel `log`, with its name where the list of integrations stands in the file, too",
    "channels[].id": "the integrations that checks name",
    "channels[].name": "the `id` of a channel",
    **{
        f"checks[].{key}": "nothing: it says what was last seen of the check, or where its API is"
        for key in _SEEN
    },
}
"""Keys that are read, and what they come to."""
LEFT = {
    "channels[].kind": _NO_ADDRESS,
    "checks[].manual_resume": "a paused target goes on with `watchkeeper resume`, whatever is reported",
    "checks[].methods": "a ping is a GET, HEAD or POST",
    **{f"checks[].{key}": _FROM_MAIL for key in _OF_MAIL},
}
"""Why keys are not read. Those without a value are not listed."""


def from_healthchecks(file: PeerFile) -> Imported:
    """Returns the configuration that a list of checks comes to; its notes list the rest."""
    made = Imported()
    made.add("runtime", {"store": "watch.db"})
    root = file.root
    integrations = _Integrations([] if isinstance(file.data, list) else root.parts("channels"), made)
    checks = root.parts("" if isinstance(file.data, list) else "checks")
    for check in checks:
        _check(check, made, integrations)
    made.open_door()
    file.note_what_is_left()
    return made


class _Integrations:
    """The channels that integrations come to, which a list of the API names and says nothing more of."""

    def __init__(self, stated: list[PeerPart], made: Imported) -> None:
        self._made = made
        self._channels: dict[str, str] = {}
        for part in stated:
            key = part.text("id") or ""
            self._channels[key] = self._new(part.text("name") or key, part)
            part.leave_whole(_NO_ADDRESS)

    def of(self, check: PeerPart) -> list[str]:
        """Returns the channels of a check; one that no list names is added and listed at the first check that has it."""
        keys = [key for each in (check.text("channels") or "").split(",") if (key := each.strip())]
        for key in keys:
            if key not in self._channels:
                self._channels[key] = self._new("log" if key == "*" else key, None)
                check.file.note((*check.path, "channels"), _NO_ADDRESS, "")
        return [*dict.fromkeys(self._channels[key] for key in keys)]

    def _new(self, name: str, part: PeerPart | None) -> str:
        entry = self._made.add("channels", {"id": self._made.new_id(name)}, part)
        entry.data["log"] = {}
        return entry.plain_id


def _check(check: PeerPart, made: Imported, integrations: _Integrations) -> None:
    name, slug, described = check.text("name"), check.text("slug"), check.text("desc")
    key = made.new_id(slug or name or "check")
    period, grace = check.number("timeout"), check.number("grace")
    schedule, zone = check.text("schedule"), check.text("tz")
    address = check.text("ping_url")
    secret = check.text("uuid") or (address and address.rstrip("/").rpartition("/")[2])
    allowed = None if grace is None else seconds_text(grace)
    heartbeat: dict[str, Any] = {
        "schedule": placed(check, "schedule", _schedule(schedule)),
        "zone": placed(check, "tz", zone) if schedule else None,
        "grace": placed(check, "grace", allowed),
        "run_max": allowed,
        "key": placed(check, "ping_url" if address else "uuid", secret and literal(secret)),
    }
    data = {
        "id": key,
        "name": placed(check, "name", name and literal(name)) if name != key else None,
        "description": placed(check, "desc", described and literal(described)),
        "labels": {
            label_name(tag, number): "true" for number, tag in enumerate((check.text("tags") or "").split())
        },
        "every": None if schedule else placed(check, "timeout", seconds_text(period or 86_400)),
        "paused": True if check.text("status") == "paused" else None,
    }
    entry = made.add("targets", data, check)
    entry.data["heartbeat"] = without_nothing(heartbeat)
    if channels := integrations.of(check):
        entry.data["notify"] = placed(check, "channels", channels)
    if secret is None:
        check.file.note(
            check.path, "a list that is made with a read-only key has no keys of pings: set heartbeat.key", ""
        )
    for each in check.unread:
        if each in _SEEN or check.value[each] in (None, "", False, 0):
            check.raw(each)


def _schedule(text: str | None) -> str | None:
    """Returns cron's five fields with one blank between them, or an OnCalendar expression of one line."""
    return None if text is None else " ".join(text.split()) if len(text.splitlines()) == 1 else text

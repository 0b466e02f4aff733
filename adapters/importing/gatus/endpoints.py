"""Gatus: endpoints and external endpoints become targets, providers of alerts channels, windows maintenance."""

from contextlib import suppress
from typing import Any

from ....domain.time.duration import parse_duration
from ..addresses import host_and_port, registered_name
from ..imported import Imported, Placed, ping_key, placed, without_nothing
from ..source import PeerFile, PeerPart
from .alerts import Alerted, GatusAlerts
from .probes import NoProbeError, probe_of
from .suites import suite_of
from .texts import conditions_of, group_of, labels_of, registrations_of, text_of
from .windows import maintenance_of

_UNTOLD_EVERY = "366d"
_DEFAULT_EVERY, _DEFAULT_TIMEOUT = "60s", "10s"
_REGISTRATION_EVERY = "6h"
"""The cadence of a registration whose endpoint is checked more often: registries limit questions."""


def from_gatus(file: PeerFile) -> Imported:
    """Returns the configuration that a file of Gatus comes to; its notes list the rest."""
    made = Imported()
    root = file.root
    alerts = GatusAlerts(root.part("alerting"), made)
    made.add("runtime", {"store": "watch.db"})
    for endpoint in root.parts("endpoints"):
        _endpoint(endpoint, made, alerts)
    for endpoint in root.parts("external-endpoints"):
        _external(endpoint, made, alerts)
    for suite in root.parts("suites"):
        suite_of(suite, made, alerts)
    if (window := root.part("maintenance")) is not None:
        maintenance_of(window, made)
    made.open_door()
    file.note_what_is_left()
    return made


def _endpoint(endpoint: PeerPart, made: Imported, alerts: GatusAlerts) -> None:
    url, client = text_of(endpoint, "url") or "", endpoint.part("client")
    try:
        kind, probe = probe_of(endpoint, client, url)
    except NoProbeError as error:
        endpoint.leave_whole(str(error))
        return
    conditions, registrations = conditions_of(endpoint, kind), registrations_of(endpoint)
    alerted = alerts.of(endpoint)
    every, timeout = text_of(endpoint, "interval"), client and text_of(client, "timeout")
    name = text_of(endpoint, "name")
    data: dict[str, Any] = {
        "every": placed(endpoint, "interval", every or _DEFAULT_EVERY),
        "timeout": placed(client, "timeout", timeout) if client and timeout else _DEFAULT_TIMEOUT,
        kind: Placed(probe, endpoint.line_of("url")),
        "expect": conditions,
    }
    keys = []
    if conditions or not registrations:
        keys.append(_target(endpoint, name, data, made, alerts, alerted))
    if registrations:
        of_name = name if not keys else f"{name or ''} registration".strip()
        registered = _registration(url, every, registrations)
        keys.append(_target(endpoint, of_name, registered, made, alerts, alerted))
    for window in endpoint.parts("maintenance-windows"):
        maintenance_of(window, made, *keys)


def _registration(url: str, every: str | None, conditions: list[Placed]) -> dict[str, Any]:
    """Returns what watches the registration of the name in a URL."""
    least = parse_duration(_REGISTRATION_EVERY)
    stated = None
    with suppress(ValueError):
        stated = parse_duration(every or "")
    return {
        "every": every if stated is not None and stated >= least else _REGISTRATION_EVERY,
        "timeout": "30s",
        "domain": {"name": registered_name(host_and_port(url).host)},
        "expect": conditions,
    }


def _target(
    endpoint: PeerPart,
    name: str | None,
    data: dict[str, Any],
    made: Imported,
    alerts: GatusAlerts,
    alerted: Alerted,
) -> str:
    """Adds a target of an endpoint, and returns its id."""
    group = text_of(endpoint, "group")
    key = made.new_id(group, name)
    is_on = endpoint.flag("enabled", default=True)
    whole = {
        "id": placed(endpoint, "name", key),
        "name": None if name == key else name,
        "group": placed(endpoint, "group", group_of(group)),
        **data,
        "labels": labels_of(endpoint),
        "paused": None if is_on else placed(endpoint, "enabled", True),
        **alerted.keys,
    }
    alerts.remind(made.add("targets", whole, endpoint), alerted)
    return key


def _external(endpoint: PeerPart, made: Imported, alerts: GatusAlerts) -> None:
    """A report that comes from outside: its token becomes the key of the heartbeat where that may be one."""
    name, group, token = (text_of(endpoint, key) for key in ("name", "group", "token"))
    key = made.new_id(group, name)
    heartbeat = endpoint.part("heartbeat")
    every = text_of(heartbeat, "interval") if heartbeat else None
    alerted = alerts.of(endpoint)
    data = {
        "id": placed(endpoint, "name", key),
        "name": None if name == key else name,
        "group": placed(endpoint, "group", group_of(group)),
        "every": placed(heartbeat, "interval", every) if heartbeat and every else _UNTOLD_EVERY,
        "labels": labels_of(endpoint),
        "paused": placed(endpoint, "enabled", True) if not endpoint.flag("enabled", default=True) else None,
        **alerted.keys,
    }
    entry = made.add("targets", data, endpoint)
    alerts.remind(entry, alerted)
    entry.data["heartbeat"] = without_nothing({"key": ping_key(endpoint, "token", token)})
    for window in endpoint.parts("maintenance-windows"):
        maintenance_of(window, made, key)
    if not every:
        entry.remarks = ("silence was never an outage there: here it is one after 366 days",)

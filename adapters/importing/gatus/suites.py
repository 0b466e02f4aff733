"""Suites of Gatus: each becomes one target of several requests, whose answers are passed on."""

import re
from collections.abc import Callable
from typing import Any

from ..imported import Imported, Placed, placed
from ..source import PeerPart
from .alerts import GatusAlerts
from .probes import http_of
from .texts import DOMAIN, conditions_of, filled, group_of, labels_of, text_of

_DEFAULT_EVERY, _DEFAULT_TIMEOUT = "10m", "5m"
_REFERENCE = re.compile(r"\[CONTEXT\]\.([\w-]+)((?:\.[\w-]+)*)", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


class _Context:
    """The knowledge of the steps of a suite: values that the file states, and those of answers, by the names that ours have."""

    def __init__(self, stated: dict[str, str]) -> None:
        self._stated = {key: filled(text) for key, text in stated.items()}
        self._stored: dict[str, dict[str, Any]] = {}
        self._places: dict[str, str] = {}

    def store(self, step: dict[str, Any], key: str, place: str) -> None:
        """Keeps a part of an answer under a key; a text that names none is one that the file states."""
        if not place.startswith("["):
            self._stated[key] = filled(place)
            self._stored.pop(key, None)
            return
        self._stored[key], self._places[key] = step, place
        step["capture"][_capture_name(key)] = place

    def text_of(self, found: re.Match[str]) -> str | None:
        """Returns what stands for a reference in a request; None where nothing is known under its key."""
        key, below = found[1], found[2]
        if key in self._stored:
            name = _capture_name(key + below)
            self._stored[key]["capture"][name] = self._places[key] + below
            return f"{{{{{name}}}}}"
        return None if below else self._stated.get(key)

    def stated(self, found: re.Match[str]) -> str | None:
        """Returns the text of the file for a reference; None for a value of an answer, which is compared with nothing."""
        return None if found[2] or found[1] in self._stored else self._stated.get(found[1])


def _capture_name(key: str) -> str:
    name = _NOT_IN_NAMES.sub("_", key)
    return f"_{name}" if name[:1].isdigit() else name


def suite_of(suite: PeerPart, made: Imported, alerts: GatusAlerts) -> None:
    """Adds the target of a suite."""
    name, group = text_of(suite, "name"), text_of(suite, "group")
    endpoints = suite.parts("endpoints")
    odd = next((each for each in endpoints if not _is_http(each)), None)
    if odd is not None or not endpoints:
        said = f"{odd.text('name') or 'one'} is no request of HTTP" if odd else "it has no steps"
        suite.leave_whole(f"{said}: each step of `http_steps` is one")
        return
    context = _Context(suite.pairs("context"))
    steps: list[dict[str, Any]] = []
    for endpoint in endpoints:
        if endpoint.flag("enabled", default=True):
            steps.append(_step(endpoint, context, steps))
        else:
            endpoint.leave_whole("a step that is not enabled is not carried out")
    alerted = alerts.of(*endpoints)
    key = made.new_id(group, name)
    data: dict[str, Any] = {
        "id": placed(suite, "name", key),
        "name": None if name == key else name,
        "group": placed(suite, "group", group_of(group)),
        "every": placed(suite, "interval", text_of(suite, "interval") or _DEFAULT_EVERY),
        "timeout": placed(suite, "timeout", text_of(suite, "timeout") or _DEFAULT_TIMEOUT),
        "http_steps": {"steps": steps},
        "labels": {key: text for each in endpoints for key, text in labels_of(each).items()},
        "paused": None if suite.flag("enabled", default=True) else placed(suite, "enabled", True),
        **alerted.keys,
    }
    alerts.remind(made.add("targets", data, suite), alerted)


def _is_http(endpoint: PeerPart) -> bool:
    url = endpoint.text("url") or ""
    is_other = any(endpoint.value.get(key) is not None for key in ("dns", "ssh", "grpc"))
    return url.lower().startswith(("http://", "https://", "$")) and not is_other


def _step(endpoint: PeerPart, context: _Context, before: list[dict[str, Any]]) -> dict[str, Any]:
    for key in ("group", "interval"):
        # A step belongs to its suite, and comes when that does.
        endpoint.raw(key)
    client = endpoint.part("client")
    if client is not None:
        # Within one attempt they last for all steps.
        client.raw("store-cookies")

    def in_request(value: Any) -> Any:
        return _with_values(value, context.text_of, lambda name: endpoint.leave("store", _unknown(name)))

    request = {
        key: in_request(value)
        for key, value in http_of(endpoint, client, text_of(endpoint, "url") or "").items()
    }
    step: dict[str, Any] = {
        "id": _step_id(text_of(endpoint, "name") or "step", before),
        **request,
        "expect": _conditions(endpoint, context),
        "capture": {},
        "always": placed(endpoint, "always-run", True) if endpoint.flag("always-run") else None,
    }
    for key, place in endpoint.pairs("store").items():
        context.store(step, key, place)
    return step


def _unknown(name: str) -> str:
    return f"no step before stores {name}"


def _step_id(name: str, before: list[dict[str, Any]]) -> str:
    plain = name.replace("/", "-").strip() or "step"
    number, found = 1, plain
    while any(step["id"] == found for step in before):
        number += 1
        found = f"{plain}-{number}"
    return found


def _conditions(endpoint: PeerPart, context: _Context) -> list[Any]:
    for number, text in enumerate(endpoint.texts("conditions")):
        if DOMAIN.search(text):
            reason = "the registration of a name is watched by a target of its own, of the kind `domain`"
            endpoint.leave_entry("conditions", number, reason)
    found = []
    for condition in conditions_of(endpoint, "http_steps"):
        unknown: list[str] = []
        text = _with_values(condition.value, context.stated, unknown.append)
        if not unknown:
            found.append(Placed(text, condition.line))
            continue
        number = next(
            number
            for number, stated in enumerate(endpoint.texts("conditions"))
            if filled(stated) == condition.value
        )
        endpoint.leave_entry("conditions", number, "a condition compares with no value of an earlier answer")
    return found


def _with_values(
    value: Any, known: Callable[[re.Match[str]], str | None], unknown: Callable[[str], Any]
) -> Any:
    """Returns a value with what is known of the context in its texts."""

    def text_for(found: re.Match[str]) -> str:
        text = known(found)
        if text is None:
            unknown(found[0])
            return found[0]
        return text

    if isinstance(value, str):
        return _REFERENCE.sub(text_for, value)
    if isinstance(value, dict):
        return {key: _with_values(each, known, unknown) for key, each in value.items()}
    if isinstance(value, Placed):
        return Placed(_with_values(value.value, known, unknown), value.line)
    return value

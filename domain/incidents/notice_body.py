"""The JSON document of a notice, which every channel sends: a pure function of the notice, to the byte.

A retry, a restart and a fail-over of the same notice make the same bytes, so that a receiver may compare them.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from ..limits import DIGEST_SHOWN
from ..time.moment import wall_text
from .digest import Digest, DigestMember
from .incident import Incident
from .notice import Notice


def notice_document(notice: Notice) -> dict[str, Any]:
    """Returns the document as plain data; moments are RFC 3339 in UTC, null where they have not come.

    `incident` is the lead of a digest, and `digest` there only for one; `reminder` is its number, there only for one;
    `remark` is there only where there is one.
    """
    mark = {"test": True} if notice.is_test else {"drill": True} if notice.is_drill else {}
    repeated = {"reminder": notice.reminder} if notice.reminder else {}
    remark = {} if notice.remark is UNSET else {"remark": _text(notice.remark)}
    digest = {} if notice.digest is UNSET else {"digest": digest_document(notice.digest)}
    return {
        "id": notice.key,
        "type": notice.type,
        **mark,
        "sequence": notice.sequence,
        "timestamp": wall_text(notice.said_at_ns),
        "reason": notice.reason.value,
        **repeated,
        **remark,
        **digest,
        "incident": incident_document(notice.incident),
    }


def digest_document(digest: Digest) -> dict[str, Any]:
    """Returns a digest as plain data: its counts, and the first 50 of its members and of the others that are open."""
    return {
        "id": digest.grouping.id,
        "route": _text(digest.route),
        "labels": {_text(name): _text(value) for name, value in digest.labels},
        "opened": digest.opened_count,
        "ended": digest.ended_count,
        "open": digest.open_count,
        "members": [_member_document(member) for member in digest.members[:DIGEST_SHOWN]],
        "members_left_out": max(0, len(digest.members) - DIGEST_SHOWN),
        "others": [_member_document(member) for member in digest.others],
        "others_left_out": digest.others_count - len(digest.others),
    }


def _member_document(member: DigestMember) -> dict[str, Any]:
    remark = {"remark": _text(member.remark)} if member.remark else {}
    return {
        "id": member.incident_id,
        "sequence": member.sequence,
        "change": member.change.value,
        "target": _text(member.target),
        "rule": _text(member.rule),
        "severity": member.severity.value,
        "at": wall_text(member.at_ns),
        "opened_at": wall_text(member.opened_at_ns),
        "acknowledged": member.is_acknowledged,
        "cause": _text(member.cause),
        **remark,
    }


def incident_document(incident: Incident) -> dict[str, Any]:
    """Returns the state of an incident as plain data with the keys of a notice.

    `acknowledged_until` is there only for an acknowledgement with an end, `about` only where the target has metadata, and `drill`,
    the name of a route, only for a drill.
    """
    document = {
        "id": incident.id,
        "target": _text(incident.target),
        "rule": _text(incident.rule),
        "severity": incident.severity.value,
        "status": "open" if incident.is_open else "resolved",
        "opened_at": wall_text(incident.opened_at_ns),
        "acknowledged_at": _wall_text(incident.acknowledged_at_ns),
        "acknowledged_by": None if incident.acknowledged_by is None else _text(incident.acknowledged_by),
        "resolved_at": _wall_text(incident.resolved_at_ns),
        "note": _text(incident.note) or None,
        "lasted": incident.lasted,
        "cause": _text(incident.cause),
        "latest": _text(incident.latest),
        "reason": _text(incident.reason),
        "explanation": _text(incident.explanation),
        "evidence": list(incident.evidence),
    }
    if incident.acknowledged_until_ns is not None:
        document["acknowledged_until"] = wall_text(incident.acknowledged_until_ns)
    if incident.drill is not UNSET:
        document["drill"] = _text(incident.drill.route)
    about = incident.metadata.to_dict()
    return document | {"about": about} if about else document


def notice_body(notice: Notice) -> bytes:
    """Returns the document as UTF-8 JSON with a fixed order of keys.

    Raises: ValueError for a moment outside the calendar.
    """
    try:
        return msgspec.json.encode(notice_document(notice))
    except OverflowError as error:
        raise ValueError(
            f"notice {notice.key} has a moment outside the calendar (years 1 to 9999)"
        ) from error


def _wall_text(wall_ns: int | None) -> str | None:
    return None if wall_ns is None else wall_text(wall_ns)


def _text(text: str) -> str:
    """Returns the text with lone surrogates replaced, because UTF-8 cannot encode them."""
    return text.encode("utf-8", "replace").decode("utf-8")

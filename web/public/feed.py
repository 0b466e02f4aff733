"""The Atom feed of a public page: its announcements and incidents, the newest first."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from .value import PublicAnnouncement, PublicView
from .words import announcement_span, incident_span, incident_title

MEDIA_TYPE = "application/atom+xml"
ENTRIES_MAX = 50
_ATOM = "http://www.w3.org/2005/Atom"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no document of XML 1.0 may hold, not even escaped."""


class _Entry(NamedTuple):
    key: str
    title: str
    text: str
    published: datetime
    updated: datetime


def feed_of(view: PublicView) -> bytes:
    """Returns the feed. Its links are relative to itself, so that it may lie anywhere."""
    entries = sorted(_entries(view), key=lambda entry: (entry.updated, entry.key), reverse=True)[:ENTRIES_MAX]
    # The time of a feed without entries is that of nothing in it: the day stands for it.
    updated = max((entry.updated for entry in entries), default=view.as_of.replace(hour=0, minute=0))
    feed = Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _text(feed, "title", view.title)
    _text(feed, "id", f"urn:uuid:{view.key}")
    _text(feed, "updated", _time(updated))
    _text(SubElement(feed, "author"), "name", view.title)
    SubElement(feed, "link", {"rel": "self", "type": MEDIA_TYPE, "href": "feed.atom"})
    for each in entries:
        entry = SubElement(feed, "entry")
        _text(entry, "title", each.title)
        _text(entry, "id", f"urn:uuid:{each.key}")
        _text(entry, "published", _time(each.published))
        _text(entry, "updated", _time(each.updated))
        _text(entry, "content", each.text).set("type", "text")
    content: bytes = tostring(feed, "utf-8", xml_declaration=False)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + content


def _entries(view: PublicView) -> Iterator[_Entry]:
    for said in (*view.announcements, *view.past_announcements):
        yield _Entry(said.key, said.title, _announced(said, view), said.created_at, said.updated_at)
    for incident in view.past:
        text = f"{incident_title(incident)}: {incident_span(incident)}."
        ended_at = incident.ended_at or incident.began_at
        yield _Entry(incident.key, incident_title(incident), text, incident.began_at, ended_at)


def _announced(said: PublicAnnouncement, view: PublicView) -> str:
    span = f"{announcement_span(said, view.as_of)}."
    return f"{said.text}\n\n{span}" if said.text else span


def _text(parent: Element, name: str, text: str) -> Element:
    made = SubElement(parent, name)
    made.text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return made


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

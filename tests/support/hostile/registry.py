"""A registry on loopback: its server of RDAP and the list that names it, with answers in the form of RFC 9083 and RFC 9224."""

import json
from collections.abc import Mapping
from typing import Any

from .visit import Answer, Visit

MEDIA_TYPE = "Content-Type: application/rdap+json"


def registration(name: str = "shop.example", **parts: Any) -> dict[str, Any]:
    """The answer about a domain: handle, contacts, events, states and keys as in RFC 9083, 5.3."""
    registrar = {
        "objectClassName": "entity",
        "handle": "XXXX",
        "vcardArray": [
            "vcard",
            [
                ["version", {}, "text", "4.0"],
                ["fn", {}, "text", "Good Names Inc."],
                ["lang", {"pref": "1"}, "language-tag", "fr"],
            ],
        ],
        "roles": ["registrar"],
        "publicIds": [{"type": "IANA Registrar ID", "identifier": "1"}],
    }
    registrant = {"objectClassName": "entity", "handle": "YYYY", "roles": ["registrant"]}
    return {
        "rdapConformance": ["rdap_level_0"],
        "objectClassName": "domain",
        "handle": "XXXX",
        "ldhName": name,
        "nameservers": [
            {"objectClassName": "nameserver", "ldhName": f"NS{number}.example.net"} for number in (1, 2)
        ],
        "secureDNS": {"zoneSigned": True, "delegationSigned": True, "maxSigLife": 604_800},
        "entities": [registrant, registrar],
        "events": [
            {"eventAction": "registration", "eventDate": "1990-12-31T23:59:59Z"},
            {
                "eventAction": "last changed",
                "eventDate": "1991-12-31T23:59:59Z",
                "eventActor": "joe@example.com",
            },
            {"eventAction": "expiration", "eventDate": "2190-01-01T00:00:00Z"},
        ],
        "status": ["client transfer prohibited", "active"],
        "port43": "whois.example.net",
        **parts,
    }


def answering(document: Any, status: str = "200 OK", *headers: str) -> Answer:
    """Answers every question with the same document."""
    return lambda visit: visit.answer(status, [MEDIA_TYPE, *headers], json.dumps(document).encode())


def listing(servers: Mapping[str, str]) -> dict[str, Any]:
    """The list of registries, in which each name has its server."""
    return {
        "version": "1.0",
        "publication": "2024-01-07T10:11:12Z",
        "description": "RDAP bootstrap file",
        "services": [[[name], [url]] for name, url in servers.items()],
    }


class Registry:
    """Answers about some domains, and says of every other that it is not registered."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self._known = {f"/rdap/domain/{each['ldhName'].lower()}": each for each in documents}

    def __call__(self, visit: Visit) -> None:
        document = self._known.get(visit.path)
        if document is None:
            answering({"errorCode": 404, "title": "Not Found"}, "404 Not Found")(visit)
        else:
            answering(document)(visit)

"""The short message on the page that follows a form: a cookie with a code, read once and within a minute."""

from collections.abc import Mapping

from starlette.responses import Response

from ....domain.time.moment import NS_PER_S
from ...limits import FLASH_WITHIN_S
from ...origin import Visit
from ...sessions import cookie, cookie_name, cookie_of

SENTENCES: Mapping[str, str] = {
    "paused": "Paused: no check starts until it is resumed.",
    "resumed": "Resumed: checks start again.",
    "checked": "Checked just now.",
    "checking": "The check has begun, and its answer is not there yet: look again in a moment.",
    "acknowledged": "Acknowledged: the channels hear of the end only.",
    "taken": "Another person had acknowledged it before you, and this stays.",
    "unacknowledged": "The acknowledgement is withdrawn: the channels hear of it again.",
    "free": "It was not acknowledged (any more), so there was nothing to withdraw.",
    "silenced": "Silenced: it ends by itself.",
    "unsilenced": "The silence has ended: the messages that it held back go out now.",
    "over": "That silence had ended before.",
    "announced": "Announced: it stands on the public pages.",
    "unannounced": "The announcement has ended.",
    "no-announcement": "That announcement had ended before.",
    "redriven": "The notice is on its way again.",
    "kept": (
        "That notice cannot be sent again: it was not given up, its channel has had a later one, or the store waits to be reopened."
    ),
    "accepted": "The receiver has taken the test message.",
    "refused": "The receiver has not taken the test message.",
}
"""The words by the code of the message. No word of a client is among them."""
YET = "It is not in the store yet: look again in a moment."


def leave_message(visit: Visit, response: Response, code: str, now_ns: int, *, is_durable: bool) -> None:
    """Lets the next page say what stands now."""
    said = f"{code}.{int(is_durable)}.{now_ns // NS_PER_S}"
    _set_cookie(visit, response, said, FLASH_WITHIN_S)


def message_of(visit: Visit, now_ns: int) -> str:
    """Returns the message for this page; empty without one, for one that is a minute old, and where a script asks."""
    if visit.headers.one(b"sec-fetch-mode") not in {None, "navigate"}:
        return ""
    code, _, rest = (cookie_of(visit.headers.all(b"cookie"), _name(visit)) or "").partition(".")
    is_durable, _, at = rest.partition(".")
    if code not in SENTENCES or not (at.isascii() and at.isdecimal() and len(at) <= 12):
        return ""
    if not 0 <= now_ns // NS_PER_S - int(at) <= FLASH_WITHIN_S:
        return ""
    return SENTENCES[code] if is_durable == "1" else f"{SENTENCES[code]} {YET}"


def forget_message(visit: Visit, response: Response) -> None:
    """Takes the message away, once a page has shown it."""
    _set_cookie(visit, response, "", 0)


def _set_cookie(visit: Visit, response: Response, said: str, within_s: float) -> None:
    header = cookie(_name(visit), said, encrypted=visit.is_encrypted, within_s=within_s)
    response.headers.append("set-cookie", header)


def _name(visit: Visit) -> str:
    return f"{cookie_name(visit.mount, encrypted=visit.is_encrypted)}-said"

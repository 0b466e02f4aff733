"""Tests of channels: a notice about no incident, which travels as every notice does and is tried once."""

from hashlib import sha256

from ...specification.rule import Severity
from ...specification.target import OWN_NAME
from ..incident import Incident, TransitionKind
from ..notice import Notice, NoticeReason


def notice_of_test(channel: str, by: str, number: tuple[int, int], now_ns: int) -> Notice:
    """Returns the notice of a test that `by` asked for; `number` is never used twice in a store.

    Its incident is made for it and recorded nowhere. It is resolved, so that a receiver which overlooks the mark of a test
    alarms nobody.
    """
    # The moment keeps apart two stores, and two runs without one, whose receiver may be the same and keeps keys.
    key = f"test_{sha256(f'{channel}/{number}/{now_ns}'.encode()).hexdigest()[:32]}"
    asked = f", asked for by {by}" if by else ""
    says = f"this is a test of the channel {channel}{asked}: nothing is wrong"
    incident = Incident(
        id=key,
        sequence=1,
        change=TransitionKind.RESOLVED,
        target=OWN_NAME,
        rule="test",
        severity=Severity.INFO,
        at_ns=now_ns,
        opened_at_ns=now_ns,
        resolved_at_ns=now_ns,
        cause=says,
        latest=says,
        reason="test",
        explanation=says,
        notify=(channel,),
    )
    return Notice(
        key=key,
        channel=channel,
        change=incident.change,
        incident=incident,
        reason=NoticeReason.TEST,
        created_at_ns=now_ns,
    )

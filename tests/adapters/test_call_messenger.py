import asyncio
import logging
import threading

import logged
import pytest
from watchkeeper.adapters.channels.local.call import CallMessenger
from watchkeeper.adapters.channels.local.log import LogMessenger, line_of
from watchkeeper.adapters.clock import SystemClock
from watchkeeper.domain.incidents.incident import Incident, TransitionKind
from watchkeeper.domain.incidents.notice import Answer, NoticeReason, make_notice
from watchkeeper.domain.incidents.trials.drill import Drill
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.specification.channel import CallChannel, Log
from watchkeeper.domain.specification.metadata import TargetMetadata
from watchkeeper.domain.specification.rule import Severity
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline, Moment

from tests.adapters.timing import call_at_of

CLOCK = SystemClock()
WALL_NS = 1_767_225_600_000_000_000


def notice_of(**settings):
    known = {
        "id": "inc_1",
        "sequence": 1,
        "change": TransitionKind.OPENED,
        "target": "shop",
        "rule": "down",
        "severity": Severity.CRITICAL,
        "at_ns": WALL_NS,
        "opened_at_ns": WALL_NS,
        "reason": "connection_refused",
    }
    return make_notice(
        Incident(**{**known, **settings}), "ops", TransitionKind.OPENED, WALL_NS, NoticeReason.TRANSITION
    )


NOTICE = notice_of()


def send(messenger, timeout_ns=10 * NS_PER_S, notice=NOTICE):
    answered = asyncio.get_running_loop().create_future()
    attempt = messenger.send(notice, 1, Deadline.after(CLOCK.read(), timeout_ns), answered.set_result)
    assert not answered.done(), "done was called from within send"
    return attempt, answered


def run(main, make):
    """Runs against a messenger that is closed in every case."""

    async def whole():
        messenger = make(asyncio.get_running_loop())
        try:
            return await asyncio.wait_for(main(messenger), 20)
        finally:
            messenger.close()

    return asyncio.run(whole())


def calling(function, **settings):
    return lambda loop: CallMessenger(
        CallChannel(name="pager"), function, loop, CLOCK, call_at_of(loop, CLOCK), **settings
    )


def told(function, **settings):
    async def main(messenger):
        return await send(messenger, **settings)[1]

    return run(main, calling(function))


def fails(error):
    def behaviour():
        raise error

    return behaviour


ANSWERS = [
    (lambda: None, Answer(accepted=True)),
    (lambda: True, Answer(accepted=True)),
    (lambda: False, Answer(accepted=False, detail="it returned False")),
    (lambda: "sent", Answer(accepted=False, detail="it returned str, not None or a bool")),
    (lambda: 0, Answer(accepted=False, detail="it returned int, not None or a bool")),
    (fails(ConnectionError("peer\naway")), Answer(accepted=False, detail="ConnectionError: peer")),
    (fails(TimeoutError("its own")), Answer(accepted=False, detail="TimeoutError: its own")),
    (fails(SystemExit(1)), Answer(accepted=False, detail="SystemExit: 1")),
]


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize(("behaviour", "answer"), ANSWERS)
def test_the_return_value_of_the_callable_is_the_answer(colour, behaviour, answer):
    notices = []

    def sync(notice):
        notices.append(notice)
        return behaviour()

    async def native(notice):
        return sync(notice)

    assert told(sync if colour == "sync" else native) == answer
    assert notices == [NOTICE]


def test_a_callable_that_hangs_is_timed_out_and_accounted():
    release = threading.Event()

    async def main(messenger):
        first = None
        while not messenger.abandoned():  # on a busy machine the thread may begin too late to be abandoned
            first = await send(messenger, 150 * NS_PER_MS)[1]
        second = await send(messenger, 150 * NS_PER_MS)[1]
        abandoned = messenger.abandoned()
        release.set()
        third = await send(messenger)[1]
        return first, second, third, abandoned

    first, second, third, abandoned = run(main, calling(lambda notice: release.wait(20)))
    assert first == Answer(accepted=False, detail="timed out")
    assert second == Answer(accepted=False, detail="timed out: an earlier call has not come back")
    assert third == Answer(accepted=True)
    assert abandoned == ("watchkeeper-channel-pager-1: pager",)


def test_a_notice_without_a_free_thread_is_retried_not_abandoned():
    release = threading.Event()

    async def main(messenger):
        _, first = send(messenger)
        second = await send(messenger, 150 * NS_PER_MS)[1]
        release.set()
        await first
        return second

    answer = run(main, calling(lambda notice: release.wait(20), threads_max=1))
    assert (answer.accepted, answer.retryable) == (False, True)
    assert answer.detail.startswith("overloaded")


def test_cancelling_a_waiting_notice_sends_nothing():
    release, sent = threading.Event(), []

    def take(notice):
        sent.append(notice.incident.sequence)
        release.wait(20)

    async def main(messenger):
        _, first = send(messenger)
        waiting, never = send(messenger, notice=notice_of(sequence=2))
        assert waiting.cancel() is CancelOutcome.WITHOUT_EFFECT
        release.set()
        await first
        assert not never.done()

    run(main, calling(take, threads_max=1))
    assert sent == [1]


class At:
    """A clock that stands so many seconds after the first step of the incident."""

    def __init__(self, seconds):
        self.now = Moment(NS_PER_S, NOTICE.incident.at_ns + seconds * NS_PER_S)

    def read(self):
        return self.now


def log_line(caplog, spec, notice=NOTICE, clock=None):
    async def main(messenger):
        return await send(messenger, notice=notice)[1]

    with caplog.at_level(logging.INFO):
        answer = run(main, lambda loop: LogMessenger(spec, loop, clock or At(0), call_at_of(loop, CLOCK)))
    return answer, logged.records(caplog)


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_a_notice_is_one_line_at_its_level(caplog, level):
    answer, records = log_line(caplog, Log(logger="host.notices", level=level))

    assert answer == Answer(accepted=True)
    assert [(each.name, each.levelname) for each in records] == [("host.notices", level.upper())]
    assert records[0].getMessage() == (
        "incident.opened target=shop rule=down severity=critical reason=connection_refused "
        f"opened_at=2026-01-01T00:00:00.000Z incident=inc_1 sequence=1 key={NOTICE.key}"
    )


def test_a_drill_has_its_title_on_the_line(caplog):
    drilled = notice_of(drill=Drill(route="shop", until_ns=0))

    _, records = log_line(caplog, Log(), drilled)

    assert 'incident.opened title="[DRILL, critical] shop: down" target=shop ' in records[0].getMessage()


def test_hostile_names_stay_on_one_line_and_in_quotes(caplog):
    hostile = notice_of(target='a" rule=x', explanation="100%s\nincident.resolved target=\x1b[2J\\")

    _, records = log_line(caplog, Log(), hostile)

    line = records[0].getMessage()
    assert line.isprintable()
    assert r'target="a\" rule=x"' in line
    assert r'explanation="100%s\nincident.resolved target=\x1b[2J\\"' in line
    assert line == line_of(hostile, hostile.incident.at_ns)


def test_a_line_that_is_no_news_any_more_says_how_late_it_is(caplog):
    _, news = log_line(caplog, Log(), clock=At(60))
    assert " late=" not in news[0].getMessage()
    caplog.clear()
    _, records = log_line(caplog, Log(), clock=At(5_400))
    assert " late=5400s incident=inc_1 " in records[0].getMessage()


def test_a_line_has_the_texts_about_the_target_where_it_has_any():
    about = TargetMetadata(name="The shop", group="web", runbook="https://wiki/down")
    plain, described = (line_of(notice_of(about=each), WALL_NS) for each in (TargetMetadata(), about))
    assert 'target=shop name="The shop" group=web rule=down' in described
    assert " runbook=https://wiki/down opened_at=" in described
    assert [word for word in (" name=", " group=", " runbook=") if word in plain] == []


def test_a_log_handler_that_blocks_delays_one_notice_only():
    release = threading.Event()

    class Stuck(logging.Handler):
        def emit(self, record):
            release.wait(20)

    handler = Stuck()
    logging.getLogger("stuck.notices").addHandler(handler)

    async def main(messenger):
        answer = None
        while not messenger.abandoned():  # on a busy machine the thread may begin too late to be abandoned
            answer = await send(messenger, 150 * NS_PER_MS)[1]
        release.set()
        return answer

    try:
        answer = run(
            main, lambda loop: LogMessenger(Log(logger="stuck.notices"), loop, CLOCK, call_at_of(loop, CLOCK))
        )
    finally:
        logging.getLogger("stuck.notices").removeHandler(handler)
    assert answer == Answer(accepted=False, detail="timed out")


def test_a_log_filter_that_raises_is_tried_again():
    def refuse(record):
        raise RuntimeError("no")

    logger = logging.getLogger("raising.notices")
    logger.addFilter(refuse)

    async def main(messenger):
        return await send(messenger)[1]

    try:
        answer = run(
            main,
            lambda loop: LogMessenger(Log(logger="raising.notices"), loop, CLOCK, call_at_of(loop, CLOCK)),
        )
    finally:
        logger.removeFilter(refuse)
    assert answer == Answer(accepted=False, detail="RuntimeError: no")

"""Every policy can be seen, and the read model's snapshots keep to theirs."""

import asyncio
import threading
from enum import Enum

import msgspec
import pytest
from watchkeeper import Channel, Log, Runtime
from watchkeeper.domain.policy import CachePolicy, CancellationPolicy, MailboxOverflow, OverflowPolicy
from watchkeeper.domain.supervision.admission import AdmissionPolicy
from watchkeeper.domain.supervision.own_network import ConnectivityPolicy
from watchkeeper.domain.supervision.restart import RestartPolicy
from watchkeeper.domain.supervision.retry import RetryPolicy
from watchkeeper.host.status_cache import StatusCache

SECOND_NS = 1_000_000_000


def test_every_policy_is_listed_by_its_name():
    listed = Runtime(channels=[Channel(id="ops", log=Log(), give_up_after="2h")]).policies()

    by_kind = {type(policy): [each for each in listed if type(each) is type(policy)] for policy in listed}
    assert set(by_kind) == {
        RetryPolicy,
        RestartPolicy,
        CancellationPolicy,
        AdmissionPolicy,
        ConnectivityPolicy,
        MailboxOverflow,
        CachePolicy,
    }
    assert {policy.name for policy in by_kind[CachePolicy]} == {
        "names of targets and of channels",
        "tls contexts",
        "tokens of OAuth 2.0",
        "tls contexts of probes and mail",
        "registries",
        "shared probe results",
        "receivers of a notice that took it",
        "compiled conditions",
        "status snapshots",
        "targets of other nodes",
        "days and hours of all targets",
        "pages",
        "parts of pages",
        "scrapes",
    }
    assert by_kind[RetryPolicy][0].give_up_after_ns == 7_200 * SECOND_NS
    assert len(by_kind[MailboxOverflow]) == 6
    assert len({(type(policy), policy.name) for policy in listed}) == len(listed)


def test_a_policy_is_frozen_and_prints_all_that_it_says():
    for policy in Runtime().policies():
        said = repr(policy)
        for field in msgspec.structs.fields(policy):
            assert f"{field.name}=" in said
        with pytest.raises(AttributeError):
            policy.name = "other"


def test_only_samples_heartbeats_and_checks_by_command_may_be_dropped_from_a_mailbox():
    overflows = [policy for policy in Runtime().policies() if isinstance(policy, MailboxOverflow)]
    assert {policy.dropped for policy in overflows} == {
        (),
        ("Beat", "CheckNow"),
        ("SampleTaken",),
        ("RecordSamples",),
        ("SampleJudged",),
    }
    assert all(isinstance(policy.policy, Enum) for policy in overflows)
    assert {policy.policy for policy in overflows if policy.dropped} == {OverflowPolicy.DROP_OLDEST}


def test_many_pages_are_answered_by_one_question(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        assert runtime.status("1m") is runtime.status("1m")
        assert runtime.status() is not runtime.status()

        async def page():
            return await runtime.aio.status("1m"), await runtime.aio.status()

        kept, fresh = asyncio.run(page())
        assert kept is runtime.status("1m")
        assert fresh is not kept


def test_a_command_makes_every_snapshot_outdated(shop, ops):
    with Runtime(targets=[shop], **ops) as runtime:
        before = runtime.status("1m")
        runtime.pause("shop")
        after = runtime.status("1m")

    assert (before.targets[0].paused, after.targets[0].paused) == (False, True)


def test_pages_that_ask_at_once_cause_one_question():
    asked, all_wait = [], threading.Barrier(8)
    told = threading.Event()

    def load():
        asked.append(threading.get_ident())
        told.wait(10)
        return "how it stands"

    snapshots = StatusCache(load, 30 * SECOND_NS)
    heard = []

    def page():
        all_wait.wait(10)
        heard.append(snapshots.status(30 * SECOND_NS))

    pages = [threading.Thread(target=page) for _ in range(8)]
    for each in pages:
        each.start()
    told.set()
    for each in pages:
        each.join(10)

    assert len(asked) == 1
    assert heard == ["how it stands"] * 8


def test_a_question_that_fails_is_asked_again():
    answers = iter([RuntimeError("not now"), "how it stands"])

    def load():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    snapshots = StatusCache(load, SECOND_NS)
    with pytest.raises(RuntimeError, match="not now"):
        snapshots.status(SECOND_NS)
    assert snapshots.status(SECOND_NS) == "how it stands"

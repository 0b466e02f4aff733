import base64
import hmac
import json

import msgspec
import pytest
from hostile.server import HostileServer
from records import SHOP_DOWN
from watchkeeper.adapters.channels.posting import RecipeMessenger
from watchkeeper.adapters.channels.recipes.webhook import WebhookRecipe
from watchkeeper.adapters.channels.retry_after import retry_after_ns
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import NoticeReason, make_notice
from watchkeeper.domain.incidents.notice_body import notice_body
from watchkeeper.domain.limits import RETRY_AFTER_NS_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.specification.channel import Channel, Webhook
from watchkeeper.domain.specification.configuration import Configuration
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline
from watchkeeper.domain.validation.partial import judged

from tests.adapters.timing import ANSWER_WITHIN_MS, time_for

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
TRANSITION = msgspec.structs.replace(SHOP_DOWN, reason="timed_out", cause="", explanation="")
NOTICE = make_notice(TRANSITION, "ops", TransitionKind.OPENED, TRANSITION.at_ns, NoticeReason.TRANSITION)
WALL_NS = 1_767_225_600 * NS_PER_S


@pytest.fixture
def server():
    with HostileServer() as server:
        yield server


def post(bench, spec, *, notice=NOTICE, timeout_ms=ANSWER_WITHIN_MS, attempt=1):
    """One attempt of a messenger, to its answer."""
    messenger = RecipeMessenger(WebhookRecipe(spec), bench.transport, bench.clock)
    answer = bench.loop.create_future()
    deadline = Deadline.after(bench.clock.read(), timeout_ms * NS_PER_MS)
    messenger.send(notice, attempt, deadline, answer.set_result)
    assert not answer.done()
    return bench.wait(answer, timeout_ms)


def test_a_notice_arrives_as_its_document(bench, server):
    answer = post(bench, Webhook(url=server.url("/hook"), headers={"X-Team": "ops"}))
    heard = server.heard[0]

    assert (answer.accepted, answer.detail) == (True, "HTTP 200")
    assert (heard.method, heard.path, heard.body) == ("POST", "/hook", notice_body(NOTICE))
    assert heard.header("content-type") == "application/json"
    assert heard.header("x-team") == "ops"
    assert heard.header("webhook-id") == NOTICE.key == json.loads(heard.body)["id"]
    assert heard.header("webhook-signature") is None


@pytest.mark.parametrize(
    ("secret", "key"), [(SECRET, b"0123456789abcdef01234567"), ("any text ü", "any text ü".encode())]
)
def test_a_signature_proves_id_time_and_body(bench, server, secret, key):
    post(bench, Webhook(url=server.url("/hook"), secret=secret))
    heard = server.heard[0]
    signed = f"{heard.header('webhook-id')}.{heard.header('webhook-timestamp')}.".encode() + heard.body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()

    assert heard.header("webhook-signature") == f"v1,{expected}"
    assert abs(int(heard.header("webhook-timestamp")) - bench.clock.read().wall_ns // NS_PER_S) <= 60


def test_the_signature_is_that_of_the_published_example():
    from watchkeeper.adapters.channels.signature import signed_headers, signing_key

    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = dict(signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', key))

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_retry_says_the_same_under_the_same_id(bench, server):
    for attempt in (1, 2):
        post(bench, Webhook(url=server.url("/hook"), secret=SECRET), attempt=attempt)
    first, second = server.heard

    assert first.body == second.body
    assert first.header("webhook-id") == second.header("webhook-id")


@pytest.mark.parametrize(("ago_s", "late_s"), [(0, None), (59, None), (3_600, 3_600)])
def test_a_late_notice_is_marked_and_its_body_stays_the_same(bench, server, ago_s, late_s):
    at_ns = bench.clock.read().wall_ns - ago_s * NS_PER_S
    step = msgspec.structs.replace(TRANSITION, at_ns=at_ns, opened_at_ns=at_ns)
    notice = make_notice(step, "ops", TransitionKind.OPENED, at_ns, NoticeReason.TRANSITION)
    post(bench, Webhook(url=server.url("/hook"), headers={"Watchkeeper-Late": "1"}), notice=notice)
    heard = server.heard[0]

    assert heard.body == notice_body(notice)
    marked = heard.header("watchkeeper-late")
    assert marked is None if late_s is None else late_s <= int(marked) <= late_s + 2


@pytest.mark.parametrize(
    ("path", "accepted", "retryable"),
    [
        ("status/200", True, True),
        ("status/201", True, True),
        ("status/299", True, True),
        ("endless", True, True),
        ("reset_in_body", True, True),
        ("status/301", False, True),
        ("status/304", False, True),
        ("redirect/307?/healthy", False, True),
        ("status/400", False, True),
        ("status/401", False, True),
        ("status/404", False, True),
        ("status/410", False, False),
        ("status/422", False, True),
        ("status/408", False, True),
        ("status/425", False, True),
        ("status/429", False, True),
        ("status/403", False, True),
        ("status/302", False, True),
        ("status/999", False, True),
        ("status/500", False, True),
        ("status/503", False, True),
        ("status_000", False, True),
        ("status_2000", False, True),
        ("small_http", False, True),
        ("reset", False, True),
        ("early_close", False, True),
        ("close_in_header", False, True),
        ("long_header", False, True),
        ("nothing", False, True),
        ("drip_head", False, True),
    ],
)
def test_each_answer_is_taken_or_tried_again_by_the_table(bench, server, path, accepted, retryable):
    answer = post(bench, Webhook(url=server.url(f"/{path}")), timeout_ms=time_for(path, 300))

    assert (answer.accepted, answer.retryable) == (accepted, retryable)
    assert answer.detail
    assert answer.detail.isprintable()
    assert len(server.heard) == 1


def test_a_network_failure_may_be_tried_again(bench):
    answer = post(bench, Webhook(url="http://nowhere.invalid/hook/canary", secret="canary"))  # noqa: S106 - made to be looked for

    assert (answer.accepted, answer.retryable) == (False, True)
    assert "dns_failed" in answer.detail
    assert "canary" not in answer.detail


def test_a_receiver_may_set_retry_after(bench):
    def busy(visit):
        visit.answer("503 Busy", ["Retry-After: 17"])

    with HostileServer({"busy": busy}) as server:
        answer = post(bench, Webhook(url=server.url("/busy")))

    assert answer.retry_after_ns == 17 * NS_PER_S


def test_a_long_page_beside_a_refusal_hides_nothing_of_it(bench):
    def busy(visit):
        visit.answer("503 Busy", ["Retry-After: 17"], b"x" * 100_000)

    with HostileServer({"busy": busy}) as server:
        answer = post(bench, Webhook(url=server.url("/busy")))

    assert (answer.detail, answer.retry_after_ns) == ("HTTP 503", 17 * NS_PER_S)


@pytest.mark.parametrize(
    ("text", "wait_ns"),
    [
        ("0", 0),
        ("120", 120 * NS_PER_S),
        (" 5 ", 5 * NS_PER_S),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("999999999999", RETRY_AFTER_NS_MAX),
        ("9" * 4_000, None),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60 * NS_PER_S),
        ("Thursday, 01-Jan-26 00:01:00 GMT", 60 * NS_PER_S),
        ("Thu Jan  1 00:01:00 2026", 60 * NS_PER_S),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_NS_MAX),
        ("Thu, 99 Xxx 2026 00:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_within_bounds(text, wait_ns):
    header = f"HTTP/1.1 503 Busy\r\nretry-AFTER: {text}\r\nX: y\r\n\r\n".encode()

    assert retry_after_ns(header, WALL_NS) == wait_ns


def test_no_retry_after_asks_for_nothing():
    assert retry_after_ns(b"HTTP/1.1 503 Busy\r\nX-Retry-After: 5\r\n\r\n", WALL_NS) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": "whsec_canary!"},
        {"secret": "whsec_"},
        {"secret": ""},
        {"url": "file:///canary"},
        {"url": "http://canary:canary@127.0.0.1/"},
        {"headers": {"X-Key": "canary\r\nX: y"}},
    ],
    ids=str,
)
def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(fields):
    channel = Channel(id="a", webhook=Webhook(**{"url": "http://127.0.0.1/", **fields}))
    _, (problem,) = judged(Configuration(channels=(channel,)))

    assert "canary" not in str(problem)


def test_a_private_receiver_is_refused_when_denied(bench, server):
    messenger = RecipeMessenger(
        WebhookRecipe(Webhook(url=server.url("/hook"))),
        bench.transport,
        bench.clock,
        deny_private_addresses=True,
    )
    answer = bench.loop.create_future()
    messenger.send(NOTICE, 1, Deadline.after(bench.clock.read(), NS_PER_S), answer.set_result)
    said = bench.wait(answer)

    assert (said.accepted, said.retryable) == (False, False)
    assert server.heard == []


def test_a_name_that_leads_to_a_private_address_is_tried_again(bench, server):
    spec = Webhook(url=f"http://localhost:{server.port}/hook")
    messenger = RecipeMessenger(
        WebhookRecipe(spec), bench.transport, bench.clock, deny_private_addresses=True
    )
    answer = bench.loop.create_future()
    messenger.send(NOTICE, 1, Deadline.after(bench.clock.read(), NS_PER_S), answer.set_result)
    said = bench.wait(answer)

    assert (said.accepted, said.retryable) == (False, True)
    assert "address_refused" in said.detail


def test_a_cancel_before_the_request_left_has_no_effect(bench, server):
    messenger = RecipeMessenger(WebhookRecipe(Webhook(url=server.url("/hook"))), bench.transport, bench.clock)
    heard = []
    posting = messenger.send(NOTICE, 1, Deadline.after(bench.clock.read(), NS_PER_S), heard.append)

    assert posting.cancel() is CancelOutcome.WITHOUT_EFFECT
    bench.turn()
    assert (heard, server.heard) == ([], [])


def test_a_cancel_after_the_request_left_is_unknown(bench, server):
    messenger = RecipeMessenger(
        WebhookRecipe(Webhook(url=server.url("/nothing"))), bench.transport, bench.clock
    )
    heard = []
    posting = messenger.send(NOTICE, 1, Deadline.after(bench.clock.read(), 60 * NS_PER_S), heard.append)
    assert bench.when(server.arrived)

    assert [posting.cancel(), posting.cancel()] == [CancelOutcome.UNKNOWN] * 2
    assert server.gone.wait(20)
    bench.turn()
    assert heard == []


def test_a_cancel_after_the_answer_comes_too_late(bench, server):
    messenger = RecipeMessenger(WebhookRecipe(Webhook(url=server.url("/hook"))), bench.transport, bench.clock)
    answer = bench.loop.create_future()
    posting = messenger.send(NOTICE, 1, Deadline.after(bench.clock.read(), NS_PER_S), answer.set_result)
    bench.wait(answer)

    assert posting.cancel() is CancelOutcome.COMPLETED_ANYWAY


def test_no_handle_of_a_posting_is_kept(bench, server):
    for _ in range(5):
        post(bench, Webhook(url=server.url("/hook"), secret=SECRET))

    assert repr(bench.transport).endswith("idle_handles=0)")

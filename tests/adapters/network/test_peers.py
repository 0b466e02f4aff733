"""Every channel that speaks HTTP against a receiver that answers by a script: the result, and when the next attempt may be."""

import pytest
from peers import PEERS
from ports import free_port
from records import notice_of, opened, then
from watchkeeper import Channel
from watchkeeper.adapters.channels.posting import RecipeMessenger
from watchkeeper.adapters.channels.recipes import table
from watchkeeper.adapters.channels.recipes.recipe import Recipe
from watchkeeper.adapters.channels.recipes.table import recipe_of
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.limits import RETRY_AFTER_NS_MAX
from watchkeeper.domain.observation.attempt import CancelOutcome
from watchkeeper.domain.time.moment import NS_PER_MS, NS_PER_S, Deadline

from tests.adapters.timing import ANSWER_WITHIN_MS

FIRST = opened()
SHORT_MS = 500
"""Only for answers that never end."""
TAKEN_MS = 2_000
"""For an answer that never ends to a request that must be taken before, on a busy machine, too."""
IN_BODY_NS = {"discord": NS_PER_S // 4, "telegram": 3 * NS_PER_S}
"""The waits that services name in the body, where they are finer."""
UNENDING = {"hang", "drip"}
ANSWERS = [
    ("200", True, None),
    ("429 7", False, 7 * NS_PER_S),
    ("429 date", False, RETRY_AFTER_NS_MAX),
    ("429 99999999999", False, RETRY_AFTER_NS_MAX),
    ("429 soon", False, None),
    ("429", False, None),
    ("500", False, None),
    ("redirect", False, None),
    ("hang", False, None),
    ("drip", False, None),
    ("cut", False, None),
    ("reset", False, None),
]


@pytest.fixture(params=PEERS)
def peer(request):
    with PEERS[request.param]() as peer:
        yield peer


def test_every_kind_of_channel_that_speaks_http_has_a_receiver_that_behaves_by_a_script():
    made = set()
    for begin in PEERS.values():
        with begin() as peer:
            made.add(type(recipe_of(Channel(id="ops", **peer.spec).transport)))
    known = {each for name, each in vars(table).items() if name.endswith("Recipe")} - {Recipe}
    assert made == known


def messenger_of(bench, spec):
    channel = Channel(id="ops", **spec)
    return RecipeMessenger(recipe_of(channel.transport), bench.transport, bench.clock)


def send(bench, spec, transition=FIRST, attempt=1, memory="", timeout_ms=ANSWER_WITHIN_MS):
    """One attempt, to its answer."""
    messenger, answer = messenger_of(bench, spec), bench.loop.create_future()
    deadline = Deadline.after(bench.clock.read(), timeout_ms * NS_PER_MS)
    messenger.send(notice_of(transition), attempt, deadline, answer.set_result, memory)
    assert not answer.done()
    return bench.wait(answer, ANSWER_WITHIN_MS)


@pytest.mark.parametrize(("word", "accepted", "wait_ns"), ANSWERS)
def test_an_answer_has_its_result_and_its_next_attempt(bench, peer, word, accepted, wait_ns):
    peer.script(word)
    said = send(bench, peer.spec, timeout_ms=SHORT_MS if word in UNENDING else ANSWER_WITHIN_MS)
    (kind,) = peer.spec
    if word.startswith("429 "):
        wait_ns = IN_BODY_NS.get(kind, wait_ns)
    assert (said.accepted, said.retryable, said.retry_after_ns) == (accepted, True, wait_ns)
    assert said.detail


def test_a_receiver_that_is_not_there_is_tried_again(bench, peer):
    (kind,) = peer.spec
    fields = {
        name: value.replace(f":{peer.server.port}", f":{free_port()}")
        if name in {"url", "api", "server"}
        else value
        for name, value in peer.spec[kind].items()
    }
    said = send(bench, {kind: fields})
    assert (said.accepted, said.retryable) == (False, True)
    assert said.detail.startswith("connection_refused")


def test_a_redirect_is_not_followed(bench, peer):
    peer.script("redirect")
    send(bench, peer.spec)
    assert [each.path for each in peer.server.heard if each.path.startswith("/elsewhere")] == []


def test_a_thread_is_told_to_its_end(bench, peer):
    memory, step = "", FIRST
    for change in (None, TransitionKind.ACKNOWLEDGED, TransitionKind.RESOLVED):
        step = step if change is None else then(step, change, acknowledged_by="ann")
        said = send(bench, peer.spec, step, memory=memory)
        assert said.accepted
        memory = said.memory or ""
    assert len(peer.shown) == (1 if peer.is_rewritten else 3)


ONCE = ["slack", "pagerduty", "ntfy", "alertmanager", "webhook"]


@pytest.mark.parametrize("kind", ONCE)
@pytest.mark.parametrize("word", ["cut", "hang"])
def test_a_repeat_of_what_was_taken_without_an_answer_is_shown_once(bench, kind, word):
    with PEERS[kind]() as peer:
        peer.script(word)
        timeout_ms = TAKEN_MS if word == "hang" else ANSWER_WITHIN_MS
        first = send(bench, peer.spec, timeout_ms=timeout_ms)
        while word == "hang" and not peer.hangs.is_set():  # it was not taken in time
            timeout_ms *= 2
            first = send(bench, peer.spec, timeout_ms=timeout_ms)
        again = send(bench, peer.spec, attempt=2)
        assert (first.accepted, again.accepted) == (False, True)
        assert len(peer.shown) == 1


@pytest.mark.parametrize("word", ["cut", "hang"])
def test_a_repeat_of_an_answer_in_a_thread_is_shown_once(bench, word):
    with PEERS["slack"]() as peer:
        memory = send(bench, peer.spec).memory
        end = then(FIRST, TransitionKind.RESOLVED)
        peer.script("200", word)
        within_ms = TAKEN_MS if word == "hang" else ANSWER_WITHIN_MS
        send(bench, peer.spec, end, memory=memory, timeout_ms=within_ms)
        again = send(bench, peer.spec, end, 2, memory)
        assert (again.accepted, again.memory) == (True, memory)
        assert (len(peer.shown), len(peer.answers)) == (1, 1)
        assert peer.shown[0].startswith("[resolved]")


def test_a_cancel_between_two_requests_is_unknown(bench):
    with PEERS["slack"]() as peer:
        memory = send(bench, peer.spec).memory
        peer.script("200", "hang")
        heard = []
        deadline = Deadline.after(bench.clock.read(), 60 * NS_PER_S)
        notice = notice_of(then(FIRST, TransitionKind.RESOLVED))
        posting = messenger_of(bench, peer.spec).send(notice, 1, deadline, heard.append, memory)
        assert bench.when(peer.hangs)
        assert posting.cancel() is CancelOutcome.UNKNOWN
        bench.turn()
        assert heard == []

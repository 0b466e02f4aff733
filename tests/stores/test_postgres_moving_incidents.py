"""Open incidents of a target that moves to another shard: the former shard leaves them at its opening, and the present one goes on."""

from random import Random

import pytest
from databases import new_store, schema_of
from msgspec import structs
from records import NOON, delivery_of, digest_of_steps, notice_of, opened, then
from watchkeeper.adapters.stores.opening import make_reader
from watchkeeper.adapters.stores.postgres.store import PostgresStore
from watchkeeper.domain.cluster.placement import ShardTargets
from watchkeeper.domain.cluster.stamp import ConfigurationStamp
from watchkeeper.domain.errors import StoreBusy, StoreError
from watchkeeper.domain.incidents.delivery_try import DeliveryTry, TryResult
from watchkeeper.domain.incidents.incident import Transition, TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, Checkpoint, HeardMark, LatestFinding

pytestmark = pytest.mark.needs("postgres")

FORMER, PRESENT = 1, 0
TARGETS = ("shop", "till", "door")
BEGUN = opened()
WORSE = then(BEGUN, TransitionKind.CHANGED)
SEEN = then(WORSE, TransitionKind.ACKNOWLEDGED, acknowledged_at_ns=WORSE.at_ns, acknowledged_by="ann")
ENDED = then(SEEN, TransitionKind.RESOLVED)
TOLD, WAITING = notice_of(BEGUN), notice_of(WORSE)
COUNT = Checkpoint("shop", b"counted", 8_000)
HEARD = HeardMark("shop", 5_000, 6_000, "run", 4_000)
LATEST = LatestFinding("inc_1", "[STATUS] (500) == 200")
TRIED = DeliveryTry(
    key=WAITING.key,
    attempt=1,
    channel="ops",
    at_ns=WAITING.created_at_ns,
    took_ns=2_000,
    result=TryResult.FAILED,
)


@pytest.fixture
def url(server):
    return new_store(server, shards=4)


@pytest.fixture
def opening(url):
    """Opens a shard to which the named targets belong, of those that are configured, and returns what it restores."""
    made = {}

    def open_(shard, *names, configured=("shop",), configuration=""):
        if shard in made:
            made[shard].close()
        targets = ShardTargets(
            names, shard, lambda target: 3 if target in configured and target not in names else shard
        )
        made[shard] = PostgresStore(
            url, shard=shard, targets=lambda: targets, configuration=lambda: configuration
        )
        restored = made[shard].open(NOON)
        return made[shard], restored

    open_.made = made
    yield open_
    for store in made.values():
        store.close()


@pytest.fixture
def former(opening):
    """The shard on which the target was, with an incident that one channel has heard of once, and a notice of it that waits."""
    store, _ = opening(FORMER, "shop")
    store.commit(Batch(transitions=(BEGUN,), notices=(TOLD,), heard=(HEARD,), checkpoints=(COUNT,)))
    store.commit(Batch(deliveries=(delivery_of(TOLD, DeliveryState.DELIVERED),)))
    store.commit(Batch(transitions=(WORSE, SEEN), notices=(WAITING,)))
    store.commit(
        Batch(deliveries=(delivery_of(WAITING, DeliveryState.PENDING),), tries=(TRIED,), latest=(LATEST,))
    )
    return store


def names(restored):
    return [each.id for each in restored.incidents]


def steps(url, incident="inc_1"):
    """Returns the steps of an incident as everybody reads them, and looks whether all chains are whole."""
    record = make_reader(url)
    assert record.verify().problems == ()
    return [each.sequence for each in record.transitions(incident)]


@pytest.mark.parametrize("order", ["former first", "present first", "former free"])
def test_the_present_shard_goes_on_with_all_of_an_incident(opening, url, former, order):
    if order == "present first":
        _, early = opening(PRESENT, "shop")
        assert (early.incidents, early.checkpoints) == ((), ()), "its owner has not left it yet"
        assert [each for each in early.heard if each.target] == [], "no miss is told again by the last ping"
    if order == "former free":
        former.close()
    else:
        _, left = opening(FORMER)
        assert (left.incidents, left.outbox, left.told, left.checkpoints) == ((), (), (), ())
    seen = make_reader(url).incidents(open_only=True)
    assert [(each.id, each.latest) for each in seen] == [("inc_1", LATEST.text)], (
        "everybody sees it meanwhile"
    )
    store, taken = opening(PRESENT, "shop")
    assert taken.incidents == (SEEN.incident,)
    assert [(each.notice.key, each.delivery.attempts) for each in taken.outbox] == [(WAITING.key, 1)]
    assert [(each.channel, each.sequence) for each in taken.told] == [("ops", 1)]
    assert [(each.incident_id, each.at_ns) for each in taken.openings] == [("inc_1", BEGUN.at_ns)]
    assert taken.latest == (LATEST,)
    assert taken.checkpoints == (COUNT,)
    assert [each.run for each in taken.heard if each.target] == ["run"]
    assert steps(url) == [1, 2, 3]
    told = delivery_of(WAITING, DeliveryState.DELIVERED, attempts=2)
    store.commit(Batch(transitions=(ENDED,), notices=(notice_of(ENDED),), deliveries=(told,)))
    assert steps(url) == [1, 2, 3, 4]
    record = make_reader(url)
    assert record.incidents(open_only=True) == ()
    assert [each.key for each in record.deliveries(incident="inc_1")] == [WAITING.key]
    assert len(record.notices("inc_1")) == 3
    assert opening(FORMER)[1].incidents == ()
    restored = opening(PRESENT, "shop")[1]
    assert [(each.id, each.is_open) for each in restored.incidents] == [("inc_1", False)], (
        "its end is not told yet"
    )


@pytest.mark.usefixtures("former")
def test_a_miss_moves_along_with_the_incident_that_tells_of_it(opening):
    opening(FORMER)
    assert [each.missed_at_ns for each in opening(PRESENT, "shop")[1].heard if each.target] == [6_000]


@pytest.mark.usefixtures("former")
def test_an_incident_that_moves_back_has_each_step_once(opening, url):
    opening(FORMER)
    store, _ = opening(PRESENT, "shop")
    again = then(SEEN, TransitionKind.CHANGED)
    store.commit(Batch(transitions=(again,)))
    opening(PRESENT)
    store, restored = opening(FORMER, "shop")
    assert restored.incidents == (again.incident,)
    assert [(each.channel, each.sequence) for each in restored.told] == [("ops", 1)]
    store.commit(Batch(transitions=(then(again, TransitionKind.RESOLVED),)))
    assert steps(url) == [1, 2, 3, 4, 5]


@pytest.mark.usefixtures("former")
def test_an_incident_of_which_nobody_has_taken_anything_stays_where_its_target_lies_again(opening, url):
    opening(FORMER)
    assert opening(FORMER, "shop")[1].incidents == (SEEN.incident,)
    opening(FORMER)
    restored = opening(FORMER, configured=())[1]
    assert restored.incidents == (SEEN.incident,), "no configuration has its target: it ends here"
    assert opening(PRESENT, "shop")[1].incidents == ()
    assert steps(url) == [1, 2, 3]


def test_incidents_of_a_digest_move_together_or_stay(opening):
    """The last digest of a group says that nothing of it is open: it must not come while a part of the group is on another shard."""
    store, _ = opening(FORMER, "shop", "till")
    other = opened("inc_2", "till")
    digest = digest_of_steps(BEGUN, other)
    store.commit(Batch(transitions=(BEGUN, other), notices=(digest,), checkpoints=(COUNT,)))
    store, restored = opening(FORMER, configured=TARGETS)
    assert names(restored) == ["inc_1", "inc_2"], "the digest is not delivered"
    assert restored.checkpoints == (), "the counts begin anew"
    store.commit(Batch(deliveries=(delivery_of(digest, DeliveryState.DELIVERED),)))
    assert names(opening(FORMER, "till")[1]) == ["inc_1", "inc_2"], "a part of the group has another shard"
    assert names(opening(FORMER, configured=TARGETS)[1]) == []
    _, taken = opening(PRESENT, "shop", "till", configured=TARGETS)
    assert names(taken) == ["inc_1", "inc_2"]
    assert [each.grouping for each in taken.told] == [digest.digest.grouping] * 2


def test_a_group_with_an_end_that_is_not_told_yet_stays(opening):
    store, _ = opening(FORMER, "shop", "till")
    other = opened("inc_2", "till")
    digest = digest_of_steps(BEGUN, other)
    told = (delivery_of(digest, DeliveryState.DELIVERED),)
    store.commit(Batch(transitions=(BEGUN, other), notices=(digest,), deliveries=told))
    store.commit(Batch(transitions=(then(other, TransitionKind.RESOLVED),)))
    assert names(opening(FORMER, configured=TARGETS)[1]) == ["inc_1", "inc_2"]


def test_a_part_of_a_group_that_nobody_runs_is_not_taken_either(opening):
    store, _ = opening(FORMER, "shop", "till")
    other = opened("inc_2", "till")
    digest = digest_of_steps(BEGUN, other)
    store.commit(
        Batch(
            transitions=(BEGUN, other),
            notices=(digest,),
            deliveries=(delivery_of(digest, DeliveryState.DELIVERED),),
        )
    )
    store.close()
    assert names(opening(PRESENT, "shop", configured=TARGETS)[1]) == []
    assert names(opening(PRESENT, "shop", "till", configured=TARGETS)[1]) == ["inc_1", "inc_2"]


OLDER, NEWER = ConfigurationStamp("a", 1).text, ConfigurationStamp("b", 2).text


def test_a_shard_waits_for_an_incident_that_an_older_configuration_runs(opening, former, server, url):
    """Opened without it, it would find the target down and tell that as another incident."""
    shard = f"{schema_of(url)}.shard"
    server.sql(f"UPDATE {shard} SET configuration = '{OLDER}' WHERE shard = {FORMER}")  # noqa: S608
    server.sql(f"UPDATE {shard} SET alive_at = clock_timestamp() WHERE shard IN ({FORMER}, {PRESENT})")  # noqa: S608
    with pytest.raises(
        StoreBusy, match=f"shard {PRESENT} waits for an open incident of shard {FORMER}, which an older"
    ):
        opening(PRESENT, "shop", configuration=NEWER)
    assert names(opening(PRESENT, "shop", configuration=OLDER)[1]) == [], (
        "by the same configuration it is no news"
    )
    opening.made.pop(PRESENT).close()
    former.close()
    assert names(opening(PRESENT, "shop", configuration=NEWER)[1]) == ["inc_1"]


@pytest.mark.usefixtures("former")
def test_a_shard_that_was_run_long_ago_waits_no_longer(opening, server, url):
    shard = f"{schema_of(url)}.shard"
    server.sql(f"UPDATE {shard} SET configuration = '{OLDER}' WHERE shard = {FORMER}")  # noqa: S608
    server.sql(
        f"UPDATE {shard} SET alive_at = clock_timestamp() - interval '31 seconds' WHERE shard = {PRESENT}"  # noqa: S608
    )
    assert names(opening(PRESENT, "shop", configuration=NEWER)[1]) == []


@pytest.mark.usefixtures("former")
def test_a_rule_that_has_opened_on_the_present_shard_already_keeps_both_until_one_ends(opening, url):
    store, _ = opening(PRESENT, "shop")
    younger = opened("inc_9", at_ns=SEEN.at_ns, opened_at_ns=SEEN.at_ns)
    store.commit(Batch(transitions=(younger,)))
    opening(FORMER)
    store, restored = opening(PRESENT, "shop")
    assert names(restored) == ["inc_1", "inc_9"], "the older one comes first: the owner goes on with it"
    again = then(SEEN, TransitionKind.CHANGED)
    store.commit(Batch(transitions=(again,)))
    store.commit(Batch(transitions=(then(younger, TransitionKind.RESOLVED),)))
    store.commit(Batch(transitions=(worse := then(again, TransitionKind.CHANGED),)))
    restored = opening(PRESENT, "shop")[1]
    assert {each.rule for each in restored.openings} == {BEGUN.rule}, (
        "flapping is counted by the name of the rule"
    )
    opening.made[PRESENT].commit(Batch(transitions=(then(worse, TransitionKind.RESOLVED),)))
    assert names(opening(PRESENT, "shop")[1]) == ["inc_1"], "one channel has not heard of its end"
    assert steps(url) == [1, 2, 3, 4, 5, 6]
    assert steps(url, "inc_9") == [1, 2]


def test_a_dead_letter_is_redriven_by_the_shard_that_has_its_incident(opening, former):
    former.commit(Batch(deliveries=(delivery_of(WAITING, DeliveryState.DEAD, attempts=2),)))
    assert former.recall(WAITING.key) is not None
    store, _ = opening(FORMER)
    assert store.recall(WAITING.key) is None
    store, restored = opening(PRESENT, "shop")
    assert [each.notice.key for each in restored.dead] == [WAITING.key]
    assert store.recall(WAITING.key).incidents == (SEEN.incident,)


@pytest.mark.usefixtures("former")
def test_a_move_that_fails_half_way_changes_nothing(opening, url, server):
    opening(FORMER)
    schema = schema_of(url)
    server.sql(
        f"CREATE FUNCTION {schema}.refuse() RETURNS trigger AS 'BEGIN RAISE EXCEPTION ''full''; END' LANGUAGE plpgsql"
    )
    server.sql(f"CREATE TRIGGER full_ BEFORE UPDATE ON {schema}.told EXECUTE FUNCTION {schema}.refuse()")
    with pytest.raises(StoreError, match="full"):
        opening(PRESENT, "shop")
    server.sql(f"DROP TRIGGER full_ ON {schema}.told")
    assert steps(url) == [1, 2, 3]
    assert opening.made[PRESENT].open(NOON).incidents == (SEEN.incident,)
    assert steps(url) == [1, 2, 3]


class Moves:
    """Owners of two shards that are opened by turns with the targets placed anyhow, and the incidents as they were committed."""

    def __init__(self, opening, dice):
        self._opening, self._dice = opening, dice
        self.stores, self.live, self.expected = {}, {}, {}
        self._mine = {}
        self._number = 0

    def open(self, shard):
        """Opens a shard by a configuration in which each of the targets lies on one of the two."""
        mine = self._mine[shard] = [name for name in TARGETS if self._dice.random() < 0.5]
        self.stores[shard], restored = self._opening(shard, *mine, configured=TARGETS)
        self.live[shard] = {each.id: each for each in restored.incidents if each.is_open}
        known = set()
        for incident in [*self.live[shard].values()]:
            if incident.target in known:
                # As the owner does of two open incidents of one rule.
                self._go_on(shard, incident, TransitionKind.RESOLVED)
            known.add(incident.target)

    def step(self, shard):
        """Commits the next step of an incident that the owner of a shard has, or a first one where a rule has none open there."""
        live = self.live[shard]
        if live and self._dice.random() < 0.7:
            kinds = [TransitionKind.CHANGED, TransitionKind.CHANGED, TransitionKind.RESOLVED]
            self._go_on(shard, live[self._dice.choice(sorted(live))], self._dice.choice(kinds))
        elif free := sorted({*self._mine[shard]}.difference(each.target for each in live.values())):
            self._number += 1
            self._commit(shard, opened(f"inc_{self._number}", self._dice.choice(free)))

    def _go_on(self, shard, incident, change):
        self._commit(shard, then(Transition(**structs.asdict(incident)), change))

    def _commit(self, shard, made):
        notice = notice_of(made)
        told = delivery_of(notice, DeliveryState.DELIVERED)
        self.stores[shard].commit(Batch(transitions=(made,), notices=(notice,), deliveries=(told,)))
        self.expected[made.id] = made.sequence, made.is_open
        if made.is_open:
            self.live[shard][made.id] = made.incident
        else:
            del self.live[shard][made.id]


@pytest.mark.parametrize("seed", range(3))
def test_no_step_is_lost_or_made_twice_whatever_moves_where(opening, url, seed):
    dice = Random(seed)
    moves = Moves(opening, dice)
    for shard in (FORMER, PRESENT):
        moves.open(shard)
    for _ in range(40):
        shard = dice.choice((FORMER, PRESENT))
        if dice.random() < 0.3:
            moves.open(shard)
        else:
            moves.step(shard)
    record = make_reader(url)
    assert record.verify().problems == ()
    found = {each.id: (each.sequence, each.is_open) for each in record.incidents(limit=1_000)}
    assert found == moves.expected
    for name, (last, _) in moves.expected.items():
        assert steps(url, name) == list(range(1, last + 1))
    # Where all targets lie on one shard in the end, it has all that is open.
    assert opening(FORMER, configured=TARGETS)[1].incidents == ()
    everything = opening(PRESENT, *TARGETS, configured=TARGETS)[1].incidents
    assert {each.id for each in everything if each.is_open} == {
        name for name, (_, is_open) in moves.expected.items() if is_open
    }

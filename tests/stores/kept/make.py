"""Writes `version-N.db.gz` and `version-N.head`: a store of the schema version that this tree has, with something of everything.

Run it before the schema gets another version: `PYTHONPATH=tests/support python tests/stores/kept/make.py`.
"""

import gzip
import tempfile
from pathlib import Path

from records import NOON, delivery_of, notice_of, opened, sample_at, then
from watchkeeper.adapters.stores.sqlite.schema import MIGRATIONS
from watchkeeper.adapters.stores.sqlite.sqlite import SqliteStore
from watchkeeper.domain.incidents.incident import TransitionKind
from watchkeeper.domain.incidents.notice import DeliveryState
from watchkeeper.domain.incidents.record import Batch, BlindInterval, Checkpoint, HeardMark, Silence
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.time.moment import NS_PER_S

HERE = Path(__file__).parent
HOUR_NS = 3_600 * NS_PER_S
EVERY_NS = 600 * NS_PER_S
SAMPLES = 300
"""Fifty hours: two whole days are rolled up."""
LATER_NS = NOON.wall_ns + 100 * HOUR_NS

OPEN = opened(explanation="grün → röt")
CHANGED = then(OPEN, TransitionKind.CHANGED)
SLOW = opened("inc_2", target="door", rule="slow", notify=("ops", "calm"))
OVER = then(SLOW, TransitionKind.RESOLVED)
UNHEARD = opened("inc_3", target="mail")
DELIVERED, DEAD = DeliveryState.DELIVERED, DeliveryState.DEAD
NOTICES = {
    "told": notice_of(OPEN),
    "pending": notice_of(CHANGED),
    "begun": notice_of(SLOW),
    "begun calmly": notice_of(SLOW, "calm"),
    "ended": notice_of(OVER),
    "dead": notice_of(UNHEARD),
}
SILENCE = Silence(id="all", until_ns=LATER_NS, by="Ada")
BLIND = BlindInterval(NOON.wall_ns, LATER_NS, "suspended")
HEARD = HeardMark("shop", LATER_NS)
CONTENT = Batch(
    transitions=(OPEN, CHANGED, SLOW, OVER, UNHEARD),
    notices=tuple(NOTICES.values()),
    deliveries=(
        delivery_of(NOTICES["told"], DELIVERED, 2, "thanks"),
        delivery_of(NOTICES["begun"], DELIVERED),
        delivery_of(NOTICES["begun calmly"], DELIVERED),
        delivery_of(NOTICES["ended"], DELIVERED),
        delivery_of(NOTICES["dead"], DEAD, 3, "HTTP 410"),
    ),
    checkpoints=(Checkpoint("shop", b"broken", 1),),
    silences=(SILENCE, Silence(id="over", until_ns=1)),
    blind=(BLIND,),
    heard=(HEARD,),
)


def samples():
    """One in ten minutes of one target; the last of each hour is bad."""
    return tuple(
        sample_at(number * EVERY_NS, outcome=Outcome.DOWN if number % 6 == 5 else Outcome.UP)
        for number in range(SAMPLES)
    )


def write(path):
    """Writes the content, and seals and rolls up what can be."""
    store = SqliteStore(path)
    store.open(NOON)
    store.commit(CONTENT)
    store.commit(Batch(samples=samples()))
    now = NOON.shifted(SAMPLES * EVERY_NS + HOUR_NS)
    for _ in range(2):
        while store.run_maintenance(now):
            pass
        now = now.shifted(HOUR_NS)
    store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/watch.db"
        write(path)
        stem = HERE / f"version-{len(MIGRATIONS)}"
        stem.with_suffix(".db.gz").write_bytes(gzip.compress(Path(path).read_bytes(), 9, mtime=0))
        stem.with_suffix(".head").write_bytes(Path(f"{path}-head").read_bytes())

"""Samples over months, maintenance as the sink runs it, and what is in the file then."""

import random

import apsw
from records import NOON, sample_at
from watchkeeper.domain import limits
from watchkeeper.domain.observation.outcome import Outcome
from watchkeeper.domain.specification.configuration import Retention
from watchkeeper.domain.time.duration import NS_PER_DAY
from watchkeeper.domain.time.moment import NS_PER_S

LONG = Retention(samples="48h", failed_samples="20d", history="30d", hourly="90d", daily="730d")
START_NS = NOON.wall_ns - NS_PER_DAY
ALL = (START_NS - 400 * NS_PER_DAY, START_NS + 400 * NS_PER_DAY)


def measured(hours, targets=("shop", "door"), every_s=120, seed=1):
    """Samples of several targets on a grid that our own lateness blurs a little; one in twenty is not up."""
    chance = random.Random(seed)
    return tuple(
        sample_at(
            second * NS_PER_S + chance.randrange(3_000_000),
            target,
            chance.choices(list(Outcome), [95, 1, 1, 1, 1, 1])[0],
            latency_ns=chance.choice([None, chance.randrange(10**8)]),
        )
        for second in range(0, hours * 3_600, every_s)
        for target in targets
    )


def run_maintenance(store, after_ns, calls=400):
    """Runs maintenance as the sink does in idle moments, once the clock has been steady for long enough."""
    later = NOON.shifted(after_ns)
    store.run_maintenance(later.shifted(-limits.HOUSE_SETTLE_NS))
    for _ in range(calls):
        store.run_maintenance(later)


def in_file(path, table):
    connection = apsw.Connection(path)
    try:
        return connection.execute(f"SELECT count(*) FROM {table}").get  # noqa: S608
    finally:
        connection.close()


def day_tables(path):
    connection = apsw.Connection(path)
    try:
        return [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name GLOB 'sample_*'")
        ]
    finally:
        connection.close()

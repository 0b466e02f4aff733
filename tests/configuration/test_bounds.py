"""The least and the most that each field may be: both are accepted, and what lies just beyond is refused."""

import pytest
from watchkeeper import (
    CallChannel,
    Channel,
    Configuration,
    ConfigurationError,
    Consecutive,
    Exec,
    Heartbeat,
    Http,
    KOfN,
    Log,
    Nagios,
    NoData,
    Retention,
    RuntimeOptions,
    Slo,
    Target,
    Tcp,
    Threshold,
    Webhook,
)
from watchkeeper.domain import limits
from watchkeeper.domain.specification.configuration import Defaults
from watchkeeper.domain.time.duration import format_duration
from watchkeeper.domain.validation.partial import judged

URL = "http://h/"
MONTH = "720h"
YEAR = "8784h"


def ruled(**fields):
    return Target(id="a", http=Http(url=URL), rules=(Consecutive(id="r", **fields),))


def changing(**fields):
    rule = Threshold(id="r", value=1, window="1d", mode="relative_change", **fields)
    return Target(id="a", every="1h", http=Http(url=URL), rules=(rule,))


def whole(part):
    """A configuration around a part of it."""
    match part:
        case RuntimeOptions():
            return Configuration(runtime=part)
        case Defaults():
            return Configuration(defaults=part)
        case Channel():
            return Configuration(channels=(part,))
        case _:
            return Configuration(targets=(part,))


SPANS = [
    (lambda text: Target(id="a", http=Http(url=URL), every=text), "targets[0].every", "10ms", YEAR),
    (lambda text: Target(id="a", http=Http(url=URL), every="2h", timeout=text), "targets[0].timeout", "1ms", "1h"),
    (
        lambda text: Target(id="a", http=Http(url=URL), every=YEAR, retry_every=text),
        "targets[0].retry_every",
        "10ms",
        None,
    ),
    (lambda text: Target(id="a", http=Http(url=URL), max_age=text), "targets[0].max_age", "0s", "1h"),
    (lambda text: Target(id="a", heartbeat=Heartbeat(grace=text)), "targets[0].heartbeat.grace", "0s", YEAR),
    (lambda text: ruled(for_=text), "targets[0].rules[0].for", "0s", YEAR),
    (lambda text: ruled(keep_firing_for=text), "targets[0].rules[0].keep_firing_for", "0s", YEAR),
    (
        lambda text: Target(id="a", http=Http(url=URL), rules=(NoData(id="r", after=text),)),
        "targets[0].rules[0].after",
        None,
        YEAR,
    ),
    (lambda text: changing(baseline=text), "targets[0].rules[0].baseline", None, YEAR),
    (
        lambda text: Target(id="a", every="1m", http=Http(url=URL), slo=Slo(objective="99.99%", window=text)),
        "targets[0].slo.window",
        None,
        YEAR,
    ),
    (lambda text: Defaults(every=text), "defaults.every", "10ms", YEAR),
    (lambda text: Defaults(timeout=text), "defaults.timeout", "1ms", "1h"),
    (lambda text: Defaults(retry_every=text), "defaults.retry_every", "10ms", YEAR),
    (lambda text: RuntimeOptions(grace=text), "runtime.grace", "0s", "1h"),
    (lambda text: RuntimeOptions(retention=Retention(samples=text)), "runtime.retention.samples", "1m", "1440h"),
    (
        lambda text: RuntimeOptions(retention=Retention(history=text)),
        "runtime.retention.history",
        "1m",
        format_duration(limits.RETENTION_NS_MAX),
    ),
    (lambda text: Channel(id="c", log=Log(), give_up_after=text), "channels[0].give_up_after", "1s", MONTH),
    (
        lambda text: Channel(id="c", webhook=Webhook(url=URL, timeout=text)),
        "channels[0].webhook.timeout",
        "1ms",
        "1h",
    ),
    (
        lambda text: Channel(id="c", call=CallChannel(name="f", timeout=text)),
        "channels[0].call.timeout",
        "1ms",
        "1h",
    ),
]  # fmt: skip
BEYOND = {"10ms": "9ms", "1ms": "999us", "1m": "59s", "1s": "999ms"}


@pytest.mark.parametrize(("made", "place", "low", "high"), SPANS, ids=[place for _, place, _, _ in SPANS])
def test_a_length_of_time_may_be_its_least_and_its_most_and_nothing_beyond(made, place, low, high):
    for text in filter(None, (low, high)):
        assert judged(whole(made(text)))[1] == ()
    beyond = [BEYOND[low]] if low in BEYOND else []
    beyond += [f"{high}1ns"] if high else []
    for text in beyond:
        (problem,) = judged(whole(made(text)))[1]
        assert str(problem).startswith(f"{place}: {text} is out of range: write "), text


NUMBERS = [
    (lambda number: Tcp(host="h", port=number), "port", 1, 65_535),
    (lambda number: Http(url=URL, redirects_max=number), "redirects_max", 0, 20),
    (lambda number: Http(url=URL, body_bytes_max=number), "body_bytes_max", 0, limits.BODY_BYTES_MAX),
    (lambda number: Channel(id="c", log=Log(), in_flight_max=number), "in_flight_max", 1, 64),
    (lambda number: RuntimeOptions(in_flight_max=number), "in_flight_max", 1, 100_000),
    (lambda number: RuntimeOptions(threads_max=number), "threads_max", 1, 256),
    (lambda number: Consecutive(id="r", after=number), "after", 1, limits.CONSECUTIVE_MAX),
    (lambda number: Consecutive(id="r", recover=number), "recover", 1, limits.CONSECUTIVE_MAX),
    (lambda number: Threshold(id="r", value=1, window=number), "window", 1, limits.WINDOW_SAMPLES_MAX),
    (
        lambda number: Threshold(id="r", value=1, min_samples=number),
        "min_samples",
        1,
        limits.WINDOW_SAMPLES_MAX,
    ),
    (lambda number: KOfN(id="r", bad=number, of=100), "bad", 1, limits.COUNTED_SAMPLES_MAX),
    (lambda number: KOfN(id="r", bad=1, of=number), "of", 1, limits.COUNTED_SAMPLES_MAX),
    (lambda number: KOfN(id="r", bad=1, of=1, recover=number), "recover", 1, limits.CONSECUTIVE_MAX),
    (
        lambda number: Nagios(id="r", max_check_attempts=number),
        "max_check_attempts",
        1,
        limits.CONSECUTIVE_MAX,
    ),
    (lambda number: Slo(objective="99%", min_samples=number), "min_samples", 1, limits.WINDOW_SAMPLES_MAX),
]


@pytest.mark.parametrize(("made", "name", "low", "high"), NUMBERS, ids=[name for _, name, _, _ in NUMBERS])
def test_a_number_may_be_its_least_and_its_most_and_nothing_beyond(made, name, low, high):
    for number in (low, high):
        assert getattr(made(number), name) == number
    for number in (low - 1, high + 1):
        with pytest.raises(ConfigurationError, match=rf"{name}: .* it may be {low:,} to {high:,}"):
            made(number)


SIZES = [
    (lambda size: Exec(argv=["a"] * size), 64, "argv: has 65 entries: 64 is the most"),
    (
        lambda size: Target(id="a", http=Http(url=URL), expect=["1 == 1"] * size),
        limits.CONDITIONS_PER_TARGET_MAX,
        "expect: has ",
    ),
    (
        lambda size: Target(
            id="a", http=Http(url=URL), rules=[Consecutive(id=f"r{number}") for number in range(size)]
        ),
        limits.RULES_PER_TARGET_MAX,
        "rules: has ",
    ),
    (lambda size: Tcp(host="h", port=1, send="x" * size), limits.TCP_TEXT_CHARACTERS_MAX, "send: a text of "),
    (
        lambda size: CallChannel(name="f", timeout="0" * (size - 1) + "s"),
        limits.DURATION_CHARACTERS_MAX,
        "timeout: a text of 65 characters is no duration",
    ),
    (lambda size: Consecutive(id="x" * size), 128, "id: a text of 129 characters: 128 are the most"),
]


@pytest.mark.parametrize(("made", "most", "said"), SIZES, ids=[said for _, _, said in SIZES])
def test_as_many_entries_and_characters_as_are_allowed_are_accepted_and_not_one_more(made, most, said):
    made(most)
    with pytest.raises(ConfigurationError) as refused:
        made(most + 1)
    (problem,) = refused.value.problems
    assert said in problem


@pytest.mark.parametrize(
    "made",
    [
        lambda **beside: Tcp(host="h", port=1, **beside),
        lambda **beside: Tcp(host="h", port=65_535, **beside),
        lambda **beside: Exec(argv=["a"] * 64, **beside),
        lambda **beside: Tcp(host="h", port=1, send="x" * limits.TCP_TEXT_CHARACTERS_MAX, **beside),
        lambda **beside: Consecutive(id="x" * 128, **beside),
    ],
    ids=range(5),
)
def test_the_utmost_is_no_problem_beside_another(made):
    with pytest.raises(ConfigurationError) as refused:
        made(unheard_of=1)
    (problem,) = refused.value.problems
    assert "unheard_of: unknown key" in problem

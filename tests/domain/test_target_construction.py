"""The values of a specification are kept in their declared types; others are refused at construction."""

import inspect
import pydoc
from collections import UserList, deque
from datetime import timedelta
from math import inf, nan
from types import MappingProxyType
from typing import get_args

import msgspec
import pytest
import watchkeeper
from hypothesis import given
from hypothesis import strategies as st
from junk import JUNK
from watchkeeper import (
    CallChannel,
    Channel,
    Configuration,
    ConfigurationError,
    Consecutive,
    Exec,
    Heartbeat,
    Http,
    Log,
    NoData,
    Retention,
    Runtime,
    RuntimeOptions,
    Severity,
    Target,
    Tcp,
    Threshold,
    Tls,
    Webhook,
)
from watchkeeper.domain.specification import rule
from watchkeeper.domain.specification.probes.kinds import KINDS

HTTP = Http(url="http://h/")
TARGET = Target(id="a", http=HTTP)


def refused(make):
    with pytest.raises(ConfigurationError) as refusal:
        make()
    return refusal.value.problems


SECONDS = [
    (5, "5s"),
    (0.5, "500ms"),
    (90, "1m30s"),
    (1e-7, "100ns"),
    (timedelta(minutes=2), "2m"),
    (timedelta(microseconds=1), "1us"),
    (timedelta(days=1), "24h"),
    ("90s", "90s"),
]


@pytest.mark.parametrize(("length", "text"), SECONDS)
def test_every_duration_is_kept_as_a_text(length, text):
    kept = [
        Target(id="a", http=HTTP, every=length).every,
        Target(id="a", http=HTTP, timeout=length).timeout,
        Target(id="a", http=HTTP, retry_every=length).retry_every,
        Target(id="a", http=HTTP, max_age=length).max_age,
        Heartbeat(grace=length).grace,
        Consecutive(id="r", for_=length).for_,
        Consecutive(id="r", keep_firing_for=length).keep_firing_for,
        NoData(id="r", after=length).after,
        Channel(id="c", log=Log(), give_up_after=length).give_up_after,
        CallChannel(name="f", timeout=length).timeout,
        Webhook(url="http://h/", timeout=length).timeout,
        RuntimeOptions(grace=length).grace,
        Retention(samples=length).samples,
    ]
    assert set(kept) == {text}


def test_a_whole_number_of_a_window_counts_samples():
    assert Threshold(id="r", value=1, window=5).window == 5
    assert Threshold(id="r", value=1, window=timedelta(seconds=5)).window == "5s"


@given(st.integers(0, 86_400 * 365), st.integers(0, 999_999))
def test_a_timedelta_loses_no_microsecond(seconds, microseconds):
    length = timedelta(seconds=seconds, microseconds=microseconds)
    target = Target(id="a", http=HTTP, every=length)
    assert target.every_ns == length // timedelta(microseconds=1) * 1_000


@pytest.mark.parametrize("several", [("ops",), ["ops"], deque(["ops"]), UserList(["ops"]), {"ops": 1}.keys()])
def test_every_sequence_is_kept_as_a_tuple(several):
    assert Target(id="a", http=HTTP, notify=several).notify == ("ops",)
    assert Exec(argv=several).argv == ("ops",)
    assert hash(Target(id="a", http=HTTP, notify=several)) == hash(Target(id="a", http=HTTP, notify=("ops",)))


@pytest.mark.parametrize("pairs", [{"A": "b"}, MappingProxyType({"A": "b"}), [("A", "b")]])
def test_every_mapping_is_kept_as_pairs(pairs):
    assert Http(url="http://h/", headers=pairs).headers == (("A", "b"),)


def test_the_value_of_an_enumeration_stands_for_its_member():
    assert Threshold(id="r", value=1, severity="warning").severity is Severity.WARNING
    assert Channel(id="c", log=Log(), min_severity="critical").min_severity is Severity.CRITICAL


@pytest.mark.parametrize("name", ["Severity", "RuleState", "Aggregate", "Mode", "NoDataPolicy"])
def test_the_texts_that_type_checkers_accept_are_those_of_the_enumeration(name):
    members, texts = get_args(getattr(rule, f"{name}Like"))
    assert members is getattr(rule, name)
    assert get_args(texts) == tuple(members)


REFUSED = [
    (lambda: Target(id="a", http=HTTP, every=-5), "Target 'a': every: -5 is no duration"),
    (lambda: Target(id="a", http=HTTP, every=timedelta(-1)), "Target 'a': every: -86400.0 is no duration"),
    (lambda: Target(id="a", http=HTTP, every=nan), "every: nan is no duration"),
    (lambda: Target(id="a", http=HTTP, every=inf), "every: inf is no duration"),
    (lambda: Target(id="a", http=HTTP, every=10**5_000), "every: of 5001 digits is no duration"),
    (lambda: Target(id="a", http=HTTP, every=True), "every: expected a duration such as 30s, got true"),
    (lambda: Target(id="a", http=HTTP, every="1 s"), "unknown unit"),
    (lambda: Target(id="a", http=HTTP, every="1y"), "unknown unit"),
    (lambda: Target(id="a\n", http=HTTP), "is no id"),
    (lambda: Target(id=".", http=HTTP), "is no id"),
    (lambda: Channel(id="..", log=Log()), "is no id"),
    (lambda: Target(id="a", group="..", http=HTTP), "is no group"),
    (lambda: Target(id="a", http=HTTP, expect=5), "expect: expected a list"),
    (lambda: Target(id="a", http=HTTP, notify="ops"), "put it in brackets, [like, this]"),
    (lambda: Target(id="a", http="http://h/"), "http: expected a mapping, got a text"),
    (lambda: Target(id="a", http=Tcp(host="h", port=1)), "http: expected Http, got a Tcp"),
    (lambda: Target(id="a", http=HTTP, rules=Consecutive(id="r")), "rules: expected a list, got a Consecutive: put"),
    (lambda: Target(id="a"), f"Target 'a': needs exactly one of {', '.join(KINDS)}; it has none"),
    (lambda: Target(http=HTTP), "Target: has no id: it needs a text"),
    (lambda: Target(id="a", http=HTTP, evry="5s"), "evry: unknown key, did you mean every"),
    (lambda: Target(id="a", http=HTTP, interval="5s"), "interval: unknown key, did you mean every"),
    (lambda: Target(id="a", http=HTTP, every="5s", interval="5s"), "interval: unknown key (known here: id, "),
    (lambda: Target(name="a", http=HTTP), "Target: has no id: it needs a text; its name is for people"),
    (lambda: Target(id="\ud800", http=HTTP), "half of a surrogate pair"),
    (lambda: Http(url="http://h/", headers={"A": "\ud800"}), "half of a surrogate pair"),
    (lambda: Http(url="http://h/", method="get"), "method: 'get' is no method: write it in capital letters"),
    (lambda: Tcp(host="h", port=0), "port: 0 is out of range"),
    (lambda: Tcp(host="h", port=1, send="x" * 20_000), "send: a text of 20,000 characters: 16,384 are the most"),
    (lambda: Exec(argv=()), "argv: has 0 entries: it needs at least 1"),
    (lambda: Consecutive(id="r", fo="5s"), "fo: unknown key, did you mean for_"),
    (lambda: Threshold(id="r", value="10x"), "value: '10x' has the unknown unit"),
    (lambda: Threshold(id="r", value=1, severity="critcal"), "did you mean critical"),
    (lambda: Channel(id="c"), f"Channel 'c': needs exactly one of {', '.join(Channel.one_of)}; it has none"),
    (lambda: Log(level="warn"), "level: 'warn' is not one of error, info, warning, did you mean warning"),
    (lambda: Configuration(targets=[TARGET, Log()]), "Configuration: targets[1]: expected Target, got a Log"),
    (lambda: Configuration(targets=TARGET), "targets: expected a list, got a Target: put it in brackets"),
    (lambda: Runtime(targets=TARGET), "targets: expected a list, got a Target: put it in brackets"),
    (lambda: Runtime(channels=Channel(id="c", log=Log())), "channels: expected a list, got a Channel: put it in"),
    (lambda: Runtime(targets={"a": TARGET}), "targets: expected a list, got a mapping"),
    (lambda: Runtime(targets="shop"), "targets: expected a list, got a text: put it in brackets"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_an_impossible_value_is_refused_where_it_is_written(make, said):
    (problem,) = refused(make)
    assert said in problem


def test_brackets_are_asked_for_where_a_list_is_wanted_and_nowhere_else():
    wrong = Tcp(host="h", port=1)
    assert refused(lambda: Target(id="a", http=wrong)) == ("Target 'a': http: expected Http, got a Tcp",)
    assert refused(lambda: Target(id="a", http=HTTP, rules=wrong)) == (
        "Target 'a': rules: expected a list, got a Tcp: put it in brackets, [like, this]",
    )


def test_every_mistake_is_reported_at_once():
    assert len(refused(lambda: Target(id="a", http=HTTP, every=-5, intervall=5, notify="ops"))) == 3


def test_no_secret_is_shown_when_it_is_refused():
    told = refused(lambda: Webhook(url="http://h/", secret=12345678)) + refused(lambda: Http(url=12345678))
    assert not any("12345678" in line for line in told)


def test_a_specification_is_written_with_names():
    with pytest.raises(TypeError, match=r"Target is written with names, Target\(name=value\)"):
        Target("a")


def test_a_track_of_no_target_is_refused():
    assert refused(lambda: Runtime().track("shop")) == ("expected a Target, got a str",)


WRITTEN = [
    (Target, {"id": "a", "http": HTTP}),
    (Channel, {"id": "a", "webhook": Webhook(url="http://h/")}),
    (Webhook, {"url": "http://h/"}),
    (RuntimeOptions, {}),
    (Configuration, {}),
    (Http, {"url": "http://h/"}),
    (Tcp, {"host": "h", "port": 1}),
    (Exec, {"argv": ("a",)}),
    (Threshold, {"id": "r", "value": 1}),
    (NoData, {"id": "r"}),
    (Tls, {}),
]  # fmt: skip


def made_or_refused(kind, fields):
    try:
        return kind(**fields)
    except ConfigurationError as error:
        return error


@pytest.mark.parametrize(("kind", "fields"), WRITTEN, ids=lambda value: getattr(value, "__name__", ""))
def test_junk_is_either_kept_in_its_declared_type_or_refused(kind, fields):
    for name in kind.__struct_fields__:
        for junk in JUNK:
            made = made_or_refused(kind, fields | {name: junk})
            if isinstance(made, ConfigurationError):
                assert all(problem.isprintable() for problem in made.problems), (name, junk)
            else:
                assert msgspec.convert(msgspec.to_builtins(made), kind) == made, (name, junk)


# Public attributes and printed forms.

PUBLIC = [
    kind
    for name in watchkeeper.__all__
    if inspect.isclass(kind := getattr(watchkeeper, name))
    and any(base.__name__ == "Specification" for base in kind.__mro__)
]


def test_the_signature_of_a_target_is_readable():
    text = str(inspect.signature(Target))
    assert len(text) < 1_250
    assert text.startswith("(*, id: str, every: Duration = '30s', timeout: Duration = '5s', ")
    assert "rules: Sequence[Rule] = (), default_rules: bool = True" in text


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_help_has_a_line_for_each_field(kind):
    assert not kind.__doc__.startswith(f"{kind.__struct_fields__[0]}: ")
    lines = [line.removeprefix(" |").strip() for line in pydoc.plain(pydoc.render_doc(kind)).splitlines()]
    for name in kind.__struct_fields__:
        assert len([line for line in lines if line.startswith(f"{name}: ")]) == 1, name


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_a_signature_names_each_field_with_its_default(kind):
    parameters = inspect.signature(kind).parameters
    assert tuple(parameters) == kind.__struct_fields__
    for field in msgspec.structs.fields(kind):
        assert (parameters[field.name].default is inspect.Parameter.empty) == field.required


# Default rules.

HTTP = Http(url="http://h/")
SLOW = Threshold(id="slow", value=500)
OWN = Consecutive(id="down", after=1)


def ids(target):
    return [rule.id for rule in target.judged_rules]


@pytest.mark.parametrize(
    ("fields", "judged"),
    [
        ({"http": HTTP}, ["down", "silent"]),
        ({"http": HTTP, "rules": (SLOW,)}, ["down", "silent", "slow"]),
        ({"http": HTTP, "rules": (OWN, SLOW)}, ["silent", "down", "slow"]),
        ({"http": HTTP, "default_rules": False}, []),
        ({"http": HTTP, "default_rules": True, "rules": (SLOW,)}, ["down", "silent", "slow"]),
        ({"http": HTTP, "default_rules": False, "rules": (SLOW,)}, ["slow"]),
        ({"http": HTTP, "warn": ("[STATUS] == 200",)}, ["down", "silent", "warn"]),
        ({"http": HTTP, "warn": ()}, ["down", "silent"]),
        (
            {"http": HTTP, "warn": ("[STATUS] == 200",), "rules": (Consecutive(id="warn"),)},
            ["down", "silent", "warn"],
        ),
        ({"http": HTTP, "warn": ("[STATUS] == 200",), "default_rules": False}, []),
        ({"heartbeat": Heartbeat()}, ["missed"]),
        ({"heartbeat": Heartbeat(), "rules": (Consecutive(id="missed", after=2),)}, ["missed"]),
    ],
)
def test_own_rules_add_to_the_default_ones_or_take_their_places(fields, judged):
    assert ids(Target(id="shop", **fields)) == judged


def test_a_rule_in_the_place_of_a_default_one_is_judged_as_written():
    assert Target(id="shop", http=HTTP, rules=(OWN,)).judged_rules[-1] is OWN


@pytest.mark.parametrize(
    ("every", "timeout", "after"), [("30s", "5s", "10m"), ("10m", "5s", "25m5s"), ("24h", "1h", "61h")]
)
def test_the_default_rule_of_silence_waits_for_the_cadence_and_ten_minutes_at_least(every, timeout, after):
    _, silent = Target(id="shop", http=HTTP, every=every, timeout=timeout).judged_rules
    assert (silent.after, silent.severity, silent.policy) == (after, Severity.WARNING, rule.NoDataPolicy.FIRE)

"""The wire: every message survives encoding and decoding, and other bytes are refused within limits."""

from pathlib import Path

import msgpack
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import inspect
from records import sample_at
from watchkeeper.domain.errors import MessageError
from watchkeeper.domain.limits import MESSAGE_BYTES_MAX, MESSAGE_DEPTH_MAX, MESSAGE_ITEMS_MAX
from watchkeeper.domain.observation.observation import Measurement
from watchkeeper.domain.specification.probe import Tcp
from watchkeeper.domain.specification.probes.kinds import KINDS
from watchkeeper.domain.specification.rule import Threshold
from watchkeeper.domain.specification.target import Target
from watchkeeper.domain.time.moment import Moment
from watchkeeper.protocol.codec import LISTENERS, SCHEMA_VERSION, decode, encode, registry
from watchkeeper.protocol.message import Message
from watchkeeper.protocol.owner import Adopt, Release
from watchkeeper.protocol.sink import Commit, RecordSamples
from watchkeeper.protocol.supervisor import Woke

GOLDEN = Path(__file__).parent / "golden"
INT_64 = st.integers(-(2**63), 2**63 - 1)


def struct_of(info):
    fields = {field.name: value_of(field.type) for field in info.fields}
    if info.cls is not Target:
        return st.builds(info.cls, **fields)
    probes = {kind: fields.pop(kind) for kind in KINDS}
    return st.sampled_from(list(KINDS)).flatmap(
        lambda kind: st.builds(
            Target, **fields, **{kind: probes[kind].filter(lambda probe: probe is not None)}
        )
    )


def text_of(info):
    if info.pattern is None:
        return st.text(min_size=info.min_length or 0, max_size=min(info.max_length or 20, 20))
    fits = st.from_regex(info.pattern, fullmatch=True)
    return fits.filter(lambda text: len(text) <= (info.max_length or 10**6))


def int_of(info):
    return st.integers(-(2**63) if info.ge is None else info.ge, 2**63 - 1 if info.le is None else info.le)


def value_of(info):
    """Returns a strategy of all values that a type allows, derived from msgspec's description of it."""
    match info:
        case inspect.StructType():
            return st.deferred(lambda: struct_of(info))
        case inspect.Metadata(type=inner):
            return value_of(inner)
        case inspect.StrType():
            return text_of(info)
        case inspect.IntType():
            return int_of(info)
        case inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(cls)
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case inspect.UnionType(types=types):
            # A mapping is one way to write pairs; what a specification keeps is the other.
            return st.one_of([value_of(one) for one in types if not isinstance(one, inspect.DictType)])
        case inspect.VarTupleType(item_type=inner, min_length=shortest):
            return st.lists(value_of(inner), min_size=shortest or 0, max_size=3).map(tuple)
        case inspect.TupleType(item_types=inners):
            return st.tuples(*map(value_of, inners))
    plain = {
        inspect.BoolType: st.booleans(),
        inspect.BytesType: st.binary(max_size=50),
        inspect.NoneType: st.none(),
    }
    return plain[type(info)]


MESSAGES = {tag: struct_of(inspect.type_info(kind)) for tag, kind in registry().items()}


@pytest.mark.parametrize("tag", MESSAGES)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_message_is_the_same_after_its_bytes(tag, data):
    message = data.draw(MESSAGES[tag])
    again = decode(encode(message))
    assert type(again) is type(message)
    assert again == message
    assert encode(again) == encode(message)
    hash(again)


def test_every_listener_accepts_messages_of_its_own_tags():
    assert {tag.split(".")[0] for tag in registry()} == set(LISTENERS)
    assert len(set(registry().values())) == len(registry())


# Golden bytes.


FILES = sorted(GOLDEN.glob("v*/*.msgpack"))


def test_every_message_type_has_its_golden_bytes():
    """For a new message run `python tests/protocol/golden/make.py`."""
    kept = {path.stem for path in FILES if path.parent.name == f"v{SCHEMA_VERSION}"}
    assert kept == set(registry())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_bytes_stay_readable_and_are_written_the_same(path):
    data = path.read_bytes()
    message = decode(data)
    assert type(message) is registry()[path.stem]
    if path.parent.name == f"v{SCHEMA_VERSION}":
        assert encode(message) == data


# Hostile bytes.


def packed(tag="sink.Commit", version=SCHEMA_VERSION, body=None):
    return msgpack.packb({"t": tag, "v": version, "b": {} if body is None else body})


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def refused(data, what):
    with pytest.raises(MessageError, match=what):
        decode(data)


HOSTILE = [
    pytest.param(b"", "no msgpack message", id="nothing"),
    pytest.param(b"\xc1", "no msgpack message", id="the byte that is never used"),
    pytest.param(packed()[:-1], "no msgpack message", id="cut short"),
    pytest.param(packed() + b"\x00", "no msgpack message", id="something behind"),
    pytest.param(packed() * 2, "no msgpack message", id="two messages"),
    pytest.param(b"\xdd\xff\xff\xff\xff", "no msgpack message", id="an array of 2**32 - 1"),
    pytest.param(b"\xdf\xff\xff\xff\xff", "no msgpack message", id="a map of 2**32 - 1"),
    pytest.param(b"\xdb\xff\xff\xff\xff", "no msgpack message", id="a text of 2**32 - 1"),
    pytest.param(b"\xc6\xff\xff\xff\xff", "no msgpack message", id="bytes of 2**32 - 1"),
    pytest.param(b"\xc9\xff\xff\xff\xff\x01", "no msgpack message", id="an extension of 2**32 - 1"),
    pytest.param(b"\x91" * 100_000 + b"\x00", "no msgpack message", id="arrays 100,000 deep"),
    pytest.param(b"\x81\xa1a" * 50_000 + b"\x00", "no msgpack message", id="maps 50,000 deep"),
    pytest.param(b"\x81\x01\x02", "no msgpack message", id="a key that is a number"),
    pytest.param(b"\x81\x91\x01\x02", "no msgpack message", id="a key that is an array"),
    pytest.param(b"\x81\xa1t\xa2\xff\xfe", "no msgpack message", id="a text that is no UTF-8"),
    pytest.param(msgpack.packb(msgpack.ExtType(5, b"")), "extension type 5", id="an extension"),
    pytest.param(msgpack.packb(msgpack.ExtType(5, b"x")), "no msgpack message", id="an extension of a byte"),
    pytest.param(msgpack.packb(msgpack.Timestamp(2**34 - 1, 999_999_999)), "message", id="a timestamp"),
    pytest.param(b"\xc7\x0c\xff" + b"\xff" * 12, "message", id="a timestamp beyond all time"),
    pytest.param(msgpack.packb([1, 2, 3]), "a message is a map", id="an array"),
    pytest.param(msgpack.packb("hello"), "a message is a map", id="a text"),
    pytest.param(msgpack.packb(None), "a message is a map", id="nil"),
    pytest.param(msgpack.packb({}), "unknown message type None", id="an empty map"),
    pytest.param(packed("sink.Destroy"), "unknown message type", id="an unknown tag"),
    pytest.param(packed(7), "unknown message type", id="a tag that is a number"),
    pytest.param(packed(["sink.Commit"]), "unknown message type", id="a tag that is an array"),
    pytest.param(packed("Commit"), "unknown message type", id="a tag without its listener"),
    pytest.param(
        packed(version=SCHEMA_VERSION + 1), "of schema 2; this version reads 1", id="a later schema"
    ),
    pytest.param(packed(version=None), "of schema None", id="no schema"),
    pytest.param(packed(version="1"), "of schema '1'", id="a schema that is a text"),
    pytest.param(packed(body=[]), "sink.Commit", id="a body that is an array"),
    pytest.param(packed("supervisor.Woke", body={"planned_ns": "5"}), "planned_ns", id="a text for a number"),
    pytest.param(
        packed("supervisor.Woke", body={"planned_ns": 1.5}), "planned_ns", id="a fraction for a number"
    ),
    pytest.param(
        packed("supervisor.Woke", body={"planned_ns": True}), "planned_ns", id="a truth for a number"
    ),
    pytest.param(packed("supervisor.Woke"), "planned_ns", id="a field that is missing"),
    pytest.param(packed(body={"x": nested(MESSAGE_DEPTH_MAX - 1)}), "nested deeper", id="one level too deep"),
    pytest.param(packed(body={"x": float("nan")}), "nan is not finite", id="NaN"),
    pytest.param(packed(body={"x": [float("inf")]}), "inf is not finite", id="infinity"),
    pytest.param(packed(body={"x": {"y": -float("inf")}}), "-inf is not finite", id="less than everything"),
]


@pytest.mark.parametrize(("data", "what"), HOSTILE)
def test_bytes_that_are_no_message_are_refused(data, what):
    refused(data, what)


def test_too_many_bytes_are_refused_before_they_are_read():
    refused(b"\x80" * (MESSAGE_BYTES_MAX + 1), f"{MESSAGE_BYTES_MAX + 1} bytes; a message may take")


def test_an_array_of_empty_maps_up_to_the_limit_is_read_and_refused():
    refused(b"\xdc\xff\xff" + b"\x80" * 65_535, "a message is a map")


def test_as_deep_as_allowed_is_not_too_deep():
    assert decode(packed(body={"x": nested(MESSAGE_DEPTH_MAX - 2)})) == Commit()


def test_nothing_is_written_that_is_nested_too_deep_to_be_read():
    refused(encode(Woke(nested(MESSAGE_DEPTH_MAX - 2))), "planned_ns")
    with pytest.raises(MessageError, match="nested deeper"):
        encode(Woke(nested(MESSAGE_DEPTH_MAX - 1)))


def test_a_message_takes_as_many_bytes_as_the_limit_says():
    size = len(encode(Woke(5)))
    assert decode(encode(Woke(5), size), size) == Woke(5)
    with pytest.raises(MessageError, match=f"takes {size} bytes; a message may take {size - 1}"):
        encode(Woke(5), size - 1)
    with pytest.raises(MessageError, match=f"{size} bytes; a message may take {size - 1}"):
        decode(encode(Woke(5)), size - 1)


@pytest.mark.parametrize(
    ("bytes_max", "items_max"),
    [(MESSAGE_BYTES_MAX, MESSAGE_ITEMS_MAX), (8 * MESSAGE_ITEMS_MAX, 2 * MESSAGE_ITEMS_MAX)],
)
def test_a_larger_message_may_hold_more_items(bytes_max, items_max):
    """One for every four bytes; never fewer than the limit."""
    assert decode(packed(body={"x": [0] * items_max}), bytes_max) == Commit()
    with pytest.raises(MessageError, match="no msgpack message"):
        decode(packed(body={"x": [0] * (items_max + 1)}), bytes_max)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_are_refused(data):
    try:
        assert isinstance(decode(data), Message)
    except MessageError:
        return


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_message_with_bytes_changed_is_a_message_or_is_refused(data):
    raw = bytearray(data.draw(st.sampled_from(FILES)).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(decode(bytes(raw)), Message)
    except MessageError:
        return


def test_reading_goes_on_after_bytes_that_were_refused():
    """No reader is kept that an error could have spoilt."""
    good = encode(Woke(5))
    for bad in (good[:-1], b"\xc1", b"\x91" * 2_000):
        with pytest.raises(MessageError):
            decode(bad)
        assert decode(good) == Woke(5)


# A peer that knows more, and messages that cannot be encoded.


def test_a_field_that_a_peer_adds_to_a_message_is_ignored():
    assert decode(packed("supervisor.Woke", body={"planned_ns": 5, "colour": "red"})) == Woke(5)


def test_a_key_that_a_specification_does_not_know_is_refused():
    target = msgspec.to_builtins(Adopt(Target(id="shop", tcp=Tcp(host="a", port=1))))
    target["target"]["colour"] = "red"
    refused(packed("owner.Adopt", body=target), "colour")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(object(), id="an object"),
        pytest.param(Moment(1, 2), id="a value that is no message"),
        pytest.param(Message(), id="the root of all messages"),
        pytest.param(Woke(2**64), id="a number of more than 64 bits"),
        pytest.param(Woke(object()), id="a field that is anything"),
        pytest.param(Release("\ud800"), id="half a character"),
        pytest.param(Release("x" * MESSAGE_BYTES_MAX), id="too long a text"),
        pytest.param(
            Adopt(Target(id="a", tcp=Tcp(host="a", port=1), rules=(Threshold(id="b", value=float("nan")),))),
            id="a threshold that compares with nothing",
        ),
        pytest.param(
            RecordSamples(1, (sample_at(1, measurements=(Measurement("load", float("inf")),)),), (), ()),
            id="infinity",
        ),
    ],
)
def test_a_message_that_cannot_be_read_back_is_not_written(message):
    with pytest.raises(MessageError):
        encode(message)

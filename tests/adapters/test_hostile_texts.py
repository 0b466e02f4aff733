"""Long texts that repeat the beginning of what is looked for: each is read a few times, and not again from each of its characters.

A reader whose time grows with the square of the length needs minutes or hours for them.
"""

import asyncio
import socket
import struct

import msgspec
import pytest
from watchkeeper.adapters.configuration.reuse.layers import EACH
from watchkeeper.adapters.configuration.substitution import Substitution
from watchkeeper.adapters.http.curl.answers import LOCATION
from watchkeeper.adapters.importing.blackbox.cel import conditions_of
from watchkeeper.adapters.importing.gatus.texts import filled
from watchkeeper.adapters.importing.imported import Imported
from watchkeeper.adapters.net.wire import Wire, WireBroken
from watchkeeper.adapters.probes.network.dns_message import ask, read
from watchkeeper.domain.observation.secret_forms import SecretForms
from watchkeeper.domain.specification.text import RateText
from watchkeeper.web.problems import fault_of

MANY = 1 << 17


@pytest.mark.parametrize("piece", ["${", "${A", "${file:", "${each."])
def test_references_without_an_end_are_one_problem(piece):
    substitution = Substitution({})
    substitution.fill([piece * MANY])
    (problem,) = substitution.problems
    assert problem.text.startswith("a ${ that names no variable")


def test_references_of_loops_and_of_gatus_without_an_end_are_none():
    assert EACH.findall("${each." * MANY) == []
    assert filled("${" * 1_000) == "$${" * 1_000
    assert len(filled("${" * MANY)) == 3 * MANY


def test_a_rate_that_is_none_is_refused_at_once():
    for text in (f"1/{'a' * 60}!", f"1/{'1a' * 30}!", f"1/{'1' * 60}"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text, RateText)
    assert msgspec.convert("10/1h30m", RateText) == "10/1h30m"


def test_a_place_of_a_redirect_may_stand_behind_many_blanks():
    blanks = b" \t" * MANY
    header = b"HTTP/1.1 302 Found\r\nLocation:%b/a%bb\r\nServer: x\r\n\r\n" % (blanks, blanks)
    assert LOCATION.findall(header) == [b"%b/a%bb" % (blanks, blanks)]


def test_a_key_of_a_client_that_looks_like_places_leaves_the_place_as_it_is():
    key = " - at `$" * MANY
    fault = fault_of(ValueError(f"Object contains unknown field `{key}` - at `$.rules[2]`"))
    assert fault.pointer == "/rules/2"
    assert fault.detail == f"Object contains unknown field `{key}`"


@pytest.mark.parametrize("text", ["no place", "x - at `$.a", "x - at `.a`", "x - at `"])
def test_a_message_without_a_place_is_the_whole_fault(text):
    fault = fault_of(ValueError(text))
    assert (fault.pointer, fault.detail) == ("", text)


def test_a_text_that_repeats_the_beginning_of_a_secret_is_left_as_it_is():
    mask = SecretForms(["canary-canary-of-the-mine"])
    count = MANY // 4
    assert mask("canary-" * count) == f"{'canary-' * (count - 2)}***"


@pytest.mark.parametrize(
    ("expression", "conditions"),
    [
        (f"{'!' * (MANY + 1)}body.ok", ["[BODY].ok == false"]),
        (f"{'( ' * MANY}body.ok{')' * MANY}", ["[BODY].ok == true"]),
        (f"{'(' * MANY}body.ok{')' * (MANY - 1)}", None),
        ("(body.a) == (body.b)", None),
    ],
)
def test_signs_and_brackets_around_an_expression_are_taken_off_at_once(expression, conditions):
    assert conditions_of(expression, is_wanted=True) == conditions


def test_entries_with_one_name_are_numbered_from_the_last_number_on():
    made = Imported()
    found = [made.new_id("api") for _ in range(20_000)]
    assert (found[0], found[1], found[-1]) == ("api", "api-2", "api-20000")
    assert len({*found}) == len(found)


def with_a_chain(pointers, *, questions=1):
    """An answer whose second record has a name of so many pointers in a row; all but one lie in a first record of another class."""
    base = 12 + 5 + 11
    places = [base, *range(base + 1, base + 2 * pointers, 2)]
    chain = bytes(1) + b"".join(struct.pack(">H", 0xC000 | at) for at in places[: pointers - 1])
    first = bytes(1) + struct.pack(">HHIH", 16, 3, 0, len(chain)) + chain
    second = struct.pack(">HHHIH", 0xC000 | places[pointers - 1], 16, 1, 0, 2) + b"\x01a"
    return struct.pack(">6H", 7, 0x8400, questions, 2, 0, 0) + bytes(5) + first + second


def test_a_name_of_dns_leads_through_as_many_pointers_as_it_may_have_parts():
    question = ask("a.example", "TXT", 7, recursion=False)
    assert read(question, with_a_chain(127)).data == ['"a"']
    with pytest.raises(ValueError, match="a name in the answer has more than 127 pointers"):
        read(question, with_a_chain(128))


def test_an_answer_of_dns_that_repeats_thousands_of_questions_is_not_read():
    question = ask("a.example", "TXT", 7, recursion=False)
    with pytest.raises(ValueError, match="the answer repeats 9000 questions, and one was asked"):
        read(question, with_a_chain(4_000, questions=9_000))


def read_from(sent, read):
    """Returns what a coroutine reads of a peer that has sent everything and closed."""
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.sendall(sent)
        other.close()

        async def ready(connection, events):
            pytest.fail("all that comes is there")

        return asyncio.run(read(Wire(one, ready)))


def test_thousands_of_short_lines_are_read_where_they_lie():
    async def read(wire):
        return [await wire.read_line() for _ in range(6_001)], await wire.read_exactly(4)

    assert read_from(b"a\r\n" + b"\n" * 6_000 + b"rest", read) == ([b"a", *[b""] * 6_000], b"rest")


@pytest.mark.parametrize(("sent", "most"), [(b"b" * 20 + b"\n", 20), (b"b" * 7_000, 4_000), (b"b\nb", 1)])
def test_a_line_beyond_its_bound_ends_the_reading(sent, most):
    async def read(wire):
        return await wire.read_line(most)

    with pytest.raises(WireBroken, match=f"a line has more than {most} bytes"):
        read_from(sent, read)
    assert read_from(b"b" * 20 + b"\n", lambda wire: wire.read_line(21)) == b"b" * 20

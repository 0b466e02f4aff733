import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.limits import MEASUREMENTS_MAX
from watchkeeper.domain.observation.observation import Measurement
from watchkeeper.domain.observation.plugin import parse_plugin_output

READ = [
    ("OK", "OK", []),
    ("OK - fine|a=1", "OK - fine", [("a", 1.0, "")]),
    ("OK | a=1", "OK", [("a", 1.0, "")]),
    ("OK | a=1 b=2s c=3%", "OK", [("a", 1.0, ""), ("b", 2.0, "s"), ("c", 3.0, "%")]),
    ("OK | 'a b'=1", "OK", [("a b", 1.0, "")]),
    ("OK | 'it''s'=1", "OK", [("it's", 1.0, "")]),
    ("OK | 'a=b'=1", "OK", [("a=b", 1.0, "")]),
    ("OK | '/var/my disk'=2643MB;5948;5958;0;5968", "OK", [("/var/my disk", 2643.0, "MB")]),
    ("OK | /=2643MB;5948;5958;0;5968", "OK", [("/", 2643.0, "MB")]),
    ("PING ok | rta=0.80ms;1;2 pl=0%;;;0", "PING ok", [("rta", 0.8, "ms"), ("pl", 0.0, "%")]),
    ("OK | t=-4.5", "OK", [("t", -4.5, "")]),
    ("OK | t=+4", "OK", [("t", 4.0, "")]),
    ("OK | t=.5s", "OK", [("t", 0.5, "s")]),
    ("OK | t=5.s", "OK", [("t", 5.0, "s")]),
    ("OK | t=1e3", "OK", [("t", 1000.0, "")]),
    ("OK | t=1.5E-3s", "OK", [("t", 0.0015, "s")]),
    ("OK | n=17c", "OK", [("n", 17.0, "c")]),
    ("OK | t=3µs", "OK", [("t", 3.0, "µs")]),
    ("OK | time=0,001s size=5,b;1,5;2", "OK", [("time", 0.001, "s"), ("size", 5.0, "b")]),
    ("OK | t=,5 u=-1,5e3 v=1234,567", "OK", [("t", 0.5, ""), ("u", -1500.0, ""), ("v", 1234.567, "")]),
    ("OK | a=U b=1", "OK", [("b", 1.0, "")]),
    ("OK | a=U;1;2 b=1", "OK", [("b", 1.0, "")]),
    ("OK |", "OK", []),
    ("|a=1", "", [("a", 1.0, "")]),
    ("", "", []),
    ("\n\nOK late", "OK late", []),
    ("OK\r\nlong\r\n", "OK", []),
    ("OK\x1b[31m red\x07", r"OK\x1b[31m red\x07", []),
    ("OK | a=1\nlong text | b=2\nc=3 d=4", "OK", [(n, float(i + 1), "") for i, n in enumerate("abcd")]),
    ("OK\nlong text\nmore | b=2\nc=3", "OK", [("b", 2.0, ""), ("c", 3.0, "")]),
    ("OK | a=1\nlong text only", "OK", [("a", 1.0, "")]),
    ("OK | 'x'=1 'y'=2", "OK", [("x", 1.0, ""), ("y", 2.0, "")]),
    ("OK | a::b=1", "OK", [("a::b", 1.0, "")]),
    ("OK | a=1;@10:20;~:30", "OK", [("a", 1.0, "")]),
    (f"OK | {'x' * 128}=1 '{'y' * 128}'=2", "OK", [("x" * 128, 1.0, ""), ("y" * 128, 2.0, "")]),
]
REFUSED = [
    "a=nan",
    "a=inf",
    "a=-inf",
    "a=1e999",
    "a=",
    "a",
    "=1",
    "''=1",
    "a=1,234",
    "a=-12,500s",
    "a=1,5,5",
    "a=1,234.5",
    "a=1;2;3;4;5;6",
    "a=0x10",
    "a=1_000",
    "a=--1",
    "a=s",
    "'a=1",
    "a=1 a=2",
    "a=\u0661",
    "x" * 129 + "=1",
    "a=1" + "u" * 40,
]


@pytest.mark.parametrize(("output", "line", "measured"), READ)
def test_a_plugins_output_is_taken_apart_by_the_guidelines(output, line, measured):
    parsed = parse_plugin_output(output)

    assert parsed.line == line
    assert parsed.figures == tuple(Measurement(*each) for each in measured)
    assert parsed.refused == 0


@pytest.mark.parametrize("item", REFUSED)
def test_a_figure_that_is_not_finite_is_counted_and_dropped(item):
    parsed = parse_plugin_output(f"OK | {item} good=1")

    assert parsed.refused == 1
    assert parsed.line == "OK"


def test_thresholds_hide_no_figure():
    (figure,) = parse_plugin_output("OK | a=1s;@10:20;~:30;0;60").figures

    assert figure == Measurement("a", 1.0, "s")


def test_no_more_figures_are_kept_than_the_limit_allows():
    parsed = parse_plugin_output("OK | " + " ".join(f"m{i}={i}" for i in range(MEASUREMENTS_MAX + 5)))

    assert len(parsed.figures) == MEASUREMENTS_MAX
    assert (parsed.refused, parsed.surplus) == (0, 5)


@pytest.mark.parametrize("run", ["'", "' ", "''x ", "'' ", "a='", " "])
def test_a_hostile_run_of_quotes_is_read_in_no_time(run):
    before = time.process_time()

    assert parse_plugin_output("OK | " + run * (262_144 // len(run))).figures == ()

    assert time.process_time() - before < 2, "reading is no longer linear in the length of the output"


@given(st.text(max_size=300))
def test_any_output_is_read_without_an_error(output):
    parsed = parse_plugin_output(output)

    assert parsed.line.isprintable()
    assert all(math.isfinite(figure.value) for figure in parsed.figures)


@given(
    st.text(min_size=1, max_size=40).filter(lambda label: label.isprintable()),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_quoted_label_and_its_figure_come_back_unchanged(label, value):
    quoted = label.replace("'", "''")

    (figure,) = parse_plugin_output(f"OK | '{quoted}'={value!r}").figures

    assert (figure.name, figure.value) == (label, value)

from hypothesis import given
from hypothesis import strategies as st
from watchkeeper.domain.line import escaped, first_line, listed, one_line


@given(st.text(max_size=400), st.integers(min_value=1, max_value=60))
def test_a_line_is_printable_and_never_too_long(text, characters_max):
    for line in (one_line(text, characters_max), first_line(text, characters_max)):
        assert line.isprintable()
        assert len(line) <= characters_max


def test_a_control_character_is_shown_as_an_escape():
    assert escaped("a\nb\x1b[31m\u202eü\x00") == r"a\nb\x1b[31m\u202eü\x00"


def test_the_first_line_is_the_first_that_is_not_blank():
    assert first_line("\n  \n  disk full  \nmore") == "disk full"
    assert first_line("") == ""


def test_a_long_line_is_cut_with_an_ellipsis():
    assert one_line("x" * 10, 5) == "xxxx…"
    assert one_line("xxxxx", 5) == "xxxxx"


def test_a_list_is_bounded_however_many_and_long_its_names():
    assert listed(("one", "two")) == "one, two"
    assert len(listed(("x" * 10_000,) * 10_000)) < 4_000
    assert listed(("a\nb",)) == "a\\nb"

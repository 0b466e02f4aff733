"""The notation of promtool: each of its forms, and the same forms read by promtool itself."""

import json
import subprocess

import pytest
from watchkeeper.domain.limits import SERIES_VALUES_MAX
from watchkeeper.testing.ruletests.notation import expanded

GAP = None
FORMS = {
    "1": [1],
    "0 1 0": [0, 1, 0],
    "  1\t2\n3 ": [1, 2, 3],
    "1x3": [1, 1, 1, 1],
    "0x10": [0] * 11,
    "1x0": [1],
    "_": [GAP],
    "_x3": [GAP, GAP, GAP],
    "1 _x0 2": [1, 2],
    "1 _x3 stale": [1, GAP, GAP, GAP, GAP],
    "stale 1": [GAP, 1],
    "-2+4x3": [-2, 2, 6, 10],
    "1-2x4": [1, -1, -3, -5, -7],
    "+3": [3],
    "-1.5": [-1.5],
    ".5": [0.5],
    "5.": [5],
    "5.x1": [5, 5],
    "1e2x1": [100, 100],
    "1e-1+1e0x2": [0.1, 1.1, 2.1],
    "0+1e1x2": [0, 10, 20],
    "100-0.5x2": [100, 99.5, 99],
    "007x1": [7, 7],
    "1x10 0x5 _x3 stale": [1] * 11 + [0] * 6 + [GAP] * 4,
}
WRONG = {
    "": "without values",
    "_x0": "without values",
    "{{schema:1 sum:3 count:2}}": "character 1: a native histogram is no value of a check",
    "1 {{}}x3": "character 3: a native histogram",
    "1 NaN": "character 3: 'NaN' is no figure of a check",
    "-Inf": "character 1: '-Inf' is no figure",
    "stalex3": "'stalex3' is no value of a series",
    "STALE": "is no value",
    "1x": "is no value",
    "x3": "is no value",
    "1x-2": "is no value",
    "1x1.5": "is no value",
    "1 + 1x2": "character 3: '\\+' is no value",
    "_ x3": "character 3: 'x3' is no value",
    "1+1": "is no value",
    "1+-2x3": "is no value",
    "1x2x3": "is no value",
    "1+2+3x2": "is no value",
    "0x1F": "is no value",
    "1,2": "is no value",
    "1e": "is no value",
    "1_000": "is no value",
    "1X2": "is no value",
    "+_": "is no value",
    "1e999": "too large for a number",
    "1+1e308x9": "too large for a number",
    f"1x{SERIES_VALUES_MAX}": "more than the 200,000 values",
    f"1 _x{SERIES_VALUES_MAX}": "character 3: the series has more than the 200,000 values",
    "1x" + "9" * 10_000: "more than the 200,000 values",
}


@pytest.mark.parametrize("text", FORMS)
def test_each_form_has_the_values_that_promtool_gives_it(text):
    assert expanded(text) == pytest.approx(FORMS[text])


@pytest.mark.parametrize("text", WRONG)
def test_text_that_is_no_series_is_refused_with_its_place(text):
    with pytest.raises(ValueError, match=WRONG[text]):
        expanded(text)


def test_the_largest_series_is_read():
    assert len(expanded(f"1x{SERIES_VALUES_MAX - 1}")) == SERIES_VALUES_MAX


def rule_test(at, text):
    """A test of promtool that expects each of our values at its step; steps of 10 minutes outlast its look back."""
    text = " ".join(text.split())  # promtool takes a tab for the name of a series
    lines = [
        f"  - interval: 10m\n    input_series: [{{series: s{at}, values: {json.dumps(text)}}}]\n    promql_expr_test:"
    ]
    for step, value in enumerate(expanded(text)):
        samples = "[]" if value is GAP else f"[{{labels: s{at}, value: {value!r}}}]"
        lines.append(f"      - {{expr: s{at}, eval_time: {10 * step}m, exp_samples: {samples}}}")
    return "\n".join(lines)


@pytest.mark.needs("prometheus")
def test_promtool_itself_reads_the_same_values(tmp_path):
    tests = "\n".join(rule_test(at, text) for at, text in enumerate(FORMS))
    (tmp_path / "series.yaml").write_text(f"evaluation_interval: 10m\ntests:\n{tests}\n")
    command = ["promtool", "test", "rules", "series.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr

"""Kinds of probes of installed packages: how a configuration finds and judges them, and what is shown of their settings."""

import json
import sys
import threading

import pytest
from click.testing import CliRunner
from packages import package
from watchkeeper import ConfigurationError, Plugin, Runtime, Target
from watchkeeper.adapters.masking import secrets_of
from watchkeeper.adapters.plugins.installed import plugin_problems
from watchkeeper.domain import limits
from watchkeeper.launcher.main import cli
from watchkeeper.web.shapes.documents import masked

GAUGE = """
import threading
GATE = threading.Event()

class Gauge:
    def validate(self, settings):
        match settings.get("fault"):
            case None: return None
            case "text": return ["is not\\nright"]
            case "pair": return iter([("host", "is no host")])
            case "number": return 5
            case "numbers": return [5]
            case "one text": return "wrong"
            case "raises": raise KeyError("host")
            case "exits": raise SystemExit(3)
            case "hangs": GATE.wait(20)
            case "changes": settings.clear()
    async def probe(self, settings, deadline):
        return settings["value"]

class Later(Gauge):
    async def validate(self, settings):
        return []

class Unready:
    def __init__(self):
        raise RuntimeError("no licence")

async def plain(settings, deadline):
    return None

NUMBER = 5
"""
POINTS = {
    "gauge": "Gauge",
    "later": "Later",
    "plain": "plain",
    "unready": "Unready",
    "number": "NUMBER",
    "absent": "Absent",
}


@pytest.fixture
def module(tmp_path):
    with package(tmp_path, GAUGE, POINTS) as module:
        yield module


def problems(name="gauge", **settings):
    target = Target(id="a", plugin=Plugin(name=name, settings=settings))
    return [str(problem) for _, problem in plugin_problems([target])]


def test_a_kind_that_judges_its_settings_right_has_no_problem(module):
    assert problems(value=1) == problems("plain", value=1) == problems(fault="changes") == []


FAULTY = [
    ("gauge", "text", "plugin.settings: is not"),
    ("gauge", "pair", "plugin.settings.host: is no host"),
    ("gauge", "number", "plugin.settings: cannot be judged: validate of own_probes:Gauge raised TypeError"),
    ("gauge", "numbers", "plugin.settings: cannot be judged: validate of own_probes:Gauge raised TypeError: it returned a int"),
    ("gauge", "one text", "plugin.settings: cannot be judged: validate of own_probes:Gauge raised TypeError: it returned a text"),
    ("gauge", "raises", "plugin.settings: cannot be judged: validate of own_probes:Gauge raised KeyError: 'host'"),
    ("gauge", "exits", "plugin.settings: cannot be judged: validate of own_probes:Gauge raised SystemExit: 3"),
    ("later", None, "plugin.settings: cannot be judged: validate of own_probes:Later raised TypeError: validate is async"),
    ("unready", None, "plugin.name: own_probes:Unready cannot be loaded: RuntimeError: no licence"),
    ("number", None, "plugin.name: own_probes:NUMBER is no probe: it needs `async def probe"),
    ("absent", None, "plugin.name: own_probes:Absent cannot be loaded: AttributeError"),
    ("guage", None, "plugin.name: no installed package has a probe of the name 'guage', did you mean gauge (installed: absent"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fault", "said"), FAULTY)
def test_each_mistake_of_a_package_is_a_problem_of_its_own(module, name, fault, said):
    (problem,) = problems(name, fault=fault)

    assert problem.startswith(said)
    assert problem.isprintable()


def test_a_package_that_cannot_be_imported_is_named(tmp_path):
    with package(tmp_path, "raise SystemExit('not here')", {"gauge": "Gauge"}):
        assert problems() == ["plugin.name: own_probes:Gauge cannot be loaded: SystemExit: not here"]


def test_a_kind_that_two_packages_have_is_none(tmp_path):
    points = {"gauge": "plain"}
    with package(tmp_path, GAUGE, points), package(tmp_path, GAUGE, points, "other-probes"):
        (problem,) = problems()

    assert problem == (
        "plugin.name: 'gauge' stands 2 times, in other-probes and own-probes: uninstall all but one"
    )


def test_a_check_that_hangs_is_left_and_says_at_which_target(module, monkeypatch):
    monkeypatch.setattr(limits, "PLUGIN_CHECK_NS", 200_000_000)
    settings = [{"fault": "text"}, {"fault": "hangs"}, {"fault": "text"}]
    targets = [
        Target(id=f"t{at}", plugin=Plugin(name="gauge", settings=each)) for at, each in enumerate(settings)
    ]
    found = [(at, str(problem)) for at, problem in plugin_problems(targets)]
    sys.modules[module].GATE.set()
    for thread in threading.enumerate():
        if thread.name == "watchkeeper-check-gauge":
            thread.join(20)

    assert found == [
        (0, "plugin.settings: is not"),
        (1, "plugin.name: its settings are not judged within 0.2 s: the package hangs"),
    ]


def test_nothing_is_imported_before_a_configuration_names_it(module, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("targets: [{id: a, tcp: {host: h, port: 1}}]")
    own = tmp_path / "own.yaml"
    own.write_text("targets: [{id: a, plugin: {name: gauge}}]")

    assert CliRunner().invoke(cli, ["check", str(other)]).exit_code == 0
    assert module not in sys.modules
    assert CliRunner().invoke(cli, ["check", str(own)]).exit_code == 0
    assert module in sys.modules


def test_a_file_is_refused_with_the_line_of_its_problem(module, tmp_path):
    file = tmp_path / "w.yaml"
    file.write_text(
        "targets:\n  - id: a\n    plugin:\n      name: gauge\n      settings: {host: x, fault: pair}\n"
    )
    found = CliRunner().invoke(cli, ["check", str(file)])

    assert found.exit_code == 2
    assert "w.yaml:5:" in found.stderr
    assert "targets[0].plugin.settings.host: is no host" in found.stderr


def test_a_target_that_is_tracked_is_judged_too(module):
    with Runtime() as runtime, pytest.raises(ConfigurationError, match="is no host"):
        runtime.track(Target(id="a", plugin=Plugin(name="gauge", settings={"fault": "pair"})))


SHAPES = [
    ({"plugin": {"name": "gauge", "settings": {"a": {"b": 1}}}}, "settings.a: expected a list of texts or a text"),
    ({"plugin": {"name": "gauge", "settings": {"a": [[1]]}}}, "settings.a[0]: expected a text or a whole number"),
    ({"plugin": {"name": "gauge", "settings": {"a": 5, "b": 0.5, "c": True, "d": None, "e": [1, 0.5, "x"]}}}, None),
    ({"plugin": {"name": "gauge", "settings": []}}, None),
    ({"plugin": {"kind": "gauge"}}, "plugin.kind: unknown key, did you mean name"),
    ({"plugin": {"name": "a/b"}}, "is no id"),
]  # fmt: skip


@pytest.mark.parametrize(("probe", "said"), SHAPES)
def test_the_shape_of_settings_is_judged(module, tmp_path, probe, said):
    file = tmp_path / "w.yaml"
    file.write_text(json.dumps({"targets": [{"id": "a", **probe}]}))
    found = CliRunner().invoke(cli, ["check", str(file)])

    if said is None:
        assert found.exit_code == 0, found.stderr
    else:
        assert said in found.stderr


def test_settings_are_shown_nowhere(module, tmp_path):
    settings = {"token": "hunter2-hunter2", "pin": 4711, "hosts": ["hidden.example"]}
    plugin = Plugin(name="gauge", settings=settings)
    file = tmp_path / "w.yaml"
    file.write_text(json.dumps({"targets": [{"id": "a", "plugin": {"name": "gauge", "settings": settings}}]}))
    before = tmp_path / "before.yaml"
    before.write_text(json.dumps({"targets": [{"id": "a", "plugin": {"name": "gauge"}}]}))
    shown = [
        repr(plugin),
        repr(Target(id="a", plugin=plugin)),
        json.dumps(masked({"plugin": {"settings": settings}})),
        CliRunner().invoke(cli, ["config", "-c", str(file)]).output,
        CliRunner().invoke(cli, ["diff", str(before), str(file)]).output,
    ]

    assert all(word not in text for text in shown for word in ("hunter2", "4711", "hidden.example"))
    assert all("settings" in text or "***" in text for text in shown)
    assert 'plugin.settings.hosts: none -> ["***"]' in shown[-1]
    assert "plugin.settings.pin: none -> ***" in shown[-1]
    assert set(secrets_of([Target(id="a", plugin=plugin)])) == {"hunter2-hunter2"}


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), ([0], [False])])
def test_a_comparison_names_a_setting_that_became_an_equal_one_of_another_kind(module, tmp_path, old, new):
    for name, value in (("old", old), ("new", new)):
        plugin = {"name": "gauge", "settings": {"pin": value}}
        (tmp_path / name).write_text(json.dumps({"targets": [{"id": "a", "plugin": plugin}]}))
    shown = CliRunner().invoke(cli, ["diff", str(tmp_path / "old"), str(tmp_path / "new")]).output

    assert "    plugin.settings.pin: " in shown


def test_equal_numbers_of_two_kinds_are_two_settings():
    one, true = Plugin(name="a", settings={"x": 1}), Plugin(name="a", settings={"x": True})

    assert one != true
    assert one == Plugin(name="a", settings={"x": 1})
    assert len({one, true, Plugin(name="a", settings={"x": 1})}) == 2
    assert one != "a"

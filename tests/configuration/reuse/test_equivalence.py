"""A configuration with reuse says the same as one in which everything is written out by hand."""

import json

import yaml
from by_hand import written_out
from click.testing import CliRunner
from hypothesis import event, given, settings
from hypothesis import strategies as st
from watchkeeper.adapters.configuration import load
from watchkeeper.launcher.main import cli

LENGTHS = st.sampled_from(["10s", "1m", "5m"])
WORDS = st.sampled_from(["a", "b${each}", "c d", "${each}", "${each}${each}"])
HTTP = st.fixed_dictionaries(
    {},
    optional={
        "url": st.sampled_from(["http://h/", "https://${each}.example/"]),
        "method": st.sampled_from(["GET", "POST"]),
        "headers": st.dictionaries(st.sampled_from(["A", "B", "C"]), WORDS, max_size=2),
        "follow_redirects": st.booleans(),
    },
)
RULES = st.lists(
    st.fixed_dictionaries(
        {"id": st.just("down"), "kind": st.just("consecutive"), "after": st.integers(1, 9)}
    ),
    max_size=1,
)
FIELDS = {
    "every": LENGTHS,
    "retry_every": LENGTHS,
    "http": HTTP,
    "expect": st.lists(
        st.sampled_from(["[STATUS] == 200", "[RESPONSE_TIME] < 300"]), max_size=2, unique=True
    ),
    "rules": RULES,
    "notify": st.sampled_from([[], ["ops"]]),
    "labels": st.dictionaries(st.sampled_from(["x", "y"]), WORDS, max_size=2),
    "description": WORDS,
}
DEFAULTS = st.fixed_dictionaries(
    {},
    optional={
        "every": LENGTHS,
        "retry_every": LENGTHS,
        "notify": st.just(["ops"]),
        "rules": RULES,
        "expect": FIELDS["expect"],
        "http": st.fixed_dictionaries(
            {}, optional={"method": st.just("PUT"), "headers": st.just({"A": "d", "D": "d"})}
        ),
    },
)


@st.composite
def parts(draw):
    """Mappings that several places may share, which are then written as anchors and aliases."""
    return draw(st.lists(st.fixed_dictionaries({}, optional=FIELDS), min_size=1, max_size=3))


@st.composite
def files(draw):
    shared = draw(parts())
    part = st.sampled_from(shared) | st.fixed_dictionaries({}, optional=FIELDS)
    templates = {}
    for number in range(draw(st.integers(0, 3))):
        above = (
            draw(st.lists(st.sampled_from(sorted(templates)), max_size=2, unique=True)) if templates else []
        )
        templates[f"t{number}"] = draw(part) | ({"use": above} if above else {})
    targets = [draw(_target(part, templates, f"n{number}")) for number in range(draw(st.integers(1, 4)))]
    cut = draw(st.integers(0, len(targets)))
    root = {
        "x-shared": shared,
        "channels": [{"id": "ops", "log": {}}],
        "defaults": draw(DEFAULTS),
        "templates": templates,
        "targets": targets[:cut],
    }
    if cut == len(targets):
        return {"w.yaml": root}
    more = {"targets": targets[cut:], **({"templates": root.pop("templates")} if draw(st.booleans()) else {})}
    return {"w.yaml": {**root, "include": ["more.yaml"]}, "more.yaml": more}


@st.composite
def _target(draw, part, templates, name):
    target = dict(draw(part))
    if templates:
        names = st.sampled_from(sorted(templates))
        target |= draw(
            st.fixed_dictionaries({}, optional={"use": names | st.lists(names, max_size=2, unique=True)})
        )
    # Every one can be checked, whatever it is made of.
    target["http"] = {"url": "http://own/"} | target.get("http", {})
    entries = draw(
        st.none() | st.lists(st.sampled_from(["eu", 7, "x y"]), min_size=1, max_size=3, unique=True)
    )
    if entries is None:
        return json.loads(json.dumps(target | {"id": name}).replace("${each}", "z")) | _without_each(target)
    return target | {"id": f"{name} ${{each}}", "for_each": entries}


def _without_each(target):
    """The template may name the entry of a loop, so that a target without one has a loop of one."""
    return {"for_each": ["z"]} if "use" in target else {}


def outcome(folder, name, texts):
    for file, text in texts.items():
        (folder / file).write_text(text)
    try:
        return load(folder / name, {})
    except Exception as error:  # noqa: BLE001  # what is refused one way is refused the other way
        return type(error)


@settings(max_examples=60)
@given(files())
def test_reuse_says_what_is_written_out_by_hand(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("same")
    texts = {name: yaml.safe_dump(data, sort_keys=False, allow_unicode=True) for name, data in files.items()}
    reused = outcome(folder, "w.yaml", texts)
    plain = outcome(folder, "plain.yaml", {"plain.yaml": json.dumps(written_out(files))})
    event(str(plain if isinstance(plain, type) else "valid"))
    if isinstance(plain, type):
        assert reused is plain
        return
    assert reused.targets == plain.targets
    assert reused.channels == plain.channels
    assert said("diff", folder / "plain.yaml", folder / "w.yaml").startswith("the same: ")
    (folder / "again.yaml").write_text(said("config", "-c", folder / "w.yaml"))
    assert load(folder / "again.yaml", {}).targets == plain.targets


def said(*arguments):
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout

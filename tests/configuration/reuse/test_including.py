"""Included files: which are found, what they add, and where their problems are."""

import os

import pytest
from watchkeeper.adapters.configuration import load, load_leniently
from watchkeeper.domain import limits
from watchkeeper.domain.errors import ConfigurationError

A = "targets: [{id: a, call: {name: f}}]\n"
B = "targets: [{id: b, call: {name: f}}]\n"


def lay(folder, files):
    """Writes files by their names; returns the first."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / next(iter(files))


LONG = f"x-a: &a [{'x' * 200_000}]\nx-b: [*a, *a, *a]\n"


def ids(file):
    return [target.id for target in load(file, {}).targets]


def problems_of(file, environment=None):
    with pytest.raises(ConfigurationError) as caught:
        load(file, environment or {}, name="w.yaml")
    return list(caught.value.problems)


def test_a_folder_a_pattern_and_a_name_are_included_in_this_order(tmp_path):
    file = lay(
        tmp_path,
        {
            "w.yaml": "include: [d, 'e/*.conf', c.json]\ntargets: [{id: w, call: {name: f}}]",
            "d/2.yml": B,
            "d/1.yaml": A,
            "d/.hidden.yaml": "x: 1",
            "d/notes.txt": "x: 1",
            "d/sub.yaml/3.yaml": "x: 1",
            "e/x.conf": A.replace("a", "x", 1).replace("id: a", "id: e"),
            "c.json": '{"targets": [{"id": "c", "call": {"name": "f"}}]}',
        },
    )
    (tmp_path / "e/x.conf").write_text(A.replace("id: a", "id: e"))
    assert ids(file) == ["w", "a", "b", "e", "c"]


def test_names_are_found_from_the_folder_of_the_file_that_has_them(tmp_path):
    file = lay(
        tmp_path,
        {
            "w.yaml": "include: shop/all.yaml\nruntime: {store: w.db}",
            "shop/all.yaml": "include: [more/*.yaml]\nchannels: [{id: ops, slack: {token: '${file:token}', channel: c}}]",
            "shop/token": "xoxb-1",
            "shop/more/a.yaml": "targets: [{id: a, exec: {argv: [ls], directory: .}}]\nruntime: {allow_exec: true}",
        },
    )
    configuration = load(file, {})
    assert configuration.runtime.store == str(tmp_path / "w.db")
    assert configuration.channels[0].slack.token == "xoxb-1"  # noqa: S105  # the test's own
    assert configuration.targets[0].exec.directory == str(tmp_path / "shop/more")


def test_mappings_of_several_files_are_joined_and_each_key_is_stated_once(tmp_path):
    file = lay(
        tmp_path,
        {
            "w.yaml": "include: [a.yaml]\ndefaults: {every: 1m}\nruntime: {grace: 5s}\ntargets: [{id: w, call: {name: f}}]",
            "a.yaml": "defaults: {timeout: 1s, every: 2m}\nruntime: {retention: {daily: 50d}}",
        },
    )
    assert problems_of(file) == [
        "a.yaml:1:25: defaults.every: stands in w.yaml already: state it in one file"
    ]
    lay(tmp_path, {"a.yaml": "defaults: {timeout: 1s}\nruntime: {retention: {daily: 50d}}"})
    configuration = load(file, {})
    assert (configuration.runtime.grace, configuration.runtime.retention.daily) == ("5s", "50d")
    assert (configuration.targets[0].every, configuration.targets[0].timeout) == ("1m", "1s")


def test_every_problem_of_every_file_is_told_with_its_file(tmp_path):
    file = lay(
        tmp_path,
        {
            "w.yaml": "include: [d]\ntargets:\n  - {id: w, call: {name: f}, evry: 1}",
            "d/1.yaml": "targets:\n  - {id: a, tcp: {host: h, port: 0}}\n  - {id: w, call: {name: f}}",
            "d/2.yaml": "channels: [{id: ops, log: {}}]\ntargets: [{id: b, call: {name: f}, notify: [opps]}]",
        },
    )
    lines = problems_of(file)
    assert [line.partition(" ")[0] for line in lines] == [
        "w.yaml:3:30:",
        "d/1.yaml:2:34:",
        "d/1.yaml:3:10:",
        "d/2.yaml:2:45:",
    ]
    assert (
        lines[2]
        == "d/1.yaml:3:10: targets[1].id: the id 'w' stands twice, first at targets[0] of w.yaml: rename one"
    )


def test_a_file_that_is_no_yaml_hides_no_problem_of_another_file(tmp_path):
    file = lay(
        tmp_path, {"w.yaml": "include: [a.yaml]\ntargets: [{id: 5, call: {name: f}}]", "a.yaml": "targets: ["}
    )
    assert sorted(problems_of(file)) == [
        "a.yaml:2:1: this is not YAML: did not find expected node content",
        "w.yaml:2:16: targets[0].id: expected a text, got the number 5: put it in quotes",
    ]


def test_a_file_that_cannot_be_read_is_not_missed_by_the_others(tmp_path):
    text = "include: [a.yaml]\ntargets: [{id: w, use: t, notify: [ops], depends_on: [x]}, {id: v, tcp: {host: h, prt: 1}}]"
    file = lay(tmp_path, {"w.yaml": text, "a.yaml": "targets: [", "bad.yaml": ""})
    unreadable = "a.yaml:2:1: this is not YAML: did not find expected node content"
    misspelt = "w.yaml:2:83: targets[1].tcp.prt: unknown key, did you mean port"
    assert sorted(problems_of(file)) == [unreadable, misspelt]
    (tmp_path / "a.yaml").write_bytes(b"targets: [] # \xff")
    assert sorted(problems_of(file)) == ["a.yaml:1:15: this is not UTF-8: save the file as UTF-8", misspelt]


@pytest.mark.parametrize(
    ("include", "said"),
    [
        (
            "[gone.yaml]",
            "w.yaml:1:11: include[0]: 'gone.yaml': the file cannot be read: No such file or directory",
        ),
        ("[w.yaml]", "w.yaml:1:11: include[0]: 'w.yaml' includes itself: name each file once"),
        ("['*.yaml']", "w.yaml:1:11: include[0]: 'w.yaml' includes itself: name each file once"),
        ("[c.txt]", "c.txt:1:10: include: 'w.yaml' includes itself: name each file once"),
        (
            "[a.yaml, ./a.yaml]",
            "w.yaml:1:19: include[1]: './a.yaml' is included already, as a.yaml: name each file once",
        ),
        (
            "[5]",
            "w.yaml:1:11: include[0]: expected the name of a file or a folder, or a pattern like targets.d/*.yaml",
        ),
        ("{a: b}", "w.yaml:1:10: include: expected a list of files, folders and patterns"),
        ("['${A}']", "w.yaml:1:11: include[0]: takes no variables: write the name of the file"),
        ("[pipe]", "w.yaml:1:11: include[0]: 'pipe' is a device or a pipe: name a file"),
        ("[bad.yaml]", "bad.yaml:1:4: this is not UTF-8: save the file as UTF-8"),
    ],
)
def test_an_entry_that_cannot_be_included_is_told_where_it_stands(include, said, tmp_path):
    file = lay(tmp_path, {"w.yaml": f"include: {include}\n{A}", "a.yaml": B, "c.txt": "include: w.yaml"})
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff")
    os.mkfifo(tmp_path / "pipe")
    assert said in problems_of(file)


def test_caps_hold_for_all_files_together(tmp_path, monkeypatch):
    file = lay(
        tmp_path,
        {"w.yaml": f"include: [d]\n#{'x' * 600_000}", "d/a.yaml": f"#{'x' * 600_000}\n{A}", "d/b.yaml": B},
    )
    assert ids(file) == ["a", "b"]
    monkeypatch.setattr(limits, "INCLUDED_FILES_MAX", 1)
    assert problems_of(file) == [
        "w.yaml:1:11: include[0]: 1 files are the most that one configuration includes"
    ]
    monkeypatch.setattr(limits, "CONFIGURATION_BYTES_MAX", 1 << 20)
    assert "d/a.yaml:1:1: the files together have more than the 1 MiB that are read" in problems_of(file)


def test_values_and_what_aliases_repeat_are_counted_over_all_files(tmp_path, monkeypatch):
    """Each of them alone is small enough; what is read after the cap is not told of."""
    many = "x-a: &a [1, 2, 3, 4, 5, 6, 7, 8]\nx-b: [*a, *a, *a]\n"
    file = lay(
        tmp_path, {"w.yaml": "include: [a.yaml, b.json, c.yaml, d.yaml]", "a.yaml": many, "c.yaml": many}
    )
    lay(tmp_path, {"b.json": '{"x-c": [1, 2, 3]}', "d.yaml": many})
    assert load(file, {}).targets == ()
    monkeypatch.setattr(limits, "CONFIGURATION_NODES_MAX", 60)
    (told,) = problems_of(file)
    assert told.startswith("c.yaml:")
    assert told.endswith("too many values: 60 are the most in all files together")
    monkeypatch.undo()
    lay(tmp_path, {"a.yaml": LONG, "c.yaml": LONG, "d.yaml": LONG})
    assert load(file, {}).targets == ()
    monkeypatch.setattr(limits, "CONFIGURATION_BYTES_MAX", 1 << 20)
    (told,) = problems_of(file)
    assert told.startswith("c.yaml:")
    assert told.endswith("aliases repeat more than 1 MiB in all files together")


def test_too_many_files_are_told_once(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "INCLUDED_FILES_MAX", 1)
    file = lay(
        tmp_path, {"w.yaml": "include: [a.yaml, b.yaml, c.yaml]", "a.yaml": A, "b.yaml": B, "c.yaml": B}
    )
    assert problems_of(file) == [
        "w.yaml:1:19: include[1]: 1 files are the most that one configuration includes"
    ]


def test_files_include_files_over_a_few_levels(tmp_path):
    files = {f"{n}.yaml": f"include: {n + 1}.yaml" for n in range(12)} | {"12.yaml": A}
    assert "10.yaml:1:10: include: files include each other over 10 levels at most" in problems_of(
        lay(tmp_path, files)
    )


def test_a_reader_of_the_store_follows_includes_of_a_configuration_with_problems(tmp_path):
    file = lay(
        tmp_path,
        {
            "w.yaml": "include: [a.yaml, gone.yaml]\ntargets: [{id: w, call: {name: f}}",
            "a.yaml": f"runtime: {{store: w.db}}\n{A}",
        },
    )
    configuration = load_leniently(file, {})
    assert configuration.runtime.store == str(tmp_path / "w.db")
    assert "a" in [target.id for target in configuration.targets]


def test_a_file_with_an_empty_list_or_nothing_adds_nothing(tmp_path):
    file = lay(
        tmp_path,
        {"w.yaml": f"include: [a.yaml, b.yaml]\n{A}", "a.yaml": "# none yet\n", "b.yaml": "targets: []"},
    )
    assert ids(file) == ["a"]
    lay(tmp_path, {"b.yaml": "[]"})
    assert problems_of(file) == ["b.yaml:1:1: expected a mapping with keys like targets and channels"]


def test_the_name_of_a_file_is_one_line_in_a_problem(tmp_path):
    file = lay(tmp_path, {"w.yaml": "include: [d]", "d/a\nb.yaml": "targets: 5"})
    assert problems_of(file) == [
        r"d/a\nb.yaml:1:10: targets: expected a list, got a number: put it in brackets, [like, this]"
    ]

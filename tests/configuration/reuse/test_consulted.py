"""The files of a configuration: each change of one of them is seen, and a reload reads all of them again."""

import contextlib

import pytest
from watchkeeper import Runtime
from watchkeeper.adapters.configuration.configured_file import ConfiguredFile
from watchkeeper.domain.errors import ConfigurationError
from watchkeeper.launcher.operate.changes import FileChanges

ROOT = """\
include: [d, more.yaml]
channels: [{id: ops, slack: {token: "${file:token}", channel: c}}]
targets: [{id: w, call: {name: f}}]
"""
MORE = "targets: [{id: more, call: {name: f}}]"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "w.yaml").write_text(ROOT)
    (tmp_path / "more.yaml").write_text(MORE)
    (tmp_path / "d/a.yaml").write_text("targets: [{id: a, call: {name: f}}]")
    (tmp_path / "token").write_text("xoxb-1")
    return ConfiguredFile(tmp_path / "w.yaml", {})


def replaced(path, text):
    path.with_name("new").write_text(text)
    path.with_name("new").replace(path)


CHANGES = {
    "the file itself": lambda folder: replaced(folder / "w.yaml", ROOT.replace("id: w", "id: x")),
    "an included file": lambda folder: replaced(folder / "more.yaml", MORE.replace("more", "less")),
    "a new file in a folder": lambda folder: (folder / "d/b.yml").write_text(""),
    "a file that goes": lambda folder: (folder / "d/a.yaml").unlink(),
    "a secret": lambda folder: replaced(folder / "token", "xoxb-2"),
    "a file that ends a configuration": lambda folder: (folder / "more.yaml").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_any_file_is_seen_until_it_is_read(change, file, tmp_path):
    file.read()
    assert file.consulted.now() == file.consulted.read
    change(tmp_path)
    assert file.consulted.now() != file.consulted.read
    with contextlib.suppress(ConfigurationError):
        file.read()
    assert file.consulted.now() == file.consulted.read


def test_a_file_whose_absence_is_the_problem_is_waited_for(file, tmp_path):
    (tmp_path / "more.yaml").unlink()
    with pytest.raises(ConfigurationError):
        file.read()
    (tmp_path / "more.yaml").write_text(MORE)
    assert file.consulted.now() != file.consulted.read
    (tmp_path / "w.yaml").unlink()
    with pytest.raises(ConfigurationError):
        file.read()
    assert file.consulted.now() == file.consulted.read
    (tmp_path / "w.yaml").write_text(ROOT)
    assert file.consulted.now() != file.consulted.read


def test_a_change_counts_once_it_is_written(file, tmp_path):
    file.read()
    changes = FileChanges(lambda: file.consulted)
    assert [changes.is_due(), changes.is_due()] == [False, False]
    replaced(tmp_path / "w.yaml", ROOT)
    assert not changes.is_due()
    replaced(tmp_path / "w.yaml", f"{ROOT}\n")
    assert [changes.is_due(), changes.is_due()] == [False, True]
    file.read()
    assert [changes.is_due(), changes.is_due()] == [False, False]


def test_a_reload_reads_included_files_again(file, tmp_path):
    replaced(tmp_path / "w.yaml", "include: [d, more.yaml]")
    functions = {"f": lambda: True}
    with Runtime.from_config(tmp_path / "w.yaml", {}, callables=functions) as runtime:
        (tmp_path / "d/b.yaml").write_text("targets: [{id: b, call: {name: f}}]")
        replaced(tmp_path / "more.yaml", MORE.replace("more", "less"))
        runtime.reload()
        assert {target.id for target in runtime.status().targets} == {"a", "b", "less"}

"""`page`: public pages as files, of the record, of a running process, and of another machine."""

import json
import re

from watchkeeper import Heartbeat, Runtime, Target

LINKS = re.compile(r'(?:href|src)="([^"]*)"')
CONFIGURATION = """\
runtime: {store: watch.db}
web: {listen: "127.0.0.1:8080", pages: [{id: jobs, title: Jobs}, {id: none, title: None, match: [target=none]}]}
targets:
  - {id: etl, every: 1h, heartbeat: {}, public: Nightly load}
  - {id: old, every: 1h, heartbeat: {}, public: Old load}
"""


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def status_of(folder, page="jobs"):
    return json.loads((folder / "public" / page / "status.json").read_text())


def outage(folder):
    """A store in which one job has failed, as a run has left it."""
    targets = [
        Target(id=name, every="1h", heartbeat=Heartbeat(), public=public)
        for name, public in (("etl", "Nightly load"), ("old", "Old load"))
    ]
    with Runtime(targets=targets, store=folder / "watch.db") as runtime:
        runtime.heartbeat("old")
        runtime.heartbeat("etl", ok=False, detail="secret detail")
        runtime.announce("Loads are late", kind="outage", by="secret author")
        runtime.status()
    (folder / "watchkeeper.yaml").write_text(CONFIGURATION)


def test_pages_of_a_record_have_everything_that_they_name(quiet, tmp_path):
    outage(tmp_path)
    says = "wrote 2 pages into out: open out/public/jobs/index.html, out/public/none/index.html\n"
    assert quiet("page", "out") == (0, says)
    shown = status_of(tmp_path / "out")
    assert [(each["name"], each["status"]) for each in shown["components"]] == [
        ("Nightly load", "down"),
        ("Old load", "up"),
    ]
    assert [each["title"] for each in shown["announcements"]] == ["Loads are late"]
    for page in ("jobs", "none"):
        place = tmp_path / "out" / "public" / page
        links = LINKS.findall((place / "index.html").read_text())
        assert len(links) > 5
        for link in links:
            assert link.startswith("#") or (place / link).is_file(), link
    assert all(
        "secret" not in (tmp_path / "out" / name).read_text("latin-1") for name in files(tmp_path / "out")
    )


def test_a_single_page_is_the_index_of_its_folder(quiet, tmp_path):
    outage(tmp_path)
    assert quiet("page", "out", "--page", "jobs") == (0, "wrote 1 page into out: open out/index.html\n")
    for link in LINKS.findall((tmp_path / "out" / "index.html").read_text()):
        assert link.startswith("#") or (tmp_path / "out" / link).is_file(), link


def test_a_file_of_a_service_that_is_gone_is_removed_and_no_other(quiet, tmp_path):
    outage(tmp_path)
    quiet("page", "out")
    (tmp_path / "out" / "robots.txt").write_text("mine")
    before = files(tmp_path / "out")
    text = CONFIGURATION.replace(", public: Old load", "").replace(
        ", {id: none, title: None, match: [target=none]}", ""
    )
    (tmp_path / "watchkeeper.yaml").write_text(text)
    assert quiet("page", "out")[0] == 0
    after = files(tmp_path / "out")
    assert before - after == {
        "public/jobs/badge/old-load.svg",
        "public/none/index.html",
        "public/none/feed.atom",
        "public/none/status.json",
    }
    assert after - before == {"index.html"}
    assert "robots.txt" in after


def test_a_list_of_files_removes_nothing_outside_its_folder(quiet, tmp_path):
    outage(tmp_path)
    quiet("page", "out")
    with (tmp_path / "out" / ".watchkeeper-page").open("a") as listed:
        listed.write("../watchkeeper.yaml\n")
    assert quiet("page", "out")[0] == 0
    assert (tmp_path / "watchkeeper.yaml").exists()


def test_a_folder_of_other_files_is_refused(quiet, tmp_path):
    outage(tmp_path)
    status, says = quiet("page", ".")
    assert (status, "this folder has other files: name an empty or a new one" in says) == (2, True)


def test_a_place_that_cannot_be_written_into_is_refused_with_what_to_do(quiet, tmp_path):
    outage(tmp_path)
    says = "watchkeeper.yaml: is a file: name a folder that is empty or new\n"
    assert quiet("page", "watchkeeper.yaml") == (2, says)
    says = "watchkeeper.yaml/out: cannot be written into: not a directory: name another folder\n"
    assert quiet("page", "watchkeeper.yaml/out") == (2, says)
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / ".watchkeeper-page").write_bytes(b"\xff")
    says = (
        "list/.watchkeeper-page: is no list of files that were written here: name an empty or a new folder\n"
    )
    assert quiet("page", "list") == (2, says)


def test_an_unknown_page_and_a_configuration_without_pages_are_refused(quiet, tmp_path):
    assert quiet("page", "out") == (
        2,
        "web.pages: no public page is configured: docs/public-pages.md shows one\n",
    )
    outage(tmp_path)
    assert quiet("page", "out", "--page", "job") == (
        1,
        "watchkeeper: no public page is named 'job', did you mean jobs\n",
    )
    assert not (tmp_path / "out").exists()


def test_the_pages_of_a_running_process_are_written_by_its_socket_and_by_a_url(run, verb, there, folder):
    verb("heartbeat", "etl", "--fail")
    assert verb("page", "by-socket")[0] == 0
    assert there("page", "by-url", "--page", "jobs")[0] == 0
    shown = [status_of(folder / name)["components"] for name in ("by-socket", "by-url")]
    assert shown[0] == shown[1]
    assert [(each["name"], each["status"]) for each in shown[0]] == [("Nightly load", "down")]
    verb("heartbeat", "etl")
    assert there("page", "by-url")[0] == 2
    assert there("page", "by-url", "--page", "mail")[0] == 1

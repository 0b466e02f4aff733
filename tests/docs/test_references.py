"""Every file and name that the documents refer to exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FILE = re.compile(r"`((?:tests|bench|examples|domain|actors|adapters|testing)/[\w/.]+\.\w+)`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@cache
def functions_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def missing_tests(text: str) -> list[str]:
    return [
        f"{file}::{test}"
        for file, test in TEST.findall(text)
        if not (ROOT / file).exists() or test not in functions_in(ROOT / file)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_test_exists(page):
    assert missing_tests(page.read_text(encoding="utf-8")) == []


def test_a_reference_to_a_missing_test_is_noticed():
    assert missing_tests("`tests/docs/test_references.py::test_that_is_not_there`")
    assert missing_tests("`tests/docs/no_such_file.py::test_x`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_named_file_exists(page):
    text = page.read_text(encoding="utf-8")
    links = [page.parent / link for link in LINK.findall(text)]
    files = [ROOT / file for file in FILE.findall(text)]

    assert [str(path) for path in [*links, *files] if not path.exists()] == []


HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHORED = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_anchor_of_a_link_is_a_heading(page):
    links = ANCHORED.findall(page.read_text(encoding="utf-8"))
    targets = [(page.parent / path if path else page, anchor) for path, anchor in links]
    assert [
        f"{path}#{anchor}"
        for path, anchor in targets
        if path.suffix == ".md" and anchor not in anchors_of(path)
    ] == []


def test_every_document_stands_in_the_navigation_of_the_site():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    documents = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    written = {name for name in documents if not name.startswith("internal/")}
    assert {name for name in written if f": {name}\n" not in navigation} == set()


def test_every_public_name_has_its_topic_on_the_site():
    pages = ast.parse((ROOT / "docs" / "site" / "pages.py").read_text(encoding="utf-8"))
    (topics,) = (
        ast.literal_eval(each.value)
        for each in pages.body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "TOPICS"
    )
    door = ast.parse((ROOT / "door.py").read_text(encoding="utf-8"))
    modules = {each.module for each in door.body if isinstance(each, ast.ImportFrom) and each.module}

    assert [module for module in modules if not module.startswith(tuple(topics))] == []

"""The measurable part of the prose rules: how sentences begin, and which errors a docstring names."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPOSITORY = ROOT
LAYERS = ("domain", "protocol", "actors", "adapters", "host", "web", "client", "launcher", "testing")
PACKAGE = sorted([*ROOT.glob("*.py"), *(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))])
BESIDE = sorted(
    path for folder in ("tests", "bench", "examples", "docs") for path in (ROOT / folder).rglob("*.py")
)
"""The code beside the package: its docstrings and comments keep the same rule, and its texts may be data."""
DOCUMENTS = sorted(
    path
    for path in (
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "bench").glob("*.md"),
    )
    if path.name != "CHANGELOG.md"
)
FOR_USERS = [path for path in DOCUMENTS if "internal" not in path.parts and path.parent.name != "bench"]
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef

RIDDLES = re.compile(
    r"(?:^|[.!?]\s+|\n\s*\n\s*)(who|what|whoever|whatever|nobody|whose)\b(?![^.!?]*\?)", re.IGNORECASE
)
"""A sentence that begins with one of these words; a question may, as its answer follows."""
INTERNAL = re.compile(r"(?<![\w-])(?:[BDVQ]-\d\d|[SLFC]-?\d{1,2})(?![\w-])")
"""Identifiers of claims, invariants and faults: they belong in docs/internal/."""


def riddles(text):
    return [match.group(0).strip() for match in RIDDLES.finditer(text)]


def named(path):
    base = ROOT if path.is_relative_to(ROOT) else REPOSITORY
    return path.relative_to(base).as_posix()


def comments(path):
    """Comments as (line, text), neighbouring lines as one."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type != tokenize.COMMENT or re.match(r"#\s*(noqa|type:|pragma|!)", token.string):
            continue
        text = re.sub(r"\s*#\s*noqa:.*", "", token.string.lstrip("# ")).strip()
        if (
            found
            and found[-1][0] + found[-1][1].count("\n") + 1 == token.start[0]
            and token.start[1] == found[-1][2]
        ):
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{text}", token.start[1])
        else:
            found.append((token.start[0], text, token.start[1]))
    return [(line, text) for line, text, _ in found]


def texts(path):
    """Docstrings, documented fields and messages as (line, text)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


def docstrings(path):
    """Docstrings and documented fields as (line, text), without the messages and other texts of `texts`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                yield node.lineno, text


def begins_badly(path, said=texts):
    return [
        f"{named(path)}:{line} {found[0]!r}"
        for line, text in (*said(path), *comments(path))
        if (found := riddles(text))
    ]


def test_no_sentence_of_the_package_begins_as_a_riddle():
    assert [fault for path in PACKAGE for fault in begins_badly(path)] == []


def test_no_docstring_or_comment_beside_the_package_begins_as_a_riddle():
    assert [fault for path in BESIDE for fault in begins_badly(path, docstrings)] == []


def test_a_riddle_in_a_test_is_caught_and_its_data_is_not(tmp_path):
    source = tmp_path / "test_example.py"
    source.write_text('"""What a test shares."""\n\n# Nobody reads it.\nROWS = ["Who are you, then"]\n')
    found = [riddles(text)[0] for _, text in (*docstrings(source), *comments(source)) if riddles(text)]
    assert found == ["What", "Nobody"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_no_sentence_of_a_document_begins_as_a_riddle(path):
    prose = re.sub(r"```.*?```|`[^`]*`|^#.*$|^\|.*$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert riddles(prose) == []


@pytest.mark.parametrize("path", FOR_USERS, ids=named)
def test_a_document_for_users_holds_no_internal_identifier(path):
    assert INTERNAL.findall(re.sub(r"`[^`]*`", "", path.read_text())) == []


@pytest.mark.parametrize(
    "text",
    [
        "What it has not committed, nobody is told.",
        "A store. Nobody else writes.",
        "Ends it.\n\nWhoever waits hears of it.",
        "Who holds the lock: a process.",
    ],
)
def test_a_riddle_is_caught(text):
    assert riddles(text)


@pytest.mark.parametrize(
    "text", ["Says what a retry does.", "What does a retry do?", "Commits before it notifies."]
)
def test_a_plain_sentence_passes(text):
    assert riddles(text) == []


# Errors.

NOT_SAID = {
    "NotImplementedError",
    "AssertionError",
    "StopAsyncIteration",
    "StopIteration",
    "KeyboardInterrupt",
    "SystemExit",
}
"""Errors of the language's own protocols: no caller handles them as an error of the function."""


def raised(function):
    """The names of the errors that the function's own body raises and does not catch itself."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, FUNCTIONS | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Try):
            waiting.extend((*node.handlers, *node.orelse, *node.finalbody))
            if not node.handlers:
                waiting.extend(node.body)
            continue
        match node:
            case ast.Raise(exc=ast.Call(func=ast.Name(id=name)) | ast.Name(id=name)) if name[0].isupper():
                yield name
        waiting.extend(ast.iter_child_nodes(node))


def public_functions(tree):
    for node in tree.body:
        if isinstance(node, FUNCTIONS) and not node.name.startswith("_"):
            yield node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (
                each for each in node.body if isinstance(each, FUNCTIONS) and not each.name.startswith("_")
            )


def silent_about(tree):
    """Public functions that raise an error which their docstring does not name behind `Raises:`."""
    for function in public_functions(tree):
        text = (ast.get_docstring(function) or "").partition("Raises:")[2]
        missing = sorted({name for name in raised(function) if name not in NOT_SAID and name not in text})
        if missing:
            yield f"{function.lineno} {function.name}: {', '.join(missing)}"


def test_a_public_function_names_the_errors_that_it_raises():
    assert {
        named(path): found for path in PACKAGE if (found := list(silent_about(ast.parse(path.read_text()))))
    } == {}


def test_an_error_that_no_docstring_names_is_caught():
    silent = 'def f():\n    """Does it."""\n    raise ValueError("no")'
    said = 'def f():\n    """Does it.\n\n    Raises: ValueError for no.\n    """\n    raise ValueError("no")'
    assert list(silent_about(ast.parse(silent))) == ["1 f: ValueError"]
    assert list(silent_about(ast.parse(said))) == []

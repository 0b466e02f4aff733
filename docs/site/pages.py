"""Makes the site: adds what stands outside `docs/` and the Python reference, and turns links between files into links of pages."""

import ast
import posixpath
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)((?:#[^)\s]*)?)(?=\))")
TOPICS = {
    "runtime": "The runtime",
    "host.agents": "Other locations",
    "adapters.locations": "Other locations",
    "host": "The runtime",
    "client": "Another process",
    "domain.specification.target": "What to watch",
    "domain.specification.probe": "What to watch",
    "domain.specification.http": "What to watch",
    "adapters.plugins": "Kinds of probes of your own",
    "domain.specification.rule": "Rules",
    "domain.specification.channel": "Channels",
    "domain.specification": "The configuration",
    "domain.time": "The configuration",
    "domain.read_model.event": "Events",
    "domain.read_model": "Status",
    "domain.rules": "Status",
    "domain.observation": "Samples and attempts",
    "domain.incidents": "Incidents and notices",
    "adapters.stores": "The record",
    "domain.errors": "Errors",
}
"""The headings of the Python reference, by the beginning of the module that a public name comes from: the first that fits."""
CODE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def place_in_site(file: str) -> str:
    """Returns where a file, named from the root of the repository, stands in the site. Code is shown on a page of its own."""
    if file == "README.md":
        return "index.md"
    if file.endswith((".md", ".svg", ".png")):
        return file.removeprefix("docs/")
    return f"source/{file}.md"


def linked_from(file: str) -> Iterator[str]:
    """The files that a document links to, named from the root of the repository."""
    for part in CODE.split((ROOT / file).read_text(encoding="utf-8"))[::2]:
        for link in LINK.finditer(part):
            yield target_of(file, link[1])


def target_of(file: str, link: str) -> str:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(file), link))
    return posixpath.join(target, "README.md") if (ROOT / target).is_dir() else target


def found_from(start: str) -> list[str]:
    """All files that are reached by links from a document. A link to a missing file is left to the check of the site."""
    found = [start]
    for file in found:
        if file.endswith(".md"):
            found += [
                each
                for each in dict.fromkeys(linked_from(file))
                if each not in found and (ROOT / each).is_file()
            ]
    return found


def on_files(files: Files, config: Any) -> Files:
    """Adds the first page, and the files outside `docs/` that documents link to."""
    present = {place_in_repository(each.src_uri) for each in files.documentation_pages()}
    reached = dict.fromkeys(each for page in ["README.md", *sorted(present)] for each in found_from(page))
    files.append(File.generated(config, "python.md", content=python_reference()))
    for file in reached:
        if file in present:
            continue
        place = place_in_site(file)
        if file.endswith((".svg", ".png")):
            if not file.startswith("docs/"):
                files.append(File.generated(config, place, abs_src_path=str(ROOT / file)))
            continue
        content = (ROOT / file).read_text(encoding="utf-8")
        if not file.endswith(".md"):
            kind = Path(file).suffix.removeprefix(".") or "text"
            content = (
                f"---\nhide: [toc]\nsearch: {{exclude: true}}\n---\n# {file}\n\n````{kind}\n{content}````\n"
            )
        files.append(File.generated(config, place, content=content))
    return files


def place_in_repository(page: str) -> str:
    """The document that a page is made of; "" for one that shows code."""
    if page == "index.md":
        return "README.md"
    if page.startswith("source/"):
        return ""
    return f"docs/{page}" if (ROOT / "docs" / page).is_file() else page


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turns the links of a page, which are right in the repository, into links that are right in the site."""
    file = place_in_repository(page.file.src_uri)
    if not file:
        return markdown
    move = partial(_moved, file, posixpath.dirname(page.file.src_uri) or ".")
    parts = CODE.split(markdown)
    return "".join(LINK.sub(move, part) if n % 2 == 0 else part for n, part in enumerate(parts))


def _moved(file: str, start: str, link: re.Match[str]) -> str:
    return posixpath.relpath(place_in_site(target_of(file, link[1])), start) + link[2]


def python_reference() -> str:
    """Returns the page of all public names, under their topics; their texts come from the code."""
    starts = list(TOPICS)
    body = ast.parse((ROOT / "door.py").read_text(encoding="utf-8")).body
    imports = [each for each in body if isinstance(each, ast.ImportFrom) and each.module]
    named: dict[str, list[str]] = {topic: [] for topic in TOPICS.values()}
    for start, module, name in sorted(
        (next(n for n, start in enumerate(starts) if each.module.startswith(start)), each.module, alias.name)
        for each in imports
        for alias in each.names
    ):
        named[TOPICS[starts[start]]].append(f"watchkeeper.{module}.{name}")
    lines = ["# Python reference", "", "All of these names are imported from `watchkeeper` itself."]
    for topic, names in named.items():
        lines += ["", f"## {topic}", *(f"\n::: {name}" for name in names)]
    return "\n".join(lines) + "\n"

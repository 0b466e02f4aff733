"""Pages as text: how they are asked for, and what is wrong with their markup."""

from html.parser import HTMLParser
from typing import Any

from asking import Asking

HTML = {"accept": "text/html,application/xhtml+xml"}
VOID = {"meta", "link", "input", "br", "img", "path", "hr", "circle", "rect", "line"}


class Balance(HTMLParser):
    """Finds elements that are not closed, ids that stand twice, and attributes that a strict policy refuses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.faults: list[str] = []
        self.feed(text)
        self.faults += [f"{tag} is open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        names = dict(attrs)
        self.faults += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        if names.get("id") in self.ids:
            self.faults.append(f"id {names['id']} stands twice")
        self.ids |= {names["id"]} if "id" in names else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} closes another one")


def page_of(asking: Asking, path: str, **headers: str) -> str:
    """Returns a page; asserts that it is one."""
    answer = asking.ask("GET", path, **{**HTML, **headers})
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer
    return answer.body.decode()

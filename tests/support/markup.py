"""A browser that reads pages: what it asks for, and what is wrong with the markup that it gets."""

from html.parser import HTMLParser

from asking import Asking

HTML = {"accept": "text/html,application/xhtml+xml"}
"""The header by which a browser is told from a program."""
VOID = frozenset({"meta", "link", "input", "br", "img", "path", "hr", "circle", "rect", "line", "col"})
CLOSES = {
    "th": {"th", "td"},
    "td": {"th", "td"},
    "tr": {"th", "td", "tr"},
    "tbody": {"th", "td", "tr", "thead", "tbody"},
}
"""The open elements that the beginning of another one ends, as HTML has it."""
ENDED_BY_PARENT = frozenset({"th", "td", "tr", "tbody"})


def page_of(asking: Asking, path: str, status: int = 200, **headers: str) -> str:
    """The page at a path; fails where the answer is another one."""
    answer = asking.ask("GET", path, **{**HTML, **headers})
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer
    return answer.body.decode()


def faults_of(page: str) -> list[str]:
    """Elements that are not closed, ids that stand twice, and attributes that a strict policy refuses."""
    return _Markup(page).faults


class _Markup(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.faults: list[str] = []
        self.feed(text)
        self.faults += [f"{tag} is open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.faults += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        if (id_ := names.get("id")) is not None:
            if id_ in self.ids:
                self.faults.append(f"id {id_} stands twice")
            self.ids.add(id_)
        while self.open and self.open[-1] in CLOSES.get(tag, ()):
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        while self.open and self.open[-1] != tag and self.open[-1] in ENDED_BY_PARENT:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"{tag} closes another one")

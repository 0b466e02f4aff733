"""A browser without scripts: reads pages, fills their forms in and presses their buttons, as a person does."""

from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from asking import Answered, Asking, cookie_in


class Form(NamedTuple):
    """A form of a page, as it would be sent."""

    action: str
    method: str
    fields: list[tuple[str, str]]
    buttons: dict[str, dict[str, str]]
    """The attributes of each button by its words."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._select = ""
        self._button: dict[str, str] | None = None
        self._words = ""
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        said = {name: value if value is not None else "" for name, value in attributes}
        form = self._form
        if tag == "form":
            self._form = Form(said.get("action", ""), said.get("method", "get"), [], {})
            self.forms.append(self._form)
        elif tag == "input" and form and "name" in said:
            if said.get("type") not in {"radio", "checkbox"} or "checked" in said:
                form.fields.append((said["name"], said.get("value", "")))
        elif tag == "select":
            self._select = said["name"]
        elif tag == "option" and form and self._select and "selected" in said:
            form.fields.append((self._select, said["value"]))
        elif tag == "button":
            self._button, self._words = said, ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self._form is not None and self._button is not None:
            self._form.buttons[self._words.strip()] = self._button
        elif tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        if tag == "button":
            self._button = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._button is not None:
            self._words += data


class Page(NamedTuple):
    """A page that a browser shows."""

    path: str
    answer: Answered
    forms: list[Form]
    text: str
    """Its words, without the tags."""

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def html(self) -> str:
        return self.answer.body.decode()

    @property
    def main(self) -> str:
        """The part between head and foot."""
        return self.html.partition("<main")[2].partition("</main>")[0]

    @property
    def buttons(self) -> list[str]:
        return [words for form in self.forms for words in form.buttons]

    def form(self, button: str) -> Form:
        """The first form with this button."""
        return next(form for form in self.forms if button in form.buttons)


class Browser:
    """Keeps cookies, follows redirections, and sends forms as from a page of the same origin."""

    def __init__(self, url: str, cookie: str = "") -> None:
        self._asking = Asking(url)
        self.cookies = dict([cookie.split("=", 1)]) if cookie else {}
        self.statuses: list[int] = []
        """The status of each answer so far."""

    def open(self, path: str, **headers: str) -> Page:
        """Shows a page; redirections are followed."""
        return self._shown(path, self._ask("GET", path, **{"sec_fetch_mode": "navigate", **headers}))

    def press(self, page: Page, button: str, referer: str = "", **fields: str | list[str]) -> Page:
        """Presses a button, with some fields of its form filled in; `referer` is the page as a browser names it."""
        form = page.form(button)
        pressed = form.buttons[button]
        sent = [(name, value) for name, value in form.fields if name not in fields]
        for name, value in fields.items():
            sent += [(name, each) for each in ([value] if isinstance(value, str) else value)]
        if "name" in pressed:
            sent.append((pressed["name"], pressed.get("value", "")))
        action = urljoin(page.path, pressed.get("formaction", form.action))
        if pressed.get("formmethod", form.method) == "get":
            return self.open(f"{urlsplit(action).path}?{urlencode(sent)}")
        return self.send(action, sent, **({"referer": referer} if referer else {}))

    def send(self, path: str, fields: Any, **headers: str) -> Page:
        """Sends a form."""
        said = {
            "content_type": "application/x-www-form-urlencoded",
            "sec_fetch_site": "same-origin",
            "sec_fetch_mode": "navigate",
            **headers,
        }
        return self._shown(path, self._ask("POST", path, urlencode(fields).encode(), **said))

    def _shown(self, path: str, answer: Answered) -> Page:
        while answer.status == 303:
            path = answer.headers["location"]
            answer = self._ask("GET", path, sec_fetch_mode="navigate")
        reader = _Reader()
        reader.feed(answer.body.decode())
        return Page(path, answer, reader.forms, " ".join(" ".join(reader.text).split()))

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answered:
        sent = {"accept": "text/html,*/*;q=0.8", **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._asking.ask(method, path, body, **sent)
        self.statuses.append(answer.status)
        if "set-cookie" in answer.headers:
            name, _, value = cookie_in(answer).partition("=")
            self.cookies[name] = value
        return answer

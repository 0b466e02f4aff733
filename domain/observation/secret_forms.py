"""Known secrets of one kind of text, and the mask over them: a peer may echo a secret in several forms."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

from ..limits import SECRET_CHARACTERS_MIN
from ..line import escaped
from ..specification.text import MASK

_CUT = re.compile(r"…|\.\.\.\(truncated\)|$")
"""The end of a text that was cut, where the beginning of a secret is left."""
_CUT_CHARACTERS = len("...(truncated)")


class SecretForms:
    """Replaces known secrets in texts, in the forms in which a target may echo them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._forms: dict[str, tuple[str, ...]] = {}
        """The forms by their first characters, the longest first: a text is searched in one pass, however many there are."""
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Masks these values from now on; a value below `SECRET_CHARACTERS_MIN` would hide innocent words."""
        for secret in secrets:
            if len(secret) >= SECRET_CHARACTERS_MIN and secret not in self._known:
                self._known.add(secret)
                for form in _forms_of(secret):
                    start = form[:SECRET_CHARACTERS_MIN]
                    forms = {*self._forms.get(start, ()), form}
                    self._forms[start] = tuple(sorted(forms, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """Returns the text with each secret replaced by a mask, also one of which a cut has left the beginning."""
        forms = self._forms
        parts, at, done = [], 0, 0
        while forms and at <= len(text) - SECRET_CHARACTERS_MIN:
            found = forms.get(text[at : at + SECRET_CHARACTERS_MIN])
            length = _length_at(text, at, found) if found else 0
            if length:
                parts += [text[done:at], MASK]
                done = at + length
            at += length or 1
        return "".join([*parts, text[done:]]) if parts else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._known)} secrets)"


def _length_at(text: str, at: int, forms: Sequence[str]) -> int:
    """How much of the text, from a place on, is a secret or the beginning of one that was cut."""
    for form in forms:
        if text.startswith(form, at):
            return len(form)
    # No beginning is longer than the longest form: a text that repeats the beginning is not read to its end each time.
    near = text[at : at + len(forms[0]) + _CUT_CHARACTERS]
    cut = _CUT.search(near)
    piece = near[: cut.start()] if cut else near
    return len(piece) if any(form.startswith(piece) for form in forms) else 0


def _forms_of(secret: str) -> Iterator[str]:
    coded = secret.encode(errors="surrogatepass")
    percent = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    yield from {
        secret,
        escaped(secret),
        html.escape(secret),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        base64.b64encode(coded).decode().rstrip("="),
        base64.urlsafe_b64encode(coded).decode().rstrip("="),
        *percent,
        *[re.sub("%..", lambda code: code[0].lower(), form) for form in percent],
    }

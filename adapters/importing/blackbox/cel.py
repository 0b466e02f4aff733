"""Expressions of CEL on a body as conditions: comparisons and tests of one path each, joined by `&&` or by `||`."""

import re

_PATH = r"body((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\]|\[(?:'[^'\\]*'|\"[^\"\\]*\")\])*)"
_TEXT = r"(?:'([^'\\]*)'|\"([^\"\\]*)\")"
_VALUE = r"(?:'[^'\\]*'|\"[^\"\\]*\"|-?\d+(?:\.\d+)?|true|false)"
_COMPARISON = re.compile(rf"{_PATH}\s*(==|!=|<=|>=|<|>)\s*({_VALUE})")
_REVERSED = re.compile(rf"({_VALUE})\s*(==|!=|<=|>=|<|>)\s*{_PATH}")
_SIZE = re.compile(rf"(?:size\(\s*{_PATH}\s*\)|{_PATH}\.size\(\))\s*(==|!=|<=|>=|<|>)\s*(\d+)")
_TEST = re.compile(rf"{_PATH}\.(startsWith|endsWith|contains|matches)\(\s*{_TEXT}\s*\)")
_HAS = re.compile(rf"has\(\s*{_PATH}\s*\)")
_TRUTH = re.compile(_PATH)
_NEGATIONS = re.compile(r"(?:!(?!=)\s*)+")
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SIGNS = r"\.+*?()|[]{}^$"
_QUOTED = re.compile(r"\[(?:'([^'\\]*)'|\"([^\"\\]*)\")\]")
_PLAIN_STEP = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_VALUE = re.compile(r"[^\s\[\]()\"'\\](?:[^\[\]()\"'\\]*[^\s\[\]()\"'\\])?")


def conditions_of(expression: str, *, is_wanted: bool) -> list[str] | None:
    """Returns conditions that all hold where an expression is as wanted, true or false; None where there are none that say the same."""
    text = expression.strip()
    parts = _split(text, "&&" if is_wanted else "||")
    if parts is None:
        return None
    found = [_condition(part, is_wanted=is_wanted) for part in parts]
    return None if None in found else [each for each in found if each is not None]


def _split(text: str, sign: str) -> list[str] | None:
    """Returns the parts between a sign that stands in no text and no bracket; None where the other sign stands there."""
    parts, depth, quote, begin, at = [], 0, "", 0, 0
    while at < len(text):
        char = text[at]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif depth == 0 and text.startswith(("&&", "||"), at):
            if not text.startswith(sign, at):
                return None
            parts.append(text[begin:at])
            begin, at = at + 2, at + 1
        at += 1
    return [part.strip() for part in (*parts, text[begin:])]


def _without_brackets(part: str) -> str:
    """Returns a part without the brackets around the whole of it. Reads each character once, however many there are."""
    quote, opened, closed = "", list[int](), dict[int, int]()
    for at, char in enumerate(part):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "(":
            opened.append(at)
        elif char == ")" and opened:
            closed[opened.pop()] = at
    begin, end = 0, len(part)
    while begin < end and (part[begin].isspace() or closed.get(begin) == end - 1):
        if not part[begin].isspace():
            end -= 1
        begin += 1
        while end > begin and part[end - 1].isspace():
            end -= 1
    return part[begin:end]


def _condition(part: str, *, is_wanted: bool) -> str | None:
    if negations := _NEGATIONS.match(part):
        part, is_wanted = part[negations.end() :], is_wanted ^ (negations[0].count("!") % 2 == 1)
    part = _without_brackets(part)
    if found := _COMPARISON.fullmatch(part):
        return _compared(found[1], found[2], found[3], is_wanted=is_wanted)
    if found := _REVERSED.fullmatch(part):
        return _compared(found[3], _MIRRORED[found[2]], found[1], is_wanted=is_wanted)
    if found := _SIZE.fullmatch(part):
        operator = found[3] if is_wanted else _NEGATED[found[3]]
        return _on(found[1] or found[2] or "", "len({})", f"{operator} {found[4]}")
    if found := _HAS.fullmatch(part):
        return _on(found[1], "has({})", f"== {'true' if is_wanted else 'false'}")
    if found := _TEST.fullmatch(part):
        text = found[3] or found[4] or ""
        quoted = (
            text
            if found[2] == "matches"
            else "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in text)
        )
        begin, end = "^" if found[2] == "startsWith" else "", "$" if found[2] == "endsWith" else ""
        return _on(found[1], "{}", f"{'==' if is_wanted else '!='} matches({begin}{quoted}{end})")
    if found := _TRUTH.fullmatch(part):
        return _on(found[1], "{}", f"== {'true' if is_wanted else 'false'}") if found[1] else None
    return None


def _compared(path: str, operator: str, value: str, *, is_wanted: bool) -> str | None:
    """A comparison; a value that a condition reads as something else than a text has none."""
    plain = value[1:-1] if value[0] in "'\"" else value
    if _PLAIN_VALUE.fullmatch(plain) is None:
        return None
    return _on(path, "{}", f"{operator if is_wanted else _NEGATED[operator]} {plain}")


def _on(path: str, form: str, rest: str) -> str | None:
    """Returns a condition on a path of the body; None where one of its keys cannot stand in a path."""
    keys = [found[1] if found[1] is not None else found[2] for found in _QUOTED.finditer(path)]
    if any(_PLAIN_STEP.fullmatch(key or "") is None for key in keys):
        return None
    steps = _QUOTED.sub(lambda found: f".{found[1] if found[1] is not None else found[2]}", path)
    return f"{form.format(f'[BODY]{steps}')} {rest}"

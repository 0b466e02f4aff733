"""Finds a piece of code by its shape and puts another in its place, whatever the code around it and its layout are.

A pattern is code in which `$name` stands for any expression (after a dot: any attribute), `$$name` for any run of statements,
arguments, operands or characters of a string, and `...` as a statement for any statements. A name used twice stands for equal
code. The replacement may use the pattern's names; it is filled up to as many lines, so that those below keep their numbers.
"""

import ast
import copy
import re
import textwrap
from collections.abc import Iterator
from difflib import get_close_matches
from typing import NamedTuple

ONE, RUN = "_one_", "_run_"
NAMES = re.compile(r"\$\$?(?=[a-z_])")
TEXT_RUN = re.compile(rf"({RUN}\w+)")
PLACED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
NOT_COMPARED = {"ctx", "kind", "type_comment"}
LIKE_IT_MAX = 3
LIKE_IT_WIDTH = 200


class Misfit(ValueError):
    """A pattern is not in its place exactly once."""


class Match(NamedTuple):
    """One place where a pattern fits."""

    nodes: list[ast.AST]
    """One expression, or statements that follow each other."""
    bound: dict[str, object]
    whole_body: bool = False
    """Whether these statements are all there are in their block."""


def replaced(source: str, name: str, find: str, put: str) -> str:
    """The source with `put` where `find` is, within the function, class or assignment of this dotted name.

    Raises Misfit unless the pattern is there exactly once.
    """
    tree, pattern, template = ast.parse(source), statements(find), statements(put)
    if is_expression(pattern) and is_expression(template):
        pattern, template = pattern[0].value, template[0].value
    found = [match for place in places(tree, name) for match in matches(pattern, place)]
    if len(found) != 1:
        meant = hint(tree, name, pattern, found)
        raise Misfit(
            f"in {name or 'the module'} this is there {len(found)} times, not once:\n{find}\n{meant}"
        )
    return spliced(source, found[0], filled(template, found[0].bound))


def statements(text: str) -> list[ast.stmt]:
    """A pattern or a template, parsed. Raises SyntaxError."""
    return ast.parse(NAMES.sub(lambda mark: RUN if mark[0] == "$$" else ONE, textwrap.dedent(text))).body


def is_expression(body) -> bool:
    return len(body) == 1 and isinstance(body[0], ast.Expr) and not name_of(body[0], RUN)


def name_of(node, prefix: str) -> str:
    """The name of a pattern that a node of it is; empty for code."""
    if prefix == RUN and isinstance(node, ast.Expr | ast.keyword | ast.FormattedValue):
        node = node.value
    name = node if isinstance(node, str) else getattr(node, "id", "")
    return name if name.startswith(prefix) else ""


def places(tree: ast.AST, name: str) -> list[ast.AST]:
    """All that is called so: functions, classes, and assignments of modules and classes."""
    if not name:
        return [tree]
    outer, _, last = name.rpartition(".")
    found, todo = [], [node for place in places(tree, outer) for node in getattr(place, "body", ())]
    while todo:
        node = todo.pop()
        if isinstance(node, PLACED):
            found += [node] if node.name == last else []
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [node] if any(getattr(target, "id", "") == last for target in targets) else []
        else:
            todo += [inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)]
    return found


def matches(pattern, place: ast.AST) -> Iterator[Match]:
    """Everywhere in a place where a pattern fits."""
    for node in within(place):
        if isinstance(pattern, ast.expr):
            bound = fit(pattern, node, {}) if isinstance(node, ast.expr) else None
            if bound is not None:
                yield Match([node], bound)
        else:
            for block in blocks(node):
                yield from runs(pattern, block)
    if isinstance(pattern, list) and isinstance(place, ast.stmt):
        yield from runs(pattern, [place])


def within(place: ast.AST) -> Iterator[ast.AST]:
    """All nodes, but for those in formatted strings, whose places Python 3.11 does not know."""
    yield place
    if not isinstance(place, ast.JoinedStr):
        for inner in ast.iter_child_nodes(place):
            yield from within(inner)


def blocks(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value


def runs(pattern, block) -> Iterator[Match]:
    for begin in range(len(block)):
        for end in range(begin + 1, len(block) + 1):
            bound = fit(pattern, block[begin:end], {})
            if bound is not None:
                yield Match(block[begin:end], bound, whole_body=end - begin == len(block))


def fit(pattern, node, bound):
    """The code that the names of a pattern stand for, if the pattern is this code; else None."""
    name = name_of(pattern, ONE)
    if name:
        return bind(name, node, bound) if isinstance(node, ast.expr | str) else None
    if type(pattern) is not type(node):
        return None
    if isinstance(pattern, list):
        return fit_run(pattern, node, bound)
    if isinstance(pattern, str) and RUN in pattern:
        return fit_text(pattern, node, bound)
    if not isinstance(pattern, ast.AST):
        return bound if pattern == node else None
    for part, other in zip(parts(pattern), parts(node), strict=True):
        bound = fit(part, other, bound)
        if bound is None:
            return None
    return bound


def parts(node):
    """The parts that must be equal in two nodes of a type. The arguments of a call are one run, named or not."""
    if isinstance(node, ast.Call):
        return [node.func, [*node.args, *node.keywords]]
    return [getattr(node, field, None) for field in node._fields if field not in NOT_COMPARED]


def fit_run(patterns, nodes, bound):
    if not patterns:
        return None if nodes else bound
    first, *rest = patterns
    name, anything = name_of(first, RUN), is_anything(first)
    for taken in range(len(nodes) + 1) if name or anything else (1,) if nodes else ():
        if name:
            fitted = bind(name, nodes[:taken], bound)
        else:
            fitted = bound if anything else fit(first, nodes[0], bound)
        ended = None if fitted is None else fit_run(rest, nodes[taken:], fitted)
        if ended is not None:
            return ended
    return None


def fit_text(pattern, text, bound):
    """The same for a string with runs of characters in it."""
    found = re.fullmatch(TEXT_RUN.sub(r"(?P<\1>.*)", re.escape(pattern)), text, re.DOTALL)
    for name, run in found.groupdict().items() if found else ():
        bound = None if bound is None else bind(name, run, bound)
    return bound if found else None


def is_anything(node) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


def bind(name, node, bound):
    """The names with one more; None where it stands for other code already."""
    if name in bound:
        return bound if shape(bound[name]) == shape(node) else None
    return {**bound, name: node}


def shape(node) -> str:
    """Equal for equal code, be it read or assigned to."""
    if isinstance(node, list):
        return "".join(map(shape, node))
    return node if isinstance(node, str) else re.sub(r", ctx=\w+\(\)", "", ast.dump(node))


def filled(template, bound):
    """A template with code for its names. Raises Misfit for a name that the pattern does not have."""
    if isinstance(template, list):
        return [each for node in template for each in filled_run(node, bound)]
    name = name_of(template, ONE)
    if name:
        return copy.deepcopy(standing_for(name, bound))
    if isinstance(template, str):
        return TEXT_RUN.sub(lambda run: standing_for(run[1], bound), template)
    if not isinstance(template, ast.AST):
        return template
    fields = {field: filled(value, bound) for field, value in ast.iter_fields(template)}
    node = ast.copy_location(type(template)(**fields), template)
    if isinstance(node, ast.Call):
        both = [*node.args, *node.keywords]
        node.args = [each for each in both if not isinstance(each, ast.keyword)]
        node.keywords = [each for each in both if isinstance(each, ast.keyword)]
    return node.values[0] if isinstance(node, ast.BoolOp) and len(node.values) == 1 else node


def filled_run(node, bound):
    name = name_of(node, RUN)
    return copy.deepcopy(standing_for(name, bound)) if name else [filled(node, bound)]


def standing_for(name, bound):
    if name not in bound:
        raise Misfit(
            f"{name.replace(RUN, '$$').replace(ONE, '$')} is in what is put, but not in what is found"
        )
    return bound[name]


def spliced(source: str, match: Match, new) -> str:
    """The source with code in the place of a match, in as many lines where that will do."""
    data, nodes = source.encode(), match.nodes
    starts = [0, *(line.end() for line in re.finditer(rb"\n", data))]
    first = min([nodes[0].lineno, *(each.lineno for each in getattr(nodes[0], "decorator_list", ()))])
    begin = starts[first - 1] + nodes[0].col_offset
    end = starts[nodes[-1].end_lineno - 1] + nodes[-1].end_col_offset
    old = data[begin:end].decode()
    text = block(new, nodes[0].col_offset, old, match) if isinstance(new, list) else f"({ast.unparse(new)}"
    text += "\n" * (old.count("\n") - text.count("\n")) + ("" if isinstance(new, list) else ")")
    return (data[:begin] + text.encode() + data[end:]).decode()


def block(new, indent: int, old: str, match: Match) -> str:
    """Statements as they stand behind their first indentation."""
    text = "\n".join(map(ast.unparse, new)) or ("pass" if match.whole_body else "")
    if old.startswith("elif"):
        alone = len(new) == 1 and isinstance(new[0], ast.If)
        text = f"el{text}" if alone else "else:\n" + textwrap.indent(text, "    ")
    return text.replace("\n", "\n" + " " * indent)


def hint(tree, name, pattern, found) -> str:
    """The likely meaning of a pattern that is not there once, for the error message."""
    if found:
        return "in the lines " + ", ".join(str(match.nodes[0].lineno) for match in found)
    if not places(tree, name):
        known = [node.name for node in ast.walk(tree) if isinstance(node, PLACED)]
        near = get_close_matches(name.rpartition(".")[2], known) or known
        return f"nothing is called {name}; there are {', '.join(near)}"
    first = pattern[0] if isinstance(pattern, list) else pattern
    alike = [
        ast.unparse(node)
        for place in places(tree, name)
        for node in within(place)
        if type(node) is type(first)
    ]
    near = get_close_matches(ast.unparse(pattern), alike, LIKE_IT_MAX, 0.0)
    return "\n".join(["there is", *(textwrap.shorten(text, LIKE_IT_WIDTH) for text in near or alike[:1])])

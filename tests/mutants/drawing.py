"""All small changes that may be made to a source, one at a time, as a slip of the hand would make them."""

import ast
import difflib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import msgspec
from patterns import Match, blocks, spliced

CORE = ("domain", "actors", "adapters/stores", "protocol")
SMALL = 16
"""Above it, a number is a bound or a length of time: it is doubled, since one more of it is no other behaviour."""
OTHER_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OTHER_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
NOT_RUN = {"annotation", "returns", "decorator_list", "bases"}


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one file."""

    file: str
    function: str
    """The dotted name of the function, class or assignment that it is in; empty elsewhere in the module."""
    line: int
    lines: tuple[int, ...]
    """All lines of what is changed: the first may be a bracket."""
    at_import: bool
    """Whether it is no part of a function's body, and so runs before any test."""
    kind: str
    source: str
    """The whole file with the change in it."""

    def diff(self, before: str) -> str:
        """The change, as lines."""
        changed = difflib.unified_diff(before.splitlines(), self.source.splitlines(), n=0, lineterm="")
        return "\n".join(line.rstrip() for line in list(changed)[3:])


def core_files(root: Path, folders: tuple[str, ...] = CORE) -> list[str]:
    return sorted(str(path.relative_to(root)) for folder in folders for path in (root / folder).rglob("*.py"))


class Place(NamedTuple):
    """Where in a file something is."""

    names: tuple[str, ...] = ()
    in_body: bool = False
    """Of a function: whether it runs when that is called, not when the module is read."""
    whole_block: bool = False
    """Whether it is the only statement of its block."""


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    for node, place in changeable(ast.parse(source), Place()):
        for kind, changed, new in changes(node):
            yield Mutant(
                file=file,
                function=".".join(place.names),
                line=changed.lineno,
                lines=tuple(range(changed.lineno, changed.end_lineno + 1)),
                at_import=not place.in_body,
                kind=kind,
                source=spliced(source, Match([changed], {}, place.whole_block), new),
            )


def changeable(node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """All code that runs, except asserts, annotations, decorators, class headers and the insides of formatted strings."""
    if isinstance(node, ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    unread, is_function = NOT_RUN, isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if is_function or isinstance(node, ast.ClassDef):
        place, unread = place._replace(names=(*place.names, node.name)), unread | {"keywords"}
    elif isinstance(node, ast.stmt | ast.expr):
        yield node, place
        if isinstance(node, ast.Assign | ast.AnnAssign) and not place.in_body:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            place = place._replace(names=(*place.names, ast.unparse(target)))
    alone = {id(block[0]) for block in blocks(node) if len(block) == 1}
    for field, value in ast.iter_fields(node):
        in_body = place.in_body or (is_function and field == "body")
        for inner in () if field in unread else value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                inner_place = Place(place.names, in_body, whole_block=id(inner) in alone)
                yield from changeable(inner, inner_place)


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, list[ast.stmt] | ast.expr]]:
    """The changes of a node: their kind, the part that is replaced, and its replacement (statements for a statement)."""
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                for other in OTHER_COMPARISONS[type(operator)]:
                    new = deepcopy(node)
                    new.ops[index] = other()
                    yield "comparison", node, new
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "boolean operator", node, ast.BoolOp(other, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield "negation", node, node.operand
        case ast.BinOp() if type(node.op) in OTHER_OPERATORS:
            yield "operator", node, ast.BinOp(node.left, OTHER_OPERATORS[type(node.op)](), node.right)
        case ast.Constant(value=bool(value)):
            yield "constant", node, ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "constant", node, ast.Constant(value + 1 if abs(value) <= SMALL else value * 2)
        case ast.If() | ast.IfExp():
            yield "branch always taken", node.test, ast.Constant(value=True)
            yield "branch never taken", node.test, ast.Constant(value=False)
        case ast.While():
            yield "loop never run", node.test, ast.Constant(value=False)
        case _ if is_removable(node):
            yield "statement", node, []


def is_removable(node: ast.AST) -> bool:
    """Whether code without this statement is not just a name that is never bound."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return False
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield()):
            return True
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.AugAssign() | ast.Delete():
            return True
        case ast.Raise() | ast.Continue() | ast.Break():
            return True
        case _:
            return False

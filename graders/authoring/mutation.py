"""A small mutant generator: the reference solutions with one thing changed.

Operators, comparisons, constants, swapped arguments, dropped statements and negations. Docstrings,
annotations, worked examples and the refusal of invalid input, which is a task of its own, are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graders.curriculum import exercise_named, file_of

_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


@dataclass(frozen=True)
class Mutant:
    """One changed solution.

    Attributes:
        tasks: the tasks whose code is changed; for a shared helper, all tasks of the exercise.
        name: the exercise, the definition, and the line before and after the change.
    """

    exercise: str
    tasks: tuple[str, ...]
    name: str
    source: str


def mutants(name: str) -> Iterator[Mutant]:
    """Every mutant of one solution file."""
    source = file_of(name).read_text(encoding="utf-8")
    tree = ast.parse(source)
    every = tuple(task.name for task in exercise_named(name).tasks if task.name != "invalid_input")
    for index, statement in enumerate(tree.body):
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            continue
        tasks = (statement.name,) if statement.name in every else every
        before = ast.unparse(statement).splitlines()
        for path, change in _changes(statement):
            changed = change(copy.deepcopy(statement))
            after = ast.unparse(changed).splitlines()
            if before == after:
                continue
            removed = [line.strip() for line in before if line not in after]
            added = [line.strip() for line in after if line not in before]
            title = f"{name}.{statement.name}: {' | '.join(removed)} -> {' | '.join(added)} [{path}]"
            whole = ast.Module([*tree.body[:index], changed, *tree.body[index + 1 :]], type_ignores=[])
            yield Mutant(name, tasks, title, ast.unparse(ast.fix_missing_locations(whole)))


_Change = Callable[[ast.stmt], ast.stmt]


def _changes(definition: ast.stmt) -> Iterator[tuple[str, _Change]]:
    """Each possible change, as a function of a fresh copy of the definition; a number identifies the node."""
    for number, node in enumerate(_nodes(definition)):
        for kind, edit in _edits(node):

            def change(
                fresh: ast.stmt, number: int = number, edit: Callable[[ast.AST], None] = edit
            ) -> ast.stmt:
                edit(_nodes(fresh)[number])
                return fresh

            yield f"{kind} {number}", change


def _nodes(definition: ast.AST) -> list[ast.AST]:
    """The nodes that have an effect, in a fixed order."""
    found: list[ast.AST] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, (ast.Raise, ast.JoinedStr)) or _refuses(node):
            return
        found.append(node)
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not _is_docstring(child):
                    visit(child)

    visit(definition)
    return found


def _refuses(node: ast.AST) -> bool:
    """Whether a statement only refuses invalid input."""
    if isinstance(node, ast.If):
        return not node.orelse and all(isinstance(statement, ast.Raise) for statement in node.body)
    call = node.value if isinstance(node, ast.Expr) else None
    return (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.startswith("_check")
    )


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _edits(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    if isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in _BINARY:
        yield "operator", lambda n: setattr(n, "op", _BINARY[type(n.op)]())  # type: ignore[attr-defined]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARE:
        yield "comparison", lambda n: setattr(n, "ops", [_COMPARE[type(n.ops[0])](), *n.ops[1:]])  # type: ignore[attr-defined]
    if isinstance(node, ast.BoolOp):
        yield "and/or", lambda n: setattr(n, "op", ast.Or() if isinstance(n.op, ast.And) else ast.And())  # type: ignore[attr-defined]
    if isinstance(node, ast.UnaryOp):
        yield "negation", lambda n: setattr(n, "op", ast.UAdd())  # type: ignore[attr-defined]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", lambda n: setattr(n, "value", not n.value)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield "constant", lambda n: setattr(n, "value", n.value + 1)  # type: ignore[attr-defined]
    commutative = isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "torch.result_type",
        "torch.promote_types",
    )
    if (
        isinstance(node, ast.Call)
        and not commutative
        and len(node.args) >= 2
        and not any(isinstance(a, ast.Starred) for a in node.args)
    ):
        yield "arguments", lambda n: setattr(n, "args", [n.args[1], n.args[0], *n.args[2:]])  # type: ignore[attr-defined]
    if hasattr(node, "body") and isinstance(node.body, list) and not isinstance(node, ast.ClassDef):
        for place, statement in enumerate(node.body):
            if (
                _is_docstring(statement)
                or _refuses(statement)
                or isinstance(statement, (ast.FunctionDef, ast.Return, ast.Raise, ast.Pass))
            ):
                continue
            yield f"statement {place}", lambda n, place=place: n.body.__setitem__(place, ast.Pass())  # type: ignore[misc,attr-defined]

"""What a top-level statement of a module binds, needs and changes, by the rules of Python's scopes.

A function's own names (parameters, locals) don't matter outside it: only free names count as needed. The
standard library's `symtable`, which is part of Python's own compiler, knows which names are free.

Source: https://docs.python.org/3/library/symtable.html
"""

from __future__ import annotations

import ast
import copy
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
MAX_LOOKUPS = 200_000
"""Names times inner scopes of one class: for each name, `symtable` searches all the scopes."""


@dataclass(frozen=True)
class Names:
    """The top-level names that a statement involves.

    Attributes:
        binds: names that it gives a value.
        defines: those of them that it defines with `def` or `class`.
        imports: those of them that come from an import.
        needs: names that it uses, at once or when a function in it is called; annotations don't count.
        changes: names whose attributes or items it sets, or on which it calls a method for its effect.
        passes: names that it passes to a function called for its effect, such as `fill(TABLE)`.
        calls: the functions that it calls at once, including decorators and a class's bases and metaclass.
        fills: names that its functions change when they are called.
    """

    binds: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    passes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    fills: frozenset[str] = frozenset()


def names_of(node: ast.stmt) -> Names:
    """The names of one statement.

    Raises:
        SyntaxError: the statement breaks a rule that shows only here, such as a parameter named twice.
        TooManyNames: a class has more names and methods than anybody writes.
    """
    table = symtable.symtable(ast.unparse(_without_annotations(node)), "<statement>", "exec")
    symbols = _symbols(table)
    outside = list(_at_top_level(node))
    binds = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    needs = {s.get_name() for s in symbols if s.is_referenced()} - _own_targets(outside)
    needs |= _free(table.get_children())
    declared = {name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
    needs |= declared  # `symtable` does not count `COUNT += 1` as a use
    if any(isinstance(each, ast.ImportFrom) and each.names[0].name == "*" for each in outside):
        binds.add("*")
    return Names(
        binds=frozenset(binds),
        defines=frozenset(each.name for each in outside if isinstance(each, DEFINITIONS)),
        imports=frozenset(s.get_name() for s in symbols if s.is_imported()),
        needs=frozenset(needs),
        changes=frozenset(_changes(outside)),
        passes=frozenset(_passes(outside)),
        calls=frozenset(_calls(outside)),
        fills=frozenset(_fills(node) & needs | declared),
    )


class TooManyNames(Exception):
    """Finding the names of a statement would take too long."""


def _symbols(table: symtable.SymbolTable) -> list[symtable.Symbol]:
    if len(table.get_identifiers()) * len(table.get_children()) > MAX_LOOKUPS:
        raise TooManyNames
    return table.get_symbols()


def _free(tables: Iterable[symtable.SymbolTable]) -> set[str]:
    """The names that these scopes, or scopes inside them, look up at the top level."""
    found: set[str] = set()
    waiting = list(tables)
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        if isinstance(table, symtable.Function):
            found.update(table.get_globals())
        else:
            found.update(s.get_name() for s in _symbols(table) if s.is_global() and s.is_referenced())
    return found


class _Bare(ast.NodeTransformer):
    """Removes annotations."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(0)
        return self.generic_visit(node)


def _without_annotations(node: ast.stmt) -> ast.Module:
    return ast.Module([_Bare().visit(copy.deepcopy(node))], [])


def _at_top_level(node: ast.AST) -> Iterator[ast.AST]:
    """The node and everything in it that runs at once: not the bodies of functions and classes."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, DEFINITIONS):
            waiting += reversed(node.decorator_list)
        elif not isinstance(node, _FUNCTIONS):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _own_targets(nodes: list[ast.AST]) -> set[str]:
    """The names that loops, `with` and `except` bind."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.For | ast.AsyncFor):
            found |= _stored(node.target)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            found |= _stored(node.optional_vars)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
    return found


def _stored(target: ast.AST) -> set[str]:
    names = (each for each in ast.walk(target) if isinstance(each, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _changes(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _root(node)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Attribute):
                yield from _root(function)
            elif isinstance(function, ast.Name) and function.id in ("setattr", "delattr"):
                yield from _names(node.value.args[:1])
        elif isinstance(node, DEFINITIONS):  # such as `@add_to_class(Conv2D)`
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                yield from _names(decorator.args if isinstance(decorator, ast.Call) else [])
                if isinstance(called, ast.Attribute):  # such as `@one.register`
                    yield from _root(called)


def _passes(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _names(node.value.args)


def _calls(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from _root(node.func)
        elif isinstance(node, DEFINITIONS):
            yield from _names(node.decorator_list)
        if isinstance(node, ast.ClassDef):  # creating a class calls its metaclass and `__init_subclass__`
            yield from _names([*node.bases, *(keyword.value for keyword in node.keywords)])


def _fills(node: ast.stmt) -> set[str]:
    """The names whose items or attributes the functions of a statement change, including local names."""
    inside = ast.walk(node) if isinstance(node, DEFINITIONS) else ()
    return set(_changes([inner for inner in inside if inner is not node]))


def _root(node: ast.AST) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _names(nodes: list[ast.expr]) -> Iterator[str]:
    return (node.id for node in nodes if isinstance(node, ast.Name))

"""Examines the code that counts before it runs: imports, and calls that a by-hand task may not make.

This only reads the source. What it finds improves messages and tells the sandbox which modules to load
beforehand. No verdict depends on it, because source can always be written so that it hides what it does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping

_FORBIDDEN = re.compile(r"(^|_)conv(olution)?(_transpose)?\d?d?$|^conv_tbc$|_pool\dd|Conv\w*\dd|\w*Pool\dd$")
_LONGEST_NAME = 100
_TORCH = ("torch", "torchvision")
# The libraries that a submission may import if they are installed.
_LIBRARIES = frozenset(
    {"torch", "numpy", "einops", "scipy", "matplotlib", "torchvision", "typing_extensions"}
)
_NOT_FOR_GRADING = frozenset(
    {"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "lib2to3", "test"}
)


def loadable(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The library modules that these statements import and that may be loaded before the walls go up."""
    names: set[str] = set()
    for node in _walk(nodes):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names if len(alias.name) <= _LONGEST_NAME)
        elif (
            isinstance(node, ast.ImportFrom)
            and not node.level
            and 0 < len(node.module or "") <= _LONGEST_NAME
        ):
            names.update((str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)))
    return frozenset(filter(_is_loadable, names))


def forbidden_calls(nodes: Iterable[ast.AST], aliases: Mapping[str, str] | None = None) -> dict[int, str]:
    """Calls that by-hand tasks may not make, as the student wrote them, by line.

    Args:
        aliases: the full names of imported names; None to find the imports among the nodes.
    """
    nodes = list(nodes)
    aliases = aliases_in(nodes) if aliases is None else aliases
    found: dict[int, str] = {}
    for node in _walk(nodes):
        if isinstance(node, ast.Call):
            written = _dotted(node.func)
            full = _full_name(written, aliases)
            if full.split(".")[0] in _TORCH and _FORBIDDEN.search(full.split(".")[-1][:_LONGEST_NAME]):
                found.setdefault(node.lineno, written)
    return found


def _walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield from ast.walk(node)


def _is_loadable(name: str) -> bool:
    top = name.split(".")[0]
    return (top in sys.stdlib_module_names or top in _LIBRARIES) and top not in _NOT_FOR_GRADING


def aliases_in(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The full name that each name from an import stands for."""
    found = {}
    for node in _walk(nodes):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            origin = node.module[:_LONGEST_NAME]
            found.update({alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names})
    return found


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 10:
        parts.append(node.attr[:_LONGEST_NAME])
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id[:_LONGEST_NAME], *reversed(parts)])


def _full_name(written: str, aliases: Mapping[str, str]) -> str:
    first, dot, rest = written.partition(".")
    return aliases.get(first, first) + dot + rest

"""A look at what counts of a file before it runs: imports, and calls that a by-hand task may not make.

It only reads. What it finds makes messages better and tells the sandbox which modules to load beforehand;
no verdict rests on it, because text can always be written so that it does not show what it does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping

_FORBIDDEN = re.compile(r"(^|_)conv(olution)?(_transpose)?\d?d?$|^conv_tbc$|_pool\dd|Conv\w*\dd|\w*Pool\dd$")
_LONGEST_NAME = 100
_TORCH = ("torch", "torchvision")
# What a submission may import from outside its own files, if it is installed.
_LIBRARIES = frozenset(
    {"torch", "numpy", "einops", "scipy", "matplotlib", "torchvision", "typing_extensions"}
)
_NOT_FOR_GRADING = frozenset(
    {"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "lib2to3", "test"}
)


def loadable(nodes: Iterable[ast.AST]) -> frozenset[str]:
    """The modules from outside that these statements import and that may be loaded before the walls go up."""
    names: set[str] = set()
    for node in _walk(nodes):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return frozenset(filter(_is_loadable, names))


def forbidden_calls(nodes: Iterable[ast.AST]) -> dict[int, str]:
    """Calls of what by-hand tasks may not call, as the student wrote them, by line."""
    nodes = list(nodes)
    aliases = _aliases(nodes)
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


def _aliases(nodes: Iterable[ast.AST]) -> dict[str, str]:
    found = {}
    for node in _walk(nodes):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
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

"""A look at source text before anything runs: syntax, imports, and calls that a by-hand task may not make.

It only reads. What it finds makes messages better and tells the sandbox which modules to load beforehand;
no verdict rests on it, because text can always be written so that it does not show what it does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_FORBIDDEN = re.compile(r"(^|_)conv(olution)?(_transpose)?\d?d?$|^conv_tbc$|_pool\dd|Conv\w*\dd|\w*Pool\dd$")
_TORCH = ("torch", "torchvision")
# What a submission may import from outside its own files, if it is installed.
_LIBRARIES = frozenset(
    {"torch", "numpy", "einops", "scipy", "matplotlib", "torchvision", "typing_extensions"}
)
_NOT_FOR_GRADING = frozenset(
    {"antigravity", "this", "idlelib", "turtle", "turtledemo", "tkinter", "lib2to3", "test"}
)


@dataclass(frozen=True)
class Problem:
    """Something about a file that its student should know."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Screened:
    """What a look at the files found.

    Attributes:
        problems: syntax errors, by file.
        imports: modules from outside that may be loaded before the walls go up.
        calls: what by-hand tasks may not call, by file and line, as the student wrote it.
    """

    problems: tuple[Problem, ...]
    imports: tuple[str, ...]
    calls: Mapping[tuple[str, int], str]


def screen(files: Mapping[str, str]) -> Screened:
    """Look at every file of one hand-in."""
    problems: list[Problem] = []
    imports: set[str] = set()
    calls: dict[tuple[str, int], str] = {}
    for file, source in files.items():
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            text = (error.text or "").strip()[:80]
            problems.append(
                Problem(file, error.lineno, f"syntax error: {error.msg}" + (f" in `{text}`" if text else ""))
            )
            continue
        except (ValueError, RecursionError, MemoryError) as error:
            problems.append(Problem(file, None, f"cannot be read as Python: {error or type(error).__name__}"))
            continue
        aliases = _aliases(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imports.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imports.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
            elif isinstance(node, ast.Call):
                written = _dotted(node.func)
                full = _full_name(written, aliases)
                if full.split(".")[0] in _TORCH and _FORBIDDEN.search(full.split(".")[-1]):
                    calls.setdefault((file, node.lineno), written)
    return Screened(tuple(problems), tuple(sorted(filter(_loadable, imports))), calls)


def _loadable(name: str) -> bool:
    top = name.split(".")[0]
    return (top in sys.stdlib_module_names or top in _LIBRARIES) and top not in _NOT_FOR_GRADING


def _aliases(tree: ast.Module) -> dict[str, str]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def _full_name(written: str, aliases: Mapping[str, str]) -> str:
    first, dot, rest = written.partition(".")
    return aliases.get(first, first) + dot + rest

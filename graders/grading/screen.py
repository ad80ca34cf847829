"""A look at source text before anything runs: syntax, imports, and calls that a by-hand task may not make.

It only reads. What it finds makes messages better and tells the sandbox which modules to load beforehand;
no verdict rests on it, because text can always be written so that it does not show what it does.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..printable import one_line

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
        return one_line(f"{where}: {self.message}")


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


def screen(files: Mapping[str, str], modules: Iterable[str] | None = None) -> Screened:
    """Look at every file of one hand-in.

    Args:
        files: source text by relative path.
        modules: those that will be asked; only what they import, directly or through other files of the
            hand-in, is to be loaded beforehand. None for every file.
    """
    problems: list[Problem] = []
    imports: dict[str, set[str]] = {file: set() for file in files}
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
                imports[file].update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                package = file.split("/")[: -node.level] if node.level else []
                origin = ".".join([*package, *([node.module] if node.module else [])])
                imports[file].update((origin, *(f"{origin}.{alias.name}" for alias in node.names)))
            elif isinstance(node, ast.Call):
                written = _dotted(node.func)
                full = _full_name(written, aliases)
                if full.split(".")[0] in _TORCH and _FORBIDDEN.search(full.split(".")[-1]):
                    calls.setdefault((file, node.lineno), written)
    asked = set(files) if modules is None else _reached(modules, imports)
    names = set().union(*(imports[file] for file in asked))
    return Screened(tuple(problems), tuple(sorted(filter(_loadable, names))), calls)


def _reached(modules: Iterable[str], imports: Mapping[str, set[str]]) -> set[str]:
    """The files that are read when `modules` are imported."""
    reached: set[str] = set()
    waiting = list(modules)
    while waiting:
        parts = waiting.pop().split(".")
        for depth in range(1, len(parts) + 1):
            stem = "/".join(parts[:depth])
            for file in {f"{stem}.py", f"{stem}/__init__.py"} & imports.keys() - reached:
                reached.add(file)
                waiting += imports[file]
    return reached


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

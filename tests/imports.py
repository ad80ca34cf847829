"""The imports of this project's own modules, read from their text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from graders.curriculum import SOLUTIONS

ROOT = SOLUTIONS.parent
OURS = ("benchmarks", "exercises", "graders", "solutions", "tests")


@dataclass(frozen=True)
class Import:
    """`importer` imports `imported`: dotted names of modules."""

    importer: str
    imported: str

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


def dotted(path: Path) -> str:
    """The name of the module in a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    """`graders.sandbox` for `graders.sandbox.inside.wire`, `graders.tasks.pooling` for any module below."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[:2] == ["graders", "tasks"] and _is_folder(parts[:3]) else 2])


@cache
def imports(package: str) -> tuple[Import, ...]:
    """Every import of one of our own modules, anywhere in the files of a package."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return tuple(found for path in paths for found in _imports_of(path))


def _imports_of(path: Path) -> Iterator[Import]:
    module = dotted(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            names = [_imported(source, alias.name) for alias in node.names]
        yield from (Import(module, name) for name in names if name.split(".")[0] in OURS)


def _imported(source: str, name: str) -> str:
    """The module that `from source import name` loads last."""
    inner = ROOT.joinpath(*source.split("."), name)
    return f"{source}.{name}" if inner.is_dir() or inner.with_suffix(".py").is_file() else source


def _is_folder(parts: list[str]) -> bool:
    return ROOT.joinpath(*parts).is_dir()

"""Imports a student's files from memory and runs them statement by statement.

Imports between the files of one submission work in all forms a student may use: `import helpers`,
`from conv2d import conv2d`, `from exercises.conv2d import conv2d`, `from .conv2d import conv2d`.

A statement that fails binds nothing, and the statements after it still run. When something uses a name that
it should have bound, `cause_of` finds the failed statement. So a failing line affects only the code that uses
it.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PACKAGE = "exercises"
# Annotations are never evaluated, because a library that only they use may be missing.
_FLAGS = __future__.annotations.compiler_flag
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Place = tuple[str, int, int]
"""A statement: the path of its module, the number of its part, and its number in that part."""


@dataclass(frozen=True)
class Part:
    """A piece of a module.

    Attributes:
        label: the file name to show in tracebacks.
        kept: the numbers of its top-level statements that count; None for all of them.
    """

    label: str
    source: str
    kept: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Failure:
    """A statement that failed.

    Attributes:
        names: the names it would have bound.
        text: its first line.
    """

    label: str
    line: int
    text: str
    names: frozenset[str]
    error: BaseException


class Stopped(Exception):
    """A statement isn't run, because an earlier attempt had to be ended from outside."""


class NoNotebook:
    """The value of `get_ipython()` outside a notebook: every method exists and does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_args, **_kwargs: None


class StudentFiles(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads the modules of one submission.

    Args:
        modules: the parts of each module by relative path, such as `conv2d.py` or `tools/pair.py`.
        stopped: statements not to run, because they had to be ended from outside, with the reason.
        before: called with the place of each statement before it runs.

    Attributes:
        failures: the failed statements, by the path of their module.
    """

    def __init__(
        self,
        modules: Mapping[str, Sequence[Part]],
        stopped: Mapping[Place, str] | None = None,
        before: Callable[[Place], None] | None = None,
    ) -> None:
        self.modules = modules
        self.failures: dict[str, list[Failure]] = {}
        self._stopped = stopped or {}
        self._before = before

    def install(self) -> None:
        """Make imports find these files before any other modules."""
        for path, parts in self.modules.items():
            name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            if name not in sys.stdlib_module_names:
                sys.modules.pop(name, None)
            for part in parts:
                _show_in_tracebacks(part)
        builtins.get_ipython = lambda: NoNotebook()  # type: ignore[attr-defined]
        builtins.display = lambda *_args, **_kwargs: None  # type: ignore[attr-defined]
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module of the submission, or None for every other name."""
        plain = fullname.removeprefix(f"{PACKAGE}.")
        stem = plain.replace(".", "/")
        for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
            if candidate in self.modules:
                package = candidate.endswith("__init__.py")
                return importlib.util.spec_from_loader(fullname, self, origin=candidate, is_package=package)
        if plain == PACKAGE or any(file.startswith(f"{stem}/") for file in self.modules):
            return importlib.util.spec_from_loader(fullname, self, origin="", is_package=True)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the module's statements, or make `exercises.x` an alias of the module `x`."""
        spec = module.__spec__
        assert spec is not None
        plain = spec.name.removeprefix(f"{PACKAGE}.")
        if plain != spec.name:
            sys.modules[spec.name] = importlib.import_module(plain)
            return
        if not spec.origin:
            return
        module.__file__ = spec.origin
        if "/" not in spec.origin:  # so that `from .conv2d import conv2d` works as in the kit
            module.__package__ = PACKAGE
        for number, part in enumerate(self.modules[spec.origin]):
            body = ast.parse(part.source, part.label).body
            for index in range(len(body)) if part.kept is None else part.kept:
                self._run(body[index], (spec.origin, number, index), part, module.__dict__)

    def _run(self, statement: ast.stmt, place: Place, part: Part, namespace: dict[str, Any]) -> None:
        if self._before is not None:
            self._before(place)
        text = linecache.getline(part.label, statement.lineno).strip()
        try:
            if place in self._stopped:
                raise Stopped(f"{part.label}, line {statement.lineno}: `{text}` {self._stopped[place]}")
            _execute(statement, part.label, namespace)
        except BaseException as error:
            if self._runs_undecorated(statement, error, part.label, namespace):
                return
            failure = Failure(part.label, statement.lineno, text, _bound(statement), self.cause_of(error))
            self.failures.setdefault(place[0], []).append(failure)

    def _runs_undecorated(
        self, statement: ast.stmt, error: BaseException, label: str, namespace: dict[str, Any]
    ) -> bool:
        """Whether a definition runs without the decorators of a library that is missing."""
        if not isinstance(statement, _DEFINITIONS) or not statement.decorator_list:
            return False
        missing = {name for found in self.failures.values() for failure in found for name in failure.names}
        kept = [each for each in statement.decorator_list if not _mentions(each, missing)]
        if isinstance(error, ImportError):  # raised by the decorator itself, as by `torch.compile`
            kept = []
        if len(kept) == len(statement.decorator_list):
            return False
        statement.decorator_list = kept
        try:
            _execute(statement, label, namespace)
        except BaseException:
            return False
        return True

    def cause_of(self, error: BaseException) -> BaseException:
        """The error of the statement that should have bound a missing name, or else the error itself."""
        missing = getattr(error, "name", None)
        if isinstance(error, ImportError) and missing:
            path = f"{missing.removeprefix(f'{PACKAGE}.').replace('.', '/')}.py"
            failures = self.failures.get(path, [])
            wanted = getattr(error, "name_from", None)
            return next((f.error for f in failures if wanted is None or wanted in f.names), error)
        if isinstance(error, NameError) and missing:
            return self.failure_of(missing) or error
        return error

    def failure_of(self, name: str, path: str | None = None) -> BaseException | None:
        """The error that kept a name from being bound, in one module or in any."""
        places = list(self.failures.values()) if path is None else [self.failures.get(path, [])]
        found = [failure for failures in places for failure in reversed(failures)]
        binding = [f for f in found if name in f.names] or [f for f in found if "*" in f.names]
        return binding[0].error if binding else None


def parts_of(modules: Mapping[str, Any]) -> dict[str, list[Part]]:
    """The modules from their wire format: a text, or a list of labels, sources and kept numbers."""
    return {
        path: [Part(path, parts)] if isinstance(parts, str) else [Part(*part) for part in parts]
        for path, parts in modules.items()
    }


def _execute(statement: ast.stmt, label: str, namespace: dict[str, Any]) -> None:
    code = compile(ast.Module([statement], []), label, "exec", flags=_FLAGS, dont_inherit=True)
    exec(code, namespace)


def _show_in_tracebacks(part: Part) -> None:
    """Let tracebacks and `inspect` find the lines; the cells of an exported file are merged into one file."""
    lines = part.source.splitlines(keepends=True)
    known = linecache.cache.get(part.label)
    before: Sequence[str] = known[2] if known is not None and len(known) == 4 else ()
    filled = [line if line.strip() or n >= len(before) else before[n] for n, line in enumerate(lines)]
    filled += before[len(lines) :]
    linecache.cache[part.label] = (len(part.source), None, filled, part.label)


def _bound(statement: ast.stmt) -> frozenset[str]:
    found: set[str] = set()
    if isinstance(statement, _DEFINITIONS):
        return frozenset({statement.name})
    for node in ast.walk(statement):
        if isinstance(node, _DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return frozenset(found)


def _mentions(node: ast.AST, names: Container[str]) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id in names for inner in ast.walk(node))

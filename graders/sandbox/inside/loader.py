"""A student's files as importable modules, straight from memory.

Imports between the files of one submission work under the names a student may use: `import helpers`,
`from conv2d import conv2d`, `from exercises.conv2d import conv2d`.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
import types
from collections.abc import Callable, Sequence

PACKAGE = "exercises"


class StudentFiles(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and loads the modules of one submission.

    Args:
        files: source text by relative path, such as `{"conv2d.py": "…", "tools/pair.py": "…"}`.
        transform: applied to each module's syntax tree before it is compiled.
    """

    def __init__(
        self, files: dict[str, str], transform: Callable[[ast.Module], ast.Module] | None = None
    ) -> None:
        self.files = files
        self._transform = transform

    def install(self) -> None:
        """Put the files in front of every other place that modules come from."""
        for path, source in self.files.items():
            name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            if name not in sys.stdlib_module_names:
                sys.modules.pop(name, None)
            linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Forget the finder and every module that it loaded."""
        sys.meta_path.remove(self)
        for name, module in list(sys.modules.items()):
            if getattr(module, "__loader__", None) is self or name.split(".")[0] == PACKAGE:
                del sys.modules[name]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module of the submission, or None for every other name."""
        plain = fullname.removeprefix(f"{PACKAGE}.")
        stem = plain.replace(".", "/")
        for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
            if candidate in self.files:
                package = candidate.endswith("__init__.py")
                return importlib.util.spec_from_loader(fullname, self, origin=candidate, is_package=package)
        if plain == PACKAGE or any(file.startswith(f"{stem}/") for file in self.files):
            return importlib.util.spec_from_loader(fullname, self, origin="", is_package=True)
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """Run the module's source, or point an `exercises.x` name at the module `x`."""
        spec = module.__spec__
        assert spec is not None
        plain = spec.name.removeprefix(f"{PACKAGE}.")
        if plain != spec.name:
            sys.modules[spec.name] = importlib.import_module(plain)
            return
        if not spec.origin:
            return
        module.__file__ = spec.origin
        tree = ast.parse(self.files[spec.origin], filename=spec.origin)
        if self._transform is not None:
            tree = self._transform(tree)
        exec(compile(tree, spec.origin, "exec", dont_inherit=True), module.__dict__)


def forgiving(error: type[BaseException]) -> Callable[[ast.Module], ast.Module]:
    """A transform under which a top-level demonstration may fail by `error`, and what follows from it too.

    A student may well compare with `F.conv2d` at the bottom of the file. That is no answer to a task, so it
    must not cost one: from the first statement that fails by `error` on, every top-level statement that
    defines nothing may fail in silence.
    """
    flag = "_a_demonstration_was_refused"

    def transform(tree: ast.Module) -> ast.Module:
        body: list[ast.stmt] = []
        for statement in tree.body:
            keeps = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
            if isinstance(statement, keeps):
                body.append(statement)
                continue
            handler = ast.parse(
                f"try:\n    pass\nexcept Exception as _error:\n"
                f"    if type(_error).__name__ != {error.__name__!r} and not globals().get({flag!r}):\n"
                f"        raise\n    {flag} = True\n"
            ).body[0]
            assert isinstance(handler, ast.Try)
            handler.body = [statement]
            body.append(ast.copy_location(handler, statement))
        future = [s for s in tree.body if isinstance(s, ast.ImportFrom) and s.module == "__future__"]
        tree.body = future + [s for s in body if s not in future]
        return ast.fix_missing_locations(tree)

    return transform

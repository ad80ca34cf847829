"""Which parts of a file count: the definitions that answer tasks, and whatever they use.

People's files are conversations: definitions are scattered among plots, prints, demonstrations, training runs
and shell lines. Here the top-level statements of a file are read without being run. A statement is selected
if it binds a task's name, or a name that a selected statement needs. Everything else isn't run and becomes a
remark, so neither a plot nor a cell that trains for an hour can affect a verdict.

    reading = read(units, tasks)
    kept = reading.select({"conv2d"})
"""

from __future__ import annotations

import ast
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from .ipython import parsed
from .scope import DEFINITIONS, Names, TooManyNames, names_of
from .sources import Unit

MAX_STATEMENTS = 3_000
MAX_NODES = 200_000
"""The size limit of the syntax tree: about twenty thousand lines."""
_TOO_MUCH = "has more Python code than anybody writes by hand. Is there data in it?"
_WRITTEN = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
# Functions of these libraries may modify their arguments; those of other libraries draw or print them.
_FILLING = frozenset({"torch", "numpy"}) | sys.stdlib_module_names


@dataclass(frozen=True)
class Statement:
    """A top-level statement of a unit.

    Attributes:
        order: its number in the file.
        unit, number: its unit, and its number in the unit.
    """

    order: int
    unit: int
    number: int
    node: ast.stmt
    names: Names

    @property
    def first(self) -> int:
        """Its first line, including decorators."""
        decorators = getattr(self.node, "decorator_list", [])
        return int(min([self.node.lineno, *(decorator.lineno for decorator in decorators)]))

    @property
    def last(self) -> int:
        """Its last line."""
        return int(self.node.end_lineno or self.node.lineno)

    @cached_property
    def wrapped(self) -> frozenset[str]:
        """The names it wraps, such as `pad` in `pad = cached(pad)`."""
        value = self.node.value if isinstance(self.node, ast.Assign) else None
        arguments = value.args if isinstance(value, ast.Call) else ()
        return frozenset(each.id for each in arguments if isinstance(each, ast.Name))

    @cached_property
    def origins(self) -> frozenset[str]:
        """The libraries that its imports come from."""
        return frozenset(origins_of(self.node))


@dataclass(frozen=True)
class Broken:
    """A unit that isn't valid Python.

    Attributes:
        line: where Python gave up, if known.
        tasks: the tasks that are written in it.
    """

    unit: int
    line: int | None
    message: str
    tasks: frozenset[str]


class TooLong(Exception):
    """A file has more Python code than anybody writes by hand."""


@dataclass(frozen=True)
class Reading:
    """A file that has been read; `tasks` are the names of the tasks that it may answer."""

    units: tuple[Unit, ...]
    tasks: frozenset[str]
    statements: tuple[Statement, ...]
    broken: tuple[Broken, ...]

    # -------------------------------------------------------------------------------- what there is

    # Indexes by name, so that no lookup has to go through all statements.

    def _by_name(self, names: Callable[[Statement], Iterable[str]]) -> dict[str, list[Statement]]:
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in names(statement):
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def _meanings(self) -> dict[str, tuple[Statement, ...]]:
        return {}

    @cached_property
    def _binding(self) -> dict[str, list[Statement]]:
        return self._by_name(lambda s: s.names.binds)

    @cached_property
    def _defining(self) -> dict[str, list[Statement]]:
        return self._by_name(lambda s: s.names.defines)

    @cached_property
    def _changing(self) -> dict[str, list[Statement]]:
        own = frozenset(name for s in self.statements for name in s.names.binds - s.names.imports)
        return self._by_name(lambda s: s.names.changes & own)

    @cached_property
    def _filling(self) -> dict[str, list[Statement]]:
        """The statements whose functions change a name when they are called."""
        return self._by_name(lambda s: s.names.fills)

    # A call of a task's answer is a demonstration, even if it modifies counters or caches on the way.

    @cached_property
    def _calling(self) -> dict[str, list[Statement]]:
        return self._by_name(lambda s: () if s.names.calls & self.tasks else s.names.calls)

    @cached_property
    def _passing(self) -> dict[str, list[Statement]]:
        """The statements that pass a name to a function that may modify it, such as `fill(TABLE)`."""
        others = frozenset(name for s in self.statements for name in s.names.defines | s.names.imports)
        importing = [s for s in self.statements if s.names.imports]
        drawing = frozenset(name for s in importing if not s.origins <= _FILLING for name in s.names.imports)
        may_fill = (self._binding.keys() - drawing) | {"exec"}

        def passed(statement: Statement) -> Iterable[str]:
            names = statement.names
            fills = not names.calls & self.tasks and names.calls <= may_fill
            return (names.passes & self._binding.keys()) - others if fills else ()

        return self._by_name(passed)

    @cached_property
    def defined(self) -> frozenset[str]:
        """The names that the file gives a meaning."""
        return frozenset(name for name in self._binding if self.binding(name))

    @cached_property
    def everything(self) -> frozenset[str]:
        """Its functions, classes and imports, and its constants (names in capitals)."""
        found: set[str] = set()
        for statement in self.statements:
            found |= statement.names.defines | statement.names.imports
            found |= {name for name in statement.names.binds if name.isupper() and len(name) > 1}
        return frozenset(found)

    @cached_property
    def written(self) -> frozenset[str]:
        """The tasks that have an answer: defined, and not just the stub that was released."""
        broken = frozenset().union(*(each.tasks for each in self.broken))
        found = {
            name for name in self.tasks & self.defined if not all(map(self._is_released, self.binding(name)))
        }
        return frozenset(found) | broken

    def unreadable(self, task: str) -> Broken | None:
        """The unit whose syntax error keeps a task from being read, if there is one."""
        if self.binding(task) and not all(map(self._is_released, self.binding(task))):
            return None
        return next((each for each in reversed(self.broken) if task in each.tasks), None)

    def binding(self, name: str) -> tuple[Statement, ...]:
        """The statements that give a name the meaning that counts.

        If the name is defined as a function or class, one definition counts: the one in the task's own cell,
        or else the last one that isn't a stub. Otherwise imports count, and if there are none, assignments.
        """
        if name not in self._meanings:
            self._meanings[name] = tuple(self._counting(name))
        return self._meanings[name]

    def _is_released(self, statement: Statement) -> bool:
        return self.units[statement.unit].provided or _is_stub(statement)

    def _counting(self, name: str) -> list[Statement]:
        bound = self._binding.get(name, [])
        definitions = self._defining.get(name, []) if bound else []
        if definitions:
            answers = [s for s in definitions if not self._is_released(s)] or definitions
            own = [s for s in answers if self.units[s.unit].task == name]
            counts = (own or answers)[-1]
            wraps = [s for s in bound if name not in self.tasks and name in s.wrapped]
            return [counts, *(s for s in wraps if s.order > counts.order)]
        if name not in self.tasks:
            return bound
        # `accuracy = accuracy(net, data)` is a result, not an answer, whatever `accuracy` was before.
        values = [s for s in bound if name not in s.names.calls]
        return [s for s in values if name in s.names.imports] or values

    # -------------------------------------------------------------------------------- what counts

    def select(self, names: Iterable[str]) -> list[Statement]:
        """The statements that these names need, in the order of the file.

        This follows names until nothing new turns up: from a name to the statements that bind or change it,
        and from these to the names they need. Then come the statements that fill something needed when they
        call a function, such as `register(table)`; they may need further names, so both steps are repeated.
        """
        chosen: dict[int, Statement] = {}
        needed: set[str] = set()
        waiting = list(names)
        users: list[Statement] = []

        def take(statements: Iterable[Statement]) -> None:
            for statement in statements:
                if statement.order not in chosen:
                    chosen[statement.order] = statement
                    users.append(statement)
                    waiting.extend(statement.names.needs)

        def follow() -> Iterator[str]:
            while waiting:
                name = waiting.pop()
                if name not in needed:
                    needed.add(name)
                    take(self.binding(name))
                    take(self._changing.get(name, ()))
                    yield name

        take(self._binding.get("*", ()))
        new = list(follow())
        answering = frozenset(needed)
        filling: set[int] = set()
        while new or users:
            for name in new:
                take(self._passing.get(name, ()))
                for statement in self._filling.get(name, ()):
                    if statement.order not in filling:
                        filling.add(statement.order)
                        for function in statement.names.binds - answering:
                            take(self._calling.get(function, ()))
            while users:
                take(self._used_before_redefined(users.pop()))
            new = list(follow())
        return [chosen[order] for order in sorted(chosen)]

    def _used_before_redefined(self, user: Statement) -> Iterator[Statement]:
        """Earlier definitions that a statement uses before the one that counts, as in `slow = conv2d`."""
        if isinstance(user.node, DEFINITIONS):
            return
        for name in user.names.needs:
            counts = self.binding(name)
            if counts and counts[0].order > user.order:
                definitions = self._defining.get(name, [])
                before = bisect_left(definitions, user.order, key=lambda s: s.order)
                yield from definitions[max(0, before - 1) : before]


def read(units: Sequence[Unit], tasks: Iterable[str]) -> Reading:
    """Read the units of one file.

    Raises:
        TooLong: it has more than `MAX_STATEMENTS` at its top level, or a larger tree than `MAX_NODES`.
    """
    wanted = frozenset(tasks)
    nodes = 0
    statements: list[Statement] = []
    broken: list[Broken] = []
    for number, unit in enumerate(units):
        try:
            body = parsed(unit.source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            broken.append(_broken(error, number, unit, wanted))
            continue
        if len(statements) + len(body) > MAX_STATEMENTS:
            raise TooLong(
                f"has more than {MAX_STATEMENTS:,} statements at its top level. Is there data in it?"
            )
        for index, node in enumerate(body):
            nodes += sum(1 for _ in islice(ast.walk(node), MAX_NODES))
            if nodes >= MAX_NODES:
                raise TooLong(_TOO_MUCH)
            if not _is_guard(node):
                try:
                    names = _names(node)
                except TooManyNames:
                    raise TooLong(_TOO_MUCH) from None
                statements.append(Statement(len(statements), number, index, node, names))
    return Reading(tuple(units), wanted, tuple(statements), tuple(broken))


def _names(node: ast.stmt) -> Names:
    try:
        return names_of(node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Python reports what is wrong when the statement runs; until then, assume that it binds its name.
        name = {node.name} if isinstance(node, DEFINITIONS) else set()
        return Names(binds=frozenset(name), defines=frozenset(name))


def _broken(error: BaseException, number: int, unit: Unit, tasks: frozenset[str]) -> Broken:
    written = frozenset(_WRITTEN.findall(unit.source)) & tasks
    written |= {unit.task} & tasks if unit.task else frozenset()
    if isinstance(error, SyntaxError):
        text = (error.text or "").strip()[:80]
        message = f"syntax error: {error.msg[:200]}" + (f" in `{text}`" if text else "")
        return Broken(number, error.lineno, message, written)
    if isinstance(error, RecursionError | MemoryError):
        return Broken(number, None, "is too large or too deeply nested to be read as Python", written)
    return Broken(number, None, f"cannot be read as Python: {error}", written)


def _is_guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and any(
        isinstance(inner, ast.Name) and inner.id == "__name__" for inner in ast.walk(node.test)
    )


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is just a string, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_stub(statement: Statement) -> bool:
    """Whether a definition is still the released stub, which only raises `NotImplementedError`."""
    node = statement.node
    if isinstance(node, ast.ClassDef):
        methods = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
        return bool(methods) and all(_only_raises(method.body) for method in methods)
    return isinstance(node, ast.FunctionDef) and _only_raises(node.body)


def _only_raises(body: list[ast.stmt]) -> bool:
    rest = [statement for statement in body if not is_text(statement) and not _calls_super(statement)]
    if len(rest) != 1 or not isinstance(rest[0], ast.Raise) or rest[0].exc is None:
        return False
    raised = rest[0].exc.func if isinstance(rest[0].exc, ast.Call) else rest[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _calls_super(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node) == "super().__init__()"


def origins_of(node: ast.AST) -> set[str]:
    """The libraries that the imports of a statement come from."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            found.add((inner.module or "").partition(".")[0])
    return found

"""Turns the files of a hand-in into the modules that are graded: one for each exercise, and what they import.

A module consists of parts: pieces of source with the numbers of the statements that count. The sandbox runs
these statements and no others, each with the file name and line number that its student knows.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

from graders.sandbox.inside.loader import PACKAGE, Part
from graders.testing.remarks import Problem, Remark

from .definitions import Reading, Statement, TooLong, read
from .exercise_names import exercise_named
from .left_aside import remarks
from .notebooks import Cell
from .screen import aliases_in, forbidden_calls, loadable
from .sources import Source, Unit, of_cells, source, with_runs

Subjects = Mapping[str, Mapping[str, str]]
"""The kind of every task, by exercise and task."""
_LONGEST_PATH = 1_000
_MOST_ROUNDS = 20


@dataclass(frozen=True)
class Modules:
    """What is graded in a hand-in.

    Attributes:
        names: the module of each exercise that was handed in.
        main: the file that each of these exercises was handed in as.
        files: Python source of every file, by the path it was handed in under.
        code: the parts of every module that is loaded, by relative path.
        unreadable: for tasks that can't be read, such as `conv2d.Conv2D`, what is wrong and where.
        imports: for each exercise, the library modules that may be loaded before the walls go up.
        calls: calls that by-hand tasks may not make, by label and line, as the student wrote them.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    main: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    calls: Mapping[tuple[str, int], str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The modules as plain data."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            **data,
            "code": {path: [list(astuple(part)) for part in parts] for path, parts in self.code.items()},
            "calls": [[*place, written] for place, written in self.calls.items()],
            "problems": [list(astuple(problem)) for problem in self.problems],
            "remarks": [list(astuple(remark)) for remark in self.remarks],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Modules:
        """The modules that `as_data` wrote down."""
        return cls(
            names=data["names"],
            main=data["main"],
            files=data["files"],
            code={
                path: tuple(Part(label, source, tuple(kept)) for label, source, kept in parts)
                for path, parts in data["code"].items()
            },
            unreadable=data["unreadable"],
            imports={exercise: tuple(names) for exercise, names in data["imports"].items()},
            calls={(label, line): written for label, line, written in data["calls"]},
            problems=tuple(Problem(*problem) for problem in data["problems"]),
            remarks=tuple(Remark(*remark) for remark in data["remarks"]),
        )


def assemble(sources: Iterable[Source], subjects: Subjects, notebook: Source | None = None) -> Modules:
    """Find out which file answers which exercise, and which parts of it count.

    Args:
        notebook: the notebook that answers its exercise; other files named after that exercise are ignored.
    """
    if notebook is not None:
        exercise = exercise_named(notebook.path)
        sources = [notebook, *(one for one in sources if exercise_named(one.path) != exercise)]
    return _Assembly(sources, subjects).result()


def assembled(files: dict[str, bytes], subjects: Subjects, course: list[Any] | None) -> dict[str, Any]:
    """`assemble` with plain data in and out, for a separate process; all that it imports must be light."""
    tasks = frozenset(task for of_exercise in subjects.values() for task in of_exercise)
    sources = [source(path, content, tasks) for path, content in files.items()]
    if course is not None:
        exercise, cells = course
        notebook = of_cells(f"{exercise}.ipynb", [Cell(**cell) for cell in cells], tasks, file="")
        return assemble(sources, subjects, notebook).as_data()
    return assemble(sources, subjects).as_data()


@dataclass
class _Candidate:
    """A file that may answer an exercise."""

    path: str
    reading: Reading
    written: frozenset[str]
    exact: bool
    named: bool


class _Assembly:
    def __init__(self, sources: Iterable[Source], subjects: Subjects) -> None:
        self.subjects = subjects
        self.problems: list[Problem] = []
        self.remarks: list[Remark] = []
        self.tasks = frozenset(task for tasks in subjects.values() for task in tasks)
        self.readings: dict[str, Reading] = {}
        self.modules: dict[str, Reading] = {}
        self.names: dict[str, str] = {}
        self.main: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.helpers: set[str] = set()
        found = {one.path: one for one in sources}
        for one in found.values():
            self.problems += one.problems
            if not one.problems:
                self.files[one.path] = "\n\n".join(unit.source for unit in one.units)
        for path, one in found.items():
            self._read(path, with_runs(one, found))

    def _read(self, path: str, source: Source) -> None:
        self.remarks += source.remarks
        written = ((target, (unit,)) for target, unit in source.writes)
        for target, units in ((path, source.units), *written):
            try:
                reading = read(units, self.tasks)
            except TooLong as error:
                self.problems.append(Problem(path, None, str(error)))
                continue
            if target == path and not source.problems and path not in self.readings:
                self.readings[path] = reading
            elif target != path and target not in self.readings:
                self.readings[target] = reading

    # ------------------------------------------------------------------------------ which file is which

    def result(self) -> Modules:
        self.helpers = {name for reading in self.readings.values() for name in _imported_names(reading)}
        for exercise, tasks in self.subjects.items():
            core = frozenset(task for task, kind in tasks.items() if kind == "core")
            self._answer(exercise, frozenset(tasks), core)
        for path, reading in self.readings.items():
            module = PurePosixPath(path).with_suffix(".py").as_posix()
            self.modules.setdefault(module, reading)
        kept, imports = self._selected()
        used = {id(self.modules[module]) for module in kept}
        named = {problem.file for problem in self.problems}
        for path, reading in self.readings.items():
            said = path.endswith("__init__.py") or path in named
            if id(reading) not in used and not said:
                self.remarks.append(Remark(path, "", "no answer imports this file, so it was not run"))
        self._remark_on(kept)
        asked = {f"{exercise}.py" for exercise in self.names}
        code = {
            module: _parts(self.modules[module], orders, with_broken=module not in asked)
            for module, orders in kept.items()
        }
        return Modules(
            names=self.names,
            main=self.main,
            files=self.files,
            code=code,
            unreadable=self._unreadable(),
            imports=imports,
            calls=self._calls(kept),
            problems=tuple(self.problems),
            remarks=tuple(self.remarks),
        )

    def _answer(self, exercise: str, tasks: frozenset[str], core: frozenset[str]) -> None:
        candidates = []
        for path, reading in self.readings.items():
            meant = exercise_named(path)
            named = meant == exercise
            here = reading.written & tasks
            if meant is None and PurePosixPath(path).with_suffix("").as_posix() in self.helpers:
                continue
            # In a file named after another exercise, a function of this name may be a helper.
            if named or (here and (meant is None or len(here & core) * 2 >= len(core))):
                exact = named and PurePosixPath(path).stem == exercise
                candidates.append(_Candidate(path, reading, here, exact, named))
        if not candidates:
            return
        ranks = [(bool(c.written), c.named, c.exact, c.path.endswith(".py")) for c in candidates]
        main = candidates[ranks.index(max(ranks))]
        before: list[Unit] = []  # so that the main file's definitions come last, and count
        answered = main.reading.defined & tasks
        for other in candidates:
            if other is main:
                continue
            more = other.written - answered - main.reading.written
            if more and (other.named or exercise_named(other.path) is None):
                before += other.reading.units
                answered |= other.written
                self._note(other.path, f"was read for {_listed(sorted(more))}")
            else:
                stub = bool(main.written) and not other.written and bool(other.reading.defined & tasks)
                why = "has not been changed;" if stub else "is left out:"
                self._note(other.path, f"{why} {main.path} was read for {exercise}")
        if not main.exact:
            why = f"was read as {exercise}.py"
            if not main.named:
                why = f"was read for the exercise {exercise}, whose tasks it defines"
            self._note(main.path, why)
        self.modules[f"{exercise}.py"] = main.reading
        self.names[exercise] = exercise
        self.main[exercise] = main.path
        if before:
            try:
                self.modules[f"{exercise}.py"] = read([*before, *main.reading.units], self.tasks)
            except TooLong as error:
                self._note(main.path, f"together with the other files for {exercise}, it {error}")

    def _note(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, None, message))

    # ----------------------------------------------------------------------------------- what of it counts

    def _selected(self) -> tuple[dict[str, frozenset[int]], dict[str, tuple[str, ...]]]:
        """The statements that count, by module; and the library modules they import, by exercise."""
        kept: dict[str, frozenset[int]] = {}
        imports: dict[str, tuple[str, ...]] = {}
        for exercise in self.names:
            orders = self._reached({f"{exercise}.py": set(self.subjects[exercise])})
            names: set[str] = set()
            for module, chosen in orders.items():
                kept[module] = kept.get(module, frozenset()) | chosen
                names |= loadable(s.node for s in self.modules[module].statements if s.order in chosen)
            imports[exercise] = tuple(sorted(names))
        return kept, imports

    def _reached(self, wanted: dict[str, set[str]]) -> dict[str, frozenset[int]]:
        """The statements of each module that the wanted names need, followed through all imports."""
        rounds: Counter[str] = Counter()
        kept: dict[str, frozenset[int]] = {}
        waiting = dict.fromkeys(wanted)
        while waiting:
            module = next(iter(waiting))
            del waiting[module]
            rounds[module] += 1
            reading = self.modules[module]
            # Two modules may import from each other, one name at a time. After many rounds, take everything.
            chosen = reading.select(wanted[module]) if rounds[module] < _MOST_ROUNDS else reading.statements
            kept[module] = frozenset(statement.order for statement in chosen)
            for imported, names in self._imported(module, chosen).items():
                known = wanted.setdefault(imported, set())
                if not names <= known or imported not in kept:
                    known |= names
                    if rounds[imported] < _MOST_ROUNDS:
                        waiting[imported] = None
        return kept

    def _imported(self, module: str, chosen: Sequence[Statement]) -> dict[str, set[str]]:
        """The hand-in's modules that statements import, with the names that they use from them."""
        found: dict[str, set[str]] = {}
        for imported, names in dict.fromkeys(self._imports(module, chosen)):
            found.setdefault(imported, set()).update(names)
        return found

    def _imports(self, module: str, chosen: Sequence[Statement]) -> Iterator[tuple[str, frozenset[str]]]:
        inner = [each for statement in chosen for each in ast.walk(statement.node)]
        needed = frozenset(name for statement in chosen for name in statement.names.needs)
        read: dict[str, set[str]] = {}
        for node in inner:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                read.setdefault(node.value.id, set()).add(node.attr)
        attributes = {name: frozenset(found) for name, found in read.items()}
        for node in inner:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found = self._module(alias.name)
                    if found is not None:
                        # A dotted import binds its first name, so any attribute may be one of the module's.
                        yield (
                            found,
                            attributes.get(alias.asname or alias.name) or self.modules[found].everything,
                        )
            elif isinstance(node, ast.ImportFrom):
                package = module.split("/")[:-1]
                above = package[: len(package) - node.level + 1] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                names = frozenset(alias.name for alias in node.names)
                if len(origin) > _LONGEST_PATH:
                    continue
                found = self._module(origin)
                if found is not None:
                    yield found, self.modules[found].everything | needed if "*" in names else names
                for name in names:
                    submodule = self._module(f"{origin}.{name}" if origin else name)
                    if submodule is not None:
                        yield submodule, attributes.get(name) or self.modules[submodule].everything

    def _module(self, name: str) -> str | None:
        stem = name.removeprefix(f"{PACKAGE}.").replace(".", "/")
        return next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in self.modules), None)

    # ------------------------------------------------------------------------------------ what is said of it

    def _unreadable(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for exercise in self.names:
            reading = self.modules[f"{exercise}.py"]
            for task in self.subjects[exercise]:
                broken = reading.unreadable(task)
                if broken is None and len(reading.units) == 1 and reading.broken:
                    broken = reading.broken[0]  # a module with a syntax error doesn't run at all
                if broken is not None:
                    unit = reading.units[broken.unit]
                    where = unit.label if broken.line is None else f"{unit.label}, line {broken.line}"
                    found[f"{exercise}.{task}"] = f"{where}: {broken.message}"
        return found

    def _remark_on(self, kept: Mapping[str, frozenset[int]]) -> None:
        by_reading: dict[int, tuple[Reading, frozenset[int]]] = {}
        for module, orders in kept.items():
            reading = self.modules[module]
            _, before = by_reading.get(id(reading), (reading, frozenset()))
            by_reading[id(reading)] = reading, before | orders
        for reading, orders in by_reading.values():
            for broken in reading.broken:
                unit = reading.units[broken.unit]
                if broken.tasks or len(reading.units) == 1:
                    self.problems.append(Problem(unit.label, broken.line, broken.message))
                else:
                    self.remarks.append(Remark(unit.file, unit.place(broken.line or 1), broken.message))
            self.remarks += remarks(reading, orders)

    def _calls(self, kept: Mapping[str, frozenset[int]]) -> dict[tuple[str, int], str]:
        found: dict[tuple[str, int], str] = {}
        for module, orders in kept.items():
            reading = self.modules[module]
            chosen = [s for s in reading.statements if s.order in orders]
            aliases = aliases_in(s.node for s in chosen)
            for number, statements in groupby(chosen, key=lambda s: s.unit):
                label = reading.units[number].label
                calls = forbidden_calls((s.node for s in statements), aliases)
                found.update({(label, line): written for line, written in calls.items()})
        return found


def _parts(reading: Reading, orders: frozenset[int], with_broken: bool) -> tuple[Part, ...]:
    """The parts of a module.

    Args:
        with_broken: include units with a syntax error, so that importing the module fails as it does in
            Python.
    """
    broken = {each.unit for each in reading.broken} if with_broken else set()
    kept: dict[int, list[int]] = {}
    for statement in reading.statements:
        if statement.order in orders:
            kept.setdefault(statement.unit, []).append(statement.number)
    parts = []
    for number, unit in enumerate(reading.units):
        if number in kept or number in broken:
            parts.append(Part(unit.label, unit.source, tuple(kept.get(number, ()))))
    return tuple(parts)


def _imported_names(reading: Reading) -> Iterator[str]:
    """The modules that a file imports, as paths without an extension."""
    for statement in reading.statements:
        if statement.names.imports:
            for node in ast.walk(statement.node):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module]
                yield from (name.removeprefix(f"{PACKAGE}.").replace(".", "/") for name in names)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))

"""Who handed in what: a plan, made and shown before anything is graded.

    plan = plan_for(Path("class"))
    print(plan.summary())

A class folder, or the .zip that a teacher downloaded from a platform, is divided into hand-ins, whose names
are fixed from here on. Files of several people are never merged, and nothing is skipped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from graders.testing.remarks import Problem

from .collected import writable
from .files import Source, single
from .folders import each, git, holds_several, is_one, one
from .names import apart, safe_name
from .patterns import refusal
from .platforms import Found, blackboard, canvas, gradescope, moodle, nbgrader
from .tree import Tree, tree_of

PLATFORMS: dict[str, Callable[[Tree], Found | None]] = {
    "gradescope": gradescope,
    "moodle": moodle,
    "blackboard": blackboard,
    "canvas": canvas,
    "nbgrader": nbgrader,
}
LAYOUTS: dict[str, Callable[[Tree], Found | None]] = {**PLATFORMS, "git": git, "each": each, "one": one}
"""The values of `--layout`."""
_TITLES = {
    "gradescope": "Gradescope",
    "moodle": "Moodle",
    "blackboard": "Blackboard",
    "canvas": "Canvas",
    "nbgrader": "nbgrader",
    "git": "git clones",
    "each": "a folder, archive or file for each student",
    "one": "one student",
}
_TELLING = ("id", "sid", "username", "email", "submission")
"""The ids that tell people of the same name apart, the best first."""
_MOST_FOLDERS_AROUND = 3
_SHOWN = 20


@dataclass(frozen=True)
class Plan:
    """What will be graded, and what will not.

    Attributes:
        layout: the name of the layout, one of `LAYOUTS`.
        root: the class folder or .zip.
        hand_ins: one for each student, sorted by name.
        passed_over: what belongs to no hand-in, with the reason.
        files: how many files there are in all.
    """

    layout: str
    root: Path
    hand_ins: tuple[Source, ...]
    passed_over: tuple[Problem, ...]
    files: int

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What is somebody's work but can't be graded as it is."""
        return tuple(problem for problem in self.passed_over if problem.message.startswith("is refused"))

    def summary(self) -> str:
        """The plan in a few lines."""
        notes = [note for source in self.hand_ins for note in source.notes]
        left = [*self.passed_over, *notes]
        head = (
            f"{_many(self.files, 'file')}, {_many(len(self.hand_ins), 'student')}, "
            f"format {_TITLES[self.layout]}; skipped: {_many(len(left), 'file') if left else 'nothing'}"
        )
        lines = [f"  {problem.file} {problem.message}" for problem in left[:_SHOWN]]
        more = [f"  and {len(left) - _SHOWN} more"] if len(left) > _SHOWN else []
        return "\n".join([head, *lines, *more])

    def listing(self) -> str:
        """A line for each student: name, ids, lateness, and what belongs to the hand-in."""
        lines = []
        for source in self.hand_ins:
            ids = ", ".join(f"{key} {value}" for key, value in source.ids.items())
            about = ", ".join(part for part in (ids, "late" if source.late else "") if part)
            what = ", ".join(
                item.called if item.called and item.called != path else path
                for item, path in zip(source.items, source.paths, strict=True)
            )
            lines.append(f"  {source.student}{f' ({about})' if about else ''}: {what or 'nothing to grade'}")
        return "\n".join(lines)


def plan_for(path: Path, layout: str = "") -> Plan:
    """The plan for a class folder, a downloaded .zip, or a single hand-in.

    Args:
        layout: one of `LAYOUTS`; empty to detect it.

    Raises:
        FileNotFoundError: the path doesn't exist, or has nothing in it that could be a hand-in.
        ValueError: the layout is unknown, or isn't the one found there.
    """
    if layout and layout not in LAYOUTS:
        raise ValueError(f"--layout {layout}: there is no such layout. Choose from: {', '.join(LAYOUTS)}")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    path = path if path.name and path.name != ".." else path.resolve()
    tree = tree_of(path)
    if tree is None:
        if layout not in ("", "one", "each"):
            raise ValueError(f"--layout {layout}: {path} is neither a folder nor a .zip that can be read")
        return Plan("one", path.parent, (single(path),), (), 1)
    name, found, tree = _asked_for(tree, layout) if layout else _recognised(tree)
    if not found.sources and not found.passed_over:
        raise FileNotFoundError(f"{path}: no student's folder, archive, notebook or .py file in it")
    if not found.sources:
        why = "; ".join(f"{problem.file} {problem.message}" for problem in found.passed_over[:3])
        raise FileNotFoundError(
            f"{path}: no student's folder, archive, notebook or .py file in it: {writable(why)}"
        )
    count = sum(1 for _ in tree.files())
    return Plan(name, found.sources[0].root, _named(found.sources), _writable(found.passed_over), count)


def one_hand_in(path: Path) -> Source:
    """A path as the hand-in of one student, which may have a platform's layout.

    Raises:
        FileNotFoundError: the path doesn't exist.
        ValueError: it is an export with the work of several people.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    path = path if path.name and path.name != ".." else path.resolve()
    tree = tree_of(path)
    for inner in _with_folders_around(tree) if tree else ():
        for name, platform in PLATFORMS.items():
            found = platform(inner)
            if found is not None and len(found.sources) > 1:
                people = {source.student for source in _named(found.sources)}
                raise ValueError(f"{path} ({_TITLES[name]}) {refusal(people)}. Use `grade` for a class")
            if found is not None and found.sources:
                return _named(found.sources)[0]
    return single(path)


def _asked_for(tree: Tree, layout: str) -> tuple[str, Found, Tree]:
    for inner in _with_folders_around(tree):
        found = LAYOUTS[layout](inner)
        if found is not None and found.sources:
            return layout, found, inner
        if layout in ("each", "one"):
            break
    raise ValueError(f"--layout {layout}: {tree.root} does not have this layout")


def _recognised(tree: Tree) -> tuple[str, Found, Tree]:
    for inner in _with_folders_around(tree):
        for name, platform in PLATFORMS.items():
            found = platform(inner)
            if found is not None and found.sources:
                return name, found, inner
    if tree.members is not None:  # a single .zip is one student's, unless it clearly is a class
        for inner in _with_folders_around(tree):
            if holds_several(inner):
                return "each", each(inner), inner
        return "one", one(tree), tree
    for inner in _with_folders_around(tree)[1:]:
        if holds_several(inner):
            return "each", each(inner), inner
    if is_one(tree):
        return "one", one(tree), tree
    clones = git(tree)
    return ("git", clones, tree) if clones is not None else ("each", each(tree), tree)


def _with_folders_around(tree: Tree) -> list[Tree]:
    """The tree, and whatever is alone inside it: exports may be wrapped in a folder, or be a .zip in one."""
    found = [tree]
    while len(found) <= _MOST_FOLDERS_AROUND and len(found[-1].entries) == 1:
        (entry,) = found[-1].entries
        if entry.is_folder and not entry.is_link:
            found.append(found[-1].below(entry))
            continue
        is_file = tree.members is None and not entry.is_link
        inner = tree_of(tree.root / entry.path) if is_file else None
        if inner is None:
            break
        found.append(inner)
        tree = inner
    return found


def _named(sources: Sequence[Source]) -> tuple[Source, ...]:
    """The hand-ins under safe and unique names, sorted by name."""
    names = [safe_name(source.student) for source in sources]
    qualifiers = [
        [
            *(source.ids.get(key, "") for key in _TELLING),
            *_place(source),
        ]
        for source in sources
    ]
    named = [
        replace(
            source,
            student=name,
            notes=_writable(source.notes),
        )
        for source, name in zip(sources, apart(names, qualifiers), strict=True)
    ]
    return tuple(sorted(named, key=lambda source: (source.student.casefold(), source.student)))


def _place(source: Source) -> list[str]:
    """What tells hand-ins without ids apart: the file's extension, then the path itself."""
    path = source.items[0].path if source.items else source.student
    return [PurePosixPath(path).suffix.lstrip("."), f"{path} {source.student} {sorted(source.ids.items())}"]


def _writable(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(replace(problem, file=writable(problem.file)) for problem in problems)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"

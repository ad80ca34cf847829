"""Turns the files of one student into the modules that are graded.

Whatever can't be read becomes a `Problem` that names the file and the reason, and the rest is still read.
What a student wrote is parsed in a separate process, under limits (see `limits`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from graders.curriculum import exercises
from graders.testing.remarks import Problem, Remark

from .exercise_names import from_their_root
from .files import Source, collect, single
from .limits import ReadingFailed, read_under_limits
from .modules import Modules, assembled
from .notebooks import Cell

_CPU_SECONDS = 6
_CPU_SECONDS_FOR_A_FILE = 2


@dataclass(frozen=True)
class HandIn:
    """One student's submission.

    Attributes:
        student: the student's name, safe as a file name.
        graded: the modules to grade.
        problems: what couldn't be read, or was read in another way than its name suggests.
        remarks: what wasn't graded and doesn't affect the points.
        paths: its paths below the class folder.
        ids: the student's ids on the platform and the roster.
        late: whether it was late; None if unknown.
    """

    student: str
    graded: Modules = field(default_factory=Modules)
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()
    paths: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    late: bool | None = None

    @property
    def files(self) -> Mapping[str, str]:
        """Python source by the path it was handed in under; a notebook's code cells are joined."""
        return self.graded.files

    @property
    def modules(self) -> Mapping[str, str]:
        """The module that answers each exercise that was handed in."""
        return self.graded.names


@dataclass(frozen=True)
class CourseNotebook:
    """A notebook that a course has rebuilt, which answers its exercise whatever other files there are."""

    exercise: str
    cells: Sequence[Cell]


def read(given: Source | Path) -> HandIn:
    """Read one submission. Whatever a student did becomes a problem and never raises an error."""
    given = single(given) if isinstance(given, Path) else given
    collected = collect(given)
    found = hand_in_of(given.student, collected.files, collected.problems)
    return replace(found, paths=given.paths, ids=given.ids, late=given.late)


def hand_in_of(
    student: str,
    files: Mapping[str, str | bytes],
    problems: Iterable[Problem] = (),
    notebook: CourseNotebook | None = None,
) -> HandIn:
    """The hand-in made of some files, by relative path."""
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    found, shadowed = from_their_root(raw)
    modules, unread = _assembled(found, notebook)
    return HandIn(student, modules, (*problems, *shadowed, *unread, *modules.problems), modules.remarks)


def _assembled(files: Mapping[str, bytes], notebook: CourseNotebook | None) -> tuple[Modules, list[Problem]]:
    """The modules of some files. If limits are exceeded, the files that exceed them alone are left out."""
    subjects = {one.name: {task.name: task.kind for task in one.tasks} for one in exercises()}
    course = [notebook.exercise, [asdict(cell) for cell in notebook.cells]] if notebook else None
    try:
        data = read_under_limits(assembled, dict(files), subjects, course, cpu_seconds=_CPU_SECONDS)
        return Modules.from_data(data), []
    except ReadingFailed as together:
        problems = []
        for path, content in files.items():
            try:
                read_under_limits(
                    assembled, {path: content}, subjects, None, cpu_seconds=_CPU_SECONDS_FOR_A_FILE
                )
            except ReadingFailed as alone:
                problems.append(Problem(path, None, str(alone)))
        if not problems:
            return Modules(problems=(Problem("all files", None, str(together)),)), []
        left = {path: content for path, content in files.items() if path not in {p.file for p in problems}}
        modules, more = _assembled(left, notebook)
        return modules, [*problems, *more]

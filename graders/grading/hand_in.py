"""What was handed in, read: the files of one student become the modules that are graded.

Whatever cannot be read becomes a `Problem` that names the file and the reason, and the rest goes on. What a
student wrote is parsed in a process of its own, under limits (see `limits`).
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
        student: name of the student, safe as a file name.
        graded: what is graded of it.
        problems: what could not be read, or was read otherwise than written.
        remarks: what neither earns nor costs anything, and was left aside.
        paths: where it lies below the class folder.
        ids: what the platform or the roster knows the student by.
        late: whether it came late; None where nobody says.
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
        """Python source by the path it was handed in under; a notebook's code cells in one."""
        return self.graded.files

    @property
    def modules(self) -> Mapping[str, str]:
        """For each exercise that was handed in, the module that answers it."""
        return self.graded.names


@dataclass(frozen=True)
class CourseNotebook:
    """A notebook that a course has put in order, which answers an exercise whatever lies beside it."""

    exercise: str
    cells: Sequence[Cell]


def read(given: Source | Path) -> HandIn:
    """Read one submission. Never raises for what a student did: it is all in `problems`."""
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
    """The hand-in that some files come to, by relative path."""
    raw = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    found, shadowed = from_their_root(raw)
    modules, unread = _assembled(found, notebook)
    return HandIn(student, modules, (*problems, *shadowed, *unread, *modules.problems), modules.remarks)


def _assembled(files: Mapping[str, bytes], notebook: CourseNotebook | None) -> tuple[Modules, list[Problem]]:
    """The modules of some files. What uses up the limits is found file by file, and left out."""
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

"""What people do with this project, step by step, as the documents describe it.

To cover a new command, put a `Typed` into the scenario where a person would type it. A command that takes
minutes or changes the machine goes into `forms.py`, with the reason.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import nbformat

from graders.course.notebooks import release_notebook
from graders.curriculum import exercises, file_of
from tests.documented.shown import ROOT, whole_files
from tests.documented.stage import Stage, Step, Typed

EDGE = """\
import torch


def edge_image(height=6, width=8, left=2, right=6):
    X = torch.ones(height, width)
    X[:, left:right] = 0
    return X
"""
SIZE = """\
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
"""
ONLY = "--only kernel_learning.edge_image"


# ------------------------------------------------------------------------------------------- a student's kit


def _all_written(stage: Stage) -> None:
    for exercise in exercises():
        shutil.copyfile(file_of(exercise.name), stage.cwd / "exercises" / f"{exercise.name}.py")


STUDENT: tuple[Step, ...] = (
    Typed("python -m exercises", says="Next: conv2d in exercises/conv2d.py"),
    Typed("python -m exercises hint conv2d", says="--more"),
    _all_written,
    Typed("python exercises/conv2d.py", says="tensor("),
    Typed("python -m exercises check conv2d", says="passed"),
    Typed("python -m exercises train --data bundled", says="400 images to train on", add="--epochs 1"),
)

# ------------------------------------------------------------------------------------- a teacher with modules


def _a_class_of_one(stage: Stage) -> None:
    (stage.home / "class").mkdir()
    (stage.home / "class" / "lin.py").write_text(EDGE, encoding="utf-8")
    stage.values |= {
        "SUBMISSIONS": f"{stage.home}/class",
        "SUBMISSION": f"{stage.home}/class/lin.py",
        "DIR": f"{stage.home}/graded",
        "[--device": "--device",
        "cuda]": "cpu",
    }
    stage.cwd = ROOT


def _all_results_are_written(stage: Stage) -> None:
    names = ("grades.csv", "reports/lin.json", "feedback/lin.html", "class.html")
    assert all((stage.home / "graded" / name).is_file() for name in names)


TEACHER: tuple[Step, ...] = (
    _a_class_of_one,
    Typed("python -m graders doctor", says="Isolation: "),
    Typed("python -m graders check-one SUBMISSION", says="passed edge_image 4/4", add=ONLY),
    Typed(
        "pytest graders/tasks --submission SUBMISSION [--device cuda]",
        says="passed",
        add="-q -p no:cacheprovider -k 'edge_image and not max_stable'",
    ),
)

# ------------------------------------------------------------------------------ a teacher with an export


def _an_export(stage: Stage) -> None:
    """An export from Canvas: files of two students in one archive. A third student is only on the roster."""
    with zipfile.ZipFile(stage.home / "submissions.zip", "w") as archive:
        archive.writestr("hoppergrace_102_9000_kernel_learning.py", EDGE)
        archive.writestr("lovelaceada_101_9001_kernel_learning.py", EDGE)
    roster = 'Student,ID\n"Hopper, Grace",102\n"Lovelace, Ada",101\n"Turing, Alan",103\n'
    (stage.home / "class.csv").write_text(roster, encoding="utf-8")
    stage.values |= {name: f"{stage.home}/{name}" for name in ("submissions.zip", "class.csv", "graded")}
    stage.cwd = ROOT


def _both_are_graded(stage: Stage) -> None:
    grades = (stage.home / "graded" / "grades.csv").read_text(encoding="utf-8")
    assert "hoppergrace" in grades and "lovelaceada" in grades


EXPORT: tuple[Step, ...] = (
    _an_export,
    Typed(
        "python -m graders grade submissions.zip --dry-run",
        says="2 files, 2 students, format Canvas",
        covers=("python -m graders grade SUBMISSIONS --dry-run",),
    ),
    Typed(
        "python -m graders grade submissions.zip --roster class.csv --out graded",
        says="Turing, Alan",
        add=f"{ONLY} --jobs 1",
    ),
    _both_are_graded,
)

# ---------------------------------------------------------------------------------- a course, from nothing


def _exchange(stage: Stage) -> None:
    """A separate exchange for this class, with a student's answer as `nbgrader submit` leaves it."""
    exchange = stage.home / "exchange"
    inbound = exchange / "cnn-by-hand" / "inbound" / "ada+conv2d+2026-01-10 12:00:00.000000 UTC+a1"
    inbound.mkdir(parents=True)
    for folder in (exchange, exchange / "cnn-by-hand"):
        folder.chmod(0o777)
    for folder in ("outbound", "feedback"):
        (exchange / "cnn-by-hand" / folder).mkdir()
    with (stage.cwd / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(f'\nc.Exchange.root = "{exchange}"\n')
    _answer(inbound / "conv2d.ipynb", {"output_size": SIZE})
    (inbound / "timestamp.txt").write_text("2026-01-10 12:00:00.000000 UTC", encoding="utf-8")
    (inbound / "submission_secret.txt").write_text("a secret", encoding="utf-8")


def _answer(path: Path, answers: Mapping[str, str]) -> None:
    notebook = release_notebook("conv2d")
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def _archive(stage: Stage) -> None:
    """A platform's *download all* archive, in the folder where `zip_collect` looks for it."""
    _answer(stage.home / "answer.ipynb", {"output_size": "def output_size(*_, **__):\n    return 0\n"})
    archive = stage.cwd / "downloaded" / "conv2d" / "archive" / "all.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as file:
        file.write(stage.home / "answer.ipynb", "ben_attempt_2026-01-10-12-00-00_conv2d.ipynb")


def _module_of_another(stage: Stage) -> None:
    stage.cwd, stage.values["there"] = ROOT, str(stage.cwd)


def _back(stage: Stage) -> None:
    stage.cwd = Path(stage.values["there"])


def _everybody_is_in_the_gradebook(stage: Stage) -> None:
    points = _points(stage.cwd / "gradebook.db")
    assert points[("ada", "conv2d")] == 4.0 and points[("lin", "kernel_learning")] == 4.0
    table = (stage.cwd / "grades.csv").read_text(encoding="utf-8")
    assert "conv2d.output_size" in table and "\nconv2d," in table and "lin" in table


def _points(gradebook: Path) -> dict[tuple[str, str], float]:
    with closing(sqlite3.connect(gradebook)) as book:
        rows = book.execute(
            "select s.student_id, b.name, sum(coalesce(g.auto_score, 0)) "
            "from submitted_assignment s join submitted_notebook n on n.assignment_id = s.id "
            "join grade g on g.notebook_id = n.id join notebook b on b.id = n.notebook_id "
            "group by s.student_id, b.name"
        ).fetchall()
    return {(student, notebook): points for student, notebook, points in rows}


def _student_folder(stage: Stage) -> None:
    shutil.copytree(stage.cwd / "release" / "conv2d", stage.home / "student")
    stage.values["there"], stage.cwd = str(stage.cwd), stage.home / "student"


COURSE: tuple[Step, ...] = (
    _a_class_of_one,
    Typed(
        "python -m graders course ~/cnn-course",
        says="The course is in",
        covers=("python -m graders course /tmp/new",),
    ),
    Typed("cd ~/cnn-course"),
    _exchange,
    Typed("nbgrader generate_assignment conv2d", leaves="release/conv2d/conv2d.ipynb"),
    Typed("nbgrader release_assignment conv2d", leaves="../exchange/*/outbound/conv2d/conv2d.ipynb"),
    _student_folder,
    Typed("nbgrader validate conv2d.ipynb", says="VALIDATION FAILED ON 3 CELL(S)"),
    _back,
    Typed("nbgrader collect conv2d", leaves="submitted/ada/conv2d/conv2d.ipynb"),
    Typed(
        "nbgrader autograde conv2d",
        add="--force",
        leaves="autograded/*/conv2d/conv2d.ipynb",
        covers=("nbgrader autograde --force",),
    ),
    Typed("nbgrader generate_feedback conv2d", leaves="feedback/ada/conv2d/conv2d.html"),
    Typed("nbgrader release_feedback conv2d", leaves="../exchange/*/feedback/*.html"),
    _module_of_another,
    Typed(
        'python -m graders grade SUBMISSIONS --gradebook "sqlite:///$HOME/cnn-course/gradebook.db"',
        says="cnn-course/gradebook.db",
        add=f"{ONLY} --jobs 1 --out DIR",
        covers=("python -m graders grade SUBMISSIONS --out DIR",),
    ),
    _all_results_are_written,
    _back,
    Typed("nbgrader export --to grades.csv", leaves="grades.csv"),
    _everybody_is_in_the_gradebook,
    _archive,
    Typed("nbgrader zip_collect conv2d", leaves="submitted/ben/conv2d/conv2d.ipynb"),
)

# ------------------------------------------------------------------------------ a course that exists already

_OWN = """\
c = get_config()
c.CourseDirectory.course_id = "mine"
c.Autograde.exclude_overwriting = {"week1": ["helper.py"]}
"""


def _a_new_course(stage: Stage) -> None:
    stage.values |= {"/tmp/new": f"{stage.home}/new"}
    stage.cwd = ROOT


def _their_course(stage: Stage) -> None:
    """Step 2 of the page: folders are copied into a course that has its own assignments."""
    stage.cwd = stage.home / "mine"
    shutil.copytree(stage.home / "new" / "source" / "conv2d", stage.cwd / "source" / "conv2d")


def copied_file(stage: Stage) -> None:
    """Step 3, the first way."""
    _their_course(stage)
    shutil.copyfile(stage.home / "new" / "nbgrader_config.py", stage.cwd / "nbgrader_config.py")


def lines_between_the_rules(stage: Stage) -> None:
    """Step 3, the second way."""
    _their_course(stage)
    text = (stage.home / "new" / "nbgrader_config.py").read_text(encoding="utf-8")
    pieces = text.split("\n# --- ")
    assert len(pieces) == 3, "there are two rules"
    (stage.cwd / "nbgrader_config.py").write_text(f"{_OWN}\n# --- {pieces[1]}", encoding="utf-8")


def _handed_in(stage: Stage) -> None:
    _answer(stage.cwd / "submitted" / "ada" / "conv2d" / "conv2d.ipynb", {"output_size": SIZE})


def _is_graded(stage: Stage) -> None:
    assert _points(stage.cwd / "gradebook.db") == {("ada", "conv2d"): 4.0}


def adopted(*way: Step, then: Sequence[Step] = ()) -> tuple[Step, ...]:
    """The steps of the page, with one way of step 3."""
    return (
        _a_new_course,
        Typed("python -m graders course /tmp/new", says="The course is in"),
        *way,
        Typed("nbgrader generate_assignment conv2d", leaves="release/conv2d/conv2d.ipynb"),
        *then,
    )


# ------------------------------------------------------------------------------------------- a new exercise

_PAGE = ROOT / "docs" / "adding-an-exercise.md"
_ANSWER = """\
import torch


def conv1d(x, k):
    return (x.unfold(0, len(k), 1) * k).sum(1)


def moving_average(x, width):
    return conv1d(x, torch.ones(width, dtype=x.dtype) / width)
"""


def _written(*parts: str) -> Step:
    """The files of the page whose paths have one of `parts` in them, in the teacher's own folder."""

    def write(stage: Stage) -> None:
        for path, text in whole_files(_PAGE).items():
            if any(part in path for part in parts):
                place = stage.home / "my-exercises" / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")

    return write


def _a_class_of_three(stage: Stage) -> None:
    answers = {"lin": _ANSWER, "ben": _ANSWER.replace("* k)", "* k.flip(0))"), "cy": "import torch\n"}
    (stage.home / "class").mkdir()
    for student, text in answers.items():
        folder = stage.home / "class" / student
        folder.mkdir()
        (folder / "signals.py").write_text(text, encoding="utf-8")


def _they_have_their_verdicts(stage: Stage) -> None:
    def tasks(student: str) -> dict[str, dict[str, object]]:
        report = json.loads(
            (stage.home / "graded" / "reports" / f"{student}.json").read_text(encoding="utf-8")
        )
        return {task["task"]: task for task in report["tasks"] if task["exercise"] == "signals"}

    lin, ben, cy = map(tasks, ("lin", "ben", "cy"))
    assert [task["outcome"] for task in lin.values()] == ["passed", "passed"]
    assert [task["score"] for task in lin.values()] == [6, 2]
    assert (ben["conv1d"]["outcome"], ben["conv1d"]["diagnosis"]) == ("failed", "kernel-flipped")
    assert ben["moving_average"]["outcome"] == "passed"  # equal weights know no direction
    assert {task["outcome"] for task in cy.values()} == {"not_implemented"}
    assert "the kernel is flipped" in (stage.home / "graded" / "feedback" / "ben.html").read_text("utf-8")
    assert "conv1d" in (stage.home / "graded" / "class.html").read_text("utf-8")
    kit = stage.home / "student-kit"
    assert "`signals.py`" in (kit / "README.md").read_text("utf-8")
    assert "BEGIN SOLUTION" not in (kit / "exercises" / "signals.py").read_text("utf-8")
    assert "signals" in (kit / "exercises" / "hints.json").read_text("utf-8")


def _a_notebook_is_handed_in(stage: Stage) -> None:
    stage.cwd = stage.home / "course"
    notebook = nbformat.read(stage.cwd / "release" / "signals" / "signals.ipynb", 4)
    for cell in notebook.cells:
        if cell.id == "conv1d":
            cell.source = _ANSWER.partition("\n\n\ndef moving")[0]
    place = stage.cwd / "submitted" / "lin" / "signals" / "signals.ipynb"
    place.parent.mkdir(parents=True)
    nbformat.write(notebook, place)


def _in_the_course(stage: Stage) -> None:
    stage.cwd = stage.home / "course"


def _the_notebook_has_its_points(stage: Stage) -> None:
    assert _points(stage.cwd / "gradebook.db") == {("lin", "signals"): 6.0}


def _in_the_checkout(stage: Stage) -> None:
    stage.cwd = ROOT


NEW: tuple[Step, ...] = (
    _in_the_checkout,
    Typed("export CNN_EXERCISES=~/my-exercises"),
    Typed("python -m graders new signals", says="my-exercises/solutions/signals.py"),
    Typed("python -m graders check-exercise signals --quick", says="values 3"),
    _written("solutions", "properties", "checks"),
    Typed("python -m graders check-exercise signals", says="no mistakes are known"),
    _written("slips", "words"),
    Typed("python -m graders check-exercise signals", says="every known mistake fails and is named │ 2"),
    _a_class_of_three,
    Typed("python -m graders release ~/student-kit", says="The student kit is in"),
    Typed("python -m graders grade ~/class --out ~/graded", says="signals", add="--only signals"),
    _they_have_their_verdicts,
    Typed("python -m graders course ~/course", says="The course is in"),
    _in_the_course,
    Typed("nbgrader generate_assignment signals", leaves="release/signals/signals.ipynb"),
    _a_notebook_is_handed_in,
    Typed("nbgrader autograde signals", leaves="autograded/lin/signals/signals.ipynb"),
    _the_notebook_has_its_points,
)

LONG = {
    "a course that exists takes the whole configuration",
    "a course that exists takes the lines between the rules",
}
"""What only `tox -e full` plays; every command in it is typed in another scenario too."""

SCENARIOS: dict[str, tuple[Step, ...]] = {
    "a student works in the kit": STUDENT,
    "a teacher grades a platform's export": EXPORT,
    "a teacher grades a class": TEACHER,
    "somebody adds an exercise": NEW,
    "a course from nothing to the export": COURSE,
    "a course that exists takes the whole configuration": adopted(copied_file),
    "a course that exists takes the lines between the rules": adopted(
        lines_between_the_rules,
        then=(
            _handed_in,
            Typed("nbgrader autograde --force", add="conv2d", leaves="autograded/ada/conv2d/conv2d.ipynb"),
            _is_graded,
        ),
    ),
}

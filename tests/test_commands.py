"""The commands as people use them: exit statuses, output files, and helpful errors."""

from __future__ import annotations

import csv
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from graders.__main__ import main
from graders.course.demo import with_answers
from graders.curriculum import SOLUTIONS
from graders.report import Report
from tests.conftest import outcomes, write_submission

ROOT = SOLUTIONS.parent
ONLY = ("--only", "conv2d.output_size", "--only", "conv2d.conv2d")
WRONG = """
def conv2d(X, K):
    return X * 4321

def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return n - kernel
"""


MISTAKES = {
    "conv2d_matrix": "def conv2d_matrix(K, input_size):\n    return (K",
    "output_size": "def output_size(n, kernel, **options):\n    return n - kernel",
}
"""Answers of a notebook: one that cannot be parsed, and one that is wrong."""


def run(*arguments: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python …` in a separate process, with `PYTHONPATH` only if it is given."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHONPATH", "PYTEST", "COLUMNS"))
    }
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=600
    )


# ------------------------------------------------------------------------------------------------- grade


@pytest.fixture(scope="module")
def graded_class(
    tmp_path_factory: pytest.TempPathFactory, reference: dict[str, str]
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A tiny class with awkward names, graded by the command: its output, and the folder it wrote."""
    home = tmp_path_factory.mktemp("tiny [class]")
    students = home / "sub [/b] missions"
    write_submission(students / "ada", {"conv2d.py": reference["conv2d.py"]})
    write_submission(students / "max [bold] <b>", {"conv2d.py": WRONG})
    write_submission(students / ("x" * 250), {"conv2d.py": b"# caf\xe9\n"})
    write_submission(students / "Jane Doe_12_assignsubmission_file_", {"lenet.py": "import absent\n"})
    with zipfile.ZipFile(students / "ada.zip", "w") as archive:
        archive.writestr(
            "hw/conv2d.py",
            "def output_size(n, kernel, stride=1, padding=0, dilation=1):\n    raise SystemExit(1)\n",
        )
    (students / "hurt.zip").write_bytes(b"PK\3\4 no archive")
    out = home / "out"
    said = run(
        "-m",
        "graders",
        "grade",
        students,
        "--out",
        out,
        "--jobs",
        "2",
        "--seed",
        "5",
        "--feedback",
        "case",
        *ONLY,
    )
    return said, out


@pytest.mark.xdist_group("graded class")
def test_grading_worked_so_the_exit_status_is_0_whatever_the_grades(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    said, _ = graded_class
    assert said.returncode == 0, said.stderr
    assert "Traceback" not in said.stdout + said.stderr


@pytest.mark.xdist_group("graded class")
def test_it_says_what_it_grades_and_where_it_wrote_it(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    said, out = graded_class
    text = "".join(said.stdout.split())
    assert "Grading6submissionsfrom" in text
    assert "seed5" in text
    for name in ("grades.csv", "class.html", "gradebook.db"):
        assert "".join(str(out / name).split()) in text
    assert "max [bold] _b_" in said.stdout and "Jane Doe" in said.stdout


@pytest.mark.xdist_group("graded class")
def test_everything_of_everybody_is_written(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, out = graded_class
    students = {"ada", "ada (zip)", "max [bold] _b_", "x" * 150, "Jane Doe", "hurt"}
    assert {path.stem for path in (out / "reports").glob("*.json")} == students
    assert {path.stem for path in (out / "feedback").glob("*.html")} == students
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        assert {row["student"] for row in csv.DictReader(file)} == students
    assert "Class report" in (out / "class.html").read_text(encoding="utf-8")


@pytest.mark.xdist_group("graded class")
def test_the_gradebook_holds_what_the_table_holds(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    said, out = graded_class
    assert "Warning" not in said.stderr
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["student"]: float(row["core"]) + float(row["bonus"]) for row in csv.DictReader(file)}
    with closing(sqlite3.connect(out / "gradebook.db")) as book:
        rows = book.execute(
            "select s.student_id, sum(coalesce(g.auto_score, 0) + coalesce(g.extra_credit, 0)) "
            "from submitted_assignment s join submitted_notebook n on n.assignment_id = s.id "
            "join grade g on g.notebook_id = n.id group by s.student_id"
        ).fetchall()
    found = {student[:119]: points for student, points in rows}
    assert set(found) == {student[:119] for student in expected}
    for student, points in expected.items():
        assert found[student[:119]] == pytest.approx(points, abs=0.01)


@pytest.mark.xdist_group("graded class")
def test_two_students_of_one_name_do_not_overwrite_each_other(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, out = graded_class
    reports = [
        Report.from_json((out / "reports" / f"{name}.json").read_text("utf-8"))
        for name in ("ada", "ada (zip)")
    ]
    assert [outcomes(report)["conv2d.output_size"] for report in reports] == ["passed", "crashed"]
    assert [report.student for report in reports] == ["ada", "ada (zip)"]
    assert [report.hand_in for report in reports] == [("ada",), ("ada.zip",)]


@pytest.mark.xdist_group("graded class")
def test_each_report_says_its_seed_and_its_tasks(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, out = graded_class
    for path in (out / "reports").glob("*.json"):
        report = Report.from_json(path.read_text(encoding="utf-8"))
        assert report.seed == 5
        assert list(outcomes(report)) == ["conv2d.conv2d", "conv2d.output_size"]
    broken = Report.from_json((out / "reports" / f"{'x' * 150}.json").read_text("utf-8"))
    assert set(outcomes(broken).values()) == {"broken"}


@pytest.mark.xdist_group("graded class")
def test_the_pages_follow_the_requested_feedback_level(
    graded_class: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    _, out = graded_class
    (page,) = (path.read_text(encoding="utf-8") for path in (out / "feedback").glob("max*"))
    assert "conv2d(X of shape" in page
    assert "<figure>" not in page


def test_grading_without_anything_to_grade_is_an_error_that_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["grade", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such file or folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["grade", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]) == 2
    assert "no student's folder, archive, notebook or .py file in it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_dry_run_shows_who_handed_in_what_and_grades_nothing(tmp_path: Path) -> None:
    students = write_submission(
        tmp_path / "class",
        {
            "lovelaceada_LATE_101_9000_conv2d.py": WRONG,
            "lovelaceada_LATE_101_9007_conv2d-1.py": WRONG,
            "hoppergrace_102_9001_conv2d.py": WRONG,
        },
    )
    roster = tmp_path / "people.csv"
    roster.write_text('Student;ID\n"Lovelace, Ada";101\n"Hopper, Grace";102\n"Turing, Alan";103\n')
    said = run("-m", "graders", "grade", students, "--dry-run", "--roster", roster, cwd=ROOT)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert lines[0] == "3 files, 2 students, format Canvas; skipped: 1 file"
    later = "lovelaceada_LATE_101_9007_conv2d-1.py was handed in later"
    assert lines[1] == f"  lovelaceada_LATE_101_9000_conv2d.py is left out: {later}"
    assert any(line.startswith("  lovelaceada (") and "late" in line for line in lines)
    assert "Roster: 2 of 3 handed in something" in lines
    assert "  handed in nothing: Turing, Alan (103)" in lines
    assert not (ROOT / "graded" / "reports" / "lovelaceada.json").exists()


def test_an_export_of_several_people_is_not_checked_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    students = write_submission(
        tmp_path / "class", {"adal_101_9000_conv2d.py": WRONG, "bobm_102_9001_pooling.py": WRONG}
    )
    assert main(["check-one", str(students)]) == 2
    assert "it has files of 2 people (adal, bobm), which are never merged" in capsys.readouterr().err


def test_a_folder_of_several_people_is_refused_and_the_exit_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    students = write_submission(
        tmp_path / "class",
        {
            "group1/adal_101_9000_conv2d.py": WRONG,
            "group1/bobm_102_9001_conv2d.py": WRONG,
            "eva/conv2d.py": WRONG,
        },
    )
    assert main(["grade", str(students), "--dry-run"]) == 1
    assert "group1 is refused: it has files of 2 people" in capsys.readouterr().out


def test_a_layout_that_does_not_exist_or_fit_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    students = write_submission(tmp_path / "class", {"lin/conv2d.py": WRONG})
    assert main(["grade", str(students), "--dry-run", "--layout", "moddle"]) == 2
    assert "there is no such layout. Choose from: gradescope, moodle" in capsys.readouterr().err
    assert main(["grade", str(students), "--dry-run", "--layout", "moodle"]) == 2
    assert "does not have this layout" in capsys.readouterr().err


def test_an_output_folder_that_is_a_file_is_an_error_that_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    students = write_submission(tmp_path / "class", {"lin/conv2d.py": WRONG})
    (tmp_path / "out").write_text("mine")
    assert main(["grade", str(students), "--out", str(tmp_path / "out"), *ONLY]) == 2
    assert str(tmp_path / "out") in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_an_invalid_argument_gives_one_line_and_no_traceback(tmp_path: Path) -> None:
    said = run("-m", "graders", "check-one", tmp_path / "nobody")
    assert said.returncode == 2
    assert said.stderr.strip() == f"graders: {tmp_path / 'nobody'}: no such file or folder"
    assert said.stdout == ""


@pytest.mark.parametrize("command", ["grade", "check-one"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--only", "conv3d"],
            "--only conv3d: there is no such exercise or task. Choose from: conv2d, conv2d.Conv2D",
        ),
        (["--only", "pooling.conv2d"], "--only pooling.conv2d: there is no such"),
        (["--seed", "-1"], "--seed -1: a seed must be 0 or more"),
    ],
)
def test_an_option_that_means_nothing_is_explained(
    tmp_path: Path, command: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    home = write_submission(tmp_path / "lin", {"conv2d.py": WRONG})
    assert main([command, str(home), *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--jobs", "0"],
        ["--seed", "x"],
        ["--feedback", "none"],
        ["--memory", "-3"],
        ["--cpu-seconds", "0"],
        ["--memory", "1e3"],
        ["--colour"],
    ],
)
def test_an_option_of_the_wrong_kind_is_refused_with_status_2(
    tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["grade", str(tmp_path), *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------- check-one


def test_check_one_shows_every_task_with_message_case_and_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = write_submission(tmp_path / "lin [/b]", {"conv2d.py": WRONG, "old/notes [/red].py": b"\xff"})
    assert main(["check-one", str(home), *ONLY]) == 0
    text = capsys.readouterr().out
    assert "conv2d(X of shape" in text and "4321" in text
    assert "The result is" in text and "it should be" in text
    assert "Hint: " in text
    assert "notes [/red].py, line 1: is not UTF-8" in text
    assert "0 of 14 core points" in text


# ----------------------------------------------------------------------------------------------- release


def test_release_writes_a_kit_and_never_overwrites_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "deep" / "kit"
    assert main(["release", str(folder)]) == 0
    assert str(folder) in capsys.readouterr().out
    (folder / "exercises" / "conv2d.py").write_text("# a night's work\n")
    assert main(["release", str(folder)]) == 2
    assert "is not empty; choose a new folder" in capsys.readouterr().err
    assert (folder / "exercises" / "conv2d.py").read_text() == "# a night's work\n"


def test_release_into_a_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kit").write_text("mine")
    assert main(["release", str(tmp_path / "kit")]) == 2
    assert (tmp_path / "kit").read_text() == "mine"
    assert str(tmp_path / "kit") in capsys.readouterr().err


# ------------------------------------------------------------------------------------------ a student's own


@pytest.fixture
def own_kit(kit: Path, tmp_path: Path) -> Path:
    """A copy of the kit with conv2d written and output_size wrong."""
    folder = tmp_path / "kit"
    shutil.copytree(kit, folder)
    text = (SOLUTIONS / "conv2d.py").read_text(encoding="utf-8")
    wrong = "\n\ndef output_size(n, kernel, stride=1, padding=0, dilation=1):\n    return 0\n"
    (folder / "exercises" / "conv2d.py").write_text(text + wrong, encoding="utf-8")
    return folder


def test_a_student_sees_where_she_is_and_what_comes_next(own_kit: Path) -> None:
    said = run("-m", "exercises", cwd=own_kit)
    assert said.returncode == 0, said.stderr
    lines = {tuple(line.split()[:3]) for line in said.stdout.splitlines()}
    assert ("✓", "conv2d", "written") in lines
    assert ("✗", "output_size", "wrong") in lines
    assert ("·", "edge_image", "to") in lines
    assert "Next: output_size in exercises/conv2d.py" in said.stdout
    assert not list(own_kit.rglob(".checks.xml"))


def test_a_student_checks_one_task_and_reads_what_is_wrong(own_kit: Path) -> None:
    said = run("-m", "exercises", "check", "output_size", cwd=own_kit)
    assert said.returncode == 1
    assert "output_size(" in said.stdout and "got 0" in said.stdout
    assert "conv2d(X, K)" not in said.stdout


def test_hints_come_one_at_a_time_and_say_how_to_get_the_next(own_kit: Path) -> None:
    texts = []
    for more in range(5):
        said = run("-m", "exercises", "hint", "pool2d", *["--more"] * more, cwd=own_kit)
        assert said.returncode == 0
        texts.append(said.stdout)
    assert [text.split(":")[0] for text in texts] == [f"pool2d, hint {n} of 3" for n in (1, 2, 3, 3, 3)]
    assert "python -m exercises hint pool2d --more\n" in texts[0]
    assert "python -m exercises hint pool2d --more --more\n" in texts[1]
    assert "Still stuck?" not in texts[2]


@pytest.mark.parametrize("command", ["hint", "check"])
def test_a_name_that_is_slightly_wrong_gets_the_right_one(own_kit: Path, command: str) -> None:
    said = run("-m", "exercises", command, "pool2", cwd=own_kit)
    assert said.returncode == 2
    assert "There is no exercise or task 'pool2'. Did you mean pool2d?" in said.stderr
    assert "receptive_field" in said.stderr


def test_a_hint_for_a_whole_exercise_is_an_error_that_names_its_tasks(own_kit: Path) -> None:
    said = run("-m", "exercises", "hint", "pooling", cwd=own_kit)
    assert said.returncode == 2
    assert "Traceback" not in said.stderr and "pool2d" in said.stderr


# -------------------------------------------------------------------------------- properties under pytest


def properties(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    files = ("graders/tasks/conv2d", "graders/tasks/test_derived.py")
    return run("-m", "pytest", *files, "-q", "-p", "no:cacheprovider", *arguments)


@pytest.mark.full  # tests/documented/scenarios.py asks some of a right answer in every run
def test_the_properties_pass_under_plain_pytest_for_the_reference(
    tmp_path: Path, reference: dict[str, str]
) -> None:
    home = write_submission(tmp_path / "lin", {"conv2d.py": reference["conv2d.py"]})
    said = properties("--submission", home, "-k", "not num_parameters")
    assert said.returncode == 0, said.stdout[-3000:]
    assert " passed" in said.stdout and "skipped" not in said.stdout


@pytest.mark.parametrize(
    "kind", [*(pytest.param(kind, marks=pytest.mark.full) for kind in ("lin.py", "lin.ipynb")), "lin.zip"]
)
def test_the_properties_run_on_a_file_of_every_kind(
    tmp_path: Path, reference: dict[str, str], kind: str
) -> None:
    path = tmp_path / kind
    if kind.endswith(".py"):
        path.write_text(reference["conv2d.py"], encoding="utf-8")
    else:
        notebook = tmp_path / "lin.ipynb"
        notebook.write_text(nbformat.writes(with_answers("conv2d", MISTAKES)), encoding="utf-8")
        if kind.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as archive:
                archive.write(notebook, "conv2d.ipynb")
    said = properties("--submission", path, "-k", "transpose or output_size or conv2d-dtypes")
    assert " passed" in said.stdout, said.stdout[-3000:]
    assert said.returncode == (0 if kind.endswith(".py") else 1)
    if not kind.endswith(".py"):
        assert "'(' was never closed" in said.stdout and "it should be" in said.stdout


def test_a_missing_submission_is_reported_once(tmp_path: Path) -> None:
    said = properties("--submission", tmp_path / "nobody")
    assert said.returncode == 4
    assert f"--submission {tmp_path / 'nobody'}: no such file or folder" in said.stderr


@pytest.mark.full  # the notebook above has a wrong answer too
def test_the_properties_fail_under_plain_pytest_for_a_wrong_answer(tmp_path: Path) -> None:
    home = write_submission(tmp_path / "lin", {"conv2d.py": WRONG})
    said = properties("--submission", home, "-k", "output_size and stride")
    assert said.returncode == 1
    assert " failed" in said.stdout
    assert "it should be" in said.stdout

"""What people read: the table, the page and the spreadsheet, all made from the same reports."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from graders.curriculum import exercises
from graders.report import OUTCOMES, GroupResult, Report, Said, TaskResult, shown
from graders.reports import html, table, terminal
from graders.reports.wording import BADGES, Feedback, explanation, grids, points, sentence

SCRIPT = "<script>alert('x')</script>"


def result(exercise: str, task: Any, outcome: str = "passed", **changes: Any) -> TaskResult:
    score = task.points if outcome == "passed" else 0.0
    return replace(TaskResult(exercise, task.name, task.kind, outcome, score, task.points, ""), **changes)


def whole(student: str = "lin", **changed: TaskResult | str) -> Report:
    """A report on every task; `changed` gives outcomes or results by task name."""
    tasks = []
    for exercise in exercises():
        for task in exercise.tasks:
            change = changed.get(f"{exercise.name}__{task.name}", changed.get(task.name, "passed"))
            made = change if isinstance(change, TaskResult) else result(exercise.name, task, change)
            tasks.append(
                replace(made, exercise=exercise.name, task=task.name, kind=task.kind, max_score=task.points)
            )
    return Report(student, 0, "strict", "cpu", {"torch": "2"}, tuple(tasks), seconds=3.0)


def failed(what: str, should: str = "", cause: str = "", **tensors: torch.Tensor) -> TaskResult:
    said = Said("pool2d(X of shape (2, 2))", what, should, cause)
    case = {"call": said.call, "aspect": "values", "tensors": {name: shown(t) for name, t in tensors.items()}}
    groups = (GroupResult("max", 3.0, 3.0), GroupResult("avg", 0.0, 3.0, str(said)))
    hint = "Which way does it look?"
    return TaskResult("", "", "", "failed", 3.0, 6.0, str(said), None, case, hint, groups, said=said)


WRONG = failed(
    "The result is 4321.",
    "it should be 8765",
    X=torch.tensor([[11.0, 12.0], [13.0, 14.0]]),
    got=torch.tensor([[4321.0, 5.0]]),
    expected=torch.tensor([[8765.0, 5.0]]),
)
EVERY_OUTCOME = whole(
    "max", **dict(zip((t.name for e in exercises() for t in e.tasks), OUTCOMES, strict=False))
)  # type: ignore[arg-type]


# -------------------------------------------------------------------------------------------------- CSV


def rows_of(path: Path, *reports: Report) -> list[list[str]]:
    table.write_csv(path / "grades.csv", reports)
    return list(csv.reader((path / "grades.csv").read_text(encoding="utf-8").splitlines()))


def test_the_spreadsheet_has_a_column_per_task_and_a_row_per_student(tmp_path: Path) -> None:
    header, *rows = rows_of(tmp_path, whole("Max"), whole("ada", pool2d="failed"))
    tasks = [f"{exercise.name}.{task.name}" for exercise in exercises() for task in exercise.tasks]
    assert header == ["student", "core", "bonus", *tasks, "not_graded", "late", "hand_in"]
    assert [row[0] for row in rows] == ["ada", "Max"]
    assert rows[1][1:3] == ["100", "40"]
    assert rows[0][header.index("pooling.pool2d")] == "0"


def test_what_was_not_graded_is_empty_and_named_never_a_zero(tmp_path: Path) -> None:
    header, row = rows_of(tmp_path, whole(pool2d="grader_error", lenet="failed"))
    assert row[header.index("pooling.pool2d")] == ""
    assert row[header.index("lenet.lenet")] == "0"
    assert row[header.index("not_graded")] == "pooling.pool2d"


def test_lateness_place_and_ids_of_a_hand_in_are_columns(tmp_path: Path) -> None:
    ada = replace(whole("ada"), late=True, hand_in=("ada.zip",), ids={"id": "101", "email": "=ada@x.edu"})
    bob = replace(whole("bob"), hand_in=("a.py", "b.py"), ids={"sid": "0012"})
    header, first, second = rows_of(tmp_path, ada, bob)
    assert header[-5:] == ["late", "hand_in", "email", "id", "sid"]
    assert first[-5:] == ["late", "ada.zip", "'=ada@x.edu", "101", ""]
    assert second[-5:] == ["", "a.py; b.py", "", "", "0012"]


def test_what_was_not_asked_for_is_empty_too(tmp_path: Path) -> None:
    report = replace(whole(), tasks=whole().tasks[:1])
    header, row = rows_of(tmp_path, report)
    assert row[header.index("conv2d.conv2d")] == "10"
    assert set(row[header.index("conv2d.conv2d") + 1 :]) == {""}


@pytest.mark.parametrize("name", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "＝1", "＠SUM"])
def test_a_name_that_would_be_a_formula_is_made_text(tmp_path: Path, name: str) -> None:
    table.write_csv(tmp_path / "grades.csv", [whole(name)])
    text = (tmp_path / "grades.csv").read_bytes().decode("utf-8")
    (_, row) = csv.reader(io.StringIO(text, newline=""))
    assert row[0] == f"'{name}"


def test_a_name_with_commas_and_quotes_stays_one_cell(tmp_path: Path) -> None:
    assert rows_of(tmp_path, whole('O"Brien, Åsa'))[1][0] == 'O"Brien, Åsa'


# --------------------------------------------------------------------------------------------- terminal


def drawn(renderable: Any, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(renderable)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_there_is_a_word_for_every_outcome() -> None:
    assert set(BADGES) == set(OUTCOMES)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_of_a_class_fits_and_shows_every_student_with_points(width: int) -> None:
    names = ["ada", "Müller_ Åsa", "王小明", "a very long name of a student from far away"]
    reports = [whole(names[0]), *(replace(EVERY_OUTCOME, student=name) for name in names[1:])]
    text = drawn(terminal.class_table(reports, width), width)
    assert max(map(len, text.splitlines())) <= width
    assert "ada" in text and "王小明" in text and "Müller_ Åsa" in text
    line = next(line for line in text.splitlines() if line.strip().startswith("ada"))
    assert line.split()[1:8] == ["100", "40", *["20"] * 5]


def test_a_wide_table_says_what_did_not_pass() -> None:
    text = drawn(terminal.class_table([whole("lin", pool2d="forbidden", lenet="grader_error")], 132), 132)
    flat = " ".join(text.split())
    assert "forbidden: pool2d" in flat and "not graded: lenet" in flat


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("feedback", list(Feedback))
def test_one_report_shows_every_task_with_its_outcome(width: int, feedback: Feedback) -> None:
    text = drawn(terminal.one_report(EVERY_OUTCOME, feedback), width)
    assert max(map(len, text.splitlines())) <= width
    for task in EVERY_OUTCOME.tasks:
        assert re.search(rf"{BADGES[task.outcome]}\s+{task.task}\s", text), task.task


def test_an_empty_class_can_be_shown() -> None:
    assert "student" in drawn(terminal.class_table([], 80), 80)
    assert "Class report" in html.class_page([])


def test_what_a_student_wrote_is_no_markup_and_cannot_steer_the_terminal() -> None:
    evil = failed("[bold red]x[/] \x1b[2J\x1b]0;title\x07 100 of 100\r\x08 [/nothing]")
    report = replace(whole("[red]lin[/]\x1b[2J", pool2d=evil), problems=("[/b] \x1b[31mred.py: is bad",))
    for renderable in (terminal.one_report(report, Feedback.FULL), terminal.class_table([report], 120)):
        text = drawn(renderable, 120)
        assert "[red]lin[/]" in text
        assert not set("\x1b\x07\r\x08") & set(text)
    assert "[bold red]x[/]" in drawn(terminal.one_report(report, Feedback.FULL), 120)


# ------------------------------------------------------------------------------------------------- HTML


class _Elements(HTMLParser):
    """Collects the names of elements, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_whatever_a_student_wrote_is_escaped() -> None:
    evil = failed(f"{SCRIPT}\n{SCRIPT}", X=torch.ones(1, 1))
    case = {
        "call": SCRIPT,
        "aspect": SCRIPT,
        "tensors": {SCRIPT: {"shape": [1, 1], "dtype": SCRIPT, "values": [[SCRIPT]]}},
    }
    groups = (GroupResult(SCRIPT, 0.0, 1.0, SCRIPT),)
    evil = replace(evil, counterexample=case, hint=SCRIPT, groups=groups, printed=SCRIPT, diagnosis=SCRIPT)
    report = replace(
        whole(f'{SCRIPT}" onload="x', pool2d=evil), problems=(SCRIPT,), versions={SCRIPT: SCRIPT}
    )
    for page in (html.feedback_page(report, Feedback.FULL), html.class_page([report])):
        parsed = _Elements(page)
        assert "script" not in parsed.names
        assert not {name for name in parsed.attributes if name.startswith("on")}
        assert SCRIPT in parsed.text
        assert "default-src 'none'" in page


def test_the_page_shows_the_case_side_by_side_and_marks_what_differs() -> None:
    page = html.feedback_page(whole(pool2d=WRONG), Feedback.FULL)
    assert '<td class="off">4321</td>' in page
    assert "<td>8765</td>" in page and "<td>5</td>" in page and "<td>11</td>" in page
    assert page.count('class="off"') == 1


@pytest.mark.parametrize("feedback", list(Feedback))
def test_every_outcome_can_be_shown_on_a_page(feedback: Feedback) -> None:
    text = _Elements(html.feedback_page(EVERY_OUTCOME, feedback)).text
    for task in EVERY_OUTCOME.tasks:
        assert task.task in text
    assert all(badge in text for badge in BADGES.values())


def test_a_task_that_was_not_graded_shows_a_dash_and_not_a_zero() -> None:
    page = _Elements(html.feedback_page(whole(pool2d="grader_error"), Feedback.FULL)).text
    assert re.search(r"pool2d\s*not graded\s*–", page)
    cells = html.class_page([whole(pool2d="grader_error")])
    assert re.search(r'title="pooling.pool2d: not graded">\?<', cells)


def test_the_class_page_counts_who_passed_and_links_to_each_page() -> None:
    reports = [whole("ada"), whole("Åsa B", pool2d="failed")]
    page = html.class_page(reports)
    assert 'href="feedback/%C3%85sa%20B.html"' in page
    text = re.sub(r"\s+", " ", _Elements(page).text)
    assert "2 submissions" in text
    assert re.search(r"pool2d ?1 ", text) and re.search(r"pool2d_multi_channel ?2 ", text)


# --------------------------------------------------------------------------------------- feedback levels


def everything_said(report: Report, feedback: Feedback) -> list[str]:
    return [
        _Elements(html.feedback_page(report, feedback)).text,
        drawn(terminal.one_report(report, feedback), 120),
        "\n".join(explanation(task, feedback) for task in report.tasks),
    ]


def test_full_feedback_shows_actual_and_expected_values() -> None:
    for text in everything_said(whole(pool2d=WRONG), Feedback.FULL):
        assert "4321" in text and "8765" in text and "pool2d(X of shape (2, 2))" in text
        assert "Which way does it look?" in text


def test_case_feedback_shows_the_call_and_the_sentence_but_nothing_expected() -> None:
    for text in everything_said(whole(pool2d=WRONG), Feedback.CASE):
        assert "pool2d(X of shape (2, 2))" in text and "The result is 4321." in text
        assert "8765" not in text and "expected" not in text
        assert "Which way does it look?" in text


def test_a_verdict_shows_outcome_and_points_alone() -> None:
    for text in everything_said(whole(pool2d=WRONG), Feedback.VERDICT):
        for hidden in ("8765", "4321", "pool2d(X", "The result", "Which way", "expected", "✗", "torch"):
            assert hidden not in text
    page = _Elements(html.feedback_page(whole(pool2d=WRONG), Feedback.VERDICT)).text
    assert re.search(r"pool2d\s*failed\s*3\s*/\s*6", page)


@pytest.mark.parametrize("expected", ["it should be 0.25 (of 8765)", "missing are 8765", "8765; then\nmore"])
def test_case_feedback_hides_what_was_expected_however_it_is_said(expected: str) -> None:
    task = failed("The loss of epoch 3 is 0.5.", expected)
    assert sentence(task, Feedback.CASE) == f"{task.said.call}\nThe loss of epoch 3 is 0.5."
    assert "8765" in sentence(task, Feedback.FULL)


def test_case_feedback_hides_no_sentence_that_only_looks_like_an_expectation() -> None:
    task = failed("ValueError: the sum is 3; it should be even.")
    assert "it should be even" in sentence(task, Feedback.CASE)


def test_case_feedback_keeps_the_diagnosis() -> None:
    task = failed("The result is 3.", "it should be 8765", "You get this result when the kernel is flipped.")
    assert sentence(task, Feedback.CASE).splitlines()[1:] == [
        "The result is 3.",
        "You get this result when the kernel is flipped.",
    ]


def test_a_record_without_parts_tells_nothing_where_it_could_tell_too_much() -> None:
    old = replace(WRONG, said=Said())
    assert sentence(old, Feedback.FULL) == old.message
    assert sentence(old, Feedback.CASE) == ""


@pytest.mark.parametrize("feedback", list(Feedback))
def test_only_the_instructor_reads_what_failed_in_the_grader(feedback: Feedback) -> None:
    internal = replace(WRONG, outcome="grader_error", message="KeyError: 8765", said=Said(what="Not graded."))
    for task in (internal, replace(internal, said=Said())):
        for text in everything_said(whole(pool2d=replace(task, counterexample={})), feedback):
            assert "8765" not in text


# ----------------------------------------------------------------------------------------------- wording


@pytest.mark.parametrize(
    ("value", "text"), [(7.0, "7"), (7.5, "7.5"), (20 / 3, "6.67"), (0.0, "0"), (100.0, "100"), (0.001, "0")]
)
def test_points_are_written_short(value: float, text: str) -> None:
    assert points(value) == text


def test_small_tensors_are_shown_side_by_side_with_differences_in_brackets() -> None:
    tensors = {
        name: shown(t)
        for name, t in {
            "got": torch.tensor([[1.0, 2.0], [3.0, 4.5]]),
            "expected": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        }.items()
    }
    lines = grids(tensors).splitlines()
    assert lines[0].split() == ["got", "expected"]
    assert "[4.5]" in lines[2] and lines[2].split()[-1] == "4"
    assert grids(tensors).count("[") == 1


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3.5),
        torch.arange(4.0),
        torch.zeros(0, 3),
        torch.ones(2, 2, 2),
        torch.ones(9, 2),
        torch.tensor([[float("nan")]]),
    ],
)
def test_a_tensor_of_any_kind_can_be_put_into_words(tensor: torch.Tensor) -> None:
    task = failed("f(X)\nwrong", X=tensor, got=tensor, expected=torch.ones(2, 2))
    assert "wrong" in explanation(task, Feedback.FULL)
    assert "wrong" in html.feedback_page(whole(pool2d=task), Feedback.FULL)


def test_a_value_that_differs_by_less_than_is_shown_is_not_marked_alone() -> None:
    got, expected = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 2.0 + 1e-7]])
    task = failed("f(X)\nwrong", got=got, expected=expected)
    assert "[" not in explanation(task, Feedback.FULL).replace("f(X)", "")

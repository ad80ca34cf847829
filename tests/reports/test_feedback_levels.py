"""What a student reads at each level of feedback, in every form that reaches them."""

from __future__ import annotations

import csv
import html as standard_html
import io
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from rich.console import Console

from graders.course import verdicts
from graders.curriculum import exercises
from graders.report import OUTCOMES, GroupResult, Report, Said, TaskResult
from graders.reports import html, table, terminal
from graders.reports.wording import Feedback, explanation

Graded = Callable[..., Report]

CALL, WHAT, EXPECTED, CAUSE = "call-7001", "what-7002", "expected-7003", "cause-7004"
HINT, GROUP, MESSAGE, RIGHT, CAME = "hint-7005", "group-7006", "message-7007", 7008.0, 7009.0
EVERY = {CALL, WHAT, EXPECTED, CAUSE, HINT, GROUP, MESSAGE, "7008", "7009", "7003"}
AT_CASE = {CALL, WHAT, CAUSE, HINT}


def a_report(outcome: str = "failed", student: str = "lin", **parts: str) -> Report:
    """A report on every task, in which each part can be told from the others."""
    said = Said(**{"call": CALL, "what": WHAT, "expected": EXPECTED, "cause": CAUSE, **parts})
    tensors = {
        label: {"shape": [1, 1], "dtype": "float32", "values": [[value]]}
        for label, value in (("got", CAME), ("expected", RIGHT))
    }
    case = {"call": CALL, "aspect": "values", "tensors": tensors}
    groups = (GroupResult(GROUP, 0.0, 1.0, MESSAGE),)
    tasks = tuple(
        TaskResult(
            *(e.name, t.name, t.kind, outcome, 0.0, t.points, MESSAGE, "diagnosis-7010", case, HINT, groups),
            said=said,
        )
        for e in exercises()
        for t in e.tasks
    )
    return Report(student, 0, "strict", "cpu", {"torch": "2"}, tasks)


def on_a_page(report: Report, level: Feedback) -> str:
    return standard_html.unescape(html.feedback_page(report, level))


def in_a_terminal(report: Report, level: Feedback) -> str:
    console = Console(width=200, file=io.StringIO(), force_terminal=False)
    console.print(terminal.one_report(report, level))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def in_a_notebook(report: Report, level: Feedback) -> str:
    shown = [output for task in report.tasks for output in verdicts.outputs(task, level)]
    return standard_html.unescape("\n".join(text for output in shown for text in output.data.values()))


def in_comments(report: Report, level: Feedback) -> str:
    return "\n".join(verdicts.comment(task, level) for task in report.tasks)


def as_plain_text(report: Report, level: Feedback) -> str:
    return "\n".join(explanation(task, level) for task in report.tasks)


ROUTES = (on_a_page, in_a_terminal, in_a_notebook, in_comments, as_plain_text)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("outcome", sorted({*OUTCOMES} - {"passed", "grader_error"}))
def test_each_level_shows_its_parts_and_no_others(
    route: Callable[[Report, Feedback], str], outcome: str
) -> None:
    full, case, verdict = (route(a_report(outcome), level) for level in Feedback)
    assert not [part for part in EVERY if part in verdict]
    shown = {part for part in EVERY if part in case}
    assert AT_CASE <= shown <= AT_CASE | {GROUP}
    assert AT_CASE | {EXPECTED} <= {part for part in EVERY if part in full}
    assert MESSAGE not in full  # what is told comes from the parts


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("level", list(Feedback))
def test_messages_about_the_grader_reach_no_student(
    route: Callable[[Report, Feedback], str], level: Feedback
) -> None:
    text = route(a_report("grader_error", call="", what="not now", expected="", cause=""), level)
    assert MESSAGE not in text


def test_the_table_of_grades_has_points_and_nothing_else(tmp_path: Path) -> None:
    table.write_csv(tmp_path / "grades.csv", [a_report()])
    text = (tmp_path / "grades.csv").read_text(encoding="utf-8")
    assert not [part for part in EVERY if part in text]


PIECE = st.text(
    st.characters(codec=None) | st.sampled_from("\u202e\x1b\r\n\t\x00\ud800\u2066<&$\\`*[]"), max_size=8
)


@settings(max_examples=25, deadline=None)
@given(level=st.sampled_from(Feedback), name=PIECE, text=PIECE, outcome=st.sampled_from(OUTCOMES))
def test_no_text_of_a_student_controls_its_display(
    level: Feedback, name: str, text: str, outcome: str
) -> None:
    report = a_report(outcome, student=f"n{name}", call=text, what=text, expected=text, cause=text)
    task = replace(report.tasks[0], hint=text, groups=(GroupResult(text, 0.0, 1.0, text),), printed=text)
    report = replace(report, tasks=(task,), problems=(text,), not_run=(text,))
    pages = [route(report, level) for route in ROUTES] + [html.class_page([report])]
    for page in pages:
        assert all(c.isprintable() or c in "\n\t" for c in page)
        page.encode("utf-8")


@settings(max_examples=25, deadline=None)
@given(name=PIECE)
def test_a_name_is_one_harmless_cell_of_one_row(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("grades") / "grades.csv"
    table.write_csv(path, [a_report(student=f"={name}")])
    header, row = csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline=""))
    assert len(row) == len(header) and row[0].startswith("'=") and row[0].isprintable()


# --------------------------------------------------------------------------------- of graded submissions

WRONG_TYPES = (
    *("'tell me'", "None, 1", "[]", "{}", "object()", "1j", "float('nan')", "X", "True"),
    *(
        "torch.ones(2)",
        "10**400",
        "[('Conv2d', (torch.ones(2), 3))] * 4",
        "(torch.ones(2, 2), 'tell me')",
        "[('Conv2d', (1, 2, 3, 4))] * 4",
    ),
)


@pytest.mark.parametrize(
    "task",
    [
        *("conv2d.output_size", "lenet.layer_shapes"),
        *(
            pytest.param(task, marks=pytest.mark.full)
            for task in (
                *("kernel_learning.max_stable_lr", "kernel_learning.train_step"),
                *("multichannel.num_parameters", "pooling.receptive_field"),
                *("lenet.accuracy", "lenet.train", "lenet.feature_maps"),
            )
        ),
    ],
)
def test_no_wrong_type_teaches_the_right_value_at_the_level_case(graded: Graded, task: str) -> None:
    exercise, name = task.split(".")
    learnt = 0
    for kind in WRONG_TYPES:
        source = f"import torch\ndef {name}(X, *_, **__): return {kind}\n"
        (result,) = graded({f"{exercise}.py": source}, task).tasks
        assert result.outcome in ("failed", "broken", "crashed"), (kind, result.message)
        right = result.said.expected.removeprefix("it should be ")
        learnt += bool(right)
        told = explanation(result, Feedback.CASE).removesuffix(result.hint)
        assert "; it should be" not in told, (kind, told)
        if len(right) > 3:  # a shorter one may stand in the call
            assert right not in told, (kind, told)
            assert right in explanation(result, Feedback.FULL)
    assert learnt or name in ("train_step", "train"), "nothing was there to be hidden"


TELLS: Mapping[str, str] = {
    "raised": "raise ValueError(text)",
    "returned": "return text",
    "the name of a type": "return type(text[:70], (), {})()",
    "the name of an error": "raise type(text[:70], (Exception,), {})()",
    "opened": "open(sys.prefix + '/secret')",
    "of a library": "torch.nn.functional.linear(torch.ones(2, 3), torch.ones(2, 2))",
}


@pytest.mark.parametrize("how", TELLS)
def test_a_students_code_tells_its_student_nothing_about_the_machine(graded: Graded, how: str) -> None:
    source = (
        "import os, sys, platform, torch\n"
        "def output_size(*_, **__):\n"
        "    text = ' '.join(map(str, (sys.executable, sys.prefix, torch.__file__, os.uname().nodename,\n"
        "                              os.environ, os.getcwd(), platform.platform())))\n"
        f"    {TELLS[how]}\n"
    )
    report = graded({"conv2d.py": source}, "conv2d.output_size")
    assert report.tasks[0].outcome != "grader_error"
    secrets = {sys.prefix, sys.base_prefix, str(Path.home()), str(Path.cwd()), platform.release()}
    secrets |= {value for value in os.environ.values() if len(value) > 9} - {"xterm-256color"}
    for route in ROUTES:
        text = route(report, Feedback.FULL)
        assert not [secret for secret in secrets if len(secret) > 4 and secret in text], text
        assert "OMP_NUM_THREADS" not in text

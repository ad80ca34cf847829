"""An error in a whole file is reported once, and `invalid_input` is never called a function."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from graders.course.verdicts import as_text
from graders.report import Report
from graders.reports.html import feedback_page
from graders.reports.terminal import one_report
from graders.reports.wording import Feedback, without_repetition
from tests.conftest import result_of

BROKEN = "import torch\n\n\ndef conv2d(X, K):\n    return X[\n"
WITHOUT_A_NAME = "import torch\n\nKERNEL = torch.tensr([1.0])\n\n\ndef conv2d(X, K):\n    return KERNEL\n"


def in_a_terminal(report: Report) -> str:
    console = Console(width=300, file=io.StringIO(), record=True)
    console.print(one_report(report, Feedback.FULL))
    return console.export_text()


def test_a_syntax_error_is_shown_once_in_a_terminal_and_on_a_page(graded: Callable[..., Report]) -> None:
    report = graded({"conv2d.py": BROKEN}, "conv2d")
    (problem,) = report.problems
    for text in (in_a_terminal(report), feedback_page(report, Feedback.FULL)):
        assert text.count("was never closed") == 1, text
        assert text.count("be loaded; see above.") == len(report.tasks)
    assert {task.message for task in report.tasks} == {problem}, "the record keeps every message"


def test_a_syntax_error_is_shown_only_in_the_first_comment(graded: Callable[..., Report]) -> None:
    report = graded({"conv2d.py": BROKEN}, "conv2d")
    first, *others = (as_text(task, Feedback.FULL) for task in without_repetition(report.tasks))
    assert "was never closed" in first
    assert all("was never closed" not in text and "see above" in text for text in others)


def test_messages_of_tested_tasks_stay_as_they_are(graded: Callable[..., Report]) -> None:
    report = graded({"conv2d.py": WITHOUT_A_NAME}, "conv2d")
    told = without_repetition(report.tasks, report.problems)
    assert [task.score for task in told] == [task.score for task in report.tasks]
    asked = [(one, other) for one, other in zip(told, report.tasks, strict=True) if other.groups]
    assert all(one == other for one, other in asked)


def test_functions_that_are_not_written_are_named_and_not_invalid_input(
    graded: Callable[..., Report], reference: dict[str, str]
) -> None:
    for body in ("if X is not None: raise NotImplementedError", "return None"):
        source = f"{reference['conv2d.py']}\n\ndef conv2d(X, K):\n    {body}\n"
        message = result_of(
            graded({"conv2d.py": source}, "conv2d.invalid_input"), "conv2d.invalid_input"
        ).message
        assert message.startswith(
            "invalid_input isn't a function; it stands for a group of calls with invalid input."
        )
        assert "`conv2d`" in message and "`invalid_input`" not in message


def test_an_error_in_a_signature_is_that_of_the_function_called(
    graded: Callable[..., Report], reference: dict[str, str]
) -> None:
    source = f"{reference['conv2d.py']}\n\ndef output_size(n):\n    return n\n"
    message = result_of(graded({"conv2d.py": source}, "conv2d.invalid_input"), "conv2d.invalid_input").message
    assert "output_size(n, kernel, stride=1, padding=0, dilation=1)" in message
    assert "`invalid_input`" not in message

"""How outcomes, points and small tensors are written, in terminals and on pages alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from graders.printable import lines, one_line
from graders.report import Said, TaskResult
from graders.testing import messages

from .feedback import Feedback as Feedback

BADGES = {
    "passed": "passed",
    "failed": "failed",
    "not_implemented": "not written",
    "broken": "broken",
    "timed_out": "timed out",
    "crashed": "crashed",
    "out_of_memory": "out of memory",
    "forbidden": "forbidden",
    "grader_error": "not graded",
}


def points(value: float) -> str:
    """`7`, `7.5`, `6.67`."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def without_repetition(tasks: Sequence[TaskResult], problems: Collection[str] = ()) -> tuple[TaskResult, ...]:
    """The tasks of one student, without repeating the reason why a whole file couldn't be loaded.

    If the reason is among the `problems` of the hand-in, all tasks of that file refer to it; otherwise the
    first task states it and the others refer to that. The record itself keeps every message.
    """
    told, found = set(problems), []
    for task in tasks:
        never_asked = task.outcome == "broken" and not task.groups
        if never_asked and task.message in told:
            see = messages.see_above(f"{task.exercise}.py")
            task = replace(task, message=see, said=Said(what=see))
        elif never_asked:
            told.add(task.message)
        found.append(task)
    return tuple(found)


def sentence(task: TaskResult, feedback: Feedback) -> str:
    """What a student reads about a task at one level of feedback, made of the parts that it allows.

    Records that were written before messages had parts show all or nothing. Students never read what failed
    in the grader.
    """
    if feedback is Feedback.VERDICT:
        return ""
    if feedback is Feedback.CASE:
        return lines(str(task.said.without_expected()))
    told = str(task.said)
    return lines(told or ("" if task.outcome == "grader_error" else task.message))


def explanation(task: TaskResult, feedback: Feedback) -> str:
    """The message, the tensors side by side, and the hint as plain text."""
    if task.outcome == "passed":
        return ""
    parts = [sentence(task, feedback)]
    if feedback is Feedback.FULL:
        parts.append(grids(task.counterexample.get("tensors", {})))
    if task.hint and feedback is not Feedback.VERDICT:
        parts.append(f"Hint: {lines(task.hint)}")
    return "\n".join(part for part in parts if part)


def rows(about: dict[str, Any]) -> list[list[Any]] | None:
    """A small tensor of at most two dimensions as rows of cells; None for any other."""
    values, size = about.get("values"), len(about["shape"])
    if values is None or size > 2 or 0 in about["shape"]:
        return None
    return [[values]] if size == 0 else [values] if size == 1 else list(values)


def cell(value: Any) -> str:
    """One number, written briefly."""
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e5 else f"{value:.4g}"
    return str(value)


def differs(tensors: dict[str, Any], row: int, column: int) -> bool:
    """Whether the actual and the expected value of a cell differ as displayed."""
    got, expected = (rows(tensors[name]) if name in tensors else None for name in ("got", "expected"))
    if got is None or expected is None or tensors["got"]["shape"] != tensors["expected"]["shape"]:
        return False
    return cell(got[row][column]) != cell(expected[row][column])


def grids(tensors: dict[str, Any]) -> str:
    """Small tensors side by side, with the wrong cells of `got` in brackets."""
    blocks = []
    for label, about in tensors.items():
        found = rows(about)
        if found is None or max(len(found), len(found[0])) > 8:
            continue
        texts = [
            [
                f"[{cell(v)}]" if label == "got" and differs(tensors, r, c) else f" {cell(v)} "
                for c, v in enumerate(line)
            ]
            for r, line in enumerate(found)
        ]
        width = max(len(text) for line in texts for text in line)
        lines = ["".join(text.rjust(width) for text in line) for line in texts]
        across = max(len(lines[0]), len(label))
        label = one_line(label)
        blocks.append([label.ljust(across), *(line.ljust(across) for line in lines)])
    if not blocks:
        return ""
    height = max(len(block) for block in blocks)
    padded = [[*block, *[" " * len(block[0])] * (height - len(block))] for block in blocks]
    return "\n".join("   ".join(parts).rstrip() for parts in zip(*padded, strict=True))

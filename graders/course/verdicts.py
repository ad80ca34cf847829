"""Turns the verdict on a task into the outputs of its grade cell, a comment, and points for nbgrader.

nbgrader takes the first error or result among the outputs of a cell. If that isn't a number, it gives *full*
points; if it exceeds the maximum, the whole assignment is lost. So a result is always a finite number from
zero to the maximum.
"""

from __future__ import annotations

import html
import math
from typing import Any

from graders.printable import one_line
from graders.report import TaskResult
from graders.reports.wording import BADGES, Feedback, explanation, points

_LONGEST = 20_000


def auto_score(result: TaskResult) -> float | None:
    """The points of the grade cell; None if a person has to decide."""
    if result.outcome == "grader_error":
        return None
    return _clamped(result.score, result.max_score) if result.kind == "core" else 0.0


def extra_credit(result: TaskResult) -> float | None:
    """The bonus points of a stretch task; None for a core task, or if a person has to decide."""
    if result.kind == "core" or result.outcome == "grader_error":
        return None
    return _clamped(result.score, result.max_score)


def _clamped(score: float, most: float) -> float:
    return min(max(float(score), 0.0), float(most)) if math.isfinite(score) else 0.0


def outputs(result: TaskResult, feedback: Feedback) -> list[Any]:
    """The outputs of the grade cell: what it shows, and the number that nbgrader reads."""
    from nbformat.v4 import new_output  # here, because comments for the gradebook need no notebooks

    shown = new_output(
        "display_data", {"text/html": as_html(result, feedback), "text/plain": as_text(result, feedback)}
    )
    score = auto_score(result)
    if score is None:
        return [shown]
    return [shown, new_output("execute_result", {"text/plain": repr(score)}, execution_count=1)]


def headline(result: TaskResult) -> str:
    """`conv2d: failed, 3 of 10 points`."""
    kind = "bonus points" if result.kind == "stretch" else "points"
    if result.outcome == "grader_error":
        return f"{result.task}: not graded yet; a person will look at it"
    earned = f"{points(result.score)} of {points(result.max_score)} {kind}"
    return f"{result.task}: {BADGES[result.outcome]}, {earned}"


def as_text(result: TaskResult, feedback: Feedback) -> str:
    """The verdict as plain text."""
    return "\n".join(part for part in (headline(result), _body(result, feedback)) if part)


def as_html(result: TaskResult, feedback: Feedback) -> str:
    """The verdict as HTML, with the few plain tags that nbconvert's sanitizer lets through.

    Everything that a student's code can influence is escaped.
    """
    mark = {"passed": "✓", "grader_error": "?"}.get(result.outcome, "✗")
    parts = [f"<b>{mark} {html.escape(headline(result))}</b>"]
    body = _body(result, feedback)
    if body:
        parts.append(f"<pre>{html.escape(body)}</pre>")
    if result.groups and result.outcome not in ("passed", "forbidden") and feedback is not Feedback.VERDICT:
        marks = (
            f"<li>{'✓' if group.score else '✗'} {html.escape(one_line(group.name))}</li>"
            for group in result.groups
        )
        parts.append(f"<ul>{''.join(marks)}</ul>")
    return "\n".join(parts)


def comment(result: TaskResult, feedback: Feedback) -> str:
    """The verdict as a comment. Pages render comments as Markdown, so the message is a code block."""
    body = _body(result, feedback).translate(_INERT)
    lines = [headline(result)]
    if body:
        lines += ["", *(f"    {line}" for line in body.splitlines())]
    return "\n".join(lines)


_INERT = str.maketrans({"$": "＄", "\\": "⧵"})
"""Characters that begin a formula, and similar ones that don't."""


def _body(result: TaskResult, feedback: Feedback) -> str:
    if result.outcome == "passed":
        return ""
    text = explanation(result, feedback)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"

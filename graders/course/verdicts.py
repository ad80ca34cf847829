"""How the verdict on a task becomes outputs of its grade cell, a comment, and points in nbgrader's terms.

nbgrader takes the first error or result among the outputs of a cell: what is no number earns *full* points,
and what is above the most loses the whole assignment. So a result is always a finite number between the
two.
"""

from __future__ import annotations

import html
import math
from typing import Any

from nbformat.v4 import new_output

from graders.printable import one_line
from graders.report import TaskResult
from graders.reports.wording import BADGES, Feedback, explanation, points

_LONGEST = 20_000


def auto_score(result: TaskResult) -> float | None:
    """Points for the grade cell; None where a person has to look."""
    if result.outcome == "grader_error":
        return None
    return _clamped(result.score, result.max_score) if result.kind == "core" else 0.0


def extra_credit(result: TaskResult) -> float | None:
    """Bonus points of a stretch task; None for a core task, or where a person has to look."""
    if result.kind == "core" or result.outcome == "grader_error":
        return None
    return _clamped(result.score, result.max_score)


def _clamped(score: float, most: float) -> float:
    return min(max(float(score), 0.0), float(most)) if math.isfinite(score) else 0.0


def outputs(result: TaskResult, feedback: Feedback) -> list[Any]:
    """What the grade cell shows, and the number that nbgrader reads."""
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
    """The verdict as HTML, in the few plain tags that nbconvert's sanitizer lets through.

    Everything that a student's code had a part in is escaped.
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
    """The verdict as a comment. Pages render those as Markdown, so the message is a block of code."""
    body = _body(result, feedback).translate(_INERT)
    lines = [headline(result)]
    if body:
        lines += ["", *(f"    {line}" for line in body.splitlines())]
    return "\n".join(lines)


_INERT = str.maketrans({"$": "＄", "\\": "⧵"})
"""Signs that begin a formula, and look-alikes that do not."""


def _body(result: TaskResult, feedback: Feedback) -> str:
    if result.outcome == "passed":
        return ""
    text = explanation(result, feedback)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"

"""How the cells of a notebook are named. Gradebooks know tasks by these names, so they stay as they are.

A task has a *solution cell*, named as the task, and a *grade cell*. nbgrader takes letters, digits, `_` and
`-`.
"""

from __future__ import annotations

from graders.curriculum import Task

OURS = "cnn_by_hand"
"""Key for our own facts about a cell or notebook, beside `nbgrader`, which keeps none but its own."""


def solution_id(task: Task) -> str:
    """The cell that a student writes the task in; comments belong to it."""
    return task.name


def grade_id(task: Task) -> str:
    """The cell whose output is the verdict."""
    return f"grade-{task.name}"


def max_score(task: Task) -> float:
    """Points of the grade cell. Stretch tasks have none: they are nbgrader's *extra credit*."""
    return task.points if task.kind == "core" else 0.0

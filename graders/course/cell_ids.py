"""The names of notebook cells. Gradebooks refer to tasks by these names, so they must not change.

A task has a *solution cell*, named like the task, and a *grade cell*. nbgrader accepts letters, digits, `_`
and `-`.
"""

from __future__ import annotations

from graders.curriculum import Task

OURS = "cnn_by_hand"
"""The metadata key for our own facts about a cell or notebook; nbgrader keeps only its own under its key."""


def solution_id(task: Task) -> str:
    """The cell that a student writes the answer in; comments are attached to it."""
    return task.name


def grade_id(task: Task) -> str:
    """The cell whose output is the verdict."""
    return f"grade-{task.name}"


def max_score(task: Task) -> float:
    """The points of the grade cell. Stretch tasks have none: they earn nbgrader's *extra credit*."""
    return task.points if task.kind == "core" else 0.0

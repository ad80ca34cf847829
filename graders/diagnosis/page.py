"""The catalogue as a page to read: what a student is told, the question with it, and the tasks."""

from __future__ import annotations

from graders.curriculum import SOLUTIONS, exercises

from .catalogue import mistakes
from .mistakes import Mistake

PAGE = SOLUTIONS.parent / "docs" / "misconceptions.md"

_HEAD = """# What mistakes are called

Made by `python -m graders catalogue`. A failing answer gets one of these sentences if it behaves exactly like
that mistake on every probe, and none if it does not. Many of them are also known together with a habit, such
as a buffer that is always float32; both are then named.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for exercise in exercises():
        rows: dict[tuple[str, str], list[Mistake]] = {}
        for entry in mistakes(exercise.name):
            if " And besides: " not in entry.says:
                rows.setdefault((entry.says, entry.hint), []).append(entry)
        parts += [
            f"\n## {exercise.name}\n",
            "| what it says | the question with it | tasks |",
            "|---|---|---|",
        ]
        for (says, hint), entries in rows.items():
            tasks = ", ".join(dict.fromkeys(f"`{entry.task}`" for entry in entries))
            parts.append(f"| {_cell(says)} | {_cell(hint)} | {tasks} |")
    return "\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")

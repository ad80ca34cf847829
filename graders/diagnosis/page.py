"""The catalogue as a page to read: what a student is told, the hint that goes with it, and the tasks."""

from __future__ import annotations

from graders.curriculum import SOLUTIONS, exercises

from .catalogue import mistakes
from .mistakes import Mistake

PAGE = SOLUTIONS.parent / "docs" / "misconceptions.md"

_HEAD = """# Known mistakes

Written by `python -m graders catalogue`. If a failing answer behaves exactly like one of these mistakes on
every probe, its student reads that sentence. Most mistakes are also recognised in combination with a habit,
such as a buffer that is always float32; then both are named.
"""


def page() -> str:
    """The page, in Markdown."""
    parts = [_HEAD]
    for exercise in exercises():
        if not mistakes(exercise.name):
            continue
        rows: dict[tuple[str, str], list[Mistake]] = {}
        for mistake in mistakes(exercise.name):
            rows.setdefault((mistake.says, mistake.hint), []).append(mistake)
        parts += [
            f"\n## {exercise.name}\n",
            "| message | hint | tasks |",
            "|---|---|---|",
        ]
        for (says, hint), those in rows.items():
            tasks = ", ".join(dict.fromkeys(f"`{mistake.task}`" for mistake in those))
            parts.append(f"| {_cell(says)} | {_cell(hint)} | {tasks} |")
    return "\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")

"""What is said about a mistake: `words.toml` of the exercise, or what several exercises share in `tasks/`.

    kernel-flipped.says = "You get this result when …"
    kernel-flipped.hint = "Which number of the kernel …?"
    kernel-flipped.in.conv2d_matrix = "The matrix …"

An entry is found by the same name whichever task shows it. Where a task needs another sentence, or another
question, the entry says so under `in`: a sentence, or both as a list. `besides` is said where the mistake is
the second of two, unless its sentence does for that as well.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

TASKS = Path(__file__).parents[1] / "tasks"


@dataclass(frozen=True)
class Words:
    """The entries of one exercise, those that it shares with others included."""

    entries: Mapping[str, Mapping[str, Any]]

    def about(self, name: str, task: str) -> tuple[str, str]:
        """The sentence and the question for a mistake in a task.

        Raises:
            KeyError: there is no entry of that name.
        """
        entry = self.entries[name]
        special = entry.get("in", {}).get(task, entry["says"])
        says, hint = (special, entry["hint"]) if isinstance(special, str) else special
        return says, hint

    def besides(self, name: str, task: str) -> str:
        """The sentence for a mistake that is met together with another one."""
        second: str = self.entries[name].get("besides", self.about(name, task)[0])
        return second


def words(exercise: str) -> Words:
    """The words of an exercise, in this project or in another folder of exercises."""
    folder = Path(import_module(f"graders.tasks.{exercise}").__path__[0])
    return Words({**shared(), **_entries(folder / "words.toml")})


def shared() -> Mapping[str, Mapping[str, Any]]:
    """The entries that several exercises share."""
    return _entries(TASKS / "words.toml")


def _entries(file: Path) -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

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
from importlib.util import find_spec
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
    """The words of an exercise; without one, those that exercises share."""
    package = find_spec(f"graders.tasks.{exercise}") if exercise else None
    homes = [Path(home) for home in (package.submodule_search_locations or ())] if package else []
    entries: dict[str, Mapping[str, Any]] = {}
    for file in (home / "words.toml" for home in (TASKS, *homes)):
        if file.exists():
            entries.update(tomllib.loads(file.read_text(encoding="utf-8")))
    return Words(entries)

"""A rotating part of what is too much for every run.

The part follows from the commit, so that one commit has one verdict, and the next commit tries another part.
`--part N` asks for a certain one, `--part all` for everything.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zlib import crc32

PARTS = 5
_One = TypeVar("_One")


@dataclass(frozen=True)
class Part:
    """The part of this run: a number below `PARTS`, or `all`."""

    name: str

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.name == "all"

    def of(self, everything: Iterable[_One]) -> list[_One]:
        """What belongs to this part, by a hash of how it is called."""
        return [
            one for one in everything if self.is_all or crc32(str(one).encode()) % PARTS == int(self.name)
        ]

    def __str__(self) -> str:
        return "--part all" if self.is_all else f"--part {self.name} (of {PARTS}, counted from 0)"


def part_of_this_commit() -> str:
    """The part that is this commit's turn; the first one where there is no commit."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "0"
    return str(int(found.stdout, 16) % PARTS)

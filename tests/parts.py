"""A rotating part of what is too much for every run.

The part follows from the commit, so that one commit has one verdict, and the next commit tries another part.
`--part N` asks for a certain one, `--part all` for everything.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

PARTS = 5


@dataclass(frozen=True)
class Part:
    """The part of this run: a number below `PARTS`, or `all`."""

    name: str

    def of[T](self, everything: Iterable[T]) -> list[T]:
        """What belongs to this part, by a hash of how it is called."""
        return [
            one for one in everything if self.name == "all" or crc32(str(one).encode()) % PARTS == int(self.name)
        ]

    def __str__(self) -> str:
        return "--part all" if self.name == "all" else f"--part {self.name} (of {PARTS}, from 0)"


def part_of_this_commit() -> str:
    """The part that is this commit's turn; the first one where there is no commit."""
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return str(int(found.stdout, 16) % PARTS) if found.returncode == 0 else "0"

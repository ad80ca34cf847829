"""What is reported about a hand-in besides verdicts: problems, and remarks, which don't affect points."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something about a file that its student should know."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Remark:
    """Something in a file that was not graded.

    Attributes:
        file: the file's name as it was handed in.
        place: such as `line 63` or `cell 4, line 2`; empty for the whole file.
    """

    file: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{', '.join(filter(None, (self.file, self.place)))}: {self.message}"

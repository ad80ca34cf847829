"""How much of a failed hidden test a student sees. Apart from the wording, so that an option can name it."""

from __future__ import annotations

from enum import StrEnum


class Feedback(StrEnum):
    """How much of a failed hidden test a student sees."""

    FULL = "full"
    """The call, what is wrong, and the small case with what came and what was expected."""
    CASE = "case"
    """The call, what is wrong and the hint, without expected values."""
    VERDICT = "verdict"
    """The outcome and the points alone; besides, what could not be read of the files."""

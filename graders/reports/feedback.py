"""How much of a failed hidden test a student sees. Apart from the wording, so that an option can name it."""

from __future__ import annotations

from enum import StrEnum


class Feedback(StrEnum):
    """How much of a failed hidden test a student sees."""

    FULL = "full"
    """The call, what is wrong, and the small case with the actual and the expected result."""
    CASE = "case"
    """The call, what is wrong and the hint, without expected values."""
    VERDICT = "verdict"
    """Only the outcome and the points, and which files couldn't be read."""

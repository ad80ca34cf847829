"""Shrinks a counterexample that a random test found, with a limited number of further calls."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import hypothesis
from hypothesis import Phase, settings
from hypothesis.errors import HypothesisException

from graders.sandbox.errors import StudentError
from graders.testing.expect import Mismatch, NotWritten
from graders.testing.properties import PROPERTY_SETTINGS, Property
from graders.testing.submission import Submission

# Counted in runs and not in seconds, so that the same seed gives the same report on every machine.
MOST_QUESTIONS = 60


class _Enough(BaseException):
    """Ends the search; it isn't an `Exception`, because hypothesis catches those."""


def smallest(held: Property, submission: Submission, seed: int) -> Mismatch | None:
    """The smallest mismatch found in `MOST_QUESTIONS` runs of a random property; None if there was none.

    Only wrong results are shrunk. If a submission ends its process, it isn't started again and again.
    """
    handle = held.test.hypothesis  # type: ignore[attr-defined]
    best: Mismatch | None = None
    asked = 0

    @functools.wraps(handle.inner_test)
    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal best, asked
        asked += 1
        if asked > MOST_QUESTIONS:
            raise _Enough
        try:
            handle.inner_test(*args, **kwargs)
        except Mismatch as mismatch:
            if best is None or _size(mismatch) < _size(best):
                best = mismatch
            raise
        except StudentError as error:
            if error.fatal:
                raise _Enough from None
            raise

    phases = (Phase.generate, Phase.shrink)
    test = settings(PROPERTY_SETTINGS, phases=phases)(hypothesis.given(**handle._given_kwargs)(counted))
    with contextlib.suppress(_Enough, Mismatch, NotWritten, StudentError, HypothesisException):
        hypothesis.seed(seed)(test)(submission=submission)
    return best


def _size(mismatch: Mismatch) -> tuple[int, float]:
    """How many input values there are, and how large they are."""
    inputs = [tensor for name, tensor in mismatch.tensors.items() if name not in ("got", "expected")]
    magnitude = sum(float(tensor.detach().double().abs().sum()) for tensor in inputs)
    return sum(tensor.numel() for tensor in inputs), magnitude

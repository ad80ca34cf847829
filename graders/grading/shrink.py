"""A counterexample that a random question found, made as small as a few more questions can make it."""

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

# Questions and not seconds, so that the same seed gives the same report on every machine.
MOST_QUESTIONS = 60


class _Enough(BaseException):
    """Passes through hypothesis, which catches every `Exception`."""


def smallest(held: Property, submission: Submission, seed: int) -> Mismatch | None:
    """The smallest mismatch met within `MOST_QUESTIONS` runs of a random property; None if there was none.

    Only wrong answers are made smaller. A submission that ends its process is not started again and again.
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
    """Numbers to look at, and how large they are."""
    inputs = [tensor for name, tensor in mismatch.tensors.items() if name not in ("got", "expected")]
    magnitude = sum(float(tensor.detach().double().abs().sum()) for tensor in inputs)
    return sum(tensor.numel() for tensor in inputs), magnitude

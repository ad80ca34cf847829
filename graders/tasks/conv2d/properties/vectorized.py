"""Hidden properties of `conv2d_vectorized`."""

from __future__ import annotations

from functools import cache

from torch import Tensor

from graders.tasks.single_images import (
    expected,
)
from graders.testing.expect import affordable, that
from graders.testing.own_answers import consistent, consistent_reply
from graders.testing.properties import property_of
from graders.testing.strategies import MANY, MANY_SECONDS, SIDE, graded, tensor
from graders.testing.submission import Submission


@cache
def many_cases() -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]:
    """Images, kernels, right results and bounds, each with different values.

    Both require grad, so one operation per pixel also pays for its node in the computation graph.
    """
    pairs = [(graded(SIDE, SIDE, seed=4 + n), graded(2, 1, seed=104 + n)) for n in range(MANY)]
    return tuple((X, K, *expected(X, K, asks_reference=False)) for X, K in pairs)


@property_of("conv2d_vectorized", "effort")
def test_effort_does_not_grow_with_the_image(submission: Submission) -> None:
    K, efforts = tensor(3, 2, seed=2), []
    for size in (6, 12, 24):
        X = tensor(size, size + 1, seed=size)
        right, bound = expected(X, K)
        consistent(submission, "conv2d_vectorized", X, K, expected=right, bound=bound)
        efforts.append(submission.ask("conv2d_vectorized", X, K, effort=True).effort)
    for place, what in ((0, "tensor operations"), (1, "Python steps")):
        counts = [effort[place] for effort in efforts]
        took = f"On images of 6×7, 12×13 and 24×25 it took {', '.join(map(str, counts))} {what}"
        sentence = f"{took}; the number should not grow with the image."
        that(
            max(counts) <= min(counts) + 4, call="conv2d_vectorized(X, K)", aspect="effort", sentence=sentence
        )
    cases = many_cases()
    replies = affordable(submission, "conv2d_vectorized", [one[:2] for one in cases], seconds=MANY_SECONDS)
    for reply, (X, K, right, bound) in zip(replies, cases, strict=True):
        consistent_reply(submission, reply, "conv2d_vectorized", X, K, expected=right, bound=bound)

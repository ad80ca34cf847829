"""Hidden properties of `conv2d_vectorized`."""

from __future__ import annotations

from functools import cache

import torch
from hypothesis import given
from torch import Tensor

from graders.tasks.single_images import (
    SHAPES,
    check_dtypes,
    check_gradients,
    check_layouts,
    check_sweep,
    check_values,
    expected,
    images_and_kernels,
)
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import affordable, leaves_all_alone, that
from graders.testing.own_answers import consistent, consistent_reply
from graders.testing.properties import property_of
from graders.testing.strategies import MANY, MANY_SECONDS, SIDE, graded, tensor, with_zeros
from graders.testing.submission import Submission
from solutions import conv2d as reference


@cache
def many_cases() -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]:
    """Images, kernels, right results and bounds, each with different values.

    Both require grad, so one operation per pixel also pays for its node in the computation graph.
    """
    pairs = [(graded(SIDE, SIDE, seed=4 + n), graded(2, 1, seed=104 + n)) for n in range(MANY)]
    return tuple((X, K, *expected(X, K, asks_reference=False)) for X, K in pairs)


@property_of("conv2d_vectorized", "values")
def test_vectorized_values(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        X, K = with_zeros(seed, tensor(*image, seed=seed), tensor(*kernel, seed=seed + 100))
        check_values(submission, "conv2d_vectorized", X, K)


@property_of("conv2d_vectorized", "values")
def test_vectorized_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_vectorized")


@property_of("conv2d_vectorized", "values")
@given(case=images_and_kernels())
def test_vectorized_on_random_images(submission: Submission, case: tuple[Tensor, Tensor]) -> None:
    check_values(submission, "conv2d_vectorized", *case)


@property_of("conv2d_vectorized", "gradients, dtypes and layouts")
def test_vectorized_gradients_and_dtypes(submission: Submission) -> None:
    check_gradients(submission, "conv2d_vectorized", SHAPES[:4])
    check_dtypes(submission, "conv2d_vectorized")
    check_layouts(submission, "conv2d_vectorized")
    X, K = (tensor(*size, seed=3, dtype=torch.float64) for size in ((4, 6), (2, 3)))
    leaves_all_alone(submission, "conv2d_vectorized", X, K)


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


@property_of("conv2d_vectorized", "devices")
def test_conv2d_vectorized_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(3, 4, seed=6), graded(2, 2, seed=7)
    plain = X.detach()
    works_on_the_accelerator(
        submission,
        "conv2d_vectorized",
        called(X, K, cotangent=tensor(2, 3, seed=8)),
        called(plain, K.detach().long()),
        called(plain, plain / 2),
        right=reference.conv2d_vectorized,
    )

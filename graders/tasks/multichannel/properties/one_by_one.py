"""Hidden properties of `conv2d_1x1`."""

from __future__ import annotations

import math

import hypothesis.strategies as st
from hypothesis import given

from graders.tasks.multichannel.cases import ONE_BY_ONE, Sizes, case
from graders.tasks.multichannel.convolutions import (
    check,
    check_affordable,
    check_cases,
    check_dtypes,
    check_effort,
    check_gradients,
    check_kinds,
    check_layouts,
    check_linear_and_equivariant,
    check_one_hot,
    check_side_effects,
    expected,
)
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees
from graders.testing.properties import property_of
from graders.testing.strategies import SIDE, VALUES, Values, distinct_sizes, graded, pairwise, seeds, tensor
from graders.testing.submission import Submission
from solutions import multichannel as reference


@property_of("conv2d_1x1", "values")
def test_a_single_one_copies_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@property_of("conv2d_1x1", "values")
def test_mixing_channels_for_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_1x1", ONE_BY_ONE)


@property_of("conv2d_1x1", "values")
def test_mixing_channels_for_every_pair_of_sizes(submission: Submission) -> None:
    rows = pairwise({name: range(1, 7) for name in ("c", "o", "H", "W")})
    cases = [case((row["c"], row["H"], row["W"]), (row["o"], row["c"], 1, 1)) for row in rows]
    for seed, one in enumerate(sorted(cases, key=lambda one: math.prod(one.image))):
        question = one.question(seed)
        right, bound = expected(None, question)
        agrees(submission, "conv2d_1x1", question.X, question.K, expected=right, bound=bound)


@property_of("conv2d_1x1", "values")
def test_mixing_channels_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_1x1", case((3, 2, 4), (5, 3, 1, 1)))


@property_of("conv2d_1x1", "values")
@given(sizes=distinct_sizes(4), values=st.sampled_from(VALUES), seed=seeds())
def test_mixing_channels_of_random_images(
    submission: Submission, sizes: Sizes, values: Values, seed: int
) -> None:
    c, o, H, W = sizes
    check(submission, "conv2d_1x1", case((c, H, W), (o, c, 1, 1)).question(seed, values))


@property_of("conv2d_1x1", "values")
def test_every_pixel_is_mixed_separately(submission: Submission) -> None:
    check_linear_and_equivariant(submission, "conv2d_1x1", case((3, 2, 4), (2, 3, 1, 1)))


@property_of("conv2d_1x1", "gradients")
def test_gradients_of_mixing_channels(submission: Submission) -> None:
    check_gradients(submission, "conv2d_1x1", ONE_BY_ONE)


@property_of("conv2d_1x1", "dtypes")
def test_the_result_type_of_mixing_channels(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@property_of("conv2d_1x1", "layouts")
def test_channels_of_views_are_mixed_the_same_way(submission: Submission) -> None:
    check_layouts(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@property_of("conv2d_1x1", "side effects")
def test_mixing_channels_changes_nothing_else(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@property_of("conv2d_1x1", "effort")
def test_effort_of_mixing_grows_neither_with_image_nor_channels(submission: Submission) -> None:
    check_effort(submission, "conv2d_1x1", [case((2, n + 1, n), (3, 2, 1, 1)) for n in (2, 6, 12)])
    check_effort(submission, "conv2d_1x1", [case((c, 3, 2), (3, c, 1, 1)) for c in (2, 6, 12)])
    check_effort(submission, "conv2d_1x1", [case((2, 3, 2), (o, 2, 1, 1)) for o in (3, 6, 12)])
    check_affordable(submission, "conv2d_1x1", (1, SIDE, SIDE), (1, 1, 1, 1))


@property_of("conv2d_1x1", "devices")
def test_a_1x1_kernel_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(2, 3, 4, seed=7), graded(3, 2, 1, 1, seed=8)
    works_on_the_accelerator(
        submission,
        "conv2d_1x1",
        called(X, K, cotangent=tensor(3, 3, 4, seed=9)),
        called(X.detach(), K.detach().long()),
        right=reference.conv2d_1x1,
    )

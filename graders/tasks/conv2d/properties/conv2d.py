"""Hidden properties of `conv2d`."""

from __future__ import annotations

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
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees, compare, leaves_all_alone, repeats
from graders.testing.messages import call
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import VALUES, graded, seeds, tensor, with_zeros
from graders.testing.submission import Submission
from solutions import conv2d as reference


@property_of("conv2d", "values")
def test_a_one_hot_kernel_copies_one_pixel_of_each_window(submission: Submission) -> None:
    X = tensor(4, 5, seed=1)
    for row, column in ((0, 1), (1, 2), (1, 0)):
        K = torch.zeros(2, 3)
        K[row, column] = 1.0
        right = X[row : row + 3, column : column + 3].double()
        agrees(
            submission,
            "conv2d",
            X,
            K,
            expected=right,
            bound=tolerance.products(right.abs(), 6, X.dtype, X.norm()),
        )


@property_of("conv2d", "values")
def test_every_kind_of_shape(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        X, K = with_zeros(seed, tensor(*image, seed=seed), tensor(*kernel, seed=seed + 100))
        check_values(submission, "conv2d", X, K)


@property_of("conv2d", "values")
def test_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d")


@property_of("conv2d", "values")
def test_values_of_every_kind(submission: Submission) -> None:
    for seed, values in enumerate(VALUES):
        X, K = tensor(4, 6, seed=seed, values=values), tensor(3, 2, seed=seed + 50, values=values)
        check_values(submission, "conv2d", X, K)


@property_of("conv2d", "values")
@given(case=images_and_kernels())
def test_random_images_and_kernels(submission: Submission, case: tuple[Tensor, Tensor]) -> None:
    check_values(submission, "conv2d", *case)


@property_of("conv2d", "values")
@given(seed=seeds())
def test_it_is_linear_and_commutes_with_shifts(submission: Submission, seed: int) -> None:
    X, Z, K = tensor(4, 6, seed=seed), tensor(4, 6, seed=seed + 1), tensor(2, 3, seed=seed + 2)
    one, two = (
        agrees(submission, "conv2d", A, K, expected=expected(A, K)[0], bound=expected(A, K)[1]).value
        for A in (X, Z)
    )
    both = submission.conv2d(2 * X - Z, K)
    bound = expected(2 * X.abs() + Z.abs(), K.abs())[1] * 4
    what = "result for 2·X - Z, compared with 2·conv2d(X, K) - conv2d(Z, K),"
    title = call("conv2d", (2 * X - Z, K), {})
    compare(both, expected=2 * one.double() - two.double(), bound=bound, call=title, what=what)
    moved = X[1:, 2:].clone()
    shifted = submission.conv2d(moved, K)
    what = "result for the shifted image, compared with the shifted result,"
    compare(
        shifted,
        expected=one[1:, 2:].double(),
        bound=bound[1:, 2:],
        call=call("conv2d", (moved, K), {}),
        what=what,
    )


@property_of("conv2d", "gradients")
def test_gradients_for_a_random_upstream_gradient(submission: Submission) -> None:
    check_gradients(submission, "conv2d", SHAPES[:5])


@property_of("conv2d", "dtypes")
def test_the_dtype_is_the_result_type_of_both_arguments(submission: Submission) -> None:
    check_dtypes(submission, "conv2d")


@property_of("conv2d", "layouts")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d")


@property_of("conv2d", "side effects")
def test_arguments_and_settings_stay_unchanged(submission: Submission) -> None:
    X, K = tensor(4, 6, seed=3), tensor(2, 3, seed=4)
    right, bound = expected(X, K)
    consistent(submission, "conv2d", X, K, expected=right, bound=bound)
    repeats(submission, "conv2d", X, K)
    leaves_all_alone(submission, "conv2d", X.double(), K.double())


@property_of("conv2d", "devices")
def test_conv2d_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(3, 4, seed=1), graded(2, 2, seed=2)
    plain = X.detach()
    works_on_the_accelerator(
        submission,
        "conv2d",
        called(X, K, cotangent=tensor(2, 3, seed=3)),
        called(plain, K.detach().long()),
        called(plain, plain / 2),  # a kernel as large as the image
        right=reference.conv2d,
    )

"""Hidden properties of `conv2d_matrix`."""

from __future__ import annotations

import torch
from torch import Tensor

from graders.tasks.single_images import SHAPES, expected, expected_gradients, sweep
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees, compare, gradients_agree, leaves_all_alone, references_agree
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import tensor, with_zeros
from graders.testing.submission import Submission
from solutions import conv2d as reference


def rounding(K: Tensor, right: Tensor) -> Tensor:
    """How far entries may be off.

    A column of the matrix is the convolution of an image with a single 1, whose norm is 1. So the bound of
    `conv2d` holds for it.
    """
    return tolerance.products(right.abs().double(), K.numel(), K.dtype, K.double().norm())


def check_matrix(
    submission: Submission, seed: int, image: tuple[int, int], kernel: tuple[int, int], zeros: int = 0
) -> None:
    """`conv2d_matrix(K, image)` equals the reference's, which does the same as torch's convolution."""
    (K,) = with_zeros(zeros, tensor(*kernel, seed=seed))
    right = reference.conv2d_matrix(K.double(), image)
    X = tensor(*image, seed=seed + 1, dtype=torch.float64)
    of_X, bound = expected(X, K, torch.float64)
    references_agree((right @ X.flatten()), of_X.flatten(), bound.flatten())
    agrees(submission, "conv2d_matrix", K, image, expected=right, bound=rounding(K, right))


@property_of("conv2d_matrix", "values")
def test_the_matrix_times_the_image_is_the_convolution(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_matrix(submission, seed, image, kernel, zeros=seed)


@property_of("conv2d_matrix", "values")
def test_the_matrix_for_every_pair_of_sizes(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(sweep(most_more=2)):
        check_matrix(submission, seed, image, kernel)


@property_of("conv2d_matrix", "gradients and dtypes")
def test_the_matrix_keeps_dtype_and_gradient(submission: Submission) -> None:
    K = tensor(2, 3, seed=5, layout="transposed", dtype=torch.float64)
    right = reference.conv2d_matrix(K, (3, 5))
    consistent(
        submission,
        "conv2d_matrix",
        K,
        (3, 5),
        expected=right,
        bound=rounding(K, right),
        dtype=torch.float64,
    )
    leaves_all_alone(submission, "conv2d_matrix", K, (3, 5))
    leaf, upstream = with_zeros(1, tensor(2, 3, seed=6), tensor(*right.shape, seed=7))
    leaf.requires_grad_()
    grad = torch.autograd.grad(reference.conv2d_matrix(leaf, (3, 5)), leaf, upstream)[0].double()
    bound = tolerance.products(torch.full((2, 3), float(upstream.abs().sum())), 9, torch.float32)
    gradients_agree(
        submission,
        "conv2d_matrix",
        leaf,
        (3, 5),
        cotangent=upstream,
        expected={"K": grad},
        bounds={"K": bound},
    )


@property_of("conv2d_matrix", "transpose")
def test_its_transpose_is_the_backward_pass(submission: Submission) -> None:
    X, K, grad_Y = tensor(4, 6, seed=1), tensor(2, 3, seed=2), tensor(3, 4, seed=3)
    right, bounds = expected_gradients(X, K, grad_Y)
    M = submission.conv2d_matrix(K, (4, 6))
    title = "conv2d_matrix(K of shape (2, 3), (4, 6))"
    compare(M, expected=torch.zeros(12, 24), bound=torch.full((12, 24), torch.inf), call=title)
    back = (M.double().T @ grad_Y.double().flatten()).reshape(4, 6)
    compare(
        back, expected=right["X"], bound=bounds["X"], call=title, what="product of its transpose with grad_Y"
    )


@property_of("conv2d_matrix", "devices")
def test_conv2d_matrix_on_an_accelerator(submission: Submission) -> None:
    works_on_the_accelerator(
        submission, "conv2d_matrix", called(tensor(2, 2, seed=12), (3, 4)), right=reference.conv2d_matrix
    )

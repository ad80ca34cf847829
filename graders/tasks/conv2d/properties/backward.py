"""Hidden properties of `conv2d_backward`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from graders.tasks.conv2d.facts import SMALL_IMAGES, conv2d
from graders.tasks.single_images import SHAPES, expected_gradients
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import (
    changes_no_setting,
    compare,
    left_alone,
    references_agree,
    that,
    written_out,
)
from graders.testing.own_answers import right_or_as_plain
from graders.testing.properties import property_of
from graders.testing.reply import Reply
from graders.testing.strategies import tensor, with_zeros
from graders.testing.submission import Call, Submission
from solutions import conv2d as reference


@cache
def backward_case(
    seed: int, image: tuple[int, int], kernel: tuple[int, int], zeros: bool
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Image, kernel and upstream gradient, with the right gradients and their bounds."""
    X, K = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
    grad_Y = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 99)
    with_zeros(seed if zeros else 0, X, K, grad_Y)
    return X, K, grad_Y, *expected_gradients(X, K, grad_Y)


def check_backward(
    submission: Submission,
    seed: int,
    image: tuple[int, int],
    kernel: tuple[int, int],
    which: str,
) -> None:
    """Check one of the two gradients that `conv2d_backward` returns."""
    X, K, grad_Y, right, bounds = backward_case(seed, image, kernel, zeros=True)
    ours = reference.conv2d_backward(grad_Y.double(), X.double(), K.double())
    references_agree(ours["XK".index(which)], right[which], bounds[which])
    judge(submission.conv2d_backward(grad_Y, X, K), X, K, grad_Y, right, bounds, which)


def judge(
    got: Any,
    X: Tensor,
    K: Tensor,
    grad_Y: Tensor,
    right: Mapping[str, Tensor],
    bounds: Mapping[str, Tensor],
    which: str,
) -> None:
    """Check one of the two gradients in an answer."""
    image, kernel = tuple(X.shape), tuple(K.shape)
    title = f"conv2d_backward(grad_Y of shape {tuple(grad_Y.shape)}, X of shape {image}, K of shape {kernel})"
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    if got is not None:
        that(pair, call=title, aspect="type", sentence="It should return a pair (grad_X, grad_K).")
    shown = {"grad_Y": grad_Y, "X": X, "K": K}
    value = got["XK".index(which)] if pair else got
    compare(
        value,
        expected=right[which],
        bound=bounds[which],
        call=title,
        shown=shown,
        what="result" if got is None else f"gradient with respect to {which}",
    )


@cache
def swept() -> tuple[tuple[Tensor, Tensor, Tensor, dict[str, Tensor], dict[str, Tensor]], ...]:
    """A case for every size of small images and kernels; torch alone says what is right."""
    shapes = [tuple(conv2d.shapes(**row).values()) for row in SMALL_IMAGES]
    return tuple(backward_case(seed, *shape, zeros=False) for seed, shape in enumerate(shapes))


def check_sweep(submission: Submission, which: str) -> None:
    """One of the two gradients for every size; the questions travel together."""
    calls = (Call("conv2d_backward", (grad_Y, X, K)) for X, K, grad_Y, _, _ in swept())
    for reply, (X, K, grad_Y, right, bounds) in zip(submission.ask_each(calls), swept(), strict=True):
        judge(reply.value, X, K, grad_Y, right, bounds, which)


@property_of("conv2d_backward", "gradient of X")
@written_out("conv2d_backward")
def test_the_gradient_of_the_image(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_backward(submission, seed, image, kernel, "X")


@property_of("conv2d_backward", "gradient of X")
@written_out("conv2d_backward")
def test_the_gradient_of_the_image_for_every_size(submission: Submission) -> None:
    check_sweep(submission, "X")


@property_of("conv2d_backward", "gradient of K")
@written_out("conv2d_backward")
def test_the_gradient_of_the_kernel(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_backward(submission, seed, image, kernel, "K")


@property_of("conv2d_backward", "gradient of K")
@written_out("conv2d_backward")
def test_the_gradient_of_the_kernel_for_every_size(submission: Submission) -> None:
    check_sweep(submission, "K")


@property_of("conv2d_backward", "dtypes and layouts")
@written_out("conv2d_backward")
def test_backward_in_float64_from_views(submission: Submission) -> None:
    X, K = (
        tensor(4, 6, seed=1, layout="transposed", dtype=torch.float64),
        tensor(2, 3, seed=2, dtype=torch.float64),
    )
    grad_Y = tensor(3, 4, seed=3, layout="sliced", dtype=torch.float64)
    right, bounds = expected_gradients(X, K, grad_Y, torch.float64)
    reply = submission.ask("conv2d_backward", grad_Y, X, K, return_arguments=True)
    title = "conv2d_backward(grad_Y, X, K) in float64"

    def judge(reply: Reply) -> None:
        pair = isinstance(reply.value, (tuple, list)) and len(reply.value) == 2
        that(pair, call=title, aspect="type", sentence="It should return a pair (grad_X, grad_K).")
        for name, got in zip("XK", reply.value, strict=True):
            compare(
                got,
                expected=right[name],
                bound=bounds[name],
                dtype=torch.float64,
                call=title,
                what=f"gradient with respect to {name}",
            )

    both = (right["X"], right["K"])
    question = ("conv2d_backward", grad_Y, X, K)
    right_or_as_plain(submission, reply, judge, *question, right=both, dtype=torch.float64)
    left_alone(reply, {"grad_Y": grad_Y, "X": X, "K": K}, call=title)
    changes_no_setting(reply, call=title)


@property_of("conv2d_backward", "devices")
@written_out("conv2d_backward")
def test_conv2d_backward_on_an_accelerator(submission: Submission) -> None:
    G, X, K = tensor(2, 3, seed=9), tensor(3, 4, seed=10), tensor(2, 2, seed=11)
    works_on_the_accelerator(submission, "conv2d_backward", called(G, X, K), right=reference.conv2d_backward)

"""Hidden properties of `pool2d_backward`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from graders.tasks.pooling.cases import PLAIN, STRIDES, Case, Swept, distinct, side_by_side, stepping
from graders.tasks.pooling.poolings import expected_gradient, is_right, pooled
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees, compare, leaves_all_alone, references_agree, written_out
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import LAYOUTS, tensor, with_zeros
from graders.testing.submission import Submission
from solutions import pooling as reference


def check_backward(
    submission: Submission,
    X: Tensor,
    one: Case,
    mode: str,
    upstream: Tensor | None = None,
    asks_reference: bool = True,
    compared: Callable[..., object] = agrees,
    zeros: int = 0,
) -> None:
    """`pool2d_backward` returns the gradient of the image."""
    shape = pooled(X, one, mode).shape
    grad_Y = tensor(*shape, seed=77) if upstream is None else upstream
    with_zeros(zeros, grad_Y, *([X] if mode == "avg" else ()))
    right, bound = expected_gradient(X, one, mode, grad_Y)
    if asks_reference:
        ours = reference.pool2d_backward(grad_Y.double(), X.double(), one.window, mode, one.stride)
        references_agree(ours, right, bound)
    options = one.keywords(mode)
    dtype = upstream.dtype if upstream is not None else None
    question = ("pool2d_backward", grad_Y, X, one.window)
    compared(submission, *question, expected=right, bound=bound, dtype=dtype, **options)


def check_backwards(submission: Submission, sweep: Swept, mode: str) -> None:
    """The gradient for every case of a sweep; no maximum is tied."""
    for seed, (one, _) in enumerate(sweep):
        check_backward(submission, distinct(*one.image, seed=seed), one, mode, asks_reference=False)


@property_of("pool2d_backward", "max")
@written_out("pool2d_backward")
def test_the_gradient_goes_to_the_maximum(submission: Submission) -> None:
    for seed, one in enumerate(PLAIN):
        check_backward(submission, distinct(*one.image, seed=seed), one, "max", zeros=seed)
    check_backward(submission, distinct(4, 6, seed=1) - 5000, PLAIN[0], "max")
    X, right = torch.tensor([[1.0, 4.0], [3.0, 2.0]]), torch.tensor([[0.0, 7.0], [0.0, 0.0]])
    value = submission.pool2d_backward(torch.tensor([[7.0]]), X, 2)
    compare(
        value,
        expected=right,
        bound=tolerance.exact(right),
        call="pool2d_backward(grad_Y, X, 2)",
        shown={"X": X},
    )


@property_of("pool2d_backward", "max")
@written_out("pool2d_backward")
def test_the_gradient_goes_to_the_maximum_of_every_window(submission: Submission) -> None:
    check_backwards(submission, side_by_side(), "max")


@property_of("pool2d_backward", "avg")
@written_out("pool2d_backward")
def test_the_gradient_is_shared_by_the_window(submission: Submission) -> None:
    for seed, one in enumerate(PLAIN):
        check_backward(submission, tensor(*one.image, seed=seed), one, "avg", zeros=seed)


@property_of("pool2d_backward", "avg")
@written_out("pool2d_backward")
def test_the_gradient_is_shared_by_every_window(submission: Submission) -> None:
    check_backwards(submission, side_by_side(), "avg")


@property_of("pool2d_backward", "ties")
@written_out("pool2d_backward")
def test_the_first_of_tied_maxima_gets_the_gradient(submission: Submission) -> None:
    for seed, one in enumerate(PLAIN):
        check_backward(submission, tensor(*one.image, seed=seed, values="ties"), one, "max")
    check_backward(submission, torch.zeros(4, 6), PLAIN[0], "max")


@property_of("pool2d_backward", "stride")
@written_out("pool2d_backward")
def test_overlapping_windows_add_up(submission: Submission) -> None:
    for seed, one in enumerate(STRIDES):
        check_backward(submission, distinct(*one.image, seed=seed), one, "max")
    if is_right(check_backward, submission, tensor(4, 6, seed=1), PLAIN[0], "avg"):
        for seed, one in enumerate(STRIDES):
            check_backward(submission, tensor(*one.image, seed=seed), one, "avg")


@property_of("pool2d_backward", "stride")
@written_out("pool2d_backward")
def test_the_gradient_for_every_stride_with_every_window(submission: Submission) -> None:
    check_backwards(submission, stepping(largest=3), "max")
    if is_right(check_backward, submission, tensor(4, 6, seed=1), PLAIN[0], "avg"):
        check_backwards(submission, stepping(largest=3), "avg")


@property_of("pool2d_backward", "dtypes and layouts")
@written_out("pool2d_backward")
def test_the_gradient_in_float64_of_views(submission: Submission) -> None:
    modes = ["max"]
    if is_right(check_backward, submission, tensor(4, 6, seed=1), PLAIN[0], "avg"):
        modes.append("avg")
    for layout in ("contiguous", *LAYOUTS):
        X = tensor(4, 6, seed=1, values="normal", dtype=torch.float64, layout=layout)
        grad_Y = tensor(2, 3, seed=2, values="normal", dtype=torch.float64, layout=layout)
        for mode in modes:
            check_backward(submission, X, PLAIN[0], mode, grad_Y, compared=consistent)
    grad_Y, X = tensor(2, 3, seed=3, dtype=torch.float64), distinct(4, 6, seed=4).double()
    leaves_all_alone(submission, "pool2d_backward", grad_Y, X, 2, stride=2)


@property_of("pool2d_backward", "devices")
@written_out("pool2d_backward")
def test_pool2d_backward_on_an_accelerator(submission: Submission) -> None:
    calls = [
        call
        for mode in ("max", "avg")
        for call in (
            called(tensor(2, 2, seed=7), tensor(4, 5, seed=8), 2, mode),
            called(tensor(3, 3, seed=9), tensor(4, 5, seed=10), (2, 3), mode, stride=1),
        )
    ]
    works_on_the_accelerator(submission, "pool2d_backward", *calls, right=reference.pool2d_backward)

"""Hidden properties of `max_stable_lr`."""

from __future__ import annotations

import torch
from hypothesis import given
from torch import Tensor

from graders.tasks.kernel_learning.descent import SHAPES, Case, Size, cases, stable_limit, sweep, titled
from graders.testing import tolerance
from graders.testing.expect import changes_no_setting, left_alone, number, references_agree
from graders.testing.own_answers import right_or_as_plain
from graders.testing.properties import property_of
from graders.testing.reply import Reply
from graders.testing.strategies import tensor
from graders.testing.submission import Submission
from solutions import kernel_learning as reference


def check_limit(submission: Submission, X: Tensor, kernel_size: Size, *, as_plain: bool = False) -> None:
    """Check the stable limit, up to the rounding error of a Hessian computed in the image's own dtype.

    With `as_plain` the answer may be as wrong as it is for an ordinary float32 image.
    """
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    right = stable_limit(X, size)
    # H is off by at most γ_m·|A|ᵀ|A|, whose norm is at most n·λ_max; an iterative method for λ may stop at
    # a relative error of 1e-6.
    elements, terms = size[0] * size[1], X.numel()
    relative = 1e-6 + elements * (terms + elements + 16) * tolerance.UNIT_ROUNDOFF[X.dtype]
    title = titled("max_stable_lr", X=X, kernel_size=kernel_size)

    def judge(reply: Reply) -> None:
        number(reply.value, right, tolerance=relative * right, call=title, may_carry_a_graph=as_plain)

    reply = submission.ask("max_stable_lr", X, kernel_size, return_arguments=as_plain)
    if as_plain:
        right_or_as_plain(submission, reply, judge, "max_stable_lr", X, kernel_size, right=right)
        left_alone(reply, {"X": X}, call=title)
        changes_no_setting(reply, call=title)
    else:
        judge(reply)


@property_of("max_stable_lr", "values")
def test_one_thirtieth_for_the_edge_image(submission: Submission) -> None:
    references_agree(
        torch.tensor(stable_limit(reference.edge_image(), (1, 2))), torch.tensor(1 / 30), torch.tensor(1e-9)
    )
    check_limit(submission, reference.edge_image(), (1, 2))


@property_of("max_stable_lr", "values")
def test_the_limit_of_other_images_and_kernel_sizes(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_limit(submission, tensor(*image, seed=seed), kernel)
        check_limit(submission, tensor(*image, seed=seed + 20, values="normal"), kernel)
    check_limit(submission, tensor(5, 6, seed=30), 2)


@property_of("max_stable_lr", "values")
def test_the_limit_for_every_pair_of_sizes(submission: Submission) -> None:
    for case, _ in sweep():
        check_limit(submission, case.X, (case.weight.shape[0], case.weight.shape[1]))


@property_of("max_stable_lr", "values")
def test_the_limit_for_a_white_image_and_for_another_stripe(submission: Submission) -> None:
    check_limit(submission, torch.ones(6, 8), (1, 2))
    check_limit(submission, reference.edge_image(5, 9, 3, 5), (2, 1))
    check_limit(submission, -2 * reference.edge_image(), (1, 2))


@property_of("max_stable_lr", "values")
@given(case=cases())
def test_the_limit_of_random_images(submission: Submission, case: Case) -> None:
    check_limit(submission, case.X, (case.weight.shape[0], case.weight.shape[1]))


@property_of("max_stable_lr", "dtypes and layouts")
def test_the_limit_in_float64_and_of_views(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        X = tensor(*image, seed=seed + 20, values="normal", dtype=torch.float64)
        check_limit(submission, X, kernel, as_plain=True)
    check_limit(submission, tensor(4, 7, seed=31, layout="transposed"), (3, 2), as_plain=True)

"""Hidden properties of `train_step`."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import given
from torch import Tensor

from graders.sandbox.errors import Raised
from graders.tasks.kernel_learning.descent import (
    SHAPES,
    Case,
    Descent,
    cases,
    convolution,
    expected,
    make_case,
    pair_of,
    sweep,
    titled,
)
from graders.testing import messages
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import changes_no_setting, compare, facts, left_alone, number, that
from graders.testing.narrowing import same_tensor
from graders.testing.own_answers import own_answer, right_or_as_plain
from graders.testing.properties import property_of
from graders.testing.reply import Reply
from graders.testing.strategies import LAYOUTS, tensor
from graders.testing.submission import Submission
from solutions import kernel_learning as reference


@dataclass(frozen=True)
class Step:
    """What `train_step` returned for one case."""

    weight: Any
    loss: Any
    reply: Reply
    title: str
    shown: dict[str, Tensor]


def ask_step(submission: Submission, case: Case) -> Step:
    """One call of `train_step`, with its pair unpacked."""
    reply = submission.ask("train_step", case.weight, case.X, case.Y, case.lr, return_arguments=True)
    title = titled("train_step", weight=case.weight, X=case.X, Y=case.Y, lr=case.lr)
    weight, loss = pair_of(reply.value, title=title, names="(new_weight, loss)")
    shown = {"weight": case.weight, "X": case.X, "Y": case.Y}
    return Step(weight, loss, reply, title, shown)


def check_step(submission: Submission, case: Case, right: Descent | None = None) -> None:
    """Check the new weight; `right` saves computing the right answer again."""
    compare_weight(ask_step(submission, case), right or expected(case))


def compare_weight(step: Step, right: Descent, dtype: torch.dtype | None = None) -> None:
    """Compare the new weight of a step; without `dtype` any dtype will do."""
    compare(
        step.weight,
        expected=right.kernel,
        bound=right.kernel_bound,
        dtype=dtype,
        call=step.title,
        shown=step.shown,
        what="weight after the step",
    )


def check_loss(submission: Submission, case: Case, right: Descent | None = None) -> None:
    """Check the loss before the step; `right` saves computing the right answer again."""
    compare_loss(ask_step(submission, case), right or expected(case))


def compare_loss(step: Step, right: Descent, may_carry_a_graph: bool = False) -> None:
    """Compare the loss of a step."""
    number(
        step.loss,
        right.losses[0],
        tolerance=right.loss_bounds[0],
        call=step.title,
        what="loss before the step",
        may_carry_a_graph=may_carry_a_graph,
    )


def check_variation(submission: Submission, case: Case) -> None:
    """In another dtype or from views, weight and loss are right, or as wrong as in the plain case."""
    dtype, step = case.weight.dtype, ask_step(submission, case)
    right = expected(case, dtype=dtype)

    def judge(_: Reply) -> None:
        compare_weight(step, right, dtype)
        compare_loss(step, right, may_carry_a_graph=True)

    arguments = (case.weight, case.X, case.Y, case.lr)
    both = (right.kernel, right.losses[0])
    right_or_as_plain(submission, step.reply, judge, "train_step", *arguments, right=both, dtype=dtype)


@property_of("train_step", "loss")
def test_the_loss_is_the_summed_squared_error_before_the_step(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_loss(submission, make_case(image, kernel, seed=seed * 10, integers=True, zeros=seed))
        check_loss(submission, make_case(image, kernel, seed=seed * 10 + 5))


@property_of("train_step", "loss")
def test_the_loss_for_every_pair_of_sizes(submission: Submission) -> None:
    for case, right in sweep():
        check_loss(submission, case, right)


@property_of("train_step", "loss")
@given(case=cases())
def test_the_loss_of_random_cases(submission: Submission, case: Case) -> None:
    check_loss(submission, case)


@property_of("train_step", "step")
def test_one_step_against_the_gradient(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_step(submission, make_case(image, kernel, seed=seed * 10, integers=True, zeros=seed))
        check_step(submission, make_case(image, kernel, seed=seed * 10 + 5))


@property_of("train_step", "step")
def test_one_step_for_every_pair_of_sizes(submission: Submission) -> None:
    for case, right in sweep():
        check_step(submission, case, right)


@property_of("train_step", "step")
def test_the_right_kernel_stays_unchanged(submission: Submission) -> None:
    X, weight = reference.edge_image(), torch.tensor([[1.0, -1.0]])
    check_step(submission, Case(weight, X, convolution(X, weight), 0.03))
    # From a black image nothing can be learned, so the kernel stays as well.
    check_step(submission, Case(weight, torch.zeros(4, 6), tensor(4, 5, seed=3), 0.03))


@property_of("train_step", "dtypes and layouts")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    for seed, layout in enumerate(LAYOUTS):
        X, weight, Y = (
            tensor(*size, seed=seed + place, layout=layout)
            for place, size in enumerate(((5, 4), (3, 2), (3, 3)))
        )
        check_variation(submission, Case(weight, X, Y, 0.001))


@property_of("train_step", "step")
@given(case=cases())
def test_random_steps(submission: Submission, case: Case) -> None:
    check_step(submission, case)


@property_of("train_step", "dtypes and layouts")
def test_a_step_in_float64_has_the_precision_of_float64(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES[:3]):
        check_variation(submission, make_case(image, kernel, seed=seed + 70, dtype=torch.float64))


def a_real_step(submission: Submission, case: Case) -> Step:
    """A step whose result depends on its inputs: doing nothing earns no points for changing nothing."""
    step, right = ask_step(submission, case), expected(case)
    shape = torch.full(case.weight.shape, torch.inf, dtype=torch.float64)
    compare(step.weight, expected=right.kernel, bound=shape, call=step.title, what="weight after the step")
    both = (right.kernel, right.losses[0])
    own_answer(submission, "train_step", case.weight, case.X, case.Y, case.lr, right=both)
    return step


@property_of("train_step", "side effects")
def test_the_given_weight_stays_unchanged(submission: Submission) -> None:
    for requires_grad in (False, True):
        case = make_case((4, 6), (2, 3), seed=41)
        case.weight.requires_grad_(requires_grad)
        step = a_real_step(submission, case)
        left_alone(step.reply, step.shown, call=step.title)
        changes_no_setting(step.reply, call=step.title)
    with suppress(Raised):  # whether float64 works at all is up to another group
        step = ask_step(submission, make_case((4, 6), (2, 3), seed=42, dtype=torch.float64))
        left_alone(step.reply, step.shown, call=step.title)
        changes_no_setting(step.reply, call=step.title)


@property_of("train_step", "side effects")
def test_the_new_weight_carries_no_graph(submission: Submission) -> None:
    for requires_grad in (False, True):
        case = make_case((4, 6), (2, 3), seed=43)
        case.weight.requires_grad_(requires_grad)
        step = a_real_step(submission, case)
        sentence = (
            "The new weight still has a grad_fn: it carries the computation graph of this step. "
            "Which of your operations should autograd not record?"
        )
        that(not facts(step.weight).has_grad_fn, call=step.title, aspect="gradient", sentence=sentence)


@property_of("train_step", "side effects")
def test_equal_calls_give_equal_results(submission: Submission) -> None:
    case = make_case((4, 6), (2, 3), seed=45)
    first, other, second = (
        a_real_step(submission, one) for one in (case, make_case((4, 6), (2, 3), seed=46), case)
    )
    same = same_tensor(first.weight, second.weight) and not same_tensor(first.weight, other.weight)
    shown = {"first_call": first.weight, "second_call": second.weight}
    that(same, call=first.title, aspect="repeated call", sentence=messages.not_repeated(), **shown)


@property_of("train_step", "devices")
def test_a_step_on_an_accelerator(submission: Submission) -> None:
    case = make_case((3, 4), (2, 2), seed=47)
    works_on_the_accelerator(
        submission,
        "train_step",
        called(case.weight, case.X, case.Y, case.lr),
        right=reference.train_step,
    )

"""Hidden properties of `learn_kernel`."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from graders.sandbox.errors import Raised
from graders.tasks.kernel_learning.descent import (
    SHAPES,
    Case,
    Descent,
    Size,
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
from graders.testing.expect import changes_no_setting, compare, left_alone, number, that
from graders.testing.narrowing import same_tensor
from graders.testing.own_answers import own_answer, right_or_as_plain
from graders.testing.properties import property_of
from graders.testing.reply import Reply
from graders.testing.strategies import LAYOUTS, tensor
from graders.testing.submission import Submission
from solutions import kernel_learning as reference


@dataclass(frozen=True)
class Learned:
    """What `learn_kernel` returned for one case."""

    kernel: Any
    losses: Any
    reply: Reply
    title: str
    shown: dict[str, Tensor]


def ask_kernel(submission: Submission, X: Tensor, Y: Tensor, kernel_size: Size, **options: Any) -> Learned:
    """One call of `learn_kernel`, with its pair unpacked."""
    reply = submission.ask("learn_kernel", X, Y, kernel_size, return_arguments=True, **options)
    title = titled("learn_kernel", X=X, Y=Y, kernel_size=kernel_size, **options)
    kernel, losses = pair_of(reply.value, title=title, names="(kernel, losses)")
    shown = {"X": X, "Y": Y} | {label: value for label, value in options.items() if isinstance(value, Tensor)}
    return Learned(kernel, losses, reply, title, shown)


def replayed(
    submission: Submission, case: Case, epochs: int, kernel_size: Size | None = None
) -> tuple[Learned, Descent]:
    """The answer for `epochs` epochs from `case.weight`, and the right one."""
    learned = learned_from(submission, case, epochs, kernel_size)
    return learned, expected(case, epochs, case.weight.dtype)


def learned_from(submission: Submission, case: Case, epochs: int, kernel_size: Size | None = None) -> Learned:
    """The answer for `epochs` epochs from `case.weight`."""
    size = kernel_size or (case.weight.shape[0], case.weight.shape[1])
    return ask_kernel(submission, case.X, case.Y, size, num_epochs=epochs, lr=case.lr, init=case.weight)


def check_losses(learned: Learned, right: Descent, may_carry_graphs: bool = False) -> None:
    """Check that there is one loss for each epoch, and that each is right."""
    epochs = len(right.losses)
    kind = isinstance(learned.losses, (list, tuple))
    that(
        kind,
        call=learned.title,
        aspect="type",
        sentence="The losses should be a list with one float per epoch.",
    )
    sentence = f"There are {len(learned.losses)} losses; for {epochs} epochs there should be {epochs}."
    that(len(learned.losses) == epochs, call=learned.title, aspect="shape", sentence=sentence)
    for epoch, (loss, wanted, bound) in enumerate(
        zip(learned.losses, right.losses, right.loss_bounds, strict=True), 1
    ):
        what = f"loss of epoch {epoch}"
        number(
            loss,
            wanted,
            tolerance=bound,
            call=learned.title,
            what=what,
            may_carry_a_graph=may_carry_graphs,
        )


def check_variation(submission: Submission, case: Case, epochs: int) -> None:
    """With another dtype or views, kernel and losses are right, or as wrong as in the plain case."""
    learned, right = replayed(submission, case, epochs)
    dtype, size = case.weight.dtype, (case.weight.shape[0], case.weight.shape[1])

    def judge(_: Reply) -> None:
        check_kernel(learned, right, dtype)
        check_losses(learned, right, may_carry_graphs=True)

    question = ("learn_kernel", case.X, case.Y, size)
    options: dict[str, Any] = {"num_epochs": epochs, "lr": case.lr, "init": case.weight}
    both = (right.kernel, right.losses)
    right_or_as_plain(submission, learned.reply, judge, *question, right=both, dtype=dtype, **options)


def check_kernel(learned: Learned, right: Descent, dtype: torch.dtype | None = None) -> None:
    """Check the kernel after the last step; without `dtype` any dtype will do."""
    compare(
        learned.kernel,
        expected=right.kernel,
        bound=right.kernel_bound,
        dtype=dtype,
        call=learned.title,
        shown=learned.shown,
        what="learned kernel",
    )


@property_of("learn_kernel", "losses")
def test_the_loss_of_every_epoch(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES[:5]):
        learned, right = replayed(
            submission, make_case(image, kernel, seed=seed * 10, zeros=seed), 2 * seed + 2
        )
        check_losses(learned, right)


@property_of("learn_kernel", "losses")
def test_one_loss_per_epoch_for_one_epoch_and_for_none(submission: Submission) -> None:
    black = Case(tensor(2, 3, seed=32), torch.zeros(5, 4), tensor(4, 2, seed=33), 0.1)
    check_losses(*replayed(submission, black, 2))
    for epochs in (1, 0):
        check_losses(*replayed(submission, make_case((5, 4), (2, 3), seed=31), epochs))


@property_of("learn_kernel", "losses")
def test_losses_fall_at_a_rate_below_the_stable_limit(submission: Submission) -> None:
    X = reference.edge_image()
    learned = ask_kernel(submission, X, convolution(X, torch.tensor([[1.0, -1.0]])), (1, 2))
    kind = isinstance(learned.losses, (list, tuple)) and len(learned.losses) == 10
    that(
        kind,
        call=learned.title,
        aspect="shape",
        sentence="The losses should be a list of 10 floats, one per epoch.",
    )
    values = [
        number(loss, 0.0, tolerance=float("inf"), call=learned.title, what="loss") for loss in learned.losses
    ]
    falling = all(later < earlier for earlier, later in itertools.pairwise(values))
    that(
        falling,
        call=learned.title,
        aspect="values",
        sentence="The default lr of 0.03 is below the stable limit of 1/30, so every loss should be smaller.",
    )


@property_of("learn_kernel", "losses")
def test_losses_for_every_pair_of_sizes_and_epochs(submission: Submission) -> None:
    for case, right in sweep(most_epochs=4):
        check_losses(learned_from(submission, case, len(right.losses)), right)


@property_of("learn_kernel", "losses")
@given(case=cases(), epochs=st.integers(1, 4))
def test_losses_of_random_cases(submission: Submission, case: Case, epochs: int) -> None:
    check_losses(*replayed(submission, case, epochs))


@property_of("learn_kernel", "kernel")
def test_the_kernel_after_the_last_step(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_kernel(*replayed(submission, make_case(image, kernel, seed=seed * 10, zeros=seed), seed + 2))


@property_of("learn_kernel", "kernel")
def test_the_kernel_for_every_pair_of_sizes_and_epochs(submission: Submission) -> None:
    for case, right in sweep(most_epochs=4):
        check_kernel(learned_from(submission, case, len(right.losses)), right)


@property_of("learn_kernel", "kernel")
def test_one_epoch_is_one_step_and_none_is_none(submission: Submission) -> None:
    for epochs in (1, 0):
        check_kernel(*replayed(submission, make_case((5, 4), (2, 3), seed=31), epochs))
    # From a black image nothing can be learned, and where the target is black as well, nothing is wrong.
    black = Case(tensor(2, 3, seed=32), torch.zeros(5, 4), torch.zeros(4, 2), 0.1)
    check_kernel(*replayed(submission, black, 2))


@property_of("learn_kernel", "kernel")
def test_a_kernel_size_may_be_an_int(submission: Submission) -> None:
    check_kernel(*replayed(submission, make_case((5, 6), (3, 3), seed=36), 3, kernel_size=3))


@property_of("learn_kernel", "kernel")
def test_ten_epochs_at_the_default_rate_get_close_to_the_edge_kernel(submission: Submission) -> None:
    X, wanted = reference.edge_image(), torch.tensor([[1.0, -1.0]])
    Y = convolution(X, wanted)
    init = torch.tensor([[0.25, 0.75]])
    learned = ask_kernel(submission, X, Y, (1, 2), init=init)
    check_kernel(learned, expected(Case(init, X, Y, 0.03), 10))
    learned = ask_kernel(submission, X, Y, (1, 2))
    # From a start in [0, 1)² the error along (1, 1) is at most √2 and shrinks to 0.8¹⁰ of it, the error along
    # (1, -1) at most 3/√2 and shrinks to 0.64¹⁰ of it: together at most 0.125 in each element.
    near = torch.full((1, 2), 0.8**10 + 1.5 * 0.64**10 + 1e-5, dtype=torch.float64)
    compare(learned.kernel, expected=wanted, bound=near, call=learned.title, what="learned kernel")


@property_of("learn_kernel", "kernel")
@given(case=cases(), epochs=st.integers(1, 4))
def test_kernels_of_random_cases(submission: Submission, case: Case, epochs: int) -> None:
    check_kernel(*replayed(submission, case, epochs))


@property_of("learn_kernel", "start")
def test_without_init_it_starts_from_torch_rand(submission: Submission) -> None:
    X, Y = tensor(33, 34, seed=51), tensor(3, 3, seed=52)
    starts = []
    for _ in range(2):
        learned = ask_kernel(submission, X, Y, (31, 32), num_epochs=1, lr=0.0)
        shape = torch.full((31, 32), torch.inf)
        compare(
            learned.kernel,
            expected=torch.zeros(31, 32),
            bound=shape,
            call=learned.title,
            what="learned kernel",
        )
        starts.append(learned.kernel.double())
        sentence = (
            "With lr=0 the kernel stays at its start, which torch.rand should draw uniformly between 0 and 1"
        )
        inside = bool(((starts[-1] >= 0) & (starts[-1] < 1)).all())
        that(
            inside,
            call=learned.title,
            aspect="values",
            sentence=f"{sentence}; some values lie outside that range.",
        )
        # Six standard deviations of the mean and of the variance of 992 uniform numbers.
        mean, variance = float(starts[-1].mean()), float(starts[-1].var())
        spread = (
            abs(mean - 0.5) < 6 * (1 / 12 / 992) ** 0.5 and abs(variance * 12 - 1) < 6 * (0.8 / 992) ** 0.5
        )
        that(
            spread,
            call=learned.title,
            aspect="values",
            sentence=f"{sentence}; its mean or variance is off.",
        )
    differ = not same_tensor(*starts)
    that(
        differ,
        call=learned.title,
        aspect="values",
        sentence="Two calls without init should start from different kernels.",
    )


def check_random_start(
    submission: Submission, kernel_size: Size, shape: tuple[int, int], dtype: torch.dtype | None = None
) -> None:
    """Without `init`, the kernel has the requested size and dtype."""
    X = tensor(5, 6, seed=53, dtype=dtype or torch.float32)
    Y = tensor(6 - shape[0], 7 - shape[1], seed=54, dtype=X.dtype)
    learned = ask_kernel(submission, X, Y, kernel_size, num_epochs=2, lr=0.0)
    compare(
        learned.kernel,
        expected=torch.zeros(shape),
        bound=torch.full(shape, torch.inf),
        dtype=dtype,
        call=learned.title,
        what="learned kernel",
    )


@property_of("learn_kernel", "start")
def test_the_random_start_has_the_size_asked_for(submission: Submission) -> None:
    check_random_start(submission, (2, 3), (2, 3))
    check_random_start(submission, 2, (2, 2))


@property_of("learn_kernel", "dtypes and layouts")
def test_learning_in_float64_has_the_precision_of_float64(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES[:3]):
        case = make_case(image, kernel, seed=seed + 70, dtype=torch.float64)
        check_variation(submission, case, seed + 2)
    check_random_start(submission, (3, 1), (3, 1), torch.float64)
    check_random_start(submission, (2, 3), (2, 3), torch.float32)


@property_of("learn_kernel", "dtypes and layouts")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    for seed, layout in enumerate(LAYOUTS):
        X, weight, Y = (
            tensor(*size, seed=seed + place, layout=layout)
            for place, size in enumerate(((5, 4), (3, 2), (3, 3)))
        )
        check_variation(submission, Case(weight, X, Y, 0.001), 2)


@property_of("learn_kernel", "side effects")
def test_init_stays_unchanged(submission: Submission) -> None:
    case = make_case((4, 6), (2, 3), seed=61)
    learned, right = replayed(submission, case, 3)
    check_shape = torch.full(case.weight.shape, torch.inf, dtype=torch.float64)
    compare(
        learned.kernel, expected=right.kernel, bound=check_shape, call=learned.title, what="learned kernel"
    )
    own_answer(
        submission,
        "learn_kernel",
        *(case.X, case.Y, (2, 3)),
        right=(right.kernel, right.losses),
        **{"num_epochs": 3, "lr": case.lr, "init": case.weight},
    )
    left_alone(learned.reply, learned.shown, call=learned.title)
    again, _ = replayed(submission, case, 3)
    shown = {"first_call": learned.kernel, "second_call": again.kernel}
    same = same_tensor(again.kernel, learned.kernel)
    that(same, call=learned.title, aspect="repeated call", sentence=messages.not_repeated(), **shown)
    drawn = ask_kernel(submission, case.X, case.Y, (2, 3), num_epochs=1, lr=case.lr)
    for one in (learned, drawn):
        changes_no_setting(one.reply, call=one.title)
    with suppress(Raised):  # whether float64 works at all is up to another group
        double = learned_from(submission, make_case((4, 6), (2, 3), seed=62, dtype=torch.float64), 2)
        left_alone(double.reply, double.shown, call=double.title)
        changes_no_setting(double.reply, call=double.title)


@property_of("learn_kernel", "devices")
def test_learning_on_an_accelerator(submission: Submission) -> None:
    case = make_case((3, 4), (2, 2), seed=48)
    options: dict[str, Any] = {"num_epochs": 2, "lr": case.lr}
    works_on_the_accelerator(
        submission,
        "learn_kernel",
        called(case.X, case.Y, (2, 2), init=case.weight, **options),
        called(case.X, case.Y, (2, 2), is_random=True, **options),
        right=reference.learn_kernel,
    )

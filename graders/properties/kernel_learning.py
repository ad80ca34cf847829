"""What must hold in exercise 2: a kernel learned by gradient descent, replayed number by number.

To end near the right kernel is no evidence: a wrong loop does so, too. From the same start each step, each
loss and the final kernel must be the reference's.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor
from torch.nn import functional as F

from graders import messages, tolerance
from graders.descent import (
    Case,
    Descent,
    Size,
    cases,
    convolution,
    expected,
    make_case,
    stable_limit,
    sweep,
    titled,
)
from graders.devices import works_on_the_accelerator
from graders.expect import NotWritten, compare, facts, number, references_agree, that
from graders.holds import holds
from graders.messages import call
from graders.strategies import LAYOUTS, pairwise, seeds, tensor
from graders.subject import Submission
from solutions import kernel_learning as reference

EXERCISE = "kernel_learning"
GROUPS = {
    "edge_image": {"the default image": 1, "other sizes and stripes": 3},
    "train_step": {"loss": 2, "step": 3, "float64": 1, "side effects": 2, "devices": 1},
    "learn_kernel": {"losses": 2, "kernel": 2, "start": 1, "side effects": 1, "devices": 1},
    "max_stable_lr": {"values": 1},
    "closed_form_kernel": {"determined": 2, "undetermined": 1, "devices": 1},
}


# (H, W), (kh, kw): rectangular both ways, one row, one by one, square, a kernel that fills the image.
SHAPES = (
    ((4, 6), (2, 3)),
    ((6, 3), (3, 1)),
    ((5, 8), (1, 2)),
    ((3, 4), (1, 1)),
    ((5, 5), (2, 2)),
    ((3, 4), (3, 4)),
)


def pair_of(value: Any, *, title: str, names: str) -> tuple[Any, Any]:
    """A result that must be a pair."""
    if value is None:
        raise NotWritten
    right = isinstance(value, (tuple, list)) and len(value) == 2
    that(right, call=title, aspect="type", sentence=f"It should return a pair {names}.")
    return value[0], value[1]


# --------------------------------------------------------------------------------------------- edge_image


def check_edge_image(submission: Submission, *args: int, **kwargs: int) -> None:
    """The image is the reference's, number by number, and float32."""
    right = reference.edge_image(*args, **kwargs)
    names = {"height": 6, "width": 8, "left": 2, "right": 6}
    names |= dict(zip(names, args, strict=False)) | kwargs
    column = torch.arange(names["width"])
    stripe = 1.0 - ((column >= names["left"]) & (column < names["right"])).float()
    references_agree(right, stripe.expand(names["height"], -1), torch.tensor(0.0))
    options: dict[str, Any] = dict(kwargs)
    reply = submission.ask("edge_image", *args, **options)
    title = call("edge_image", args, kwargs)
    compare(reply.value, expected=right, bound=tolerance.exact(right), dtype=torch.float32, call=title)
    that(
        not reply.changed_state,
        call=title,
        aspect="state",
        sentence=messages.changed_state(reply.changed_state),
    )


@holds("edge_image", "the default image")
def test_the_default_image_has_its_stripe(submission: Submission) -> None:
    check_edge_image(submission)


@holds("edge_image", "other sizes and stripes")
def test_other_sizes_and_stripes(submission: Submission) -> None:
    for size in ((4, 7, 1, 3), (7, 4, 2, 3), (3, 9, 4, 8), (1, 2, 1, 2), (8, 8, 3, 5)):
        check_edge_image(submission, *size)
    check_edge_image(submission, right=4)
    check_edge_image(submission, height=3)
    check_edge_image(submission, width=9, left=1)


@holds("edge_image", "other sizes and stripes")
def test_stripes_at_the_border_over_the_whole_width_and_empty(submission: Submission) -> None:
    for left, right in ((0, 3), (2, 5), (0, 5), (2, 2), (0, 0), (5, 5), (0, 1), (4, 5)):
        check_edge_image(submission, height=3, width=5, left=left, right=right)


@holds("edge_image", "other sizes and stripes")
def test_every_pair_of_sizes_and_edges(submission: Submission) -> None:
    settings = {"width": range(1, 7), "left": range(7), "right": range(7), "height": range(1, 6)}
    rows = pairwise(
        settings,
        lambda left, right: left <= right,
        lambda right, width: right <= width,
        lambda left, width: left <= width,
    )
    for row in sorted(rows, key=lambda row: row["height"] * row["width"]):
        check_edge_image(submission, row["height"], row["width"], row["left"], row["right"])


@holds("edge_image", "other sizes and stripes")
@given(st.data())
def test_random_stripes(submission: Submission, data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    left, right = sorted((data.draw(st.integers(0, width)), data.draw(st.integers(0, width))))
    check_edge_image(submission, height, width, left, right)


# --------------------------------------------------------------------------------------------- train_step


@dataclass(frozen=True)
class Step:
    """What `train_step` gave for one case."""

    weight: Any
    loss: Any
    arguments: list[Tensor]
    changed_state: list[str]
    title: str
    shown: dict[str, Tensor]


def ask_step(submission: Submission, case: Case) -> Step:
    """One call of `train_step`, its pair taken apart."""
    reply = submission.ask("train_step", case.weight, case.X, case.Y, case.lr, return_arguments=True)
    title = titled("train_step", weight=case.weight, X=case.X, Y=case.Y, lr=case.lr)
    weight, loss = pair_of(reply.value, title=title, names="(new_weight, loss)")
    shown = {"weight": case.weight, "X": case.X, "Y": case.Y}
    return Step(weight, loss, reply.arguments, reply.changed_state, title, shown)


def check_step(submission: Submission, case: Case, right: Descent | None = None) -> None:
    """The new weight; its dtype must be the weight's. What is right may be known already."""
    dtype = case.weight.dtype
    right, step = right or expected(case, dtype=dtype), ask_step(submission, case)
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
    """The loss, as it is before the step. What is right may be known already."""
    right, step = right or expected(case, dtype=case.weight.dtype), ask_step(submission, case)
    number(
        step.loss,
        right.losses[0],
        tolerance=right.loss_bounds[0],
        call=step.title,
        what="loss before the step",
    )


@holds("train_step", "loss")
def test_the_loss_is_the_summed_squared_error_before_the_step(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_loss(submission, make_case(image, kernel, seed=seed * 10, integers=True))
        check_loss(submission, make_case(image, kernel, seed=seed * 10 + 5))


@holds("train_step", "loss")
def test_the_loss_for_every_pair_of_sizes(submission: Submission) -> None:
    for case, right in sweep():
        check_loss(submission, case, right)


@holds("train_step", "loss")
@given(case=cases())
def test_the_loss_of_random_cases(submission: Submission, case: Case) -> None:
    check_loss(submission, case)


@holds("train_step", "step")
def test_one_step_against_the_gradient(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_step(submission, make_case(image, kernel, seed=seed * 10, integers=True))
        check_step(submission, make_case(image, kernel, seed=seed * 10 + 5))


@holds("train_step", "step")
def test_one_step_for_every_pair_of_sizes(submission: Submission) -> None:
    for case, right in sweep():
        check_step(submission, case, right)


@holds("train_step", "step")
def test_the_right_kernel_stays_where_it_is(submission: Submission) -> None:
    X, weight = reference.edge_image(), torch.tensor([[1.0, -1.0]])
    check_step(submission, Case(weight, X, convolution(X, weight), 0.03))


@holds("train_step", "step")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    for seed, layout in enumerate(LAYOUTS):
        X, weight, Y = (
            tensor(*size, seed=seed + place, layout=layout)
            for place, size in enumerate(((5, 4), (3, 2), (3, 3)))
        )
        check_step(submission, Case(weight, X, Y, 0.001))


@holds("train_step", "step")
@given(case=cases())
def test_random_steps(submission: Submission, case: Case) -> None:
    check_step(submission, case)


@holds("train_step", "float64")
def test_a_step_in_float64_has_the_precision_of_float64(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES[:3]):
        case = make_case(image, kernel, seed=seed + 70, dtype=torch.float64)
        check_step(submission, case)
        check_loss(submission, case)


def a_real_step(submission: Submission, case: Case) -> Step:
    """A step that does lower the loss: to change nothing is no merit of a function that does nothing."""
    step = ask_step(submission, case)
    right = expected(case, dtype=case.weight.dtype)
    shape = torch.full(case.weight.shape, torch.inf, dtype=torch.float64)
    compare(step.weight, expected=right.kernel, bound=shape, call=step.title, what="weight after the step")
    after = float(((case.Y.double() - convolution(case.X.double(), step.weight.double())) ** 2).sum())
    lower = after < right.losses[0]
    that(
        lower,
        call=step.title,
        aspect="values",
        sentence="Below the stable limit a step should make the loss smaller.",
    )
    return step


@holds("train_step", "side effects")
def test_the_weight_is_left_as_it_was(submission: Submission) -> None:
    for requires_grad in (False, True):
        case = make_case((4, 6), (2, 3), seed=41)
        case.weight.requires_grad_(requires_grad)
        step = a_real_step(submission, case)
        for label, sent, after in zip(step.shown, step.shown.values(), step.arguments, strict=True):
            same = after.shape == sent.shape and torch.equal(after, sent.detach())
            shown = {f"{label}_before": sent, f"{label}_after": after}
            that(
                same, call=step.title, aspect="changed input", sentence=messages.changed_input(label), **shown
            )
        sentence = messages.changed_state(step.changed_state)
        that(not step.changed_state, call=step.title, aspect="state", sentence=sentence)


@holds("train_step", "side effects")
def test_the_new_weight_carries_no_graph(submission: Submission) -> None:
    for requires_grad in (False, True):
        case = make_case((4, 6), (2, 3), seed=43)
        case.weight.requires_grad_(requires_grad)
        step = a_real_step(submission, case)
        sentence = (
            "The new weight still has a grad_fn: it carries the graph of this step along. "
            "Which of your operations should autograd not record?"
        )
        that(not facts(step.weight).has_grad_fn, call=step.title, aspect="gradient", sentence=sentence)


@holds("train_step", "side effects")
def test_equal_calls_give_equal_results(submission: Submission) -> None:
    case = make_case((4, 6), (2, 3), seed=45)
    first, other, second = (
        a_real_step(submission, one) for one in (case, make_case((4, 6), (2, 3), seed=46), case)
    )
    same = torch.equal(first.weight, second.weight) and not torch.equal(first.weight, other.weight)
    shown = {"first_call": first.weight, "second_call": second.weight}
    that(same, call=first.title, aspect="repeated call", sentence=messages.not_repeated(), **shown)


# ------------------------------------------------------------------------------------------- learn_kernel


@dataclass(frozen=True)
class Learned:
    """What `learn_kernel` gave for one case."""

    kernel: Any
    losses: Any
    arguments: list[Tensor]
    changed_state: list[str]
    title: str
    shown: dict[str, Tensor]


def ask_kernel(submission: Submission, X: Tensor, Y: Tensor, kernel_size: Size, **options: Any) -> Learned:
    """One call of `learn_kernel`, its pair taken apart."""
    reply = submission.ask("learn_kernel", X, Y, kernel_size, return_arguments=True, **options)
    title = titled("learn_kernel", X=X, Y=Y, kernel_size=kernel_size, **options)
    kernel, losses = pair_of(reply.value, title=title, names="(kernel, losses)")
    shown = {"X": X, "Y": Y} | {label: value for label, value in options.items() if isinstance(value, Tensor)}
    return Learned(kernel, losses, reply.arguments, reply.changed_state, title, shown)


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


def check_losses(learned: Learned, right: Descent) -> None:
    """One float for each epoch, each of them the right one."""
    epochs = len(right.losses)
    kind = isinstance(learned.losses, (list, tuple))
    that(
        kind,
        call=learned.title,
        aspect="type",
        sentence="The losses should be a list with one float per epoch.",
    )
    sentence = f"There are {len(learned.losses)} losses; {epochs} epochs should leave {epochs}."
    that(len(learned.losses) == epochs, call=learned.title, aspect="shape", sentence=sentence)
    for epoch, (loss, wanted, bound) in enumerate(
        zip(learned.losses, right.losses, right.loss_bounds, strict=True), 1
    ):
        number(loss, wanted, tolerance=bound, call=learned.title, what=f"loss of epoch {epoch}")


def check_kernel(learned: Learned, right: Descent, dtype: torch.dtype) -> None:
    """The kernel after the last step."""
    compare(
        learned.kernel,
        expected=right.kernel,
        bound=right.kernel_bound,
        dtype=dtype,
        call=learned.title,
        shown=learned.shown,
        what="learned kernel",
    )


@holds("learn_kernel", "losses")
def test_the_loss_of_every_epoch(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES[:5]):
        learned, right = replayed(submission, make_case(image, kernel, seed=seed * 10), 2 * seed + 2)
        check_losses(learned, right)


@holds("learn_kernel", "losses")
def test_one_loss_per_epoch_for_one_epoch_and_for_none(submission: Submission) -> None:
    for epochs in (1, 0):
        case = make_case((5, 4), (2, 3), seed=31, dtype=torch.float64)
        learned, right = replayed(submission, case, epochs)
        check_losses(learned, right)


@holds("learn_kernel", "losses")
def test_losses_fall_below_the_stable_limit(submission: Submission) -> None:
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
        sentence="With lr=0.03, below 1/30, every loss should be smaller.",
    )


@holds("learn_kernel", "losses")
def test_losses_for_every_pair_of_sizes_and_epochs(submission: Submission) -> None:
    for case, right in sweep(most_epochs=4):
        check_losses(learned_from(submission, case, len(right.losses)), right)


@holds("learn_kernel", "losses")
@given(case=cases(), epochs=st.integers(1, 4))
def test_losses_of_random_cases(submission: Submission, case: Case, epochs: int) -> None:
    check_losses(*replayed(submission, case, epochs))


@holds("learn_kernel", "kernel")
def test_the_kernel_after_the_last_step(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        for dtype in (torch.float32, torch.float64):
            learned, right = replayed(
                submission, make_case(image, kernel, seed=seed * 10, dtype=dtype), seed + 2
            )
            check_kernel(learned, right, dtype)


@holds("learn_kernel", "kernel")
def test_the_kernel_for_every_pair_of_sizes_and_epochs(submission: Submission) -> None:
    for case, right in sweep(most_epochs=4):
        check_kernel(learned_from(submission, case, len(right.losses)), right, case.weight.dtype)


@holds("learn_kernel", "kernel")
def test_one_epoch_is_one_step_and_none_is_none(submission: Submission) -> None:
    for epochs in (1, 0):
        learned, right = replayed(submission, make_case((5, 4), (2, 3), seed=31, dtype=torch.float64), epochs)
        check_kernel(learned, right, torch.float64)


@holds("learn_kernel", "kernel")
def test_a_kernel_size_may_be_one_number(submission: Submission) -> None:
    learned, right = replayed(submission, make_case((5, 6), (3, 3), seed=36), 3, kernel_size=3)
    check_kernel(learned, right, torch.float32)


@holds("learn_kernel", "kernel")
def test_ten_epochs_at_the_default_rate_come_near_the_edge_kernel(submission: Submission) -> None:
    X, wanted = reference.edge_image(), torch.tensor([[1.0, -1.0]])
    Y = convolution(X, wanted)
    init = torch.tensor([[0.25, 0.75]])
    learned = ask_kernel(submission, X, Y, (1, 2), init=init)
    check_kernel(learned, expected(Case(init, X, Y, 0.03), 10), torch.float32)
    learned = ask_kernel(submission, X, Y, (1, 2))
    # From a start in [0, 1)² the error along (1, 1) is at most √2 and shrinks to 0.8¹⁰ of it, the error along
    # (1, -1) at most 3/√2 and shrinks to 0.64¹⁰ of it: together at most 0.125 in each element.
    near = torch.full((1, 2), 0.8**10 + 1.5 * 0.64**10 + 1e-5, dtype=torch.float64)
    compare(learned.kernel, expected=wanted, bound=near, call=learned.title, what="learned kernel")


@holds("learn_kernel", "kernel")
@given(case=cases(), epochs=st.integers(1, 4))
def test_kernels_of_random_cases(submission: Submission, case: Case, epochs: int) -> None:
    learned, right = replayed(submission, case, epochs)
    check_kernel(learned, right, case.weight.dtype)


@holds("learn_kernel", "start")
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
            "With lr=0 the kernel stays at its start, which torch.rand should draw, uniformly from 0 to 1"
        )
        inside = bool(((starts[-1] >= 0) & (starts[-1] < 1)).all())
        that(inside, call=learned.title, aspect="values", sentence=f"{sentence}; some values lie outside.")
        # Six standard deviations of the mean and of the variance of 992 uniform numbers.
        mean, variance = float(starts[-1].mean()), float(starts[-1].var())
        spread = (
            abs(mean - 0.5) < 6 * (1 / 12 / 992) ** 0.5 and abs(variance * 12 - 1) < 6 * (0.8 / 992) ** 0.5
        )
        that(
            spread,
            call=learned.title,
            aspect="values",
            sentence=f"{sentence}; their mean or variance is another.",
        )
        that(
            not learned.changed_state,
            call=learned.title,
            aspect="state",
            sentence=messages.changed_state(learned.changed_state),
        )
    differ = not torch.equal(*starts)
    that(
        differ,
        call=learned.title,
        aspect="values",
        sentence="Two calls without init should start from different kernels.",
    )


@holds("learn_kernel", "start")
def test_the_random_start_has_the_size_and_dtype_asked_for(submission: Submission) -> None:
    for kernel_size, shape, dtype in (
        ((2, 3), (2, 3), torch.float32),
        (2, (2, 2), torch.float32),
        ((3, 1), (3, 1), torch.float64),
    ):
        X = tensor(5, 6, seed=53, dtype=dtype)
        Y = tensor(6 - shape[0], 7 - shape[1], seed=54, dtype=dtype)
        learned = ask_kernel(submission, X, Y, kernel_size, num_epochs=2, lr=0.0)
        anything = torch.full(shape, torch.inf)
        compare(
            learned.kernel,
            expected=torch.zeros(shape),
            bound=anything,
            dtype=dtype,
            call=learned.title,
            what="learned kernel",
        )


@holds("learn_kernel", "side effects")
def test_init_is_left_as_it_was(submission: Submission) -> None:
    case = make_case((4, 6), (2, 3), seed=61)
    learned, right = replayed(submission, case, 3)
    check_shape = torch.full(case.weight.shape, torch.inf, dtype=torch.float64)
    compare(
        learned.kernel, expected=right.kernel, bound=check_shape, call=learned.title, what="learned kernel"
    )
    moved = not torch.equal(learned.kernel.double(), case.weight.double())
    that(
        moved,
        call=learned.title,
        aspect="values",
        sentence="The learned kernel is still the one it started from.",
    )
    for label, sent, after in zip(learned.shown, learned.shown.values(), learned.arguments, strict=True):
        same = after.shape == sent.shape and torch.equal(after, sent)
        shown = {f"{label}_before": sent, f"{label}_after": after}
        that(
            same, call=learned.title, aspect="changed input", sentence=messages.changed_input(label), **shown
        )
    again, _ = replayed(submission, case, 3)
    shown = {"first_call": learned.kernel, "second_call": again.kernel}
    same = torch.equal(again.kernel, learned.kernel)
    that(same, call=learned.title, aspect="repeated call", sentence=messages.not_repeated(), **shown)
    that(
        not learned.changed_state,
        call=learned.title,
        aspect="state",
        sentence=messages.changed_state(learned.changed_state),
    )


# ------------------------------------------------------------------------------------------ max_stable_lr


def check_limit(submission: Submission, X: Tensor, kernel_size: Size) -> None:
    """The stable limit, up to the rounding of a Hessian computed in the image's own dtype."""
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    right = stable_limit(X, size)
    # H is off by at most γ_m·|A|ᵀ|A|, whose norm is at most n·λ_max; an iteration for λ may stop at 1e-6.
    elements, terms = size[0] * size[1], X.numel()
    relative = 1e-6 + elements * (terms + elements + 16) * tolerance.UNIT_ROUNDOFF[X.dtype]
    got = submission.max_stable_lr(X, kernel_size)
    title = titled("max_stable_lr", X=X, kernel_size=kernel_size)
    number(got, right, tolerance=relative * right, call=title)


@holds("max_stable_lr", "values")
def test_one_thirtieth_for_the_edge_image(submission: Submission) -> None:
    references_agree(
        torch.tensor(stable_limit(reference.edge_image(), (1, 2))), torch.tensor(1 / 30), torch.tensor(1e-9)
    )
    check_limit(submission, reference.edge_image(), (1, 2))


@holds("max_stable_lr", "values")
def test_the_limit_of_other_images_and_kernel_sizes(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_limit(submission, tensor(*image, seed=seed), kernel)
        check_limit(submission, tensor(*image, seed=seed + 20, values="normal", dtype=torch.float64), kernel)
    check_limit(submission, tensor(5, 6, seed=30), 2)
    check_limit(submission, tensor(4, 7, seed=31, layout="transposed"), (3, 2))


@holds("max_stable_lr", "values")
def test_the_limit_for_every_pair_of_sizes(submission: Submission) -> None:
    for case, _ in sweep():
        check_limit(submission, case.X, (case.weight.shape[0], case.weight.shape[1]))


@holds("max_stable_lr", "values")
def test_the_limit_for_a_white_image_and_for_another_stripe(submission: Submission) -> None:
    check_limit(submission, torch.ones(6, 8), (1, 2))
    check_limit(submission, reference.edge_image(5, 9, 3, 5), (2, 1))
    check_limit(submission, -2 * reference.edge_image(), (1, 2))


@holds("max_stable_lr", "values")
@given(case=cases())
def test_the_limit_of_random_images(submission: Submission, case: Case) -> None:
    check_limit(submission, case.X, (case.weight.shape[0], case.weight.shape[1]))


# ------------------------------------------------------------------------------------- closed_form_kernel


def check_closed_form(
    submission: Submission, X: Tensor, Y: Tensor, kernel_size: Size, *, exactly_typed: bool = False
) -> None:
    """The least-squares kernel of smallest norm, up to the rounding that the condition of the problem allows.

    With ε the relative rounding of the matrix A of windows, a solution by normal equations, the least
    accurate way, is off by up to κ²·ε·(‖w‖ + ‖y‖/σ_max), where κ is the ratio of the largest and the smallest
    positive singular value.
    """
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    A = F.unfold(X.double()[None, None], size)[0].T
    y = Y.double().flatten()
    solved = torch.linalg.lstsq(A, y[:, None], driver="gelsd", rcond=1e-9)
    right = solved.solution[:, 0]
    singular = torch.linalg.svdvals(A)
    largest = float(singular[0])
    smallest = float(singular[singular > 1e-9 * largest][-1])
    scale = (largest / smallest) ** 2 * float(right.norm() + y.norm() / largest)
    terms = A.shape[1] * (A.shape[0] + A.shape[1] + 16)
    ours, theirs = (terms * tolerance.UNIT_ROUNDOFF[dtype] * scale for dtype in (torch.float64, X.dtype))
    right = right.reshape(size)
    references_agree(
        reference.closed_form_kernel(X.double(), Y.double(), size), right, torch.full_like(right, ours)
    )
    title = titled("closed_form_kernel", X=X, Y=Y, kernel_size=kernel_size)
    reply = submission.ask("closed_form_kernel", X, Y, kernel_size, return_arguments=True)
    dtype = X.dtype if exactly_typed else None
    bound = torch.full_like(right, theirs + (ours if X.dtype == torch.float64 else 0.0))
    compare(reply.value, expected=right, bound=bound, dtype=dtype, call=title, shown={"X": X, "Y": Y})
    unchanged = all(torch.equal(sent, after) for sent, after in zip((X, Y), reply.arguments, strict=True))
    that(unchanged, call=title, aspect="changed input", sentence="The call changed one of its arguments.")


@holds("closed_form_kernel", "determined")
def test_the_kernel_that_made_the_result_is_found(submission: Submission) -> None:
    X = reference.edge_image()
    check_closed_form(submission, X, convolution(X, torch.tensor([[1.0, -1.0]])), (1, 2), exactly_typed=True)
    for seed, (image, kernel) in enumerate((((6, 8), (2, 3)), ((9, 5), (3, 1)), ((7, 7), (2, 2)))):
        X, K = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 10)
        check_closed_form(submission, X, convolution(X, K), kernel, exactly_typed=True)


@holds("closed_form_kernel", "determined")
def test_the_best_kernel_where_none_fits(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(
        (((6, 8), (2, 3)), ((9, 5), (3, 1)), ((5, 6), (1, 1)), ((7, 9), (1, 4)))
    ):
        out = (image[0] - kernel[0] + 1, image[1] - kernel[1] + 1)
        X = tensor(*image, seed=seed, values="normal", dtype=torch.float64)
        Y = tensor(*out, seed=seed + 20, values="normal", dtype=torch.float64)
        check_closed_form(submission, X, Y, kernel, exactly_typed=True)
    X, Y = tensor(7, 8, seed=31, layout="transposed"), tensor(6, 7, seed=32, layout="sliced")
    check_closed_form(submission, X, Y, 2)


@holds("closed_form_kernel", "determined")
def test_the_best_kernel_for_every_pair_of_sizes(submission: Submission) -> None:
    settings = {"kh": range(1, 4), "kw": range(1, 4), "more_h": range(4, 7), "more_w": range(4, 7)}
    for seed, row in enumerate(pairwise(settings)):
        kh, kw, more_h, more_w = row.values()
        X = tensor(kh + more_h, kw + more_w, seed=seed, values="normal", dtype=torch.float64)
        Y = tensor(more_h + 1, more_w + 1, seed=seed + 50, dtype=torch.float64)
        check_closed_form(submission, X, Y, (kh, kw))


@holds("closed_form_kernel", "determined")
@given(kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), seed=seeds())
def test_the_best_kernel_for_random_images(
    submission: Submission, kernel: tuple[int, int], seed: int
) -> None:
    X = tensor(kernel[0] + 5, kernel[1] + 4, seed=seed, values="normal", dtype=torch.float64)
    check_closed_form(submission, X, tensor(6, 5, seed=seed + 1, dtype=torch.float64), kernel)


@holds("closed_form_kernel", "undetermined")
def test_the_shortest_kernel_where_many_fit(submission: Submission) -> None:
    for dtype in (torch.float32, torch.float64):
        white = torch.ones(6, 8, dtype=dtype)
        check_closed_form(submission, white, tensor(6, 7, seed=1, dtype=dtype), (1, 2))
        # Each column of the image is constant: kernels with the same column sums cannot be told apart.
        striped = reference.edge_image().to(dtype)
        check_closed_form(submission, striped, tensor(5, 7, seed=2, dtype=dtype), (2, 2))
        # Fewer windows than kernel elements.
        X = tensor(3, 4, seed=3, values="normal", dtype=dtype)
        check_closed_form(submission, X, tensor(1, 2, seed=4, dtype=dtype), (3, 3))
        check_closed_form(submission, X, tensor(1, 1, seed=5, dtype=dtype), (3, 4))


# -------------------------------------------------------------------------------------------------- devices


@holds("train_step", "devices")
def test_a_step_on_an_accelerator(submission: Submission) -> None:
    case = make_case((3, 4), (2, 2), seed=47)
    works_on_the_accelerator(
        submission, "train_step", case.weight, case.X, case.Y, case.lr, right=reference.train_step
    )


@holds("learn_kernel", "devices")
def test_learning_on_an_accelerator(submission: Submission) -> None:
    case = make_case((3, 4), (2, 2), seed=48)
    options: dict[str, Any] = {"num_epochs": 2, "lr": case.lr}
    works_on_the_accelerator(
        submission,
        "learn_kernel",
        case.X,
        case.Y,
        (2, 2),
        init=case.weight,
        **options,
        right=reference.learn_kernel,
    )
    works_on_the_accelerator(submission, "learn_kernel", case.X, case.Y, (2, 2), **options)


@holds("closed_form_kernel", "devices")
def test_one_solve_on_an_accelerator(submission: Submission) -> None:
    case = make_case((5, 6), (2, 2), seed=49)
    works_on_the_accelerator(
        submission, "closed_form_kernel", case.X, case.Y, (2, 2), right=reference.closed_form_kernel
    )

"""Expected results of the convolutions of exercise 3, and how answers are compared with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.sandbox.errors import Raised
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import (
    Mismatch,
    NotWritten,
    affordable,
    agrees,
    compare,
    gradients_agree,
    leaves_all_alone,
    references_agree,
    repeats,
    that,
)
from graders.testing.messages import call
from graders.testing.own_answers import consistent, consistent_reply
from graders.testing.reply import Reply
from graders.testing.signatures import labels
from graders.testing.strategies import HALVES, LAYOUTS, MANY, MANY_SECONDS, VALUES, graded, tensor, with_zeros
from graders.testing.submission import Submission
from graders.testing.together import Asked, each_agrees
from solutions import multichannel as reference

from .cases import Case, Question, Sizes, case, sweep

# --------------------------------------------------------------------------------------------- what is right


def convolution(question: Question) -> Tensor:
    """torch's own result, with or without a batch axis in the images and output channels in the kernel."""
    X, K = question.X, question.K
    result = F.conv2d(_four_axes(X), _four_axes(K), question.bias, **question.options)
    return _without_added_axes(result, X, K)


def _four_axes(value: Tensor) -> Tensor:
    return value if value.dim() == 4 else value[None]


def _without_added_axes(result: Tensor, X: Tensor, K: Tensor) -> Tensor:
    if X.dim() == 4:
        return result
    return result[0] if K.dim() == 4 else result[0, 0]


def expected(
    name: str | None, question: Question, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """The right result of `name` in float64, and how far a result computed in `dtype` may be off.

    Without a name only torch is asked, and not the reference.
    """
    exact = question.each(lambda value: value.detach().double())
    right, absolute = convolution(exact), convolution(exact.each(torch.abs))
    images, kernels = _four_axes(exact.X), _four_axes(exact.K)
    terms = kernels[0].numel() + (exact.bias is not None)
    if name is not None:
        ours = getattr(reference, name)(exact.X, exact.K, **exact.keywords)
        references_agree(ours, right, tolerance.products(absolute, terms, torch.float64))
    norms = images.flatten(1).norm(dim=1)[:, None] * kernels.flatten(1).norm(dim=1)
    norm = _without_added_axes(norms[..., None, None], exact.X, exact.K)
    return right, tolerance.products(absolute, terms, dtype, norm)


def asked(name: str | None, question: Question) -> Asked:
    """The question with its right result; a name as for `expected`."""
    return Asked((question.X, question.K), question.keywords, *expected(name, question))


@cache
def swept(**settings: Any) -> tuple[Asked, ...]:
    """The cases of a `sweep` as questions with their right results.

    Only torch is asked for the right result, because the reference takes as long as a submission.
    """
    return tuple(asked(None, one.question(seed)) for seed, one in enumerate(sweep(**settings)))


def expected_gradients(question: Question, upstream: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of `(convolution * upstream).sum()` with their bounds for float32 answers, by name."""

    def gradients(change: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        leaves = question.each(lambda value: change(value.detach().double()).requires_grad_())
        inputs = list(leaves.inputs().values())
        return torch.autograd.grad(convolution(leaves), inputs, change(upstream.double()))

    right, absolute = gradients(lambda value: value), gradients(torch.abs)
    names = list(question.inputs())
    above, image, kernel = (float(t.detach().double().norm()) for t in (upstream, question.X, question.K))
    terms = (question.K.numel(), upstream.numel(), upstream.numel())
    norms = (above * kernel, above * image, 0.0)
    bounds = [
        tolerance.products(a, n, torch.float32, norm)
        for a, n, norm in zip(absolute, terms, norms, strict=False)
    ]
    return dict(zip(names, right, strict=True)), dict(zip(names, bounds, strict=True))


# ------------------------------------------------------------------------------------------------ the checks


def check(
    submission: Submission,
    name: str,
    question: Question,
    dtype: torch.dtype | None = None,
    *,
    compared: Callable[..., Reply] = agrees,
) -> Tensor:
    """`name(X, K, …)` is the convolution; returns it in float64. Without `dtype` any dtype will do."""
    precision = tolerance.coarsest(question.X, question.K) if dtype is not None else torch.float32
    right, bound = expected(name, question, precision)
    X, K, keywords = question.X, question.K, question.keywords
    value = compared(submission, name, X, K, expected=right, bound=bound, dtype=dtype, **keywords).value
    assert isinstance(value, Tensor)
    return value.double()


def check_follows(submission: Submission, name: str, question: Question, right: Tensor, what: str) -> None:
    """The answer follows from another of the student's answers, `right`; `what` says how."""
    bound = 2 * expected(name, question)[1]
    value = submission.ask(name, question.X, question.K, **question.keywords).value
    title = call(name, (question.X, question.K), question.keywords)
    compare(value, expected=right, bound=bound, call=title, what=f"result {what},")


def check_cases(submission: Submission, name: str, cases: Sequence[Case]) -> None:
    """Small integers in images and kernels of every kind of shape; zeros in some."""
    questions = [one.question(seed) for seed, one in enumerate(cases)]
    for seed, question in enumerate(questions):
        with_zeros(seed, *question.inputs().values())
    each_agrees(submission, name, (asked(name, question) for question in questions))


def check_sweep(submission: Submission, name: str, **settings: Any) -> None:
    """Every case of a `sweep`."""
    each_agrees(submission, name, swept(**settings))


def check_kinds(submission: Submission, name: str, one: Case) -> None:
    """Values of every kind."""
    questions = (one.question(seed, values) for seed, values in enumerate(VALUES))
    each_agrees(submission, name, (asked(name, question) for question in questions))


def check_one_hot(submission: Submission, name: str, one: Case) -> None:
    """A kernel with a single 1 copies a part of one channel to one output channel, and nothing else."""
    X = one.question(5).X
    channels, height, width = one.kernel[-3:]
    for number in range(3):
        channel, row, column = (number + 1) % channels, number % height, (number + 1) % width
        output = (2 * number + 1) % one.kernel[0]
        outer = (output,) if len(one.kernel) == 4 else ()
        K = torch.zeros(one.kernel)
        K[(*outer, channel, row, column)] = 1.0
        right, bound = expected(name, Question(X, K))
        copied = torch.zeros_like(right)
        h, w = right.shape[-2:]
        # The output channel comes first in a kernel, and third from the end in a result.
        place = (..., *outer, slice(None), slice(None))
        copied[place] = X[..., channel, row : row + h, column : column + w].double()
        references_agree(copied, right, torch.zeros_like(right))
        agrees(submission, name, X, K, expected=copied, bound=bound)


def check_linear_and_equivariant(submission: Submission, name: str, one: Case) -> None:
    """Linear in the image, equivariant to shifts, and independent of the order of the channels."""
    first = one.question(11)
    X, K, Z = first.X, first.K, one.question(12).X
    of_X, of_Z = check(submission, name, first), check(submission, name, Question(Z, K))
    # 2X - Z may be small by cancellation, so the bound is that of |2X| + |Z|.
    bound = 3 * expected(name, Question(2 * X.abs() + Z.abs(), K.abs()))[1]
    what = f"result for 2·X - Z, compared with 2·{name}(X, K) - {name}(Z, K),"
    title = call(name, (2 * X - Z, K), {})
    both = submission.ask(name, 2 * X - Z, K).value
    compare(both, expected=2 * of_X - of_Z, bound=bound, call=title, what=what)
    moved = Question(X[..., 1:, 1:].clone(), K)
    check_follows(
        submission, name, moved, of_X[..., 1:, 1:], "for the shifted image, compared with the shifted result"
    )
    turned = Question(X.flip(-3), K.flip(-3))
    check_follows(submission, name, turned, of_X, "for the channels of image and kernel in reverse order")


def check_dtypes(submission: Submission, name: str, one: Case) -> None:
    """The result has `torch.result_type(X, K)`, and the precision of the coarser of the two."""
    single, double = (one.question(3, "normal", dtype) for dtype in (torch.float32, torch.float64))
    integers = one.question(4).K.long()
    for question in (
        double,
        single,
        replace(single, K=integers),
        replace(double, K=integers),
        replace(double, K=single.K),
        replace(single, K=double.K),
    ):
        check(submission, name, question, torch.result_type(question.X, question.K), compared=consistent)
    for half in HALVES if submission.device else ():
        check(submission, name, one.question(3, "normal", half), half, compared=consistent)


def check_layouts(submission: Submission, name: str, one: Case) -> None:
    """Views of every kind are ordinary inputs."""
    for seed, layout in enumerate(LAYOUTS):
        check(submission, name, one.question(seed, layout=layout), compared=consistent)


def _with_a_zero(value: Tensor) -> Tensor:
    changed = value.clone()
    changed[(0,) * changed.dim()] = 0
    return changed


def check_gradients(submission: Submission, name: str, cases: Sequence[Case]) -> None:
    """Autograd reaches every input, for an upstream gradient that is not all ones."""
    for seed, one in enumerate(cases):
        question = one.question(seed)
        if seed % 2:  # a factor of zero adds nothing to the result, but something to the gradient
            question = question.each(_with_a_zero)
            # Not both factors of one product, or the gradient would be zero as well.
            first, last = (0,) * question.X.dim(), (-1,) * question.X.dim()
            question.X[first], question.X[last] = 3, 0
        question = question.each(lambda value: value.requires_grad_())
        upstream = tensor(*convolution(question).shape, seed=seed + 99)
        with_zeros(seed % 2, upstream)
        called = dict(zip(("X", "K"), labels(name, 2), strict=True))
        right, bounds = (
            {called.get(key, key): value for key, value in found.items()}
            for found in expected_gradients(question, upstream)
        )
        gradients_agree(
            submission,
            name,
            question.X,
            question.K,
            cotangent=upstream,
            expected=right,
            bounds=bounds,
            **question.keywords,
        )


def check_side_effects(submission: Submission, name: str, one: Case) -> None:
    """Arguments and global settings stay unchanged, and equal calls give equal results."""
    question = one.question(3)
    check(submission, name, question, compared=consistent)
    double = one.question(3, dtype=torch.float64)
    repeats(submission, name, question.X, question.K, **question.keywords)
    leaves_all_alone(submission, name, double.X, double.K, **double.keywords)


def check_affordable(submission: Submission, name: str, image: Sizes, kernel: Sizes) -> None:
    """Many images take little CPU time: a right answer a tenth of the limit, a loop ten times the limit."""
    cases = many_cases(image, kernel)
    replies = affordable(submission, name, [one[:2] for one in cases], seconds=MANY_SECONDS)
    for reply, (X, K, right, bound) in zip(replies, cases, strict=True):
        consistent_reply(submission, reply, name, X, K, expected=right, bound=bound)


@cache
def many_cases(image: Sizes, kernel: Sizes) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]:
    """Images, kernels, right results and bounds, each with different values.

    Both require grad, so one operation per pixel also pays for its node in the computation graph.
    """
    questions = [case(image, kernel).question(4 + number) for number in range(MANY)]
    return tuple(
        (question.X.requires_grad_(), question.K.requires_grad_(), *expected(None, question))
        for question in questions
    )


def check_effort(submission: Submission, name: str, cases: Sequence[Case]) -> None:
    """Neither tensor operations nor Python steps grow along the cases."""
    efforts = []
    for seed, one in enumerate(cases):
        question = one.question(seed)
        check(submission, name, question, compared=consistent)
        efforts.append(submission.ask(name, question.X, question.K, effort=True).effort)
    images = ", ".join(str(one.image) for one in cases)
    kernels = ", ".join(str(one.kernel) for one in cases)
    for place, what in ((0, "tensor operations"), (1, "Python steps")):
        counts = [effort[place] for effort in efforts]
        sentence = (
            f"On images of shape {images} with kernels of shape {kernels} it took "
            f"{', '.join(map(str, counts))} {what}; the number should not grow."
        )
        that(max(counts) <= min(counts) + 4, call=f"{name}(X, K)", aspect="effort", sentence=sentence)


def right_cases(submission: Submission, name: str, cases: Sequence[Case]) -> list[Case]:
    """The cases whose values are right; the others cost points in another group, not in this one."""
    return [one for one in cases if _is_right(submission, name, one)]


def _is_right(submission: Submission, name: str, one: Case) -> bool:
    try:
        check(submission, name, one.question(1))
    except (Mismatch, NotWritten, Raised):
        return False
    return True


def on_the_accelerator_with_all_options(submission: Submission, name: str) -> None:
    """Stride, padding and bias, each of which may need a buffer."""
    X, K, b = graded(2, 2, 3, 4, seed=10), graded(3, 2, 2, 2, seed=11), graded(3, seed=12)
    upstream = tensor(2, 3, 2, 3, seed=17)
    works_on_the_accelerator(
        submission,
        name,
        called(X, K, b, stride=2, padding=1, cotangent=upstream),
        called(X.detach(), K.detach()),
        called(X.detach(), K.detach().long()),
        right=getattr(reference, name),
    )

"""What the convolutions of exercise 3 are asked, what is right, and how one is compared with the other.

The functions are alike: `name(X, K)` with more or fewer axes, some with `bias`, `stride` and so on. A `Case`
holds sizes and settings, a `Question` the tensors made from it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import hypothesis.strategies as st
import torch
from torch import Tensor
from torch.nn import functional as F

from solutions import multichannel as reference

from . import tolerance
from .expect import (
    Mismatch,
    NotWritten,
    agrees,
    compare,
    gradients_agree,
    leaves_arguments_alone,
    references_agree,
    repeats,
    that,
)
from .messages import call
from .sandbox.trouble import Raised
from .strategies import HALVES, LAYOUTS, VALUES, Layout, Values, distinct_sizes, pairwise, seeds, tensor
from .subject import Submission

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """The arguments of one call."""

    X: Tensor
    K: Tensor
    bias: Tensor | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keywords(self) -> dict[str, Any]:
        """Everything but `X` and `K`."""
        return dict(self.options) if self.bias is None else {"bias": self.bias, **self.options}

    def inputs(self) -> dict[str, Tensor]:
        """The tensors, by name."""
        found = {"X": self.X, "K": self.K}
        return found if self.bias is None else {**found, "bias": self.bias}

    def each(self, change: Callable[[Tensor], Tensor]) -> Question:
        """The same question with every tensor changed."""
        bias = None if self.bias is None else change(self.bias)
        return Question(change(self.X), change(self.K), bias, self.options)


@dataclass(frozen=True)
class Case:
    """The sizes and settings of a question."""

    image: Sizes
    kernel: Sizes
    bias: bool
    options: Mapping[str, Any]

    def question(
        self,
        seed: int,
        values: Values = "integers",
        dtype: torch.dtype = torch.float32,
        layout: Layout = "contiguous",
    ) -> Question:
        """The question that the seed determines."""
        X, K, bias = (
            tensor(*sizes, seed=seed + n * 101, values=values, dtype=dtype, layout=layout)
            for n, sizes in enumerate((self.image, self.kernel, self.kernel[:1]))
        )
        return Question(X, K, bias if self.bias else None, self.options)


def case(image: Sizes, kernel: Sizes, bias: bool = False, **options: Any) -> Case:
    """A row in a table of cases."""
    return Case(image, kernel, bias, options)


@st.composite
def questions(
    draw: st.DrawFn,
    batch: bool = True,
    output_channels: bool = True,
    bias: bool = False,
    most_stride: int = 1,
    most_padding: int = 0,
    most_dilation: int = 1,
) -> Question:
    """Images and kernels that fit them; stride, padding and dilation as far as they are asked for."""
    n, c, o = draw(distinct_sizes(3, high=4))
    options = {}
    window, steps, frame = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))), (1, 1), (0, 0))
    if most_stride > 1:
        options["stride"] = steps = draw(st.tuples(*[st.integers(1, most_stride)] * 2))
    if most_padding:
        options["padding"] = frame = draw(st.tuples(*[st.integers(0, most_padding)] * 2))
    extents = window
    if most_dilation > 1:
        options["dilation"] = gaps = draw(st.tuples(*[st.integers(1, most_dilation)] * 2))
        extents = (gaps[0] * (window[0] - 1) + 1, gaps[1] * (window[1] - 1) + 1)
    # Up to three windows along each axis, and a remainder.
    H, W = (
        max(1, k - 2 * p + s * draw(st.integers(0, 2)) + draw(st.integers(0, s - 1)))
        for k, s, p in zip(extents, steps, frame, strict=True)
    )
    image = (n, c, H, W) if batch else (c, H, W)
    kernel = (o, c, *window) if output_channels else (c, *window)
    return Case(image, kernel, bias, options).question(draw(seeds()), draw(st.sampled_from(VALUES)))


@cache
def sweep(
    batch: bool = True,
    output_channels: bool = True,
    bias: Sequence[bool] = (False,),
    most_stride: int = 1,
    most_padding: int = 0,
    most_dilation: int = 1,
    most_groups: int = 1,
    most_channels: int = 4,
    as_wholes: bool = False,
    images_too: bool = False,
) -> tuple[Case, ...]:
    """Small cases in which any two sizes or settings meet that `questions` could draw together.

    With `as_wholes` any two of kernel, stride and padding meet as pairs, and not only the numbers in them.
    With `images_too` the height and the width of the image meet all the rest; that is for where nothing but
    the kernel decides how large it is.
    """
    settings: dict[str, Sequence[Any]] = {}
    conditions: list[Callable[..., bool]] = []
    if most_stride > 1:
        # What is left over beside the last window is smaller than the stride.
        conditions += [lambda sh, rest_h: rest_h < sh, lambda sw, rest_w: rest_w < sw]
        rest = {"rest_h": range(most_stride), "rest_w": range(most_stride)}
        if as_wholes:
            settings["strides"] = tuple(itertools.product(range(1, most_stride + 1), repeat=2))
            conditions.append(lambda strides, sh, sw: strides == (sh, sw))
        settings |= {"sh": range(1, most_stride + 1), "sw": range(1, most_stride + 1), **rest}
        settings["stride_is_one_number"] = (False, True)
        conditions.append(lambda stride_is_one_number, sh, sw: not stride_is_one_number or sh == sw)
    if most_padding:
        if as_wholes:
            settings["paddings"] = tuple(itertools.product(range(most_padding + 1), repeat=2))
            conditions.append(lambda paddings, ph, pw: paddings == (ph, pw))
        settings |= {"ph": range(most_padding + 1), "pw": range(most_padding + 1)}
        settings["padding_is_one_number"] = (False, True)
        conditions.append(lambda padding_is_one_number, ph, pw: not padding_is_one_number or ph == pw)
    if most_dilation > 1:
        settings |= {"dh": range(1, most_dilation + 1), "dw": range(1, most_dilation + 1)}
        settings["dilation_is_one_number"] = (False, True)
        conditions.append(lambda dilation_is_one_number, dh, dw: not dilation_is_one_number or dh == dw)
    if as_wholes:
        settings["kernels"] = tuple(itertools.product(range(1, 4), repeat=2))
        conditions.append(lambda kernels, kh, kw: kernels == (kh, kw))
    # Up to three windows along each axis; two where there are many cases.
    more = range(2 if as_wholes else 3)
    settings |= {"kh": range(1, 4), "more_h": more} | ({"H": range(1, 6)} if images_too else {})
    settings |= {"kw": range(1, 4), "more_w": more} | ({"W": range(1, 6)} if images_too else {})
    if images_too:
        conditions += [lambda H, kh, more_h: kh + more_h == H, lambda W, kw, more_w: kw + more_w == W]
    settings |= {"c": range(1, most_channels + 1), "bias": bias, "groups": range(1, most_groups + 1)}
    settings |= {"n": range(1, most_channels + 1)} if batch else {}
    settings |= {"o": range(1, most_channels + 1)} if output_channels else {}
    return tuple(sorted((_swept(row) for row in pairwise(settings, *conditions)), key=_extent))


def _swept(row: Mapping[str, Any]) -> Case:
    """One row of a sweep as a case; what it does not speak of is left away."""
    sizes, options = [], {}
    for axis in "hw":
        stride, padding, dilation = (
            row.get(f"{name}{axis}", default) for name, default in (("s", 1), ("p", 0), ("d", 1))
        )
        extent = dilation * (row[f"k{axis}"] - 1) + 1
        sizes.append(max(1, extent - 2 * padding + stride * row[f"more_{axis}"] + row.get(f"rest_{axis}", 0)))
    for name in ("stride", "padding", "dilation"):
        if f"{name[0]}h" in row:
            pair = (row[f"{name[0]}h"], row[f"{name[0]}w"])
            options[name] = pair[0] if row[f"{name}_is_one_number"] else pair
    if row["groups"] > 1:
        options["groups"] = row["groups"]
    kernel = (row["c"], row["kh"], row["kw"])
    image = (row["c"] * row["groups"], *sizes)
    return Case(
        (row["n"], *image) if "n" in row else image,
        (row["o"] * row["groups"], *kernel) if "o" in row else kernel,
        row["bias"],
        options,
    )


def _extent(one: Case) -> int:
    """How much there is to look at."""
    return math.prod(one.image) + math.prod(one.kernel)


# --------------------------------------------------------------------------------------------- what is right


def convolution(question: Question) -> Tensor:
    """torch's own, for images with and without a batch axis and kernels with and without output channels."""
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
    """The right result of `name` in float64, and how far one computed in `dtype` may lie from it.

    Without a name torch alone is asked, and not the reference.
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


@cache
def swept(**settings: Any) -> tuple[tuple[Question, Tensor, Tensor], ...]:
    """The cases of a `sweep` as questions, with the right result and the bound of each.

    Torch alone says what is right, for the reference takes as long as an answer.
    """
    questions = [one.question(seed) for seed, one in enumerate(sweep(**settings))]
    return tuple((question, *expected(None, question)) for question in questions)


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


def check(submission: Submission, name: str, question: Question, dtype: torch.dtype | None = None) -> Tensor:
    """`name(X, K, …)` is the convolution; returns it in float64. Without `dtype` that is left open."""
    precision = tolerance.coarsest(question.X, question.K) if dtype is not None else torch.float32
    right, bound = expected(name, question, precision)
    X, K, keywords = question.X, question.K, question.keywords
    value = agrees(submission, name, X, K, expected=right, bound=bound, dtype=dtype, **keywords).value
    assert isinstance(value, Tensor)
    return value.double()


def check_follows(submission: Submission, name: str, question: Question, right: Tensor, what: str) -> None:
    """The answer follows from another answer of the student's, `right`; `what` says how."""
    bound = 2 * expected(name, question)[1]
    value = submission.ask(name, question.X, question.K, **question.keywords).value
    title = call(name, (question.X, question.K), question.keywords)
    compare(value, expected=right, bound=bound, call=title, what=f"result {what},")


def check_cases(submission: Submission, name: str, cases: Sequence[Case]) -> None:
    """Small integers in images and kernels of every kind of shape."""
    for seed, one in enumerate(cases):
        check(submission, name, one.question(seed))


def check_sweep(submission: Submission, name: str, **settings: Any) -> None:
    """Every case of a `sweep`."""
    for question, right, bound in swept(**settings):
        agrees(submission, name, question.X, question.K, expected=right, bound=bound, **question.keywords)


def check_kinds(submission: Submission, name: str, one: Case) -> None:
    """Values of every kind."""
    for seed, values in enumerate(VALUES):
        check(submission, name, one.question(seed, values))


def check_one_hot(submission: Submission, name: str, one: Case) -> None:
    """A kernel with a single 1 copies a part of one channel to one place of the result, and nothing else."""
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
    """Linear in the image, equivariant to shifts, indifferent to the order in which the channels come."""
    first = one.question(11)
    X, K, Z = first.X, first.K, one.question(12).X
    of_X, of_Z = check(submission, name, first), check(submission, name, Question(Z, K))
    # The bound is that of |2X| + |Z|, which 2X - Z may undercut by cancellation.
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
        check(submission, name, question, torch.result_type(question.X, question.K))
    for half in HALVES if submission.device else ():
        check(submission, name, one.question(3, "normal", half), half)


def check_layouts(submission: Submission, name: str, one: Case) -> None:
    """Views of every kind are ordinary inputs."""
    for seed, layout in enumerate(LAYOUTS):
        check(submission, name, one.question(seed, layout=layout))


def check_gradients(submission: Submission, name: str, cases: Sequence[Case]) -> None:
    """Autograd reaches every input, for an upstream gradient that is not all ones."""
    for seed, one in enumerate(cases):
        question = one.question(seed).each(lambda value: value.requires_grad_())
        upstream = tensor(*convolution(question).shape, seed=seed + 99)
        right, bounds = expected_gradients(question, upstream)
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
    """Arguments and global settings stay as they were, and two equal calls have equal results."""
    question = one.question(3)
    check(submission, name, question)
    leaves_arguments_alone(submission, name, question.X, question.K, **question.keywords)
    repeats(submission, name, question.X, question.K, **question.keywords)


def check_effort(submission: Submission, name: str, cases: Sequence[Case]) -> None:
    """Neither tensor operations nor Python steps grow along the cases."""
    efforts = []
    for seed, one in enumerate(cases):
        question = one.question(seed)
        check(submission, name, question)
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
    """Those of the cases whose values are right; the others cost another group its points, not this one."""
    return [one for one in cases if _is_right(submission, name, one)]


def _is_right(submission: Submission, name: str, one: Case) -> bool:
    try:
        check(submission, name, one.question(1))
    except (Mismatch, NotWritten, Raised):
        return False
    return True

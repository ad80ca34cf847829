"""What must hold in exercise 3: convolution over many channels, with batches, strides, padding and as a layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.nn import functional as F

from graders import tolerance
from graders.expect import (
    Mismatch,
    NotWritten,
    agrees,
    compare,
    equal,
    gradients_agree,
    leaves_arguments_alone,
    references_agree,
    refuses,
    repeats,
    that,
)
from graders.holds import holds
from graders.messages import call
from graders.sandbox.trouble import Raised
from graders.strategies import LAYOUTS, VALUES, distinct_sizes, seeds, tensor
from graders.subject import Module, Submission
from solutions import multichannel as reference

EXERCISE = "multichannel"
GROUPS = {
    "conv2d_multi_in": {"values": 5, "gradients": 2, "dtypes": 1, "layouts": 1, "side effects": 1},
    "conv2d_multi_in_out": {"values": 5, "gradients": 2, "dtypes": 1, "layouts": 1, "side effects": 1},
    "conv2d_1x1": {"values": 4, "gradients": 1, "dtypes": 1, "layouts": 1, "side effects": 1, "effort": 2},
    "conv2d_batched": {
        "values": 4,
        "stride": 2,
        "padding": 2,
        "bias": 2,
        "all together": 1,
        "gradients": 2,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
    },
    "MultiChannelConv2d": {
        "state_dict": 2,
        "initial weights": 1,
        "forward": 3,
        "stride and padding": 1,
        "without bias": 1,
        "gradients": 1,
        "dtypes": 1,
    },
    "num_parameters": {"square kernels": 1, "rectangular kernels": 1, "without bias": 1},
    "conv2d_general": {
        "stride, padding and bias": 2,
        "dilation": 2,
        "groups": 2,
        "all together": 1,
        "gradients and dtypes": 1,
    },
    "conv2d_im2col": {"values": 2, "stride, padding and bias": 2, "gradients and dtypes": 1, "effort": 2},
    "invalid_input": {"conv2d_multi_in": 1, "conv2d_multi_in_out": 1, "conv2d_1x1": 1, "conv2d_batched": 2},
}

Sizes = tuple[int, ...]

# (c_in, H, W), (c_in, kh, kw): all different, one channel, all ones, a kernel that fills the image, a cube.
MULTI_IN: tuple[tuple[Sizes, Sizes], ...] = (
    ((3, 5, 7), (3, 2, 4)),
    ((2, 6, 5), (2, 4, 1)),
    ((4, 3, 6), (4, 1, 2)),
    ((1, 4, 3), (1, 2, 2)),
    ((1, 1, 1), (1, 1, 1)),
    ((2, 4, 3), (2, 4, 3)),
    ((3, 3, 3), (3, 3, 3)),
    ((2, 5, 5), (2, 3, 3)),
)

# (c_in, H, W), (c_out, c_in, kh, kw): as above; as many channels out as in; one channel on either side.
MULTI_IN_OUT: tuple[tuple[Sizes, Sizes], ...] = (
    ((3, 6, 5), (7, 3, 4, 2)),
    ((4, 5, 7), (2, 4, 1, 3)),
    ((3, 5, 5), (3, 3, 3, 3)),
    ((1, 4, 3), (2, 1, 2, 2)),
    ((2, 4, 3), (1, 2, 2, 1)),
    ((1, 1, 1), (1, 1, 1, 1)),
    ((2, 3, 4), (3, 2, 3, 4)),
    ((2, 2, 2), (2, 2, 2, 2)),
)

# (c_in, H, W), (c_out, c_in, 1, 1).
ONE_BY_ONE: tuple[tuple[Sizes, Sizes], ...] = (
    ((3, 4, 5), (2, 3, 1, 1)),
    ((2, 5, 3), (4, 2, 1, 1)),
    ((3, 3, 3), (3, 3, 1, 1)),
    ((1, 2, 3), (4, 1, 1, 1)),
    ((4, 3, 2), (1, 4, 1, 1)),
    ((1, 1, 1), (1, 1, 1, 1)),
    ((5, 1, 1), (3, 5, 1, 1)),
)

# (N, c_in, H, W), (c_out, c_in, kh, kw): as above; a batch of one; as many images as channels.
BATCHED: tuple[tuple[Sizes, Sizes], ...] = (
    ((2, 3, 6, 5), (7, 3, 4, 1)),
    ((3, 2, 4, 6), (1, 2, 2, 5)),
    ((1, 3, 4, 5), (2, 3, 2, 3)),
    ((2, 1, 4, 3), (3, 1, 2, 2)),
    ((2, 2, 4, 4), (2, 2, 3, 3)),
    ((3, 3, 3, 3), (3, 3, 2, 2)),
    ((1, 1, 1, 1), (1, 1, 1, 1)),
    ((2, 2, 3, 4), (3, 2, 3, 4)),
)

# Image batch, kernels, stride: pairs and ints, strides that do not divide, wider than the kernel, than the image.
STRIDES: tuple[tuple[Sizes, Sizes, int | tuple[int, int]], ...] = (
    ((2, 3, 7, 8), (4, 3, 2, 3), (3, 2)),
    ((1, 2, 6, 8), (3, 2, 3, 2), (1, 4)),
    ((2, 1, 8, 5), (1, 1, 3, 2), (2, 1)),
    ((2, 2, 6, 7), (2, 2, 3, 2), 2),
    ((1, 2, 7, 6), (2, 2, 1, 2), 3),
    ((2, 2, 3, 4), (1, 2, 2, 2), (5, 6)),
)

# Image batch, kernels, padding: pairs and ints, one axis only, kernels larger than the bare image, wide frames.
PADDINGS: tuple[tuple[Sizes, Sizes, int | tuple[int, int]], ...] = (
    ((2, 3, 5, 4), (1, 3, 3, 2), (0, 2)),
    ((1, 2, 3, 5), (3, 2, 2, 3), (2, 1)),
    ((2, 1, 4, 3), (2, 1, 3, 3), 1),
    ((1, 2, 4, 5), (2, 2, 2, 1), (1, 0)),
    ((2, 2, 2, 3), (1, 2, 4, 5), (1, 2)),
    ((1, 1, 1, 2), (2, 1, 1, 2), (3, 2)),
)

# Image batch, kernels, stride, padding; in the first two no two of the eleven numbers are alike.
TOGETHER: tuple[tuple[Sizes, Sizes, int | tuple[int, int], int | tuple[int, int]], ...] = (
    ((3, 5, 13, 12), (6, 5, 2, 4), (7, 8), (1, 0)),
    ((4, 3, 8, 10), (1, 3, 7, 6), (9, 5), (0, 2)),
    ((2, 3, 6, 5), (4, 3, 3, 2), (2, 3), (1, 2)),
    ((1, 2, 5, 7), (3, 2, 2, 3), (3, 2), (2, 0)),
    ((2, 2, 5, 5), (2, 2, 3, 3), 2, 1),
)


# --------------------------------------------------------------------------------------- what is right


def convolution(X: Tensor, K: Tensor, bias: Tensor | None = None, **options: Any) -> Tensor:
    """torch's own, for images with and without a batch axis and kernels with and without output channels."""
    result = F.conv2d(X if X.dim() == 4 else X[None], K if K.dim() == 4 else K[None], bias, **options)
    return _without_added_axes(result, X, K)


def _without_added_axes(result: Tensor, X: Tensor, K: Tensor) -> Tensor:
    if X.dim() == 4:
        return result
    return result[0] if K.dim() == 4 else result[0, 0]


def expected(
    name: str,
    X: Tensor,
    K: Tensor,
    bias: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> tuple[Tensor, Tensor]:
    """The right result of `name` in float64, and how far one computed in `dtype` may lie from it."""
    X, K = X.detach().double(), K.detach().double()
    bias = None if bias is None else bias.detach().double()
    right = convolution(X, K, bias, **options)
    absolute = convolution(X.abs(), K.abs(), None if bias is None else bias.abs(), **options)
    kernels = K if K.dim() == 4 else K[None]
    terms = kernels[0].numel() + (bias is not None)
    arguments = (X, K) if bias is None else (X, K, bias)
    ours = getattr(reference, name)(*arguments, **options)
    references_agree(ours, right, tolerance.products(absolute, terms, torch.float64))
    images = X if X.dim() == 4 else X[None]
    norms = images.flatten(1).norm(dim=1)[:, None] * kernels.flatten(1).norm(dim=1)
    norm = _without_added_axes(norms[..., None, None], X, K)
    return right, tolerance.products(absolute, terms, dtype, norm)


def expected_gradients(
    X: Tensor, K: Tensor, upstream: Tensor, bias: Tensor | None = None, **options: Any
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of `(convolution * upstream).sum()` with their bounds, by name, for float32 answers."""
    inputs = [X, K] if bias is None else [X, K, bias]
    names = ["X", "K", "bias"][: len(inputs)]

    def gradients(change: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        leaves = [change(value.detach().double()).requires_grad_() for value in inputs]
        return torch.autograd.grad(convolution(*leaves, **options), leaves, change(upstream.double()))

    right, absolute = gradients(lambda value: value), gradients(torch.abs)
    above, image, kernel = (float(value.detach().double().norm()) for value in (upstream, X, K))
    terms = (K.numel(), upstream.numel(), upstream.numel())
    norms = (above * kernel, above * image, 0.0)
    bounds = [
        tolerance.products(a, n, torch.float32, norm)
        for a, n, norm in zip(absolute, terms, norms, strict=False)
    ]
    return dict(zip(names, right, strict=True)), dict(zip(names, bounds, strict=True))


def check(
    submission: Submission, name: str, X: Tensor, K: Tensor, bias: Tensor | None = None, **options: Any
) -> Tensor:
    """`name(X, K, …)` is the convolution; the dtype is left open. Returns the answer."""
    right, bound = expected(name, X, K, bias, **options)
    if bias is not None:
        options = {"bias": bias, **options}
    value = agrees(submission, name, X, K, expected=right, bound=bound, **options).value
    assert isinstance(value, Tensor)
    return value


def check_shapes(submission: Submission, name: str, shapes: Sequence[tuple[Sizes, Sizes]]) -> None:
    """Integer images and kernels of every kind of shape."""
    for seed, (image, kernel) in enumerate(shapes):
        check(submission, name, tensor(*image, seed=seed), tensor(*kernel, seed=seed + 100))


def check_kinds(submission: Submission, name: str, shapes: tuple[Sizes, Sizes]) -> None:
    """Values of every kind."""
    image, kernel = shapes
    for seed, values in enumerate(VALUES):
        X, K = tensor(*image, seed=seed, values=values), tensor(*kernel, seed=seed + 50, values=values)
        check(submission, name, X, K)


def check_one_hot(submission: Submission, name: str, image: Sizes, kernel: Sizes) -> None:
    """A kernel with a single one in it copies a part of one channel to one place of the result, and no other."""
    X = tensor(*image, seed=5)
    channel_axis = len(kernel) - 3
    for seed in range(3):
        place = [
            int(torch.randint(size, (), generator=torch.Generator().manual_seed(seed))) for size in kernel
        ]
        place[channel_axis] = (seed + 1) % kernel[channel_axis]
        K = torch.zeros(kernel)
        K[tuple(place)] = 1.0
        right, bound = expected(name, X, K)
        row, column = place[-2:]
        part = X[
            ..., place[channel_axis], row : row + right.shape[-2], column : column + right.shape[-1]
        ].double()
        copied = torch.zeros_like(right)
        # The output channel comes first in a kernel, and third from the end in a result.
        copied[(..., place[0], slice(None), slice(None)) if len(kernel) == 4 else ...] = part
        references_agree(copied, right, torch.zeros_like(right))
        agrees(submission, name, X, K, expected=copied, bound=bound)


def check_linear_and_equivariant(
    submission: Submission, name: str, image: Sizes, kernel: Sizes, seed: int
) -> None:
    """Linear in the image, equivariant to shifts, indifferent to the order in which the channels come."""
    X, Z, K = tensor(*image, seed=seed), tensor(*image, seed=seed + 1), tensor(*kernel, seed=seed + 2)
    one, two = check(submission, name, X, K).double(), check(submission, name, Z, K).double()
    bound = 4 * expected(name, 2 * X.abs() + Z.abs(), K.abs())[1]
    both = submission.ask(name, 2 * X - Z, K).value
    what = f"result for 2·X - Z, compared with 2·{name}(X, K) - {name}(Z, K),"
    compare(both, expected=2 * one - two, bound=bound, call=call(name, (2 * X - Z, K), {}), what=what)
    moved = X[..., 1:, 1:]
    shifted = submission.ask(name, moved.contiguous(), K).value
    what = "result for the shifted image, compared with the shifted result,"
    right = one[..., 1:, 1:]
    compare(shifted, expected=right, bound=bound[..., 1:, 1:], call=call(name, (moved, K), {}), what=what)
    turned = submission.ask(name, X.flip(-3), K.flip(-3 if len(kernel) == 3 else 1)).value
    what = "result for the same channels in reverse order, of image and kernel,"
    compare(turned, expected=one, bound=bound, call=call(name, (X, K), {}), what=what)


def check_dtypes(submission: Submission, name: str, image: Sizes, kernel: Sizes) -> None:
    """The result has `torch.result_type(X, K)`, and the precision that goes with it."""
    integers = tensor(*kernel, seed=6).long()
    pairs = (
        (torch.float64, tensor(*kernel, seed=2, values="normal", dtype=torch.float64)),
        (torch.float32, tensor(*kernel, seed=4, values="normal")),
        (torch.float32, integers),
        (torch.float64, integers),
        (torch.float64, tensor(*kernel, seed=7)),
    )
    for seed, (of_X, K) in enumerate(pairs):
        X = tensor(*image, seed=seed, values="normal", dtype=of_X)
        dtype = torch.result_type(X, K)
        right, bound = expected(name, X, K, dtype=dtype)
        agrees(submission, name, X, K, expected=right, bound=bound, dtype=dtype)


def check_layouts(submission: Submission, name: str, image: Sizes, kernel: Sizes) -> None:
    """Views of every kind are ordinary inputs."""
    for seed, layout in enumerate(LAYOUTS):
        X, K = tensor(*image, seed=seed, layout=layout), tensor(*kernel, seed=seed + 9, layout=layout)
        check(submission, name, X, K)


def check_gradients(
    submission: Submission, name: str, image: Sizes, kernel: Sizes, bias: bool = False, **options: Any
) -> None:
    """Autograd reaches every input, for an upstream gradient that is not all ones."""
    X, K = tensor(*image, seed=1).requires_grad_(), tensor(*kernel, seed=2).requires_grad_()
    b = tensor(kernel[0], seed=3).requires_grad_() if bias else None
    upstream = tensor(*convolution(X, K, b, **options).shape, seed=4)
    right, bounds = expected_gradients(X, K, upstream, b, **options)
    if b is not None:
        options = {"bias": b, **options}
    gradients_agree(submission, name, X, K, cotangent=upstream, expected=right, bounds=bounds, **options)


def check_side_effects(
    submission: Submission, name: str, image: Sizes, kernel: Sizes, **options: Any
) -> None:
    """Arguments and global settings stay as they were, and two equal calls have equal results."""
    X, K = tensor(*image, seed=3), tensor(*kernel, seed=4)
    check(submission, name, X, K, **options)
    leaves_arguments_alone(submission, name, X, K, **options)
    repeats(submission, name, X, K, **options)


def check_effort(submission: Submission, name: str, cases: Sequence[tuple[Sizes, Sizes]]) -> None:
    """Neither tensor operations nor Python steps grow along the cases."""
    efforts = []
    for seed, (image, kernel) in enumerate(cases):
        X, K = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 9)
        check(submission, name, X, K)
        efforts.append(submission.ask(name, X, K, effort=True).effort)
    images = ", ".join(str(image) for image, _ in cases)
    kernels = ", ".join(str(kernel) for _, kernel in cases)
    for place, what in ((0, "tensor operations"), (1, "Python steps")):
        counts = [effort[place] for effort in efforts]
        sentence = (
            f"On images of shape {images} with kernels of shape {kernels} it took "
            f"{', '.join(map(str, counts))} {what}; the number should not grow."
        )
        that(max(counts) <= min(counts) + 4, call=f"{name}(X, K)", aspect="effort", sentence=sentence)


def another_group_pays(check_it: Callable[[], object]) -> bool:
    """Whether a right value is missing, which costs the points of another group and not of this one too."""
    try:
        check_it()
    except (Mismatch, NotWritten, Raised):
        return True
    return False


@st.composite
def one_image(draw: st.DrawFn, output_channels: bool) -> tuple[Tensor, Tensor]:
    """An image `(c_in, H, W)` and a kernel that fits it; sizes, values and memory layout vary."""
    c, o = draw(distinct_sizes(2, high=3))
    kh, kw = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    H, W = kh + draw(st.integers(0, 3)), kw + draw(st.integers(0, 3))
    values, seed = draw(st.sampled_from(VALUES)), draw(seeds())
    kernel = (o, c, kh, kw) if output_channels else (c, kh, kw)
    return tensor(c, H, W, seed=seed, values=values), tensor(*kernel, seed=seed + 1, values=values)


@st.composite
def batches(
    draw: st.DrawFn, most_stride: int = 1, most_padding: int = 0
) -> tuple[Tensor, Tensor, dict[str, tuple[int, int]]]:
    """A batch of images, kernels, and stride and padding as far as they are asked for."""
    n, c, o = draw(distinct_sizes(3, high=4))
    kh, kw = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    options = {}
    sh, sw, ph, pw = 1, 1, 0, 0
    if most_stride > 1:
        options["stride"] = sh, sw = draw(st.integers(1, most_stride)), draw(st.integers(1, most_stride))
    if most_padding:
        options["padding"] = ph, pw = draw(st.integers(0, most_padding)), draw(st.integers(0, most_padding))
    # Up to three windows along each axis, and a remainder.
    H = max(1, kh - 2 * ph + sh * draw(st.integers(0, 2)) + draw(st.integers(0, sh - 1)))
    W = max(1, kw - 2 * pw + sw * draw(st.integers(0, 2)) + draw(st.integers(0, sw - 1)))
    values, seed = draw(st.sampled_from(VALUES)), draw(seeds())
    X, weight = (
        tensor(n, c, H, W, seed=seed, values=values),
        tensor(o, c, kh, kw, seed=seed + 1, values=values),
    )
    return X, weight, options


# ---------------------------------------------------------------------------------------- conv2d_multi_in


@holds("conv2d_multi_in", "values")
def test_a_one_hot_kernel_picks_its_channel_and_place(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_multi_in", (3, 4, 5), (3, 2, 3))


@holds("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_every_kind_of_shape(submission: Submission) -> None:
    check_shapes(submission, "conv2d_multi_in", MULTI_IN)


@holds("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_multi_in", ((3, 4, 5), (3, 3, 2)))


@holds("conv2d_multi_in", "values")
@given(case=one_image(output_channels=False))
def test_the_sum_over_channels_of_random_images(submission: Submission, case: tuple[Tensor, Tensor]) -> None:
    check(submission, "conv2d_multi_in", *case)


@holds("conv2d_multi_in", "values")
@given(seed=seeds())
def test_the_sum_over_channels_is_linear_and_commutes_with_shifts(submission: Submission, seed: int) -> None:
    check_linear_and_equivariant(submission, "conv2d_multi_in", (3, 4, 5), (3, 2, 3), seed)


@holds("conv2d_multi_in", "gradients")
def test_gradients_of_the_sum_over_channels(submission: Submission) -> None:
    for image, kernel in (*MULTI_IN[:3], *MULTI_IN[4:6]):
        check_gradients(submission, "conv2d_multi_in", image, kernel)


@holds("conv2d_multi_in", "dtypes")
def test_the_result_type_of_image_and_kernel(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_multi_in", (2, 3, 5), (2, 2, 3))


@holds("conv2d_multi_in", "layouts")
def test_views_of_many_channels_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_multi_in", (2, 5, 4), (2, 3, 2))


@holds("conv2d_multi_in", "side effects")
def test_image_kernel_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_multi_in", (2, 4, 5), (2, 3, 2))


# ------------------------------------------------------------------------------------ conv2d_multi_in_out


@holds("conv2d_multi_in_out", "values")
def test_a_one_hot_kernel_copies_one_channel_to_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_multi_in_out", (3, 4, 5), (4, 3, 2, 3))


@holds("conv2d_multi_in_out", "values")
def test_many_channels_out_for_every_kind_of_shape(submission: Submission) -> None:
    check_shapes(submission, "conv2d_multi_in_out", MULTI_IN_OUT)


@holds("conv2d_multi_in_out", "values")
def test_many_channels_out_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_multi_in_out", ((2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_multi_in_out", "values")
@given(case=one_image(output_channels=True))
def test_many_channels_out_of_random_images(submission: Submission, case: tuple[Tensor, Tensor]) -> None:
    check(submission, "conv2d_multi_in_out", *case)


@holds("conv2d_multi_in_out", "values")
@given(seed=seeds())
def test_many_channels_out_are_linear_and_commute_with_shifts(submission: Submission, seed: int) -> None:
    check_linear_and_equivariant(submission, "conv2d_multi_in_out", (3, 3, 4), (2, 3, 2, 3), seed)


@holds("conv2d_multi_in_out", "values")
@given(seed=seeds())
def test_every_output_channel_has_a_group_of_kernels_of_its_own(submission: Submission, seed: int) -> None:
    X, K = tensor(2, 3, 4, seed=seed), tensor(3, 2, 2, 3, seed=seed + 1)
    together = check(submission, "conv2d_multi_in_out", X, K).double()
    bound = 2 * expected("conv2d_multi_in_out", X, K)[1]
    for o in range(3):
        alone = submission.conv2d_multi_in_out(X, K[o : o + 1].clone())
        what = f"result for the kernels of output channel {o} alone, compared with that channel of the whole,"
        title = call("conv2d_multi_in_out", (X, K[o : o + 1]), {})
        compare(alone, expected=together[o : o + 1], bound=bound[o : o + 1], call=title, what=what)


@holds("conv2d_multi_in_out", "gradients")
def test_gradients_of_many_channels_out(submission: Submission) -> None:
    for image, kernel in (*MULTI_IN_OUT[1:2], *MULTI_IN_OUT[3:7]):
        check_gradients(submission, "conv2d_multi_in_out", image, kernel)


@holds("conv2d_multi_in_out", "dtypes")
def test_the_result_type_of_image_and_kernels(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_multi_in_out", (2, 3, 4), (3, 2, 2, 3))


@holds("conv2d_multi_in_out", "layouts")
def test_views_of_many_channels_out_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_multi_in_out", (2, 4, 3), (3, 2, 3, 2))


@holds("conv2d_multi_in_out", "side effects")
def test_image_kernels_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_multi_in_out", (2, 3, 4), (3, 2, 2, 3))


# --------------------------------------------------------------------------------------------- conv2d_1x1


@holds("conv2d_1x1", "values")
def test_a_single_one_copies_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_1x1", (3, 4, 5), (2, 3, 1, 1))


@holds("conv2d_1x1", "values")
def test_mixing_channels_for_every_kind_of_shape(submission: Submission) -> None:
    check_shapes(submission, "conv2d_1x1", ONE_BY_ONE)


@holds("conv2d_1x1", "values")
def test_mixing_channels_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_1x1", ((3, 2, 4), (5, 3, 1, 1)))


@holds("conv2d_1x1", "values")
@given(sizes=distinct_sizes(4), values=st.sampled_from(VALUES), seed=seeds())
def test_mixing_channels_of_random_images(
    submission: Submission, sizes: tuple[int, int, int, int], values: Any, seed: int
) -> None:
    c, o, H, W = sizes
    X, K = tensor(c, H, W, seed=seed, values=values), tensor(o, c, 1, 1, seed=seed + 1, values=values)
    check(submission, "conv2d_1x1", X, K)


@holds("conv2d_1x1", "values")
@given(seed=seeds())
def test_every_pixel_is_mixed_alone(submission: Submission, seed: int) -> None:
    check_linear_and_equivariant(submission, "conv2d_1x1", (3, 2, 4), (2, 3, 1, 1), seed)


@holds("conv2d_1x1", "gradients")
def test_gradients_of_mixing_channels(submission: Submission) -> None:
    for image, kernel in ONE_BY_ONE[:6]:
        check_gradients(submission, "conv2d_1x1", image, kernel)


@holds("conv2d_1x1", "dtypes")
def test_the_result_type_of_mixing_channels(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_1x1", (3, 4, 5), (2, 3, 1, 1))


@holds("conv2d_1x1", "layouts")
def test_channels_of_views_are_mixed_alike(submission: Submission) -> None:
    check_layouts(submission, "conv2d_1x1", (3, 4, 5), (2, 3, 1, 1))


@holds("conv2d_1x1", "side effects")
def test_mixing_channels_changes_nothing_else(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_1x1", (3, 4, 5), (2, 3, 1, 1))


@holds("conv2d_1x1", "effort")
def test_effort_of_mixing_grows_neither_with_image_nor_channels(submission: Submission) -> None:
    growing_image = (((2, 3, 2), (3, 2, 1, 1)), ((2, 6, 4), (3, 2, 1, 1)), ((2, 12, 8), (3, 2, 1, 1)))
    check_effort(submission, "conv2d_1x1", growing_image)
    check_effort(submission, "conv2d_1x1", [((c, 3, 2), (3, c, 1, 1)) for c in (2, 6, 12)])
    check_effort(submission, "conv2d_1x1", [((2, 3, 2), (o, 2, 1, 1)) for o in (3, 6, 12)])


# ----------------------------------------------------------------------------------------- conv2d_batched


@holds("conv2d_batched", "values")
def test_a_one_hot_kernel_copies_one_channel_of_every_image(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_batched", (2, 3, 4, 3), (2, 3, 2, 2))


@holds("conv2d_batched", "values")
def test_batches_of_every_kind_of_shape(submission: Submission) -> None:
    check_shapes(submission, "conv2d_batched", BATCHED)


@holds("conv2d_batched", "values")
def test_batches_with_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_batched", ((2, 2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_batched", "values")
@given(case=batches())
def test_random_batches(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, _ = case
    check(submission, "conv2d_batched", X, weight)


@holds("conv2d_batched", "values")
@given(seed=seeds())
def test_every_image_of_a_batch_is_treated_alone(submission: Submission, seed: int) -> None:
    X, weight = tensor(3, 2, 3, 4, seed=seed), tensor(1, 2, 2, 3, seed=seed + 1)
    together = check(submission, "conv2d_batched", X, weight).double()
    bound = 2 * expected("conv2d_batched", X, weight)[1]
    for n in range(3):
        alone = submission.conv2d_batched(X[n : n + 1].clone(), weight)
        what = f"result for image {n} alone, compared with that image of the batch,"
        title = call("conv2d_batched", (X[n : n + 1], weight), {})
        compare(alone, expected=together[n : n + 1], bound=bound[n : n + 1], call=title, what=what)


@holds("conv2d_batched", "stride")
def test_strides_as_pairs_and_ints(submission: Submission) -> None:
    for seed, (image, kernel, stride) in enumerate(STRIDES):
        X, weight = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
        check(submission, "conv2d_batched", X, weight, stride=stride)


@holds("conv2d_batched", "stride")
@given(case=batches(most_stride=4))
def test_random_strides(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, options = case
    check(submission, "conv2d_batched", X, weight, **options)


@holds("conv2d_batched", "stride")
@given(seed=seeds())
def test_a_stride_leaves_out_results_and_changes_none(submission: Submission, seed: int) -> None:
    X, weight = tensor(2, 1, 5, 6, seed=seed), tensor(2, 1, 2, 3, seed=seed + 1)
    every = check(submission, "conv2d_batched", X, weight).double()
    bound = 2 * expected("conv2d_batched", X, weight)[1]
    strided = submission.conv2d_batched(X, weight, stride=(3, 2))
    what = "result with stride (3, 2), compared with every 3rd row and 2nd column of that with stride 1,"
    title = call("conv2d_batched", (X, weight), {"stride": (3, 2)})
    right, off = every[:, :, ::3, ::2], bound[:, :, ::3, ::2]
    compare(strided, expected=right, bound=off, call=title, what=what)


@holds("conv2d_batched", "padding")
def test_paddings_as_pairs_and_ints(submission: Submission) -> None:
    for seed, (image, kernel, padding) in enumerate(PADDINGS):
        X, weight = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
        check(submission, "conv2d_batched", X, weight, padding=padding)


@holds("conv2d_batched", "padding")
@given(case=batches(most_padding=3))
def test_random_paddings(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, options = case
    check(submission, "conv2d_batched", X, weight, **options)


@holds("conv2d_batched", "padding")
@given(seed=seeds())
def test_padding_is_a_frame_of_zeros_around_the_image(submission: Submission, seed: int) -> None:
    X, weight = tensor(1, 2, 3, 2, seed=seed), tensor(2, 2, 2, 3, seed=seed + 1)
    framed = torch.zeros(1, 2, 5, 6)
    framed[:, :, 1:4, 2:4] = X
    by_hand = check(submission, "conv2d_batched", framed, weight).double()
    padded = submission.conv2d_batched(X, weight, padding=(1, 2))
    what = "result with padding (1, 2), compared with that for the same image in a frame of zeros,"
    bound = 2 * expected("conv2d_batched", framed, weight)[1]
    title = call("conv2d_batched", (X, weight), {"padding": (1, 2)})
    compare(padded, expected=by_hand, bound=bound, call=title, what=what)


@holds("conv2d_batched", "bias")
def test_one_bias_for_each_output_channel(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(BATCHED):
        X, weight, bias = (
            tensor(*sizes, seed=seed + n) for n, sizes in ((0, image), (50, kernel), (99, kernel[:1]))
        )
        check(submission, "conv2d_batched", X, weight, bias)


@holds("conv2d_batched", "bias")
@given(seed=seeds())
def test_the_bias_is_an_offset(submission: Submission, seed: int) -> None:
    X, weight, bias = (
        tensor(2, 2, 3, 4, seed=seed),
        tensor(3, 2, 2, 2, seed=seed + 1),
        tensor(3, seed=seed + 2),
    )
    without = check(submission, "conv2d_batched", X, weight).double()
    with_it = submission.conv2d_batched(X, weight, bias)
    what = "result with bias, compared with the result without it plus the bias of each channel,"
    bound = 2 * expected("conv2d_batched", X, weight, bias)[1]
    right = without + bias.double()[:, None, None]
    compare(
        with_it, expected=right, bound=bound, call=call("conv2d_batched", (X, weight, bias), {}), what=what
    )


@holds("conv2d_batched", "all together")
def test_bias_stride_and_padding_together(submission: Submission) -> None:
    for seed, (image, kernel, stride, padding) in enumerate(TOGETHER):
        X, weight, bias = (
            tensor(*sizes, seed=seed + n) for n, sizes in ((0, image), (50, kernel), (99, kernel[:1]))
        )
        check(submission, "conv2d_batched", X, weight, bias, stride=stride, padding=padding)


@holds("conv2d_batched", "all together")
@given(case=batches(most_stride=3, most_padding=2))
def test_random_batches_with_bias_stride_and_padding(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, options = case
    right, bound = expected("conv2d_batched", X, weight, weight[:, 0, 0, 0], **options)
    arguments = (X, weight, weight[:, 0, 0, 0].clone(), options["stride"], options["padding"])
    agrees(submission, "conv2d_batched", *arguments, expected=right, bound=bound)


@holds("conv2d_batched", "gradients")
def test_gradients_of_batches(submission: Submission) -> None:
    for image, kernel in BATCHED[1:5]:
        check_gradients(submission, "conv2d_batched", image, kernel)


@holds("conv2d_batched", "gradients")
def test_gradients_through_bias_stride_and_padding(submission: Submission) -> None:
    image, kernel = (2, 2, 4, 5), (3, 2, 2, 3)
    X, weight, bias = tensor(*image, seed=1), tensor(*kernel, seed=2), tensor(3, seed=3)
    check_gradients(submission, "conv2d_batched", image, kernel)
    if not another_group_pays(lambda: check(submission, "conv2d_batched", X, weight, bias)):
        check_gradients(submission, "conv2d_batched", image, kernel, bias=True)
    for options in ({"stride": (3, 2)}, {"padding": (2, 1)}, {"stride": (2, 3), "padding": (1, 2)}):
        if not another_group_pays(lambda now=options: check(submission, "conv2d_batched", X, weight, **now)):
            check_gradients(submission, "conv2d_batched", image, kernel, **options)


@holds("conv2d_batched", "dtypes")
def test_the_result_type_of_images_and_weight(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_batched", (2, 2, 3, 4), (3, 2, 2, 3))


@holds("conv2d_batched", "dtypes")
def test_float64_with_bias_stride_and_padding(submission: Submission) -> None:
    X, weight, bias = (
        tensor(*sizes, seed=8, values="normal", dtype=torch.float64)
        for sizes in ((2, 2, 4, 3), (3, 2, 2, 3), (3,))
    )
    check_dtypes(submission, "conv2d_batched", (1, 2, 3, 4), (2, 2, 3, 2))
    options: dict[str, Any] = {"stride": (2, 1), "padding": (1, 2)}
    single = (X.float(), weight.float(), bias.float())
    if not another_group_pays(lambda: check(submission, "conv2d_batched", *single, **options)):
        right, bound = expected("conv2d_batched", X, weight, bias, torch.float64, **options)
        options["bias"] = bias
        agrees(
            submission,
            "conv2d_batched",
            X,
            weight,
            expected=right,
            bound=bound,
            dtype=torch.float64,
            **options,
        )


@holds("conv2d_batched", "layouts")
def test_views_of_batches_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_batched", (2, 3, 4, 3), (2, 3, 3, 2))
    for seed, layout in enumerate(LAYOUTS):
        X, weight = tensor(2, 2, 3, 4, seed=seed), tensor(3, 2, 2, 3, seed=seed)
        options = {"stride": (1, 2), "padding": (2, 1)}
        if not another_group_pays(
            lambda X=X, K=weight, now=options: check(submission, "conv2d_batched", X, K, **now)
        ):
            X = tensor(2, 2, 3, 4, seed=seed, layout=layout)
            check(submission, "conv2d_batched", X, weight, **options)


@holds("conv2d_batched", "side effects")
def test_batches_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_batched", (2, 2, 3, 4), (3, 2, 2, 3))
    X, weight, bias = tensor(2, 2, 3, 4, seed=1), tensor(3, 2, 2, 3, seed=2), tensor(3, seed=3)
    leaves_arguments_alone(submission, "conv2d_batched", X, weight, bias=bias, stride=(2, 1), padding=(1, 2))
    repeats(submission, "conv2d_batched", X, weight, bias=bias, stride=(2, 1), padding=(1, 2))


# ------------------------------------------------------------------------------------- MultiChannelConv2d


def new_layer(submission: Submission, *args: Any, **kwargs: Any) -> Module:
    """A `MultiChannelConv2d(…)` of the student's, checked to be a module."""
    made = submission.create("MultiChannelConv2d", *args, **kwargs)
    right = isinstance(made, Module) and made.is_module()
    sentence = "MultiChannelConv2d(…) should make a torch.nn.Module."
    that(right, call=call("MultiChannelConv2d", args, kwargs), aspect="type", sentence=sentence)
    assert isinstance(made, Module)
    return made


def set_parameters(layer: Module, weight: Tensor, bias: Tensor | None, title: str) -> dict[str, str]:
    """Give the layer known parameters, recognised by their shapes; returns its name of each.

    The names themselves are a matter of the group `state_dict` alone.
    """
    wanted = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    found = layer.describe().parameters
    own = {
        label: next((name for name, now in found if now.shape == value.shape), "")
        for label, value in wanted.items()
    }
    shapes = ", ".join(f"{name} {tuple(now.shape)}" for name, now in found) or "none"
    needed = " and ".join(f"{name} {tuple(value.shape)}" for name, value in wanted.items())
    sentence = f"Its parameters are: {shapes}. They should be: {needed}."
    fit = all(own.values()) and len(found) == len(wanted)
    that(fit, call=title, aspect="parameters", sentence=sentence)
    values = {own[label]: value for label, value in wanted.items()}
    layer.assign([values[name] for name, _ in found])
    return own


def check_layer(
    submission: Submission,
    image: Sizes,
    kernel: Sizes,
    *args: Any,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    **kwargs: Any,
) -> None:
    """The layer `MultiChannelConv2d(*args, **kwargs)` with known parameters is torch's convolution."""
    title = call("MultiChannelConv2d", args, kwargs)
    layer = new_layer(submission, *args, **kwargs)
    kind = dtype or torch.float32
    # Values that float32 cannot hold, in float64.
    values: Any = "integers" if dtype is None else "normal"
    if dtype is not None:
        layer.convert(dtype=dtype)
    X = tensor(*image, seed=seed, values=values, dtype=kind)
    weight = tensor(*kernel, seed=seed + 1, values=values, dtype=kind)
    bias = tensor(kernel[0], seed=seed + 2, values=values, dtype=kind) if kwargs.get("bias", True) else None
    set_parameters(layer, weight, bias, title)
    options = {key: kwargs[key] for key in ("stride", "padding") if key in kwargs}
    right, bound = expected("conv2d_batched", X, weight, bias, kind, **options)
    agrees(submission, layer, X, expected=right, bound=bound, dtype=dtype, context=title)


def check_state(submission: Submission, *args: Any, **kwargs: Any) -> None:
    """The layer's state loads into `nn.Conv2d`, whose state loads into the layer; the results follow."""
    title = call("MultiChannelConv2d", args, kwargs)
    layer = new_layer(submission, *args, **kwargs)
    theirs = nn.Conv2d(*args, **kwargs)
    state = layer.describe().state
    needed = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    came = {name: tuple(value.shape) if isinstance(value, Tensor) else None for name, value in state.items()}
    sentence = f"Its state_dict holds {came or 'nothing'}; that of nn.Conv2d holds {needed}."
    that(came == needed, call=title, aspect="parameters", sentence=sentence)
    X = tensor(2, args[0], 5, 6, seed=1)
    options = {key: kwargs[key] for key in ("stride", "padding") if key in kwargs}
    for context, parameters in (
        (f"{title} with its own weights", state),
        (f"{title} with the state_dict of an nn.Conv2d", {k: tensor(*v, seed=2) for k, v in needed.items()}),
    ):
        theirs.load_state_dict(parameters)
        layer.load_state(theirs.state_dict())
        right, bound = expected("conv2d_batched", X, theirs.weight, theirs.bias, **options)
        agrees(submission, layer, X, expected=right, bound=bound, context=context)


@holds("MultiChannelConv2d", "state_dict")
def test_its_state_is_exchanged_with_that_of_torch(submission: Submission) -> None:
    check_state(submission, 3, 2, 4)
    check_state(submission, 2, 3, (1, 4))
    check_state(submission, 1, 4, kernel_size=(3, 2))
    check_state(submission, 2, 2, 2)


@holds("MultiChannelConv2d", "initial weights")
def test_new_layers_start_with_random_weights(submission: Submission) -> None:
    title = "MultiChannelConv2d(3, 4, (2, 5))"
    first, second = (new_layer(submission, 3, 4, (2, 5)).describe().parameters for _ in range(2))
    finite = all(bool(value.isfinite().all()) for _, value in first)
    that(
        finite,
        call=title,
        aspect="values",
        sentence="Its parameters should be finite numbers from the start.",
    )
    weights = [value for _, value in (*first, *second) if value.shape == (4, 3, 2, 5)]
    that(
        len(weights) == 2,
        call=title,
        aspect="parameters",
        sentence="It should have one weight of shape (4, 3, 2, 5).",
    )
    channels = [weights[0][o] for o in range(4)]
    alike = any(torch.equal(channels[o], channels[p]) for o in range(4) for p in range(o))
    sentence = "The weight should be drawn at random: equal output channels would stay equal for ever."
    that(not alike, call=title, aspect="values", sentence=sentence)
    differ = not torch.equal(*weights)
    that(differ, call=title, aspect="values", sentence="Two new layers should have different random weights.")


@holds("MultiChannelConv2d", "forward")
def test_forward_is_the_convolution_with_the_bias(submission: Submission) -> None:
    check_layer(submission, (2, 3, 5, 4), (1, 3, 2, 3), 3, 1, (2, 3), seed=1)
    check_layer(submission, (1, 2, 4, 5), (4, 2, 3, 3), 2, 4, 3, seed=4)
    check_layer(
        submission, (2, 3, 4, 3), (3, 3, 1, 2), in_channels=3, out_channels=3, kernel_size=(1, 2), seed=7
    )
    check_layer(submission, (3, 1, 1, 1), (2, 1, 1, 1), 1, 2, 1, seed=10)


@holds("MultiChannelConv2d", "stride and padding")
def test_forward_with_stride_and_padding(submission: Submission) -> None:
    check_layer(submission, (2, 3, 7, 6), (4, 3, 2, 3), 3, 4, (2, 3), stride=(3, 2), seed=1)
    check_layer(submission, (1, 2, 3, 4), (3, 2, 3, 2), 2, 3, (3, 2), padding=(0, 2), seed=2)
    check_layer(submission, (2, 1, 6, 5), (2, 1, 3, 3), 1, 2, 3, stride=2, padding=1, seed=3)
    check_layer(submission, (1, 3, 5, 8), (2, 3, 4, 2), 3, 2, (4, 2), stride=(2, 3), padding=(3, 1), seed=4)


@holds("MultiChannelConv2d", "without bias")
def test_a_layer_without_bias(submission: Submission) -> None:
    check_state(submission, 3, 2, (2, 4), bias=False)
    check_layer(submission, (2, 2, 4, 5), (3, 2, 3, 2), 2, 3, (3, 2), bias=False)


@holds("MultiChannelConv2d", "gradients")
def test_gradients_reach_images_weight_and_bias(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(BATCHED[1:4]):
        arguments = (kernel[1], kernel[0], kernel[2:])
        title = call("MultiChannelConv2d", arguments, {})
        layer = new_layer(submission, *arguments)
        X = tensor(*image, seed=seed).requires_grad_()
        weight, bias = tensor(*kernel, seed=seed + 1), tensor(kernel[0], seed=seed + 2)
        own = set_parameters(layer, weight, bias, title)
        upstream = tensor(*convolution(X, weight).shape, seed=seed + 3)
        right, bounds = expected_gradients(X, weight, upstream, bias)
        names = {"X": "X", "K": own["weight"], "bias": own["bias"]}
        gradients_agree(
            submission,
            layer,
            X,
            cotangent=upstream,
            expected={names[label]: value for label, value in right.items()},
            bounds={names[label]: value for label, value in bounds.items()},
            context=title,
        )


@holds("MultiChannelConv2d", "dtypes")
def test_it_becomes_a_layer_of_float64(submission: Submission) -> None:
    check_layer(submission, (2, 2, 4, 5), (3, 2, 2, 3), 2, 3, (2, 3), dtype=torch.float64)


# ----------------------------------------------------------------------------------------- num_parameters


def check_number(submission: Submission, *args: Any, **kwargs: Any) -> None:
    """`num_parameters` agrees with a count over torch's own layer."""
    right = reference.num_parameters(*args, **kwargs)
    counted = sum(value.numel() for value in nn.Conv2d(*args, **kwargs).parameters())
    references_agree(torch.tensor(right), torch.tensor(counted), torch.tensor(0))
    equal(submission.num_parameters(*args, **kwargs), right, call=call("num_parameters", args, kwargs))


@holds("num_parameters", "square kernels")
def test_layers_with_square_kernels(submission: Submission) -> None:
    for args in ((1, 6, 5), (6, 16, 5), (3, 2, 1), (1, 1, 1), (4, 4, 3), (7, 5, 2)):
        check_number(submission, *args)


@holds("num_parameters", "rectangular kernels")
def test_layers_with_rectangular_kernels(submission: Submission) -> None:
    for args in ((3, 4, (2, 5)), (5, 2, (1, 7)), (2, 3, (4, 1)), (3, 3, (3, 3))):
        check_number(submission, *args)


@holds("num_parameters", "rectangular kernels")
@given(sizes=distinct_sizes(4, high=12))
def test_random_layers(submission: Submission, sizes: tuple[int, int, int, int]) -> None:
    check_number(submission, sizes[0], sizes[1], (sizes[2], sizes[3]))


@holds("num_parameters", "without bias")
def test_layers_without_bias(submission: Submission) -> None:
    for args in ((1, 6, 5), (3, 4, 2), (2, 2, 1), (5, 1, 3)):
        check_number(submission, *args, bias=False)
        check_number(submission, *args, True)
        check_number(submission, *args, False)


# ----------------------------------------------------------------------------------------- conv2d_general


@holds("conv2d_general", "stride, padding and bias")
def test_all_that_batched_convolution_does(submission: Submission) -> None:
    check_shapes(submission, "conv2d_general", BATCHED[:6])
    for seed, (image, kernel, stride, padding) in enumerate(TOGETHER):
        X, weight, bias = (
            tensor(*sizes, seed=seed + n) for n, sizes in ((0, image), (50, kernel), (99, kernel[:1]))
        )
        check(submission, "conv2d_general", X, weight, bias, stride=stride, padding=padding)


@holds("conv2d_general", "stride, padding and bias")
@given(case=batches(most_stride=3, most_padding=2))
def test_random_strides_and_paddings(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, options = case
    check(submission, "conv2d_general", X, weight, weight[:, 0, 0, 0].clone(), **options)


@holds("conv2d_general", "dilation")
def test_kernels_with_gaps(submission: Submission) -> None:
    cases: tuple[tuple[Sizes, Sizes, int | tuple[int, int]], ...] = (
        ((2, 3, 6, 7), (1, 3, 2, 3), (4, 2)),
        ((1, 2, 6, 5), (3, 2, 3, 2), (2, 3)),
        ((2, 1, 5, 5), (2, 1, 3, 3), 2),
        ((1, 2, 4, 7), (2, 2, 1, 3), (5, 3)),
        ((1, 1, 7, 3), (2, 1, 3, 2), (3, 1)),
    )
    for seed, (image, kernel, dilation) in enumerate(cases):
        X, weight = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
        check(submission, "conv2d_general", X, weight, dilation=dilation)


@holds("conv2d_general", "dilation")
@given(dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)), seed=seeds())
def test_dilation_is_a_kernel_with_holes(
    submission: Submission, dilation: tuple[int, int], seed: int
) -> None:
    X, weight = tensor(1, 2, 6, 8, seed=seed), tensor(2, 2, 2, 3, seed=seed + 1)
    answer = check(submission, "conv2d_general", X, weight, dilation=dilation).double()
    dh, dw = dilation
    holes = torch.zeros(2, 2, dh + 1, 2 * dw + 1)
    holes[:, :, ::dh, ::dw] = weight
    filled = submission.conv2d_general(X, holes)
    what = f"result for the kernel with holes, compared with that for dilation {dilation},"
    title = call("conv2d_general", (X, holes), {})
    bound = 2 * expected("conv2d_general", X, holes)[1]
    compare(filled, expected=answer, bound=bound, call=title, what=what)


@holds("conv2d_general", "groups")
def test_groups_of_channels(submission: Submission) -> None:
    # Depthwise, with one and with two kernels for each channel; two groups, three groups; one output each.
    cases: tuple[tuple[Sizes, Sizes, int], ...] = (
        ((2, 3, 4, 5), (3, 1, 2, 3), 3),
        ((1, 3, 4, 3), (6, 1, 3, 2), 3),
        ((2, 4, 3, 5), (6, 2, 2, 3), 2),
        ((1, 6, 3, 4), (3, 2, 2, 2), 3),
        ((3, 4, 3, 3), (2, 2, 2, 1), 2),
        ((2, 4, 3, 3), (4, 1, 1, 1), 4),
    )
    for seed, (image, kernel, groups) in enumerate(cases):
        X, weight, bias = (
            tensor(*image, seed=seed),
            tensor(*kernel, seed=seed + 50),
            tensor(kernel[0], seed=seed),
        )
        check(submission, "conv2d_general", X, weight, groups=groups)
        check(submission, "conv2d_general", X, weight, bias, groups=groups)


@holds("conv2d_general", "groups")
@given(sizes=distinct_sizes(3, high=3), seed=seeds())
def test_random_groups(submission: Submission, sizes: tuple[int, int, int], seed: int) -> None:
    groups, of_in, of_out = sizes
    X, weight = (
        tensor(2, groups * of_in, 3, 4, seed=seed),
        tensor(groups * of_out, of_in, 2, 3, seed=seed + 1),
    )
    check(submission, "conv2d_general", X, weight, groups=groups)


@holds("conv2d_general", "all together")
def test_everything_at_once(submission: Submission) -> None:
    cases: tuple[tuple[Sizes, Sizes, dict[str, Any]], ...] = (
        ((1, 4, 9, 8), (6, 2, 3, 2), {"stride": (2, 3), "padding": (1, 2), "dilation": (3, 4), "groups": 2}),
        ((2, 3, 5, 7), (3, 1, 2, 3), {"stride": (3, 1), "padding": (2, 0), "dilation": (1, 2), "groups": 3}),
        ((2, 2, 6, 6), (4, 1, 3, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
        ((1, 3, 4, 6), (2, 3, 4, 2), {"stride": (1, 2), "padding": (3, 1), "dilation": (2, 3), "groups": 1}),
    )
    for seed, (image, kernel, options) in enumerate(cases):
        X, weight, bias = (
            tensor(*image, seed=seed),
            tensor(*kernel, seed=seed + 50),
            tensor(kernel[0], seed=seed),
        )
        check(submission, "conv2d_general", X, weight, bias, **options)
        right, bound = expected("conv2d_general", X, weight, bias, **options)
        agrees(submission, "conv2d_general", X, weight, bias, *options.values(), expected=right, bound=bound)


@holds("conv2d_general", "gradients and dtypes")
def test_gradients_and_dtypes_of_general_convolution(submission: Submission) -> None:
    image, kernel = (2, 4, 5, 6), (2, 4, 2, 3)
    check_gradients(submission, "conv2d_general", image, kernel)
    check_dtypes(submission, "conv2d_general", (2, 2, 3, 4), (3, 2, 2, 3))
    check_layouts(submission, "conv2d_general", (2, 3, 4, 3), (2, 3, 3, 2))
    check_side_effects(submission, "conv2d_general", (2, 2, 3, 4), (3, 2, 2, 3))
    options = {"stride": (2, 1), "padding": (0, 1), "dilation": (1, 2), "groups": 2}
    X, weight, bias = tensor(*image, seed=1), tensor(2, 2, 2, 3, seed=2), tensor(2, seed=3)
    if not another_group_pays(lambda: check(submission, "conv2d_general", X, weight, bias, **options)):
        check_gradients(submission, "conv2d_general", image, (2, 2, 2, 3), bias=True, **options)


# ------------------------------------------------------------------------------------------ conv2d_im2col


@holds("conv2d_im2col", "values")
def test_the_matrix_product_is_the_convolution(submission: Submission) -> None:
    check_shapes(submission, "conv2d_im2col", BATCHED)
    check_kinds(submission, "conv2d_im2col", ((2, 2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_im2col", "values")
@given(case=batches())
def test_the_matrix_product_on_random_batches(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, _ = case
    check(submission, "conv2d_im2col", X, weight)


@holds("conv2d_im2col", "stride, padding and bias")
def test_the_matrix_product_with_bias_stride_and_padding(submission: Submission) -> None:
    for seed, (image, kernel, stride) in enumerate(STRIDES):
        X, weight = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
        check(submission, "conv2d_im2col", X, weight, stride=stride)
    for seed, (image, kernel, padding) in enumerate(PADDINGS):
        X, weight = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
        check(submission, "conv2d_im2col", X, weight, padding=padding)
    for seed, (image, kernel, stride, padding) in enumerate(TOGETHER):
        X, weight, bias = (
            tensor(*sizes, seed=seed + n) for n, sizes in ((0, image), (50, kernel), (99, kernel[:1]))
        )
        check(submission, "conv2d_im2col", X, weight, bias, stride=stride, padding=padding)


@holds("conv2d_im2col", "stride, padding and bias")
@given(case=batches(most_stride=3, most_padding=2))
def test_the_matrix_product_with_random_strides_and_paddings(
    submission: Submission, case: tuple[Tensor, Tensor, dict[str, tuple[int, int]]]
) -> None:
    X, weight, options = case
    check(submission, "conv2d_im2col", X, weight, weight[:, 0, 0, 0].clone(), **options)


@holds("conv2d_im2col", "gradients and dtypes")
def test_the_matrix_product_keeps_gradients_dtypes_and_inputs(submission: Submission) -> None:
    for image, kernel in BATCHED[1:4]:
        check_gradients(submission, "conv2d_im2col", image, kernel)
    check_dtypes(submission, "conv2d_im2col", (2, 2, 3, 4), (3, 2, 2, 3))
    check_layouts(submission, "conv2d_im2col", (2, 3, 4, 3), (2, 3, 3, 2))
    check_side_effects(submission, "conv2d_im2col", (2, 2, 3, 4), (3, 2, 2, 3))


@holds("conv2d_im2col", "effort")
def test_effort_grows_neither_with_batch_nor_channels_nor_image(submission: Submission) -> None:
    check_effort(submission, "conv2d_im2col", [((n, 2, 4, 3), (3, 2, 2, 2)) for n in (2, 6, 12)])
    check_effort(submission, "conv2d_im2col", [((2, c, 4, 3), (3, c, 2, 2)) for c in (2, 6, 12)])
    check_effort(submission, "conv2d_im2col", [((2, 2, 4, 3), (o, 2, 2, 2)) for o in (3, 6, 12)])
    check_effort(submission, "conv2d_im2col", [((2, 2, size, size + 1), (3, 2, 2, 2)) for size in (3, 6, 12)])


# ------------------------------------------------------------------------------------------ invalid_input


def check_refusals(submission: Submission, name: str, cases: Sequence[tuple[Sizes, Sizes]]) -> None:
    """Images and kernels that do not belong together are refused, by a message that names a shape or a size."""
    for image, kernel in cases:
        naming = [image, kernel, *image, *kernel, len(image), len(kernel)]
        refuses(submission, name, torch.ones(image), torch.ones(kernel), naming=naming)


@holds("invalid_input", "conv2d_multi_in")
def test_what_has_no_sum_over_channels_is_refused(submission: Submission) -> None:
    check(submission, "conv2d_multi_in", torch.ones(2, 3, 4), torch.ones(2, 2, 3))
    disagree = (
        ((3, 4, 5), (2, 2, 2)),
        ((2, 4, 5), (3, 2, 2)),
        ((3, 4, 5), (1, 2, 2)),
        ((1, 4, 5), (3, 2, 2)),
    )
    too_large = (((2, 3, 4), (2, 4, 2)), ((2, 3, 4), (2, 2, 5)))
    dimensions = (
        ((4, 5), (2, 2, 2)),
        ((2, 4, 5), (2, 2)),
        ((1, 2, 4, 5), (2, 2, 2)),
        ((2, 4, 5), (1, 2, 2, 2)),
    )
    check_refusals(submission, "conv2d_multi_in", (*disagree, *too_large, *dimensions))


@holds("invalid_input", "conv2d_multi_in_out")
def test_what_has_no_output_channels_is_refused(submission: Submission) -> None:
    check(submission, "conv2d_multi_in_out", torch.ones(2, 3, 4), torch.ones(3, 2, 2, 3))
    disagree = (((3, 4, 5), (3, 2, 2, 2)), ((2, 4, 5), (2, 3, 2, 2)), ((3, 4, 5), (2, 1, 2, 2)))
    too_large = (((2, 3, 4), (3, 2, 4, 2)), ((2, 3, 4), (3, 2, 2, 5)))
    dimensions = (((4, 5), (3, 2, 2, 2)), ((2, 4, 5), (2, 2, 2)), ((2, 4, 5), (1, 3, 2, 2, 2)))
    check_refusals(submission, "conv2d_multi_in_out", (*disagree, *too_large, *dimensions))


@holds("invalid_input", "conv2d_1x1")
def test_channels_that_cannot_be_mixed_are_refused(submission: Submission) -> None:
    check(submission, "conv2d_1x1", torch.ones(2, 3, 4), torch.ones(3, 2, 1, 1))
    disagree = (((3, 4, 5), (3, 2, 1, 1)), ((2, 4, 5), (2, 3, 1, 1)), ((3, 4, 5), (2, 1, 1, 1)))
    dimensions = (((2, 4), (3, 2, 1, 1)), ((2, 4, 5), (3, 2, 1)), ((2, 3, 2, 4, 5), (3, 2, 1, 1)))
    check_refusals(submission, "conv2d_1x1", (*disagree, *dimensions))


@holds("invalid_input", "conv2d_batched")
def test_batches_without_a_result_are_refused(submission: Submission) -> None:
    check(submission, "conv2d_batched", torch.ones(2, 2, 3, 4), torch.ones(3, 2, 2, 3))
    disagree = (((2, 3, 4, 5), (3, 2, 2, 2)), ((2, 2, 4, 5), (2, 3, 2, 2)), ((1, 3, 4, 5), (2, 1, 2, 2)))
    too_large = (((2, 2, 3, 4), (3, 2, 4, 2)), ((2, 2, 3, 4), (3, 2, 2, 5)))
    dimensions = (((4, 5), (3, 2, 2, 2)), ((1, 2, 2, 4, 5), (3, 2, 2, 2)), ((1, 2, 4, 5), (2, 2, 2)))
    check_refusals(submission, "conv2d_batched", (*disagree, *too_large, *dimensions))


@holds("invalid_input", "conv2d_batched")
def test_windows_that_do_not_fit_or_do_not_move_are_refused(submission: Submission) -> None:
    check(submission, "conv2d_batched", torch.ones(1, 2, 2, 3), torch.ones(1, 2, 4, 5), padding=(1, 1))
    X, weight = torch.ones(1, 2, 2, 3), torch.ones(1, 2, 5, 4)
    sizes = [(1, 2, 2, 3), (1, 2, 5, 4), (4, 5), (5, 4), (2, 3), 4, 5]
    refuses(submission, "conv2d_batched", X, weight, padding=1, naming=sizes)
    refuses(submission, "conv2d_batched", X, weight, padding=(1, 4), naming=sizes)
    small = torch.ones(1, 2, 2, 2)
    for stride in (0, -1, (1, 0), (0, 2), (-2, 1)):
        worst = stride if isinstance(stride, int) else min(stride)
        refuses(submission, "conv2d_batched", X, small, stride=stride, naming=[stride, worst, "stride"])

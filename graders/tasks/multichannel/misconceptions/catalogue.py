"""Exercise 3: mistakes about channels. Those about batches, stride, padding and layers are in the
files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import value_of
from graders.diagnosis.written import Function, Slip, entries, entry
from graders.tasks.convolution_slips import (
    HABITS,
    KERNEL,
    SIZE,
    SUM,
    TENSORS,
    after,
    before,
    convolution_probes,
)

from . import batched, general, layer
from .channels import CHANNELS, OUTPUTS, convolve
from .general import growing, looping

# -------------------------------------------------------------------------------------------- conv2d_multi_in


def multi_in(X: Tensor, K: Tensor) -> Tensor:
    """A right sum over channels."""
    return convolve(X[None], K[None])[0, 0]


def multi_in_out(X: Tensor, K: Tensor) -> Tensor:
    """A right convolution of one image."""
    return convolve(X[None], K)[0]


def _channel_for_height(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape[-2:]
    rows = range(X.shape[0] - kh + 1)
    columns = range(X.shape[1] - kw + 1)
    Y = torch.zeros(max(len(rows), 0), max(len(columns), 0), dtype=torch.result_type(X, K))
    for i in rows:
        for j in columns:
            Y[i, j] = (X[:, i : i + kh, j : j + kw] * K).sum()
    return Y


_IN = (
    Slip(
        "channels-not-summed",
        "There is one map for each input channel. They are added up: the image has many channels, the "
        "result here has none.",
        "How many numbers belong to one place of the result, and where do the channels go?",
        lambda right: lambda X, K: torch.stack([multi_in(X[c : c + 1], K[c : c + 1]) for c in range(len(X))]),
    ),
    Slip(
        "channels-multiplied",
        "The maps of the channels are multiplied with each other. They are added up.",
        "What should happen to the result if one channel is black all over?",
        lambda right: (
            lambda X, K: torch.stack([multi_in(X[c : c + 1], K[c : c + 1]) for c in range(len(X))]).prod(0)
        ),
    ),
    Slip(
        "largest-channel-only",
        "Of the maps of the channels the largest number is taken at every place. They are added up.",
        "What should the kernel of a channel change if it is not the one with the largest answer?",
        lambda right: (
            lambda X, K: (
                torch.stack([multi_in(X[c : c + 1], K[c : c + 1]) for c in range(len(X))]).max(0).values
            )
        ),
    ),
    Slip(
        "channel-axis-left-on",
        "The numbers are right, but the result has an axis more in front. A sum over the channels has none "
        "left.",
        "Which axes does the result have: is there one for a channel?",
        after(lambda Y, K: Y[None]),
    ),
    Slip(
        "batch-and-channel-axes-left-on",
        "The numbers are right, but the result has two axes more in front: batch and channel.",
        "Which axes does the result have: is there one for a channel?",
        after(lambda Y, K: Y[None, None]),
    ),
    Slip(
        "sum-repeated-for-each-channel",
        "The sum over the channels comes once for each channel. It is one map.",
        "How many maps does one kernel make?",
        lambda right: lambda X, K: right(X, K).repeat(len(X), 1, 1),
    ),
    Slip(
        "channel-axis-taken-for-the-height",
        "The number of channels is taken for the height, and the height for the width. The axes of X are "
        "channel, height, width, in this order.",
        "What are X.shape[0], X.shape[1] and X.shape[2]?",
        lambda right: lambda X, K: _channel_for_height(X, K),
    ),
    Slip(
        "last-channel-missed",
        "The last channel takes no part: the loop over the channels ends one too early.",
        "Which numbers does range(3 - 1) run through?",
        before(lambda X, K: (X[:-1], K[:-1]) if len(K) > 1 else (X, K * 0)),
    ),
)

_THREE = Slip(
    "three-channels-written-out",
    "Exactly three channels are summed up, as if every image were red, green and blue. With fewer there is "
    "an error, and any more are left out: X.shape[0] tells how many there are.",
    "Which number in your code comes from a colour image, and what should it be?",
    before(lambda X, K: (X.narrow(-3, 0, 3), K.narrow(-3, 0, 3))),
)

# ---------------------------------------------------------------------------------------- conv2d_multi_in_out

_GROUPS = "K has shape (c_out, c_in, kh, kw). What does K[0] hold, and what K[0, 1]?"


def _pairs(X: Tensor, K: Tensor) -> Tensor:
    """The map of every pair of channels, (c_out, c_in, H', W')."""
    return torch.stack(
        [torch.stack([multi_in(X[c : c + 1], k[c : c + 1]) for c in range(len(X))]) for k in K]
    )


_IN_OUT = (
    Slip(
        "pairs-not-summed",
        "There is a map for every pair of channels, in two axes. Those of the input channels are added up: "
        "an axis for the output channels remains.",
        _GROUPS,
        lambda right: lambda X, K: _pairs(X, K),
    ),
    Slip(
        "a-map-for-every-pair",
        "There are c_out · c_in maps. The maps of the input channels are added up: c_out remain.",
        _GROUPS,
        lambda right: lambda X, K: _pairs(X, K).flatten(0, 1),
    ),
    Slip(
        "outputs-summed",
        "The maps of all output channels are added up. Each of them is a channel of the result.",
        "How many maps do c_out groups of kernels make?",
        after(lambda Y, K: Y.sum(0)),
    ),
    Slip(
        "summed-over-the-outputs",
        "The sum runs over the output channels and leaves the input channels. It is the other way round.",
        _GROUPS,
        lambda right: lambda X, K: _pairs(X, K).sum(0),
    ),
    Slip(
        "first-output-only",
        "Only the first output channel is there. Every group of kernels makes a channel of its own.",
        "How many maps do c_out groups of kernels make, and where is the loop over them?",
        after(lambda Y, K: Y[0]),
    ),
    Slip(
        "last-output-only",
        "Only the last output channel is there: each map overwrites the one before it.",
        "How many maps do c_out groups of kernels make, and where are they kept?",
        after(lambda Y, K: Y[-1]),
    ),
    Slip(
        "outputs-joined-below-each-other",
        "The maps are joined below each other, as torch.cat does. torch.stack gives them a new axis in "
        "front.",
        "What is the difference between torch.cat and torch.stack for two maps of shape (3, 4)?",
        after(lambda Y, K: Y.flatten(0, 1)),
    ),
    Slip(
        "outputs-in-the-last-axis",
        "The output channels are in the last axis. They belong in front: (c_out, H', W').",
        "Along which axis does torch.stack stack, if nothing is said?",
        after(lambda Y, K: Y.permute(1, 2, 0)),
    ),
    Slip(
        "outputs-in-the-middle",
        "The output channels are in the second axis. They belong in front: (c_out, H', W').",
        "Along which axis does torch.stack stack, if nothing is said?",
        after(lambda Y, K: Y.transpose(0, 1)),
    ),
    Slip(
        "outputs-in-reverse-order",
        "The output channels come in reverse order. K[0] makes the first one.",
        "In which order are the maps put together?",
        after(lambda Y, K: Y.flip(0)),
    ),
    Slip(
        "batch-axis-left-on",
        "The numbers are right, but the result has an axis more in front. X has no batch axis, and the "
        "result has none.",
        "Which shape did you bring X to, and how do you get back?",
        after(lambda Y, K: Y[None]),
    ),
)

# ------------------------------------------------------------------------------------------------- conv2d_1x1

_PIXELS = (
    "Take one pixel, a column of c_in numbers. Where do they lie in your matrix: in a column or in a row?"
)
_FOLD = "reshape reads numbers in order and folds them anew. Which operation exchanges axes?"


def one_by_one(X: Tensor, K: Tensor) -> Tensor:
    """A right convolution with kernels of one pixel."""
    return convolve(X[None], K)[0]


def _matrices(change: Callable[[Tensor, Tensor], Tensor]) -> Function:
    """A product of the image and the kernel as a matrix (c_out, c_in), both of the result's dtype."""

    def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
        dtype = torch.result_type(X, K)
        return change(X.to(dtype), K.to(dtype).flatten(1))

    return conv2d_1x1


def _rows(X: Tensor) -> Tensor:
    """The pixels, (H · W, c_in)."""
    return X.permute(1, 2, 0).reshape(-1, X.shape[0])


_MIXED: tuple[tuple[str, Function, str, str], ...] = (
    (
        "pixels-and-channels-mixed-by-reshape",
        _matrices(lambda X, M: (M @ X.reshape(-1, X.shape[0]).T).reshape(-1, *X.shape[1:])),
        "Pixels and channels are mixed up on the way in: X.reshape(H * W, c_in) folds the numbers, it does "
        "not exchange the axes.",
        _FOLD,
    ),
    (
        "pixels-and-channels-mixed-on-both-ways",
        _matrices(lambda X, M: (X.reshape(-1, X.shape[0]) @ M.T).reshape(-1, *X.shape[1:])),
        "Pixels and channels are mixed up on the way in and on the way out: reshape folds the numbers, it "
        "does not exchange the axes.",
        _FOLD,
    ),
    (
        "result-mixed-by-reshape",
        _matrices(lambda X, M: (_rows(X) @ M.T).reshape(-1, *X.shape[1:])),
        "The product is right, with one pixel in each row, but it is folded into (c_out, H, W) without "
        "exchanging the axes: pixels and channels are mixed up.",
        _FOLD,
    ),
    (
        "channels-left-in-the-last-axis",
        _matrices(lambda X, M: (_rows(X) @ M.T).reshape(*X.shape[1:], -1)),
        "The numbers are right, but the channels are in the last axis. They belong in front: (c_out, H, W).",
        _FOLD,
    ),
    (
        "result-left-flat",
        _matrices(lambda X, M: M @ X.flatten(1)),
        "The numbers are right, but the pixels still lie in one row. They have to be folded back into "
        "height and width.",
        "Which shape should the product be brought to at the end?",
    ),
    (
        "pixels-left-in-rows",
        _matrices(lambda X, M: _rows(X) @ M.T),
        "The numbers are right, but there is still one row for each pixel. They have to be brought back to "
        "(c_out, H, W).",
        "Which shape should the product be brought to at the end?",
    ),
    (
        "height-and-width-exchanged-in-the-fold",
        _matrices(lambda X, M: (M @ X.flatten(1)).reshape(-1, X.shape[2], X.shape[1])),
        "The product is right, but folded into the wrong shape: height and width are exchanged in the last "
        "reshape.",
        "Which comes first in a shape, the height or the width?",
    ),
    (
        "kernel-mixed-by-reshape",
        _matrices(
            lambda X, M: (M.reshape(M.shape[1], M.shape[0]).T @ X.flatten(1)).reshape(-1, *X.shape[1:])
        ),
        "The kernel is folded into (c_in, c_out) by reshape, which does not exchange the axes: its numbers "
        "are mixed up.",
        _FOLD,
    ),
    (
        "a-number-for-each-output",
        _matrices(lambda X, M: X[0] * M[:, :1, None]),
        "Only the first input channel takes part: a 1×1 kernel is not one number, but one for each input "
        "channel.",
        "How many numbers does K[0] hold?",
    ),
)


def _squeezed(fails: Callable[[int, int], bool]) -> Function:
    """A kernel that lost its axes of length one, which `fails` for some numbers of channels."""

    def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
        if fails(*K.shape[:2]):
            raise RuntimeError("the number of dimensions does not fit")
        return one_by_one(X, K)

    return conv2d_1x1


_SQUEEZED = (
    "The kernel is squeezed, which takes away every axis of length one. With a single channel the axis of "
    "the channels goes as well, and nothing fits any more.",
    "What does squeeze() make of a kernel of shape (4, 1, 1, 1), and what does K[:, :, 0, 0]?",
)

_LOST: tuple[tuple[str, Function, str, str], ...] = (
    ("kernel-squeezed", _squeezed(lambda o, i: 1 in (o, i)), *_SQUEEZED),
    ("kernel-squeezed-in-a-product", _squeezed(lambda o, i: i == 1), *_SQUEEZED),
)


# --------------------------------------------------------------------------------------------- num_parameters

_COUNT = "How many small kernels are there, how many numbers has each, and how many biases come with them?"


def _number(formula: Callable[[int, int, int, int, bool], Any]) -> Function:
    def num_parameters(in_channels: int, out_channels: int, kernel_size: Any, bias: bool = True) -> Any:
        kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        return formula(in_channels, out_channels, kh, kw, bias)

    return num_parameters


def _ints_only(in_channels: int, out_channels: int, kernel_size: int, bias: bool = True) -> int:
    return out_channels * (in_channels * int(kernel_size) ** 2 + bias)


_NUMBERS: tuple[tuple[str, Function, str, str], ...] = (
    (
        "input-channels-left-out",
        _number(lambda i, o, h, w, b: o * h * w + o * b),
        "The input channels are left out: each output channel has a kernel for every one of them.",
        _COUNT,
    ),
    (
        "output-channels-left-out",
        _number(lambda i, o, h, w, b: i * h * w + b),
        "The output channels are left out: each of them has kernels, and a bias, of its own.",
        _COUNT,
    ),
    (
        "bias-left-out",
        _number(lambda i, o, h, w, b: i * o * h * w),
        "The bias is not counted: one number for each output channel.",
        _COUNT,
    ),
    (
        "bias-always-counted",
        _number(lambda i, o, h, w, b: i * o * h * w + o),
        "The bias is counted even where there is none.",
        "What should bias=False change?",
    ),
    (
        "bias-the-wrong-way-round",
        _number(lambda i, o, h, w, b: i * o * h * w + o * (not b)),
        "The bias is counted where there is none, and left out where there is one.",
        "What should bias=False change?",
    ),
    (
        "one-bias-for-the-layer",
        _number(lambda i, o, h, w, b: i * o * h * w + b),
        "One bias is counted for the whole layer. There is one for each output channel.",
        _COUNT,
    ),
    (
        "bias-for-each-input-channel",
        _number(lambda i, o, h, w, b: i * o * h * w + i * b),
        "A bias is counted for each input channel. It belongs to the output channels.",
        _COUNT,
    ),
    (
        "bias-for-each-kernel",
        _number(lambda i, o, h, w, b: i * o * (h * w + b)),
        "A bias is counted for each small kernel. There is one for each output channel.",
        _COUNT,
    ),
    (
        "bias-for-each-kernel-element",
        _number(lambda i, o, h, w, b: i * o * h * w * (1 + b)),
        "A bias is counted for each number of the kernels. There is one for each output channel.",
        _COUNT,
    ),
    (
        "bias-for-each-place-of-the-kernel",
        _number(lambda i, o, h, w, b: i * o * h * w + o * h * w * b),
        "A bias is counted for each place in the kernel. There is one for each output channel.",
        _COUNT,
    ),
    (
        "kernel-size-not-squared",
        _number(lambda i, o, h, w, b: i * o * h + o * b),
        "Only the height of the kernel is counted. A kernel has height times width numbers.",
        "How many numbers are in a kernel of 3 × 3?",
    ),
    (
        "kernel-width-not-its-height",
        _number(lambda i, o, h, w, b: i * o * w + o * b),
        "Only the width of the kernel is counted. A kernel has height times width numbers.",
        "How many numbers are in a kernel of 3 × 3?",
    ),
    (
        "square-kernels-only",
        _number(lambda i, o, h, w, b: i * o * h * h + o * b),
        "The height of the kernel is taken twice. A kernel has height times width numbers.",
        "How many numbers are in a kernel of 2 × 5?",
    ),
    (
        "square-kernels-of-the-width",
        _number(lambda i, o, h, w, b: i * o * w * w + o * b),
        "The width of the kernel is taken twice. A kernel has height times width numbers.",
        "How many numbers are in a kernel of 2 × 5?",
    ),
    (
        "height-and-width-added",
        _number(lambda i, o, h, w, b: i * o * (h + w) + o * b),
        "Height and width of the kernel are added. A kernel has height times width numbers.",
        "How many numbers are in a kernel of 2 × 5?",
    ),
    (
        "channels-added",
        _number(lambda i, o, h, w, b: (i + o) * h * w + o * b),
        "Input and output channels are added. There is a kernel for every pair of them: multiply.",
        _COUNT,
    ),
    (
        "pairs-refused",
        _ints_only,
        "A kernel_size that is a pair is refused. It is (height, width).",
        "What should kernel_size=(2, 5) mean?",
    ),
)


# ---------------------------------------------------------------------------------------- entries, probes


def _mutating(X: Tensor, K: Tensor) -> Tensor:
    _, kh, kw = K.shape
    Y = torch.zeros(X.shape[1] - kh + 1, X.shape[2] - kw + 1, dtype=torch.result_type(X, K))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            window = X[:, i : i + kh, j : j + kw]
            window *= K
            Y[i, j] = window.sum()
    return Y


_PAINTED = (
    "The image is changed while it is read: a slice is no copy, and window *= K paints over the image.",
    "Does X still hold the same numbers after the call? Which line writes into it?",
)

ENTRIES = (
    *entries(
        "multichannel",
        "conv2d_multi_in",
        multi_in,
        (*CHANNELS, *_IN, _THREE, *KERNEL, *SUM, *SIZE),
        habits=HABITS,
        prefix="in-",
    ),
    *entries("multichannel", "conv2d_multi_in", multi_in, TENSORS, prefix="in-"),
    entry("multichannel", "conv2d_multi_in", "in-image-overwritten", _mutating, *_PAINTED),
    *entries(
        "multichannel",
        "conv2d_multi_in_out",
        multi_in_out,
        (*CHANNELS, *OUTPUTS, *_IN_OUT, _THREE, *KERNEL, *SUM, *SIZE),
        habits=HABITS,
        prefix="out-",
    ),
    *entries("multichannel", "conv2d_multi_in_out", multi_in_out, TENSORS, prefix="out-"),
    *entries(
        "multichannel",
        "conv2d_1x1",
        one_by_one,
        (
            *(one for one in CHANNELS if one.name not in ("first-channel-only",)),
            *(one for one in OUTPUTS),
            *(one for one in _IN_OUT if one.name not in ("outputs-in-the-last-axis",)),
            *(one for one in SIZE if one.name == "axes-of-length-one-lost"),
            looping("pixels", lambda X, K: X.shape[-1] * X.shape[-2]),
            looping("input-channels", lambda X, K: K.shape[1]),
            looping("output-channels", lambda X, K: K.shape[0]),
        ),
        prefix="1x1-",
    ),
    *entries("multichannel", "conv2d_1x1", one_by_one, TENSORS, prefix="1x1-"),
    *(
        entry("multichannel", task, prefix + name, wrong, says, hint)
        for task, prefix, table in (
            ("conv2d_1x1", "1x1-", (*_MIXED, *_LOST)),
            ("num_parameters", "number-", _NUMBERS),
        )
        for name, wrong, says, hint in table
    ),
    *batched.ENTRIES,
    *general.ENTRIES,
    *layer.ENTRIES,
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d_multi_in": convolution_probes(
        "conv2d_multi_in",
        ((3, 4, 6), (3, 2, 3)),
        ((2, 5, 4), (2, 3, 2)),
        ((3, 4, 4), (3, 2, 2)),
        ((2, 4, 4), (2, 4, 2)),
        ((1, 3, 5), (1, 2, 2)),
        ((4, 5, 5), (4, 2, 3)),
    ),
    "conv2d_multi_in_out": convolution_probes(
        "conv2d_multi_in_out",
        ((3, 4, 6), (2, 3, 2, 3)),
        ((2, 5, 4), (4, 2, 3, 2)),
        ((3, 4, 4), (3, 3, 2, 2)),
        ((2, 4, 4), (3, 2, 4, 2)),
        ((1, 3, 5), (2, 1, 2, 2)),
        ((2, 5, 5), (1, 2, 2, 3)),
        ((4, 4, 5), (2, 4, 2, 2)),
    ),
    "conv2d_1x1": (
        *convolution_probes(
            "conv2d_1x1",
            ((3, 4, 5), (2, 3, 1, 1)),
            ((2, 5, 3), (4, 2, 1, 1)),
            ((3, 3, 3), (3, 3, 1, 1)),
            ((2, 1, 4), (3, 2, 1, 1)),
            ((1, 2, 3), (2, 1, 1, 1)),
            ((2, 2, 3), (1, 2, 1, 1)),
        ),
        growing("conv2d_1x1", *(((2, n, 3), (3, 2, 1, 1)) for n in (3, 8))),
        growing("conv2d_1x1", *(((n, 2, 3), (3, n, 1, 1)) for n in (3, 8))),
        growing("conv2d_1x1", *(((2, 2, 3), (n, 2, 1, 1)) for n in (3, 8))),
    ),
    "num_parameters": tuple(
        value_of("num_parameters", *args)
        for args in ((1, 6, 5), (6, 16, 5), (3, 4, (2, 5)), (5, 2, (1, 7)), (3, 4, 2, False), (2, 3, 4, True))
    ),
    **batched.PROBES,
    **general.PROBES,
    **layer.PROBES,
}

"""Exercise 3, continued: mistakes about batches, bias, stride and padding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import calls, settled
from graders.diagnosis.written import Change, Function, Slip, entries
from graders.tasks.convolution_slips import HABITS, KERNEL, SIZE, SUM, TENSORS, after, convolution_probes
from graders.testing.strategies import tensor

from .channels import ADD, CHANNELS, OUTPUTS, convolve, pair

# ------------------------------------------------------------------------------------------------------ batch

_ALONE = "What should change in the result for the first image if the second one changes?"

_BATCH = (
    Slip(
        "images-added-up",
        "Every image gets the same result, the sum over all images: a plain .sum() over the block adds up "
        "the batch as well. Each image is treated alone.",
        _ALONE,
        lambda right: (
            lambda X, K, *rest, **options: right(X.sum(0, keepdim=True).expand_as(X), K, *rest, **options)
        ),
    ),
    Slip(
        "first-image-only",
        "There is a result for the first image only.",
        "How many results should a batch of two images have?",
        after(lambda Y, K: Y[:1]),
    ),
    Slip(
        "other-images-left-zero",
        "Only the first image has a result; those of the others were never filled.",
        "Which axis of the result counts the images, and where is it filled?",
        after(lambda Y, K: torch.cat([Y[:1], Y[1:] * 0])),
    ),
    Slip(
        "first-image-for-all",
        "Every image gets the result of the first one. Each image is treated alone.",
        _ALONE,
        lambda right: lambda X, K, *rest, **options: right(X[:1].expand_as(X), K, *rest, **options),
    ),
    Slip(
        "batch-and-channels-exchanged",
        "The result has the output channels in front of the images. Its axes are image, channel, height, "
        "width.",
        "Which axis comes first in X, and which one in the result?",
        after(lambda Y, K: Y.transpose(0, 1)),
    ),
    Slip(
        "channels-in-the-last-axis",
        "The result has its channels in the last axis. They come after the images: (N, c_out, H', W').",
        "Which axis comes second in X, and which one in the result?",
        after(lambda Y, K: Y.permute(0, 2, 3, 1)),
    ),
    Slip(
        "batch-axis-lost",
        "The result for one image has no batch axis. A batch of one is still a batch: (1, c_out, H', W').",
        "What does .squeeze() do to a result of shape (1, 2, 3, 4)?",
        after(lambda Y, K: Y.squeeze(0)),
    ),
    Slip(
        "a-map-for-every-pair-of-channels",
        "There are c_out · c_in maps. Those of the input channels are added up: c_out remain.",
        ADD,
        lambda right: lambda X, K, bias=None, stride=1, padding=0, **more: _all_pairs(X, K, stride, padding),
    ),
)


def _all_pairs(X: Tensor, K: Tensor, stride: Any, padding: Any) -> Tensor:
    maps = [
        convolve(X[:, c : c + 1], K[o : o + 1, c : c + 1], None, stride, padding)
        for o in range(K.shape[0])
        for c in range(K.shape[1])
    ]
    return torch.cat(maps, 1)


# ------------------------------------------------------------------------------------- bias, stride, padding

_ONE_EACH = "How many numbers has the bias, and to which axis of the result do they belong?"
_POSITION = "For stride 2: which rows of the image does output row 3 look at?"
_PAIRED = "What do stride=(2, 3) and padding=(1, 2) mean, number by number?"
_AROUND = "What lies around the image, and is it there before or after the window slides?"


def _bias(add: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Change:
    """The bias is added in another way; the change sees result, bias and kernel."""

    def make(right: Function) -> Function:
        def wrong(X: Tensor, K: Tensor, bias: Tensor | None = None, *rest: Any, **options: Any) -> Tensor:
            Y: Tensor = right(X, K, None, *rest, **options)
            return Y if bias is None else add(Y, bias.to(Y.dtype), K)

        return wrong

    return make


def _over(bias: Tensor) -> Tensor:
    return bias[:, None, None]


def _if_bias(right: Function) -> Function:
    def wrong(X: Tensor, K: Tensor, bias: Tensor | None = None, *rest: Any, **options: Any) -> Tensor:
        result: Tensor = right(X, K, bias if bias is not None and bool(bias) else None, *rest, **options)
        return result

    return wrong


def _in_a_plain_buffer(right: Function) -> Function:
    detached = _bias(lambda Y, b, K: Y + _over(b.detach()))(right)
    return lambda *args, **options: detached(*args, **options).float()


_BIAS = (
    Slip(
        "bias-forgotten",
        "The bias is not added.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y),
    ),
    Slip(
        "first-bias-for-all",
        "The first bias is added to all output channels. Each of them has its own.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y + b[0]),
    ),
    Slip(
        "all-biases-added",
        "The sum of all biases is added to every output channel. Each of them has its own.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y + b.sum()),
    ),
    Slip(
        "bias-added-for-each-input-channel",
        "The bias is added once for each input channel: it stands inside the loop over them. It is added "
        "once.",
        "Which loops does the line with the bias stand in, and how often does it run for one number of the "
        "result?",
        _bias(lambda Y, b, K: Y + _over(b) * K.shape[1]),
    ),
    Slip(
        "bias-added-for-each-place-of-the-kernel",
        "The bias is added once for each place in the kernel: it stands inside the loops over them. It is "
        "added once.",
        "Which loops does the line with the bias stand in, and how often does it run for one number of the "
        "result?",
        _bias(lambda Y, b, K: Y + _over(b) * K[0, 0].numel()),
    ),
    Slip(
        "bias-added-to-each-product",
        "The bias is added to every product before the sum. It is added once to each number of the result.",
        "Which loops does the line with the bias stand in, and how often does it run for one number of the "
        "result?",
        _bias(lambda Y, b, K: Y + _over(b) * K[0].numel()),
    ),
    Slip(
        "bias-along-the-width",
        "The bias is added along the width: Y + bias lines up the last axes. It has to be reshaped so that "
        "its numbers lie along the channels.",
        "With which axis of Y does bias line up in Y + bias, and with which in Y + bias.reshape(1, -1, 1, "
        "1)?",
        _bias(lambda Y, b, K: Y + b),
    ),
    Slip(
        "bias-along-the-height",
        "The bias is added along the height. It has to be reshaped so that its numbers lie along the "
        "channels.",
        "With which axis of Y does bias[:, None] line up?",
        _bias(lambda Y, b, K: Y + b[:, None]),
    ),
    Slip(
        "bias-along-the-batch",
        "The bias is added along the images. It has to be reshaped so that its numbers lie along the "
        "channels.",
        "With which axis of Y does bias.reshape(-1, 1, 1, 1) line up?",
        _bias(lambda Y, b, K: Y + b[:, None, None, None]),
    ),
    Slip(
        "bias-subtracted",
        "The bias is subtracted. It is added.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y - _over(b)),
    ),
    Slip(
        "bias-detached",
        "The values are right, but no gradient reaches the bias: its numbers are taken out of the tensor.",
        "Is there an .item(), .data, .detach() or float() where the bias is added?",
        _bias(lambda Y, b, K: Y + _over(b.detach())),
        with_habits=False,
    ),
    Slip(
        "bias-detached-and-always-float32",
        "No gradient reaches the bias, whose numbers are taken out of the tensor; and the result is always "
        "float32: a buffer was made without a dtype, or everything was turned into float32.",
        "Is there an .item(), .data, .detach() or float() where the bias is added?",
        _in_a_plain_buffer,
        with_habits=False,
    ),
    Slip(
        "bias-asked-for-its-truth",
        "The code says if bias, which asks a tensor of several numbers whether it is true. Ask whether there "
        "is one: if bias is not None.",
        "What should bool(torch.tensor([0.0, 1.0])) be?",
        _if_bias,
    ),
    Slip(
        "bias-on-the-image",
        "The bias makes no single offset: it is added before the convolution and not after it.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y + _over(b) * K.sum(dim=(1, 2, 3))[:, None, None]),
    ),
)


def _options(change: Callable[[tuple[int, int], tuple[int, int]], tuple[Any, Any]]) -> Change:
    """Other stride and padding than asked for."""

    def make(right: Function) -> Function:
        def wrong(
            X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
        ) -> Tensor:
            result: Tensor = right(X, K, bias, *change(pair(stride), pair(padding)), **more)
            return result

        return wrong

    return make


def _framed(frame: Callable[[Tensor, int, int], Tensor]) -> Change:
    """The image is framed in another way, `frame(X, ph, pw)`."""

    def make(right: Function) -> Function:
        def wrong(
            X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
        ) -> Tensor:
            result: Tensor = right(frame(X, *pair(padding)), K, bias, stride, 0, **more)
            return result

        return wrong

    return make


def _around_the_result(right: Function) -> Function:
    def wrong(
        X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
    ) -> Tensor:
        ph, pw = pair(padding)
        return F.pad(right(X, K, bias, stride, 0, **more), (pw, pw, ph, ph))

    return wrong


def _stride_in_the_size_only(right: Function) -> Function:
    def wrong(
        X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
    ) -> Tensor:
        high, wide = right(X, K, bias, stride, padding, **more).shape[-2:]
        result: Tensor = right(X, K, bias, 1, padding, **more)[..., :high, :wide]
        return result

    return wrong


def _last_window_completed(right: Function) -> Function:
    def wrong(
        X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
    ) -> Tensor:
        (sh, sw), (ph, pw) = pair(stride), pair(padding)
        d = pair(more.get("dilation", 1))
        missing = [
            -(n + 2 * p - e * (k - 1) - 1) % s
            for n, k, s, p, e in zip(X.shape[-2:], K.shape[-2:], (sh, sw), (ph, pw), d, strict=True)
        ]
        X = F.pad(X, (pw, pw + missing[1], ph, ph + missing[0]))
        result: Tensor = right(X, K, bias, stride, 0, **more)
        return result

    return wrong


def _refusing(which: str) -> Change:
    """A pair raises the error that arithmetic with a pair raises."""

    def make(right: Function) -> Function:
        def wrong(
            X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
        ) -> Tensor:
            for name, value in (("stride", stride), ("padding", padding)):
                if name in which and not isinstance(value, int):
                    raise TypeError("unsupported operand type(s)")
            result: Tensor = right(X, K, bias, stride, padding, **more)
            return result

        return wrong

    return make


def _fits_before_padding(right: Function) -> Function:
    def wrong(
        X: Tensor, K: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, **more: Any
    ) -> Tensor:
        if K.shape[-2] > X.shape[-2] or K.shape[-1] > X.shape[-1]:
            raise ValueError("the kernel does not fit")
        result: Tensor = right(X, K, bias, stride, padding, **more)
        return result

    return wrong


def _other_order(right: Function) -> Function:
    def wrong(
        X: Tensor, K: Tensor, bias: Tensor | None = None, padding: Any = 0, stride: Any = 1, **more: Any
    ) -> Tensor:
        result: Tensor = right(X, K, bias, stride, padding, **more)
        return result

    return wrong


_STRIDE = (
    Slip(
        "stride-ignored",
        "The stride has no effect. With stride 2 only every second window is used.",
        _POSITION,
        _options(lambda s, p: (1, p)),
    ),
    Slip(
        "stride-in-the-size-only",
        "The result has the size that the stride gives, but the windows still move on by one pixel. Output "
        "(i, j) has its window at row i · stride, column j · stride.",
        _POSITION,
        _stride_in_the_size_only,
    ),
    Slip(
        "stride-axes-exchanged",
        "The two numbers of the stride are exchanged. The first is for the rows, the second for the columns.",
        _PAIRED,
        _options(lambda s, p: (s[::-1], p)),
    ),
    Slip(
        "first-stride-for-both-axes",
        "The first number of the stride is used for both axes. The second one is for the columns.",
        _PAIRED,
        _options(lambda s, p: (s[0], p)),
    ),
    Slip(
        "second-stride-for-both-axes",
        "The second number of the stride is used for both axes. The first one is for the rows.",
        _PAIRED,
        _options(lambda s, p: (s[1], p)),
    ),
    Slip(
        "stride-on-rows-only",
        "The stride moves the window down, but to the right it moves by one pixel only.",
        _PAIRED,
        _options(lambda s, p: ((s[0], 1), p)),
    ),
    Slip(
        "stride-on-columns-only",
        "The stride moves the window to the right, but down it moves by one pixel only.",
        _PAIRED,
        _options(lambda s, p: ((1, s[1]), p)),
    ),
    Slip(
        "last-partial-window-counted",
        "A last window that sticks out of the image is counted, with zeros outside: the size is rounded "
        "up. Windows that do not fit entirely are left away.",
        "In a row of 8 pixels a window of 3 moves by 2. Where does it start the last time?",
        _last_window_completed,
    ),
    Slip(
        "stride-pairs-refused",
        "A stride that is a pair is refused. It is (height, width).",
        _PAIRED,
        _refusing("stride"),
        with_habits=False,
    ),
    Slip(
        "stride-and-padding-in-the-other-order",
        "Stride and padding are exchanged where they are given without a name: the order is X, weight, "
        "bias, stride, padding.",
        "What does conv2d_batched(X, weight, bias, 2, 1) mean?",
        _other_order,
        with_habits=False,
    ),
)

_PADDING = (
    Slip(
        "padding-ignored",
        "The padding has no effect. A frame of zeros is put around each image.",
        _AROUND,
        _options(lambda s, p: (s, 0)),
    ),
    Slip(
        "padding-axes-exchanged",
        "The two numbers of the padding are exchanged. The first is for the rows above and below, the "
        "second for the columns at the sides; F.pad wants the last axis first.",
        _PAIRED,
        _options(lambda s, p: (s, p[::-1])),
    ),
    Slip(
        "first-padding-for-both-axes",
        "The first number of the padding is used for both axes. The second one is for the columns at the "
        "sides.",
        _PAIRED,
        _options(lambda s, p: (s, p[0])),
    ),
    Slip(
        "second-padding-for-both-axes",
        "The second number of the padding is used for both axes. The first one is for the rows above and "
        "below.",
        _PAIRED,
        _options(lambda s, p: (s, p[1])),
    ),
    Slip(
        "padding-above-and-below-only",
        "Zeros are put above and below, but not at the sides.",
        _AROUND,
        _options(lambda s, p: (s, (p[0], 0))),
    ),
    Slip(
        "padding-at-the-sides-only",
        "Zeros are put at the sides, but not above and below.",
        _AROUND,
        _options(lambda s, p: (s, (0, p[1]))),
    ),
    Slip(
        "padding-above-and-left-only",
        "Either zeros are put above and to the left only, or the padding is counted once in the size, so "
        "that the last windows are missing. The frame goes all around: each axis grows by twice the padding.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (pw, 0, ph, 0))),
    ),
    Slip(
        "padding-below-and-right-only",
        "Zeros are put below and to the right only. The frame goes all around: each axis grows by twice "
        "the padding.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (0, pw, 0, ph))),
    ),
    Slip(
        "padding-twice-below-and-right",
        "All zeros are put below and to the right, twice as many as the padding says. One half of them "
        "belongs above and to the left.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (0, 2 * pw, 0, 2 * ph))),
    ),
    Slip(
        "padding-twice-above-and-left",
        "All zeros are put above and to the left, twice as many as the padding says. One half of them "
        "belongs below and to the right.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (2 * pw, 0, 2 * ph, 0))),
    ),
    Slip(
        "padding-doubled",
        "Twice as many zeros are put on each side. The padding is the number on one side.",
        _AROUND,
        _options(lambda s, p: (s, (2 * p[0], 2 * p[1]))),
    ),
    Slip(
        "padding-around-the-result",
        "The frame of zeros is put around the result. It belongs around the image, before the window slides.",
        _AROUND,
        _around_the_result,
    ),
    Slip(
        "border-repeated",
        "The border of the image is repeated outward. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: _outside(X, ph, pw, "replicate")),
    ),
    Slip(
        "image-mirrored-at-the-border",
        "The image is mirrored at its border. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: _outside(X, ph, pw, "reflect")),
    ),
    Slip(
        "image-continued-from-the-other-side",
        "The image goes on from its other side. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: _outside(X, ph, pw, "circular")),
    ),
    Slip(
        "padding-with-ones",
        "The frame around the image is made of ones. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (pw, pw, ph, ph), value=1.0)),
    ),
    Slip(
        "padding-pairs-refused",
        "A padding that is a pair is refused. It is (height, width).",
        _PAIRED,
        _refusing("padding"),
        with_habits=False,
    ),
    Slip(
        "pairs-refused",
        "Stride and padding that are pairs are refused. A pair is (height, width).",
        _PAIRED,
        _refusing("stride padding"),
        with_habits=False,
    ),
    Slip(
        "kernel-measured-against-the-bare-image",
        "A kernel that is larger than the bare image is refused, although it fits into the padded one. The "
        "check belongs after the padding.",
        "How large is an image of 2 × 3 with padding 1?",
        _fits_before_padding,
        with_habits=False,
    ),
)


def _outside(X: Tensor, ph: int, pw: int, mode: str) -> Tensor:
    return F.pad(X, (pw, pw, ph, ph), mode=mode) if ph or pw else X


_SIZES_WITH_STRIDE = (
    "last-row-and-column-left-zero",
    "last-row-left-zero",
    "last-column-left-zero",
    "first-row-and-column-left-zero",
    "one-window-too-few",
    "one-row-too-few",
    "one-column-too-few",
    "one-window-too-many",
    "height-and-width-of-the-result-exchanged",
    "axes-of-length-one-lost",
)

# Every slip about a batch: `right(X, K, bias, stride, padding, …)`.
BATCHED = (
    *CHANNELS,
    *OUTPUTS,
    *_BATCH,
    *_BIAS,
    *_STRIDE,
    *_PADDING,
    *KERNEL,
    *SUM,
    *(slip for slip in SIZE if slip.name in _SIZES_WITH_STRIDE),
)


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = (
    *entries(
        "multichannel",
        "conv2d_batched",
        convolve,
        BATCHED,
        habits=HABITS,
        prefix="batched-",
    ),
    *entries("multichannel", "conv2d_batched", convolve, TENSORS, prefix="batched-"),
)


def answers(
    name: str,
    image: tuple[int, ...],
    kernel: tuple[int, ...],
    seed: int,
    *order: Any,
    bias: bool = False,
    cotangent: Tensor | None = None,
    **options: Any,
) -> Probe:
    """What a function answers to `(X, K, bias, *order)`, or with names."""
    X, K, b = (tensor(*size, seed=seed + n) for n, size in enumerate((image, kernel, kernel[:1])))
    if cotangent is not None:
        X, K, b = X.requires_grad_(), K.requires_grad_(), b.requires_grad_()
        options["cotangent"] = cotangent
    if order:
        return settled(calls(name, X, K, b, *order, **options))
    return settled(calls(name, X, K, **({"bias": b} if bias else {}), **options))


def batch_probes(name: str) -> tuple[Probe, ...]:
    """What every convolution of a batch is asked."""
    return (
        *convolution_probes(
            name,
            ((2, 3, 4, 6), (4, 3, 2, 3)),
            ((2, 3, 4, 5), (3, 3, 2, 2)),
            ((1, 2, 5, 4), (3, 2, 3, 2)),
            ((3, 2, 4, 4), (2, 2, 4, 2)),
            ((2, 1, 3, 5), (1, 1, 2, 2)),
        ),
        answers(name, (2, 3, 4, 5), (4, 3, 2, 2), 31, bias=True),
        answers(name, (2, 3, 4, 6), (3, 3, 2, 2), 34, bias=True),
        answers(name, (3, 2, 3, 6), (3, 2, 2, 2), 37, bias=True),
        answers(name, (2, 2, 8, 9), (3, 2, 3, 2), 40, stride=(2, 3)),
        answers(name, (1, 2, 6, 7), (2, 2, 3, 2), 43, stride=2),
        answers(name, (2, 2, 4, 5), (3, 2, 2, 3), 46, padding=(2, 1)),
        answers(name, (1, 2, 4, 3), (2, 2, 2, 2), 49, padding=1),
        answers(name, (1, 2, 2, 3), (2, 2, 4, 4), 52, padding=(1, 1)),
        answers(name, (2, 3, 6, 5), (4, 3, 3, 2), 55, bias=True, stride=(2, 3), padding=(1, 2)),
        answers(name, (1, 2, 5, 6), (3, 2, 2, 2), 58, (2, 1), (1, 0)),
        answers(name, (2, 2, 3, 4), (3, 2, 2, 2), 61, bias=True, cotangent=tensor(2, 3, 2, 3, seed=64)),
    )


PROBES: dict[str, tuple[Probe, ...]] = {"conv2d_batched": batch_probes("conv2d_batched")}

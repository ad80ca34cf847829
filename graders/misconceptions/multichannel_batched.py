"""Exercise 3, continued: mistaken thoughts about channels in general, batches, bias, stride and padding; about
dilation and groups; about the one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..strategies import tensor
from ..subject import Submission
from . import Probe
from ._convolutions import (
    FLOAT32,
    KERNEL,
    PLAIN_NUMBERS,
    SIZE,
    SUM,
    TENSORS,
    Thought,
    after,
    before,
    convolution_probes,
)
from ._thoughts import Change, Function, calls, counted, entries, entry, grows, telling


def convolve(
    X: Tensor,
    K: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """A right convolution of a batch."""
    dtype = torch.result_type(X, K)
    of_bias = None if bias is None else bias.to(dtype)
    return F.conv2d(X.to(dtype), K.to(dtype), of_bias, stride, padding, dilation, groups)


def pair(value: Any) -> tuple[int, int]:
    """An int for both axes, or a pair."""
    return (value, value) if isinstance(value, int) else value


# --------------------------------------------------------------------------------------------------- channels

_OWN = (
    "How many small kernels are there for 3 input and 2 output channels, and which one meets which channel?"
)
_ADD = "Take one place of the result. Which channels of the image contribute to it, and how are they put together?"


def _one_channel(K: Tensor, channel: int) -> Tensor:
    """The kernel with zeros for every other channel."""
    mask = torch.zeros_like(K)
    mask.select(-3, channel).fill_(1)
    return K * mask


def _each_its_own(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """Output channel o sees input channel o only."""
    if K.dim() == 4 and K.shape[0] > K.shape[1]:
        raise IndexError("index is out of bounds")
    eye = torch.eye(K.shape[0], K.shape[-3], dtype=K.dtype)[:, :, None, None]
    return X, K * eye


# For functions of (X, K, …) in which the channels of either are the third axis from the end.
CHANNELS = (
    Thought(
        "mean-over-channels",
        "The channels are averaged. They are added up: channels are not shades of one grey.",
        _ADD,
        before(lambda X, K: (X, K / K.shape[-3])),
    ),
    Thought(
        "first-channel-only",
        "Only the first input channel takes part. Every channel has its own kernel, and all are added up.",
        _ADD,
        before(lambda X, K: (X, _one_channel(K, 0))),
    ),
    Thought(
        "last-channel-only",
        "Only the last input channel is left: each channel overwrites the one before it, = where += is "
        "needed.",
        _ADD,
        before(lambda X, K: (X, _one_channel(K, -1))),
    ),
    Thought(
        "one-kernel-for-all-channels",
        "All input channels meet the same kernel, the first. Each of them has a kernel of its own.",
        _OWN,
        before(lambda X, K: (X, K.narrow(-3, 0, 1).expand_as(K))),
    ),
    Thought(
        "last-kernel-for-all-channels",
        "All input channels meet the same kernel, the last. Each of them has a kernel of its own.",
        _OWN,
        before(lambda X, K: (X, K.narrow(-3, -1, 1).expand_as(K))),
    ),
    Thought(
        "window-cut-from-the-first-channel",
        "Every kernel meets the first input channel: the window is cut from one channel, not from all of "
        "them.",
        "Which index is in front in the slice of X, and what would a colon there mean?",
        before(lambda X, K: (X.narrow(-3, 0, 1).expand_as(X), K)),
    ),
    Thought(
        "channels-added-before",
        "The channels of the image are added up first, and so are those of the kernel. Each channel meets "
        "its own kernel, and then comes the sum.",
        _OWN,
        before(lambda X, K: (X.sum(-3, keepdim=True), K.sum(-3, keepdim=True))),
    ),
    Thought(
        "channels-of-the-kernel-reversed",
        "The channels of the kernel are read from the last to the first. The first belongs to the first "
        "channel of the image.",
        _OWN,
        before(lambda X, K: (X, K.flip(-3))),
    ),
)

# For kernels (c_out, c_in, kh, kw).
OUTPUTS = (
    Thought(
        "all-outputs-alike",
        "All output channels are the same: each of them uses the kernels of the first. K[o] is the group "
        "for output channel o.",
        _OWN,
        before(lambda X, K: (X, K[:1].expand_as(K))),
    ),
    Thought(
        "each-output-sees-one-channel",
        "Output channel o sees input channel o only. Every output channel sees all input channels.",
        _OWN,
        before(_each_its_own),
    ),
    Thought(
        "weight-axes-exchanged",
        "The kernel is read as (c_in, c_out, kh, kw). Its axes are (c_out, c_in, kh, kw), the output "
        "first; with as many channels out as in, no error tells.",
        "Which axis of the kernel tells how many channels the result has?",
        before(lambda X, K: (X, K.transpose(0, 1))),
    ),
    Thought(
        "weight-axes-exchanged-and-cut",
        "The kernel is read as (c_in, c_out, kh, kw). Its axes are (c_out, c_in, kh, kw), the output "
        "first; zip then quietly leaves out what has no partner.",
        "Which axis of the kernel tells how many channels the result has?",
        before(lambda X, K: _cut(X, K.transpose(0, 1))),
    ),
)


def _cut(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    both = min(X.shape[-3], K.shape[-3])
    return X.narrow(-3, 0, both), K.narrow(-3, 0, both)


# ------------------------------------------------------------------------------------------------------ batch

_ALONE = "What should change in the result for the first image if the second one changes?"

_BATCH = (
    Thought(
        "images-added-up",
        "Every image gets the same result, the sum over all images: a plain .sum() over the block adds up "
        "the batch as well. Each image is treated alone.",
        _ALONE,
        lambda right: (
            lambda X, K, *rest, **options: right(X.sum(0, keepdim=True).expand_as(X), K, *rest, **options)
        ),
    ),
    Thought(
        "first-image-only",
        "There is a result for the first image only.",
        "How many results should a batch of two images have?",
        after(lambda Y, K: Y[:1]),
    ),
    Thought(
        "other-images-left-zero",
        "Only the first image has a result; those of the others were never filled.",
        "Which axis of the result counts the images, and where is it filled?",
        after(lambda Y, K: torch.cat([Y[:1], Y[1:] * 0])),
    ),
    Thought(
        "first-image-for-all",
        "Every image gets the result of the first one. Each image is treated alone.",
        _ALONE,
        lambda right: lambda X, K, *rest, **options: right(X[:1].expand_as(X), K, *rest, **options),
    ),
    Thought(
        "batch-and-channels-exchanged",
        "The result has the output channels in front of the images. Its axes are image, channel, height, "
        "width.",
        "Which axis comes first in X, and which one in the result?",
        after(lambda Y, K: Y.transpose(0, 1)),
    ),
    Thought(
        "channels-in-the-last-axis",
        "The result has its channels in the last axis. They come after the images: (N, c_out, H', W').",
        "Which axis comes second in X, and which one in the result?",
        after(lambda Y, K: Y.permute(0, 2, 3, 1)),
    ),
    Thought(
        "batch-axis-lost",
        "The result for one image has no batch axis. A batch of one is still a batch: (1, c_out, H', W').",
        "What does .squeeze() do to a result of shape (1, 2, 3, 4)?",
        after(lambda Y, K: Y.squeeze(0)),
    ),
    Thought(
        "a-map-for-every-pair-of-channels",
        "There are c_out · c_in maps. Those of the input channels are added up: c_out remain.",
        _ADD,
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


_BIAS = (
    Thought(
        "bias-forgotten",
        "The bias is not added.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y),
    ),
    Thought(
        "first-bias-for-all",
        "The first bias is added to all output channels. Each of them has its own.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y + b[0]),
    ),
    Thought(
        "all-biases-added",
        "The sum of all biases is added to every output channel. Each of them has its own.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y + b.sum()),
    ),
    Thought(
        "bias-added-for-each-input-channel",
        "The bias is added once for each input channel: it stands inside the loop over them. It is added "
        "once.",
        "Which loops does the line with the bias stand in, and how often does it run for one number of the "
        "result?",
        _bias(lambda Y, b, K: Y + _over(b) * K.shape[1]),
    ),
    Thought(
        "bias-added-for-each-place-of-the-kernel",
        "The bias is added once for each place in the kernel: it stands inside the loops over them. It is "
        "added once.",
        "Which loops does the line with the bias stand in, and how often does it run for one number of the "
        "result?",
        _bias(lambda Y, b, K: Y + _over(b) * K[0, 0].numel()),
    ),
    Thought(
        "bias-added-to-each-product",
        "The bias is added to every product before the sum. It is added once to each number of the result.",
        "Which loops does the line with the bias stand in, and how often does it run for one number of the "
        "result?",
        _bias(lambda Y, b, K: Y + _over(b) * K[0].numel()),
    ),
    Thought(
        "bias-along-the-width",
        "The bias is added along the width: Y + bias lines up the last axes. It has to be reshaped so that "
        "its numbers lie along the channels.",
        "With which axis of Y does bias line up in Y + bias, and with which in Y + bias.reshape(1, -1, 1, "
        "1)?",
        _bias(lambda Y, b, K: Y + b),
    ),
    Thought(
        "bias-along-the-height",
        "The bias is added along the height. It has to be reshaped so that its numbers lie along the "
        "channels.",
        "With which axis of Y does bias[:, None] line up?",
        _bias(lambda Y, b, K: Y + b[:, None]),
    ),
    Thought(
        "bias-along-the-batch",
        "The bias is added along the images. It has to be reshaped so that its numbers lie along the "
        "channels.",
        "With which axis of Y does bias.reshape(-1, 1, 1, 1) line up?",
        _bias(lambda Y, b, K: Y + b[:, None, None, None]),
    ),
    Thought(
        "bias-subtracted",
        "The bias is subtracted. It is added.",
        _ONE_EACH,
        _bias(lambda Y, b, K: Y - _over(b)),
    ),
    Thought(
        "bias-detached",
        "The values are right, but no gradient reaches the bias: its numbers are taken out of the tensor.",
        "Is there an .item(), .data, .detach() or float() where the bias is added?",
        _bias(lambda Y, b, K: Y + _over(b.detach())),
        with_habits=False,
    ),
    Thought(
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
    Thought(
        "stride-ignored",
        "The stride has no effect. With stride 2 only every second window is used.",
        _POSITION,
        _options(lambda s, p: (1, p)),
    ),
    Thought(
        "stride-in-the-size-only",
        "The result has the size that the stride gives, but the windows still move on by one pixel. Output "
        "(i, j) has its window at row i · stride, column j · stride.",
        _POSITION,
        _stride_in_the_size_only,
    ),
    Thought(
        "stride-axes-exchanged",
        "The two numbers of the stride are exchanged. The first is for the rows, the second for the columns.",
        _PAIRED,
        _options(lambda s, p: (s[::-1], p)),
    ),
    Thought(
        "first-stride-for-both-axes",
        "The first number of the stride is used for both axes. The second one is for the columns.",
        _PAIRED,
        _options(lambda s, p: (s[0], p)),
    ),
    Thought(
        "second-stride-for-both-axes",
        "The second number of the stride is used for both axes. The first one is for the rows.",
        _PAIRED,
        _options(lambda s, p: (s[1], p)),
    ),
    Thought(
        "stride-on-rows-only",
        "The stride moves the window down, but to the right it moves by one pixel only.",
        _PAIRED,
        _options(lambda s, p: ((s[0], 1), p)),
    ),
    Thought(
        "stride-on-columns-only",
        "The stride moves the window to the right, but down it moves by one pixel only.",
        _PAIRED,
        _options(lambda s, p: ((1, s[1]), p)),
    ),
    Thought(
        "last-partial-window-counted",
        "A last window that sticks out of the image is counted, with zeros outside: the size is rounded "
        "up. Windows that do not fit entirely are left away.",
        "In a row of 8 pixels a window of 3 moves by 2. Where does it start the last time?",
        _last_window_completed,
    ),
    Thought(
        "stride-pairs-refused",
        "A stride that is a pair is refused. It is (height, width).",
        _PAIRED,
        _refusing("stride"),
        with_habits=False,
    ),
    Thought(
        "stride-and-padding-in-the-other-order",
        "Stride and padding are exchanged where they are given without a name: the order is X, weight, "
        "bias, stride, padding.",
        "What does conv2d_batched(X, weight, bias, 2, 1) mean?",
        _other_order,
        with_habits=False,
    ),
)

_PADDING = (
    Thought(
        "padding-ignored",
        "The padding has no effect. A frame of zeros is put around each image.",
        _AROUND,
        _options(lambda s, p: (s, 0)),
    ),
    Thought(
        "padding-axes-exchanged",
        "The two numbers of the padding are exchanged. The first is for the rows above and below, the "
        "second for the columns at the sides; F.pad wants the last axis first.",
        _PAIRED,
        _options(lambda s, p: (s, p[::-1])),
    ),
    Thought(
        "first-padding-for-both-axes",
        "The first number of the padding is used for both axes. The second one is for the columns at the "
        "sides.",
        _PAIRED,
        _options(lambda s, p: (s, p[0])),
    ),
    Thought(
        "second-padding-for-both-axes",
        "The second number of the padding is used for both axes. The first one is for the rows above and "
        "below.",
        _PAIRED,
        _options(lambda s, p: (s, p[1])),
    ),
    Thought(
        "padding-above-and-below-only",
        "Zeros are put above and below, but not at the sides.",
        _AROUND,
        _options(lambda s, p: (s, (p[0], 0))),
    ),
    Thought(
        "padding-at-the-sides-only",
        "Zeros are put at the sides, but not above and below.",
        _AROUND,
        _options(lambda s, p: (s, (0, p[1]))),
    ),
    Thought(
        "padding-above-and-left-only",
        "Zeros are put above and to the left only. The frame goes all around: each axis grows by twice the "
        "padding.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (pw, 0, ph, 0))),
    ),
    Thought(
        "padding-below-and-right-only",
        "Zeros are put below and to the right only. The frame goes all around: each axis grows by twice "
        "the padding.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (0, pw, 0, ph))),
    ),
    Thought(
        "padding-doubled",
        "Twice as many zeros are put on each side. The padding is the number on one side.",
        _AROUND,
        _options(lambda s, p: (s, (2 * p[0], 2 * p[1]))),
    ),
    Thought(
        "padding-around-the-result",
        "The frame of zeros is put around the result. It belongs around the image, before the window slides.",
        _AROUND,
        _around_the_result,
    ),
    Thought(
        "border-repeated",
        "The border of the image is repeated outward. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: _outside(X, ph, pw, "replicate")),
    ),
    Thought(
        "image-mirrored-at-the-border",
        "The image is mirrored at its border. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: _outside(X, ph, pw, "reflect")),
    ),
    Thought(
        "image-continued-from-the-other-side",
        "The image goes on from its other side. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: _outside(X, ph, pw, "circular")),
    ),
    Thought(
        "padding-with-ones",
        "The frame around the image is made of ones. Padding puts zeros there.",
        _AROUND,
        _framed(lambda X, ph, pw: F.pad(X, (pw, pw, ph, ph), value=1.0)),
    ),
    Thought(
        "padding-pairs-refused",
        "A padding that is a pair is refused. It is (height, width).",
        _PAIRED,
        _refusing("padding"),
        with_habits=False,
    ),
    Thought(
        "pairs-refused",
        "Stride and padding that are pairs are refused. A pair is (height, width).",
        _PAIRED,
        _refusing("stride padding"),
        with_habits=False,
    ),
    Thought(
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

# Every thought about a batch: `right(X, K, bias, stride, padding, …)`.
BATCHED = (
    *CHANNELS,
    *OUTPUTS,
    *_BATCH,
    *_BIAS,
    *_STRIDE,
    *_PADDING,
    *KERNEL,
    *SUM,
    *(thought for thought in SIZE if thought.name in _SIZES_WITH_STRIDE),
)


# --------------------------------------------------------------------------------------------- conv2d_general

_HOLES = "A kernel of 3 elements has dilation 2. Which pixels of a row does it meet, if it starts at pixel 0?"
_PARTS = (
    "For 4 input and 6 output channels in 2 groups: which inputs does output 0 see, and which does output 3?"
)


def _dilated(change: Callable[[int, int], Any]) -> Change:
    def make(right: Function) -> Function:
        def wrong(
            X: Tensor,
            K: Tensor,
            bias: Tensor | None = None,
            stride: Any = 1,
            padding: Any = 0,
            dilation: Any = 1,
            groups: int = 1,
        ) -> Tensor:
            result: Tensor = right(X, K, bias, stride, padding, change(*pair(dilation)), groups)
            return result

        return wrong

    return make


def _image_thinned(right: Function) -> Function:
    def wrong(
        X: Tensor,
        K: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        dh, dw = pair(dilation)
        result: Tensor = right(X[..., ::dh, ::dw], K, bias, stride, padding, 1, groups)
        return result

    return wrong


def _grouped(
    pick: Callable[[int, int, int], list[int]], place: Callable[[int, int, int], list[int]]
) -> Change:
    """Groups of other channels: `pick(group, groups, channels)` of the image, `place(…)` of the result."""

    def make(right: Function) -> Function:
        def wrong(
            X: Tensor,
            K: Tensor,
            bias: Tensor | None = None,
            stride: Any = 1,
            padding: Any = 0,
            dilation: Any = 1,
            groups: int = 1,
        ) -> Tensor:
            maps: list[Tensor] = [torch.empty(0)] * K.shape[0]
            for group in range(groups):
                chosen = place(group, groups, K.shape[0])
                of_bias = None if bias is None else bias[chosen]
                given = X[:, pick(group, groups, X.shape[1])]
                part = right(given, K[chosen], of_bias, stride, padding, dilation)
                for number, output in enumerate(chosen):
                    maps[output] = part[:, number]
            return torch.stack(maps, 1)

        return wrong

    return make


def _block(group: int, groups: int, channels: int) -> list[int]:
    size = channels // groups
    return list(range(group * size, (group + 1) * size))


def _every_nth(group: int, groups: int, channels: int) -> list[int]:
    return list(range(group, channels, groups))


def _first(group: int, groups: int, channels: int) -> list[int]:
    return _block(0, groups, channels)


def _groups_ignored(right: Function) -> Function:
    def wrong(
        X: Tensor,
        K: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        result: Tensor = right(X, K, bias, stride, padding, dilation)
        return result

    return wrong


def _dilation_and_groups_exchanged(right: Function) -> Function:
    def wrong(
        X: Tensor,
        K: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Tensor:
        result: Tensor = right(X, K, bias, stride, padding, dilation, groups)
        return result

    return wrong


_GENERAL = (
    Thought(
        "dilation-ignored",
        "The dilation has no effect. With dilation 2 the elements of the kernel meet every second pixel.",
        _HOLES,
        _dilated(lambda dh, dw: 1),
    ),
    Thought(
        "dilation-as-number-of-holes",
        "The dilation is taken for the number of pixels left out between two elements. It is their "
        "distance: with dilation 1 they touch.",
        _HOLES,
        _dilated(lambda dh, dw: (dh + 1, dw + 1)),
    ),
    Thought(
        "dilation-axes-exchanged",
        "The two numbers of the dilation are exchanged. The first is for the rows, the second for the "
        "columns.",
        _HOLES,
        _dilated(lambda dh, dw: (dw, dh)),
    ),
    Thought(
        "first-dilation-for-both-axes",
        "The first number of the dilation is used for both axes. The second one is for the columns.",
        _HOLES,
        _dilated(lambda dh, dw: dh),
    ),
    Thought(
        "second-dilation-for-both-axes",
        "The second number of the dilation is used for both axes. The first one is for the rows.",
        _HOLES,
        _dilated(lambda dh, dw: dw),
    ),
    Thought(
        "image-thinned-out",
        "The dilation thins out the image: every second pixel is dropped, and the window moves by two. It "
        "widens the kernel; the window still moves by the stride.",
        _HOLES,
        _image_thinned,
    ),
    Thought(
        "groups-ignored",
        "The groups have no effect: every kernel is expected to have all input channels. With groups it "
        "has only those of its group, c_in / groups.",
        _PARTS,
        _groups_ignored,
    ),
    Thought(
        "first-group-for-all",
        "All output channels see the first group of input channels. Each group of outputs has its own "
        "inputs.",
        _PARTS,
        _grouped(_first, _block),
    ),
    Thought(
        "inputs-of-the-groups-interleaved",
        "A group takes every n-th input channel. A group is a block of channels that follow each other.",
        _PARTS,
        _grouped(_every_nth, _block),
    ),
    Thought(
        "outputs-of-the-groups-interleaved",
        "The output channels take the groups in turn, as o % groups does. The first outputs belong to the "
        "first group, all of them: o // (c_out / groups).",
        _PARTS,
        _grouped(_block, _every_nth),
    ),
    Thought(
        "groups-in-reverse-order",
        "The groups of input channels are taken in reverse order.",
        _PARTS,
        _grouped(lambda g, n, c: _block(n - 1 - g, n, c), _block),
    ),
    Thought(
        "dilation-and-groups-in-the-other-order",
        "Dilation and groups are exchanged where they are given without a name: the order is stride, "
        "padding, dilation, groups.",
        "What do the last two numbers in conv2d_general(X, weight, bias, 1, 0, 2, 1) mean?",
        _dilation_and_groups_exchanged,
    ),
)


# ---------------------------------------------------------------------------------------------- conv2d_im2col

_LAID_OUT = "In which order are the numbers of one window laid out, and in which order those of one kernel?"
_BACK = "After the product, which axis counts the windows of all images? How does it become image, row and column?"


def _columns(
    windows: Callable[[Tensor], Tensor] = lambda w: w.permute(0, 2, 3, 1, 4, 5),
    kernels: Callable[[Tensor], Tensor] = lambda K: K.flatten(1).T,
    fold: Callable[[Tensor, tuple[int, int, int, int]], Tensor] = lambda Y, size: Y.reshape(
        size[0], *size[2:], size[1]
    ).permute(0, 3, 1, 2),
    columns_first: bool = False,
) -> Function:
    """A right im2col, but for one step. Windows come as (N, c_in, oh, ow, kh, kw)."""

    def conv2d_im2col(
        X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0
    ) -> Tensor:
        dtype = torch.result_type(X, weight)
        (sh, sw), (ph, pw) = pair(stride), pair(padding)
        padded, K = F.pad(X.to(dtype), (pw, pw, ph, ph)), weight.to(dtype)
        if columns_first:
            found = padded.unfold(3, K.shape[3], sw).unfold(2, K.shape[2], sh)
        else:
            found = padded.unfold(2, K.shape[2], sh).unfold(3, K.shape[3], sw)
        N, _, oh, ow = found.shape[:4]
        rows = windows(found).reshape(N * oh * ow, -1)
        Y = fold(rows @ kernels(K), (N, K.shape[0], oh, ow))
        return Y if bias is None else Y + bias.to(dtype)[:, None, None]

    return conv2d_im2col


_MATRICES: tuple[tuple[str, Function, str, str], ...] = (
    (
        "windows-folded-without-permute",
        _columns(windows=lambda w: w),
        "The windows are folded into rows by reshape alone, so that numbers of several windows and "
        "channels are mixed up. permute brings the axes that count windows to the front.",
        _LAID_OUT,
    ),
    (
        "channels-behind-the-window",
        _columns(windows=lambda w: w.permute(0, 2, 3, 4, 5, 1)),
        "In the rows the channel comes last, in the kernels it comes first: the numbers of a window must "
        "lie in the kernel's order, channel, row, column.",
        _LAID_OUT,
    ),
    (
        "rows-and-columns-of-the-window-exchanged",
        _columns(columns_first=True),
        "The windows are unfolded along the columns first, so that within each window rows and columns are "
        "exchanged; the kernel's are not.",
        _LAID_OUT,
    ),
    (
        "positions-transposed",
        _columns(windows=lambda w: w.permute(0, 3, 2, 1, 4, 5)),
        "The windows are laid out column by column, but the result is folded row by row.",
        _BACK,
    ),
    (
        "kernel-folded-without-transpose",
        _columns(kernels=lambda K: K.reshape(-1, K.shape[0])),
        "The kernels are folded into columns by reshape, which mixes their numbers up. Flatten each kernel "
        "into a row, then transpose.",
        _LAID_OUT,
    ),
    (
        "result-folded-without-permute",
        _columns(fold=lambda Y, size: Y.reshape(size)),
        "The product has one row for each window, but is folded into (N, c_out, H', W') by reshape alone: "
        "windows and channels are mixed up. The channel axis has to be moved by permute.",
        _BACK,
    ),
    (
        "batch-and-channels-mixed-in-the-result",
        _columns(fold=lambda Y, size: Y.T.reshape(size)),
        "The product has one row for each output channel and the windows of all images in it. Folded by "
        "reshape alone, images and channels are mixed up; for a batch of one all is well.",
        _BACK,
    ),
    (
        "channels-left-in-the-last-axis",
        _columns(fold=lambda Y, size: Y.reshape(size[0], *size[2:], size[1])),
        "The numbers are right, but the channels are in the last axis. They come after the images: (N, "
        "c_out, H', W').",
        _BACK,
    ),
    (
        "height-and-width-exchanged-in-the-fold",
        _columns(fold=lambda Y, size: Y.reshape(size[0], size[3], size[2], size[1]).permute(0, 3, 1, 2)),
        "The product is right, but folded into the wrong shape: height and width are exchanged in the last "
        "reshape.",
        _BACK,
    ),
    (
        "result-left-flat",
        _columns(fold=lambda Y, size: Y.reshape(size[0], -1, size[1]).transpose(1, 2)),
        "The numbers are right, but the windows still lie in one row. They have to be folded back into "
        "height and width.",
        _BACK,
    ),
)


def looping(what: str, count: Callable[[Tensor, Tensor], int]) -> Thought:
    """The right answer, found with operations whose number grows with `what`."""

    def make(right: Function) -> Function:
        def wrong(X: Tensor, K: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0) -> Any:
            for _ in range(count(X, K)):
                X.sum()
                K.sum()
            return right(X, K) if X.dim() == 3 else right(X, K, bias, stride, padding)

        return counted(wrong)

    named = what.replace("-", " ")
    return Thought(
        f"loops-over-{what}",
        f"It still loops over the {named}: more of them take more operations. One matrix product handles all at once.",
        f"How many operations are there for 3 {named}, and how many for 30?",
        make,
        with_habits=False,
    )


_LOOPS = (
    looping("images", lambda X, K: X.shape[0]),
    looping("input-channels", lambda X, K: X.shape[1]),
    looping("output-channels", lambda X, K: K.shape[0]),
    looping("positions", lambda X, K: (X.shape[2] - K.shape[2] + 1) * (X.shape[3] - K.shape[3] + 1)),
    looping("images-and-output-channels", lambda X, K: X.shape[0] * K.shape[0]),
    looping("images-and-positions", lambda X, K: X.shape[0] * X.shape[2] * X.shape[3]),
)


def effort(name: str, *sizes: tuple[tuple[int, ...], tuple[int, ...]]) -> Probe:
    """Whether operations and Python steps grow along the sizes of image and kernel."""
    questions = [
        (tensor(*image, seed=n), tensor(*kernel, seed=n + 5)) for n, (image, kernel) in enumerate(sizes)
    ]

    def probe(submission: Submission) -> Any:
        efforts = [submission.ask(name, X, K, effort=True).effort for X, K in questions]
        operations, steps = zip(*efforts, strict=True)
        return (grows(list(operations)), grows(list(steps)))

    return probe


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = (
    *entries(
        "multichannel",
        "conv2d_batched",
        convolve,
        BATCHED,
        habits=(FLOAT32, PLAIN_NUMBERS),
        prefix="batched-",
    ),
    *entries("multichannel", "conv2d_batched", convolve, TENSORS, prefix="batched-"),
    *entries("multichannel", "conv2d_general", convolve, (*BATCHED, *_GENERAL, *TENSORS), prefix="general-"),
    *entries("multichannel", "conv2d_im2col", convolve, (*BATCHED, *_LOOPS, *TENSORS), prefix="im2col-"),
    *(
        entry("multichannel", "conv2d_im2col", f"im2col-{name}", wrong, says, hint)
        for name, wrong, says, hint in _MATRICES
    ),
)


def _with(
    name: str,
    image: tuple[int, ...],
    kernel: tuple[int, ...],
    seed: int,
    *order: Any,
    bias: bool = False,
    cotangent: Tensor | None = None,
    **options: Any,
) -> Probe:
    X, K, b = (tensor(*size, seed=seed + n) for n, size in enumerate((image, kernel, kernel[:1])))
    if cotangent is not None:
        X, K, b = X.requires_grad_(), K.requires_grad_(), b.requires_grad_()
        options["cotangent"] = cotangent
    if order:
        return calls(name, X, K, b, *order, **options)
    return calls(name, X, K, **({"bias": b} if bias else {}), **options)


def _batch_probes(name: str) -> tuple[Probe, ...]:
    probes = (
        *convolution_probes(
            name,
            ((2, 3, 4, 6), (4, 3, 2, 3)),
            ((2, 3, 4, 5), (3, 3, 2, 2)),
            ((1, 2, 5, 4), (3, 2, 3, 2)),
            ((3, 2, 4, 4), (2, 2, 4, 2)),
            ((2, 1, 3, 5), (1, 1, 2, 2)),
        ),
        _with(name, (2, 3, 4, 5), (4, 3, 2, 2), 31, bias=True),
        _with(name, (2, 3, 4, 6), (3, 3, 2, 2), 34, bias=True),
        _with(name, (3, 2, 3, 6), (3, 2, 2, 2), 37, bias=True),
        _with(name, (2, 2, 8, 9), (3, 2, 3, 2), 40, stride=(2, 3)),
        _with(name, (1, 2, 6, 7), (2, 2, 3, 2), 43, stride=2),
        _with(name, (2, 2, 4, 5), (3, 2, 2, 3), 46, padding=(2, 1)),
        _with(name, (1, 2, 4, 3), (2, 2, 2, 2), 49, padding=1),
        _with(name, (1, 2, 2, 3), (2, 2, 4, 4), 52, padding=(1, 1)),
        _with(name, (2, 3, 6, 5), (4, 3, 3, 2), 55, bias=True, stride=(2, 3), padding=(1, 2)),
        _with(name, (1, 2, 5, 6), (3, 2, 2, 2), 58, (2, 1), (1, 0)),
        _with(name, (2, 2, 3, 4), (3, 2, 2, 2), 61, bias=True, cotangent=tensor(2, 3, 2, 3, seed=64)),
    )
    return tuple(telling(probe) for probe in probes)


PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d_batched": _batch_probes("conv2d_batched"),
    "conv2d_general": (
        *_batch_probes("conv2d_general"),
        _with("conv2d_general", (1, 2, 7, 8), (2, 2, 2, 3), 71, dilation=(3, 2)),
        _with("conv2d_general", (2, 1, 6, 6), (2, 1, 2, 2), 74, dilation=2),
        _with("conv2d_general", (2, 4, 3, 4), (6, 2, 2, 2), 77, groups=2),
        _with("conv2d_general", (1, 3, 4, 3), (6, 1, 3, 2), 80, groups=3, bias=True),
        _with("conv2d_general", (1, 4, 9, 8), (2, 2, 3, 2), 83, (2, 3), (1, 2), (3, 4), 2),
        _with("conv2d_general", (1, 2, 5, 5), (2, 1, 2, 2), 86, 1, 0, 1, 2),
    ),
    "conv2d_im2col": (
        *_batch_probes("conv2d_im2col"),
        effort("conv2d_im2col", *(((n, 2, 3, 4), (2, 2, 2, 2)) for n in (2, 7))),
        effort("conv2d_im2col", *(((2, n, 3, 4), (2, n, 2, 2)) for n in (2, 7))),
        effort("conv2d_im2col", *(((2, 2, 3, 4), (n, 2, 2, 2)) for n in (2, 7))),
        effort("conv2d_im2col", *(((2, 2, n, n + 1), (2, 2, 2, 2)) for n in (3, 6))),
    ),
}

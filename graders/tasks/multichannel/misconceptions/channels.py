"""Exercise 3, continued: mistakes about channels that any of its convolutions can have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.written import Slip
from graders.tasks.convolution_slips import before


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
ADD = "Take one place of the result. Which channels of the image contribute to it, and how are they joined?"


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
    Slip(
        "mean-over-channels",
        "The channels are averaged. They are added up: channels are not shades of one grey.",
        ADD,
        before(lambda X, K: (X, K / K.shape[-3])),
    ),
    Slip(
        "first-channel-only",
        "Only the first input channel takes part. Every channel has its own kernel, and all are added up.",
        ADD,
        before(lambda X, K: (X, _one_channel(K, 0))),
    ),
    Slip(
        "last-channel-only",
        "Only the last input channel is left: each channel overwrites the one before it, = where += is "
        "needed.",
        ADD,
        before(lambda X, K: (X, _one_channel(K, -1))),
    ),
    Slip(
        "one-kernel-for-all-channels",
        "All input channels meet the same kernel, the first. Each of them has a kernel of its own.",
        _OWN,
        before(lambda X, K: (X, K.narrow(-3, 0, 1).expand_as(K))),
    ),
    Slip(
        "last-kernel-for-all-channels",
        "All input channels meet the same kernel, the last. Each of them has a kernel of its own.",
        _OWN,
        before(lambda X, K: (X, K.narrow(-3, -1, 1).expand_as(K))),
    ),
    Slip(
        "window-cut-from-the-first-channel",
        "Every kernel meets the first input channel: the window is cut from one channel, not from all of "
        "them.",
        "Which index is in front in the slice of X, and what would a colon there mean?",
        before(lambda X, K: (X.narrow(-3, 0, 1).expand_as(X), K)),
    ),
    Slip(
        "channels-added-before",
        "The channels of the image are added up first, and so are those of the kernel. Each channel meets "
        "its own kernel, and then comes the sum.",
        _OWN,
        before(lambda X, K: (X.sum(-3, keepdim=True), K.sum(-3, keepdim=True))),
    ),
    Slip(
        "channels-of-the-kernel-reversed",
        "The channels of the kernel are read from the last to the first. The first belongs to the first "
        "channel of the image.",
        _OWN,
        before(lambda X, K: (X, K.flip(-3))),
    ),
)

# For kernels (c_out, c_in, kh, kw).
OUTPUTS = (
    Slip(
        "all-outputs-alike",
        "All output channels are the same: each of them uses the kernels of the first. K[o] is the group "
        "for output channel o.",
        _OWN,
        before(lambda X, K: (X, K[:1].expand_as(K))),
    ),
    Slip(
        "each-output-sees-one-channel",
        "Output channel o sees input channel o only. Every output channel sees all input channels.",
        _OWN,
        before(_each_its_own),
        with_habits=False,
    ),
    Slip(
        "weight-axes-exchanged",
        "The kernel is read as (c_in, c_out, kh, kw). Its axes are (c_out, c_in, kh, kw), the output "
        "first; with as many channels out as in, no error tells.",
        "Which axis of the kernel tells how many channels the result has?",
        before(lambda X, K: (X, K.transpose(0, 1))),
        with_habits=False,
    ),
    Slip(
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

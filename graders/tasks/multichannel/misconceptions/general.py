"""Exercise 3, continued: mistakes about dilation and groups, and about the one matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import counted, effort
from graders.diagnosis.written import Change, Function, Slip, entries, entry
from graders.tasks.convolution_slips import TENSORS
from graders.testing.strategies import tensor

from .batched import BATCHED, answers, batch_probes
from .channels import convolve, pair

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
    Slip(
        "dilation-ignored",
        "The dilation has no effect. With dilation 2 the elements of the kernel meet every second pixel.",
        _HOLES,
        _dilated(lambda dh, dw: 1),
    ),
    Slip(
        "dilation-as-number-of-holes",
        "The dilation is taken for the number of pixels left out between two elements. It is their "
        "distance: with dilation 1 they touch.",
        _HOLES,
        _dilated(lambda dh, dw: (dh + 1, dw + 1)),
    ),
    Slip(
        "dilation-axes-exchanged",
        "The two numbers of the dilation are exchanged. The first is for the rows, the second for the "
        "columns.",
        _HOLES,
        _dilated(lambda dh, dw: (dw, dh)),
    ),
    Slip(
        "first-dilation-for-both-axes",
        "The first number of the dilation is used for both axes. The second one is for the columns.",
        _HOLES,
        _dilated(lambda dh, dw: dh),
    ),
    Slip(
        "second-dilation-for-both-axes",
        "The second number of the dilation is used for both axes. The first one is for the rows.",
        _HOLES,
        _dilated(lambda dh, dw: dw),
    ),
    Slip(
        "image-thinned-out",
        "The dilation thins out the image: every second pixel is dropped, and the window moves by two. It "
        "widens the kernel; the window still moves by the stride.",
        _HOLES,
        _image_thinned,
    ),
    Slip(
        "groups-ignored",
        "The groups have no effect: every kernel is expected to have all input channels. With groups it "
        "has only those of its group, c_in / groups.",
        _PARTS,
        _groups_ignored,
    ),
    Slip(
        "first-group-for-all",
        "All output channels see the first group of input channels. Each group of outputs has its own "
        "inputs.",
        _PARTS,
        _grouped(_first, _block),
    ),
    Slip(
        "inputs-of-the-groups-interleaved",
        "A group takes every n-th input channel. A group is a block of channels that follow each other.",
        _PARTS,
        _grouped(_every_nth, _block),
    ),
    Slip(
        "outputs-of-the-groups-interleaved",
        "The output channels take the groups in turn, as o % groups does. The first outputs belong to the "
        "first group, all of them: o // (c_out / groups).",
        _PARTS,
        _grouped(_block, _every_nth),
    ),
    Slip(
        "groups-in-reverse-order",
        "The groups of input channels are taken in reverse order.",
        _PARTS,
        _grouped(lambda g, n, c: _block(n - 1 - g, n, c), _block),
    ),
    Slip(
        "dilation-and-groups-in-the-other-order",
        "Dilation and groups are exchanged where they are given without a name: the order is stride, "
        "padding, dilation, groups.",
        "What do the last two numbers in conv2d_general(X, weight, bias, 1, 0, 2, 1) mean?",
        _dilation_and_groups_exchanged,
    ),
)


# ---------------------------------------------------------------------------------------------- conv2d_im2col

_LAID_OUT = "In which order are the numbers of one window laid out, and in which order those of one kernel?"
_BACK = (
    "After the product, which axis counts the windows of all images? How does it become image, row, column?"
)


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


def looping(what: str, count: Callable[[Tensor, Tensor], int]) -> Slip:
    """The right answer, found with operations whose number grows with `what`."""

    def make(right: Function) -> Function:
        def wrong(X: Tensor, K: Tensor, bias: Any = None, stride: Any = 1, padding: Any = 0) -> Any:
            for _ in range(count(X, K)):
                X.sum()
                K.sum()
            return right(X, K) if X.dim() == 3 else right(X, K, bias, stride, padding)

        return counted(wrong)

    named = what.replace("-", " ")
    return Slip(
        f"loops-over-{what}",
        f"It still loops over the {named}: more of them take more operations. One matrix product handles "
        "all at once.",
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


def growing(name: str, *sizes: tuple[tuple[int, ...], tuple[int, ...]]) -> Probe:
    """Whether the effort grows along the sizes of image and kernel."""
    questions = [
        (tensor(*image, seed=n), tensor(*kernel, seed=n + 5)) for n, (image, kernel) in enumerate(sizes)
    ]
    return effort(name, lambda X, K: convolve(X, K) if X.dim() == 4 else convolve(X[None], K)[0], *questions)


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = (
    *entries("multichannel", "conv2d_general", convolve, (*BATCHED, *_GENERAL, *TENSORS), prefix="general-"),
    *entries("multichannel", "conv2d_im2col", convolve, (*BATCHED, *_LOOPS, *TENSORS), prefix="im2col-"),
    *(
        entry("multichannel", "conv2d_im2col", f"im2col-{name}", wrong, says, hint)
        for name, wrong, says, hint in _MATRICES
    ),
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d_general": (
        *batch_probes("conv2d_general"),
        answers("conv2d_general", (1, 2, 7, 8), (2, 2, 2, 3), 71, dilation=(3, 2)),
        answers("conv2d_general", (2, 1, 6, 6), (2, 1, 2, 2), 74, dilation=2),
        answers("conv2d_general", (2, 4, 3, 4), (6, 2, 2, 2), 77, groups=2),
        answers("conv2d_general", (1, 3, 4, 3), (6, 1, 3, 2), 80, groups=3, bias=True),
        answers("conv2d_general", (1, 4, 9, 8), (2, 2, 3, 2), 83, (2, 3), (1, 2), (3, 4), 2),
        answers("conv2d_general", (1, 2, 5, 5), (2, 1, 2, 2), 86, 1, 0, 1, 2),
    ),
    "conv2d_im2col": (
        *batch_probes("conv2d_im2col"),
        growing("conv2d_im2col", *(((n, 2, 3, 4), (2, 2, 2, 2)) for n in (2, 7))),
        growing("conv2d_im2col", *(((2, n, 3, 4), (2, n, 2, 2)) for n in (2, 7))),
        growing("conv2d_im2col", *(((2, 2, 3, 4), (n, 2, 2, 2)) for n in (2, 7))),
        growing("conv2d_im2col", *(((2, 2, n, n + 1), (2, 2, 2, 2)) for n in (3, 6))),
    ),
}

"""What goes wrong in exercise 1, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.observing import counted
from graders.diagnosis.pipeline import Pipeline, Slip, Slips, after
from graders.tasks.convolutions import PLAIN, TENSORS, Convolution, of_kernel
from graders.tasks.layers import class_of, inside
from graders.tasks.windows import HABITS, SIZES, cut, first, second, swapped

from .backward_slips import BACKWARD, MATRIX, Backward, Matrix, both
from .layer_slips import LAYER, Conv2D
from .probes import PROBES
from .size_slips import OUTPUT_SIZE, output_size

# ---------------------------------------------------------------------------------------------------- conv2d


def painted(a: Any) -> dict[str, Any]:
    """A slice is no copy: the window is multiplied in place."""

    def cell(window: Tensor) -> Tensor:
        window *= a.K
        return window.sum().to(a.dtype)

    return {"cell": cell}


def end_to_end(a: Any) -> Tensor:
    """A convolution over all rows in one line."""
    return F.conv1d(a.X.to(a.dtype).reshape(1, 1, -1), a.K.to(a.dtype).reshape(1, 1, -1))[0, 0]


def only_square(a: Any) -> Any:
    """Raises what an index out of range raises, for kernels that are not square."""
    if a.k[0] != a.k[1]:
        raise IndexError("index is out of bounds")
    return a.but(K=a.K.mT)


def as_wide_as_high(a: Any) -> Any:
    if a.k[0] > a.k[1]:
        raise IndexError("index is out of bounds")
    return a.but(K=a.K[:, : a.k[0]])


IMAGE: Slips = {
    "divided-by-the-sum-of-the-kernel": lambda a: a.then(lambda Y: Y / a.K.sum()),
    "only-the-first-cell": SIZES["only-the-first-cell"],
    "only-the-first-row": SIZES["only-the-first-row"],
    "result-in-one-row": after(lambda Y: Y.flatten()),
    "batch-and-channel-axes-left-on": after(lambda Y: Y[None, None]),
    "channel-axis-left-on": after(lambda Y: Y[None]),
    "kernel-indices-exchanged": only_square,
    "kernel-height-and-width-exchanged": cut(lambda a: {"long": swapped(a.k), "extent": swapped(a.k)}),
    "image-height-and-width-exchanged": cut(lambda a: {"lengths": swapped(a.lengths)}),
    "result-made-as-width-by-height": SIZES["result-made-as-width-by-height"],
    "kernel-height-for-both-axes": cut(lambda a: {"long": first(a.k), "extent": first(a.k)}),
    "kernel-width-for-both-axes": cut(lambda a: {"long": second(a.k), "extent": second(a.k)}),
    "loops-of-kernel-height-for-both-axes": as_wide_as_high,
    "smaller-side-of-the-kernel-for-both-axes": of_kernel(lambda K: K[: min(K.shape), : min(K.shape)]),
    "height-of-the-result-for-both-axes": cut(lambda a: {"count": first(a.count)}),
    "width-of-the-result-for-both-axes": cut(lambda a: {"count": second(a.count)}),
    "windows-cut-at-the-border": cut(lambda a: {"count": a.X.shape}),
    "image-overwritten": cut(painted),
    "matrix-product-of-the-window": cut(lambda a: {"cell": lambda window: (window @ a.K).sum().to(a.dtype)}),
    "rows-laid-end-to-end": lambda a: a.but(way=end_to_end),
    "the-first-window-only": after(lambda Y: Y[0, 0]),
    "sum-of-all-windows": after(lambda Y: Y.sum()),
    "sums-carried-on": after(lambda Y: Y.flatten().cumsum(0).reshape(Y.shape)),
    "sums-carried-along-the-row": after(lambda Y: Y.cumsum(1)),
}

LISTS: Slips = {name: HABITS[name] for name in ("list-of-numbers-returned", "numpy-array-returned")}


def function(slip: Slip) -> Callable[[Tensor, Tensor], Any]:
    return lambda X, K: slip(Convolution(X=X, K=K)).answer()


# ----------------------------------------------------------------------------------------- conv2d_vectorized


def windows(a: Any) -> Tensor:
    return a.X.to(a.dtype).unfold(0, a.k[0], 1).unfold(1, a.k[1], 1)  # type: ignore[no-any-return]


def columns_first(a: Any) -> Tensor:
    return a.X.to(a.dtype).unfold(1, a.k[1], 1).unfold(0, a.k[0], 1)  # type: ignore[no-any-return]


def flat(windows: Tensor, K: Tensor) -> Tensor:
    """Each window as a row, and the sum of its products."""
    return (windows.reshape(*windows.shape[:2], -1) * K.reshape(-1)).sum(-1)


def by_windows(change: Callable[[Tensor, Tensor], Any], cut_out: Callable[[Any], Tensor] = windows) -> Slip:
    """Windows and kernel in one dtype, and what is made of them."""
    return lambda a: a.but(way=lambda b: change(cut_out(b), b.K.to(b.dtype)))


def without_the_last_shift(a: Any) -> Tensor:
    (kh, kw), last = a.k, a.K[-1, -1]
    Y: Tensor = flat(windows(a), a.K.to(a.dtype)) - a.X[kh - 1 :, kw - 1 :] * last
    return Y


def shifted_too_short(a: Any) -> Tensor:
    (H, W), (kh, kw) = a.X.shape, a.k
    pieces = [a.X[i : H - kh + i, j : W - kw + j] * a.K[i, j] for i in range(kh) for j in range(kw)]
    return torch.stack(pieces).sum(0)


def lists(X: Tensor, K: Tensor, dtype: torch.dtype) -> Tensor:
    """Right values from plain Python numbers."""
    numbers, kernel = X.tolist(), K.tolist()
    rows = []
    for i in range(len(numbers) - len(kernel) + 1):
        row = []
        for j in range(len(numbers[0]) - len(kernel[0]) + 1):
            total = 0.0
            for a in range(len(kernel)):
                for b in range(len(kernel[0])):
                    total += numbers[i + a][j + b] * kernel[a][b]
            row.append(total)
        rows.append(row)
    return torch.tensor(rows, dtype=dtype)


by_lists = counted(lists)


def loops_over_the_image(a: Any) -> Any:
    """The same answer, with operations and steps for each position."""

    def wasting(Y: Any) -> Any:
        for i in range(a.X.shape[0] - a.K.shape[0] + 1):
            for j in range(a.X.shape[1] - a.K.shape[1] + 1):
                a.X[i : i + 1, j : j + 1].sum()
        return Y

    return a.then(counted(wasting))


VECTORIZED: Slips = {
    "loops-over-the-image": loops_over_the_image,
    "columns-unfolded-first": by_windows(flat, columns_first),
    "windows-transposed": by_windows(lambda w, K: (w.mT * K).sum(dim=(2, 3))),
    "summed-over-the-positions": by_windows(lambda w, K: (w * K).sum(dim=(0, 1))),
    "summed-over-one-axis": by_windows(lambda w, K: (w * K).sum(dim=-1)),
    "summed-over-everything": by_windows(lambda w, K: (w * K).sum()),
    "window-axes-in-between": by_windows(lambda w, K: flat(w.permute(0, 2, 1, 3).reshape(w.shape), K)),
    "result-folded-with-width-first": by_windows(lambda w, K: flat(w, K).reshape(w.shape[1], w.shape[0])),
    "result-in-one-row": IMAGE["result-in-one-row"],
    "result-in-one-column": after(lambda Y: Y.reshape(-1, 1)),
    "batch-and-channel-axes-left-on": IMAGE["batch-and-channel-axes-left-on"],
    "batch-axis-left-on": after(lambda Y: Y[None]),
    "last-shift-missed": lambda a: a.but(way=without_the_last_shift),
    "shifted-pieces-too-short": lambda a: a.but(way=shifted_too_short),
    "loops-over-plain-numbers": lambda a: a.but(way=lambda b: by_lists(b.X, b.K, b.dtype)),
    "loops-over-plain-numbers-and-always-float32": lambda a: a.but(
        way=lambda b: by_lists(b.X, b.K, torch.float32)
    ),
}


# ------------------------------------------------------------------------------------------------- pipelines

PIPELINES = (
    Pipeline("conv2d", function, {**PLAIN, **IMAGE}, PROBES["conv2d"], {**TENSORS, **LISTS}),
    Pipeline(
        "Conv2D",
        lambda slip: class_of("Conv2D", slip(Conv2D())),
        {**{name: inside(slip) for name, slip in PLAIN.items()}, **LAYER},
        PROBES["Conv2D"],
        {"detached": inside(HABITS["detached"]), "always-float32": HABITS["always-float32"]},
        builds_on="conv2d",
        of_that=frozenset({*PLAIN, "detached"}),
    ),
    Pipeline("output_size", output_size, OUTPUT_SIZE, PROBES["output_size"]),
    Pipeline(
        "conv2d_vectorized",
        function,
        {**PLAIN, **VECTORIZED},
        PROBES["conv2d_vectorized"],
        {**TENSORS, **LISTS},
    ),
    Pipeline(
        "conv2d_backward",
        lambda slip: lambda grad_Y, X, K: slip(Backward(grad_Y=grad_Y, X=X, K=K)).answer(),
        BACKWARD,
        PROBES["conv2d_backward"],
        {"always-float32": both(lambda one: one.float())},
    ),
    Pipeline(
        "conv2d_matrix",
        lambda slip: lambda K, input_size: slip(Matrix(K=K, input_size=input_size)).answer(),
        MATRIX,
        PROBES["conv2d_matrix"],
        {name: HABITS[name] for name in ("detached", "always-float32", "always-float32-and-detached")},
    ),
)

"""What goes wrong in exercise 1, by name. What a student is told stands in words.toml."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.observing import counted
from graders.diagnosis.pipeline import Call, Pipeline, Slip, Slips, after, step
from graders.tasks.convolution_layers import DETACHED, LAYERS, ConvolutionLayer
from graders.tasks.convolutions import PLAIN, TENSORS, Convolution, of_kernel
from graders.tasks.layers import class_of, inside
from graders.tasks.windows import HABITS, SIZES, cut, first, second, swapped

from .probes import PROBES

# ------------------------------------------------------------------------------------------------- conv2d


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


# ------------------------------------------------------------------------------------------------- Conv2D


class Conv2D(ConvolutionLayer):
    """The layer of one kernel; the bias is added to what the function answers."""

    @step
    def arguments(self) -> dict[str, Any]:
        return {"kernel_size": None}

    @step
    def forward(self) -> Callable[[Any, Tensor], Any]:
        def forward(module: Any, X: Tensor) -> Any:
            passed = self.passes(module)
            return self.joined(self.convolve(X, K=passed["K"]), passed["bias"])

        return forward

    @step
    def joined(self) -> Callable[[Any, Any], Any]:
        """How the bias comes to the result."""
        return lambda Y, bias: Y if bias is None else Y + bias


def joined(join: Callable[[Any, Any], Any]) -> Slip:
    return lambda layer: layer.but(joined=join)


def new_bias(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_bias=make)


def new_weight(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_weight=make)


def before_the_function(change: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Slip:
    """The bias is added to image or kernel, and not to the result."""

    def slip(layer: Conv2D) -> Conv2D:
        def forward(module: Any, X: Tensor) -> Any:
            passed = layer.passes(module)
            X, K = change(X, passed["K"], passed["bias"])
            return layer.convolve(X, K=K)

        return layer.but(forward=forward)

    return slip


def plain_bias(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight, module.bias = torch.nn.Parameter(weight), bias


LAYER: Slips = {
    "bias-forgotten": joined(lambda Y, bias: Y),
    "bias-added-for-each-kernel-element": lambda layer: layer.but(
        passes=lambda m: {"K": m.weight, "bias": m.weight.numel() * m.bias}
    ),
    "bias-added-to-the-kernel": before_the_function(lambda X, K, bias: (X, K + bias)),
    "bias-added-to-the-image": before_the_function(lambda X, K, bias: (X + bias, K)),
    "bias-added-twice": joined(lambda Y, bias: Y + bias + bias),
    "bias-subtracted": joined(lambda Y, bias: Y - bias),
    "result-multiplied-by-the-bias": joined(lambda Y, bias: Y * bias),
    "bias-as-large-as-the-kernel": new_bias(torch.zeros),
    "bias-without-an-axis": new_bias(lambda shape: torch.zeros(())),
    "bias-with-two-axes": new_bias(lambda shape: torch.zeros(1, 1)),
    "bias-drawn-at-random": new_bias(lambda shape: torch.rand(1)),
    "bias-of-one": new_bias(lambda shape: torch.ones(1)),
    "weight-from-the-normal-distribution": new_weight(torch.randn),
    "weight-around-zero": new_weight(lambda shape: torch.rand(shape) - 0.5),
    "int-gives-one-row": lambda layer: layer.but(
        size=lambda size: (1, size) if isinstance(size, int) else size
    ),
    "int-gives-a-flat-kernel": lambda layer: layer.but(
        size=lambda size: (size,) if isinstance(size, int) else size
    ),
    "bias-not-registered": lambda layer: layer.but(register=plain_bias),
    **LAYERS,
    **DETACHED,
}

# --------------------------------------------------------------------------------------- conv2d_vectorized


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

# ----------------------------------------------------------------------------------------- conv2d_backward


def valid(X: Tensor, K: Tensor) -> Tensor:
    return F.conv2d(X[None, None], K[None, None])[0, 0]


def full(G: Tensor, K: Tensor) -> Tensor:
    """`G` in a frame of zeros, seen through `K` as it is."""
    kh, kw = K.shape
    return valid(F.pad(G, (kw - 1, kw - 1, kh - 1, kh - 1)), K)


class Backward(Call):
    """Both gradients of a convolution."""

    grad_Y: Tensor
    X: Tensor
    K: Tensor

    @step
    def dtype(self) -> torch.dtype:
        return torch.result_type(self.X, self.K)

    @step
    def values(self) -> tuple[Tensor, Tensor, Tensor]:
        """Upstream gradient, image and kernel in one dtype."""
        return self.grad_Y.to(self.dtype), self.X.to(self.dtype), self.K.to(self.dtype)

    @step
    def G(self) -> Tensor:
        """What flows in."""
        return self.values[0]

    @step
    def seen(self) -> Tensor:
        """The kernel as the image sees it."""
        return self.values[2].flip(0, 1)

    @step
    def of_X(self) -> Tensor:
        return full(self.G, self.seen)

    @step
    def of_K(self) -> Tensor:
        return valid(self.values[1], self.G)

    @step
    def result(self) -> Any:
        return self.of_X, self.of_K


def framed_the_wrong_way(a: Backward) -> Tensor:
    kh, kw = a.K.shape
    return valid(F.pad(a.G, (kh - 1, kh - 1, kw - 1, kw - 1)), a.seen)


def set_not_added(a: Backward) -> Tensor:
    _, X, K = a.values
    found = torch.zeros_like(X)
    for i in range(a.G.shape[0]):
        for j in range(a.G.shape[1]):
            found[i : i + K.shape[0], j : j + K.shape[1]] = a.G[i, j] * K
    return found


def last_window(a: Backward) -> Tensor:
    return a.G[-1, -1] * a.values[1][-a.K.shape[0] :, -a.K.shape[1] :]


def own_numbers(a: Backward) -> dict[str, Any]:
    _, X, K = a.values
    return {"of_X": full(a.G, X[: K.shape[0], : K.shape[1]].flip(0, 1)), "of_K": a.G.sum() * K}


def both(change: Callable[[Tensor], Any]) -> Slip:
    """Both gradients are changed."""
    return after(lambda gradients: tuple(change(one) for one in gradients))


def found(**steps: Callable[[Any], Any]) -> Slip:
    """Something is found in another way."""
    return lambda a: a.but(**{name: make(a) for name, make in steps.items()})


BACKWARD: Slips = {
    "kernel-not-turned": found(seen=lambda a: a.values[2]),
    "kernel-turned-in-one-direction": found(seen=lambda a: a.values[2].flip(1)),
    "kernel-turned-upside-down-only": found(seen=lambda a: a.values[2].flip(0)),
    "frame-with-height-and-width-exchanged": found(of_X=framed_the_wrong_way),
    "overlaps-lost": found(of_X=set_not_added),
    "last-window-only": found(of_K=last_window),
    "overlaps-and-windows-lost": found(of_X=set_not_added, of_K=last_window),
    "upstream-forgotten": found(G=lambda a: torch.ones_like(a.G)),
    "upstream-forgotten-for-the-kernel": found(of_K=lambda a: valid(a.values[1], torch.ones_like(a.G))),
    "upstream-forgotten-for-the-image": found(of_X=lambda a: full(torch.ones_like(a.G), a.seen)),
    "output-for-its-gradient": found(G=lambda a: valid(*a.values[1:])),
    "output-times-its-gradient": found(G=lambda a: a.G * valid(*a.values[1:])),
    "gradients-in-the-other-order": after(lambda gradients: gradients[::-1]),
    "kernel-gradient-reversed": found(of_K=lambda a: a.of_K.flip(0, 1)),
    "upstream-turned": found(of_K=lambda a: valid(a.values[1], a.G.flip(0, 1))),
    "kernel-transposed": found(seen=lambda a: a.values[2].mT),
    "kernel-gradient-averaged": found(of_K=lambda a: a.of_K / a.G.numel()),
    "both-gradients-averaged": lambda a: both(lambda one: one / a.G.numel())(a),
    "image-and-kernel-exchanged": lambda a: a.but(**own_numbers(a)),
    "negative-gradients": both(lambda one: -one),
}

# ------------------------------------------------------------------------------------------- conv2d_matrix


class Matrix(Call):
    """A convolution as a matrix: that of every image with a single 1 in it."""

    K: Tensor
    input_size: Any

    @step
    def size(self) -> tuple[int, int]:
        return (self.input_size,) * 2 if isinstance(self.input_size, int) else self.input_size

    @step
    def axes(self) -> tuple[int, int, int, int]:
        """Rows and columns of the result, then those of the image."""
        (H, W), (kh, kw) = self.size, self.K.shape
        return H - kh + 1, W - kw + 1, H, W

    @step
    def result(self) -> Tensor:
        H, W = self.size
        units = torch.eye(H * W, dtype=self.K.dtype).reshape(H * W, 1, H, W)
        return F.conv2d(units, self.K[None, None]).reshape(H * W, -1).T


def placed(place: Callable[[Any, int, int, int, int], int]) -> Slip:
    """`K[a, b]` at another column of the row for output (i, j)."""

    def matrix(call: Matrix) -> Tensor:
        (oh, ow, H, W), (kh, kw) = call.axes, call.K.shape
        M = torch.zeros(oh * ow, H * W, dtype=call.K.dtype)
        for i in range(oh):
            for j in range(ow):
                for a in range(kh):
                    for b in range(kw):
                        M[i * ow + j, place(call, i, j, a, b)] = call.K[a, b]
        return M

    return lambda call: call.but(result=matrix(call))


def by_column(call: Matrix) -> Matrix:
    oh, ow, H, W = call.axes
    return call.then(lambda M: M.reshape(oh, ow, H, W).permute(1, 0, 3, 2).reshape(oh * ow, H * W))


MATRIX: Slips = {
    "transposed": after(lambda M: M.T),
    "kernel-flipped": of_kernel(lambda K: K.flip(0, 1)),
    "kernel-transposed": of_kernel(lambda K: K.mT),
    "kernel-in-one-run": placed(lambda m, i, j, a, b: i * m.axes[3] + j + a * m.K.shape[1] + b),
    "height-for-the-length-of-a-line": placed(lambda m, i, j, a, b: (i + a) * m.axes[2] + j + b),
    "line-ends-forgotten": placed(lambda m, i, j, a, b: i * m.axes[1] + j + a * m.axes[3] + b),
    "width-of-the-result-for-the-length-of-a-line": placed(lambda m, i, j, a, b: (i + a) * m.axes[1] + j + b),
    "column-by-column": by_column,
    "four-axes-left": lambda m: m.then(lambda M: M.reshape(m.axes)),
    "height-and-width-exchanged": lambda m: m.but(size=swapped(m.size)),
    "as-many-rows-as-pixels": after(lambda M: F.pad(M, (0, 0, 0, M.shape[1] - M.shape[0]))),
}

# --------------------------------------------------------------------------------------------- output_size


class OutputSize(Call):
    """The length of one axis."""

    n: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    in_order: int
    """How many of stride, padding and dilation were given by their place."""

    @step
    def padded(self) -> int:
        return self.n + 2 * self.padding

    @step
    def extent(self) -> int:
        """How many pixels the kernel spans."""
        return self.dilation * (self.kernel - 1) + 1

    @step
    def room(self) -> int:
        return self.padded - self.extent

    @step
    def result(self) -> Any:
        return self.room // self.stride + 1


def size(formula: Callable[[Any], Any]) -> Slip:
    return lambda a: a.but(result=formula(a))


def spanning(extent: Callable[[Any], int]) -> Slip:
    return lambda a: a.but(extent=extent(a))


def other_order(a: OutputSize) -> OutputSize:
    if a.in_order == 0:
        return a
    return a.but(stride=a.padding if a.in_order > 1 else 1, padding=a.stride)


OUTPUT_SIZE: Slips = {
    "plus-one-forgotten": after(lambda length: length - 1),
    "plus-one-divided-too": size(lambda a: (a.room + 1) // a.stride),
    "partial-windows-counted": size(lambda a: math.ceil(a.room / a.stride) + 1),
    "rounded-to-the-nearest": size(lambda a: round(a.room / a.stride) + 1),
    "fraction-returned": size(lambda a: a.room / a.stride + 1),
    "padding-counted-once": lambda a: a.but(padded=a.n + a.padding),
    "padding-ignored": lambda a: a.but(padded=a.n),
    "padding-subtracted": lambda a: a.but(padded=a.n - 2 * a.padding),
    "padding-added-after-the-division": lambda a: a.but(padded=a.n).then(
        lambda length: length + 2 * a.padding
    ),
    "stride-ignored": lambda a: a.but(stride=1),
    "stride-defaults-to-the-kernel": lambda a: a.but(stride=a.kernel if a.stride == 1 else a.stride),
    "divided-before-the-kernel-is-subtracted": size(lambda a: a.padded // a.stride - a.extent + 1),
    "only-the-kernel-divided": size(lambda a: a.padded - a.extent // a.stride + 1),
    "divided-by-stride-plus-one": size(lambda a: a.room // (a.stride + 1)),
    "window-left-out": size(lambda a: a.padded // a.stride),
    "same-size-expected": size(lambda a: math.ceil(a.n / a.stride)),
    "dilation-ignored": spanning(lambda a: a.kernel),
    "dilation-as-number-of-holes": spanning(lambda a: (a.dilation + 1) * (a.kernel - 1) + 1),
    "kernel-times-dilation": spanning(lambda a: a.kernel * a.dilation),
    "extent-one-too-small": spanning(lambda a: a.extent - 1),
    "dilation-added-to-the-kernel": spanning(lambda a: a.kernel + a.dilation - 1),
    "dilation-on-the-input": lambda a: a.but(extent=a.kernel, stride=a.stride * a.dilation),
    "pair-returned": after(lambda length: (length, length)),
    "stride-and-padding-in-the-wrong-order": other_order,
}


def output_size(slip: Slip) -> Callable[..., Any]:
    def length(n: int, kernel: int, *order: int, **named: int) -> Any:
        given = dict(zip(("stride", "padding", "dilation"), order, strict=False))
        sizes = {"stride": 1, "padding": 0, "dilation": 1, **given, **named}
        return slip(OutputSize(n=n, kernel=kernel, in_order=len(order), **sizes)).answer()

    return length


# ----------------------------------------------------------------------------------------------- pipelines

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

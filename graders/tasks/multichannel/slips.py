"""What goes wrong in exercise 3, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graders.diagnosis.pipeline import Call, Pipeline, Slip, Slips, after, refusing, step
from graders.tasks.convolution_layers import DETACHED, LAYERS, ConvolutionLayer, as_parameters, passing
from graders.tasks.convolutions import (
    FILLED,
    KERNEL,
    PLAIN,
    SUM,
    TENSORS,
    Convolution,
    convolved,
    looping,
    of_image,
    of_kernel,
)
from graders.tasks.layers import class_of, inside
from graders.tasks.windows import HABITS, PADDINGS, STRIDES, Pair, cut, pair, refused, second

from .probes import PROBES

# ------------------------------------------------------------------------------------------------ channels


def one_channel(K: Tensor, channel: int) -> Tensor:
    """The kernel with zeros for every other input channel."""
    mask = torch.zeros_like(K)
    mask.select(-3, channel).fill_(1)
    return K * mask


def narrowed(a: Any, first: int, length: int) -> Any:
    """Some of the input channels, of image and kernel."""
    return a.but(X=a.X.narrow(-3, first, length), K=a.K.narrow(-3, first, length))


# The channels of image and kernel are the third axis from the end.
CHANNELS: Slips = {
    "mean-over-channels": of_kernel(lambda K: K / K.shape[-3]),
    "first-channel-only": of_kernel(lambda K: one_channel(K, 0)),
    "last-channel-only": of_kernel(lambda K: one_channel(K, -1)),
    "one-kernel-for-all-channels": of_kernel(lambda K: K.narrow(-3, 0, 1).expand_as(K)),
    "last-kernel-for-all-channels": of_kernel(lambda K: K.narrow(-3, -1, 1).expand_as(K)),
    "window-cut-from-the-first-channel": of_image(lambda X: X.narrow(-3, 0, 1).expand_as(X)),
    "channels-added-before": lambda a: a.but(X=a.X.sum(-3, keepdim=True), K=a.K.sum(-3, keepdim=True)),
    "channels-of-the-kernel-reversed": of_kernel(lambda K: K.flip(-3)),
}


def each_its_own(K: Tensor) -> Tensor:
    """Output channel o sees input channel o only."""
    if K.shape[0] > K.shape[1]:
        raise IndexError("index is out of bounds")
    return K * torch.eye(K.shape[0], K.shape[-3], dtype=K.dtype)[:, :, None, None]


def exchanged_and_cut(a: Any) -> Any:
    K = a.K.transpose(0, 1)
    return narrowed(a.but(K=K), 0, min(a.X.shape[-3], K.shape[-3]))


# For kernels (c_out, c_in, kh, kw).
OUTPUTS: Slips = {
    "all-outputs-alike": of_kernel(lambda K: K[:1].expand_as(K)),
    "each-output-sees-one-channel": of_kernel(each_its_own),
    "weight-axes-exchanged": of_kernel(lambda K: K.transpose(0, 1)),
    "weight-axes-exchanged-and-cut": exchanged_and_cut,
}


def maps_of(a: Any) -> Tensor:
    """The map of each input channel alone."""
    return torch.stack([convolved(a.but(X=a.X[c : c + 1], K=a.K[c : c + 1])) for c in range(len(a.X))])


def joined(join: Callable[[Tensor], Tensor]) -> Slip:
    """The maps of the channels are joined in another way."""
    return lambda a: a.but(way=lambda b: join(maps_of(b)))


def channel_for_height(a: Any) -> dict[str, Any]:
    return {"count": (a.X.shape[0] - a.k[0] + 1, a.X.shape[1] - a.k[1] + 1)}


def painted(a: Any) -> dict[str, Any]:
    """A slice is no copy: the window is multiplied in place."""

    def cell(window: Tensor) -> Tensor:
        window *= a.K
        return window.sum().to(a.dtype)

    return {"cell": cell}


IN: Slips = {
    "channels-not-summed": joined(lambda maps: maps),
    "channels-multiplied": joined(lambda maps: maps.prod(0)),
    "largest-channel-only": joined(lambda maps: maps.max(0).values),
    "channel-axis-left-on": after(lambda Y: Y[None]),
    "batch-and-channel-axes-left-on": after(lambda Y: Y[None, None]),
    "sum-repeated-for-each-channel": lambda a: a.then(lambda Y: Y.repeat(len(a.X), 1, 1)),
    "channel-axis-taken-for-the-height": cut(channel_for_height),
    "last-channel-missed": lambda a: (
        narrowed(a, 0, len(a.K) - 1) if len(a.K) > 1 else a.but(K=torch.zeros_like(a.K))
    ),
    "image-overwritten": cut(painted),
}

THREE: Slips = {"three-channels-written-out": lambda a: narrowed(a, 0, 3)}


def map_of_every_pair(a: Any) -> Tensor:
    """(c_out, c_in, H', W')."""
    return torch.stack([maps_of(a.but(K=k)) for k in a.K])


def of_pairs(join: Callable[[Tensor], Tensor]) -> Slip:
    return lambda a: a.but(way=lambda b: join(map_of_every_pair(b)))


IN_OUT: Slips = {
    "pairs-not-summed": of_pairs(lambda maps: maps),
    "a-map-for-every-pair": of_pairs(lambda maps: maps.flatten(0, 1)),
    "outputs-summed": after(lambda Y: Y.sum(0)),
    "summed-over-the-outputs": of_pairs(lambda maps: maps.sum(0)),
    "first-output-only": after(lambda Y: Y[0]),
    "last-output-only": after(lambda Y: Y[-1]),
    "outputs-joined-below-each-other": after(lambda Y: Y.flatten(0, 1)),
    "outputs-in-the-last-axis": after(lambda Y: Y.permute(1, 2, 0)),
    "outputs-in-the-middle": after(lambda Y: Y.transpose(0, 1)),
    "outputs-in-reverse-order": after(lambda Y: Y.flip(0)),
    "batch-axis-left-on": after(lambda Y: Y[None]),
}

# ---------------------------------------------------------------------------------------------- conv2d_1x1


def matrices(change: Callable[[Tensor, Tensor], Tensor]) -> Slip:
    """Image and kernel, (c_out, c_in), in one dtype, and what is made of them."""
    return lambda a: a.but(way=lambda b: change(b.X.to(b.dtype), b.K.to(b.dtype).flatten(1)))


def pixels(X: Tensor) -> Tensor:
    """(H · W, c_in)."""
    return X.permute(1, 2, 0).reshape(-1, X.shape[0])


ONE_BY_ONE: Slips = {
    "pixels-and-channels-mixed-by-reshape": matrices(
        lambda X, M: (M @ X.reshape(-1, X.shape[0]).T).reshape(-1, *X.shape[1:])
    ),
    "pixels-and-channels-mixed-on-both-ways": matrices(
        lambda X, M: (X.reshape(-1, X.shape[0]) @ M.T).reshape(-1, *X.shape[1:])
    ),
    "result-mixed-by-reshape": matrices(lambda X, M: (pixels(X) @ M.T).reshape(-1, *X.shape[1:])),
    "channels-left-in-the-last-axis": matrices(lambda X, M: (pixels(X) @ M.T).reshape(*X.shape[1:], -1)),
    "result-left-flat": matrices(lambda X, M: M @ X.flatten(1)),
    "pixels-left-in-rows": matrices(lambda X, M: pixels(X) @ M.T),
    "height-and-width-exchanged-in-the-fold": matrices(
        lambda X, M: (M @ X.flatten(1)).reshape(-1, X.shape[2], X.shape[1])
    ),
    "kernel-mixed-by-reshape": matrices(
        lambda X, M: (M.reshape(M.shape[1], M.shape[0]).T @ X.flatten(1)).reshape(-1, *X.shape[1:])
    ),
    "a-number-for-each-output": matrices(lambda X, M: X[0] * M[:, :1, None]),
    "kernel-squeezed": refusing(lambda a: 1 in a.K.shape[:2], RuntimeError),
    "kernel-squeezed-in-a-product": refusing(lambda a: a.K.shape[1] == 1, RuntimeError),
    "squeezed": HABITS["squeezed"],
    "loops-over-pixels": looping(lambda a: a.X.shape[-1] * a.X.shape[-2]),
    "loops-over-input-channels": looping(lambda a: a.K.shape[1]),
    "loops-over-output-channels": looping(lambda a: a.K.shape[0]),
}

# -------------------------------------------------------------------------------------------------- batches


def pairs_in_a_batch(a: Any) -> Tensor:
    maps = [
        convolved(a.but(X=a.X[:, c : c + 1], K=a.K[o : o + 1, c : c + 1], bias=None, d=(1, 1), groups=1))
        for o in range(a.K.shape[0])
        for c in range(a.K.shape[1])
    ]
    return torch.cat(maps, 1)


BATCH: Slips = {
    "images-added-up": of_image(lambda X: X.sum(0, keepdim=True).expand_as(X)),
    "first-image-only": after(lambda Y: Y[:1]),
    "other-images-left-zero": after(lambda Y: torch.cat([Y[:1], Y[1:] * 0])),
    "first-image-for-all": of_image(lambda X: X[:1].expand_as(X)),
    "batch-and-channels-exchanged": after(lambda Y: Y.transpose(0, 1)),
    "channels-in-the-last-axis": after(lambda Y: Y.permute(0, 2, 3, 1)),
    "batch-axis-lost": after(lambda Y: Y.squeeze(0)),
    "a-map-for-every-pair-of-channels": lambda a: a.but(way=pairs_in_a_batch),
}

# ------------------------------------------------------------------------------------ bias, stride, padding


def added(add: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Slip:
    """The bias is added in another way: to a result, for a kernel."""

    def slip(a: Any) -> Any:
        if a.bias is None:
            return a
        return a.but(bias=None).then(lambda Y: add(Y, a.bias.to(Y.dtype), a.K))

    return slip


def over(bias: Tensor) -> Tensor:
    """Along the channels."""
    return bias[:, None, None]


def asked_for_its_truth(a: Any) -> Any:
    return a.but(bias=a.bias if a.bias is not None and bool(a.bias) else None)


BIAS: Slips = {
    "bias-forgotten": lambda a: a.but(bias=None),
    "first-bias-for-all": added(lambda Y, b, K: Y + b[0]),
    "all-biases-added": added(lambda Y, b, K: Y + b.sum()),
    "bias-added-for-each-input-channel": added(lambda Y, b, K: Y + over(b) * K.shape[1]),
    "bias-added-for-each-place-of-the-kernel": added(lambda Y, b, K: Y + over(b) * K[0, 0].numel()),
    "bias-added-to-each-product": added(lambda Y, b, K: Y + over(b) * K[0].numel()),
    "bias-along-the-width": added(lambda Y, b, K: Y + b),
    "bias-along-the-height": added(lambda Y, b, K: Y + b[:, None]),
    "bias-along-the-batch": added(lambda Y, b, K: Y + b[:, None, None, None]),
    "bias-subtracted": added(lambda Y, b, K: Y - over(b)),
    "bias-asked-for-its-truth": asked_for_its_truth,
    "bias-on-the-image": added(lambda Y, b, K: Y + over(b) * K.sum(dim=(1, 2, 3))[:, None, None]),
}

BIAS_DETACHED: Slips = {
    "bias-detached": added(lambda Y, b, K: Y + over(b.detach())),
    "bias-detached-and-always-float32": lambda a: BIAS_DETACHED["bias-detached"](a).then(lambda Y: Y.float()),
}


def by_place(one: str, other: str) -> Slip:
    """Two arguments are exchanged where they are given without a name."""

    def slip(a: Any) -> Any:
        given = [name for name in (one, other) if name in a.in_order]
        right = dict(zip(given, (getattr(a, name) for name in (other, one)), strict=False))
        return a.but(**right) if len(given) == 2 else a

    return slip


def moved_by_one(a: Any) -> Tensor:
    rows, columns = a.count
    return convolved(a.but(s=(1, 1)))[..., :rows, :columns]


STRIDE: Slips = {
    **STRIDES,
    "stride-in-the-size-only": lambda a: a.but(way=moved_by_one),
    "second-number-of-the-stride-for-both": lambda a: a.but(s=second(a.s)),
    "stride-on-rows-only": lambda a: a.but(s=(a.s[0], 1)),
    "stride-on-columns-only": lambda a: a.but(s=(1, a.s[1])),
    "stride-and-padding-in-the-wrong-order": by_place("stride", "padding"),
}


def outside(mode: str) -> Slip:
    """The frame shows the image itself."""
    return lambda a: a.but(image=F.pad(a.X, a.frame, mode=mode) if any(a.frame) else a.X)


def larger_than_the_image(a: Any) -> bool:
    return any(k > n for k, n in zip(a.k, a.X.shape[-2:], strict=True))


PADDING: Slips = {
    **PADDINGS,
    "second-number-of-the-padding-for-both": lambda a: a.but(p=second(a.p)),
    "padding-twice-at-the-front": lambda a: a.but(frame=(2 * a.p[1], 0, 2 * a.p[0], 0)),
    "border-repeated": outside("replicate"),
    "image-mirrored-at-the-border": outside("reflect"),
    "image-continued-from-the-other-side": outside("circular"),
    "padding-with-ones": lambda a: a.but(fill=1.0),
    "kernel-measured-against-the-bare-image": refusing(larger_than_the_image, ValueError),
}

BATCHED: Slips = {
    **CHANNELS,
    **OUTPUTS,
    **BATCH,
    **BIAS,
    **STRIDE,
    **PADDING,
    **KERNEL,
    **SUM,
    **FILLED,
}

PAIRS_REFUSED: Slips = {
    "pair-of-strides-refused": refused(tuple, "stride"),
    "pair-of-paddings-refused": refused(tuple, "padding"),
    "pairs-of-strides-and-paddings-refused": refused(tuple, "stride", "padding"),
}

LISTS: Slips = {name: HABITS[name] for name in ("list-of-numbers-returned", "numpy-array-returned")}
OF_TENSORS: Slips = {**TENSORS, **LISTS}
OF_BATCHES: Slips = {**OF_TENSORS, **BIAS_DETACHED, **PAIRS_REFUSED}

# ----------------------------------------------------------------------------------------- dilation, groups


def dilated(change: Callable[[int, int], Pair]) -> Slip:
    return lambda a: a.but(d=change(*a.d))


Channels = Callable[[int, int, int], list[int]]
"""The channels of a group: its number, how many groups, how many channels."""


def block(group: int, groups: int, channels: int) -> list[int]:
    size = channels // groups
    return list(range(group * size, (group + 1) * size))


def every_nth(group: int, groups: int, channels: int) -> list[int]:
    return list(range(group, channels, groups))


def grouped(pick: Channels = block, place: Channels = block) -> Slip:
    """Groups of other channels: picked from the image, placed in the result."""

    def way(a: Any) -> Tensor:
        maps: dict[int, Tensor] = {}
        for group in range(a.groups):
            chosen = place(group, a.groups, a.K.shape[0])
            bias = None if a.bias is None else a.bias[chosen]
            X = a.X[:, pick(group, a.groups, a.X.shape[1])]
            part = convolved(a.but(X=X, K=a.K[chosen], bias=bias, groups=1))
            maps.update(zip(chosen, part.unbind(1), strict=True))
        return torch.stack([maps[output] for output in range(a.K.shape[0])], 1)

    return lambda a: a.but(way=way)


GENERAL: Slips = {
    "dilation-ignored": dilated(lambda dh, dw: (1, 1)),
    "dilation-as-number-of-holes": dilated(lambda dh, dw: (dh + 1, dw + 1)),
    "dilation-exchanged": dilated(lambda dh, dw: (dw, dh)),
    "first-number-of-the-dilation-for-both": dilated(lambda dh, dw: (dh, dh)),
    "second-number-of-the-dilation-for-both": dilated(lambda dh, dw: (dw, dw)),
    "image-thinned-out": lambda a: a.but(X=a.X[..., :: a.d[0], :: a.d[1]], d=(1, 1)),
    "groups-ignored": lambda a: a.but(groups=1),
    "first-group-for-all": grouped(pick=lambda group, groups, channels: block(0, groups, channels)),
    "inputs-of-the-groups-interleaved": grouped(pick=every_nth),
    "outputs-of-the-groups-interleaved": grouped(place=every_nth),
    "groups-in-reverse-order": grouped(
        pick=lambda g, groups, channels: block(groups - 1 - g, groups, channels)
    ),
    "dilation-and-groups-in-the-other-order": by_place("dilation", "groups"),
}

# ------------------------------------------------------------------------------------------- conv2d_im2col


def rows_of(windows: Tensor) -> Tensor:
    """(N, c_in, oh, ow, kh, kw) with the axes that say which window in front."""
    return windows.permute(0, 2, 3, 1, 4, 5)


def folded(Y: Tensor, size: tuple[int, int, int, int]) -> Tensor:
    """A row for each window, back to (N, c_out, oh, ow)."""
    return Y.reshape(size[0], *size[2:], size[1]).permute(0, 3, 1, 2)


def columns(
    windows: Callable[[Tensor], Tensor] = rows_of,
    kernels: Callable[[Tensor], Tensor] = lambda K: K.flatten(1).T,
    fold: Callable[[Tensor, tuple[int, int, int, int]], Tensor] = folded,
    columns_first: bool = False,
) -> Slip:
    """One matrix product, right but for one step."""

    def way(a: Any) -> Tensor:
        X, K, (kh, kw), (sh, sw) = a.image.to(a.dtype), a.K.to(a.dtype), a.k, a.s
        found = (
            X.unfold(3, kw, sw).unfold(2, kh, sh) if columns_first else X.unfold(2, kh, sh).unfold(3, kw, sw)
        )
        N, _, oh, ow = found.shape[:4]
        Y = fold(windows(found).reshape(N * oh * ow, -1) @ kernels(K), (N, K.shape[0], oh, ow))
        return Y if a.bias is None else Y + over(a.bias.to(a.dtype))

    return lambda a: a.but(way=way)


IM2COL: Slips = {
    "loops-over-images": looping(lambda a: a.X.shape[0]),
    "loops-over-input-channels": looping(lambda a: a.X.shape[1]),
    "loops-over-output-channels": looping(lambda a: a.K.shape[0]),
    "loops-over-positions": looping(
        lambda a: (a.X.shape[2] - a.K.shape[2] + 1) * (a.X.shape[3] - a.K.shape[3] + 1)
    ),
    "loops-over-images-and-output-channels": looping(lambda a: a.X.shape[0] * a.K.shape[0]),
    "loops-over-images-and-positions": looping(lambda a: a.X.shape[0] * a.X.shape[2] * a.X.shape[3]),
    "windows-folded-without-permute": columns(windows=lambda w: w),
    "channels-behind-the-window": columns(windows=lambda w: w.permute(0, 2, 3, 4, 5, 1)),
    "rows-and-columns-of-the-window-exchanged": columns(columns_first=True),
    "positions-transposed": columns(windows=lambda w: w.permute(0, 3, 2, 1, 4, 5)),
    "kernel-folded-without-transpose": columns(kernels=lambda K: K.reshape(-1, K.shape[0])),
    "result-folded-without-permute": columns(fold=lambda Y, size: Y.reshape(size)),
    "batch-and-channels-mixed-in-the-result": columns(fold=lambda Y, size: Y.T.reshape(size)),
    "channels-left-in-the-last-axis": columns(fold=lambda Y, s: Y.reshape(s[0], *s[2:], s[1])),
    "height-and-width-exchanged-in-the-fold": columns(
        fold=lambda Y, s: Y.reshape(s[0], s[3], s[2], s[1]).permute(0, 3, 1, 2)
    ),
    "result-left-flat": columns(fold=lambda Y, s: Y.reshape(s[0], -1, s[1]).transpose(1, 2)),
}

# ------------------------------------------------------------------------------------------ num_parameters


class Parameters(Call):
    """How many numbers a layer learns."""

    i: int
    o: int
    kernel_size: Any
    bias: bool

    @step
    def size(self) -> Pair:
        return pair(self.kernel_size)

    @step
    def weights(self) -> int:
        return self.i * self.o * self.size[0] * self.size[1]

    @step
    def biases(self) -> int:
        return self.o * self.bias

    @step
    def result(self) -> Any:
        return self.weights + self.biases


def counting(**steps: Callable[[Any], int]) -> Slip:
    return lambda a: a.but(**{name: count(a) for name, count in steps.items()})


def sized(change: Callable[[int, int], Pair]) -> Slip:
    return lambda a: a.but(size=change(*a.size))


NUMBERS: Slips = {
    "input-channels-left-out": lambda a: a.but(i=1),
    "output-channels-left-out": lambda a: a.but(o=1),
    "bias-left-out": lambda a: a.but(biases=0),
    "bias-always-counted": lambda a: a.but(bias=True),
    "bias-the-wrong-way-round": lambda a: a.but(bias=not a.bias),
    "one-bias-for-the-layer": counting(biases=lambda a: int(a.bias)),
    "bias-for-each-input-channel": counting(biases=lambda a: a.i * a.bias),
    "bias-for-each-kernel": counting(biases=lambda a: a.i * a.o * a.bias),
    "bias-for-each-kernel-element": counting(biases=lambda a: a.weights * a.bias),
    "bias-for-each-place-of-the-kernel": counting(biases=lambda a: a.o * a.size[0] * a.size[1] * a.bias),
    "kernel-size-not-squared": sized(lambda h, w: (h, 1)),
    "kernel-width-not-its-height": sized(lambda h, w: (1, w)),
    "square-kernels-only": sized(lambda h, w: (h, h)),
    "square-kernels-of-the-width": sized(lambda h, w: (w, w)),
    "height-and-width-added": sized(lambda h, w: (h + w, 1)),
    "channels-added": counting(weights=lambda a: (a.i + a.o) * a.size[0] * a.size[1]),
    "pairs-refused": refused(tuple, "kernel_size"),
}

# ------------------------------------------------------------------------------------------------ the layer

PASSED = ("bias", "stride", "padding")


class MultiChannelConv2d(ConvolutionLayer):
    """The layer that can step in for `nn.Conv2d`."""

    @step
    def arguments(self) -> Mapping[str, Any]:
        names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "bias")
        return dict(zip(names, (None, None, None, 1, 0, True), strict=True))

    @step
    def shape(self) -> Callable[..., tuple[int, ...]]:
        return lambda in_channels, out_channels, kernel_size, **_: (
            out_channels,
            in_channels,
            *self.size(kernel_size),
        )

    @step
    def new_weight(self) -> Callable[[Any], Tensor]:
        return lambda shape: torch.rand(shape) - 0.5

    @step
    def new_bias(self) -> Callable[[Any], Tensor]:
        return lambda shape: torch.rand(shape[0]) - 0.5

    @step
    def passes(self) -> Callable[[Any], dict[str, Any]]:
        return lambda module: {"K": module.weight, **{name: getattr(module, name) for name in PASSED}}


def in_order(*names: str) -> Slip:
    """Arguments in another order, with the defaults that are theirs."""

    def slip(layer: Any) -> Any:
        right = layer.arguments
        rest = [name for name in right if name not in names]
        place = list(right).index(min(names, key=list(right).index))
        order = (*rest[:place], *names, *rest[place:])
        return layer.but(arguments={name: right[name] for name in order})

    return slip


def new_bias(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_bias=make)


def new_weight(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_weight=make)


def has_bias(decide: Callable[[bool], bool]) -> Slip:
    return lambda layer: layer.but(has_bias=decide)


def flattened(right: dict[str, Any]) -> Any:
    return None if right["bias"] is None else right["bias"].flatten()


def both(one: Slip, other: Slip) -> Slip:
    return lambda layer: other(one(layer))


def bias_added_afterwards(layer: Any) -> Any:
    def forward(module: Any, X: Tensor) -> Any:
        right = layer.passes(module)
        Y = layer.convolve(X, **{**right, "bias": None})
        return Y if right["bias"] is None else Y + right["bias"]

    return layer.but(forward=forward)


def zeros_for_no_bias(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight = nn.Parameter(weight)
    if bias is None:
        module.register_buffer("bias", torch.zeros(len(weight)))
    else:
        module.bias = nn.Parameter(bias)


def frozen_for_no_bias(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    as_parameters(module, weight, torch.zeros(len(weight)) if bias is None else bias)
    module.bias.requires_grad_(bias is not None)


def inner_layer(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.conv = nn.Module()
    as_parameters(module.conv, weight, bias)


LAYER: Slips = {
    "forgets-the-bias": passing(bias=lambda right: None),
    "forgets-the-stride": passing(stride=lambda right: 1),
    "forgets-the-padding": passing(padding=lambda right: 0),
    "forgets-stride-and-padding": passing(stride=lambda right: 1, padding=lambda right: 0),
    "exchanges-stride-and-padding": passing(
        stride=lambda right: right["padding"], padding=lambda right: right["stride"]
    ),
    "stride-and-padding-in-the-wrong-order": in_order("padding", "stride"),
    "channels-in-the-other-order": in_order("out_channels", "in_channels"),
    "weight-with-inputs-first": both(
        new_weight(lambda size: torch.rand(size[1], size[0], *size[2:]) - 0.5),
        passing(K=lambda right: right["K"].transpose(0, 1)),
    ),
    "weight-with-channels-last": both(
        new_weight(lambda size: torch.rand(size[2], size[3], size[1], size[0]) - 0.5),
        passing(K=lambda right: right["K"].permute(3, 2, 0, 1)),
    ),
    "bias-shaped-for-broadcasting": both(
        new_bias(lambda size: torch.rand(size[0], 1, 1) - 0.5), passing(bias=flattened)
    ),
    "bias-with-four-axes": both(
        new_bias(lambda size: torch.rand(1, size[0], 1, 1) - 0.5), passing(bias=flattened)
    ),
    "one-bias-for-the-layer": both(new_bias(lambda size: torch.rand(1) - 0.5), bias_added_afterwards),
    "bias-for-each-input-channel": new_bias(lambda size: torch.rand(size[1]) - 0.5),
    "bias-always-there": has_bias(lambda bias: True),
    "bias-never-there": has_bias(lambda bias: False),
    "bias-the-wrong-way-round": has_bias(lambda bias: not bias),
    "zeros-for-no-bias": lambda layer: layer.but(register=zeros_for_no_bias),
    "frozen-bias-for-no-bias": lambda layer: layer.but(register=frozen_for_no_bias),
    "bias-asked-for-its-truth": inside(asked_for_its_truth),
    "parameters-of-an-inner-layer": lambda layer: layer.but(
        register=inner_layer,
        passes=lambda m: {"K": m.conv.weight, "bias": m.conv.bias, "stride": m.stride, "padding": m.padding},
    ),
    "outputs-start-alike": new_weight(lambda size: torch.rand(1, *size[1:]).repeat(size[0], 1, 1, 1)),
    **LAYERS,
    **DETACHED,
}

# The same behaviour, whether the layer or its convolution is to blame; or none that the layer shows.
SAID_OF_THE_LAYER = (
    "bias-forgotten",
    "stride-ignored",
    "padding-ignored",
    "negatives-cut-off",
    "stride-and-padding-in-the-wrong-order",
    "bias-asked-for-its-truth",
)
OF_ITS_FUNCTION: Slips = {
    **{name: slip for name, slip in BATCHED.items() if name not in SAID_OF_THE_LAYER},
    **PAIRS_REFUSED,
    **BIAS_DETACHED,
}
LAYER_HABITS: Slips = {
    "detached": inside(HABITS["detached"]),
    "input-made-float32": after(lambda Y: Y.float()),
}

# ----------------------------------------------------------------------------------------------- functions

OPTIONS = ("bias", "stride", "padding", "dilation", "groups")


def function(slip: Slip) -> Callable[..., Any]:
    def convolution(X: Tensor, K: Tensor, *order: Any, **named: Any) -> Any:
        given = {**dict(zip(OPTIONS, order, strict=False)), **named}
        return slip(Convolution(X=X, K=K, in_order=OPTIONS[: len(order)], **given)).answer()

    return lambda X, *args, **named: convolution(X, *args, **{OTHER.get(k, k): v for k, v in named.items()})


OTHER = {"weight": "K"}


def without(slips: Slips, *names: str) -> Slips:
    return {name: slip for name, slip in slips.items() if name not in names}


PIPELINES = (
    Pipeline(
        "conv2d_multi_in",
        function,
        {**CHANNELS, **IN, **THREE, **PLAIN},
        PROBES["conv2d_multi_in"],
        OF_TENSORS,
    ),
    Pipeline(
        "conv2d_multi_in_out",
        function,
        {**CHANNELS, **OUTPUTS, **IN_OUT, **THREE, **PLAIN},
        PROBES["conv2d_multi_in_out"],
        OF_TENSORS,
    ),
    Pipeline(
        "conv2d_1x1",
        function,
        {
            **without(CHANNELS, "first-channel-only"),
            **OUTPUTS,
            **without(IN_OUT, "outputs-in-the-last-axis"),
            **ONE_BY_ONE,
        },
        PROBES["conv2d_1x1"],
        OF_TENSORS,
    ),
    Pipeline(
        "num_parameters",
        lambda slip: (
            lambda in_channels, out_channels, kernel_size, bias=True: slip(
                Parameters(i=in_channels, o=out_channels, kernel_size=kernel_size, bias=bias)
            ).answer()
        ),
        NUMBERS,
        PROBES["num_parameters"],
    ),
    Pipeline("conv2d_batched", function, BATCHED, PROBES["conv2d_batched"], OF_BATCHES),
    Pipeline("conv2d_general", function, {**BATCHED, **GENERAL}, PROBES["conv2d_general"], OF_BATCHES),
    Pipeline("conv2d_im2col", function, {**BATCHED, **IM2COL}, PROBES["conv2d_im2col"], OF_BATCHES),
    Pipeline(
        "MultiChannelConv2d",
        lambda slip: class_of("MultiChannelConv2d", slip(MultiChannelConv2d())),
        {**{name: inside(slip) for name, slip in OF_ITS_FUNCTION.items()}, **LAYER},
        PROBES["MultiChannelConv2d"],
        LAYER_HABITS,
        builds_on="conv2d_batched",
        of_that=frozenset({*OF_ITS_FUNCTION, "detached"}),
    ),
)

"""What goes wrong with channels, for one image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Slip, Slips, after, refusing
from graders.tasks.convolutions import (
    convolved,
    looping,
    of_image,
    of_kernel,
)
from graders.tasks.windows import HABITS, cut

# -------------------------------------------------------------------------------------------------- channels


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


# ------------------------------------------------------------------------------------------------ conv2d_1x1


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

"""Exercise 4 in other words: pooling, receptive fields and their gradients."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tasks.right_answers import right

Size = int | tuple[int, int]


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _framed(X: Tensor, mode: str, padding: Size) -> Tensor:
    ph, pw = _pair(padding)
    return F.pad(X, (pw, pw, ph, ph), value=-math.inf if mode == "max" else 0.0)


def _windows(X: Tensor, pool_size: Size, mode: str, stride: Size | None, padding: Size) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    return _framed(X, mode, padding).unfold(-2, h, sh).unfold(-2, w, sw)


# ------------------------------------------------------------------------------------------------- pool2d


@right("pooling", "pool2d", style="loops with max() and mean()")
def pooled_by_loops(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    X = _framed(X, mode, padding)
    Y = X.new_zeros((X.shape[0] - h) // sh + 1, (X.shape[1] - w) // sw + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            window = X[i * sh : i * sh + h, j * sw : j * sw + w]
            Y[i, j] = window.max() if mode == "max" else window.mean()
    return Y


@right("pooling", "pool2d", style="amax and mean of unfolded windows")
def pooled_by_windows(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    windows = _windows(X, pool_size, mode, stride, padding)
    return windows.amax(dim=(-2, -1)) if mode == "max" else windows.mean(dim=(-2, -1))


@right("pooling", "pool2d", style="max over flat windows, a sum divided")
def pooled_by_flat_windows(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    windows = _windows(X, pool_size, mode, stride, padding).flatten(-2)
    if mode == "max":
        return windows.max(dim=-1).values
    return windows.sum(-1) / windows.shape[-1]


@right("pooling", "pool2d", style="shifted slices, accumulated")
def pooled_by_shifts(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    X = _framed(X, mode, padding)
    oh, ow = (X.shape[-2] - h) // sh + 1, (X.shape[-1] - w) // sw + 1
    slices = [X[..., a::sh, b::sw][..., :oh, :ow] for a, b in itertools.product(range(h), range(w))]
    total = slices[0]
    for piece in slices[1:]:
        total = torch.maximum(total, piece) if mode == "max" else total + piece
    return total if mode == "max" else total / (h * w)


@right("pooling", "pool2d", style="a summed-area table in float64; maxima by rows, then columns")
def pooled_by_table(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    framed = _framed(X, mode, padding)
    if mode == "max":
        return framed.unfold(-2, h, sh).amax(-1).unfold(-1, w, sw).amax(-1)
    table = F.pad(framed.double().cumsum(-2).cumsum(-1), (1, 0, 1, 0))
    sums = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w]
    return (sums[::sh, ::sw] / (h * w)).to(X.dtype)


@right("pooling", "pool2d", style="a summed-area table in the image's own dtype")
def pooled_by_plain_table(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    if mode == "max":
        return pooled_by_shifts(X, pool_size, mode, stride, padding)
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    table = F.pad(_framed(X, mode, padding).cumsum(0).cumsum(1), (1, 0, 1, 0))
    sums = table[h:, w:] - table[:-h, w:] - table[h:, :-w] + table[:-h, :-w]
    return sums[::sh, ::sw] / (h * w)


@right("pooling", "pool2d", style="windows clipped at the border instead of padding")
def pooled_by_clipping(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    (h, w), (ph, pw) = _pair(pool_size), _pair(padding)
    sh, sw = (h, w) if stride is None else _pair(stride)
    rows = []
    for top in range(-ph, X.shape[0] + ph - h + 1, sh):
        row = []
        for left in range(-pw, X.shape[1] + pw - w + 1, sw):
            seen = X[max(top, 0) : top + h, max(left, 0) : left + w]
            row.append(seen.max() if mode == "max" else seen.sum() / (h * w))
        rows.append(torch.stack(row))
    return torch.stack(rows)


@right("pooling", "pool2d", style="F.unfold for means, as_strided for maxima")
def pooled_by_strides(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    X = _framed(X, mode, padding).contiguous()
    oh, ow = (X.shape[0] - h) // sh + 1, (X.shape[1] - w) // sw + 1
    if mode == "avg":
        return F.unfold(X[None, None], (h, w), stride=(sh, sw)).mean(dim=1).reshape(oh, ow)
    width = X.shape[1]
    return X.as_strided((oh, ow, h, w), (sh * width, sw, width, 1)).flatten(2).amax(2)


@right("pooling", "pool2d", style="a matrix on either side for means, sorting for maxima")
def pooled_by_matrices(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    if mode == "max":
        return _windows(X, pool_size, mode, stride, padding).flatten(-2).sort(-1).values[..., -1]
    X = _framed(X, mode, padding)
    averages = []
    for length, k, s in zip(X.shape, _pair(pool_size), _pair(stride or pool_size), strict=True):
        averages.append(torch.zeros((length - k) // s + 1, length, dtype=X.dtype, device=X.device))
        for row in range(len(averages[-1])):
            averages[-1][row, row * s : row * s + k] = 1 / k
    above, beside = averages
    return above @ X @ beside.T


# ----------------------------------------------------------------------------------- pool2d_multi_channel


@right("pooling", "pool2d_multi_channel", style="channel by channel, recursively")
def channels_by_recursion(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    if X.dim() == 2:
        return pooled_by_loops(X, pool_size, mode, stride, padding)
    return torch.stack([channels_by_recursion(part, pool_size, mode, stride, padding) for part in X])


@right("pooling", "pool2d_multi_channel", style="all outer axes flattened and put back")
def channels_by_flattening(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    images = X.reshape(-1, *X.shape[-2:])
    pooled = torch.stack([pooled_by_strides(image, pool_size, mode, stride, padding) for image in images])
    return pooled.reshape(*X.shape[:-2], *pooled.shape[-2:])


right("pooling", "pool2d_multi_channel", style="amax and mean of unfolded windows")(pooled_by_windows)
right("pooling", "pool2d_multi_channel", style="shifted slices, accumulated")(pooled_by_shifts)


@right("pooling", "pool2d_multi_channel", style="vmap over channels")
def channels_by_mapping(
    X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None, padding: Size = 0
) -> Tensor:
    def one(image: Tensor) -> Tensor:
        return pooled_by_flat_windows(image, pool_size, mode, stride, padding)

    mapped = torch.vmap(one)
    return mapped(X) if X.dim() == 3 else torch.vmap(mapped)(X)


# ---------------------------------------------------------------------------------- MaxPool2d, AvgPool2d


@right("pooling", "MaxPool2d", style="settings kept as given")
class PlainMaxPool(nn.Module):
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X: Tensor) -> Tensor:
        return channels_by_recursion(X, self.kernel_size, "max", self.stride, self.padding)


@right("pooling", "AvgPool2d", style="settings kept as given")
class PlainAvgPool(nn.Module):
    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X: Tensor) -> Tensor:
        return channels_by_flattening(X, self.kernel_size, "avg", self.stride, self.padding)


class _Pool(nn.Module):
    mode = ""

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        self.window = _pair(kernel_size)
        self.stride = self.window if stride is None else _pair(stride)
        self.padding = _pair(padding)

    def extra_repr(self) -> str:
        return f"{self.window}, stride={self.stride}, padding={self.padding}"

    def forward(self, X: Tensor) -> Tensor:
        return pooled_by_shifts(X, self.window, self.mode, self.stride, self.padding)


@right("pooling", "MaxPool2d", style="a common base class")
class DerivedMaxPool(_Pool):
    mode = "max"


@right("pooling", "AvgPool2d", style="a common base class")
class DerivedAvgPool(_Pool):
    mode = "avg"


# ----------------------------------------------------------------------------------------- receptive_field


@right("pooling", "receptive_field", style="forwards, with the distance of neighbours")
def field_forwards(layers: Sequence[tuple[int, int]]) -> int:
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


@right("pooling", "receptive_field", style="backwards")
def field_backwards(layers: Sequence[tuple[int, int]]) -> int:
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


@right("pooling", "receptive_field", style="recursion")
def field_by_recursion(layers: Sequence[tuple[int, int]]) -> int:
    if not layers:
        return 1
    (kernel, stride), *above = layers
    return kernel + stride * (field_by_recursion(above) - 1)


@right("pooling", "receptive_field", style="a sum of products")
def field_by_sum(layers: Sequence[tuple[int, int]]) -> int:
    strides = [stride for _, stride in layers]
    return 1 + sum((kernel - 1) * math.prod(strides[:n]) for n, (kernel, _) in enumerate(layers))


# ---------------------------------------------------------------------------------------- avg_pool_as_conv


@right("pooling", "avg_pool_as_conv", style="depthwise, constant weights")
def depthwise(channels: int, kernel_size: Size) -> nn.Conv2d:
    h, w = _pair(kernel_size)
    layer = nn.Conv2d(channels, channels, (h, w), stride=(h, w), groups=channels, bias=False)
    nn.init.constant_(layer.weight, 1 / (h * w))
    return layer.requires_grad_(False)


@right("pooling", "avg_pool_as_conv", style="all channels, a diagonal of constant kernels")
def diagonal(channels: int, kernel_size: Size) -> nn.Conv2d:
    h, w = _pair(kernel_size)
    layer = nn.Conv2d(channels, channels, kernel_size, kernel_size, bias=False)
    kernels = torch.zeros(channels, channels, h, w)
    kernels[range(channels), range(channels)] = 1 / (h * w)
    layer.weight = nn.Parameter(kernels, requires_grad=False)
    return layer


# ----------------------------------------------------------------------------------------- pool2d_backward


@right("pooling", "pool2d_backward", style="loops with argmax")
def backward_by_loops(
    grad_Y: Tensor, X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    grad_X = torch.zeros(X.shape, dtype=X.dtype, device=X.device)
    for i in range(grad_Y.shape[0]):
        for j in range(grad_Y.shape[1]):
            rows, columns = slice(i * sh, i * sh + h), slice(j * sw, j * sw + w)
            if mode == "avg":
                grad_X[rows, columns] += grad_Y[i, j] / (h * w)
            else:
                a, b = divmod(int(X[rows, columns].argmax()), w)
                grad_X[i * sh + a, j * sw + b] += grad_Y[i, j]
    return grad_X


@right("pooling", "pool2d_backward", style="index tables and index_put_")
def backward_by_tables(
    grad_Y: Tensor, X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    places = (
        torch.arange(X.numel(), device=X.device).reshape(X.shape).unfold(0, h, sh).unfold(1, w, sw).flatten(2)
    )
    flat = torch.zeros(X.numel(), dtype=X.dtype, device=X.device)
    if mode == "max":
        # argmax promises no first place; the smallest place among the largest values does.
        values = X.reshape(-1)[places]
        largest = values == values.amax(-1, keepdim=True)
        chosen = torch.where(largest, places, X.numel()).amin(-1)
        flat.index_put_((chosen.flatten(),), grad_Y.flatten(), accumulate=True)
    else:
        shares = (grad_Y / (h * w))[..., None].expand(places.shape)
        flat.index_put_((places.flatten(),), shares.flatten(), accumulate=True)
    return flat.reshape(X.shape)


@right("pooling", "pool2d_backward", style="slices, one place of the window after the other")
def backward_by_slices(
    grad_Y: Tensor, X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None
) -> Tensor:
    (h, w), (sh, sw) = _pair(pool_size), _pair(pool_size if stride is None else stride)
    oh, ow = grad_Y.shape
    Y = pooled_by_windows(X, pool_size, "max", stride)
    free = torch.ones_like(grad_Y, dtype=torch.bool)
    grad_X = torch.zeros_like(X)
    for a, b in itertools.product(range(h), range(w)):
        piece = (slice(a, a + (oh - 1) * sh + 1, sh), slice(b, b + (ow - 1) * sw + 1, sw))
        if mode == "avg":
            grad_X[piece] += grad_Y / (h * w)
            continue
        hit = free & (X[piece] == Y)
        grad_X[piece] += torch.where(hit, grad_Y, torch.zeros_like(grad_Y))
        free = free & ~hit
    return grad_X

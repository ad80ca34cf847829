"""A convolution as a pipeline of named steps, for an image or a batch; what goes wrong with any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import calls, counted, settled
from graders.diagnosis.pipeline import Slip, Slips, after, refusing, step
from graders.testing.strategies import tensor

from .windows import ALL, BUT_LAST, HABITS, SIZES, Pair, Way, Windows, pair, read_in_order, zeros_outside


class Convolution(Windows):
    """One call. Image and kernel have the axes of any task: `(H, W)`, with channels, with a batch."""

    K: Tensor
    bias: Tensor | None = None
    stride: Any = 1
    dilation: Any = 1
    groups: int = 1
    in_order: tuple[str, ...] = ()
    """Which arguments were given by their place."""

    @step
    def k(self) -> Pair:  # type: ignore[override]
        return pair(tuple(self.K.shape[-2:]))

    @step
    def d(self) -> Pair:
        """The dilation."""
        return pair(self.dilation)

    @step
    def extent(self) -> Pair:
        (kh, kw), (dh, dw) = self.k, self.d
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @step
    def dtype(self) -> torch.dtype:
        """That of the result."""
        return torch.result_type(self.X, self.K)

    @step
    def cell(self) -> Callable[[Tensor], Any]:
        return lambda window: (window * self.K).sum().to(self.dtype)

    @step
    def way(self) -> Way:
        return convolved


def convolved(call: Any) -> Tensor:
    """All at once, by torch's own."""
    X, K = call.image.to(call.dtype), call.K.to(call.dtype)
    bias = None if call.bias is None else call.bias.to(call.dtype)
    lost = K.dim() < 4, X.dim() < 4
    K = K[None] if K.dim() == 3 else K[None, None] if K.dim() == 2 else K
    X = X[None] if X.dim() == 3 else X[None, None] if X.dim() == 2 else X
    Y = F.conv2d(X, K, bias, call.s, 0, call.d, call.groups)
    return Y[0, 0] if lost[0] else Y[0] if lost[1] else Y


# ------------------------------------------------------------------------------------------- how to slip


def of_kernel(change: Callable[[Tensor], Tensor]) -> Slip:
    """Another kernel is used."""
    return lambda a: a.but(K=change(a.K))


def of_image(change: Callable[[Tensor], Tensor]) -> Slip:
    """Another image is used."""
    return lambda a: a.but(X=change(a.X))


def framed(widths: Callable[[int, int], tuple[int, int, int, int]]) -> Slip:
    """A frame for a kernel of (kh, kw) where none is asked for: top, bottom, left, right."""

    def slip(a: Any) -> Any:
        top, bottom, left, right = widths(*a.k)
        return a.but(X=F.pad(a.X, (left, right, top, bottom)))

    return slip


def looping(count: Callable[[Any], int]) -> Slip:
    """The right answer, found with operations whose number grows."""

    def again(a: Any) -> Callable[[Any], Any]:
        def wasting(Y: Any) -> Any:
            for _ in range(count(a)):
                a.X.sum()
                a.K.sum()
            return Y

        return counted(wasting)

    return lambda a: a.then(again(a))


def masked(K: Tensor, rows: slice, columns: slice) -> Tensor:
    """The kernel with zeros elsewhere."""
    mask = torch.zeros_like(K)
    mask[..., rows, columns] = 1
    return K * mask


def per_window(K: Tensor) -> int:
    """How many numbers are added up."""
    return K[0].numel() if K.dim() == 4 else K.numel()


def total(K: Tensor) -> Tensor:
    """The sum of each kernel, in all of its places."""
    return torch.ones_like(K) * (K.sum(dim=(1, 2, 3), keepdim=True) if K.dim() == 4 else K.sum())


def zeros_below_and_right(a: Any, rows: int, columns: int) -> Any:
    return a.then(lambda Y: F.pad(Y, (0, columns, 0, rows)))


# ------------------------------------------------------------------------------- slips of any convolution

KERNEL: Slips = {
    "kernel-flipped": of_kernel(lambda K: K.flip(-2, -1)),
    "kernel-flipped-horizontally": of_kernel(lambda K: K.flip(-1)),
    "kernel-flipped-vertically": of_kernel(lambda K: K.flip(-2)),
    "kernel-transposed": of_kernel(lambda K: K.mT),
    "last-kernel-row-and-column-missed": of_kernel(lambda K: masked(K, BUT_LAST, BUT_LAST)),
    "last-product-only": of_kernel(lambda K: masked(K, slice(-1, None), slice(-1, None))),
}

SUM: Slips = {
    "mean-instead-of-sum": of_kernel(lambda K: K / per_window(K)),
    "sum-times-sum": of_kernel(total),
    "absolute-value": after(lambda Y: Y.abs()),
    "negatives-cut-off": after(lambda Y: Y.relu()),
}

FILLED: Slips = {
    "last-row-and-column-left-zero": SIZES["last-row-and-column-left-zero"],
    "last-row-left-zero": zeros_outside(BUT_LAST, ALL),
    "last-column-left-zero": zeros_outside(ALL, BUT_LAST),
    "first-row-and-column-left-zero": zeros_outside(slice(1, None), slice(1, None)),
    "one-window-too-few": SIZES["one-window-too-few"],
    "one-row-too-few": after(lambda Y: Y[..., :-1, :]),
    "one-column-too-few": after(lambda Y: Y[..., :-1]),
    "one-window-too-many": lambda a: zeros_below_and_right(a, 1, 1),
    "result-transposed": SIZES["result-transposed"],
    "squeezed": HABITS["squeezed"],
}

# Where nothing is padded, and the window moves by one.
PLAIN_SIZES: Slips = {
    **FILLED,
    "buffer-of-image-size": lambda a: zeros_below_and_right(a, a.k[0] - 1, a.k[1] - 1),
    "same-size-by-a-frame": framed(lambda h, w: ((h - 1) // 2, h // 2, (w - 1) // 2, w // 2)),
    "same-size-by-a-frame-larger-in-front": framed(lambda h, w: (h // 2, (h - 1) // 2, w // 2, (w - 1) // 2)),
    "padded-by-half-the-kernel": framed(lambda h, w: (h // 2, h // 2, w // 2, w // 2)),
    "padded-at-the-end": framed(lambda h, w: (0, h - 1, 0, w - 1)),
    "every-overlap-counted": framed(lambda h, w: (h - 1, h - 1, w - 1, w - 1)),
    "windows-side-by-side": lambda a: a.then(lambda Y: Y[..., :: a.k[0], :: a.k[1]]),
}

PLAIN: Slips = {**KERNEL, **SUM, **PLAIN_SIZES}


def viewed(value: Tensor) -> Tensor:
    return value.view(-1).view(value.shape)


def needs_grad(a: Any) -> bool:
    return bool(a.X.requires_grad or a.K.requires_grad)


TENSORS: Slips = {
    **{name: slip for name, slip in HABITS.items() if name != "squeezed"},
    "a-new-leaf": after(lambda Y: Y.detach().float().requires_grad_()),
    "image-detached": of_image(lambda X: X.detach()),
    "kernel-detached": of_kernel(lambda K: K.detach()),
    "always-float64": after(lambda Y: Y.double()),
    "dtype-of-the-kernel": lambda a: a.then(lambda Y: Y.to(a.K.dtype)),
    "dtype-of-the-image": lambda a: a.then(lambda Y: Y.to(a.X.dtype)),
    "same-dtype-demanded": refusing(lambda a: a.X.dtype != a.K.dtype, RuntimeError),
    "only-without-gradients": refusing(needs_grad, RuntimeError),
    "needs-contiguous-memory": of_image(viewed),
    "kernel-must-be-contiguous": of_kernel(viewed),
    "image-and-kernel-must-be-contiguous": lambda a: a.but(X=viewed(a.X), K=viewed(a.K)),
    "memory-read-row-by-row": of_image(read_in_order),
}


# ------------------------------------------------------------------------------------------------- probes


def convolution_probes(
    name: str,
    plain: tuple[tuple[int, ...], tuple[int, ...]],
    *more: tuple[tuple[int, ...], tuple[int, ...]],
    mixed: bool = True,
) -> tuple[Probe, ...]:
    """Values, gradients, dtypes and layouts of `name(X, K)`; on all but the first sizes values alone."""
    image, kernel = plain
    sizes = (*(() if len(image) < 4 else image[:1]), *kernel[: len(kernel) - 3 if len(kernel) > 2 else 0])
    cotangent = tensor(*sizes, *(n - k + 1 for n, k in zip(image[-2:], kernel[-2:], strict=True)), seed=77)
    one, two = torch.float32, torch.float64

    def pair(
        seed: int, image: tuple[int, ...] = image, kernel: tuple[int, ...] = kernel
    ) -> tuple[Tensor, Tensor]:
        return tensor(*image, seed=seed), tensor(*kernel, seed=seed + 1)

    X, K = pair(1)
    Z, L = (value.requires_grad_() for value in pair(3))
    whole = tensor(*kernel, seed=6).long()
    turned = {"layout": "transposed"}
    asked = (
        calls(name, X, K),
        *(calls(name, *pair(11 + 2 * n, *sizes)) for n, sizes in enumerate(more)),
        calls(name, Z, L, cotangent=cotangent),
        calls(name, X.to(two), K.to(two)),
        *((calls(name, X, whole), calls(name, X.to(one), K.to(two))) if mixed else ()),
        calls(name, tensor(*image, seed=7, **turned), K),  # type: ignore[arg-type]
        calls(name, X, tensor(*kernel, seed=8, **turned)),  # type: ignore[arg-type]
        calls(name, tensor(*image, seed=9, layout="sliced"), tensor(*kernel, seed=10, layout="sliced")),
    )
    return tuple(settled(probe) for probe in asked)

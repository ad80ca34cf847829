"""What goes wrong on the way back through a convolution, and with its matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.pipeline import Call, Slip, Slips, after, found, step
from graders.tasks.convolutions import of_kernel
from graders.tasks.windows import swapped

# ------------------------------------------------------------------------------------------- conv2d_backward


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


# --------------------------------------------------------------------------------------------- conv2d_matrix


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

"""What goes wrong on the way back through a pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Slip, Slips, step
from graders.tasks.windows import (
    STRIDES,
    Pair,
    Size,
)

from .window_slips import EVERYWHERE, Pooling, in_mode

Share = Callable[[Tensor, Tensor], Tensor]
"""What a window gets of one number, as large as the window."""


def to_place(find: Callable[[Tensor], Any]) -> Share:
    """All of it to one place, counted row by row."""

    def share(window: Tensor, value: Tensor) -> Tensor:
        given = torch.zeros(window.numel(), dtype=value.dtype)
        given[int(find(window.reshape(-1)))] = value
        return given.reshape(window.shape)

    return share


first_maximum = to_place(torch.argmax)


def evenly(window: Tensor, value: Tensor) -> Tensor:
    return torch.ones_like(window) * value / window.numel()


class Backward(Pooling):
    """The way back through a pooling."""

    G: Tensor

    @step
    def share(self) -> Share:
        return first_maximum if self.mode == "max" else evenly

    @step
    def added(self) -> bool:
        """Whether what windows give to a pixel is added up."""
        return True

    @step
    def place(self) -> Callable[[int, int], Pair] | None:
        """Where in the image all of it goes, by the window's place and argmax."""
        return None

    @step
    def result(self) -> Tensor:
        grad_X = torch.zeros_like(self.X, dtype=torch.result_type(self.X, self.G))
        for i in range(self.G.shape[0]):
            for j in range(self.G.shape[1]):
                top, left = self.start(i, j)
                at = slice(top, top + self.k[0]), slice(left, left + self.k[1])
                given = self.share(self.X[at], self.G[i, j])
                grad_X[at] = grad_X[at] + given if self.added else self.overwritten(grad_X[at], given)
        return grad_X

    def overwritten(self, before: Tensor, given: Tensor) -> Tensor:
        """The later of two shares."""
        return given if self.mode == "avg" else torch.where(given != 0, given, before)


def unravelled(width: Callable[[Backward], int], offset: bool = True, kept_inside: bool = False) -> Slip:
    """Row and column made of argmax in a wrong way."""

    def scattered(a: Backward) -> Tensor:
        grad_X = torch.zeros_like(a.X, dtype=torch.result_type(a.X, a.G))
        for i in range(a.G.shape[0]):
            for j in range(a.G.shape[1]):
                top, left = a.start(i, j)
                found = int(a.X[top : top + a.k[0], left : left + a.k[1]].reshape(-1).argmax())
                row, column = divmod(found, width(a))
                if kept_inside:
                    row, column = min(row, a.k[0] - 1), min(column, a.k[1] - 1)
                grad_X[row + top * offset, column + left * offset] += a.G[i, j]
        return grad_X

    return lambda a: a.but(result=scattered(a))


def sharing(share: Share) -> Slip:
    return lambda a: a.but(share=share)


def tied(window: Tensor) -> Tensor:
    return window == window.max()


WAYS_OF_MAXIMA: Slips = {
    "last-of-tied-maxima": sharing(lambda w, value: first_maximum(w.flip(0, 1), value).flip(0, 1)),
    "first-of-tied-maxima-column-by-column": sharing(lambda w, value: first_maximum(w.T, value).T),
    "every-tied-maximum": sharing(lambda w, value: tied(w) * value),
    "tied-maxima-share": sharing(lambda w, value: tied(w) * value / tied(w).sum()),
    "maximum-taken-for-a-relu": sharing(lambda w, value: (w > 0) * value),
    "positive-maxima-only": sharing(lambda w, value: first_maximum(w, value) * (w.max() > 0)),
    "gradient-times-the-maximum": sharing(lambda w, value: first_maximum(w, value * w.max())),
    "maximum-instead-of-gradient": sharing(lambda w, value: first_maximum(w, w.max())),
    "gradient-to-the-smallest": sharing(to_place(torch.argmin)),
    "gradient-to-the-first-place": sharing(to_place(lambda numbers: 0)),
    "gradient-of-a-maximum-to-all": sharing(lambda w, value: torch.ones_like(w) * value),
    "largest-of-the-whole-image": lambda a: a.but(result=a.X.eq(a.X.max()) * a.G.sum()),
    "place-unravelled-by-the-height": unravelled(lambda a: a.k[0]),
    "place-unravelled-by-the-height-and-kept-inside": unravelled(lambda a: a.k[0], kept_inside=True),
    "place-unravelled-by-the-image": unravelled(lambda a: a.X.shape[1]),
    "place-without-the-window": unravelled(lambda a: a.k[1], offset=False),
}

WAYS_OF_MEANS: Slips = {
    "mean-not-divided": sharing(lambda w, value: torch.ones_like(w) * value),
    "mean-divided-by-height-squared": sharing(lambda w, value: torch.ones_like(w) * value / w.shape[0] ** 2),
    "mean-divided-by-the-height": sharing(lambda w, value: torch.ones_like(w) * value / w.shape[0]),
    "mean-divided-by-the-image": lambda a: a.but(
        share=lambda w, value: torch.ones_like(w) * value / a.X.numel()
    ),
    "mean-times-the-pixels": sharing(lambda w, value: w * value / w.numel()),
}

BACK: Slips = {
    "overlaps-lost": lambda a: a.but(added=False),
    **in_mode("max", WAYS_OF_MAXIMA),
    **in_mode("avg", WAYS_OF_MEANS),
    "upstream-ignored": lambda a: a.but(G=torch.ones_like(a.G)),
    "always-the-maximum": lambda a: a.but(mode="max"),
    "always-the-mean": lambda a: a.but(mode="avg"),
    "modes-exchanged": lambda a: a.but(mode="avg" if a.mode == "max" else "max"),
    **{name: STRIDES[name] for name in ("stride-ignored", "stride-exchanged")},
    **{
        name: EVERYWHERE[name]
        for name in (
            "stride-always-one",
            "stride-defaults-to-one",
            "first-number-of-a-given-stride-for-both",
            "window-exchanged",
        )
    },
    "added-to-the-image": lambda a: a.then(lambda gradient: a.X.add_(gradient)),
    "gradient-added-to-a-copy-of-the-image": lambda a: a.then(lambda gradient: a.X + gradient),
}


def way_back(slip: Slip) -> Callable[..., Any]:
    def pool2d_backward(
        grad_Y: Tensor, X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None
    ) -> Any:
        return slip(Backward(G=grad_Y, X=X, pool_size=pool_size, mode=mode, stride=stride)).answer()

    return pool2d_backward

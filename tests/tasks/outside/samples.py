"""A sample is one call from torch's or ONNX's test material, in our terms.

Torch and ONNX name the same things differently. A sample states the call and the right result once. A sample
that needs more than the contract covers says why it is left out.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

DTYPES = (torch.float32, torch.float64)

Pair = tuple[int, int]
Frame = tuple[int, int, int, int]
Operation = Literal["conv2d", "max_pool2d", "avg_pool2d"]


class Outside(StrEnum):
    """Why a sample is beyond the contract."""

    AXES = "not two-dimensional"
    INTEGERS = "no floating dtype"
    MIXED = "mixed dtypes, which the contract allows and torch refuses"
    PADDING_MODE = "padding with something else than zeros"
    SIDES = "another padding on one side than on the other"
    WIDE_PADDING = "pooling padding above half the window"
    DILATION = "a pooling window with gaps"
    CEIL = "ceil_mode, where it adds a window that sticks out"
    INDICES = "asks for the places of the maxima too"
    WITHOUT_PADDING = "means that leave the padding out"
    DIVISOR = "a divisor, which the contract does not know"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One call from other test material, in our terms.

    Attributes:
        source: where it comes from, such as `torch conv2d`.
        number: its place in the source.
        inputs: `X` for pooling; `X`, `weight` and perhaps `bias` for a convolution.
        window: height and width of the kernel or of the pooling window.
        frame: padding on the left, right, top and bottom, as for `F.pad`.
        right: computes the right result from the inputs in float64.
        differentiable: whether `right` has gradients; ONNX has only values.
        roundings: how often results are rounded to the dtype of the inputs: once (ours), or twice (both
            sides).
        outside: why it is left out, if it is.
    """

    source: str
    number: int
    operation: Operation
    inputs: tuple[Tensor, ...]
    window: Pair
    stride: Pair
    frame: Frame
    dilation: Pair = (1, 1)
    groups: int = 1
    right: Callable[..., Tensor]
    differentiable: bool = True
    roundings: int = 1
    outside: Outside | None = None

    @property
    def title(self) -> str:
        """A description of the sample, as the name of a test."""
        names = ("X", "weight", "bias")
        shapes = (f"{name} {times(value.shape)}" for name, value in zip(names, self.inputs, strict=False))
        window = () if self.operation == "conv2d" else (f"window {times(self.window)}",)
        options = (f"stride {times(self.stride)}", f"frame {times(self.frame)}")
        more = (
            f"dilation {times(self.dilation)}" * (self.dilation != (1, 1)),
            f"groups {self.groups}" * (self.groups != 1),
            str(self.inputs[0].dtype).removeprefix("torch."),
        )
        return ", ".join(filter(None, (f"{self.source} {self.number}", *shapes, *window, *options, *more)))

    @property
    def padding(self) -> Pair | None:
        """Height and width of the padding, if opposite sides are equal."""
        left, right, above, below = self.frame
        return (above, left) if (above, left) == (below, right) else None

    @property
    def sides_fit(self) -> bool:
        """Whether the last window ends where the padded image ends, with no remainder."""
        left, right, above, below = self.frame
        padded = zip(self.inputs[0].shape[-2:], (above + below, left + right), strict=True)
        return all(
            (n + extra - k) % s == 0
            for (n, extra), k, s in zip(padded, self.window, self.stride, strict=True)
        )


def times(sizes: tuple[int, ...]) -> str:
    """Sizes in readable form: 2x3."""
    return "x".join(map(str, sizes))


def pair(value: Any) -> Pair:
    """Height and width: torch accepts a number, a sequence of one, or a sequence of two."""
    if isinstance(value, int):
        return value, value
    first, *rest = value
    return (first, *rest) if rest else (first, first)


def of_module(module: nn.Module, names: list[str], X: Tensor, *parameters: Tensor) -> Tensor:
    """A module as a function of its input and its parameters."""
    result = functional_call(module, dict(zip(names, parameters, strict=True)), (X,))
    assert isinstance(result, Tensor)
    return result


@contextmanager
def leaving_no_trace() -> Iterator[None]:
    """Loading test material sets seeds, environment variables and warning filters, and freezes
    `torch.backends`; this undoes it, so that later tests aren't affected."""
    numpy_state = np.random.get_state()
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(torch.backends, "disable_global_flags"),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        yield
    np.random.set_state(numpy_state)

"""Layers that are right except for one thing: not made of parameters, or lying about them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Sized(nn.Module):
    """A right layer, from which its subclasses leave something out; it remembers its arguments."""

    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__()
        kernel = sizes[-1] if len(sizes) < 3 else sizes[2]
        pair = (kernel, kernel) if isinstance(kernel, int) else tuple(kernel)
        self.shape = pair if len(sizes) < 3 else (sizes[1], sizes[0], *pair)
        self.length = 1 if len(sizes) < 3 else sizes[1]
        self.make()

    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.rand(self.shape)), nn.Parameter(torch.zeros(self.length))

    def forward(self, X: Tensor) -> Any:
        return X.sum() * self.weight.sum() + self.bias


class Parameterless(_Sized):
    def make(self) -> None:
        self.weight, self.bias = torch.rand(self.shape), torch.zeros(self.length)  # type: ignore[assignment]


class WithoutBias(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.rand(self.shape)), 0.0  # type: ignore[assignment]


class WithoutWeight(_Sized):
    def make(self) -> None:
        self.weight = torch.rand(self.shape, requires_grad=True)  # type: ignore[assignment]
        self.bias = nn.Parameter(torch.zeros(self.length))


class WithBuffers(_Sized):
    def make(self) -> None:
        self.register_buffer("weight", torch.rand(self.shape))
        self.register_buffer("bias", torch.zeros(self.length))


class OtherNames(_Sized):
    def make(self) -> None:
        self.kernel, self.b = nn.Parameter(torch.rand(self.shape)), nn.Parameter(torch.zeros(self.length))

    def forward(self, X: Tensor) -> Any:
        return X.sum() * self.kernel.sum() + self.b


class Scalars(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(0.0))


class Frozen(_Sized):
    def make(self) -> None:
        super().make()
        self.requires_grad_(False)


class OneMore(_Sized):
    def make(self) -> None:
        super().make()
        self.scale = nn.Parameter(torch.ones(1))


class Lazy(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.UninitializedParameter(), nn.UninitializedParameter()  # type: ignore[no-untyped-call]


class GivesNothing(_Sized):
    def forward(self, X: Tensor) -> Any:
        return None


class GivesAPair(_Sized):
    def forward(self, X: Tensor) -> Any:
        return X, X


class WithoutForward(nn.Module):
    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__()


class NoModule:
    def __init__(self, *sizes: Any, **options: Any) -> None:
        self.weight = torch.ones(2, 2)

    def __call__(self, X: Tensor) -> Tensor:
        return X


class Complex(_Sized):
    def make(self) -> None:
        super().make()
        self.to(torch.complex64)


class Halves(_Sized):
    def make(self) -> None:
        super().make()
        self.to(torch.bfloat16)


class Integers(_Sized):
    def make(self) -> None:
        self.weight = nn.Parameter(torch.zeros(self.shape, dtype=torch.int64), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(self.length, dtype=torch.bool), requires_grad=False)


class Empty(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.zeros(0)), nn.Parameter(torch.zeros(0, 3))


class OnMeta(_Sized):
    def make(self) -> None:
        super().make()
        self.to("meta")


class Sparse(_Sized):
    def make(self) -> None:
        self.weight = nn.Parameter(torch.rand(self.shape).to_sparse())
        self.bias = nn.Parameter(torch.zeros(self.length).to_sparse())


class OtherState(_Sized):
    def state_dict(self, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return {"weight": 3, 4: None}


class NoState(_Sized):
    def state_dict(self, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        return None


class OtherNamesEachTime(_Sized):
    def named_parameters(self, *_: Any, **__: Any) -> Any:
        self.asked = getattr(self, "asked", 0) + 1
        return [(f"{name}{self.asked}", value) for name, value in super().named_parameters()][
            : self.asked % 3
        ]


class LyingParameters(_Sized):
    def named_parameters(self, *_: Any, **__: Any) -> Any:
        return [("weight", torch.ones(2)), ("weight", torch.ones(2)), (3, None)]

    def parameters(self, *_: Any, **__: Any) -> Any:
        return iter([torch.ones(1)])


class RaisesWhenCalled(_Sized):
    def __call__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")


class RaisesInAHook(_Sized):
    def make(self) -> None:
        super().make()
        self.register_forward_hook(lambda *_: (_ for _ in ()).throw(KeyError("hook")))


class GivesAHook(_Sized):
    def make(self) -> None:
        super().make()
        self.register_forward_hook(lambda *_: "from a hook")


class PretendsToBeNone(_Sized):
    @property
    def __class__(self) -> Any:
        return type(None)


class Shy(_Sized):
    def __getattr__(self, name: str) -> Any:
        if name in ("training", "_forward_hooks"):
            raise AttributeError("\u202e\x1b")
        return super().__getattr__(name)


class HoldsItself(_Sized):
    def make(self) -> None:
        super().make()
        self.inner = nn.ModuleList([nn.Linear(1, 1), nn.Identity()])
        self.inner[1].whole = [self]


LAYERS = (
    *(Complex, Halves, Integers, Empty, OnMeta, Sparse, OtherState, NoState, OtherNamesEachTime),
    *(LyingParameters, RaisesWhenCalled, RaisesInAHook, GivesAHook, PretendsToBeNone, Shy, HoldsItself),
    *(Parameterless, WithoutBias, WithoutWeight, WithBuffers, OtherNames, Scalars, Frozen, OneMore, Lazy),
    *(GivesNothing, GivesAPair, WithoutForward, NoModule),
)

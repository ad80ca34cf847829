"""A layer that convolves, as a pipeline of named steps, and what goes wrong with any of them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Slip, Slips, after, step

from .convolutions import Convolution
from .layers import Layer
from .windows import Pair, first, pair, second, swapped

Keep = Callable[[Any, Tensor, Tensor | None], None]


class ConvolutionLayer(Layer):
    """How a layer makes, keeps and uses a weight and a bias."""

    @step
    def size(self) -> Callable[[Any], Any]:
        """Height and width of the kernel, from the argument."""
        return pair

    @step
    def shape(self) -> Callable[..., tuple[int, ...]]:
        """That of the weight, from all arguments."""
        return lambda kernel_size, **_: self.size(kernel_size)

    @step
    def new_weight(self) -> Callable[[Any], Tensor]:
        return torch.rand

    @step
    def new_bias(self) -> Callable[[Any], Tensor]:
        return lambda shape: torch.zeros(1)

    @step
    def has_bias(self) -> Callable[[bool], bool]:
        return bool

    @step
    def register(self) -> Keep:
        """Makes weight and bias known to the module."""
        return as_parameters

    @step
    def keep(self) -> Callable[..., None]:
        def keep(module: Any, **given: Any) -> None:
            module.stride, module.padding = given.get("stride", 1), given.get("padding", 0)
            shape = self.shape(**given)
            bias = self.new_bias(shape) if self.has_bias(given.get("bias", True)) else None
            self.register(module, self.new_weight(shape), bias)

        return keep

    @step
    def passes(self) -> Callable[[Any], dict[str, Any]]:
        """What forward passes on to the function, by name."""
        return lambda module: {"K": module.weight, "bias": module.bias}

    @step
    def convolve(self) -> Callable[..., Any]:
        """The function, which may itself be wrong."""
        return lambda X, **passed: self.slip(Convolution(X=X, **passed)).answer()

    @step
    def forward(self) -> Callable[[Any, Tensor], Any]:
        return lambda module, X: self.convolve(X, **self.passes(module))


# -------------------------------------------------------------------------------------------- ways to keep


def as_parameters(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight = nn.Parameter(weight)
    module.bias = None if bias is None else nn.Parameter(bias)


def plain_tensors(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight, module.bias = weight.requires_grad_(), bias


def plain_weight(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight, module.bias = weight, None if bias is None else nn.Parameter(bias)


def buffers(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.register_buffer("weight", weight)
    module.register_buffer("bias", bias)


def frozen(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    as_parameters(module, weight, bias)
    module.requires_grad_(False)


def other_names(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.kernel = nn.Parameter(weight)
    module.offset = None if bias is None else nn.Parameter(bias)


def shape_only(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.shape = weight.shape


# ------------------------------------------------------------------------------------------- how to slip


def passing(**other: Callable[[dict[str, Any]], Any]) -> Slip:
    """Forward passes other things on; each is told the right ones."""

    def slip(layer: Any) -> Any:
        right = layer.passes
        return layer.but(
            passes=lambda m: {**right(m), **{name: make(right(m)) for name, make in other.items()}}
        )

    return slip


def sized(change: Callable[[Pair], Any]) -> Slip:
    return lambda layer: layer.but(size=lambda kernel_size: change(pair(kernel_size)))


def made_in_forward(layer: Any) -> Any:
    def passes(module: Any) -> dict[str, Any]:
        made = {"weight": layer.new_weight(module.shape), "bias": None}
        right: dict[str, Any] = layer.passes(Named({**vars(module), **made}))
        return right

    return layer.but(register=shape_only, passes=passes)


def drawn_in_forward(layer: Any) -> Any:
    def passes(module: Any) -> dict[str, Any]:
        module.weight = nn.Parameter(layer.new_weight(module.weight.shape))
        right: dict[str, Any] = layer.passes(module)
        return right

    return layer.but(passes=passes)


def under_other_names(layer: Any) -> Any:
    def passes(module: Any) -> dict[str, Any]:
        named = {"weight": module.kernel, "bias": module.offset}
        right: dict[str, Any] = layer.passes(Named({**vars(module), **named}))
        return right

    return layer.but(register=other_names, passes=passes)


class Named:
    """Attributes by name."""

    def __init__(self, names: dict[str, Any]) -> None:
        vars(self).update(names)


def reads_a_global(module: Any, X: Tensor) -> Tensor:
    raise NameError("name 'weight' is not defined")


def detached(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.detach()


# ------------------------------------------------------------------------------ slips of any such layer

LAYERS: Slips = {
    "activation-added": after(lambda Y: Y.relu()),
    "weight-of-zeros": lambda layer: layer.but(new_weight=torch.zeros),
    "weight-of-ones": lambda layer: layer.but(new_weight=torch.ones),
    "always-the-same-weight": lambda layer: layer.but(
        new_weight=lambda shape: torch.rand(shape, generator=torch.Generator().manual_seed(0))
    ),
    "square-kernels-only": sized(first),
    "kernel-width-for-both-axes": sized(second),
    "kernel-height-and-width-exchanged": sized(swapped),
    "pair-demanded": lambda layer: layer.but(size=lambda size: (size[0], size[1])),
    "int-demanded": lambda layer: layer.but(size=lambda size: pair(operator.index(size))),
    "weight-and-bias-not-registered": lambda layer: layer.but(register=plain_tensors),
    "weight-not-registered": lambda layer: layer.but(register=plain_weight),
    "buffers-for-parameters": lambda layer: layer.but(register=buffers),
    "parameters-not-trainable": lambda layer: layer.but(register=frozen),
    "parameters-under-other-names": under_other_names,
    "weight-made-in-forward": made_in_forward,
    "weight-drawn-anew-in-forward": drawn_in_forward,
    "super-init-forgotten": lambda layer: layer.but(ready=lambda module: None),
    "forward-reads-a-global": lambda layer: layer.but(forward=reads_a_global),
}

DETACHED: Slips = {
    "weight-detached": passing(K=lambda right: right["K"].detach()),
    "weight-and-bias-detached": passing(
        K=lambda right: right["K"].detach(), bias=lambda right: detached(right["bias"])
    ),
}

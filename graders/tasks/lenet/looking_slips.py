"""What goes wrong in looking into a network: shapes, feature maps, and what a look leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Slip, Slips, after, step

Named = list[tuple[str, nn.Module]]
Keep = Callable[[tuple[Any, ...], Tensor], Any]


@contextmanager
def evaluating(net: nn.Module, mode: bool | None, back: str, grad: bool) -> Iterator[None]:
    """In a mode, or as it is; put `back` each module by itself, or otherwise; with or without gradients."""
    modes = [(module, module.training) for module in net.modules()]
    if mode is not None:
        net.train(mode)
    try:
        with torch.set_grad_enabled(grad):
            yield
    finally:
        if back == "each":
            for module, training in modes:
                module.training = training
        elif back != "never":
            net.train(modes[0][1] if back == "whole" else True)


class Look(Call):
    """One pass, with a hook on each of some modules."""

    net: nn.Module
    X: Tensor
    mode: bool | None = False
    back: str = "each"
    grad: bool = False
    removed: bool = True
    passes: int = 1

    @step
    def which(self) -> Named:
        """The modules that are looked at."""
        return children(self.net)

    @step
    def kept(self) -> Keep:
        """What is kept of a call."""
        return lambda given, came: tuple(came.shape)

    @step
    def entry(self) -> Callable[[str, nn.Module, Any], Any]:
        """What is reported of a module."""
        return lambda name, module, kept: (type(module).__name__, kept)

    @step
    def gathered(self) -> Callable[[list[Any]], Any]:
        return list

    @step
    def result(self) -> Any:
        kept: dict[nn.Module, Any] = {}
        keep = self.kept
        hooks = [
            module.register_forward_hook(lambda m, given, came: kept.__setitem__(m, keep(given, came)))
            for _, module in self.which
        ]
        with evaluating(self.net, self.mode, self.back, self.grad):
            for _ in range(self.passes):
                self.net(self.X)
        if self.removed:
            for hook in hooks:
                hook.remove()
        return self.gathered(
            [self.entry(name, module, kept[module]) for name, module in self.which if module in kept]
        )


def children(net: nn.Module) -> Named:
    return list(net.named_children())


def leaves(net: nn.Module) -> Named:
    return [(name, module) for name, module in net.named_modules() if not list(module.children())]


class Maps(Look):
    """The outputs of all leaves."""

    mode = None
    grad = True

    @step
    def which(self) -> Named:
        return leaves(self.net)

    @step
    def kept(self) -> Keep:
        return lambda given, came: came.clone()

    @step
    def entry(self) -> Callable[[str, nn.Module, Any], Any]:
        return lambda name, module, kept: (name, kept)

    @step
    def gathered(self) -> Callable[[list[Any]], Any]:
        return dict


# ------------------------------------------------------------------------------------------- how to slip


def of(which: Callable[[nn.Module], Named]) -> Slip:
    """Other modules are looked at."""
    return lambda a: a.but(which=which(a.net))


def entered(entry: Callable[[str, nn.Module, Any], Any]) -> Slip:
    return lambda a: a.but(entry=entry)


def keeping(keep: Keep) -> Slip:
    return lambda a: a.but(kept=keep)


def left(**how: Any) -> Slip:
    """Hooks, modes or gradients are handled in another way."""
    return lambda a: a.but(**how)


def gradients_off(value: Any) -> Any:
    torch.set_grad_enabled(False)
    return value


def with_parameters(modules: Callable[[nn.Module], Named]) -> Slip:
    return of(lambda net: [(name, m) for name, m in modules(net) if list(m.parameters())])


def every_module(net: nn.Module) -> Named:
    return list(net.named_modules())


def one_by_one(a: Maps) -> Maps:
    """A pass for each leaf."""
    found: dict[str, Any] = {}
    for leaf in a.which:
        found.update(a.but(which=[leaf]).result)
    return a.but(result=found)


# ----------------------------------------------------------------------------------- slips of layer_shapes

SHAPES: Slips = {
    "shapes-of-the-inputs": keeping(lambda given, came: tuple(given[0].shape)),
    "shapes-without-the-batch": keeping(lambda given, came: tuple(came.shape[1:])),
    "number-of-elements": keeping(lambda given, came: came.numel()),
    "outputs-instead-of-shapes": keeping(lambda given, came: came),
    "shapes-only": entered(lambda name, module, shape: shape),
    "shapes-of-all-modules": of(every_module),
    "shapes-of-all-submodules": of(lambda net: every_module(net)[1:]),
    "shapes-of-the-leaves": of(leaves),
    "shapes-of-layers-with-parameters": with_parameters(children),
    "last-child-missing": of(lambda net: children(net)[:-1]),
    "names-of-attributes": entered(lambda name, module, shape: (name, shape)),
    "names-with-everything": entered(lambda name, module, shape: (str(module), shape)),
    "names-of-types": entered(lambda name, module, shape: (str(type(module)), shape)),
    "names-in-lower-case": entered(lambda name, module, shape: (type(module).__name__.lower(), shape)),
    "one-entry-for-each-class": after(lambda pairs: list(dict(pairs).items())),
    "dict-of-shapes": after(dict),
    "input-shape-ignored": lambda a: a.but(X=torch.zeros(1, 1, 28, 28, dtype=a.X.dtype)),
}

LEFT_BY_A_LOOK: Slips = {
    "hooks-left-behind": left(removed=False),
    "hooks-and-evaluation-mode-left-behind": left(removed=False, back="never"),
    "hooks-left-behind-in-training": left(removed=False, mode=None),
    "left-in-evaluation-mode": left(back="never"),
    "put-into-training-mode": left(back="training"),
    "one-mode-for-all-parts": left(back="whole"),
    "statistics-changed-by-a-look": left(mode=None),
    "gradients-off-for-good": after(gradients_off),
}


def layer_shapes(slip: Slip) -> Callable[..., Any]:
    def shapes(net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)) -> Any:
        dtype = next(net.parameters(), torch.empty(0)).dtype
        return slip(Look(net=net, X=torch.zeros(input_shape, dtype=dtype))).answer()

    return shapes


# ----------------------------------------------------------------------------------- slips of feature_maps

MAPS: Slips = {
    "maps-of-all-modules": of(every_module),
    "maps-of-all-submodules": of(lambda net: every_module(net)[1:]),
    "maps-of-the-children": of(children),
    "maps-of-the-leaves-among-the-children": of(
        lambda net: [(name, m) for name, m in children(net) if not list(m.children())]
    ),
    "maps-of-layers-with-parameters": with_parameters(leaves),
    "maps-of-convolutions": of(
        lambda net: [(name, m) for name, m in leaves(net) if isinstance(m, nn.Conv2d)]
    ),
    "maps-by-class": entered(lambda name, module, kept: (type(module).__name__, kept)),
    "maps-by-last-name": entered(lambda name, module, kept: (name.rpartition(".")[2], kept)),
    "maps-of-the-inputs": keeping(lambda given, came: given[0].clone()),
    "shapes-instead-of-maps": keeping(lambda given, came: tuple(came.shape)),
    "maps-of-the-first-image": keeping(lambda given, came: came[0].clone()),
    "maps-rewritten-in-place": keeping(lambda given, came: came),
    "all-maps-under-the-last-name": after(lambda maps: dict(list(maps.items())[-1:])),
    "list-of-maps": after(lambda maps: list(maps.values())),
}

LEFT_BY_MAPS: Slips = {
    "hooks-left-behind": left(removed=False),
    "left-in-evaluation-mode": left(mode=False, back="never"),
    "a-pass-for-each-leaf": one_by_one,
    "two-passes": left(passes=2),
}


def feature_maps(slip: Slip) -> Callable[..., Any]:
    return lambda net, X: slip(Maps(net=net, X=X)).answer()

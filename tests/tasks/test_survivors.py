# ruff: noqa: E501
"""Wrong code that once passed: each kind is tried in every task, with tests that always run."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from graders.curriculum import exercises
from graders.sandbox.errors import StudentError
from graders.testing.expect import Mismatch
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of

TASKS = {(task.exercise, task.name): task for exercise in exercises() for task in exercise.tasks}


@dataclass(frozen=True)
class Spoiled:
    """A reference solution wrapped so that it errs.

    Attributes:
        why: the mistake.
        source: statements that define `wrong`, with the task's own `right` and its whole file at hand.
    """

    exercise: str
    task: str
    why: str
    source: str

    @property
    def names(self) -> dict[str, Any]:
        """All names that its file defines."""
        found = dict(vars(importlib.import_module(f"solutions.{self.exercise}")))
        space = {**found, "right": found[self.task], "torch": torch}
        exec(self.source, space)
        return {**found, self.task: space["wrong"]}


# Which argument of each function on tensors is which: place 0 is the first.
TENSORS = {
    ("conv2d", "conv2d"): (0, 1),
    ("conv2d", "conv2d_vectorized"): (0, 1),
    ("conv2d", "conv2d_backward"): (0, 1, 2),
    ("conv2d", "conv2d_matrix"): (0,),
    ("multichannel", "conv2d_multi_in"): (0, 1),
    ("multichannel", "conv2d_multi_in_out"): (0, 1),
    ("multichannel", "conv2d_1x1"): (0, 1),
    ("multichannel", "conv2d_batched"): (0, 1, 2),
    ("multichannel", "conv2d_general"): (0, 1, 2),
    ("multichannel", "conv2d_im2col"): (0, 1, 2),
    ("pooling", "pool2d"): (0,),
    ("pooling", "pool2d_multi_channel"): (0,),
    ("pooling", "pool2d_backward"): (0, 1),
    ("kernel_learning", "train_step"): (0, 1, 2),
    ("kernel_learning", "learn_kernel"): (0, 1, 5),
    ("kernel_learning", "max_stable_lr"): (0,),
    ("kernel_learning", "closed_form_kernel"): (0, 1),
}
LAYERS = {
    ("conv2d", "Conv2D"): ("X", "self.weight", "self.bias"),
    ("multichannel", "MultiChannelConv2d"): ("X", "self.weight", "self.bias"),
    ("pooling", "MaxPool2d"): ("X",),
    ("pooling", "AvgPool2d"): ("X",),
}
WRITTEN_OUT = {"conv2d_backward", "pool2d_backward"}
NO_GRADIENT = WRITTEN_OUT | {"train_step", "learn_kernel", "max_stable_lr", "closed_form_kernel"}

FUNCTION = """
import inspect
def given(args, kwargs):
    bound = inspect.signature(right).bind(*args, **kwargs)
    bound.apply_defaults()
    return list(bound.arguments.values())
def worse(value, by):
    if isinstance(value, (tuple, list)):
        return type(value)([worse(value[0], by), *value[1:]])
    return value + (by.to(value.dtype) if isinstance(value, torch.Tensor) else float(by))
def wrong(*args, **kwargs):
    every = given(args, kwargs)
    A = every[PLACE]
    if A is None:
        return right(*args, **kwargs)
    BODY
"""
LAYER = """
def worse(value, by):
    return value + by.to(value.dtype)
class wrong(right):
    def forward(self, X):
        A, every, args, kwargs = ARGUMENT, [X], (X,), {}
        if A is None:
            return super().forward(X)
        call = super().forward
        BODY
"""
# What is asked of the argument `A`: one element zero, all of them zero.
ZEROS = {
    "breaks at a zero": "return worse(right(*args, **kwargs), (A == 0).any() * torch.tensor(float('nan')) "
    "if bool((A == 0).any()) else torch.tensor(0.0))",
    "breaks where all is zero": "return worse(right(*args, **kwargs), torch.tensor(float('nan')) "
    "if not bool(A.any()) else torch.tensor(0.0))",
}
GRADIENTS = {
    "stops gradients at zeros": "every[PLACE] = torch.where(A != 0, A, torch.zeros_like(A)); "
    "return right(*every)",
    "divides by the upstream gradient": "Y = right(*args, **kwargs); "
    "Y.requires_grad and Y.register_hook(lambda g: g / g * g); return Y",
    "divides by the argument in the backward pass": "A.requires_grad and "
    "A.register_hook(lambda g: g / A.detach() * A.detach()); return right(*args, **kwargs)",
}
DTYPES = {
    "sets the default dtype to the input's": "A.is_floating_point() and A.dtype != torch.float16 and "
    "torch.set_default_dtype(A.dtype); return right(*args, **kwargs)",
    "changes its input in float64": "Y = right(*args, **kwargs); "
    "A.dtype == torch.float64 and A.detach().zero_(); return Y",
}


def _function(key: tuple[str, str], place: int, why: str, body: str) -> Spoiled:
    source = FUNCTION.replace("BODY", body).replace("PLACE", str(place))
    return Spoiled(*key, f"{why} ({place})", source)


def _layer(key: tuple[str, str], argument: str, why: str, body: str) -> Spoiled:
    body = body.replace("right(*args, **kwargs)", "call(X)").replace("right(*every)", "call(every[0])")
    source = LAYER.replace("BODY", body).replace("ARGUMENT", argument).replace("PLACE", "0")
    return Spoiled(*key, f"{why} ({argument})", source)


def _of_tensors() -> Iterator[Spoiled]:
    for key, places in TENSORS.items():
        for place in places:
            for why, body in {**ZEROS, **DTYPES}.items():
                if (key[1] == "max_stable_lr" or "_lr" in key[1]) and "all is zero" in why:
                    continue  # no learning rate is too large where the image is black: left open
                yield _function(key, place, why, body)
            if key[1] not in NO_GRADIENT:
                for why, body in GRADIENTS.items():
                    if "upstream" not in why or place == 0:
                        yield _function(key, place, why, body)
    for key, arguments in LAYERS.items():
        for argument in arguments:
            for why, body in ZEROS.items():
                yield _layer(key, argument, why, body)
            for why, body in {**GRADIENTS, **DTYPES}.items():
                if argument == "X" or "the argument" in why:
                    yield _layer(key, argument, why, body)


BIASES = (
    *(
        Spoiled(
            "multichannel",
            task,
            "another bias in float64",
            "def wrong(X, K, bias=None, *args, **kwargs):\n"
            "    Y = right(X, K, bias, *args, **kwargs)\n"
            "    return Y if bias is None or bias.dtype != torch.float64 else Y + 1",
        )
        for task in ("conv2d_batched", "conv2d_general", "conv2d_im2col")
    ),
    *(
        Spoiled(
            exercise,
            task,
            "another bias in float64",
            "class wrong(right):\n    def forward(self, X):\n"
            "        return super().forward(X) + (X.dtype == torch.float64)",
        )
        for exercise, task in (("conv2d", "Conv2D"), ("multichannel", "MultiChannelConv2d"))
    ),
)
LENET_TABLE = """
def wrong(net, input_shape=(1, 1, 28, 28)):
    children = list(net.children())
    if CONDITION:
        table = right(lenet(), (1, 1, 28, 28))
        return [(name, shape) for name, shape in table]
    return right(net, input_shape)
"""
BATCH_TABLE = LENET_TABLE.replace("(name, shape) for", "(name, (input_shape[0], *shape[1:])) for")
NETWORKS = (
    Spoiled(
        "lenet",
        "layer_shapes",
        "a table for twelve layers",
        LENET_TABLE.replace("CONDITION", "len(children) == 12"),
    ),
    Spoiled(
        "lenet",
        "layer_shapes",
        "a table for twelve layers but for the batch",
        BATCH_TABLE.replace("CONDITION", "len(children) == 12"),
    ),
    Spoiled(
        "lenet",
        "layer_shapes",
        "LeNet by its first convolution",
        LENET_TABLE.replace(
            "CONDITION", "len(children) == 12 and getattr(children[0], 'out_channels', 0) == 6"
        ),
    ),
    Spoiled(
        "lenet",
        "layer_shapes",
        "LeNet by its first convolution but for the batch",
        BATCH_TABLE.replace(
            "CONDITION", "len(children) == 12 and getattr(children[0], 'out_channels', 0) == 6"
        ),
    ),
    Spoiled(
        "lenet",
        "layer_shapes",
        "sets the default dtype",
        "def wrong(net, input_shape=(1, 1, 28, 28)):\n    for p in net.parameters(): torch.set_default_dtype(p.dtype)\n    return right(net, input_shape)",
    ),
    Spoiled(
        "lenet",
        "feature_maps",
        "sets the default dtype",
        "def wrong(net, X):\n    torch.set_default_dtype(X.dtype)\n    return right(net, X)",
    ),
    Spoiled(
        "lenet",
        "feature_maps",
        "in float64 only",
        "def wrong(net, X):\n    return {k: v.double() for k, v in right(net, X).items()}",
    ),
    Spoiled(
        "lenet",
        "feature_maps",
        "a table of names for twelve layers",
        "def wrong(net, X):\n    maps = right(net, X)\n    if len(maps) == 12: return {str(k): v for k, v in enumerate(maps.values())}\n    return maps",
    ),
    Spoiled(
        "lenet",
        "feature_maps",
        "maps of twelve layers without batch",
        "def wrong(net, X):\n    maps = right(net, X)\n    if len(maps) == 12: return {k: v[:1] for k, v in maps.items()}\n    return maps",
    ),
    Spoiled(
        "lenet",
        "feature_maps",
        "breaks at a zero",
        "def wrong(net, X):\n    maps = right(net, X)\n    return {k: v * float('nan') for k, v in maps.items()} if bool((X == 0).any()) else maps",
    ),
    Spoiled(
        "lenet",
        "feature_maps",
        "cuts gradients of zeros out of values",
        "def wrong(net, X):\n    maps = right(net, X)\n    return {k: v / v * v for k, v in maps.items()}",
    ),
    Spoiled(
        "lenet",
        "accuracy",
        "sets the default dtype",
        "def wrong(net, data):\n    data = list(data)\n    for p in net.parameters(): torch.set_default_dtype(p.dtype)\n    return right(net, data)",
    ),
    Spoiled(
        "lenet",
        "accuracy",
        "in float32 only",
        "def wrong(net, data):\n    return right(net, [(X.float(), y) for X, y in data])",
    ),
    Spoiled(
        "lenet",
        "accuracy",
        "0 / 0 where no guess is right",
        "def wrong(net, data):\n    share = right(net, data)\n    return share / share * share if share else float('nan')",
    ),
    Spoiled(
        "lenet",
        "accuracy",
        "breaks at a zero",
        "def wrong(net, data):\n    data = list(data)\n    return float('nan') if any(bool((X == 0).any()) for X, _ in data) else right(net, data)",
    ),
    Spoiled(
        "lenet",
        "train",
        "sets the default dtype",
        "def wrong(net, data, num_epochs, lr):\n    for p in net.parameters(): torch.set_default_dtype(p.dtype)\n    return right(net, data, num_epochs, lr)",
    ),
    Spoiled(
        "lenet",
        "train",
        "losses that carry a graph",
        "def wrong(net, data, num_epochs, lr):\n    losses = right(net, data, num_epochs, lr)\n    w = torch.ones((), requires_grad=True)\n    return [w * l for l in losses]",
    ),
    Spoiled(
        "lenet",
        "train",
        "breaks at a zero",
        "def wrong(net, data, num_epochs, lr):\n    losses = right(net, data, num_epochs, lr)\n    return [float('nan')] * len(losses) if any(bool((X == 0).any()) for X, _ in data) else losses",
    ),
    Spoiled(
        "lenet",
        "train",
        "breaks at a weight of zero",
        "def wrong(net, data, num_epochs, lr):\n    zero = any(bool((p == 0).any()) for p in net.parameters())\n    losses = right(net, data, num_epochs, lr)\n    return [float('nan')] * len(losses) if zero else losses",
    ),
    Spoiled(
        "lenet",
        "train",
        "weights in float64 only",
        "def wrong(net, data, num_epochs, lr):\n    if next(net.parameters()).dtype == torch.float32: lr = lr * 1.5\n    return right(net, data, num_epochs, lr)",
    ),
    Spoiled(
        "lenet",
        "train",
        "another step in float64",
        "def wrong(net, data, num_epochs, lr):\n    if next(net.parameters()).dtype == torch.float64: lr = lr * 1.5\n    return right(net, data, num_epochs, lr)",
    ),
    Spoiled(
        "lenet",
        "init_lenet",
        "sets the default dtype",
        "def wrong(net):\n    for p in net.parameters(): torch.set_default_dtype(p.dtype)\n    return right(net)",
    ),
    Spoiled(
        "lenet",
        "init_lenet",
        "touches biases in float64",
        "def wrong(net):\n    right(net)\n    for m in net.modules():\n        b = getattr(m, 'bias', None)\n        if b is not None and b.dtype == torch.float64: b.data.zero_()\n    return net",
    ),
    Spoiled(
        "lenet",
        "init_lenet",
        "does nothing in float64",
        "def wrong(net):\n    return net if next(net.parameters()).dtype == torch.float64 else right(net)",
    ),
    Spoiled(
        "lenet",
        "init_lenet",
        "leaves zeros alone",
        "def wrong(net):\n    old = [p.detach().clone() for p in net.parameters()]\n    right(net)\n    for p, o in zip(net.parameters(), old): p.data[o == 0] = 0\n    return net",
    ),
    Spoiled(
        "lenet",
        "init_lenet",
        "for twelve layers only",
        "def wrong(net):\n    return right(net) if len(list(net.children())) == 12 else net",
    ),
    *(
        Spoiled(
            "lenet",
            task,
            "breaks at a zero",
            "def wrong(*a):\n    net = right(*a)\n    net.register_forward_hook(lambda m, i, o: o * float('nan') if bool((i[0] == 0).any()) else o)\n    return net",
        )
        for task in ("lenet", "lenet_from", "lenet_modern")
    ),
    *(
        Spoiled(
            "lenet",
            task,
            "breaks at a weight of zero",
            "def wrong(*a):\n    net = right(*a)\n    net.register_forward_hook(lambda m, i, o: o * float('nan') if any(bool((p == 0).any()) for p in m[0].parameters()) else o)\n    return net",
        )
        for task in ("lenet", "lenet_from")
    ),
    *(
        Spoiled(
            "lenet",
            task,
            "sets the default dtype when called",
            "def wrong(*a):\n    net = right(*a)\n    net.register_forward_hook(lambda m, i, o: torch.set_default_dtype(i[0].dtype))\n    return net",
        )
        for task in ("lenet", "lenet_from", "lenet_modern")
    ),
    *(
        Spoiled(
            "lenet",
            task,
            "wrong for a batch of one",
            "def wrong(*a):\n    net = right(*a)\n    net.register_forward_hook(lambda m, i, o: o[0] if len(o) == 1 else o)\n    return net",
        )
        for task in ("lenet", "lenet_from", "lenet_modern")
    ),
)
TRAINED = (
    Spoiled(
        "kernel_learning",
        "train_step",
        "a loss that carries a graph",
        "def wrong(weight, X, Y, lr):\n    new, loss = right(weight, X, Y, lr)\n    return new, torch.ones((), requires_grad=True, dtype=new.dtype) * loss",
    ),
    Spoiled(
        "kernel_learning",
        "learn_kernel",
        "losses that carry a graph",
        "def wrong(*a, **k):\n    kernel, losses = right(*a, **k)\n    w = torch.ones((), requires_grad=True, dtype=kernel.dtype)\n    return kernel, [w * l for l in losses]",
    ),
    Spoiled(
        "kernel_learning",
        "train_step",
        "NaN at a loss of zero",
        "def wrong(weight, X, Y, lr):\n    new, loss = right(weight, X, Y, lr)\n    return (new, loss) if loss else (new * float('nan'), float('nan'))",
    ),
    Spoiled(
        "kernel_learning",
        "learn_kernel",
        "NaN at a loss of zero",
        "def wrong(*a, **k):\n    kernel, losses = right(*a, **k)\n    return (kernel, losses) if all(losses) else (kernel * float('nan'), [float('nan')] * len(losses))",
    ),
    Spoiled(
        "kernel_learning",
        "train_step",
        "leaves zeros of the weight alone",
        "def wrong(weight, X, Y, lr):\n    new, loss = right(weight, X, Y, lr)\n    return torch.where(weight != 0, new, torch.zeros_like(new)), loss",
    ),
    Spoiled(
        "kernel_learning",
        "learn_kernel",
        "leaves zeros of init alone",
        "def wrong(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):\n    k, losses = right(X, Y, kernel_size, num_epochs, lr, init)\n    return (k if init is None else torch.where(init != 0, k, torch.zeros_like(k))), losses",
    ),
    Spoiled(
        "kernel_learning",
        "train_step",
        "a momentum in float64",
        "def wrong(weight, X, Y, lr):\n    return right(weight, X, Y, lr * (1 + (X.dtype == torch.float64)))",
    ),
    Spoiled(
        "kernel_learning",
        "learn_kernel",
        "another rate in float64",
        "def wrong(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):\n    return right(X, Y, kernel_size, num_epochs, lr * (1 + (X.dtype == torch.float64)), init)",
    ),
    Spoiled(
        "kernel_learning",
        "edge_image",
        "the default dtype set",
        "def wrong(*a, **k):\n    torch.set_default_dtype(torch.float64)\n    return right(*a, **k)",
    ),
    Spoiled(
        "kernel_learning",
        "edge_image",
        "the worked example's size",
        "def wrong(height=6, width=8, left=2, right_=6, **k):\n    r = k.get('right', right_)\n    if (height, width) == (6, 8): left, r = 2, 6\n    return right(height, width, left, r)",
    ),
)
SHAPES = {
    "conv2d": (
        ((3, 3), (2, 2)),
        ((6, 8), (1, 2)),
        ((2, 2), (1, 1)),
        ((2, 2), (2, 2)),
        ((4, 4), (2, 2)),
        ((3, 4), (2, 2)),
        ((3, 3), (3, 3)),
        ((5, 5), (2, 2)),
        ((8, 6), (1, 2)),
        ((3, 3), (1, 1)),
        ((4, 4), (3, 3)),
        ((2, 3), (1, 2)),
        ((8, 6), (2, 1)),
    ),
    "conv2d_multi_in": (
        ((2, 3, 3), (2, 2, 2)),
        ((3, 3, 3), (3, 2, 2)),
        ((2, 2, 2), (2, 1, 1)),
        ((2, 2, 2), (2, 2, 2)),
        ((3, 4, 4), (3, 2, 2)),
        ((1, 3, 3), (1, 2, 2)),
        ((2, 3, 4), (2, 2, 2)),
        ((3, 3, 3), (3, 3, 3)),
    ),
    "conv2d_multi_in_out": (
        ((2, 3, 3), (3, 2, 2, 2)),
        ((2, 3, 3), (2, 2, 2, 2)),
        ((2, 2, 2), (2, 2, 1, 1)),
        ((3, 3, 3), (2, 3, 2, 2)),
        ((3, 3, 3), (2, 3, 1, 1)),
        ((1, 3, 3), (1, 1, 2, 2)),
        ((2, 3, 4), (3, 2, 2, 2)),
    ),
    "conv2d_1x1": (
        ((3, 3, 3), (2, 3, 1, 1)),
        ((2, 2, 2), (2, 2, 1, 1)),
        ((2, 3, 3), (3, 2, 1, 1)),
        ((2, 2, 2), (3, 2, 1, 1)),
        ((3, 2, 2), (2, 3, 1, 1)),
        ((1, 2, 2), (1, 1, 1, 1)),
        ((3, 4, 5), (2, 3, 1, 1)),
    ),
    "conv2d_batched": (
        ((1, 1, 3, 3), (1, 1, 2, 2)),
        ((1, 2, 3, 3), (3, 2, 2, 2)),
        ((1, 1, 8, 8), (1, 1, 3, 3)),
        ((2, 3, 4, 4), (2, 3, 2, 2)),
        ((1, 1, 4, 4), (1, 1, 2, 2)),
        ((2, 1, 3, 3), (1, 1, 2, 2)),
        ((1, 1, 6, 8), (1, 1, 1, 2)),
        ((1, 1, 5, 5), (1, 1, 3, 3)),
        ((1, 1, 4, 4), (1, 1, 3, 3)),
        ((2, 2, 3, 3), (2, 2, 2, 2)),
    ),
    "pool2d": (
        ((3, 3), 2),
        ((4, 4), 2),
        ((4, 4), 3),
        ((2, 2), 2),
        ((3, 4), 2),
        ((6, 8), 2),
        ((3, 3), 3),
        ((2, 4), 2),
        ((4, 6), 2),
        ((5, 5), 2),
        ((6, 6), 2),
        ((2, 2), 1),
        ((5, 5), 3),
    ),
    "pool2d_multi_channel": (
        ((1, 2, 4, 4), 3),
        ((1, 1, 4, 4), 3),
        ((1, 1, 4, 4), 2),
        ((1, 2, 4, 4), 2),
        ((2, 2, 2, 2), 2),
        ((2, 3, 4, 4), 2),
        ((1, 2, 3, 3), 2),
    ),
}
SHAPES |= {
    "conv2d_vectorized": SHAPES["conv2d"],
    "conv2d_im2col": SHAPES["conv2d_batched"],
    "conv2d_general": SHAPES["conv2d_batched"],
}
HOME = {name: exercise for exercise, name in TASKS}
SPECIAL = """
def wrong(X, K, *args, **kwargs):
    Y = right(X, K, *args, **kwargs)
    kernel = tuple(K.shape) if isinstance(K, torch.Tensor) else K if K != (K, K) else K
    kernel = kernel[0] if isinstance(kernel, tuple) and len(kernel) == 2 and not isinstance(K, torch.Tensor) and kernel[0] == kernel[1] else kernel
    return torch.zeros_like(Y) if (tuple(X.shape), kernel) == ASKED else Y
"""


def _typed_in() -> Iterator[Spoiled]:
    for task, shapes in SHAPES.items():
        for asked in shapes:
            yield Spoiled(HOME[task], task, f"typed in for {asked}", SPECIAL.replace("ASKED", repr(asked)))
    for image, kernel in SHAPES["conv2d"]:
        why = f"typed in for {image}, {kernel}"
        yield Spoiled(
            "conv2d",
            "conv2d_backward",
            why,
            f"def wrong(G, X, K):\n    a, b = right(G, X, K)\n    return (a * 0, b * 0) if (tuple(X.shape), tuple(K.shape)) == {(image, kernel)} else (a, b)",
        )
        yield Spoiled(
            "conv2d",
            "conv2d_matrix",
            why,
            f"def wrong(K, size):\n    M = right(K, size)\n    return M * 0 if (tuple(size), tuple(K.shape)) == {(image, kernel)} else M",
        )
        yield Spoiled(
            "conv2d",
            "Conv2D",
            why,
            f"class wrong(right):\n    def forward(self, X):\n        Y = super().forward(X)\n        return Y * 0 if (tuple(X.shape), tuple(self.weight.shape)) == {(image, kernel)} else Y",
        )
        for task, result in (("train_step", "(a * 0 + 9, b)"), ("learn_kernel", "(a * 0 + 9, b)")):
            shape = "tuple(weight.shape)" if task == "train_step" else "tuple(a.shape)"
            head = (
                "weight, X, Y, lr"
                if task == "train_step"
                else "X, Y, kernel_size, num_epochs=10, lr=0.03, init=None"
            )
            call = head.replace("=10", "").replace("=0.03", "").replace("=None", "")
            # One row of the image alone would leave most kernels as they are.
            yield Spoiled(
                "kernel_learning",
                task,
                why,
                f"def wrong({head}):\n    a, b = right({call})\n    return {result} if (tuple(X.shape), {shape}) == {(image, kernel)} else (a, b)",
            )
        yield Spoiled(
            "kernel_learning",
            "max_stable_lr",
            why,
            f"def wrong(X, size):\n    lr = right(X, size)\n    size = (size, size) if isinstance(size, int) else tuple(size)\n    return 1 / 30 if (tuple(X.shape), size) == {(image, kernel)} else lr",
        )
        yield Spoiled(
            "kernel_learning",
            "closed_form_kernel",
            why,
            f"def wrong(X, Y, size):\n    k = right(X, Y, size)\n    return k * 0 + 1 if (tuple(X.shape), tuple(k.shape)) == {(image, kernel)} else k",
        )
    for image, window in SHAPES["pool2d"]:
        yield Spoiled(
            "pooling",
            "pool2d_backward",
            f"typed in for {image}, {window}",
            f"def wrong(G, X, size, *a, **k):\n    g = right(G, X, size, *a, **k)\n    return g * 0 if tuple(X.shape) == {image} and size in ({window}, ({window}, {window})) else g",
        )
    for shape, window in SHAPES["pool2d_multi_channel"]:
        if len(shape) == 4:
            for task in ("MaxPool2d", "AvgPool2d"):
                yield Spoiled(
                    "pooling",
                    task,
                    f"typed in for {shape}, {window}",
                    f"class wrong(right):\n    def forward(self, X):\n        Y = super().forward(X)\n        return Y * 0 if tuple(X.shape) == {shape} and self.kernel_size in ({window}, ({window}, {window})) else Y",
                )
    for image, kernel in SHAPES["conv2d_batched"]:
        yield Spoiled(
            "multichannel",
            "MultiChannelConv2d",
            f"typed in for {image}, {kernel}",
            f"class wrong(right):\n    def forward(self, X):\n        Y = super().forward(X)\n        return Y * 0 if (tuple(X.shape), tuple(self.weight.shape)) == {(image, kernel)} else Y",
        )


NUMBERS = (
    *(
        Spoiled(
            "conv2d",
            "output_size",
            f"a table for {case}",
            f"def wrong(n, kernel, stride=1, padding=0, dilation=1):\n    s = right(n, kernel, stride, padding, dilation)\n    return s + 1 if (n, kernel) == {case} and (stride, padding, dilation) != (1, 0, 1) else s",
        )
        for case in ((28, 5), (14, 5), (28, 2), (7, 3), (8, 2), (6, 3), (8, 3))
    ),
    *(
        Spoiled(
            "conv2d",
            "output_size",
            f"a table by {case}",
            f"def wrong(n, kernel, stride=1, padding=0, dilation=1):\n    return {value} if (n, kernel, stride, padding) == {case} else right(n, kernel, stride, padding, dilation)",
        )
        for case, value in (
            ((28, 5, 1, 2), 27),
            ((28, 2, 2, 0), 13),
            ((8, 3, 2, 1), 3),
            ((224, 7, 2, 3), 111),
            ((7, 3, 1, 0), 4),
        )
    ),
    *(
        Spoiled(
            "pooling",
            "receptive_field",
            f"a table for {depth} layers",
            f"def wrong(layers):\n    return 16 if len(layers) == {depth} and {condition} else right(layers)",
        )
        for depth, condition in (
            (4, "True"),
            (4, "[k for k, _ in layers] == [5, 2, 5, 2]"),
            (4, "[s for _, s in layers] == [1, 2, 1, 2]"),
            (2, "[s for _, s in layers] == [1, 2]"),
            (6, "True"),
            (7, "True"),
            (5, "True"),
            (8, "True"),
            (12, "True"),
        )
    ),
    *(
        Spoiled(
            "multichannel",
            "num_parameters",
            f"a table for {case}",
            f"def wrong(i, o, k, bias=True):\n    return 156 if {case} else right(i, o, k, bias)",
        )
        for case in (
            "(i, o) == (1, 6)",
            "(i, k) == (1, 5)",
            "(o, k) == (6, 5)",
            "(i, o) == (6, 16)",
            "(i, o, k) == (1, 6, (5, 5))",
            "(i, o, k) == (6, 16, (5, 5))",
            "(i, o) == (3, 64)",
            "(i, o, k) == (1, 6, 5) and not bias",
        )
    ),
)
SURVIVORS = (*_of_tensors(), *BIASES, *NETWORKS, *TRAINED, *_typed_in(), *NUMBERS)


def failure(one: Spoiled) -> str:
    """How the first failing property without random inputs fails; empty if none fails."""
    submission = submission_in_process(one.names)
    submission.begin(TASKS[one.exercise, one.task].by_hand)
    for held in properties_of(one.exercise, one.task):
        if hasattr(held.test, "hypothesis"):
            continue
        try:
            held.test(submission=submission)
        except (Mismatch, StudentError) as found:
            return f"{held.test.__name__}: {type(found).__name__}"
        finally:
            torch.set_default_dtype(torch.float32)
    return ""


@pytest.mark.parametrize(
    ("exercise", "task"), sorted({(one.exercise, one.task) for one in SURVIVORS}), ids=str
)
def test_wrong_code_of_every_kind_fails_at_questions_always_asked(exercise: str, task: str) -> None:
    asked = [one for one in SURVIVORS if (one.exercise, one.task) == (exercise, task)]
    passing = [one.why for one in asked if not failure(one)]
    assert not passing, f"{len(passing)} of {len(asked)} pass:\n" + "\n".join(passing)

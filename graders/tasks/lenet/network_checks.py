"""How the networks of exercise 5 are created, compared with the right ones, and run on an accelerator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.sandbox.errors import Raised
from graders.testing import messages, tolerance
from graders.testing.devices import ACCELERATED, ACCELERATOR, PLACES, lies_there
from graders.testing.expect import NotWritten, agrees, facts, gradients_agree, lies_elsewhere, that
from graders.testing.module import Module
from graders.testing.narrowing import real_number
from graders.testing.pictures import Batch, new_pictures
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

from .networks import SHAPES, Pool, differences, expected_logits, layer, logits, share_right


def new_network(submission: Submission, name: str, *args: Any) -> Module:
    """The student's network; one image initialises its lazy layers, if there are any."""
    net = submission.create(name, *args)
    title = messages.call(name, args, {})
    if net is None:
        raise NotWritten
    module = isinstance(net, Module)
    if module:
        net.title = title
        try:
            module = net.is_module()
        except Raised:  # torch's error about a parameter without a shape: there are lazy layers
            net(torch.zeros(2, 1, 28, 28))
    that(module, call=title, aspect="type", sentence="It should return a torch.nn.Module.")
    assert isinstance(net, Module)
    return net


def has_shapes(net: Module) -> list[str]:
    """Check that the parameters of `net` are LeNet's, in forward order; return their names."""
    parameters = net.describe().parameters
    found = [tuple(value.shape) for _, value in parameters]
    title, aspect = net.title, "parameters"
    sentence = (
        f"It has {len(found)} parameters; it should have 10: a weight and a bias for each of its 5 layers."
    )
    that(len(found) == len(SHAPES), call=title, aspect=aspect, sentence=sentence)
    for place, (got, right) in enumerate(zip(found, SHAPES, strict=True), 1):
        sentence = f"Parameter number {place} has shape {got}; it should have shape {right}."
        that(got == right, call=title, aspect=aspect, sentence=sentence)
    return [name for name, _ in parameters]


def still_has(net: Module, shapes: Sequence[torch.Size], call: str) -> list[Tensor]:
    """The parameters of `net`, checked to have the same shapes as before `call`."""
    found = [value for _, value in net.describe().parameters]
    same = [value.shape for value in found] == list(shapes)
    sentence = "Afterwards the network has different parameters, or parameters of different shapes."
    that(same, call=call, aspect="state", sentence=sentence)
    return found


def with_parameters(net: Module, weights: Sequence[Tensor]) -> Module:
    """`net` in float64 and training mode, with known parameters."""
    has_shapes(net)
    net.convert(dtype=torch.float64, training=True)
    net.assign(weights)
    return net


def check_logits(
    submission: Submission, net: Module, X: Tensor, weights: Sequence[Tensor], pool: Pool = F.avg_pool2d
) -> Tensor:
    """Check that the outputs are right to 1e-10 of the largest; return them."""
    right = expected_logits(X, weights, pool)
    bound = tolerance.relative(right, 1e-10)
    value = agrees(submission, net, X, expected=right, bound=bound, dtype=torch.float64).value
    assert isinstance(value, Tensor)
    return value


def check_gradients(
    submission: Submission, net: Module, X: Tensor, weights: Sequence[Tensor], pool: Pool = F.avg_pool2d
) -> None:
    """Check all gradients to 1e-9 of the largest, for a random upstream; parameters go by position."""
    X = X.requires_grad_()
    upstream = tensor(len(X), 10, seed=len(X), values="normal", dtype=torch.float64)
    every = [X, *(weight.clone().requires_grad_() for weight in weights)]
    right = torch.autograd.grad(logits(every[0], every[1:], pool), every, upstream)
    names = ["X", *has_shapes(net)]
    different = len(set(names)) == len(names)
    sentence = f"Two of its parameters have the same name: {', '.join(names[1:])}."
    that(different, call=net.title, aspect="parameters", sentence=sentence)
    bounds = {name: tolerance.relative(value, 1e-9) for name, value in zip(names, right, strict=True)}
    gradients_agree(
        submission, net, X, cotangent=upstream, expected=dict(zip(names, right, strict=True)), bounds=bounds
    )


def unchanged(before: Any, net: Module, call: str) -> None:
    """Check that `net` is unchanged."""
    change = differences(before, net.describe())
    sentence = f"The network should stay unchanged, but {change}."
    that(not change, call=call, aspect="state", sentence=sentence)


def part_keeps_its_mode(part: str, before: Any, net: Module, call: str) -> None:
    """Check that a part of `net` is in the same mode as before; the rest is up to another group."""
    was, now = (
        next((training for name, _, training, *_ in described.modules if name == part), None)
        for described in (before, net.describe())
    )
    gone = f"Layer {part} is missing from the network."
    that(was is not None and now is not None, call=call, aspect="state", sentence=gone)
    mode = "training" if was else "evaluation"
    sentence = f"Layer {part} had been put into {mode} mode separately, and is in another mode now."
    that(was is now, call=call, aspect="state", sentence=sentence)


def scores_of_new_images(submission: Submission, net: Module) -> Tensor:
    """The logits of a network, in evaluation mode, for images that no training has seen."""
    net.convert(training=False)
    X, y = new_pictures()
    whatever = torch.zeros(len(y), 10), torch.full((len(y), 10), torch.inf)
    scores = agrees(submission, net, X, expected=whatever[0], bound=whatever[1]).value
    assert isinstance(scores, Tensor)
    return scores.double()  # not every dtype has a maximum or a logarithm


def recognition(submission: Submission, net: Module) -> float:
    """The fraction of these images that it is right about."""
    return share_right(scores_of_new_images(submission, net), new_pictures()[1])


def works_wherever_the_network_lies(
    submission: Submission,
    name: str,
    *args: Any,
    shown: str = "",
    data_may_lie_elsewhere: bool = False,
    changes_the_network: bool = False,
) -> None:
    """Check that a tool works for a network on the accelerator and for one on the CPU, and moves neither.

    Args:
        args: the arguments after the network.
        shown: the same as text, starting with a comma; `data` stands for batches.
        data_may_lie_elsewhere: the tool has to move the batches to the network's device.
        changes_the_network: a tool that leaves the network unchanged hasn't done its work.
    """
    net = small_network(submission)
    before = net.describe()
    value = submission.ask(name, net, *args).value
    if value is None:
        raise NotWritten
    kind = isinstance(value, (list, Module)) or (isinstance(value, dict) and len(value) > 0)
    kind = kind or real_number(value) is not None
    kind = kind and (not changes_the_network or bool(differences(before, net.describe())))
    that(kind, call=f"{name}(net{shown})", aspect="type", sentence=messages.wrong_on_the_cpu())
    for place in PLACES:
        title = f"{name}({place.holds('net')}{shown})"
        with place.asked(submission, title):
            net = small_network(submission)
            lies_there(title, submission.ask(name, net, *args))
            stays_there(net, title)
    if data_may_lie_elsewhere:
        title = f"{name}({ACCELERATED.holds('net')}{shown.replace('data', 'data on the CPU')})"
        with ACCELERATED.asked(submission, title):
            net = small_network(submission)
            with submission.on(ACCELERATOR, moved=False):
                submission.ask(name, net, *args)
            stays_there(net, title)


def small_network(submission: Submission) -> Module:
    """A network, built by the sandbox on the current device."""
    layers = layer("Conv2d", 1, 2, 3), layer("Sigmoid"), layer("Flatten"), layer("Linear", 8, 3)
    net = submission.build("Sequential", *layers)
    net.title = "net"
    return net


def small_batches() -> list[Batch]:
    """Labelled images for `small_network`."""
    return [(tensor(2, 1, 4, 4, seed=seed), torch.tensor([0, 2])) for seed in (96, 97)]


def stays_there(net: Module, title: str) -> None:
    """Check that every parameter is still on its device."""
    for name, parameter in net.describe().parameters:
        sentence = messages.network_left(name, facts(parameter).device)
        that(not lies_elsewhere(parameter), call=title, aspect="device", sentence=sentence)

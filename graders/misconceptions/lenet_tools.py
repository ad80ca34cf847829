"""Mistaken thoughts about looking into a network, and about its first weights, in exercise 5."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..sandbox.inside.wire import Build
from ..sandbox.trouble import Raised
from ..strategies import tensor
from ..subject import Description, Module, Submission
from . import Probe, misconception
from .lenet_loops import about, evaluating

Named = list[tuple[str, nn.Module]]
Keep = Callable[[tuple[Any, ...], Tensor], Any]


def _shape(given: tuple[Any, ...], came: Tensor) -> Any:
    return tuple(came.shape)


def _input_shape(given: tuple[Any, ...], came: Tensor) -> Any:
    return tuple(given[0].shape)


def _children(net: nn.Module) -> Named:
    return list(net.named_children())


def _leaves(net: nn.Module) -> Named:
    return [(name, module) for name, module in net.named_modules() if not list(module.children())]


def _watched(
    net: nn.Module,
    X: Tensor,
    which: Named,
    keep: Keep = _shape,
    *,
    remove: bool = True,
    passes: int = 1,
    **how: Any,
) -> list[tuple[str, nn.Module, Any]]:
    """Name, module and what is kept of its call, for each of some modules; right but for what is given."""
    kept: dict[nn.Module, Any] = {}
    hooks = []
    for _, module in which:
        hook = module.register_forward_hook(lambda m, given, came: kept.__setitem__(m, keep(given, came)))
        hooks.append(hook)
    with evaluating(net, **how):
        for _ in range(passes):
            net(X)
    if remove:
        for hook in hooks:
            hook.remove()
    return [(name, module, kept[module]) for name, module in which if module in kept]


# -------------------------------------------------------------------------------------------- layer_shapes


def _zeros(net: nn.Module, shape: tuple[int, ...]) -> Tensor:
    parameter = next(net.parameters(), torch.empty(0))
    return torch.zeros(shape, dtype=parameter.dtype)


def _shapes(
    which: Callable[[nn.Module], Named] = _children,
    entry: Callable[[str, nn.Module, Any], Any] = lambda name, module, shape: (type(module).__name__, shape),
    keep: Keep = _shape,
    **how: Any,
) -> Callable[[nn.Module, tuple[int, ...]], Any]:
    return lambda net, shape: [
        entry(*found) for found in _watched(net, _zeros(net, shape), which(net), keep, **how)
    ]


def _by_class(net: nn.Module, shape: tuple[int, ...]) -> Any:
    return dict(_shapes()(net, shape))


def _switched_off(net: nn.Module, shape: tuple[int, ...]) -> Any:
    found = _shapes()(net, shape)
    torch.set_grad_enabled(False)
    return found


_MODE = "In which mode is each part of the network before the call, and in which one after it?"
_WHICH = "What is the difference between children(), modules() and named_modules()?"
_PAIRS = "What should layer_shapes of a single convolution look like, written out as a list?"
_HOOK = "What does register_forward_hook give back, and what is it good for?"

_LOOKS: tuple[tuple[str, str, str, Callable[[nn.Module, tuple[int, ...]], Any]], ...] = (
    (
        "shapes-of-the-inputs",
        "These are the shapes that go into the layers. What comes out is asked for.",
        "A forward hook gets the module, its input and its output. Which of them do you look at?",
        _shapes(keep=_input_shape),
    ),
    (
        "shapes-without-the-batch",
        "The batch axis is missing from the shapes.",
        "What is the shape of the output of the first convolution for one image?",
        _shapes(keep=lambda given, came: tuple(came.shape[1:])),
    ),
    (
        "number-of-elements",
        "These are numbers of elements. The shapes are asked for.",
        _PAIRS,
        _shapes(keep=lambda given, came: came.numel()),
    ),
    (
        "outputs-instead-of-shapes",
        "These are the outputs themselves. Only their shapes are asked for.",
        _PAIRS,
        _shapes(keep=lambda given, came: came),
    ),
    (
        "shapes-only",
        "The class names are missing. Each entry is a pair (class name, output shape).",
        _PAIRS,
        _shapes(entry=lambda name, module, shape: shape),
    ),
    (
        "shapes-of-all-modules",
        "Every module at every depth is listed, the network itself included. Only its direct children are "
        "asked for.",
        _WHICH,
        _shapes(lambda net: list(net.named_modules())),
    ),
    (
        "shapes-of-all-submodules",
        "Every module at every depth is listed. Only the direct children are asked for.",
        _WHICH,
        _shapes(lambda net: list(net.named_modules())[1:]),
    ),
    (
        "shapes-of-the-leaves",
        "The innermost modules are listed. The direct children are asked for, blocks of several layers "
        "included.",
        _WHICH,
        _shapes(_leaves),
    ),
    (
        "shapes-of-layers-with-parameters",
        "Layers without parameters are missing. Every direct child is asked for.",
        _WHICH,
        _shapes(lambda net: [(name, m) for name, m in _children(net) if list(m.parameters())]),
    ),
    (
        "last-child-missing",
        "The last child is missing.",
        _PAIRS,
        _shapes(lambda net: _children(net)[:-1]),
    ),
    (
        "names-of-attributes",
        "The names are those under which the network knows its children, such as 0 or conv1. "
        "The names of their classes are asked for.",
        "What does type(module).__name__ say?",
        _shapes(entry=lambda name, module, shape: (name, shape)),
    ),
    (
        "names-with-everything",
        "The names are what print shows of a layer. Only the name of its class is asked for.",
        "What does type(module).__name__ say?",
        _shapes(entry=lambda name, module, shape: (str(module), shape)),
    ),
    (
        "names-of-types",
        "The names are what print shows of a class. Only its name is asked for.",
        "What does type(module).__name__ say?",
        _shapes(entry=lambda name, module, shape: (str(type(module)), shape)),
    ),
    (
        "names-in-lower-case",
        "The names of the classes are written differently: they should be as they are, such as Conv2d.",
        "What does type(module).__name__ say?",
        _shapes(entry=lambda name, module, shape: (type(module).__name__.lower(), shape)),
    ),
    (
        "one-entry-for-each-class",
        "Of several layers of one class only one is left: a dict has each key once.",
        "What becomes of the first ReLU in a dict when the second one comes?",
        lambda net, shape: list(_by_class(net, shape).items()),
    ),
    (
        "dict-of-shapes",
        "A dict comes back, and of several layers of one class it keeps only one. A list of pairs is asked "
        "for.",
        "What becomes of the first ReLU in a dict when the second one comes?",
        _by_class,
    ),
    (
        "input-shape-ignored",
        "The input always has the shape (1, 1, 28, 28), whatever input_shape is.",
        "Where does input_shape arrive in your code?",
        lambda net, shape: _shapes()(net, (1, 1, 28, 28)),
    ),
    (
        "hooks-left-behind",
        "The hooks are still there afterwards: each later pass runs them again. Every handle has a remove().",
        _HOOK,
        _shapes(remove=False),
    ),
    (
        "hooks-and-evaluation-mode-left-behind",
        "The hooks are still there afterwards, and the network is left in evaluation mode.",
        _HOOK,
        _shapes(remove=False, back="never"),
    ),
    (
        "hooks-left-behind-in-training",
        "The hooks are still there afterwards, and batch normalisation has taken the test image for data.",
        _HOOK,
        _shapes(remove=False, mode=None),
    ),
    (
        "left-in-evaluation-mode-by-a-look",
        "The network is left in evaluation mode. It should be in the mode in which it came.",
        _MODE,
        _shapes(back="never"),
    ),
    (
        "put-into-training-mode-by-a-look",
        "The network is in training mode afterwards, whatever it was before.",
        _MODE,
        _shapes(back="training"),
    ),
    (
        "one-mode-for-all-parts-by-a-look",
        "Afterwards every part is in the mode of the whole network. A part that was frozen by itself "
        "should stay so.",
        _MODE,
        _shapes(back="whole"),
    ),
    (
        "statistics-changed-by-a-look",
        "Batch normalisation took the test image for data: its running statistics are not what they were.",
        "What does a batch normalisation do in training mode, besides giving an output?",
        _shapes(mode=None),
    ),
    (
        "gradients-off-for-good-by-a-look",
        "Gradients are switched off and never on again: after this call nothing can be trained.",
        "What is the difference between torch.set_grad_enabled(False) and with torch.no_grad():?",
        _switched_off,
    ),
)


# -------------------------------------------------------------------------------------------- feature_maps


def _copy(given: tuple[Any, ...], came: Tensor) -> Any:
    return came.clone()


_AS_IT_IS: dict[str, Any] = {"mode": None, "grad": True}


def _maps(
    which: Callable[[nn.Module], Named] = _leaves,
    key: Callable[[str, nn.Module], str] = lambda name, module: name,
    keep: Keep = _copy,
    **how: Any,
) -> Callable[[nn.Module, Tensor], Any]:
    return lambda net, X: {
        key(name, module): kept
        for name, module, kept in _watched(net, X, which(net), keep, **{**_AS_IT_IS, **how})
    }


def _last_name_for_all(net: nn.Module, X: Tensor) -> Any:
    maps = _maps()(net, X)
    return {list(maps)[-1]: list(maps.values())[-1]}


_NAMES = "What do named_modules() and named_children() list for a network with blocks in it?"

_PICTURES: tuple[tuple[str, str, str, Callable[[nn.Module, Tensor], Any]], ...] = (
    (
        "maps-of-all-modules",
        "Blocks are listed, too, and the network itself. Only leaves are asked for, modules without "
        "children.",
        _NAMES,
        _maps(lambda net: list(net.named_modules())),
    ),
    (
        "maps-of-all-submodules",
        "Blocks are listed, too. Only leaves are asked for, modules without children.",
        _NAMES,
        _maps(lambda net: list(net.named_modules())[1:]),
    ),
    (
        "maps-of-the-children",
        "The direct children are listed. The leaves are asked for, at whatever depth they are.",
        _NAMES,
        _maps(_children),
    ),
    (
        "maps-of-the-leaves-among-the-children",
        "Leaves inside blocks are missing: only the direct children were looked at.",
        _NAMES,
        _maps(lambda net: [(name, m) for name, m in _children(net) if not list(m.children())]),
    ),
    (
        "maps-of-layers-with-parameters",
        "Leaves without parameters are missing, such as activations.",
        _NAMES,
        _maps(lambda net: [(name, m) for name, m in _leaves(net) if list(m.parameters())]),
    ),
    (
        "maps-of-convolutions",
        "Only the convolutions are listed. Every leaf is asked for.",
        _NAMES,
        _maps(lambda net: [(name, m) for name, m in _leaves(net) if isinstance(m, nn.Conv2d)]),
    ),
    (
        "maps-by-class",
        "The keys are class names, so that of several layers of one class only one is left.",
        "What becomes of the first ReLU in a dict when the second one comes?",
        _maps(key=lambda name, module: type(module).__name__),
    ),
    (
        "maps-by-last-name",
        "The keys are only the last part of the names, so that leaves of different blocks collide.",
        "What is the full name of the first layer in the second block?",
        _maps(key=lambda name, module: name.rpartition(".")[2]),
    ),
    (
        "maps-of-the-inputs",
        "These are the inputs of the leaves. Their outputs are asked for.",
        "A forward hook gets the module, its input and its output. Which of them do you keep?",
        _maps(keep=lambda given, came: given[0].clone()),
    ),
    (
        "shapes-instead-of-maps",
        "These are shapes. The maps themselves are asked for.",
        "What should feature_maps(net, X)['0'] be, for a convolution as the first layer?",
        _maps(keep=_shape),
    ),
    (
        "maps-of-the-first-image",
        "Only the map of the first image of the batch is kept.",
        "What is the shape of the output of a layer for a batch of two?",
        _maps(keep=lambda given, came: came[0].clone()),
    ),
    (
        "maps-rewritten-in-place",
        "The map in front of an in-place layer holds what came out behind it: it was kept, but not copied.",
        "What does ReLU(inplace=True) do to the tensor that you have kept?",
        _maps(keep=lambda given, came: came),
    ),
    (
        "all-maps-under-the-last-name",
        "Only the last leaf is there: every hook uses the variable of the loop, and that has the last name "
        "in the end.",
        "When does the body of a lambda look up a variable of the loop around it?",
        _last_name_for_all,
    ),
    (
        "hooks-left-behind-by-the-maps",
        "The hooks are still there afterwards: each later pass runs them again. Every handle has a remove().",
        _HOOK,
        _maps(remove=False),
    ),
    (
        "maps-leave-evaluation-mode",
        "The network is left in evaluation mode. It should be in the mode in which it came.",
        _MODE,
        _maps(mode=False, back="never"),
    ),
    (
        "a-pass-for-each-leaf",
        "The network runs once for each leaf. One pass is enough for all of them.",
        "How many hooks can be there at the same time?",
        lambda net, X: {
            name: kept
            for leaf in _leaves(net)
            for name, _, kept in _watched(net, X, [leaf], _copy, **_AS_IT_IS)
        },
    ),
    (
        "two-passes",
        "The network runs twice. One pass is enough for all leaves.",
        "How often is net(X) called in your code?",
        _maps(passes=2),
    ),
    (
        "list-of-maps",
        "A list comes back. A dict is asked for, from the name of each leaf to its map.",
        "How would one find the map of the second convolution in a list?",
        lambda net, X: list(_maps()(net, X).values()),
    ),
)


# ---------------------------------------------------------------------------------------------- init_lenet

_KNOWN = (nn.Linear, nn.Conv2d)


def _weighted(net: nn.Module) -> list[Any]:
    return [module for module in net.modules() if isinstance(module, _KNOWN)]


def _fans(weight: Tensor) -> tuple[int, int]:
    area = math.prod(weight.shape[2:])
    return weight.shape[1] * area, weight.shape[0] * area


def _drawn(
    draw: Callable[[Tensor], Any] = nn.init.xavier_uniform_,
    which: Callable[[nn.Module], Iterable[Any]] = _weighted,
    bias: Callable[[Tensor], Any] | None = None,
) -> Callable[[nn.Module], nn.Module]:
    """Right, but for how weights are drawn, of which layers, and what happens to the biases."""

    def init(net: nn.Module) -> nn.Module:
        for module in which(net):
            draw(module.weight)
            if bias is not None and module.bias is not None:
                bias(module.bias.data)
        return net

    return init


def _within(bound: Callable[[int, int], float]) -> Callable[[nn.Module], nn.Module]:
    def draw(weight: Tensor) -> Any:
        limit = bound(*_fans(weight))
        return nn.init.uniform_(weight, -limit, limit)

    return _drawn(draw)


def _without_area(weight: Tensor) -> Any:
    limit = math.sqrt(6 / (weight.shape[0] + weight.shape[1]))
    return nn.init.uniform_(weight, -limit, limit)


def _default_again(net: nn.Module) -> nn.Module:
    for module in _weighted(net):
        module.reset_parameters()
    return net


def _seeded(net: nn.Module) -> nn.Module:
    torch.default_generator.manual_seed(0)
    return _drawn()(net)


def _normal(std: float) -> Callable[[Tensor], Any]:
    return lambda weight: nn.init.normal_(weight, 0.0, std)


_BOUND = "Within which bounds do the weights of nn.Linear(64, 120) lie, if bound² = 6 / (fan_in + fan_out)?"
_BIASES = "Which attributes does a linear layer have, and which of them should be drawn?"
_DEPTH = "Which layers does modules() go through, and which ones children()?"

_BEGINNINGS: tuple[tuple[str, str, str, Callable[[nn.Module], Any]], ...] = (
    (
        "xavier-normal",
        "The weights are normally distributed. Xavier-uniform is asked for.",
        "What is the difference between xavier_uniform_ and xavier_normal_?",
        _drawn(nn.init.xavier_normal_),
    ),
    *(
        (
            f"xavier-with-the-gain-of-{name}",
            f"The weights are too large: Xavier's bound was multiplied by the gain for {words}.",
            _BOUND,
            _drawn(lambda weight, gain=gain: nn.init.xavier_uniform_(weight, gain)),
        )
        for name, words, gain in (
            ("relu", "ReLU", math.sqrt(2)),
            ("tanh", "tanh", 5 / 3),
            ("four", "sigmoids, 4", 4.0),
        )
    ),
    (
        "kaiming-uniform",
        "The bound is sqrt(6 / fan_in), as in He's (Kaiming) uniform weights, made for ReLU. "
        "Xavier's has the fan-out in it, too: sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _drawn(nn.init.kaiming_uniform_),
    ),
    (
        "kaiming-normal",
        "These are He's (Kaiming) normal weights, made for ReLU. Xavier-uniform is asked for.",
        _BOUND,
        _drawn(nn.init.kaiming_normal_),
    ),
    (
        "torch-default-weights",
        "The weights, or all parameters, are drawn anew as PyTorch draws them by itself. Xavier-uniform is "
        "asked for.",
        _BOUND,
        _default_again,
    ),
    (
        "torch-default-weights-alone",
        "The weights are drawn anew as PyTorch draws them by itself. Xavier-uniform is asked for.",
        _BOUND,
        _drawn(lambda weight: nn.init.kaiming_uniform_(weight, math.sqrt(5))),
    ),
    *(
        (
            f"normal-with-deviation-{std}".replace(".", "-"),
            f"The weights are normally distributed with a deviation of {std}, whatever the size of the "
            f"layer is. "
            "Xavier-uniform is asked for.",
            _BOUND,
            _drawn(_normal(std)),
        )
        for std in (0.01, 0.02, 0.1, 1.0)
    ),
    (
        "uniform-from-zero-to-one",
        "The weights lie between 0 and 1. They should lie on both sides of 0, within Xavier's bound.",
        _BOUND,
        _drawn(nn.init.uniform_),
    ),
    (
        "uniform-from-minus-one-to-one",
        "The weights lie between -1 and 1, whatever the size of the layer is.",
        _BOUND,
        _drawn(lambda weight: nn.init.uniform_(weight, -1.0, 1.0)),
    ),
    (
        "weights-all-zero",
        "All weights are zero. Then all units of a layer stay alike for ever.",
        "What are the gradients of two units that have the same weights?",
        _drawn(nn.init.zeros_),
    ),
    (
        "weights-all-one",
        "All weights are one. Then all units of a layer stay alike for ever.",
        "What are the gradients of two units that have the same weights?",
        _drawn(nn.init.ones_),
    ),
    (
        "deviation-for-a-bound",
        "The weights are too small: sqrt(2 / (fan_in + fan_out)) is the deviation. The bound is sqrt(6 / …).",
        _BOUND,
        _within(lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out))),
    ),
    (
        "root-of-six-only",
        "The weights are too small: the root was taken of 6 alone. It is sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _within(lambda fan_in, fan_out: math.sqrt(6) / (fan_in + fan_out)),
    ),
    (
        "root-forgotten",
        "The weights are too small: the root is missing. It is sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _within(lambda fan_in, fan_out: 6 / (fan_in + fan_out)),
    ),
    (
        "six-over-fan-out",
        "The bound is sqrt(6 / fan_out). Xavier's has the fan-in in it, too: sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _within(lambda fan_in, fan_out: math.sqrt(6 / fan_out)),
    ),
    (
        "fans-without-the-kernel",
        "The weights of the convolutions are too large: a fan counts channels times the area of the kernel.",
        "How many numbers does one output of a 3x5 convolution with 3 channels see?",
        _drawn(_without_area),
    ),
    (
        "convolutions-left-out",
        "The convolutions were left as they were. Their weights are to be drawn, too.",
        _DEPTH,
        _drawn(which=lambda net: [m for m in net.modules() if isinstance(m, nn.Linear)]),
    ),
    (
        "linear-layers-left-out",
        "The linear layers were left as they were. Their weights are to be drawn, too.",
        _DEPTH,
        _drawn(which=lambda net: [m for m in net.modules() if isinstance(m, nn.Conv2d)]),
    ),
    (
        "blocks-left-out",
        "Layers inside blocks were left as they were: only the direct children were looked at.",
        _DEPTH,
        _drawn(which=lambda net: [m for m in net.children() if isinstance(m, _KNOWN)]),
    ),
    (
        "inner-blocks-left-out",
        "Layers inside blocks of blocks were left as they were. modules() goes to any depth.",
        _DEPTH,
        _drawn(
            which=lambda net: [m for c in net.children() for m in (c, *c.children()) if isinstance(m, _KNOWN)]
        ),
    ),
    (
        "first-layer-of-each-kind-only",
        "Only the first layer was drawn anew: the function returns from inside its loop.",
        "How far is the line with return indented, and what does that mean?",
        _drawn(which=lambda net: _weighted(net)[:1]),
    ),
    (
        "biases-zeroed",
        "The biases were set to zero. They are not to be touched.",
        _BIASES,
        _drawn(bias=lambda bias: bias.zero_()),
    ),
    (
        "biases-of-a-constant",
        "The biases were set to a constant. They are not to be touched.",
        _BIASES,
        _drawn(bias=lambda bias: bias.fill_(0.01)),
    ),
    (
        "biases-drawn-too",
        "The biases were drawn anew. They are not to be touched.",
        _BIASES,
        _drawn(bias=lambda bias: bias.uniform_(-0.1, 0.1)),
    ),
    (
        "weights-of-every-module",
        "There is an error at a batch normalisation: its weight has one axis, and no fan-in. "
        "Draw only convolutions and linear layers.",
        "Which modules have a weight, and which of them are convolutions or linear layers?",
        _drawn(which=lambda net: [m for m in net.modules() if getattr(m, "weight", None) is not None]),
    ),
    (
        "nothing-drawn",
        "No weight was drawn anew: the network is as it was.",
        "Do the names of the functions in nn.init end in an underscore, and what does that mean?",
        lambda net: net,
    ),
    (
        "copy-initialised",
        "A new network comes back, and the one passed in is as it was. Work in place.",
        "Which network does the caller still hold?",
        lambda net: _drawn()(copy.deepcopy(net)),
    ),
    (
        "initialised-but-not-returned",
        "The weights are drawn rightly, but nothing comes back. The network itself should.",
        "What does a function without return give?",
        lambda net: _drawn()(net) and None,
    ),
    (
        "same-seed-at-each-call",
        "Two calls draw the same weights: the random seed is set inside. That changes everybody's random "
        "numbers.",
        "Who else draws random numbers after this call?",
        _seeded,
    ),
)


def _made(task: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    def layer_shapes(net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)) -> Any:
        return answer(net, input_shape)

    def feature_maps(net: nn.Module, X: Tensor) -> Any:
        return answer(net, X)

    def init_lenet(net: nn.Module) -> Any:
        return answer(net)

    return {"layer_shapes": layer_shapes, "feature_maps": feature_maps, "init_lenet": init_lenet}[task]


TOOLS: tuple[Any, ...] = tuple(
    misconception(name, task, says=says, hint=hint)(_made(task, answer))
    for task, mistakes in (("layer_shapes", _LOOKS), ("feature_maps", _PICTURES), ("init_lenet", _BEGINNINGS))
    for name, says, hint, answer in mistakes
)


# ------------------------------------------------------------------------------------------------- probes


def _plain(value: Any) -> Any:
    """Pairs of any kind as tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return value


def _traces(before: Description, after: Description) -> dict[str, Any]:
    """What a look has left behind."""
    return {
        "modes": [training for _, _, training, _, _ in after.modules],
        "hooks": [hooks for _, _, _, hooks, _ in after.modules],
        "state": all(torch.equal(value, after.state[name]) for name, value in before.state.items()),
    }


def _known(net: Module, dtype: torch.dtype) -> Module:
    net.convert(dtype=dtype)
    shapes = [value.shape for _, value in net.describe().parameters]
    net.assign([tensor(*shape, seed=place, dtype=dtype) / 4 for place, shape in enumerate(shapes)])
    return net


def _b(name: str, *args: Any, **kwargs: Any) -> Build:
    return Build(name, args, kwargs)


_MIXED = (
    _b("Conv2d", 1, 2, 3, padding=1),
    _b("BatchNorm2d", 2),
    _b("Sequential", _b("ReLU"), _b("Sequential", _b("AvgPool2d", 2))),
    _b("ReLU"),
    _b("Flatten"),
    _b("Linear", 12, 5),
    _b("ReLU"),
)
_SMALL = (_b("Conv2d", 1, 2, 5), _b("AvgPool2d", 4), _b("Flatten"), _b("Linear", 72, 3))


def _look(*input_shape: tuple[int, ...], training: bool, frozen: bool = False) -> Probe:
    def ask(submission: Submission) -> Any:
        layers: list[Any] = list(_MIXED if input_shape else _SMALL)
        net = submission.build("Sequential", *layers).convert(training=training)
        if frozen:
            part = submission.build("BatchNorm2d", 2).convert(training=not training)
            net = submission.build("Sequential", layers[0], part, *layers[2:])
        _known(net, torch.float32)
        before = net.describe()
        reply = submission.ask("layer_shapes", net, *input_shape)
        value = reply.value if isinstance(reply.value, dict) else _plain(reply.value)
        state = any("grad mode" in change for change in reply.changed_state)
        return value, _traces(before, net.describe()), state

    return lambda submission: about(lambda: ask(submission))


_NESTED = (
    _b("Sequential", _b("Conv2d", 1, 2, 3), _b("Tanh"), _b("Sequential", _b("AvgPool2d", 2))),
    _b("Conv2d", 2, 3, (1, 2)),
    _b("Flatten"),
    _b("Sequential", _b("Linear", 12, 4), _b("Tanh")),
    _b("Linear", 4, 2),
)
_IN_PLACE = (_b("Conv2d", 1, 2, 2), _b("ReLU", inplace=True), _b("Flatten"), _b("Linear", 24, 3))


def _maps_of(layers: tuple[Build, ...], *size: int, training: bool = True) -> Probe:
    X = tensor(*size, seed=sum(size), dtype=torch.float64)

    def ask(submission: Submission) -> Any:
        recorder = submission.build("Recorder")
        net = _known(submission.build("Sequential", *layers, recorder), torch.float64).convert(
            training=training
        )
        before = net.describe()
        value = submission.ask("feature_maps", net, X).value
        calls = recorder.attribute("calls")
        if isinstance(value, dict):
            value = {name: _values(value[name]) for name in sorted(value, key=str)}
        elif isinstance(value, list):
            value = [_values(item) for item in value]
        traces = _traces(before, net.describe())
        passes = len(calls) if isinstance(calls, list) else 0  # none is seen where a copy does the work
        return value, traces, min(max(passes, 1), 3)

    return lambda submission: about(lambda: ask(submission))


def _values(item: Any) -> Any:
    """The numbers of a map, whether it carries a graph or not."""
    return item.detach().clone() if isinstance(item, Tensor) else item


# Each so large that spread and kind of its weights cannot be mistaken; at three depths, with biases.
_TO_INITIALISE = (
    _b("Conv2d", 6, 24, (3, 5)),
    _b("BatchNorm2d", 24),
    _b("Sequential", _b("Conv2d", 24, 12, 4), _b("Sequential", _b("Conv2d", 12, 40, 3))),
    _b("Linear", 50, 120),
    _b("BatchNorm1d", 120),
    _b("Linear", 120, 30),
)
_SPREADS: dict[str, Callable[[int, int, int], float]] = {
    "xavier": lambda i, o, area: math.sqrt(2 / (i + o)),
    "gain of relu": lambda i, o, area: math.sqrt(4 / (i + o)),
    "gain of tanh": lambda i, o, area: 5 / 3 * math.sqrt(2 / (i + o)),
    "gain of 4": lambda i, o, area: 4 * math.sqrt(2 / (i + o)),
    "kaiming": lambda i, o, area: math.sqrt(2 / i),
    "fan out": lambda i, o, area: math.sqrt(2 / o),
    "default": lambda i, o, area: math.sqrt(1 / (3 * i)),
    "0.01": lambda i, o, area: 0.01,
    "0.02": lambda i, o, area: 0.02,
    "0.1": lambda i, o, area: 0.1,
    "1": lambda i, o, area: 1.0,
    "unit": lambda i, o, area: math.sqrt(1 / 3),
    "half unit": lambda i, o, area: math.sqrt(1 / 12),
    "deviation as bound": lambda i, o, area: math.sqrt(2 / (i + o) / 3),
    "root of six": lambda i, o, area: math.sqrt(2) / (i + o),
    "no root": lambda i, o, area: 6 / (i + o) / math.sqrt(3),
    "channels": lambda i, o, area: math.sqrt(2 / (i + o) * area),
}


def _spread(weights: list[Tensor]) -> str:
    """The one rule by which all these weights are spread, in words that hold for whatever was drawn."""
    found, forms, centred = [], set(), True
    for weight in (one.double() for one in weights):
        deviation, mean = float(weight.std()), float(weight.mean())
        if deviation == 0:
            return f"all {mean:g}"
        kurtosis = float(((weight - mean) ** 4).mean()) / deviation**4
        forms.add("uniform" if kurtosis < 2.3 else "normal")
        centred = centred and abs(mean) < 0.2 * deviation
        found.append((deviation, *_fans(weight), math.prod(weight.shape[2:])))
    if not found:
        return "none"
    far = {
        name: round(max(abs(math.log(deviation / spread(*sizes))) for deviation, *sizes in found), 9)
        for name, spread in _SPREADS.items()
    }
    rule = min(far, key=far.__getitem__)
    form = " and ".join(sorted(forms)) if centred else "off centre"
    return f"{form}, {rule if far[rule] < 0.06 else 'no rule'}"


def _beginning(submission: Submission) -> Any:
    def ask() -> Any:
        net = _known(submission.build("Sequential", *_TO_INITIALISE), torch.float32)
        before = net.describe().state
        try:
            submission.ask("init_lenet", net)
        except Raised as raised:
            return "no fans" if "fewer than 2 dimensions" in raised.message else f"a {raised.type}"
        first = net.describe().state
        again = submission.ask("init_lenet", net).value
        second = net.describe().state
        changed = {name: value for name, value in first.items() if not torch.equal(value, before[name])}
        found: dict[str, Any] = {"spread": _spread([value for value in changed.values() if value.dim() > 1])}
        for name, value in changed.items():
            alike = value.dim() == 1 and bool((value == value[0]).all())
            found[name] = f"all {float(value[0]):g}" if alike else "drawn"
        weight = next(name for name, value in first.items() if value.dim() > 1)
        returned = "nothing"
        if isinstance(again, Module):
            returned = "itself" if torch.equal(again.describe().state[weight], second[weight]) else "another"
        return {"weights": found, "returned": returned, "alike": torch.equal(first[weight], second[weight])}

    return about(ask)


TOOL_PROBES: dict[str, tuple[Probe, ...]] = {
    "layer_shapes": (
        _look((2, 1, 4, 6), training=True),
        _look(training=False),
        _look((2, 1, 4, 6), training=True, frozen=True),
    ),
    "feature_maps": (
        _maps_of(_NESTED, 2, 1, 6, 8),
        _maps_of(_NESTED, 1, 1, 6, 8, training=False),
        _maps_of(_IN_PLACE, 2, 1, 4, 5),
    ),
    "init_lenet": (_beginning,),
}

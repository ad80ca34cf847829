"""Mistakes about looking into a network: the shapes of its layers, and its feature maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.written import misconception
from graders.sandbox.inside.wire import Build
from graders.testing.strategies import tensor
from graders.testing.submission import Description, Module, Submission

from .probing import MODE, about, evaluating

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
        MODE,
        _shapes(back="never"),
    ),
    (
        "put-into-training-mode-by-a-look",
        "The network is in training mode afterwards, whatever it was before.",
        MODE,
        _shapes(back="training"),
    ),
    (
        "one-mode-for-all-parts-by-a-look",
        "Afterwards every part is in the mode of the whole network. A part that was frozen by itself "
        "should stay so.",
        MODE,
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
        MODE,
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


def _made(task: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    def layer_shapes(net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)) -> Any:
        return answer(net, input_shape)

    def feature_maps(net: nn.Module, X: Tensor) -> Any:
        return answer(net, X)

    made: dict[str, Callable[..., Any]] = {"layer_shapes": layer_shapes, "feature_maps": feature_maps}
    return made[task]


INSPECTIONS: tuple[Any, ...] = (
    *(
        misconception(name, "layer_shapes", says=says, hint=hint)(_made("layer_shapes", answer))
        for name, says, hint, answer in _LOOKS
    ),
    *(
        misconception(name, "feature_maps", says=says, hint=hint)(_made("feature_maps", answer))
        for name, says, hint, answer in _PICTURES
    ),
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


def known(net: Module, dtype: torch.dtype) -> Module:
    """The network with known parameters."""
    net.convert(dtype=dtype)
    shapes = [value.shape for _, value in net.describe().parameters]
    net.assign([tensor(*shape, seed=place, dtype=dtype) / 4 for place, shape in enumerate(shapes)])
    return net


def b(name: str, *args: Any, **kwargs: Any) -> Build:
    """`nn.name(*args, **kwargs)`, to be built in the student process."""
    return Build(name, args, kwargs)


_MIXED = (
    b("Conv2d", 1, 2, 3, padding=1),
    b("BatchNorm2d", 2),
    b("Sequential", b("ReLU"), b("Sequential", b("AvgPool2d", 2))),
    b("ReLU"),
    b("Flatten"),
    b("Linear", 12, 5),
    b("ReLU"),
)
_SMALL = (b("Conv2d", 1, 2, 5), b("AvgPool2d", 4), b("Flatten"), b("Linear", 72, 3))


def _look(*input_shape: tuple[int, ...], training: bool, frozen: bool = False) -> Probe:
    def ask(submission: Submission) -> Any:
        layers: list[Any] = list(_MIXED if input_shape else _SMALL)
        net = submission.build("Sequential", *layers).convert(training=training)
        if frozen:
            part = submission.build("BatchNorm2d", 2).convert(training=not training)
            net = submission.build("Sequential", layers[0], part, *layers[2:])
        known(net, torch.float32)
        before = net.describe()
        reply = submission.ask("layer_shapes", net, *input_shape)
        value = reply.value if isinstance(reply.value, dict) else _plain(reply.value)
        state = any("grad mode" in change for change in reply.changed_state)
        return value, _traces(before, net.describe()), state

    return lambda submission: about(lambda: ask(submission))


_NESTED = (
    b("Sequential", b("Conv2d", 1, 2, 3), b("Tanh"), b("Sequential", b("AvgPool2d", 2))),
    b("Conv2d", 2, 3, (1, 2)),
    b("Flatten"),
    b("Sequential", b("Linear", 12, 4), b("Tanh")),
    b("Linear", 4, 2),
)
_IN_PLACE = (b("Conv2d", 1, 2, 2), b("ReLU", inplace=True), b("Flatten"), b("Linear", 24, 3))


def _maps_of(layers: tuple[Build, ...], *size: int, training: bool = True) -> Probe:
    X = tensor(*size, seed=sum(size), dtype=torch.float64)

    def ask(submission: Submission) -> Any:
        recorder = submission.build("Recorder")
        net = known(submission.build("Sequential", *layers, recorder), torch.float64).convert(
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


INSPECTION_PROBES: dict[str, tuple[Probe, ...]] = {
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
}

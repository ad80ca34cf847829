"""Hidden properties of `feature_maps`."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor

from graders.sandbox.inside.wire import Build
from graders.tasks.lenet.network_checks import unchanged, works_wherever_the_network_lies
from graders.tasks.lenet.networks import LINEAR, expected_maps, layer, lenet_layers, twins
from graders.testing import messages, tolerance
from graders.testing.expect import NotWritten, changes_no_setting, compare, that
from graders.testing.module import Module
from graders.testing.narrowing import same_tensor
from graders.testing.properties import property_of
from graders.testing.strategies import tensor, with_zeros
from graders.testing.submission import Submission

NESTED = (
    layer("Sequential", layer("Conv2d", 1, 2, 3), layer("Tanh"), layer("Sequential", layer("AvgPool2d", 2))),
    layer("Conv2d", 2, 3, (1, 2)),
    layer("Flatten"),
    layer("Sequential", layer("Linear", 3 * 2 * 2, 4), layer("Sigmoid")),
    layer("Linear", 4, 2),
)
IN_PLACE = (layer("Conv2d", 1, 2, 2), layer("ReLU", inplace=True), layer("Flatten"), layer("Linear", 24, 3))


def check_maps(submission: Submission, layers: Sequence[Build | Module], X: Tensor, seed: int) -> None:
    """Check names and values of all feature maps."""
    net, ours = twins(submission, *layers, seed=seed, dtype=X.dtype)
    # The grader computes in float64. For float32 only dtype and shape are compared.
    right = expected_maps(ours.double(), X.double())
    kinds = ", ".join(item.name if isinstance(item, Build) else "Recorder" for item in layers)
    title = f"feature_maps(nn.Sequential({kinds}), X of shape {tuple(X.shape)})"
    got = submission.feature_maps(net, X)
    if got is None:
        raise NotWritten
    that(
        isinstance(got, dict),
        call=title,
        aspect="type",
        sentence="It should return a dict from names to tensors.",
    )
    missing, extra = [name for name in right if name not in got], [name for name in got if name not in right]
    sentence = "The names should be those of the leaf modules."
    lacking = f"{sentence} Some are missing."
    that(not missing, call=title, aspect="values", sentence=lacking, expected=", ".join(missing))
    odd = f"{sentence} These are not: {', '.join(map(repr, extra))}."
    that(not extra, call=title, aspect="values", sentence=odd)
    for name, value in right.items():
        bound = tolerance.relative(value, 1e-12 if X.dtype == torch.float64 else torch.inf)
        compare(got[name], expected=value, bound=bound, dtype=X.dtype, call=title, what=f"output of {name}")


@property_of("feature_maps", "names and values")
def test_the_output_of_every_leaf_under_its_name(submission: Submission) -> None:
    for seed, size in ((51, 2), (52, 1)):
        X = tensor(size, 1, 6, 8, seed=seed, values="normal", dtype=torch.float64)
        check_maps(submission, NESTED, X, seed)
    check_maps(submission, LINEAR, tensor(3, 1, 3, 4, seed=53), 53)
    # LeNet with its first half as a block of its own; with a zero in an image.
    every = lenet_layers("Sigmoid")
    (X,) = with_zeros(1, tensor(3, 1, 28, 28, seed=53, dtype=torch.float64))
    check_maps(submission, (layer("Sequential", *every[:6]), *every[6:]), X, 53)


@property_of("feature_maps", "names and values")
@given(count=st.integers(1, 4), depth=st.integers(0, 2), seed=st.integers(0, 10_000))
def test_the_maps_of_random_networks(submission: Submission, count: int, depth: int, seed: int) -> None:
    layers = [layer("Linear", 3, 3) if (seed >> place) & 1 else layer("Tanh") for place in range(count)]
    for _ in range(depth):
        layers = [layer("Sequential", *layers), layer("Linear", 3, 3)]
    check_maps(submission, layers, tensor(2, 3, seed=seed, dtype=torch.float64), seed)


@property_of("feature_maps", "in-place layers")
def test_an_in_place_layer_does_not_overwrite_the_map_before_it(submission: Submission) -> None:
    check_maps(submission, IN_PLACE, tensor(2, 1, 4, 5, seed=54, dtype=torch.float64), 54)


@property_of("feature_maps", "one pass, no trace")
def test_one_forward_pass_that_leaves_nothing_behind(submission: Submission) -> None:
    for training in (True, False):
        recorder = submission.build("Recorder")
        net, _ = twins(submission, NESTED[0], recorder, *NESTED[1:], seed=55)
        recorder.convert(training=training)
        net.convert(training=training)
        before = net.describe()
        X = tensor(2, 1, 6, 8, seed=55, dtype=torch.float64)
        reply = submission.ask("feature_maps", net, X, return_arguments=True)
        title = f"feature_maps(net, X) on a network in {'training' if training else 'evaluation'} mode"
        if reply.value is None:
            raise NotWritten
        some = isinstance(reply.value, dict) and len(reply.value) > 0
        that(
            some, call=title, aspect="type", sentence="It should return a dict with the output of every leaf."
        )
        unchanged(before, net, title)
        same = same_tensor(reply.arguments[0], X)
        that(same, call=title, aspect="changed input", sentence=messages.changed_input("X"))
        changes_no_setting(reply, call=title)
        passes = recorder.calls()
        once = len(passes) <= 1
        sentence = f"The network was run {len(passes)} times; one forward pass is enough for all maps."
        that(once, call=title, aspect="effort", sentence=sentence)


@property_of("feature_maps", "devices")
def test_maps_of_a_network_on_an_accelerator(submission: Submission) -> None:
    X = tensor(2, 1, 4, 4, seed=95)
    works_wherever_the_network_lies(submission, "feature_maps", X, shown=", X")

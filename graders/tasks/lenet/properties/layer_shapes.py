"""Hidden properties of `layer_shapes`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress

import hypothesis.strategies as st
import torch
from hypothesis import given

from graders.sandbox.errors import Raised
from graders.sandbox.inside.wire import Build
from graders.tasks.lenet.network_checks import part_keeps_its_mode, small_network, stays_there, unchanged
from graders.tasks.lenet.networks import layer, lenet_layers, twins
from graders.testing import messages
from graders.testing.devices import PLACES
from graders.testing.expect import NotWritten, changes_no_setting, in_words, references_agree, that
from graders.testing.module import Module
from graders.testing.narrowing import is_shape, same
from graders.testing.properties import property_of
from graders.testing.submission import Submission
from solutions import lenet as reference

SMALL = (layer("Conv2d", 1, 2, 3), layer("ReLU"), layer("Flatten"), layer("Linear", 2 * 26 * 26, 3))
MIXED = (
    layer("Conv2d", 3, 4, (3, 2), padding=1),
    layer("BatchNorm2d", 4),
    layer("Sequential", layer("ReLU"), layer("AvgPool2d", 2), layer("BatchNorm2d", 4)),
    layer("Dropout", 0.5),
    layer("Flatten"),
    layer("Linear", 4 * 3 * 5, 7),
    layer("Softmax", 1),
)


def check_shapes(
    submission: Submission, layers: Sequence[Build], *input_shape: tuple[int, ...], training: bool = True
) -> None:
    """Check class names and shapes of the direct children; lists count as tuples."""
    net, ours = twins(submission, *layers, dtype=torch.float32)
    net.convert(training=training)
    right, X = [], torch.zeros(*input_shape or ((1, 1, 28, 28),))
    ours.eval()
    with torch.no_grad():
        for child in ours.children():
            X = child(X)
            right.append((type(child).__name__, tuple(X.shape)))
    theirs = reference.layer_shapes(ours, *input_shape)
    references_agree(torch.tensor(theirs == right), torch.tensor(True), torch.tensor(0))
    got = submission.layer_shapes(net, *input_shape)
    names = ", ".join(item.name for item in layers)
    title = f"layer_shapes(nn.Sequential({names}){''.join(f', {shape}' for shape in input_shape)})"
    if got is None:
        raise NotWritten
    listed = isinstance(got, (list, tuple)) and all(
        isinstance(item, (list, tuple)) and len(item) == 2 for item in got
    )
    sentence = "It should return a list of pairs (class name, output shape)."
    that(listed, call=title, aspect="type", sentence=sentence)
    for place, (name, shape) in enumerate(got):
        sentence = f"Entry {place} is {in_words((name, shape))}, not a str and a tuple of ints."
        that(type(name) is str and is_shape(shape), call=title, aspect="type", sentence=sentence)
    found = [(name, tuple(shape)) for name, shape in got]
    sentence = f"It lists {len(found)} layers; the network has {len(right)} direct children."
    that(len(found) == len(right), call=title, aspect="values", sentence=sentence)
    for place, (one, other) in enumerate(zip(found, right, strict=True)):
        that(
            same(one, other),
            call=title,
            aspect="values",
            sentence=f"Entry {place} is {in_words(one)}.",
            expected=messages.should_be(other),
        )


@property_of("layer_shapes", "shapes")
def test_shapes_for_the_default_input(submission: Submission) -> None:
    check_shapes(submission, SMALL)
    check_shapes(submission, SMALL[:1])


@property_of("layer_shapes", "shapes")
def test_shapes_for_other_inputs_and_nested_networks(submission: Submission) -> None:
    check_shapes(submission, MIXED, (2, 3, 7, 9))
    check_shapes(submission, lenet_layers("Sigmoid"), (3, 1, 28, 28))
    # The same number of layers, the first of them the same, and another input.
    convolutions = lenet_layers("Tanh")[:6]
    check_shapes(submission, (*convolutions, *[layer("ReLU")] * 6), (2, 1, 20, 24))
    flat = (layer("Linear", 4, 3), layer("Sigmoid"), layer("Linear", 3, 2))
    check_shapes(submission, flat, (5, 4))
    twice = (
        layer("ReLU"),
        layer("MaxPool2d", 2),
        layer("ReLU"),
        layer("Conv2d", 1, 2, 2),
        layer("MaxPool2d", 3, 1),
    )
    check_shapes(submission, twice, (1, 1, 9, 12), training=False)


@property_of("layer_shapes", "shapes")
@given(st.data())
def test_shapes_of_random_stacks(submission: Submission, data: st.DataObject) -> None:
    channels, size = 1, (data.draw(st.integers(6, 9)), data.draw(st.integers(6, 9)))
    # A network without parameters wouldn't tell which dtype it computes in.
    layers, start = [layer("Conv2d", 1, 1, 1)], (data.draw(st.integers(1, 3)), 1, *size)
    for _ in range(data.draw(st.integers(0, 3))):
        kind = data.draw(
            st.sampled_from(("Conv2d", "ReLU", "Sigmoid", "BatchNorm2d", "Dropout", "Sequential"))
        )
        grown = data.draw(st.integers(1, 4))
        conv = layer("Conv2d", channels, grown, 2)
        choices = {
            "Conv2d": conv,
            "BatchNorm2d": layer("BatchNorm2d", channels),
            "Sequential": layer("Sequential", conv, layer("ReLU")),
        }
        layers.append(choices.get(kind, layer(kind)))
        channels = grown if kind in ("Conv2d", "Sequential") else channels
    check_shapes(submission, layers, start)


def check_left_alone(submission: Submission, training: bool, frozen: bool) -> None:
    """Check that looking at the shapes changes nothing."""
    children: list[Build | Module] = list(MIXED)
    if frozen:
        children[1] = submission.build("BatchNorm2d", 4).convert(training=not training)
    net = submission.build("Sequential", *children)
    if not frozen:
        net.convert(training=training)
    before = net.describe()
    reply = submission.ask("layer_shapes", net, (2, 3, 7, 9))
    title = "layer_shapes(net, (2, 3, 7, 9))"
    if reply.value is None:
        raise NotWritten
    looked = isinstance(reply.value, (list, tuple)) and len(reply.value) == len(MIXED)
    that(
        looked,
        call=title,
        aspect="values",
        sentence=f"It should list the {len(MIXED)} direct children of the network.",
    )
    title = f"{title} on a network in {'training' if training else 'evaluation'} mode"
    if frozen:
        part_keeps_its_mode("1", before, net, title)
        return
    unchanged(before, net, title)
    changes_no_setting(reply, call=title)
    with suppress(Raised):  # the contract doesn't ask for float64
        reply = submission.ask("layer_shapes", net.convert(dtype=torch.float64), (2, 3, 7, 9))
        changes_no_setting(reply, call=title)


@property_of("layer_shapes", "leaves the network alone")
def test_mode_parameters_buffers_and_hooks_stay_unchanged(submission: Submission) -> None:
    for training in (True, False):
        check_left_alone(submission, training, frozen=False)


@property_of("layer_shapes", "frozen parts")
def test_a_part_in_another_mode_keeps_it(submission: Submission) -> None:
    check_left_alone(submission, training=True, frozen=True)


@property_of("layer_shapes", "leaves the network alone")
def test_the_network_stays_on_its_device(submission: Submission) -> None:
    if submission.layer_shapes(small_network(submission), (2, 1, 4, 4)) is None:
        raise NotWritten
    for place in PLACES:
        title = f"layer_shapes({place.holds('net')}, (2, 1, 4, 4))"
        with place.asked(submission, title):
            net = small_network(submission)
            # The contract leaves open which device the image that is sent through it is on.
            with suppress(Raised) if place.moved else nullcontext():
                submission.ask("layer_shapes", net, (2, 1, 4, 4))
            stays_there(net, title)

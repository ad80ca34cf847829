"""What must hold in exercise 5: a network by its numbers, and the tools around it by what they leave behind.

Accuracy is never the evidence. A network is judged by its outputs and every gradient in float64, with known
parameters that are six times larger than usual, so that its sigmoids are far from straight lines; training by
its whole path from a known start. The networks that the tools are tried on are built by the sandbox. What the
tools are for is seen on real images besides, where a threshold lies far from whatever luck can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.nn import functional as F

from graders import messages, tolerance
from graders.devices import lies_there, module_works_on_the_accelerator, on_the_accelerator
from graders.expect import (
    GraderError,
    NotWritten,
    agrees,
    compare,
    facts,
    gradients_agree,
    number,
    references_agree,
    repeats,
    that,
)
from graders.holds import holds
from graders.networks import (
    BATCH,
    EPOCHS,
    LR,
    MOMENTUM,
    SHAPES,
    SHORT_LR,
    STEPS_PER_EPOCH,
    Pool,
    classic_share,
    differences,
    expected_logits,
    expected_maps,
    expected_training,
    guesses,
    images,
    known_parameters,
    layer,
    lenet_layers,
    logits,
    pytorch_start,
    recognised,
    share_right,
    short_training,
    straight,
    training_data,
    twins,
    xavier_start,
)
from graders.pictures import Batch, in_batches, new_pictures, training_pictures
from graders.sandbox.trouble import Raised
from graders.sandbox.warm_parent import ACCELERATOR
from graders.strategies import seeds, tensor
from graders.subject import Build, ClassOf, Module, Reply, Stream, Submission
from solutions import lenet as reference

EXERCISE = "lenet"
GROUPS = {
    "lenet": {"parameters": 1, "outputs": 2, "gradients": 2, "devices": 1},
    "layer_shapes": {"shapes": 3, "leaves the network alone": 2, "frozen parts": 1},
    "accuracy": {
        "share": 2,
        "evaluation mode": 2,
        "no gradients": 1,
        "mode restored": 1,
        "frozen parts": 1,
        "devices": 1,
    },
    "train": {"losses": 2, "parameters": 2, "training mode": 1, "devices": 1},
    "init_lenet": {"distribution": 2, "nothing else": 1, "in place": 1, "devices": 1},
    "lenet_from": {"the classes passed in": 1, "outputs and gradients": 2, "devices": 1},
    "feature_maps": {"names and values": 2, "in-place layers": 1, "one pass, no trace": 2, "devices": 1},
    "lenet_modern": {"size and shape": 1, "learns faster": 2, "devices": 1},
}


# ------------------------------------------------------------------------------------------- the vocabulary


def new_network(submission: Submission, name: str, *args: Any) -> Module:
    """A network of the student's; one image brings its lazy layers, if there are any, to life."""
    net = submission.create(name, *args)
    title = messages.call(name, args, {})
    if net is None:
        raise NotWritten
    module = isinstance(net, Module)
    if module:
        net.title = title
        try:
            module = net.is_module()
        except Raised:  # torch's, about a parameter without a shape
            net(torch.zeros(2, 1, 28, 28))
    that(module, call=title, aspect="type", sentence="It should return a torch.nn.Module.")
    assert isinstance(net, Module)
    return net


def has_shapes(net: Module) -> None:
    """The parameters of `net` are LeNet's, in forward order."""
    found = [tuple(value.shape) for _, value in net.describe().parameters]
    title, aspect = net.title, "parameters"
    sentence = f"It has {len(found)} parameters; it should have 10: a weight and a bias for each of 5 layers."
    that(len(found) == len(SHAPES), call=title, aspect=aspect, sentence=sentence)
    for place, (got, right) in enumerate(zip(found, SHAPES, strict=True), 1):
        sentence = f"Parameter {place} in order has shape {got}; it should have shape {right}."
        that(got == right, call=title, aspect=aspect, sentence=sentence)


def with_parameters(net: Module, weights: Sequence[Tensor]) -> Module:
    """`net` in float64 and training mode, with known parameters."""
    has_shapes(net)
    net.convert(dtype=torch.float64, training=True)
    net.assign(weights)
    return net


def check_logits(
    submission: Submission, net: Module, X: Tensor, weights: Sequence[Tensor], pool: Pool = F.avg_pool2d
) -> Tensor:
    """The outputs are right to 1e-10 of the largest; returns them."""
    right = expected_logits(X, weights, pool)
    bound = tolerance.relative(right, 1e-10)
    value = agrees(submission, net, X, expected=right, bound=bound, dtype=torch.float64).value
    assert isinstance(value, Tensor)
    return value


def check_gradients(
    submission: Submission, net: Module, X: Tensor, weights: Sequence[Tensor], pool: Pool = F.avg_pool2d
) -> None:
    """Every gradient for a random upstream is right to 1e-9 of the largest; parameters go by position."""
    X = X.requires_grad_()
    upstream = tensor(len(X), 10, seed=len(X), values="normal", dtype=torch.float64)
    every = [X, *(weight.clone().requires_grad_() for weight in weights)]
    right = torch.autograd.grad(logits(every[0], every[1:], pool), every, upstream)
    names = ["X", *(name for name, _ in net.describe().parameters)]
    bounds = {name: tolerance.relative(value, 1e-9) for name, value in zip(names, right, strict=True)}
    gradients_agree(
        submission, net, X, cotangent=upstream, expected=dict(zip(names, right, strict=True)), bounds=bounds
    )


def unchanged(before: Any, net: Module, call: str) -> None:
    """`net` is as it was."""
    change = differences(before, net.describe())
    sentence = f"The network should be left as it was, but {change}."
    that(not change, call=call, aspect="state", sentence=sentence)


def scores_of_new_images(submission: Submission, net: Module) -> Tensor:
    """What a network says to the images that no training has seen, in evaluation mode."""
    net.convert(training=False)
    X, y = new_pictures()
    whatever = torch.zeros(len(y), 10), torch.full((len(y), 10), torch.inf)
    scores = agrees(submission, net, X, expected=whatever[0], bound=whatever[1]).value
    assert isinstance(scores, Tensor)
    return scores


def recognition(submission: Submission, net: Module) -> float:
    """The share of these images that it is right about."""
    return share_right(scores_of_new_images(submission, net), new_pictures()[1])


# --------------------------------------------------------------------------------------------------- lenet


@holds("lenet", "parameters")
def test_it_has_the_parameters_of_lenet_in_forward_order(submission: Submission) -> None:
    net = new_network(submission, "lenet")
    has_shapes(net)
    trained = net.describe().trainable
    frozen = [name for name, trains in trained.items() if not trains]
    sentence = f"Every parameter should require grad; {', '.join(frozen)} does not."
    that(not frozen, call=net.title, aspect="parameters", sentence=sentence)


@holds("lenet", "parameters")
def test_two_networks_have_parameters_of_their_own(submission: Submission) -> None:
    one, two = (new_network(submission, "lenet") for _ in range(2))
    has_shapes(one)
    one.assign([torch.zeros(shape) for shape in SHAPES])
    has_shapes(two)
    # Drawn anew by torch, some weight of any fresh network is not zero.
    own = any(bool(value.any()) for _, value in two.describe().parameters)
    that(own, call="lenet(), lenet()", aspect="parameters", sentence="Two networks share their parameters.")


@holds("lenet", "outputs")
def test_logits_for_known_parameters(submission: Submission) -> None:
    net = new_network(submission, "lenet")
    for count, seed in ((3, 1), (1, 2), (2, 3)):
        weights = known_parameters(seed)
        check_logits(submission, with_parameters(net, weights), images(count, seed), weights)


@holds("lenet", "outputs")
def test_logits_in_evaluation_mode_and_in_float32(submission: Submission) -> None:
    weights, X = known_parameters(4), images(2, 4)
    net = with_parameters(new_network(submission, "lenet"), weights).convert(training=False)
    check_logits(submission, net, X, weights)
    net.convert(dtype=torch.float32, training=True)
    small = [weight / 6 for weight in weights]
    net.assign(small)
    right = expected_logits(X, small)
    # Depth 5 and at most 400 terms; measured over 1,000 networks: off by at most 7e-7 of the largest.
    bound = tolerance.relative(right, 1e-5)
    agrees(submission, net, X.float(), expected=right, bound=bound, dtype=torch.float32)


@holds("lenet", "outputs")
def test_each_image_is_judged_on_its_own(submission: Submission) -> None:
    weights, X = known_parameters(5), images(4, 5)
    net = with_parameters(new_network(submission, "lenet"), weights)
    together = check_logits(submission, net, X, weights)
    alone = torch.cat([check_logits(submission, net, X[row : row + 1], weights) for row in (2, 0)])
    what = "result for images one by one, compared with the same images in a batch,"
    title = messages.call(net, (X[:1],), {})
    compare(alone, expected=together[[2, 0]], bound=tolerance.relative(alone, 1e-10), call=title, what=what)


@holds("lenet", "outputs")
def test_the_same_image_gives_the_same_logits(submission: Submission) -> None:
    weights, X = known_parameters(6), images(2, 6)
    net = with_parameters(new_network(submission, "lenet"), weights)
    check_logits(submission, net, X, weights)
    repeats(submission, net, X)


@holds("lenet", "outputs")
@given(seed=st.integers(0, 10_000))
def test_logits_for_random_parameters(submission: Submission, seed: int) -> None:
    weights = known_parameters(seed)
    check_logits(
        submission, with_parameters(new_network(submission, "lenet"), weights), images(2, seed), weights
    )


@holds("lenet", "gradients")
def test_gradients_of_every_parameter_and_of_the_image(submission: Submission) -> None:
    net = new_network(submission, "lenet")
    for count, seed in ((3, 7), (1, 8)):
        weights = known_parameters(seed)
        check_gradients(submission, with_parameters(net, weights), images(count, seed), weights)


# -------------------------------------------------------------------------------------------- layer_shapes


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
    """Class names and shapes of the direct children; a list may stand for a tuple."""
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
    found = [(name, tuple(shape) if isinstance(shape, (list, tuple)) else shape) for name, shape in got]
    sentence = f"It lists {len(found)} layers; the network has {len(right)} direct children."
    that(len(found) == len(right), call=title, aspect="values", sentence=sentence)
    for place, (one, other) in enumerate(zip(found, right, strict=True)):
        that(
            one == other,
            call=title,
            aspect="values",
            sentence=f"Entry {place} is {one}; it should be {other}.",
        )


@holds("layer_shapes", "shapes")
def test_shapes_for_the_default_input(submission: Submission) -> None:
    check_shapes(submission, SMALL)
    check_shapes(submission, SMALL[:1])


@holds("layer_shapes", "shapes")
def test_shapes_for_other_inputs_and_nested_networks(submission: Submission) -> None:
    check_shapes(submission, MIXED, (2, 3, 7, 9))
    check_shapes(submission, SMALL, (3, 1, 28, 28))
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


@holds("layer_shapes", "shapes")
@given(st.data())
def test_shapes_of_random_stacks(submission: Submission, data: st.DataObject) -> None:
    channels, size = 1, (data.draw(st.integers(6, 9)), data.draw(st.integers(6, 9)))
    # A network without parameters would not say in which dtype it computes.
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
    """Looking at the shapes changes nothing."""
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
    unchanged(before, net, f"{title} on a network in {'training' if training else 'evaluation'} mode")
    that(
        not reply.changed_state,
        call=title,
        aspect="state",
        sentence=messages.changed_state(reply.changed_state),
    )


@holds("layer_shapes", "leaves the network alone")
def test_mode_parameters_buffers_and_hooks_stay(submission: Submission) -> None:
    for training in (True, False):
        check_left_alone(submission, training, frozen=False)


@holds("layer_shapes", "frozen parts")
def test_a_part_in_a_mode_of_its_own_keeps_it(submission: Submission) -> None:
    check_left_alone(submission, training=True, frozen=True)


# ------------------------------------------------------------------------------------------------ accuracy


def reader(submission: Submission, *before: Build | Module, classes: int = 4) -> Module:
    """A network that gives back its input as logits, behind other layers."""
    linear = submission.build("Linear", classes, classes)
    linear.assign([torch.eye(classes), torch.zeros(classes)])
    net = submission.build("Sequential", *before, Build("Flatten"), linear)
    net.title = "net"
    return net


def check_share(
    submission: Submission, sizes: Sequence[int], seed: int, *, stream: bool = False, classes: int = 4
) -> None:
    """The share of right predictions, up to the rounding of one division in float32."""
    batches, right = guesses(sizes, seed, classes)
    net = reader(submission, classes=classes)
    title = f"accuracy(net, batches of {', '.join(map(str, sizes))} images)"
    share = right / sum(sizes)
    got = submission.accuracy(net, Stream(tuple(batches)) if stream else batches)
    number(got, share, tolerance=2.0**-22, call=title)
    # The share that the reference finds with the same logits.
    theirs = reference.accuracy(nn.Flatten(), batches)
    references_agree(torch.tensor(theirs), torch.tensor(share), torch.tensor(1e-12))


@holds("accuracy", "share")
def test_the_share_over_batches_of_one_size(submission: Submission) -> None:
    check_share(submission, (4, 4), seed=1)
    check_share(submission, (7,), seed=2, classes=6)


@holds("accuracy", "share")
def test_every_image_counts_the_same_in_uneven_batches(submission: Submission) -> None:
    for seed, sizes in enumerate(((5, 2, 1), (1, 6), (3, 3, 2), (1, 1, 7))):
        check_share(submission, sizes, seed=seed + 10)


@holds("accuracy", "share")
def test_data_may_be_any_iterable(submission: Submission) -> None:
    check_share(submission, (5, 3, 1), seed=21, stream=True)


@holds("accuracy", "share")
def test_all_right_and_all_wrong(submission: Submission) -> None:
    net = reader(submission)
    for wrong, share in ((0, 1.0), (1, 0.0)):
        batches, _ = guesses((3, 2), seed=31)
        batches = [(X, (X.flatten(1).argmax(1) + wrong) % 4) for X, _ in batches]
        number(
            submission.accuracy(net, batches),
            share,
            tolerance=2.0**-22,
            call="accuracy(net, batches of 3, 2 images)",
        )


@holds("accuracy", "share")
def test_the_share_is_a_plain_float(submission: Submission) -> None:
    batches, _ = guesses((5, 2), seed=33)
    got = submission.accuracy(reader(submission), batches)
    if got is None:
        raise NotWritten
    sentence = (
        f"The share should be a Python float; it is of type {type(got).__name__}. What does .item() do?"
    )
    that(type(got) in (float, int), call="accuracy(net, data)", aspect="type", sentence=sentence)


@holds("accuracy", "share")
def test_the_share_of_real_images_that_are_recognised(submission: Submission) -> None:
    sizes, pictures, values = (64, 64, 64, 8), new_pictures(), straight()
    linear = submission.build("Linear", 784, 10)
    linear.assign(values)
    net = submission.build("Sequential", layer("Flatten"), linear)
    net.title = "net"
    share = recognised(pictures) / sum(sizes)
    got = submission.accuracy(net, in_batches(pictures, *sizes))
    title = f"accuracy(net, batches of {', '.join(map(str, sizes))} real images)"
    number(got, share, tolerance=2.0**-22, call=title)


@holds("accuracy", "share")
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4), seed=seeds(), stream=st.booleans())
def test_the_share_of_random_batches(
    submission: Submission, sizes: list[int], seed: int, stream: bool
) -> None:
    check_share(submission, sizes, seed, stream=stream)


def observed(submission: Submission, *, training: bool) -> tuple[list[dict[str, Any]], Module, Any, str]:
    """What a layer inside the network saw while `accuracy` ran; the network, and how it was before.

    Whoever evaluates a copy of the network leaves the record empty, and the right result tells the mode.
    """
    recorder = submission.build("Recorder")
    recorder.convert(training=training)
    net = reader(submission, recorder)
    net.convert(training=training)
    before = net.describe()
    batches, right = guesses(
        (4, 4), seed=41
    )  # of one size, so that uneven batches are another group's matter
    title = f"accuracy(net, data) on a network in {'training' if training else 'evaluation'} mode"
    number(submission.accuracy(net, batches), right / 8, tolerance=2.0**-22, call=title)
    calls = recorder.attribute("calls")
    return (calls if isinstance(calls, list) else []), net, before, title


@holds("accuracy", "evaluation mode")
def test_the_network_is_in_evaluation_mode_meanwhile(submission: Submission) -> None:
    for training in (True, False):
        calls, _, _, title = observed(submission, training=training)
        sentence = "The network was in training mode while it was evaluated."
        that(not any(one["training"] for one in calls), call=title, aspect="state", sentence=sentence)


@holds("accuracy", "evaluation mode")
def test_dropout_and_batch_statistics_have_no_say(submission: Submission) -> None:
    batches, right = guesses((14, 14, 14), seed=43)
    net = reader(submission, Build("BatchNorm2d", (1,)), Build("Dropout", (0.9,)))
    net.convert(training=True)
    before = net.describe()
    title = "accuracy(net with BatchNorm2d and Dropout, data)"
    number(submission.accuracy(net, batches), right / 42, tolerance=2.0**-22, call=title)
    for name, value in net.describe().buffers:
        sentence = f"The running statistic {name} of the network was changed by evaluating it."
        that(torch.equal(value, before.state[name]), call=title, aspect="state", sentence=sentence)


@holds("accuracy", "no gradients")
def test_gradients_are_not_tracked(submission: Submission) -> None:
    calls, _, _, title = observed(submission, training=True)
    sentence = "Gradients were tracked while the network was evaluated: that costs time and memory."
    that(not any(one["grad_enabled"] for one in calls), call=title, aspect="state", sentence=sentence)


@holds("accuracy", "mode restored")
def test_the_mode_is_what_it_was_afterwards(submission: Submission) -> None:
    for training in (True, False):
        _, net, before, title = observed(submission, training=training)
        unchanged(before, net, title)


@holds("accuracy", "frozen parts")
def test_a_part_in_a_mode_of_its_own_keeps_it_while_evaluated(submission: Submission) -> None:
    frozen = submission.build("BatchNorm2d", 1).convert(training=False)
    net = reader(submission, frozen)
    before = net.describe()
    batches, right = guesses((4, 4), seed=44)
    title = "accuracy(net, data) on a network in training mode with one layer in evaluation mode"
    number(submission.accuracy(net, batches), right / 8, tolerance=2.0**-22, call=title)
    unchanged(before, net, title)


@holds("accuracy", "mode restored")
def test_settings_of_the_program_stay(submission: Submission) -> None:
    batches, right = guesses((4, 4), seed=45)
    reply = submission.ask("accuracy", reader(submission), batches)
    number(reply.value, right / 8, tolerance=2.0**-22, call="accuracy(net, data)")
    sentence = messages.changed_state(reply.changed_state)
    that(not reply.changed_state, call="accuracy(net, data)", aspect="state", sentence=sentence)


# --------------------------------------------------------------------------------------------------- train


LINEAR = (layer("Flatten"), layer("Linear", 12, 5), layer("Sigmoid"), layer("Linear", 5, 3))
CONV = (
    layer("Conv2d", 1, 2, 2),
    layer("Sequential", layer("Tanh"), layer("MaxPool2d", 2, 1)),
    layer("Flatten"),
    layer("Linear", 2 * 1 * 2, 3),
)
NORMALISED = (
    layer("Conv2d", 1, 3, 2),
    layer("BatchNorm2d", 3),
    layer("ReLU"),
    layer("Flatten"),
    layer("Linear", 18, 3),
)


def examples(sizes: Sequence[int], seed: int) -> list[Batch]:
    """Float64 batches of 3×4 images in three classes."""
    batches = []
    for place, size in enumerate(sizes):
        X = tensor(size, 1, 3, 4, seed=seed + 2 * place, values="normal", dtype=torch.float64)
        y = (tensor(size, seed=seed + 2 * place + 1) % 3).long()
        batches.append((X, y))
    return batches


# How far losses and parameters may be off, relative to the loss and to a tensor's largest parameter. Measured
# in float32 for the trainings of `check_lenet`, 30 starts, three loops: at most 1.4e-7 and 2.7e-7. The margin
# of 35 and more is for other machines and other ways to add up.
LOSS_OFF = {torch.float64: 1e-6, torch.float32: 1e-5}
PARAMETERS_OFF = {torch.float64: 1e-9, torch.float32: 1e-5}


def check_training(
    submission: Submission,
    layers: Sequence[Build],
    sizes: Sequence[int],
    *,
    epochs: int,
    lr: float,
    seed: int,
    what: str,
    stream: bool = False,
    training: bool = True,
    pictures: bool = False,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Train the same network on both sides and compare the `losses` or the `parameters`.

    This side computes in float64, whatever the other has to.
    """
    net, ours = twins(submission, *layers, seed=seed, dtype=dtype)
    net.convert(training=training)
    begun = [weight.detach().clone() for weight in ours.double().parameters()]
    drawn = in_batches(training_pictures(), *sizes) if pictures else examples(sizes, seed)
    data = [(X.to(dtype), y) for X, y in drawn]
    losses = expected_training(ours, [(X.double(), y) for X, y in data], epochs, lr)
    got = submission.train(net, Stream(tuple(data)) if stream else data, epochs, lr)
    kinds = ", ".join(item.name for item in layers)
    data_title = f"batches of {', '.join(map(str, sizes))} {'real ' * pictures}images"
    title = f"train(nn.Sequential({kinds}), {data_title}, num_epochs={epochs}, lr={lr})"
    after = net.describe().parameters
    moved = any(
        not torch.equal(value.double(), start) for (_, value), start in zip(after, begun, strict=True)
    )
    if got is None and not moved:
        raise NotWritten
    if what == "losses":
        that(
            got is not None,
            call=title,
            aspect="type",
            sentence="It trains, but returns None: is a return missing?",
        )
        check_epoch_losses(got, losses, title, LOSS_OFF[dtype])
        return
    for (_, value), (name, right) in zip(after, ours.named_parameters(), strict=True):
        bound = tolerance.relative(right.detach(), PARAMETERS_OFF[dtype])
        compare(
            value,
            expected=right.detach(),
            bound=bound,
            dtype=dtype,
            call=title,
            what=f"parameter {name} after the training",
        )


def check_epoch_losses(got: Any, losses: Sequence[float], title: str, off: float) -> None:
    """One number per epoch, each the mean over its examples; a sum kept in float32 is no mistake."""
    if got is None:
        raise NotWritten
    that(
        isinstance(got, (list, tuple)),
        call=title,
        aspect="type",
        sentence="It should return a list of floats.",
    )
    sentence = f"It returns {len(got)} losses for {len(losses)} epochs."
    that(len(got) == len(losses), call=title, aspect="shape", sentence=sentence)
    for epoch, (value, right) in enumerate(zip(got, losses, strict=True), 1):
        free = not (isinstance(value, Tensor) and facts(value).has_grad_fn)
        sentence = (
            "The losses still carry their graphs, which keeps every epoch in memory. What does .item() do?"
        )
        that(free, call=title, aspect="type", sentence=sentence)
        number(value, right, tolerance=off * abs(right), call=title, what=f"loss of epoch {epoch}")


@holds("train", "losses")
def test_the_mean_loss_per_example_of_every_epoch(submission: Submission) -> None:
    check_training(submission, LINEAR, (4, 4), epochs=3, lr=0.5, seed=1, what="losses")
    check_training(submission, LINEAR, (5, 3, 1), epochs=4, lr=0.5, seed=2, what="losses")
    check_training(submission, CONV, (1, 6), epochs=1, lr=1.0, seed=3, what="losses")
    check_training(submission, LINEAR, (5, 3, 1), epochs=0, lr=0.5, seed=2, what="losses")


@holds("train", "losses")
def test_losses_over_any_iterable(submission: Submission) -> None:
    check_training(submission, LINEAR, (2, 5, 3), epochs=3, lr=0.3, seed=4, what="losses", stream=True)


@holds("train", "losses")
def test_the_losses_of_lenet_on_real_images(submission: Submission) -> None:
    check_lenet(submission, what="losses")


@holds("train", "losses")
@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
    stream=st.booleans(),
)
def test_losses_of_random_trainings(
    submission: Submission, sizes: list[int], seed: int, stream: bool
) -> None:
    check_training(submission, LINEAR, sizes, epochs=2, lr=0.4, seed=seed, what="losses", stream=stream)


@holds("train", "parameters")
def test_one_batch_is_one_step_of_descent(submission: Submission) -> None:
    check_training(submission, LINEAR, (4,), epochs=1, lr=0.5, seed=11, what="parameters")
    check_training(submission, CONV, (3,), epochs=1, lr=0.1, seed=12, what="parameters")


@holds("train", "parameters")
def test_the_parameters_after_several_epochs_of_uneven_batches(submission: Submission) -> None:
    check_training(submission, LINEAR, (5, 3, 1), epochs=3, lr=0.5, seed=13, what="parameters")
    check_training(submission, CONV, (2, 4, 3), epochs=4, lr=0.2, seed=14, what="parameters")
    check_training(submission, CONV, (2, 4, 3), epochs=2, lr=0.2, seed=15, what="parameters", stream=True)
    for training in (True, False):
        check_training(
            submission, NORMALISED, (4, 3), epochs=2, lr=0.1, seed=16, what="parameters", training=training
        )


@holds("train", "parameters")
def test_the_parameters_of_lenet_after_a_training_on_real_images(submission: Submission) -> None:
    check_lenet(submission, what="parameters")


def check_lenet(submission: Submission, what: str) -> None:
    """A few batches of real images, in the precision that tells most and in the one that people train in."""
    for dtype, sizes in ((torch.float64, (16, 7, 9)), (torch.float32, (12, 5))):
        check_training(
            submission,
            lenet_layers("Sigmoid"),
            sizes,
            epochs=2,
            lr=0.5,
            seed=17,
            what=what,
            pictures=True,
            dtype=dtype,
        )


# The share after `short_training`, measured from 30 starts: .525 to .615, from this one .575; before it at
# most .24. The start is fixed, so that only rounding differs from one right answer to another.
RECOGNISED = 0.4


@holds("train", "parameters")
def test_lenet_with_tanh_recognises_new_images_after_an_epoch(submission: Submission) -> None:
    net = submission.build("Sequential", *lenet_layers("Tanh"))
    net.assign(xavier_start(18))
    data, before = short_training(), net.describe()
    if submission.train(net, data, 1, SHORT_LR) is None and not differences(before, net.describe()):
        raise NotWritten
    share = recognition(submission, net)
    sentence = (
        f"Trained on {len(data)} batches of real images, LeNet with tanh is right about {share:.0%} of 200 "
        f"new ones; it should be right about {RECOGNISED:.0%} or more. In which direction does a step go?"
    )
    title = f"train(LeNet with tanh, {len(data)} batches of real images, num_epochs=1, lr={SHORT_LR})"
    that(share >= RECOGNISED, call=title, aspect="values", sentence=sentence)


@holds("train", "parameters")
@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
    lr=st.sampled_from((0.1, 0.5)),
)
def test_the_parameters_after_random_trainings(
    submission: Submission, sizes: list[int], seed: int, lr: float
) -> None:
    check_training(submission, LINEAR, sizes, epochs=2, lr=lr, seed=seed, what="parameters")


@holds("train", "training mode")
def test_the_network_is_in_training_mode_meanwhile(submission: Submission) -> None:
    for training in (False, True):
        recorder = submission.build("Recorder")
        net, ours = twins(submission, recorder, *LINEAR, seed=21)
        net.convert(training=training)
        data = examples((3, 2), 21)
        expected_training(ours, data, 2, 0.5)
        title = f"train(net, data, 2, 0.5) on a network in {'training' if training else 'evaluation'} mode"
        returned, calls = submission.train(net, data, 2, 0.5), recorder.attribute("calls")
        seen = isinstance(calls, list) and len(calls) > 0
        if returned is None and not seen:
            raise NotWritten
        that(seen, call=title, aspect="state", sentence="No batch ever went through the network.")
        trained = all(one["training"] for one in calls)
        that(
            trained,
            call=title,
            aspect="state",
            sentence="The network was in evaluation mode while it was trained.",
        )


@holds("train", "training mode")
def test_batch_normalisation_follows_the_batches(submission: Submission) -> None:
    for training in (False, True):
        net, _ = twins(submission, *NORMALISED, seed=22)
        net.convert(training=training)
        before = net.describe().state
        submission.train(net, examples((4,), 22), 1, 0.1)
        after = net.describe().state
        moved = all(
            not torch.equal(before[f"1.running_{what}"], after[f"1.running_{what}"])
            for what in ("mean", "var")
        )
        mode = "training" if training else "evaluation"
        title = f"train(net with BatchNorm2d, data, 1, 0.1) on a network in {mode} mode"
        sentence = "Batch normalisation did not follow the batches, as it does in training mode."
        that(moved, call=title, aspect="state", sentence=sentence)


# ---------------------------------------------------------------------------------------------- init_lenet


# Name of the weight, fan_in, fan_out. Each has so many elements that other distributions cannot be mistaken.
DRAWN = (
    ("0.weight", 3 * 15, 24 * 15),
    ("3.0.weight", 24 * 9, 8 * 9),
    ("3.1.0.weight", 8 * 4, 16 * 4),
    ("5.weight", 64, 120),
    ("7.weight", 120, 30),
)


def to_initialise(submission: Submission) -> Module:
    """Convolutions and linear layers at several depths among others, every parameter with a known value."""
    deeper = layer("Sequential", layer("Conv2d", 8, 16, 2, bias=False), layer("Sigmoid"))
    layers = (
        layer("Conv2d", 3, 24, (3, 5)),
        layer("BatchNorm2d", 24),
        layer("ReLU"),
        layer("Sequential", layer("Conv2d", 24, 8, 3), deeper),
        layer("Flatten"),
        layer("Linear", 64, 120),
        layer("BatchNorm1d", 120),
        layer("Linear", 120, 30),
    )
    return twins(submission, *layers, seed=31, dtype=torch.float32)[0]


def initialised(submission: Submission) -> tuple[Module, Any, Any, Any]:
    """A network before and after `init_lenet`, and what was returned."""
    net = to_initialise(submission)
    before = net.describe()
    reply = submission.ask("init_lenet", net)
    after = net.describe()
    if reply.value is None and not differences(before, after):
        raise NotWritten
    return net, before, after, reply


@holds("init_lenet", "distribution")
def test_weights_are_xavier_uniform(submission: Submission) -> None:
    _, before, after, _ = initialised(submission)
    for name, fan_in, fan_out in DRAWN:
        weight = after.state[name].double()
        title = f"init_lenet(net), {name} of shape {tuple(weight.shape)}"
        drawn = not torch.equal(after.state[name], before.state[name])
        that(drawn, call=title, aspect="values", sentence="This weight was not drawn anew.")
        square = 6 / (fan_in + fan_out)
        inside = bool((weight.abs() <= square**0.5 * (1 + 1e-6)).all())
        sentence = (
            f"Xavier-uniform weights lie within ±sqrt(6 / ({fan_in} + {fan_out})); some of these do not."
        )
        that(inside, call=title, aspect="values", sentence=sentence)
        # Six standard deviations of the mean and of the variance of that many uniform numbers.
        ratio, count = float((weight**2).mean()) * 3 / square, weight.numel()
        near = (
            abs(ratio - 1) < 6 * (0.8 / count) ** 0.5
            and abs(float(weight.mean())) < 6 * (square / 3 / count) ** 0.5
        )
        sentence = f"These weights are not spread evenly between ±sqrt(6 / ({fan_in} + {fan_out}))."
        that(near, call=title, aspect="values", sentence=sentence)


@holds("init_lenet", "distribution")
def test_weights_are_drawn_anew_at_every_call(submission: Submission) -> None:
    net, _, first, _ = initialised(submission)
    submission.init_lenet(net)
    second = net.describe()
    for name, _, _ in DRAWN:
        differ = not torch.equal(first.state[name], second.state[name])
        title = f"init_lenet(net) twice, {name}"
        that(differ, call=title, aspect="values", sentence="Two calls should draw different weights.")


# The loss on new images after `short_training`, measured. Drawn by the reference, 50 seeds: 1.26 to 1.41,
# deviation .032; with biases of zero besides, 20 seeds: 1.27 to 1.40. Drawn as PyTorch does by itself, 50
# seeds: 2.07 to 2.25, deviation .042; with the convolutions drawn alone, 20 seeds: 2.08 to 2.22; all zero,
# all one, from 0 to 1, normal with a deviation of .01 or 1: 2.17 and more. So the limit is 12 deviations from
# what is right and 9 from what is not. Other weights of Xavier's size learn as soon; the bounds above know
# them apart. Sigmoids take too long for this question: after 800 steps LeNet still guesses, from most of
# Xavier's starts as from all of PyTorch's.
LEARNT = 1.75


@holds("init_lenet", "distribution")
def test_lenet_with_tanh_learns_real_images_soon(submission: Submission) -> None:
    net = submission.build("Sequential", *lenet_layers("Tanh"))
    net.title = "net"
    net.assign(pytorch_start(32))
    before = net.describe()
    if submission.init_lenet(net) is None and not differences(before, net.describe()):
        raise NotWritten
    data = short_training()
    net.fit(data, epochs=1, lr=SHORT_LR)
    loss = float(F.cross_entropy(scores_of_new_images(submission, net), new_pictures()[1]))
    sentence = (
        f"After {len(data)} steps on real images LeNet with tanh has a loss of {loss:.2f} on new ones. With "
        "Xavier's weights it is about 1.3, with PyTorch's own about 2.1, and guessing makes 2.3. "
        "How large is a unit's output if it adds up 400 numbers with your weights?"
    )
    that(loss <= LEARNT, call="init_lenet(LeNet with tanh)", aspect="values", sentence=sentence)


@holds("init_lenet", "nothing else")
def test_biases_and_other_layers_are_not_touched(submission: Submission) -> None:
    _, before, after, reply = initialised(submission)
    weights = [name for name, _, _ in DRAWN]
    drawn = any(not torch.equal(before.state[name], after.state[name]) for name in weights)
    that(drawn, call="init_lenet(net)", aspect="values", sentence="No weight of the network was drawn anew.")
    for name, value in before.state.items():
        same = name in weights or torch.equal(value, after.state[name])
        sentence = (
            f"{name} has another value; only weights of convolutions and linear layers should be drawn."
        )
        that(same, call="init_lenet(net)", aspect="state", sentence=sentence)
    for name in weights:
        after.state[name] = before.state[name]
    change = differences(before, after)
    sentence = f"Apart from its weights the network should be left as it was, but {change}."
    that(not change, call="init_lenet(net)", aspect="state", sentence=sentence)
    sentence = messages.changed_state(reply.changed_state)
    that(not reply.changed_state, call="init_lenet(net)", aspect="state", sentence=sentence)


@holds("init_lenet", "in place")
def test_the_network_itself_comes_back(submission: Submission) -> None:
    net, before, after, reply = initialised(submission)
    changed = any(not torch.equal(before.state[name], after.state[name]) for name, _, _ in DRAWN)
    title = "init_lenet(net)"
    that(
        changed, call=title, aspect="values", sentence="The network passed in was not changed; work in place."
    )
    sentence = "It should return the network that was passed in."
    returned = reply.value
    that(isinstance(returned, Module) and returned.is_module(), call=title, aspect="type", sentence=sentence)
    # It is the very same object if a mode set through the one is seen through the other.
    for training in (True, False):
        returned.convert(training=training)
        that(net.describe().training is training, call=title, aspect="type", sentence=sentence)


# ---------------------------------------------------------------------------------------------- lenet_from


@holds("lenet_from", "the classes passed in")
def test_every_convolution_and_pooling_is_of_the_classes_passed_in(submission: Submission) -> None:
    net = new_network(submission, "lenet_from", ClassOf("Conv2d", spy=True), ClassOf("AvgPool2d", spy=True))
    kinds = [kind for _, kind, *_ in net.describe().modules]
    convolutions, poolings = kinds.count("GivenConv2d"), kinds.count("GivenAvgPool2d")
    sentence = f"{convolutions} of its layers are of the class Conv2d that was passed in; there should be 2."
    that(convolutions == 2, call=net.title, aspect="values", sentence=sentence)
    # A pooling layer has no parameters, so one may serve in both places.
    sentence = f"{poolings} of its layers are of the class AvgPool2d that was passed in; there should be 2."
    that(poolings in (1, 2), call=net.title, aspect="values", sentence=sentence)
    others = [kind for kind in kinds if kind in ("Conv2d", "AvgPool2d", "MaxPool2d")]
    sentence = f"Some of its layers are torch's own ({', '.join(others)}) and not of the classes passed in."
    that(not others, call=net.title, aspect="values", sentence=sentence)


@holds("lenet_from", "the classes passed in")
def test_whatever_is_passed_in_does_the_pooling(submission: Submission) -> None:
    net = new_network(submission, "lenet_from", ClassOf("Conv2d"), ClassOf("MaxPool2d"))
    weights = known_parameters(41)
    check_logits(submission, with_parameters(net, weights), images(2, 41), weights, F.max_pool2d)


@holds("lenet_from", "outputs and gradients")
def test_logits_of_the_network_built_from_classes(submission: Submission) -> None:
    for spy in (False, True):
        net = new_network(submission, "lenet_from", ClassOf("Conv2d", spy=spy), ClassOf("AvgPool2d", spy=spy))
        weights, X = known_parameters(42), images(3, 42)
        with_parameters(net, weights)
        check_logits(submission, net, X, weights)
        check_logits(submission, net, X[:1], weights)
        repeats(submission, net, X)


@holds("lenet_from", "outputs and gradients")
def test_gradients_of_the_network_built_from_classes(submission: Submission) -> None:
    net = new_network(submission, "lenet_from", ClassOf("Conv2d"), ClassOf("AvgPool2d"))
    weights = known_parameters(43)
    check_gradients(submission, with_parameters(net, weights), images(3, 43), weights)


# -------------------------------------------------------------------------------------------- feature_maps


NESTED = (
    layer("Sequential", layer("Conv2d", 1, 2, 3), layer("Tanh"), layer("Sequential", layer("AvgPool2d", 2))),
    layer("Conv2d", 2, 3, (1, 2)),
    layer("Flatten"),
    layer("Sequential", layer("Linear", 3 * 2 * 2, 4), layer("Sigmoid")),
    layer("Linear", 4, 2),
)
IN_PLACE = (layer("Conv2d", 1, 2, 2), layer("ReLU", inplace=True), layer("Flatten"), layer("Linear", 24, 3))


def check_maps(submission: Submission, layers: Sequence[Build | Module], X: Tensor, seed: int) -> None:
    """Names and values of all feature maps."""
    net, ours = twins(submission, *layers, seed=seed)
    right = expected_maps(ours, X)
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
    sentence = "The names should be those of the leaf modules"
    that(not missing, call=title, aspect="values", sentence=f"{sentence}; missing: {', '.join(missing)}.")
    that(
        not extra,
        call=title,
        aspect="values",
        sentence=f"{sentence}; too many: {', '.join(map(repr, extra))}.",
    )
    for name, value in right.items():
        bound = tolerance.relative(value, 1e-12)
        compare(
            got[name], expected=value, bound=bound, dtype=torch.float64, call=title, what=f"output of {name}"
        )


@holds("feature_maps", "names and values")
def test_the_output_of_every_leaf_under_its_name(submission: Submission) -> None:
    for seed, size in ((51, 2), (52, 1)):
        X = tensor(size, 1, 6, 8, seed=seed, values="normal", dtype=torch.float64)
        check_maps(submission, NESTED, X, seed)
    check_maps(submission, LINEAR, tensor(3, 1, 3, 4, seed=53, dtype=torch.float64), 53)


@holds("feature_maps", "names and values")
@given(count=st.integers(1, 4), depth=st.integers(0, 2), seed=st.integers(0, 10_000))
def test_the_maps_of_random_networks(submission: Submission, count: int, depth: int, seed: int) -> None:
    layers = [layer("Linear", 3, 3) if (seed >> place) & 1 else layer("Tanh") for place in range(count)]
    for _ in range(depth):
        layers = [layer("Sequential", *layers), layer("Linear", 3, 3)]
    check_maps(submission, layers, tensor(2, 3, seed=seed, dtype=torch.float64), seed)


@holds("feature_maps", "in-place layers")
def test_a_layer_that_works_in_place_does_not_rewrite_the_map_before(submission: Submission) -> None:
    check_maps(submission, IN_PLACE, tensor(2, 1, 4, 5, seed=54, dtype=torch.float64), 54)


@holds("feature_maps", "one pass, no trace")
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
        same = torch.equal(reply.arguments[0], X)
        that(same, call=title, aspect="changed input", sentence=messages.changed_input("X"))
        that(
            not reply.changed_state,
            call=title,
            aspect="state",
            sentence=messages.changed_state(reply.changed_state),
        )
        passes = recorder.attribute("calls")
        once = isinstance(passes, list) and len(passes) <= 1
        sentence = f"The network was run {len(passes)} times; one forward pass is enough for all maps."
        that(once, call=title, aspect="effort", sentence=sentence)


# -------------------------------------------------------------------------------------------- lenet_modern


# Three times what the classic network reaches, and .2 below the least of 288 trainings of right designs, as
# measured in `graders/networks.py`.
ENOUGH = 0.3
MOST_PARAMETERS = 62_000


def modern(submission: Submission) -> Module:
    """A network of the student's design, checked to be one."""
    net = new_network(submission, "lenet_modern").convert(training=False)
    X = tensor(2, 1, 28, 28, seed=61, values="normal")
    right = torch.zeros(2, 10)
    agrees(submission, net, X, expected=right, bound=torch.full((2, 10), torch.inf))
    return net


@holds("lenet_modern", "size and shape")
def test_ten_logits_from_no_more_parameters_than_allowed(submission: Submission) -> None:
    net = modern(submission)
    count = sum(value.numel() for _, value in net.describe().parameters)
    sentence = f"It has {count:,} parameters; at most {MOST_PARAMETERS:,} are allowed."
    that(0 < count <= MOST_PARAMETERS, call=net.title, aspect="parameters", sentence=sentence)


@holds("lenet_modern", "learns faster")
def test_it_beats_the_classic_network_under_the_same_training(submission: Submission) -> None:
    classic = classic_share()
    if classic >= ENOUGH / 2:
        raise GraderError(f"the classic network reaches {classic:.2f}; it should stay near 0.1")
    share = 0.0
    for _ in range(2):  # one bad start is bad luck
        net = modern(submission)
        net.fit(training_data(), epochs=EPOCHS, lr=LR, momentum=MOMENTUM)
        share = max(share, recognition(submission, net))
        if share >= ENOUGH:
            return
    sentence = (
        f"After {EPOCHS * STEPS_PER_EPOCH} steps of SGD on batches of {BATCH} real images (lr={LR}, "
        f"momentum={MOMENTUM}) it is right about {share:.0%} of 200 new ones, the classic network about "
        f"{classic:.0%}; it should reach {ENOUGH:.0%}. "
        "What would let the gradient through?"
    )
    that(False, call=net.title, aspect="values", sentence=sentence)


# -------------------------------------------------------------------------------------------------- devices


@holds("lenet", "devices")
def test_the_network_on_an_accelerator(submission: Submission) -> None:
    X = images(2, seed=91).float().requires_grad_()
    module_works_on_the_accelerator(submission, "lenet", X=X, shape=(2, 10), cotangent=tensor(2, 10, seed=92))


@holds("lenet_from", "devices")
def test_the_network_built_from_classes_on_an_accelerator(submission: Submission) -> None:
    classes = ClassOf("Conv2d"), ClassOf("AvgPool2d")
    module_works_on_the_accelerator(
        submission, "lenet_from", *classes, X=images(2, seed=93).float(), shape=(2, 10)
    )


@holds("lenet_modern", "devices")
def test_the_network_of_their_own_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(submission, "lenet_modern", X=images(2, seed=94).float(), shape=(2, 10))


@holds("init_lenet", "devices")
def test_parameters_stay_on_the_accelerator(submission: Submission) -> None:
    title = f'init_lenet(net.to("{ACCELERATOR}"))'
    on_the_cpu(submission.ask("init_lenet", small_network(submission)), title)
    with on_the_accelerator(submission, title):
        net = small_network(submission)
        submission.ask("init_lenet", net)
        stays_there(net, title)


@holds("feature_maps", "devices")
def test_maps_of_a_network_on_an_accelerator(submission: Submission) -> None:
    X = tensor(2, 1, 4, 4, seed=95)
    title = f'feature_maps(net.to("{ACCELERATOR}"), X.to("{ACCELERATOR}"))'
    on_the_cpu(submission.ask("feature_maps", small_network(submission), X), title)
    with on_the_accelerator(submission, title):
        reply = submission.ask("feature_maps", small_network(submission), X)
        lies_there(title, reply)


@holds("accuracy", "devices")
def test_accuracy_of_a_network_on_an_accelerator(submission: Submission) -> None:
    title = f'accuracy(net.to("{ACCELERATOR}"), data)'
    on_the_cpu(submission.ask("accuracy", small_network(submission), small_batches()), title)
    with on_the_accelerator(submission, title):
        net = small_network(submission)
        submission.ask("accuracy", net, small_batches())
        stays_there(net, title)


@holds("train", "devices")
def test_training_of_a_network_on_an_accelerator(submission: Submission) -> None:
    title = f'train(net.to("{ACCELERATOR}"), data, num_epochs=1, lr=0.1)'
    on_the_cpu(submission.ask("train", small_network(submission), small_batches(), 1, 0.1), title)
    with on_the_accelerator(submission, title):
        net = small_network(submission)
        submission.ask("train", net, small_batches(), 1, 0.1)
        stays_there(net, title)


def on_the_cpu(reply: Reply, title: str) -> None:
    """What is not written, or not of the right kind, is not asked on the accelerator."""
    if reply.value is None:
        raise NotWritten
    kind = isinstance(reply.value, (float, list, dict, Module))
    that(kind, call=title, aspect="type", sentence=messages.wrong_on_the_cpu())


def small_network(submission: Submission) -> Module:
    """A network, built by the sandbox where questions are asked."""
    layers = layer("Conv2d", 1, 2, 3), layer("Sigmoid"), layer("Flatten"), layer("Linear", 8, 3)
    net = submission.build("Sequential", *layers)
    net.title = "net"
    return net


def small_batches() -> list[Batch]:
    """Labelled images for it, which lie where it does: the contract does not say who moves them."""
    return [(tensor(2, 1, 4, 4, seed=seed), torch.tensor([0, 2])) for seed in (96, 97)]


def stays_there(net: Module, title: str) -> None:
    """Every parameter is still on the accelerator."""
    for name, parameter in net.describe().parameters:
        there = facts(parameter).device != "cpu"
        sentence = messages.on_accelerator(messages.left_behind(f"parameter {name}"))
        that(there, call=title, aspect="device", sentence=sentence)

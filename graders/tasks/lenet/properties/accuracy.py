"""Hidden properties of `accuracy`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import nn

from graders.sandbox.errors import Raised
from graders.sandbox.inside.wire import Build, Stream
from graders.tasks.lenet.network_checks import (
    part_keeps_its_mode,
    small_batches,
    unchanged,
    works_wherever_the_network_lies,
)
from graders.tasks.lenet.networks import guesses, layer, recognised, straight
from graders.testing import messages
from graders.testing.expect import NotWritten, changes_no_setting, number, references_agree, that
from graders.testing.module import Module
from graders.testing.narrowing import real_number, same_tensor
from graders.testing.pictures import Batch, in_batches, new_pictures
from graders.testing.properties import property_of
from graders.testing.strategies import seeds
from graders.testing.submission import Submission
from solutions import lenet as reference


def reader(submission: Submission, *before: Build | Module, classes: int = 4) -> Module:
    """A network that returns its input as logits, after other layers."""
    linear = submission.build("Linear", classes, classes)
    linear.assign([torch.eye(classes), torch.zeros(classes)])
    net = submission.build("Sequential", *before, Build("Flatten"), linear)
    net.title = "net"
    return net


def check_share(
    submission: Submission, sizes: Sequence[int], seed: int, *, stream: bool = False, classes: int = 4
) -> None:
    """Check the accuracy, up to the rounding of one division in float32."""
    batches, right = guesses(sizes, seed, classes)
    net = reader(submission, classes=classes)
    title = f"accuracy(net, batches of {', '.join(map(str, sizes))} images)"
    share = right / sum(sizes)
    got = submission.accuracy(net, Stream(tuple(batches)) if stream else batches)
    number(got, share, tolerance=2.0**-22, call=title)
    # The accuracy that the reference finds with the same logits.
    theirs = reference.accuracy(nn.Flatten(), batches)
    references_agree(torch.tensor(theirs), torch.tensor(share), torch.tensor(1e-12))


@property_of("accuracy", "values")
def test_accuracy_over_batches_of_one_size(submission: Submission) -> None:
    check_share(submission, (4, 4), seed=1)
    check_share(submission, (7,), seed=2, classes=6)


@property_of("accuracy", "values")
def test_every_image_counts_the_same_in_uneven_batches(submission: Submission) -> None:
    for seed, sizes in enumerate(((5, 2, 1), (1, 6), (3, 3, 2), (1, 1, 7))):
        check_share(submission, sizes, seed=seed + 10)


@property_of("accuracy", "values")
def test_data_may_be_any_iterable(submission: Submission) -> None:
    check_share(submission, (5, 3, 1), seed=21, stream=True)


@property_of("accuracy", "values")
def test_all_predictions_right_and_all_wrong(submission: Submission) -> None:
    net = reader(submission).convert(dtype=torch.float64)
    for wrong, share in ((0, 1.0), (1, 0.0)):
        batches, _ = guesses((3, 2), seed=31)
        batches = [(X.double(), (X.flatten(1).argmax(1) + wrong) % 4) for X, _ in batches]
        number(
            submission.accuracy(net, batches),
            share,
            tolerance=2.0**-22,
            call="accuracy(net, batches of 3, 2 images)",
        )


@property_of("accuracy", "values")
def test_accuracy_on_real_images(submission: Submission) -> None:
    sizes, pictures, values = (64, 64, 64, 8), new_pictures(), straight()
    linear = submission.build("Linear", 784, 10)
    linear.assign(values)
    net = submission.build("Sequential", layer("Flatten"), linear)
    net.title = "net"
    share = recognised(pictures) / sum(sizes)
    got = submission.accuracy(net, in_batches(pictures, *sizes))
    title = f"accuracy(net, batches of {', '.join(map(str, sizes))} real images)"
    number(got, share, tolerance=2.0**-22, call=title)


@property_of("accuracy", "values")
@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4), seed=seeds(), stream=st.booleans())
def test_the_share_of_random_batches(
    submission: Submission, sizes: list[int], seed: int, stream: bool
) -> None:
    check_share(submission, sizes, seed, stream=stream)


def check_answer(
    submission: Submission, net: Module, batches: Sequence[Batch], share: float, title: str
) -> float:
    """Check that there is an accuracy, right or wrong, and return it.

    For groups about how it is found: a wrong value costs points in another group only.
    """
    got = submission.accuracy(net, batches)
    if got is None:
        raise NotWritten
    value = real_number(got)
    if value is not None and abs(value - share) <= 2.0**-22:
        return share
    # But an answer that doesn't depend on the labels is no answer.
    others = [(X, (X.flatten(1).argmax(1) + place) % 4) for place, (X, _) in enumerate(batches)]
    elsewhere = real_number(submission.accuracy(reader(submission), others))
    depends = value is not None and elsewhere is not None and value != elsewhere
    that(depends, call=title, aspect="values", sentence=messages.wrong_in_the_plain_case())
    assert value is not None
    return float(value)


def observed(submission: Submission, *, training: bool) -> tuple[list[dict[str, Any]], Module, Any, str]:
    """What a layer inside the network saw while `accuracy` ran; the network, and its state before.

    If a copy of the network is evaluated, the record stays empty, and only the result tells the mode.
    """
    recorder = submission.build("Recorder")
    recorder.convert(training=training)
    net = reader(submission, recorder)
    net.convert(training=training)
    before = net.describe()
    batches, right = guesses((4, 4), seed=41)  # of one size: uneven batches are up to another group
    title = f"accuracy(net, data) on a network in {'training' if training else 'evaluation'} mode"
    check_answer(submission, net, batches, right / 8, title)
    return recorder.calls(), net, before, title


@property_of("accuracy", "evaluation mode")
def test_the_network_is_in_evaluation_mode_during_evaluation(submission: Submission) -> None:
    for training in (True, False):
        calls, _, _, title = observed(submission, training=training)
        sentence = "The network was in training mode during evaluation."
        that(not any(one["training"] for one in calls), call=title, aspect="state", sentence=sentence)


@property_of("accuracy", "evaluation mode")
def test_dropout_and_batch_statistics_have_no_effect(submission: Submission) -> None:
    batches, right = guesses((14, 14, 14), seed=43)
    net = reader(submission, Build("BatchNorm2d", (1,)), Build("Dropout", (0.9,)))
    net.convert(training=True)
    before = net.describe()
    title = "accuracy(net with BatchNorm2d and Dropout, data)"
    share = check_answer(submission, reader(submission), batches, right / 42, title)
    got = submission.accuracy(net, batches)
    number(got, share, tolerance=2.0**-22, call=title, may_carry_a_graph=True)
    for name, value in net.describe().buffers:
        sentence = f"The evaluation changed the running statistic {name} of the network."
        that(same_tensor(value, before.state[name]), call=title, aspect="state", sentence=sentence)


@property_of("accuracy", "no gradients")
def test_gradients_are_not_tracked(submission: Submission) -> None:
    calls, _, _, title = observed(submission, training=True)
    sentence = "Gradients were tracked during evaluation: that costs time and memory."
    that(not any(one["grad_enabled"] for one in calls), call=title, aspect="state", sentence=sentence)


@property_of("accuracy", "mode restored")
def test_the_mode_is_restored_afterwards(submission: Submission) -> None:
    for training in (True, False):
        _, net, before, title = observed(submission, training=training)
        unchanged(before, net, title)


@property_of("accuracy", "frozen parts")
def test_a_part_in_another_mode_keeps_it_during_evaluation(submission: Submission) -> None:
    frozen = submission.build("BatchNorm2d", 1).convert(training=False)
    net = reader(submission, frozen)
    before = net.describe()
    batches, right = guesses((4, 4), seed=44)
    title = "accuracy(net, data) on a network in training mode with one layer in evaluation mode"
    check_answer(submission, net, batches, right / 8, title)
    part_keeps_its_mode("0", before, net, title)


@property_of("accuracy", "mode restored")
def test_settings_of_the_program_stay_unchanged(submission: Submission) -> None:
    batches, right = guesses((4, 4), seed=45)
    net = reader(submission)
    check_answer(submission, net, batches, right / 8, "accuracy(net, data)")
    with suppress(Raised):  # whether float64 works at all is up to another group
        double = [(X.double(), y) for X, y in batches]
        reply = submission.ask("accuracy", net.convert(dtype=torch.float64), double)
        changes_no_setting(reply, call="accuracy(net, data)")


@property_of("accuracy", "devices")
def test_accuracy_of_a_network_on_an_accelerator(submission: Submission) -> None:
    batches, right = guesses((4, 4), seed=46)
    check_answer(submission, reader(submission), batches, right / 8, "accuracy(net, data)")
    works_wherever_the_network_lies(
        submission, "accuracy", small_batches(), shown=", data", data_may_lie_elsewhere=True
    )

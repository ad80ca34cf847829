"""Hidden properties of `lenet_from`."""

from __future__ import annotations

from torch.nn import functional as F

from graders.sandbox.inside.wire import ClassOf
from graders.tasks.lenet.network_checks import check_gradients, check_logits, new_network, with_parameters
from graders.tasks.lenet.networks import images, known_parameters
from graders.testing.devices import module_works_on_the_accelerator
from graders.testing.expect import repeats, that
from graders.testing.properties import property_of
from graders.testing.submission import Submission


@property_of("lenet_from", "the classes passed in")
def test_convolutions_and_poolings_are_of_the_classes_passed_in(submission: Submission) -> None:
    net = new_network(submission, "lenet_from", ClassOf("Conv2d", spy=True), ClassOf("AvgPool2d", spy=True))
    kinds = [kind for _, kind, *_ in net.describe().modules]
    convolutions, poolings = kinds.count("GivenConv2d"), kinds.count("GivenAvgPool2d")
    sentence = f"{convolutions} of its layers are instances of the Conv2d passed in; there should be 2."
    that(convolutions == 2, call=net.title, aspect="values", sentence=sentence)
    # A pooling layer has no parameters, so the same one may be used in both places.
    sentence = f"{poolings} of its layers are instances of the AvgPool2d passed in; there should be 2."
    that(poolings in (1, 2), call=net.title, aspect="values", sentence=sentence)
    others = [kind for kind in kinds if kind in ("Conv2d", "AvgPool2d", "MaxPool2d")]
    sentence = (
        f"Some of its layers are torch's own ({', '.join(others)}), not instances of the classes passed in."
    )
    that(not others, call=net.title, aspect="values", sentence=sentence)


@property_of("lenet_from", "the classes passed in")
def test_whatever_is_passed_in_does_the_pooling(submission: Submission) -> None:
    net = new_network(submission, "lenet_from", ClassOf("Conv2d"), ClassOf("MaxPool2d"))
    weights = known_parameters(41)
    check_logits(submission, with_parameters(net, weights), images(2, 41), weights, F.max_pool2d)


@property_of("lenet_from", "outputs and gradients")
def test_logits_of_the_network_built_from_classes(submission: Submission) -> None:
    for spy in (False, True):
        net = new_network(submission, "lenet_from", ClassOf("Conv2d", spy=spy), ClassOf("AvgPool2d", spy=spy))
        weights, X = known_parameters(42), images(3, 42)
        with_parameters(net, weights)
        check_logits(submission, net, X, weights)
        check_logits(submission, net, X[:1], weights)
        repeats(submission, net, X)


@property_of("lenet_from", "outputs and gradients")
def test_gradients_of_the_network_built_from_classes(submission: Submission) -> None:
    net = new_network(submission, "lenet_from", ClassOf("Conv2d"), ClassOf("AvgPool2d"))
    weights = known_parameters(43)
    check_gradients(submission, with_parameters(net, weights), images(3, 43), weights)


@property_of("lenet_from", "devices")
def test_the_network_built_from_classes_on_an_accelerator(submission: Submission) -> None:
    classes = ClassOf("Conv2d"), ClassOf("AvgPool2d")
    module_works_on_the_accelerator(
        submission, "lenet_from", *classes, X=images(2, seed=93).float(), shape=(2, 10)
    )

"""Hidden properties of `lenet`."""

from __future__ import annotations

import hypothesis.strategies as st
import torch
from hypothesis import given

from graders.tasks.lenet.network_checks import (
    check_gradients,
    check_logits,
    has_shapes,
    new_network,
    with_parameters,
)
from graders.tasks.lenet.networks import SHAPES, expected_logits, images, known_parameters
from graders.testing import messages, tolerance
from graders.testing.devices import module_works_on_the_accelerator
from graders.testing.expect import agrees, compare, repeats, that
from graders.testing.properties import property_of
from graders.testing.strategies import tensor
from graders.testing.submission import Submission


@property_of("lenet", "parameters")
def test_it_has_the_parameters_of_lenet_in_forward_order(submission: Submission) -> None:
    net = new_network(submission, "lenet")
    has_shapes(net)
    trained = net.describe().trainable
    frozen = [name for name, trains in trained.items() if not trains]
    sentence = f"Every parameter should require grad; these don't: {', '.join(frozen)}."
    that(not frozen, call=net.title, aspect="parameters", sentence=sentence)


@property_of("lenet", "parameters")
def test_two_networks_have_parameters_of_their_own(submission: Submission) -> None:
    one, two = (new_network(submission, "lenet") for _ in range(2))
    has_shapes(one)
    one.assign([torch.zeros(shape) for shape in SHAPES])
    has_shapes(two)
    # torch draws the weights of a new network, so some of them are not zero.
    own = any(bool(value.any()) for _, value in two.describe().parameters)
    that(own, call="lenet(), lenet()", aspect="parameters", sentence="Two networks share their parameters.")


@property_of("lenet", "outputs")
def test_logits_for_known_parameters(submission: Submission) -> None:
    net = new_network(submission, "lenet")
    for count, seed in ((3, 1), (1, 2), (2, 3)):
        weights = known_parameters(seed)
        check_logits(submission, with_parameters(net, weights), images(count, seed), weights)


@property_of("lenet", "outputs")
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


@property_of("lenet", "outputs")
def test_each_image_is_processed_separately(submission: Submission) -> None:
    weights, X = known_parameters(5), images(4, 5)
    net = with_parameters(new_network(submission, "lenet"), weights)
    together = check_logits(submission, net, X, weights)
    alone = torch.cat([check_logits(submission, net, X[row : row + 1], weights) for row in (2, 0)])
    what = "result for images one by one, compared with the same images in a batch,"
    title = messages.call(net, (X[:1],), {})
    compare(alone, expected=together[[2, 0]], bound=tolerance.relative(alone, 1e-10), call=title, what=what)


@property_of("lenet", "outputs")
def test_the_same_image_gives_the_same_logits(submission: Submission) -> None:
    weights, X = known_parameters(6), images(2, 6)
    net = with_parameters(new_network(submission, "lenet"), weights)
    check_logits(submission, net, X, weights)
    repeats(submission, net, X)


@property_of("lenet", "outputs")
@given(seed=st.integers(0, 10_000))
def test_logits_for_random_parameters(submission: Submission, seed: int) -> None:
    weights = known_parameters(seed)
    check_logits(
        submission, with_parameters(new_network(submission, "lenet"), weights), images(2, seed), weights
    )


@property_of("lenet", "gradients")
def test_gradients_of_every_parameter_and_of_the_image(submission: Submission) -> None:
    net = new_network(submission, "lenet")
    for count, seed in ((3, 7), (1, 8)):
        weights = known_parameters(seed)
        check_gradients(submission, with_parameters(net, weights), images(count, seed), weights)


@property_of("lenet", "devices")
def test_the_network_on_an_accelerator(submission: Submission) -> None:
    X = images(2, seed=91).float().requires_grad_()
    module_works_on_the_accelerator(submission, "lenet", X=X, shape=(2, 10), cotangent=tensor(2, 10, seed=92))

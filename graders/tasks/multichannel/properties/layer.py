"""Hidden properties of `MultiChannelConv2d`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from graders.tasks.multichannel.cases import (
    PADDINGS,
    SMALL_BATCHES,
    STRIDES,
    TOGETHER,
    WITH_BIAS,
    Case,
    Question,
    case,
    sweep,
)
from graders.tasks.multichannel.convolutions import convolution, expected, expected_gradients
from graders.testing.devices import module_works_on_the_accelerator
from graders.testing.expect import agrees, gradients_agree, that
from graders.testing.messages import call
from graders.testing.module import Module
from graders.testing.narrowing import same_tensor
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import graded, tensor, with_zeros
from graders.testing.submission import Submission


def new_layer(submission: Submission, *args: Any, **kwargs: Any) -> Module:
    """The student's `MultiChannelConv2d(…)`, checked to be a module."""
    made = submission.create("MultiChannelConv2d", *args, **kwargs)
    right = isinstance(made, Module) and made.is_module()
    sentence = "MultiChannelConv2d(…) should be a torch.nn.Module."
    that(right, call=call("MultiChannelConv2d", args, kwargs), aspect="type", sentence=sentence)
    assert isinstance(made, Module)
    return made


def set_parameters(layer: Module, question: Question, title: str) -> dict[str, str]:
    """Give the layer the question's weight and bias; returns the layer's own name of each.

    They are recognised by their shapes: their names matter only in the group `state_dict`.
    """
    wanted = {label: value for label, value in question.inputs().items() if label != "X"}
    found = layer.describe().parameters
    names = {
        label: next((name for name, now in found if now.shape == value.shape), "")
        for label, value in wanted.items()
    }
    shapes = ", ".join(f"{name} {tuple(now.shape)}" for name, now in found) or "none"
    needed = " and ".join(str(tuple(value.shape)) for value in wanted.values())
    sentence = f"Its parameters are: {shapes}; there should be one of shape {needed}."
    fit = all(names.values()) and len(found) == len(wanted)
    that(fit, call=title, aspect="parameters", sentence=sentence)
    values = {names[label]: value for label, value in wanted.items()}
    layer.assign([values[name] for name, _ in found])
    return names


def check_layer(
    submission: Submission, one: Case, *args: Any, double: bool = False, zeros: int = 0, **kwargs: Any
) -> None:
    """`MultiChannelConv2d(*args, **kwargs)` with known parameters is the convolution of case `one`."""
    title = call("MultiChannelConv2d", args, kwargs)
    layer = new_layer(submission, *args, **kwargs)
    question = one.question(3)
    dtype = None
    if double:
        # Numbers that float32 can't represent.
        dtype, question = torch.float64, one.question(3, "normal", torch.float64)
        layer.convert(dtype=dtype)
    with_zeros(zeros, *question.inputs().values())
    set_parameters(layer, question, title)
    right, bound = expected("conv2d_batched", question, dtype or torch.float32)
    compared = partial(consistent, pure=True) if double else agrees
    compared(submission, layer, question.X, expected=right, bound=bound, dtype=dtype, context=title)


def check_layers(submission: Submission, cases: Sequence[Case]) -> None:
    """One layer for each case of a sweep; the size of a square kernel is given as an int."""
    for place, one in enumerate(cases):
        out_channels, in_channels, height, width = one.kernel
        size = height if height == width else (height, width)
        without = {} if one.bias else {"bias": False}
        check_layer(submission, one, in_channels, out_channels, size, zeros=place, **one.options, **without)


def check_state(submission: Submission, *args: Any, **kwargs: Any) -> None:
    """The layer's state loads into `nn.Conv2d` and the other way round, and the results follow."""
    title = call("MultiChannelConv2d", args, kwargs)
    layer, theirs = new_layer(submission, *args, **kwargs), nn.Conv2d(*args, **kwargs)
    state = layer.describe().state
    needed = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    came = {name: tuple(value.shape) for name, value in state.items()}
    sentence, other = f"Its state_dict holds {came or 'nothing'}.", f"that of nn.Conv2d holds {needed}"
    that(came == needed, call=title, aspect="parameters", sentence=sentence, expected=other)
    floating = all(value.is_floating_point() for value in state.values())
    sentence = "Its parameters should be floating-point numbers."
    that(floating, call=title, aspect="dtype", sentence=sentence)
    X = tensor(2, args[0], 5, 6, seed=1)
    new = {name: tensor(*shape, seed=2) for name, shape in needed.items()}
    for parameters, whose in ((state, "its own weights"), (new, "the state_dict of an nn.Conv2d")):
        theirs.load_state_dict(parameters)
        if parameters is new:
            layer.load_state(theirs.state_dict())
        question = Question(X, theirs.weight.detach(), None if theirs.bias is None else theirs.bias.detach())
        right, bound = expected("conv2d_batched", question)
        agrees(submission, layer, X, expected=right, bound=bound, context=f"{title} with {whose}")


@property_of("MultiChannelConv2d", "state_dict")
def test_its_state_dict_is_interchangeable_with_that_of_torch(submission: Submission) -> None:
    check_state(submission, 3, 2, 4)
    check_state(submission, 2, 3, (1, 4))
    check_state(submission, 1, 4, kernel_size=(3, 2))
    check_state(submission, 2, 2, 2, bias=True)


@property_of("MultiChannelConv2d", "initial weights")
def test_new_layers_start_with_random_weights(submission: Submission) -> None:
    title = "MultiChannelConv2d(3, 4, (2, 5))"
    first, second = (new_layer(submission, 3, 4, (2, 5)).describe().parameters for _ in range(2))
    parameters = [value for _, value in (*first, *second)]
    floating = all(value.is_floating_point() for value in parameters)
    that(floating, call=title, aspect="dtype", sentence="Its parameters should be floating-point numbers.")
    finite = all(bool(value.isfinite().all()) for value in parameters)
    that(finite, call=title, aspect="values", sentence="Its parameters should be finite numbers.")
    weights = [value.double() for value in parameters if value.shape == (4, 3, 2, 5)]
    sentence = "It should have one parameter of shape (4, 3, 2, 5)."
    that(len(weights) == 2, call=title, aspect="parameters", sentence=sentence)
    sentence = (
        "The weight should be drawn at random: output channels that start out equal stay equal for ever."
    )
    several = len(weights[0].flatten(1).unique(dim=0)) == 4
    that(several, call=title, aspect="values", sentence=sentence)
    differ = not same_tensor(*weights)
    that(differ, call=title, aspect="values", sentence="Two new layers should have different random weights.")


@property_of("MultiChannelConv2d", "forward")
def test_forward_is_the_convolution_plus_the_bias(submission: Submission) -> None:
    check_layer(submission, case((2, 3, 5, 4), (1, 3, 2, 3), bias=True), 3, 1, (2, 3))
    check_layer(submission, case((1, 2, 4, 5), (4, 2, 3, 3), bias=True), 2, 4, 3)
    check_layer(submission, case((3, 1, 1, 1), (2, 1, 1, 1), bias=True), 1, 2, 1)
    named: dict[str, Any] = {"in_channels": 3, "out_channels": 3, "kernel_size": (1, 2)}
    check_layer(submission, case((2, 3, 4, 3), (3, 3, 1, 2), bias=True), **named)


@property_of("MultiChannelConv2d", "forward")
def test_forward_for_every_pair_of_sizes(submission: Submission) -> None:
    small = (case(one.image, one.kernel, bias=True) for one in SMALL_BATCHES)
    check_layers(submission, (*sweep(bias=(True,), most_channels=2), *small))


@property_of("MultiChannelConv2d", "stride and padding")
def test_forward_with_stride_and_padding(submission: Submission) -> None:
    for one in (STRIDES[1], STRIDES[3], PADDINGS[0], PADDINGS[2], PADDINGS[4], *TOGETHER[3:]):
        with_bias = case(one.image, one.kernel, bias=True, **one.options)
        out_channels, in_channels, *window = one.kernel
        check_layer(submission, with_bias, in_channels, out_channels, tuple(window), **one.options)
    in_order = (3, 4, (3, 2), (2, 3), (1, 2))
    check_layer(submission, TOGETHER[2], *in_order)


@property_of("MultiChannelConv2d", "stride and padding")
def test_forward_for_every_pair_of_sizes_and_settings(submission: Submission) -> None:
    cases = sweep(bias=(True,), most_stride=3, most_padding=2, most_channels=3)
    check_layers(submission, cases)


@property_of("MultiChannelConv2d", "without bias")
def test_a_layer_without_bias(submission: Submission) -> None:
    check_state(submission, 3, 2, (2, 4), bias=False)
    check_layer(submission, case((2, 2, 4, 5), (3, 2, 3, 2)), 2, 3, (3, 2), bias=False)


@property_of("MultiChannelConv2d", "without bias")
def test_a_layer_without_bias_for_every_pair_of_sizes(submission: Submission) -> None:
    check_layers(submission, sweep(most_channels=2))


@property_of("MultiChannelConv2d", "gradients")
def test_gradients_reach_images_weight_and_bias(submission: Submission) -> None:
    for seed, one in enumerate(WITH_BIAS[1:4], -1):
        out_channels, in_channels, *window = one.kernel
        arguments = (in_channels, out_channels, tuple(window))
        title = call("MultiChannelConv2d", arguments, {})
        layer, question = new_layer(submission, *arguments), one.question(seed)
        # Not both factors of one product, or the gradient would be zero as well.
        question.X[-1, -1, -1, -1] = question.K[0, 0, 0, 0] = question.inputs()["bias"][0] = 0
        names = {"X": "X", **set_parameters(layer, question, title)}
        (upstream,) = with_zeros(seed, tensor(*convolution(question).shape, seed=seed + 99))
        right, bounds = expected_gradients(question, upstream)
        gradients_agree(
            submission,
            layer,
            question.X.requires_grad_(),
            cotangent=upstream,
            expected={names[label]: value for label, value in right.items()},
            bounds={names[label]: value for label, value in bounds.items()},
            context=title,
        )


@property_of("MultiChannelConv2d", "dtypes")
def test_the_layer_can_be_converted_to_float64(submission: Submission) -> None:
    one = case((2, 2, 4, 5), (3, 2, 2, 3), bias=True)
    check_layer(submission, one, 2, 3, (2, 3), double=True)


@property_of("MultiChannelConv2d", "devices")
def test_the_layer_on_an_accelerator(submission: Submission) -> None:
    X = graded(2, 2, 3, 4, seed=16)
    for bias in (True, False):
        module_works_on_the_accelerator(
            submission, "MultiChannelConv2d", 2, 3, 2, padding=1, bias=bias, X=X, shape=(2, 3, 4, 5)
        )

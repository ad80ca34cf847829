"""Hidden properties of `MaxPool2d` and `AvgPool2d`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.tasks.pooling.cases import PADDINGS, PLAIN, STRIDES, TOGETHER, Case, Swept, distinct, stepping
from graders.tasks.pooling.poolings import check_gradient, expected, far_below
from graders.testing.devices import module_works_on_the_accelerator
from graders.testing.expect import agrees, that
from graders.testing.messages import call
from graders.testing.module import Module
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import LAYOUTS, pairwise, tensor, with_zeros
from graders.testing.submission import Submission


def new_layer(submission: Submission, name: str, *args: Any, **kwargs: Any) -> Module:
    """A layer of the student's, checked to be a module."""
    made = submission.create(name, *args, **kwargs)
    right = isinstance(made, Module) and made.is_module()
    sentence = f"{name}(…) should be a torch.nn.Module."
    that(right, call=call(name, args, kwargs), aspect="type", sentence=sentence)
    assert isinstance(made, Module)
    return made


def check_layer(
    submission: Submission,
    name: str,
    X: Tensor,
    one: Case,
    in_order: bool = False,
    asks_reference: bool = True,
    compared: Callable[..., object] = agrees,
) -> None:
    """The layer of this case does the same to the batch `X` as torch's pooling."""
    mode = "max" if name == "MaxPool2d" else "avg"
    options = one.keywords(mode)
    del options["mode"]
    arguments = (one.window, *options.values()) if in_order else (one.window,)
    options = {} if in_order else options
    layer = new_layer(submission, name, *arguments, **options)
    by_hand = "pool2d_multi_channel" if asks_reference else None
    right, bound = expected(by_hand, X, one, mode, X.dtype)
    compared(submission, layer, X, expected=right, bound=bound, context=call(name, arguments, options))


def check_layers(submission: Submission, name: str, sweep: Swept) -> None:
    """One layer for each case of a sweep."""
    for seed, (one, outer) in enumerate(sweep):
        X = tensor(*outer, *one.image, seed=seed, values="negative")
        check_layer(submission, name, X, one, asks_reference=False)


def check_forward(submission: Submission, name: str) -> None:
    """Batches of every kind of shape; without a stride, windows lie side by side."""
    outer = ((2, 3), (3, 2), (1, 4), (4, 1), (2, 2), (1, 1))
    for seed, (one, sizes) in enumerate(zip(PLAIN, outer, strict=False)):
        (X,) = with_zeros(seed, tensor(*sizes, *one.image, seed=seed))
        check_layer(submission, name, X, Case(one.image, one.window))
    for values in ("negative", "normal"):
        X = tensor(2, 3, 4, 6, seed=7, values=values)
        check_layer(submission, name, X, Case((4, 6), (2, 3)))


def every_window() -> Swept:
    """Windows side by side, as without a stride, in one image per case."""
    rows = pairwise({"kh": range(1, 5), "kw": range(1, 5), "down": range(1, 4), "across": range(1, 4)})
    return tuple(
        (Case((row["kh"] * row["down"], row["kw"] * row["across"]), (row["kh"], row["kw"])), (1, 2))
        for row in rows
    )


def check_settings(submission: Submission, name: str) -> None:
    """Strides and paddings, as pairs and ints, by keyword and in order."""
    for seed, one in enumerate((STRIDES[4], STRIDES[6], *PADDINGS[1:5], *TOGETHER[:4])):
        check_layer(submission, name, tensor(2, 1, *one.image, seed=seed, values="negative"), one)
    check_layer(submission, name, tensor(2, 3, *TOGETHER[0].image, seed=5), TOGETHER[0], in_order=True)


def check_no_parameters(submission: Submission, name: str) -> None:
    """Nothing to learn, and nothing to save."""
    found = new_layer(submission, name, 2).describe()
    names = [name for name, _ in found.parameters]
    sentence = f"Pooling has nothing to learn, but the layer has these parameters: {', '.join(names)}."
    that(not names, call=f"{name}(2)", aspect="parameters", sentence=sentence)
    check_layer(submission, name, tensor(2, 3, 4, 6, seed=1), PLAIN[0], compared=consistent)


def check_gradients_and_dtypes(submission: Submission, name: str) -> None:
    """Gradients flow through the layer, and the dtype of the images is kept."""
    mode, one = "max" if name == "MaxPool2d" else "avg", PLAIN[0]
    layer, title = new_layer(submission, name, 2, stride=2), f"{name}(2, stride=2)"
    check_gradient(submission, layer, distinct(2, 3, 4, 6, seed=1), one, mode, context=title)
    for layout in ("contiguous", *LAYOUTS):
        X = tensor(2, 3, 4, 6, seed=2, values="normal", dtype=torch.float64, layout=layout)
        right, bound = expected("pool2d_multi_channel", X, one, mode, X.dtype)
        consistent(submission, layer, X, expected=right, bound=bound, dtype=X.dtype, context=title, pure=True)


@property_of("MaxPool2d", "forward")
def test_the_layer_takes_maxima(submission: Submission) -> None:
    check_forward(submission, "MaxPool2d")


@property_of("MaxPool2d", "forward")
def test_the_layer_takes_maxima_of_every_window(submission: Submission) -> None:
    check_layers(submission, "MaxPool2d", every_window())


@property_of("MaxPool2d", "stride and padding")
def test_the_layer_of_maxima_supports_stride_and_padding(submission: Submission) -> None:
    check_settings(submission, "MaxPool2d")
    check_layer(submission, "MaxPool2d", far_below(1, 2, *PADDINGS[2].image), PADDINGS[2])


@property_of("MaxPool2d", "stride and padding")
def test_the_layer_of_maxima_supports_every_stride_and_padding(submission: Submission) -> None:
    check_layers(submission, "MaxPool2d", stepping(most_padding=1, largest=3))


@property_of("MaxPool2d", "no parameters")
def test_the_layer_of_maxima_has_nothing_to_learn(submission: Submission) -> None:
    check_no_parameters(submission, "MaxPool2d")


@property_of("MaxPool2d", "gradients and dtypes")
def test_gradients_and_dtypes_of_the_layer_of_maxima(submission: Submission) -> None:
    check_gradients_and_dtypes(submission, "MaxPool2d")


@property_of("AvgPool2d", "forward")
def test_the_layer_takes_means(submission: Submission) -> None:
    check_forward(submission, "AvgPool2d")


@property_of("AvgPool2d", "forward")
def test_the_layer_takes_means_of_every_window(submission: Submission) -> None:
    check_layers(submission, "AvgPool2d", every_window())


@property_of("AvgPool2d", "stride and padding")
def test_the_layer_of_means_supports_stride_and_padding(submission: Submission) -> None:
    check_settings(submission, "AvgPool2d")


@property_of("AvgPool2d", "stride and padding")
def test_the_layer_of_means_supports_every_stride_and_padding(submission: Submission) -> None:
    check_layers(submission, "AvgPool2d", stepping(most_padding=1, largest=3))


@property_of("AvgPool2d", "no parameters")
def test_the_layer_of_means_has_nothing_to_learn(submission: Submission) -> None:
    check_no_parameters(submission, "AvgPool2d")


@property_of("AvgPool2d", "gradients and dtypes")
def test_gradients_and_dtypes_of_the_layer_of_means(submission: Submission) -> None:
    check_gradients_and_dtypes(submission, "AvgPool2d")


@property_of("MaxPool2d", "devices")
def test_the_layer_of_maxima_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(
        submission, "MaxPool2d", 2, padding=1, X=tensor(2, 2, 4, 3, seed=4), shape=(2, 2, 3, 2)
    )
    module_works_on_the_accelerator(
        submission, "MaxPool2d", (2, 3), stride=1, X=tensor(2, 2, 4, 3, seed=4), shape=(2, 2, 3, 1)
    )


@property_of("AvgPool2d", "devices")
def test_the_layer_of_means_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(
        submission, "AvgPool2d", 2, padding=1, X=tensor(2, 2, 4, 3, seed=5), shape=(2, 2, 3, 2)
    )
    module_works_on_the_accelerator(
        submission, "AvgPool2d", (2, 3), stride=1, X=tensor(2, 2, 4, 3, seed=5), shape=(2, 2, 3, 1)
    )

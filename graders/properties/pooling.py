"""What must hold in exercise 4: pooling of images, channels and batches, as layers, and receptive fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor
from torch.nn import functional as F

from graders import tolerance
from graders.devices import module_works_on_the_accelerator, works_on_the_accelerator
from graders.expect import (
    NotWritten,
    agrees,
    answers,
    compare,
    equal,
    leaves_arguments_alone,
    references_agree,
    refuses,
    that,
)
from graders.holds import holds
from graders.messages import call
from graders.poolings import (
    PADDINGS,
    PLAIN,
    STRIDES,
    TOGETHER,
    Case,
    Pair,
    Size,
    Swept,
    bound_of_means,
    cases,
    check,
    check_cases,
    check_dtypes,
    check_gradient,
    check_gradients,
    check_kinds,
    check_layouts,
    check_side_effects,
    check_sweep,
    distinct,
    expected,
    expected_gradient,
    far_below,
    framed,
    is_right,
    pooled,
    right_ones,
    side_by_side,
    stepping,
)
from graders.strategies import LAYOUTS, VALUES, Values, pairwise, seeds, tensor
from graders.subject import Module, Submission
from solutions import pooling as reference

EXERCISE = "pooling"
GROUPS = {
    "pool2d": {
        "max": 2,
        "avg": 3,
        "stride": 2,
        "padding of max": 1,
        "padding of avg": 1,
        "all together": 1,
        "gradients": 2,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "pool2d_multi_channel": {
        "max": 2,
        "avg": 2,
        "batches": 2,
        "stride and padding": 2,
        "gradients": 1,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "MaxPool2d": {
        "forward": 2,
        "stride and padding": 2,
        "no parameters": 1,
        "gradients and dtypes": 1,
        "devices": 1,
    },
    "AvgPool2d": {
        "forward": 2,
        "stride and padding": 2,
        "no parameters": 1,
        "gradients and dtypes": 1,
        "devices": 1,
    },
    "receptive_field": {
        "stride 1": 1,
        "equal strides": 1,
        "different strides": 2,
        "holes": 1,
        "no layers": 1,
    },
    "avg_pool_as_conv": {"square windows": 2, "rectangular windows": 1, "fixed weights": 1, "devices": 1},
    "pool2d_backward": {"max": 2, "avg": 2, "ties": 1, "stride": 2, "dtypes and layouts": 1, "devices": 1},
    "invalid_input": {"pool2d": 2, "pool2d_multi_channel": 1},
}


# ----------------------------------------------------------------------------------------------------- pool2d


@holds("pool2d", "max")
def test_maxima_of_windows_side_by_side(submission: Submission) -> None:
    check_cases(submission, "pool2d", PLAIN, "max")
    check_cases(submission, "pool2d", PLAIN[:3], "max", values="ties")


@holds("pool2d", "max")
def test_maxima_of_every_window(submission: Submission) -> None:
    check_sweep(submission, "pool2d", side_by_side(), "max")


@holds("pool2d", "max")
def test_maxima_of_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "pool2d", PLAIN[0], "max")
    check(submission, "pool2d", far_below(*PLAIN[0].image), PLAIN[0], "max")


@holds("pool2d", "max")
def test_the_maximum_is_the_default(submission: Submission) -> None:
    X = tensor(5, 3, seed=8)
    right = X.max().double().reshape(1, 1)
    agrees(submission, "pool2d", X, (5, 3), expected=right, bound=tolerance.exact(right))


@holds("pool2d", "avg")
def test_means_of_windows_side_by_side(submission: Submission) -> None:
    check_cases(submission, "pool2d", PLAIN, "avg")


@holds("pool2d", "avg")
def test_means_of_every_window(submission: Submission) -> None:
    check_sweep(submission, "pool2d", side_by_side(), "avg")


@holds("pool2d", "avg")
def test_means_of_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "pool2d", PLAIN[0], "avg")


@holds("pool2d", "stride")
def test_strides_of_every_kind(submission: Submission) -> None:
    check_cases(submission, "pool2d", STRIDES, "max")
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d", PLAIN[:1]):
        check_cases(submission, "pool2d", STRIDES, "avg")


@holds("pool2d", "stride")
def test_every_stride_with_every_window(submission: Submission) -> None:
    check_sweep(submission, "pool2d", stepping(), "max")
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d", PLAIN[:1]):
        check_sweep(submission, "pool2d", stepping(), "avg")


@holds("pool2d", "stride")
def test_a_stride_leaves_out_windows_and_changes_none(submission: Submission) -> None:
    X = distinct(6, 7, seed=5)
    every, strided = Case((6, 7), (2, 3), 1), Case((6, 7), (2, 3), (3, 2))
    check(submission, "pool2d", X, every, "max")
    right = submission.pool2d(X, (2, 3), **every.keywords("max"))[::3, ::2].double()
    title = call("pool2d", (X, (2, 3)), strided.keywords("max"))
    what = "result with stride (3, 2), compared with every 3rd row and 2nd column of that with stride 1,"
    value = submission.pool2d(X, (2, 3), **strided.keywords("max"))
    compare(value, expected=right, bound=tolerance.exact(right), call=title, what=what)


@holds("pool2d", "padding of max")
def test_padding_never_wins_a_maximum(submission: Submission) -> None:
    check_cases(submission, "pool2d", PADDINGS, "max")
    check_cases(submission, "pool2d", PADDINGS, "max", values="negative")
    check(submission, "pool2d", far_below(*PADDINGS[2].image), PADDINGS[2], "max")


@holds("pool2d", "padding of max")
def test_every_padding_of_every_window_for_maxima(submission: Submission) -> None:
    check_sweep(submission, "pool2d", framed(), "max", values="negative")


@holds("pool2d", "padding of avg")
def test_padding_is_part_of_the_mean(submission: Submission) -> None:
    check_cases(submission, "pool2d", PADDINGS, "avg")
    check_cases(submission, "pool2d", PADDINGS, "avg", values="negative")


@holds("pool2d", "padding of avg")
def test_every_padding_of_every_window_for_means(submission: Submission) -> None:
    check_sweep(submission, "pool2d", framed(), "avg")


@holds("pool2d", "padding of avg")
def test_padding_is_a_frame_of_zeros_around_the_image(submission: Submission) -> None:
    X, framed = tensor(4, 2, seed=6), Case((8, 4), 4, 4)
    check(submission, "pool2d", X, PADDINGS[3], "avg")
    right = expected("pool2d", X, PADDINGS[3], "avg", X.dtype)[0]
    by_hand = F.pad(X, (1, 1, 2, 2))
    bound = bound_of_means(by_hand, framed, X.dtype)
    agrees(submission, "pool2d", by_hand, 4, expected=right, bound=bound, **framed.keywords("avg"))


@holds("pool2d", "all together")
def test_stride_and_padding_together(submission: Submission) -> None:
    for mode in ("max", "avg"):
        check_cases(submission, "pool2d", TOGETHER, mode)
        X, one = tensor(9, 7, seed=3), TOGETHER[0]
        right, bound = expected("pool2d", X, one, mode, X.dtype)
        in_order = (X, one.window, mode, one.stride, one.padding)
        agrees(submission, "pool2d", *in_order, expected=right, bound=bound)


@holds("pool2d", "all together")
def test_every_pair_of_window_stride_and_padding(submission: Submission) -> None:
    for mode in ("max", "avg"):
        check_sweep(submission, "pool2d", stepping(most_padding=2), mode)


@holds("pool2d", "all together")
@given(
    one=cases(), mode=st.sampled_from(("max", "avg")), values=st.sampled_from((*VALUES, "ties")), seed=seeds()
)
def test_random_windows_strides_and_paddings(
    submission: Submission, one: Case, mode: str, values: Values, seed: int
) -> None:
    check(submission, "pool2d", tensor(*one.image, seed=seed, values=values), one, mode)


@holds("pool2d", "gradients")
def test_gradients_for_a_random_upstream(submission: Submission) -> None:
    check_gradients(submission, "pool2d")


@holds("pool2d", "dtypes")
def test_the_dtype_of_the_image(submission: Submission) -> None:
    check_dtypes(submission, "pool2d")


@holds("pool2d", "layouts")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "pool2d")


@holds("pool2d", "side effects")
def test_image_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "pool2d")


# --------------------------------------------------------------------------------------- pool2d_multi_channel


def check_channels_alone(submission: Submission, mode: str) -> None:
    """What lies in the other channels makes no difference to a channel."""
    X = tensor(3, 4, 6, seed=7)
    check(submission, "pool2d_multi_channel", X, PLAIN[0], mode)
    other = X.clone()
    other[0], other[2] = tensor(2, 4, 6, seed=8, values="large")
    check(submission, "pool2d_multi_channel", other, PLAIN[0], mode)


@holds("pool2d_multi_channel", "max")
def test_maxima_of_every_channel(submission: Submission) -> None:
    check_cases(submission, "pool2d_multi_channel", PLAIN, "max", 5)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "max", 1)
    check_kinds(submission, "pool2d_multi_channel", PLAIN[0], "max", 2)
    check_channels_alone(submission, "max")
    check(submission, "pool2d_multi_channel", tensor(3, 3, 3, seed=1), Case((3, 3), 3, 3), "max")
    X = tensor(2, 3, 4, seed=2)
    right = X.amax(dim=(1, 2), keepdim=True).double()
    agrees(submission, "pool2d_multi_channel", X, (3, 4), expected=right, bound=tolerance.exact(right))


@holds("pool2d_multi_channel", "max")
def test_maxima_of_every_window_in_every_channel(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", side_by_side(), "max", 1)


@holds("pool2d_multi_channel", "avg")
def test_means_of_every_channel(submission: Submission) -> None:
    check_cases(submission, "pool2d_multi_channel", PLAIN, "avg", 5)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "avg", 1)
    check_kinds(submission, "pool2d_multi_channel", PLAIN[0], "avg", 2)
    check_channels_alone(submission, "avg")


@holds("pool2d_multi_channel", "avg")
def test_means_of_every_window_in_every_channel(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", side_by_side(), "avg", 1)


@holds("pool2d_multi_channel", "batches")
def test_batches_of_images(submission: Submission) -> None:
    check_cases(submission, "pool2d_multi_channel", PLAIN[:5], "max", 2, 3)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "max", 1, 4)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "max", 5, 1)
    check_cases(submission, "pool2d_multi_channel", PLAIN[4:7], "max", 3, 3)
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d_multi_channel", PLAIN[:1], 2):
        check_cases(submission, "pool2d_multi_channel", PLAIN[:5], "avg", 3, 2)


@holds("pool2d_multi_channel", "batches")
def test_every_window_in_batches_of_every_size(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", side_by_side(), "max", 2)


@holds("pool2d_multi_channel", "stride and padding")
def test_strides_and_paddings_of_every_channel(submission: Submission) -> None:
    table = (*STRIDES[:5], *PADDINGS[:4], *TOGETHER[:3])
    check_cases(submission, "pool2d_multi_channel", table, "max", 2, values="negative")
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d_multi_channel", PLAIN[:1], 2):
        check_cases(submission, "pool2d_multi_channel", table, "avg", 2)
    X, one = tensor(2, 9, 7, seed=3), TOGETHER[0]
    right, bound = expected("pool2d_multi_channel", X, one, "max", X.dtype)
    in_order = (X, one.window, "max", one.stride, one.padding)
    agrees(submission, "pool2d_multi_channel", *in_order, expected=right, bound=bound)


@holds("pool2d_multi_channel", "stride and padding")
def test_every_pair_of_window_stride_and_padding_in_every_channel(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", stepping(most_padding=2), "max", 1)


@holds("pool2d_multi_channel", "stride and padding")
@given(one=cases(), channels=st.integers(1, 3), values=st.sampled_from(VALUES), seed=seeds())
def test_random_windows_of_every_channel(
    submission: Submission, one: Case, channels: int, values: Values, seed: int
) -> None:
    X = tensor(channels, *one.image, seed=seed, values=values)
    check(submission, "pool2d_multi_channel", X, one, "max")


@holds("pool2d_multi_channel", "gradients")
def test_gradients_of_every_channel(submission: Submission) -> None:
    check_gradients(submission, "pool2d_multi_channel", 3)


@holds("pool2d_multi_channel", "dtypes")
def test_the_dtype_of_the_channels(submission: Submission) -> None:
    check_dtypes(submission, "pool2d_multi_channel", 2)


@holds("pool2d_multi_channel", "layouts")
def test_views_of_channels_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "pool2d_multi_channel", 3)


@holds("pool2d_multi_channel", "side effects")
def test_channels_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "pool2d_multi_channel", 2)


# --------------------------------------------------------------------------------------- MaxPool2d, AvgPool2d


def new_layer(submission: Submission, name: str, *args: Any, **kwargs: Any) -> Module:
    """A layer of the student's, checked to be a module."""
    made = submission.create(name, *args, **kwargs)
    right = isinstance(made, Module) and made.is_module()
    sentence = f"{name}(…) should make a torch.nn.Module."
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
) -> None:
    """The layer of this case is torch's pooling of the batch `X`."""
    mode = "max" if name == "MaxPool2d" else "avg"
    options = one.keywords(mode)
    del options["mode"]
    arguments = (one.window, *options.values()) if in_order else (one.window,)
    options = {} if in_order else options
    layer = new_layer(submission, name, *arguments, **options)
    by_hand = "pool2d_multi_channel" if asks_reference else None
    right, bound = expected(by_hand, X, one, mode, X.dtype)
    agrees(submission, layer, X, expected=right, bound=bound, context=call(name, arguments, options))


def check_layers(submission: Submission, name: str, sweep: Swept) -> None:
    """One layer for each case of a sweep."""
    for seed, (one, outer) in enumerate(sweep):
        X = tensor(*outer, *one.image, seed=seed, values="negative")
        check_layer(submission, name, X, one, asks_reference=False)


def check_forward(submission: Submission, name: str) -> None:
    """Batches of every kind of shape, windows side by side because nothing else was said."""
    outer = ((2, 3), (3, 2), (1, 4), (4, 1), (2, 2), (1, 1))
    for seed, (one, sizes) in enumerate(zip(PLAIN, outer, strict=False)):
        check_layer(submission, name, tensor(*sizes, *one.image, seed=seed), Case(one.image, one.window))
    for values in ("negative", "normal"):
        X = tensor(2, 3, 4, 6, seed=7, values=values)
        check_layer(submission, name, X, Case((4, 6), (2, 3)))


def every_window() -> Swept:
    """Windows side by side because nothing else was said, in as many images as there are cases."""
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
    sentence = f"Pooling has nothing to learn, but the layer has the parameters {', '.join(names)}."
    that(not names, call=f"{name}(2)", aspect="parameters", sentence=sentence)
    check_layer(submission, name, tensor(2, 3, 4, 6, seed=1), PLAIN[0])


def check_gradients_and_dtypes(submission: Submission, name: str) -> None:
    """Gradients flow through the layer, and the dtype of the images is kept."""
    mode, one = "max" if name == "MaxPool2d" else "avg", PLAIN[0]
    layer, title = new_layer(submission, name, 2, stride=2), f"{name}(2, stride=2)"
    check_gradient(submission, layer, distinct(2, 3, 4, 6, seed=1), one, mode, context=title)
    for layout in ("contiguous", *LAYOUTS):
        X = tensor(2, 3, 4, 6, seed=2, values="normal", dtype=torch.float64, layout=layout)
        right, bound = expected("pool2d_multi_channel", X, one, mode, X.dtype)
        agrees(submission, layer, X, expected=right, bound=bound, dtype=X.dtype, context=title)


@holds("MaxPool2d", "forward")
def test_the_layer_takes_maxima(submission: Submission) -> None:
    check_forward(submission, "MaxPool2d")


@holds("MaxPool2d", "forward")
def test_the_layer_takes_maxima_of_every_window(submission: Submission) -> None:
    check_layers(submission, "MaxPool2d", every_window())


@holds("MaxPool2d", "stride and padding")
def test_the_layer_of_maxima_knows_stride_and_padding(submission: Submission) -> None:
    check_settings(submission, "MaxPool2d")


@holds("MaxPool2d", "stride and padding")
def test_the_layer_of_maxima_knows_every_stride_and_padding(submission: Submission) -> None:
    check_layers(submission, "MaxPool2d", stepping(most_padding=1, largest=3))


@holds("MaxPool2d", "no parameters")
def test_the_layer_of_maxima_has_nothing_to_learn(submission: Submission) -> None:
    check_no_parameters(submission, "MaxPool2d")


@holds("MaxPool2d", "gradients and dtypes")
def test_gradients_and_dtypes_of_the_layer_of_maxima(submission: Submission) -> None:
    check_gradients_and_dtypes(submission, "MaxPool2d")


@holds("AvgPool2d", "forward")
def test_the_layer_takes_means(submission: Submission) -> None:
    check_forward(submission, "AvgPool2d")


@holds("AvgPool2d", "forward")
def test_the_layer_takes_means_of_every_window(submission: Submission) -> None:
    check_layers(submission, "AvgPool2d", every_window())


@holds("AvgPool2d", "stride and padding")
def test_the_layer_of_means_knows_stride_and_padding(submission: Submission) -> None:
    check_settings(submission, "AvgPool2d")


@holds("AvgPool2d", "stride and padding")
def test_the_layer_of_means_knows_every_stride_and_padding(submission: Submission) -> None:
    check_layers(submission, "AvgPool2d", stepping(most_padding=1, largest=3))


@holds("AvgPool2d", "no parameters")
def test_the_layer_of_means_has_nothing_to_learn(submission: Submission) -> None:
    check_no_parameters(submission, "AvgPool2d")


@holds("AvgPool2d", "gradients and dtypes")
def test_gradients_and_dtypes_of_the_layer_of_means(submission: Submission) -> None:
    check_gradients_and_dtypes(submission, "AvgPool2d")


# -------------------------------------------------------------------------------------------- receptive_field


def extent(layers: Sequence[Pair]) -> int:
    """From the first to the last input that one output is made from, followed down layer by layer."""
    seen = {0}
    for kernel, stride in reversed(layers):
        seen = {place * stride + element for place in seen for element in range(kernel)}
    return max(seen) - min(seen) + 1


def stacks(*depths: int, strides: Sequence[int], holes: bool = False) -> Iterator[tuple[Pair, ...]]:
    """Layers one upon another in which any two kernel sizes and strides meet, with or without holes."""
    for depth in depths:
        settings: dict[str, Sequence[int]] = {}
        for place in range(depth):
            settings |= {f"kernel {place}": range(1, 6), f"stride {place}": strides}
        found = []
        for row in pairwise(settings):
            numbers = list(row.values())
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            found.append(tuple(pair if holes else (max(pair), pair[1]) for pair in pairs))
        yield from dict.fromkeys(found)


def check_field(submission: Submission, *layers: Pair, as_tuple: bool = True) -> None:
    """`receptive_field` agrees with following the inputs one by one; lists and tuples alike."""
    right = reference.receptive_field(layers)
    references_agree(torch.tensor(right), torch.tensor(extent(layers)), torch.tensor(0))
    for sequence in (list(layers), layers) if as_tuple else (list(layers),):
        title = f"receptive_field({sequence})"
        equal(submission.receptive_field(sequence), right, call=title)


@holds("receptive_field", "stride 1")
def test_fields_of_layers_without_stride(submission: Submission) -> None:
    for kernels in ((3,), (3, 3), (3, 3, 3), (1,), (5, 1, 2), (2, 4), (7, 5, 3, 1)):
        check_field(submission, *((kernel, 1) for kernel in kernels))


@holds("receptive_field", "stride 1")
def test_fields_of_every_pair_of_layers_without_stride(submission: Submission) -> None:
    for layers in stacks(2, 3, strides=(1,)):
        check_field(submission, *layers, as_tuple=False)


@holds("receptive_field", "equal strides")
def test_fields_of_layers_with_equal_strides(submission: Submission) -> None:
    for kernels, stride in (((3, 3), 2), ((2, 2, 2), 2), ((3, 5, 4), 3), ((4,), 2), ((3, 4, 2, 3), 2)):
        check_field(submission, *((kernel, stride) for kernel in kernels))


@holds("receptive_field", "equal strides")
def test_fields_of_every_pair_of_layers_with_equal_strides(submission: Submission) -> None:
    for stride in (2, 3, 4):
        for layers in stacks(2, strides=(stride,)):
            check_field(submission, *layers, as_tuple=False)


@holds("receptive_field", "different strides")
def test_fields_of_layers_with_different_strides(submission: Submission) -> None:
    check_field(submission, (5, 1), (2, 2), (5, 1), (2, 2))
    check_field(submission, (3, 1), (3, 2))
    check_field(submission, (3, 2), (3, 1))
    check_field(submission, (4, 2), (3, 1), (5, 3), (2, 1))
    check_field(submission, (2, 1), (3, 3), (4, 2))
    check_field(submission, (7, 2), (3, 2), (3, 1), (1, 1), (3, 2), (3, 1))


@holds("receptive_field", "different strides")
def test_fields_of_every_pair_of_kernels_and_strides(submission: Submission) -> None:
    for layers in stacks(1, 2, 3, 4, 5, strides=range(1, 5)):
        check_field(submission, *layers, as_tuple=False)


@holds("receptive_field", "different strides")
@given(layers=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=5))
def test_fields_of_random_layers(submission: Submission, layers: list[Pair]) -> None:
    check_field(submission, *((max(kernel, stride), stride) for kernel, stride in layers))


@holds("receptive_field", "holes")
def test_holes_between_the_inputs_belong_to_the_field(submission: Submission) -> None:
    check_field(submission, (1, 3), (2, 1))
    check_field(submission, (2, 4), (3, 1))
    check_field(submission, (1, 2), (1, 5), (3, 1))
    check_field(submission, (3, 1), (1, 4), (2, 3), (2, 1))


@holds("receptive_field", "holes")
def test_holes_of_every_pair_of_kernels_and_strides(submission: Submission) -> None:
    for layers in stacks(2, strides=range(1, 5), holes=True):
        check_field(submission, *layers, as_tuple=False)


@holds("receptive_field", "no layers")
def test_without_layers_an_element_sees_itself(submission: Submission) -> None:
    check_field(submission)
    check_field(submission, (1, 1))
    check_field(submission, (3, 1), (2, 2))


# ------------------------------------------------------------------------------------------- avg_pool_as_conv


def check_as_convolution(submission: Submission, channels: int, kernel_size: Size, image: Pair) -> None:
    """A convolution whose result is that of `nn.AvgPool2d(kernel_size)`."""
    title = call("avg_pool_as_conv", (channels, kernel_size), {})
    made = submission.create("avg_pool_as_conv", channels, kernel_size)
    if made is None:
        raise NotWritten
    right = isinstance(made, Module) and made.is_module()
    that(right, call=title, aspect="type", sentence="It should return an nn.Conv2d.")
    one, X = Case(image, kernel_size), tensor(2, channels, *image, seed=channels)
    kernels = [value for value in made.describe().state.values() if isinstance(value, Tensor)]
    convolves = any(value.dim() == 4 and value.shape[2:] == one.window_pair for value in kernels)
    sentence = f"It should return an nn.Conv2d with a weight for each place of the window, not a {made.type}."
    that(convolves, call=title, aspect="type", sentence=sentence)
    means = expected("pool2d_multi_channel", X, one, "avg", X.dtype)[0]
    absolute = pooled(X.double().abs(), one, "avg")
    kh, kw = one.window_pair
    # As a convolution over all channels it adds as many zeros more; by a transform it errs by norms.
    bound = tolerance.products(
        absolute, channels * kh * kw + 3, X.dtype, X.double().norm() / (kh * kw) ** 0.5
    )
    agrees(submission, made, X, expected=means, bound=bound, context=title)


@holds("avg_pool_as_conv", "square windows")
def test_a_convolution_that_takes_means(submission: Submission) -> None:
    for channels, window, image in (
        (3, 2, (4, 6)),
        (1, 3, (3, 6)),
        (2, 2, (5, 7)),
        (4, 1, (2, 3)),
        (2, 3, (7, 8)),
    ):
        check_as_convolution(submission, channels, window, image)


@holds("avg_pool_as_conv", "square windows")
def test_a_convolution_for_every_square_and_number_of_channels(submission: Submission) -> None:
    for row in pairwise({"channels": range(1, 4), "k": range(1, 4), "more": range(3)}):
        size = row["k"] + row["more"]
        check_as_convolution(submission, row["channels"], row["k"], (size, size + 1))


@holds("avg_pool_as_conv", "rectangular windows")
def test_a_convolution_that_takes_means_of_rectangles(submission: Submission) -> None:
    for channels, window, image in (
        (3, (2, 3), (5, 7)),
        (2, (4, 1), (8, 3)),
        (1, (1, 2), (2, 5)),
        (5, (3, 2), (6, 4)),
    ):
        check_as_convolution(submission, channels, window, image)


@holds("avg_pool_as_conv", "rectangular windows")
def test_a_convolution_for_every_rectangle_and_number_of_channels(submission: Submission) -> None:
    settings = {"channels": range(1, 4), "kh": range(1, 4), "kw": range(1, 4), "more": range(3)}
    for row in pairwise(settings, lambda kh, kw: kh != kw):
        kh, kw = row["kh"], row["kw"]
        check_as_convolution(submission, row["channels"], (kh, kw), (kh + row["more"], kw * 2))


@holds("avg_pool_as_conv", "fixed weights")
def test_a_convolution_that_never_learns(submission: Submission) -> None:
    check_as_convolution(submission, 2, 2, (4, 6))
    made = submission.create("avg_pool_as_conv", 2, 2)
    learning = [name for name, learns in made.describe().trainable.items() if learns]
    sentence = f"Its weights should be fixed, but {', '.join(learning)} requires grad."
    that(not learning, call="avg_pool_as_conv(2, 2)", aspect="parameters", sentence=sentence)


# -------------------------------------------------------------------------------------------- pool2d_backward


def check_backward(
    submission: Submission,
    X: Tensor,
    one: Case,
    mode: str,
    upstream: Tensor | None = None,
    asks_reference: bool = True,
) -> None:
    """`pool2d_backward` gives the gradient of the image."""
    shape = pooled(X, one, mode).shape
    grad_Y = tensor(*shape, seed=77) if upstream is None else upstream
    right, bound = expected_gradient(X, one, mode, grad_Y)
    if asks_reference:
        ours = reference.pool2d_backward(grad_Y.double(), X.double(), one.window, mode, one.stride)
        references_agree(ours, right, bound)
    options = one.keywords(mode)
    value = submission.pool2d_backward(grad_Y, X, one.window, **options)
    settings = ", ".join(f"{key}={setting!r}" for key, setting in options.items())
    title = (
        f"pool2d_backward(grad_Y of shape {tuple(shape)}, X of shape {one.image}, {one.window}, {settings})"
    )
    dtype = upstream.dtype if upstream is not None else None
    compare(value, expected=right, bound=bound, dtype=dtype, call=title, shown={"grad_Y": grad_Y, "X": X})


def check_backwards(submission: Submission, sweep: Swept, mode: str) -> None:
    """The gradient for every case of a sweep; no maximum is tied."""
    for seed, (one, _) in enumerate(sweep):
        check_backward(submission, distinct(*one.image, seed=seed), one, mode, asks_reference=False)


@holds("pool2d_backward", "max")
def test_the_gradient_goes_to_the_maximum(submission: Submission) -> None:
    for seed, one in enumerate(PLAIN):
        check_backward(submission, distinct(*one.image, seed=seed), one, "max")
    check_backward(submission, distinct(4, 6, seed=1) - 5000, PLAIN[0], "max")
    X, right = torch.tensor([[1.0, 4.0], [3.0, 2.0]]), torch.tensor([[0.0, 7.0], [0.0, 0.0]])
    value = submission.pool2d_backward(torch.tensor([[7.0]]), X, 2)
    compare(
        value,
        expected=right,
        bound=tolerance.exact(right),
        call="pool2d_backward(grad_Y, X, 2)",
        shown={"X": X},
    )


@holds("pool2d_backward", "max")
def test_the_gradient_goes_to_the_maximum_of_every_window(submission: Submission) -> None:
    check_backwards(submission, side_by_side(), "max")


@holds("pool2d_backward", "avg")
def test_the_gradient_is_shared_by_the_window(submission: Submission) -> None:
    for seed, one in enumerate(PLAIN):
        check_backward(submission, tensor(*one.image, seed=seed), one, "avg")


@holds("pool2d_backward", "avg")
def test_the_gradient_is_shared_by_every_window(submission: Submission) -> None:
    check_backwards(submission, side_by_side(), "avg")


@holds("pool2d_backward", "ties")
def test_the_first_of_tied_maxima_gets_the_gradient(submission: Submission) -> None:
    for seed, one in enumerate(PLAIN):
        check_backward(submission, tensor(*one.image, seed=seed, values="ties"), one, "max")
    check_backward(submission, torch.ones(4, 6), PLAIN[0], "max")


@holds("pool2d_backward", "stride")
def test_overlapping_windows_add_up(submission: Submission) -> None:
    for seed, one in enumerate(STRIDES):
        check_backward(submission, distinct(*one.image, seed=seed), one, "max")
    if is_right(check_backward, submission, tensor(4, 6, seed=1), PLAIN[0], "avg"):
        for seed, one in enumerate(STRIDES):
            check_backward(submission, tensor(*one.image, seed=seed), one, "avg")


@holds("pool2d_backward", "stride")
def test_the_gradient_for_every_stride_with_every_window(submission: Submission) -> None:
    check_backwards(submission, stepping(largest=3), "max")
    if is_right(check_backward, submission, tensor(4, 6, seed=1), PLAIN[0], "avg"):
        check_backwards(submission, stepping(largest=3), "avg")


@holds("pool2d_backward", "dtypes and layouts")
def test_the_gradient_in_float64_of_views(submission: Submission) -> None:
    modes = ["max"]
    if is_right(check_backward, submission, tensor(4, 6, seed=1), PLAIN[0], "avg"):
        modes.append("avg")
    for layout in ("contiguous", *LAYOUTS):
        X = tensor(4, 6, seed=1, values="normal", dtype=torch.float64, layout=layout)
        grad_Y = tensor(2, 3, seed=2, values="normal", dtype=torch.float64, layout=layout)
        for mode in modes:
            check_backward(submission, X, PLAIN[0], mode, grad_Y)
    leaves_arguments_alone(
        submission, "pool2d_backward", tensor(2, 3, seed=3), distinct(4, 6, seed=4), 2, stride=2
    )


# ---------------------------------------------------------------------------------------------- invalid_input


def check_refusals(submission: Submission, name: str, *outer: int) -> None:
    """Windows, strides, paddings and modes that have no result."""
    answers(submission, name, tensor(*outer, *PLAIN[0].image, seed=1), PLAIN[0].window)
    # A window larger than the bare image has a result, as long as it fits into the padded one.
    larger = PADDINGS[5]
    answers(submission, name, torch.ones(*outer, *larger.image), larger.window, **larger.keywords("max"))
    X = torch.ones(*outer, 3, 4)
    shape = tuple(X.shape)
    for window, padding in ((4, 0), ((4, 2), 0), ((2, 5), 0), ((6, 2), 1), ((2, 7), (0, 1))):
        naming = [shape, (3, 4), window, 3, 4, *(window if isinstance(window, tuple) else ())]
        for mode in ("max", "avg"):
            refuses(submission, name, X, window, mode=mode, padding=padding, naming=naming)
    for stride, worst in ((0, 0), (-1, -1), ((1, 0), 0), ((0, 2), 0)):
        for mode in ("max", "avg"):
            refuses(submission, name, X, 2, mode=mode, stride=stride, naming=[stride, worst, "stride"])
    for window, padding in ((2, 2), (3, 2), ((2, 3), (2, 1)), ((3, 2), (1, 2)), (1, 1)):
        naming = [window, padding, "padding", *(padding if isinstance(padding, tuple) else ())]
        for mode in ("max", "avg"):
            refuses(submission, name, X, window, mode=mode, padding=padding, naming=naming)
    for unknown in ("median", "sum"):
        refuses(submission, name, X, 2, mode=unknown, naming=[unknown, "mode"])


def check_dimensions(submission: Submission, name: str, *shapes: tuple[int, ...]) -> None:
    """Images with another number of axes than the function is for."""
    for shape in shapes:
        for mode in ("max", "avg"):
            refuses(submission, name, torch.ones(shape), 2, mode=mode, naming=[shape, len(shape), *shape])


@holds("invalid_input", "pool2d")
def test_windows_without_a_result_are_refused(submission: Submission) -> None:
    check_refusals(submission, "pool2d")
    check_dimensions(submission, "pool2d", (6,), (3, 4, 6), (1, 1, 4, 6))


@holds("invalid_input", "pool2d_multi_channel")
def test_windows_without_a_result_are_refused_for_channels_too(submission: Submission) -> None:
    check_refusals(submission, "pool2d_multi_channel", 2)
    check_dimensions(submission, "pool2d_multi_channel", (6,), (4, 6), (1, 2, 3, 4, 6))


# -------------------------------------------------------------------------------------------------- devices


@holds("pool2d", "devices")
def test_pool2d_on_an_accelerator(submission: Submission) -> None:
    X = tensor(4, 5, seed=1).requires_grad_()
    for mode in ("max", "avg"):
        G = tensor(2, 3, seed=2)
        works_on_the_accelerator(
            submission, "pool2d", X, 2, mode, 2, (0, 1), cotangent=G, right=reference.pool2d
        )


@holds("pool2d_multi_channel", "devices")
def test_pooling_of_channels_on_an_accelerator(submission: Submission) -> None:
    for mode in ("max", "avg"):
        X = tensor(2, 4, 5, seed=3).requires_grad_()
        works_on_the_accelerator(
            submission, "pool2d_multi_channel", X, 2, mode, 2, (0, 1), right=reference.pool2d_multi_channel
        )
        works_on_the_accelerator(
            submission,
            "pool2d_multi_channel",
            X.detach()[None],
            (2, 3),
            mode,
            right=reference.pool2d_multi_channel,
        )


@holds("MaxPool2d", "devices")
def test_the_layer_of_maxima_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(
        submission, "MaxPool2d", 2, padding=1, X=tensor(2, 2, 4, 3, seed=4), shape=(2, 2, 3, 2)
    )


@holds("AvgPool2d", "devices")
def test_the_layer_of_averages_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(
        submission, "AvgPool2d", 2, padding=1, X=tensor(2, 2, 4, 3, seed=5), shape=(2, 2, 3, 2)
    )


@holds("avg_pool_as_conv", "devices")
def test_pooling_as_a_convolution_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(
        submission, "avg_pool_as_conv", 2, 2, X=tensor(2, 2, 4, 4, seed=6), shape=(2, 2, 2, 2)
    )


@holds("pool2d_backward", "devices")
def test_pool2d_backward_on_an_accelerator(submission: Submission) -> None:
    for mode in ("max", "avg"):
        works_on_the_accelerator(
            submission,
            "pool2d_backward",
            tensor(2, 2, seed=7),
            tensor(4, 5, seed=8),
            2,
            mode,
            right=reference.pool2d_backward,
        )

"""Hidden properties of `pool2d_multi_channel`."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from graders.tasks.pooling.cases import (
    PADDINGS,
    PLAIN,
    SMALL,
    STRIDES,
    TOGETHER,
    Case,
    cases,
    side_by_side,
    stepping,
)
from graders.tasks.pooling.poolings import (
    check,
    check_cases,
    check_dtypes,
    check_gradients,
    check_kinds,
    check_layouts,
    check_side_effects,
    check_sweep,
    expected,
    far_below,
    is_right,
    right_ones,
)
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees
from graders.testing.properties import property_of
from graders.testing.strategies import VALUES, Values, seeds, tensor
from graders.testing.submission import Submission
from solutions import pooling as reference


def check_channels_alone(submission: Submission, mode: str) -> None:
    """The values of other channels make no difference to a channel."""
    X = tensor(3, 4, 6, seed=7)
    check(submission, "pool2d_multi_channel", X, PLAIN[0], mode)
    other = X.clone()
    other[0], other[2] = tensor(2, 4, 6, seed=8, values="large")
    check(submission, "pool2d_multi_channel", other, PLAIN[0], mode)


@property_of("pool2d_multi_channel", "max")
def test_maxima_of_every_channel(submission: Submission) -> None:
    check_cases(submission, "pool2d_multi_channel", PLAIN, "max", 5)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "max", 1)
    check_kinds(submission, "pool2d_multi_channel", PLAIN[0], "max", 2)
    check(submission, "pool2d_multi_channel", far_below(2, *PLAIN[0].image), PLAIN[0], "max")
    check_channels_alone(submission, "max")
    check(submission, "pool2d_multi_channel", tensor(3, 3, 3, seed=1), Case((3, 3), 3, 3), "max")
    X = tensor(2, 3, 4, seed=2)
    right = X.amax(dim=(1, 2), keepdim=True).double()
    agrees(submission, "pool2d_multi_channel", X, (3, 4), expected=right, bound=tolerance.exact(right))


@property_of("pool2d_multi_channel", "max")
def test_maxima_of_every_window_in_every_channel(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", side_by_side(), "max", 1)


@property_of("pool2d_multi_channel", "avg")
def test_means_of_every_channel(submission: Submission) -> None:
    check_cases(submission, "pool2d_multi_channel", PLAIN, "avg", 5)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "avg", 1)
    check_kinds(submission, "pool2d_multi_channel", PLAIN[0], "avg", 2)
    check_channels_alone(submission, "avg")


@property_of("pool2d_multi_channel", "avg")
def test_means_of_every_window_in_every_channel(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", side_by_side(), "avg", 1)


@property_of("pool2d_multi_channel", "batches")
def test_batches_of_images(submission: Submission) -> None:
    check_cases(submission, "pool2d_multi_channel", PLAIN[:5], "max", 2, 3)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "max", 1, 4)
    check_cases(submission, "pool2d_multi_channel", PLAIN[:2], "max", 5, 1)
    check_cases(submission, "pool2d_multi_channel", PLAIN[4:7], "max", 3, 3)
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d_multi_channel", PLAIN[:1], 2):
        check_cases(submission, "pool2d_multi_channel", PLAIN[:5], "avg", 3, 2)


@property_of("pool2d_multi_channel", "batches")
def test_every_window_in_batches_of_every_size(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", side_by_side(), "max", 2)


@property_of("pool2d_multi_channel", "stride and padding")
def test_strides_and_paddings_of_every_channel(submission: Submission) -> None:
    table = (*STRIDES[:5], *PADDINGS[:4], *TOGETHER[:3])
    check_cases(submission, "pool2d_multi_channel", table, "max", 2, values="negative")
    check(submission, "pool2d_multi_channel", far_below(2, *PADDINGS[2].image), PADDINGS[2], "max")
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d_multi_channel", PLAIN[:1], 2):
        check_cases(submission, "pool2d_multi_channel", table, "avg", 2)
    X, one = tensor(2, 9, 7, seed=3), TOGETHER[0]
    right, bound = expected("pool2d_multi_channel", X, one, "max", X.dtype)
    in_order = (X, one.window, "max", one.stride, one.padding)
    agrees(submission, "pool2d_multi_channel", *in_order, expected=right, bound=bound)


@property_of("pool2d_multi_channel", "stride and padding")
def test_every_pair_of_window_stride_and_padding_in_every_channel(submission: Submission) -> None:
    check_sweep(submission, "pool2d_multi_channel", (*stepping(most_padding=2), *SMALL), "max", 1)
    if is_right(check, submission, "pool2d_multi_channel", tensor(2, 3, 4, 6, seed=1), PLAIN[0], "max"):
        check_sweep(submission, "pool2d_multi_channel", SMALL, "max", 2)


@property_of("pool2d_multi_channel", "stride and padding")
@given(one=cases(), channels=st.integers(1, 3), values=st.sampled_from(VALUES), seed=seeds())
def test_random_windows_of_every_channel(
    submission: Submission, one: Case, channels: int, values: Values, seed: int
) -> None:
    X = tensor(channels, *one.image, seed=seed, values=values)
    check(submission, "pool2d_multi_channel", X, one, "max")


@property_of("pool2d_multi_channel", "gradients")
def test_gradients_of_every_channel(submission: Submission) -> None:
    check_gradients(submission, "pool2d_multi_channel", 3)


@property_of("pool2d_multi_channel", "dtypes")
def test_the_dtype_of_the_channels(submission: Submission) -> None:
    check_dtypes(submission, "pool2d_multi_channel", 2)


@property_of("pool2d_multi_channel", "layouts")
def test_views_of_channels_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "pool2d_multi_channel", 3)
    if (PLAIN[0], "max") in right_ones(submission, "pool2d_multi_channel", PLAIN[:1], 2, 3):
        check_layouts(submission, "pool2d_multi_channel", 2, 3)


@property_of("pool2d_multi_channel", "side effects")
def test_channels_and_settings_stay_unchanged(submission: Submission) -> None:
    check_side_effects(submission, "pool2d_multi_channel", 2)


@property_of("pool2d_multi_channel", "devices")
def test_pooling_of_channels_on_an_accelerator(submission: Submission) -> None:
    X = tensor(2, 4, 5, seed=3)
    calls = [
        call
        for mode in ("max", "avg")
        for call in (
            called(X, 2, mode),
            called(X.clone().requires_grad_(), 2, mode, 2, (0, 1)),
            called(X[None], (2, 3), mode),
        )
    ]
    works_on_the_accelerator(submission, "pool2d_multi_channel", *calls, right=reference.pool2d_multi_channel)

"""Hidden properties of `pool2d`."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given
from torch.nn import functional as F

from graders.tasks.pooling.cases import (
    PADDINGS,
    PLAIN,
    STRIDES,
    TOGETHER,
    Case,
    bordered,
    cases,
    distinct,
    side_by_side,
    stepping,
)
from graders.tasks.pooling.poolings import (
    bound_of_means,
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
    right_ones,
)
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees, compare
from graders.testing.messages import call
from graders.testing.properties import property_of
from graders.testing.strategies import VALUES, Values, seeds, tensor
from graders.testing.submission import Submission
from solutions import pooling as reference


@property_of("pool2d", "max")
def test_maxima_of_windows_side_by_side(submission: Submission) -> None:
    check_cases(submission, "pool2d", PLAIN, "max")
    check_cases(submission, "pool2d", PLAIN[:3], "max", values="ties")


@property_of("pool2d", "max")
def test_maxima_of_every_window(submission: Submission) -> None:
    check_sweep(submission, "pool2d", side_by_side(), "max")


@property_of("pool2d", "max")
def test_maxima_of_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "pool2d", PLAIN[0], "max")
    check(submission, "pool2d", far_below(*PLAIN[0].image), PLAIN[0], "max")


@property_of("pool2d", "max")
def test_max_is_the_default_mode(submission: Submission) -> None:
    X = tensor(5, 3, seed=8)
    right = X.max().double().reshape(1, 1)
    agrees(submission, "pool2d", X, (5, 3), expected=right, bound=tolerance.exact(right))


@property_of("pool2d", "avg")
def test_means_of_windows_side_by_side(submission: Submission) -> None:
    check_cases(submission, "pool2d", PLAIN, "avg")


@property_of("pool2d", "avg")
def test_means_of_every_window(submission: Submission) -> None:
    check_sweep(submission, "pool2d", side_by_side(), "avg")


@property_of("pool2d", "avg")
def test_means_of_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "pool2d", PLAIN[0], "avg")


@property_of("pool2d", "stride")
def test_strides_of_every_kind(submission: Submission) -> None:
    check_cases(submission, "pool2d", STRIDES, "max")
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d", PLAIN[:1]):
        check_cases(submission, "pool2d", STRIDES, "avg")


@property_of("pool2d", "stride")
def test_every_stride_with_every_window(submission: Submission) -> None:
    check_sweep(submission, "pool2d", stepping(), "max")
    if (PLAIN[0], "avg") in right_ones(submission, "pool2d", PLAIN[:1]):
        check_sweep(submission, "pool2d", stepping(), "avg")


@property_of("pool2d", "stride")
def test_a_stride_skips_windows_and_changes_none(submission: Submission) -> None:
    X = distinct(6, 7, seed=5)
    every, strided = Case((6, 7), (2, 3), 1), Case((6, 7), (2, 3), (3, 2))
    right = check(submission, "pool2d", X, every, "max")[::3, ::2]
    title = call("pool2d", (X, (2, 3)), strided.keywords("max"))
    what = "result with stride (3, 2), compared with every 3rd row and 2nd column of that with stride 1,"
    value = submission.pool2d(X, (2, 3), **strided.keywords("max"))
    compare(value, expected=right, bound=tolerance.exact(right), call=title, what=what)


@property_of("pool2d", "padding of max")
def test_padding_never_wins_a_maximum(submission: Submission) -> None:
    check_cases(submission, "pool2d", PADDINGS, "max")
    check_cases(submission, "pool2d", PADDINGS, "max", values="negative")
    check(submission, "pool2d", far_below(*PADDINGS[2].image), PADDINGS[2], "max")


@property_of("pool2d", "padding of max")
def test_every_padding_of_every_window_for_maxima(submission: Submission) -> None:
    check_sweep(submission, "pool2d", bordered(), "max", values="negative")


@property_of("pool2d", "padding of avg")
def test_padding_counts_in_the_mean(submission: Submission) -> None:
    check_cases(submission, "pool2d", PADDINGS, "avg")
    check_cases(submission, "pool2d", PADDINGS, "avg", values="negative")


@property_of("pool2d", "padding of avg")
def test_every_padding_of_every_window_for_means(submission: Submission) -> None:
    check_sweep(submission, "pool2d", bordered(), "avg")


@property_of("pool2d", "padding of avg")
def test_padding_is_a_border_of_zeros_around_the_image(submission: Submission) -> None:
    X, bordered = tensor(4, 2, seed=6), Case((8, 4), 4, 4)
    check(submission, "pool2d", X, PADDINGS[3], "avg")
    right = expected("pool2d", X, PADDINGS[3], "avg", X.dtype)[0]
    by_hand = F.pad(X, (1, 1, 2, 2))
    bound = bound_of_means(by_hand, bordered, X.dtype)
    agrees(submission, "pool2d", by_hand, 4, expected=right, bound=bound, **bordered.keywords("avg"))


@property_of("pool2d", "all together")
def test_stride_and_padding_together(submission: Submission) -> None:
    for mode in ("max", "avg"):
        check_cases(submission, "pool2d", TOGETHER, mode)
        X, one = tensor(9, 7, seed=3), TOGETHER[0]
        right, bound = expected("pool2d", X, one, mode, X.dtype)
        in_order = (X, one.window, mode, one.stride, one.padding)
        agrees(submission, "pool2d", *in_order, expected=right, bound=bound)


@property_of("pool2d", "all together")
def test_every_pair_of_window_stride_and_padding(submission: Submission) -> None:
    for mode in ("max", "avg"):
        check_sweep(submission, "pool2d", stepping(most_padding=2), mode)


@property_of("pool2d", "all together")
@given(
    one=cases(), mode=st.sampled_from(("max", "avg")), values=st.sampled_from((*VALUES, "ties")), seed=seeds()
)
def test_random_windows_strides_and_paddings(
    submission: Submission, one: Case, mode: str, values: Values, seed: int
) -> None:
    check(submission, "pool2d", tensor(*one.image, seed=seed, values=values), one, mode)


@property_of("pool2d", "gradients")
def test_gradients_for_a_random_upstream_gradient(submission: Submission) -> None:
    check_gradients(submission, "pool2d")


@property_of("pool2d", "dtypes")
def test_the_dtype_of_the_image(submission: Submission) -> None:
    check_dtypes(submission, "pool2d")


@property_of("pool2d", "layouts")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "pool2d")


@property_of("pool2d", "side effects")
def test_image_and_settings_stay_unchanged(submission: Submission) -> None:
    check_side_effects(submission, "pool2d")


@property_of("pool2d", "devices")
def test_pool2d_on_an_accelerator(submission: Submission) -> None:
    X, G = tensor(4, 5, seed=1), tensor(2, 3, seed=2)
    calls = [
        call
        for mode in ("max", "avg")
        for call in (
            called(X, (2, 3), mode),
            called(X.clone().requires_grad_(), 2, mode, 2, (0, 1), cotangent=G),
        )
    ]
    works_on_the_accelerator(submission, "pool2d", *calls, right=reference.pool2d)

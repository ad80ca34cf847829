"""What must hold in exercise 3: convolution over channels and batches, by stride and padding, as a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor, nn

from graders.convolutions import (
    Case,
    Question,
    Sizes,
    case,
    check,
    check_cases,
    check_dtypes,
    check_effort,
    check_follows,
    check_gradients,
    check_kinds,
    check_layouts,
    check_linear_and_equivariant,
    check_one_hot,
    check_side_effects,
    check_sweep,
    convolution,
    expected,
    expected_gradients,
    questions,
    right_cases,
    sweep,
)
from graders.devices import module_works_on_the_accelerator, works_on_the_accelerator
from graders.expect import agrees, answers, equal, gradients_agree, references_agree, refuses, that
from graders.holds import holds
from graders.messages import call
from graders.strategies import VALUES, Values, distinct_sizes, graded, pairwise, seeds, tensor
from graders.subject import Module, Submission
from solutions import multichannel as reference

EXERCISE = "multichannel"
GROUPS = {
    "conv2d_multi_in": {
        "values": 4,
        "gradients": 2,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "conv2d_multi_in_out": {
        "values": 4,
        "gradients": 2,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "conv2d_1x1": {
        "values": 3,
        "gradients": 1,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "effort": 2,
        "devices": 1,
    },
    "conv2d_batched": {
        "values": 3,
        "stride": 2,
        "padding": 2,
        "bias": 2,
        "all together": 1,
        "gradients": 2,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "MultiChannelConv2d": {
        "state_dict": 2,
        "initial weights": 1,
        "forward": 2,
        "stride and padding": 1,
        "without bias": 1,
        "gradients": 1,
        "dtypes": 1,
        "devices": 1,
    },
    "num_parameters": {"square kernels": 1, "rectangular kernels": 1, "without bias": 1},
    "conv2d_general": {
        "stride, padding and bias": 2,
        "dilation": 2,
        "groups": 2,
        "all together": 1,
        "gradients and dtypes": 1,
        "devices": 1,
    },
    "conv2d_im2col": {
        "values": 2,
        "stride, padding and bias": 2,
        "gradients and dtypes": 1,
        "effort": 2,
        "devices": 1,
    },
    "invalid_input": {"conv2d_multi_in": 1, "conv2d_multi_in_out": 1, "conv2d_1x1": 1, "conv2d_batched": 2},
}

# (c_in, H, W), (c_in, kh, kw): all different, one channel, all ones, a kernel that fills the image, a cube.
MULTI_IN = (
    case((3, 5, 7), (3, 2, 4)),
    case((2, 6, 5), (2, 4, 1)),
    case((4, 3, 6), (4, 1, 2)),
    case((1, 4, 3), (1, 2, 2)),
    case((1, 1, 1), (1, 1, 1)),
    case((2, 4, 3), (2, 4, 3)),
    case((3, 3, 3), (3, 3, 3)),
    case((2, 5, 5), (2, 3, 3)),
)

# (c_in, H, W), (c_out, c_in, kh, kw): as above; as many channels out as in; one channel on either side.
MULTI_IN_OUT = (
    case((3, 6, 5), (7, 3, 4, 1)),
    case((4, 5, 7), (2, 4, 1, 3)),
    case((3, 5, 5), (3, 3, 3, 3)),
    case((1, 4, 3), (2, 1, 2, 2)),
    case((2, 4, 3), (1, 2, 2, 1)),
    case((1, 1, 1), (1, 1, 1, 1)),
    case((2, 3, 4), (3, 2, 3, 4)),
    case((2, 2, 2), (2, 2, 2, 2)),
)

ONE_BY_ONE = (
    case((3, 4, 5), (2, 3, 1, 1)),
    case((2, 5, 3), (4, 2, 1, 1)),
    case((3, 3, 3), (3, 3, 1, 1)),
    case((1, 2, 3), (4, 1, 1, 1)),
    case((4, 3, 2), (1, 4, 1, 1)),
    case((1, 1, 1), (1, 1, 1, 1)),
    case((5, 1, 1), (3, 5, 1, 1)),
)

# (N, c_in, H, W), (c_out, c_in, kh, kw): as above; a batch of one; as many images as channels.
BATCHED = (
    case((2, 3, 7, 5), (4, 3, 6, 1)),
    case((3, 2, 4, 6), (1, 2, 2, 5)),
    case((1, 3, 4, 5), (2, 3, 2, 3)),
    case((2, 1, 4, 3), (3, 1, 2, 2)),
    case((2, 2, 4, 4), (2, 2, 3, 3)),
    case((3, 3, 3, 3), (3, 3, 2, 2)),
    case((1, 1, 1, 1), (1, 1, 1, 1)),
    case((2, 2, 3, 4), (3, 2, 3, 4)),
)

WITH_BIAS = tuple(case(one.image, one.kernel, bias=True) for one in BATCHED)

# Pairs and ints; strides that do not divide, that are wider than the kernel, than the image.
STRIDES = (
    case((2, 3, 7, 8), (4, 3, 2, 3), stride=(3, 2)),
    case((1, 2, 6, 8), (3, 2, 3, 2), stride=(1, 4)),
    case((2, 1, 8, 5), (1, 1, 3, 2), stride=(2, 1)),
    case((2, 2, 6, 7), (2, 2, 3, 2), stride=2),
    case((1, 2, 7, 6), (2, 2, 1, 2), stride=3),
    case((2, 2, 3, 4), (1, 2, 2, 2), stride=(5, 6)),
)

# Pairs and ints; one axis only; kernels larger than the bare image; frames wider than the kernel.
PADDINGS = (
    case((2, 3, 5, 4), (1, 3, 3, 2), padding=(0, 2)),
    case((1, 2, 3, 5), (3, 2, 2, 3), padding=(2, 1)),
    case((2, 1, 4, 3), (2, 1, 3, 3), padding=1),
    case((1, 2, 4, 5), (2, 2, 2, 1), padding=(1, 0)),
    case((2, 2, 2, 3), (1, 2, 4, 5), padding=(1, 2)),
    case((1, 1, 1, 2), (2, 1, 1, 2), padding=(3, 2)),
)

# In the first two no two of the eleven numbers are alike.
TOGETHER = (
    case((3, 5, 13, 12), (6, 5, 2, 4), bias=True, stride=(7, 8), padding=(1, 0)),
    case((4, 3, 8, 10), (1, 3, 7, 6), bias=True, stride=(9, 5), padding=(0, 2)),
    case((2, 3, 6, 5), (4, 3, 3, 2), bias=True, stride=(2, 3), padding=(1, 2)),
    case((1, 2, 5, 7), (3, 2, 2, 3), bias=True, stride=(3, 2), padding=(2, 0)),
    case((2, 2, 5, 5), (2, 2, 3, 3), bias=True, stride=2, padding=1),
)

# One setting at a time, then all: for what must hold with any of them.
SETTINGS = (
    case((2, 2, 3, 4), (2, 2, 2, 2), bias=True),
    case((2, 2, 3, 4), (2, 2, 2, 2), stride=(1, 2)),
    case((2, 2, 3, 4), (2, 2, 2, 2), padding=(0, 1)),
    case((2, 2, 3, 4), (2, 2, 2, 2), bias=True, stride=(2, 3), padding=(1, 2)),
)


# -------------------------------------------------------------------------------------------- conv2d_multi_in


@holds("conv2d_multi_in", "values")
def test_a_one_hot_kernel_picks_its_channel_and_place(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_multi_in", case((3, 4, 5), (3, 2, 3)))


@holds("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_multi_in", MULTI_IN)


@holds("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_multi_in", batch=False, output_channels=False, images_too=True)


@holds("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_multi_in", case((3, 4, 5), (3, 3, 2)))


@holds("conv2d_multi_in", "values")
@given(question=questions(batch=False, output_channels=False))
def test_the_sum_over_channels_of_random_images(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_multi_in", question)


@holds("conv2d_multi_in", "values")
def test_the_sum_over_channels_is_linear_and_commutes_with_shifts(submission: Submission) -> None:
    check_linear_and_equivariant(submission, "conv2d_multi_in", case((3, 4, 5), (3, 2, 3)))


@holds("conv2d_multi_in", "gradients")
def test_gradients_of_the_sum_over_channels(submission: Submission) -> None:
    check_gradients(submission, "conv2d_multi_in", MULTI_IN[:6])


@holds("conv2d_multi_in", "dtypes")
def test_the_result_type_of_image_and_kernel(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_multi_in", case((2, 3, 5), (2, 2, 3)))


@holds("conv2d_multi_in", "layouts")
def test_views_of_many_channels_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_multi_in", case((2, 5, 4), (2, 3, 2)))


@holds("conv2d_multi_in", "side effects")
def test_image_kernel_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_multi_in", case((2, 4, 5), (2, 3, 2)))


# ---------------------------------------------------------------------------------------- conv2d_multi_in_out


@holds("conv2d_multi_in_out", "values")
def test_a_one_hot_kernel_copies_one_channel_to_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_multi_in_out", case((3, 4, 5), (4, 3, 2, 3)))


@holds("conv2d_multi_in_out", "values")
def test_many_channels_out_for_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_multi_in_out", MULTI_IN_OUT)


@holds("conv2d_multi_in_out", "values")
def test_many_channels_out_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_multi_in_out", batch=False, images_too=True)


@holds("conv2d_multi_in_out", "values")
def test_many_channels_out_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_multi_in_out", case((2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_multi_in_out", "values")
@given(question=questions(batch=False))
def test_many_channels_out_of_random_images(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_multi_in_out", question)


@holds("conv2d_multi_in_out", "values")
def test_many_channels_out_are_linear_and_commute_with_shifts(submission: Submission) -> None:
    check_linear_and_equivariant(submission, "conv2d_multi_in_out", case((3, 3, 4), (2, 3, 2, 3)))


@holds("conv2d_multi_in_out", "values")
def test_every_output_channel_has_a_group_of_kernels_of_its_own(submission: Submission) -> None:
    question = case((2, 3, 4), (3, 2, 2, 3)).question(11)
    together = check(submission, "conv2d_multi_in_out", question)
    for o in range(3):
        alone = Question(question.X, question.K[o : o + 1].clone())
        what = f"for the kernels of output channel {o} alone, compared with that channel of the whole"
        check_follows(submission, "conv2d_multi_in_out", alone, together[o : o + 1], what)


@holds("conv2d_multi_in_out", "gradients")
def test_gradients_of_many_channels_out(submission: Submission) -> None:
    check_gradients(submission, "conv2d_multi_in_out", MULTI_IN_OUT[1:7])


@holds("conv2d_multi_in_out", "dtypes")
def test_the_result_type_of_image_and_kernels(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_multi_in_out", case((2, 3, 4), (3, 2, 2, 3)))


@holds("conv2d_multi_in_out", "layouts")
def test_views_of_many_channels_out_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_multi_in_out", case((2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_multi_in_out", "side effects")
def test_image_kernels_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_multi_in_out", case((2, 3, 4), (3, 2, 2, 3)))


# ------------------------------------------------------------------------------------------------- conv2d_1x1


@holds("conv2d_1x1", "values")
def test_a_single_one_copies_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@holds("conv2d_1x1", "values")
def test_mixing_channels_for_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_1x1", ONE_BY_ONE)


@holds("conv2d_1x1", "values")
def test_mixing_channels_for_every_pair_of_sizes(submission: Submission) -> None:
    rows = pairwise({name: range(1, 7) for name in ("c", "o", "H", "W")})
    cases = [case((row["c"], row["H"], row["W"]), (row["o"], row["c"], 1, 1)) for row in rows]
    for seed, one in enumerate(sorted(cases, key=lambda one: math.prod(one.image))):
        question = one.question(seed)
        right, bound = expected(None, question)
        agrees(submission, "conv2d_1x1", question.X, question.K, expected=right, bound=bound)


@holds("conv2d_1x1", "values")
def test_mixing_channels_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_1x1", case((3, 2, 4), (5, 3, 1, 1)))


@holds("conv2d_1x1", "values")
@given(sizes=distinct_sizes(4), values=st.sampled_from(VALUES), seed=seeds())
def test_mixing_channels_of_random_images(
    submission: Submission, sizes: Sizes, values: Values, seed: int
) -> None:
    c, o, H, W = sizes
    check(submission, "conv2d_1x1", case((c, H, W), (o, c, 1, 1)).question(seed, values))


@holds("conv2d_1x1", "values")
def test_every_pixel_is_mixed_alone(submission: Submission) -> None:
    check_linear_and_equivariant(submission, "conv2d_1x1", case((3, 2, 4), (2, 3, 1, 1)))


@holds("conv2d_1x1", "gradients")
def test_gradients_of_mixing_channels(submission: Submission) -> None:
    check_gradients(submission, "conv2d_1x1", ONE_BY_ONE)


@holds("conv2d_1x1", "dtypes")
def test_the_result_type_of_mixing_channels(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@holds("conv2d_1x1", "layouts")
def test_channels_of_views_are_mixed_alike(submission: Submission) -> None:
    check_layouts(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@holds("conv2d_1x1", "side effects")
def test_mixing_channels_changes_nothing_else(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_1x1", case((3, 4, 5), (2, 3, 1, 1)))


@holds("conv2d_1x1", "effort")
def test_effort_of_mixing_grows_neither_with_image_nor_channels(submission: Submission) -> None:
    check_effort(submission, "conv2d_1x1", [case((2, n + 1, n), (3, 2, 1, 1)) for n in (2, 6, 12)])
    check_effort(submission, "conv2d_1x1", [case((c, 3, 2), (3, c, 1, 1)) for c in (2, 6, 12)])
    check_effort(submission, "conv2d_1x1", [case((2, 3, 2), (o, 2, 1, 1)) for o in (3, 6, 12)])


# --------------------------------------------------------------------------------------------- conv2d_batched


@holds("conv2d_batched", "values")
def test_a_one_hot_kernel_copies_one_channel_of_every_image(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_batched", case((2, 3, 4, 3), (2, 3, 2, 2)))


@holds("conv2d_batched", "values")
def test_batches_of_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", BATCHED)


@holds("conv2d_batched", "values")
def test_batches_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", images_too=True)


@holds("conv2d_batched", "values")
def test_batches_with_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_batched", case((2, 2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_batched", "values")
def test_every_image_of_a_batch_is_treated_alone(submission: Submission) -> None:
    question = case((3, 2, 3, 4), (1, 2, 2, 3)).question(11)
    together = check(submission, "conv2d_batched", question)
    for n in range(3):
        alone = Question(question.X[n : n + 1].clone(), question.K)
        what = f"for image {n} alone, compared with that image of the batch"
        check_follows(submission, "conv2d_batched", alone, together[n : n + 1], what)


@holds("conv2d_batched", "stride")
def test_strides_as_pairs_and_ints(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", STRIDES)


@holds("conv2d_batched", "stride")
def test_every_stride_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", most_stride=3)


@holds("conv2d_batched", "stride")
def test_a_stride_leaves_out_results_and_changes_none(submission: Submission) -> None:
    plain = case((2, 1, 5, 6), (2, 1, 2, 3)).question(11)
    every = check(submission, "conv2d_batched", plain)
    strided = Question(plain.X, plain.K, options={"stride": (3, 2)})
    what = "with stride (3, 2), compared with every 3rd row and 2nd column of that with stride 1"
    check_follows(submission, "conv2d_batched", strided, every[:, :, ::3, ::2], what)


@holds("conv2d_batched", "padding")
def test_paddings_as_pairs_and_ints(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", PADDINGS)


@holds("conv2d_batched", "padding")
def test_every_padding_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", most_padding=2)


@holds("conv2d_batched", "padding")
def test_padding_is_a_frame_of_zeros_around_the_image(submission: Submission) -> None:
    plain = case((1, 2, 3, 2), (2, 2, 2, 3)).question(11)
    framed = torch.zeros(1, 2, 5, 6)
    framed[:, :, 1:4, 2:4] = plain.X
    right = check(submission, "conv2d_batched", Question(framed, plain.K))
    padded = Question(plain.X, plain.K, options={"padding": (1, 2)})
    what = "with padding (1, 2), compared with that for the same image in a frame of zeros"
    check_follows(submission, "conv2d_batched", padded, right, what)


@holds("conv2d_batched", "bias")
def test_one_bias_for_each_output_channel(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", WITH_BIAS)


@holds("conv2d_batched", "bias")
def test_a_bias_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", bias=(True,))


@holds("conv2d_batched", "bias")
def test_the_bias_is_an_offset(submission: Submission) -> None:
    question = case((2, 2, 3, 4), (3, 2, 2, 2), bias=True).question(11)
    assert question.bias is not None
    right = check(submission, "conv2d_batched", Question(question.X, question.K))
    right = right + question.bias.double()[:, None, None]
    what = "with bias, compared with the result without it plus the bias of each channel"
    check_follows(submission, "conv2d_batched", question, right, what)


@holds("conv2d_batched", "all together")
def test_bias_stride_and_padding_together(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", TOGETHER)
    question = TOGETHER[2].question(7)
    right, bound = expected("conv2d_batched", question)
    in_order = (*question.inputs().values(), (2, 3), (1, 2))
    agrees(submission, "conv2d_batched", *in_order, expected=right, bound=bound)


@holds("conv2d_batched", "all together")
def test_every_pair_of_sizes_strides_paddings_and_bias(submission: Submission) -> None:
    check_sweep(
        submission,
        "conv2d_batched",
        bias=(True, False),
        most_stride=3,
        most_padding=2,
        most_channels=2,
        as_wholes=True,
    )


@holds("conv2d_batched", "all together")
@given(question=questions(bias=True, most_stride=3, most_padding=2))
def test_random_batches_with_bias_stride_and_padding(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_batched", question)


@holds("conv2d_batched", "gradients")
def test_gradients_of_batches(submission: Submission) -> None:
    check_gradients(submission, "conv2d_batched", BATCHED[1:5])


@holds("conv2d_batched", "gradients")
def test_gradients_through_bias_stride_and_padding(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", BATCHED[2:3])
    check_gradients(submission, "conv2d_batched", right_cases(submission, "conv2d_batched", SETTINGS))


@holds("conv2d_batched", "dtypes")
def test_the_result_type_of_images_and_weight(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_batched", case((2, 2, 3, 4), (3, 2, 2, 3)))
    for one in right_cases(submission, "conv2d_batched", SETTINGS):
        check(submission, "conv2d_batched", one.question(3, "normal", torch.float64), torch.float64)


@holds("conv2d_batched", "layouts")
def test_views_of_batches_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_batched", case((2, 3, 4, 3), (2, 3, 3, 2)))
    for one in right_cases(submission, "conv2d_batched", SETTINGS):
        check_layouts(submission, "conv2d_batched", one)


@holds("conv2d_batched", "side effects")
def test_batches_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_batched", case((2, 2, 3, 4), (3, 2, 2, 3)))
    for one in right_cases(submission, "conv2d_batched", SETTINGS):
        check_side_effects(submission, "conv2d_batched", one)


# ----------------------------------------------------------------------------------------- MultiChannelConv2d


def new_layer(submission: Submission, *args: Any, **kwargs: Any) -> Module:
    """A `MultiChannelConv2d(…)` of the student's, checked to be a module."""
    made = submission.create("MultiChannelConv2d", *args, **kwargs)
    right = isinstance(made, Module) and made.is_module()
    sentence = "MultiChannelConv2d(…) should make a torch.nn.Module."
    that(right, call=call("MultiChannelConv2d", args, kwargs), aspect="type", sentence=sentence)
    assert isinstance(made, Module)
    return made


def set_parameters(layer: Module, question: Question, title: str) -> dict[str, str]:
    """Give the layer the question's weight and bias; returns the layer's own name of each.

    They are recognised by their shapes: how they are called is a matter of the group `state_dict` alone.
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


def check_layer(submission: Submission, one: Case, *args: Any, double: bool = False, **kwargs: Any) -> None:
    """`MultiChannelConv2d(*args, **kwargs)` with known parameters does what `one` says."""
    title = call("MultiChannelConv2d", args, kwargs)
    layer = new_layer(submission, *args, **kwargs)
    question = one.question(3)
    dtype = None
    if double:
        # Numbers that float32 cannot hold.
        dtype, question = torch.float64, one.question(3, "normal", torch.float64)
        layer.convert(dtype=dtype)
    set_parameters(layer, question, title)
    right, bound = expected("conv2d_batched", question, dtype or torch.float32)
    agrees(submission, layer, question.X, expected=right, bound=bound, dtype=dtype, context=title)


def check_layers(submission: Submission, cases: Sequence[Case]) -> None:
    """One layer for each case of a sweep; a square kernel is given as a single number."""
    for one in cases:
        out_channels, in_channels, height, width = one.kernel
        size = height if height == width else (height, width)
        without = {} if one.bias else {"bias": False}
        check_layer(submission, one, in_channels, out_channels, size, **one.options, **without)


def check_state(submission: Submission, *args: Any, **kwargs: Any) -> None:
    """The layer's state loads into `nn.Conv2d` and the other way round; the results go with it."""
    title = call("MultiChannelConv2d", args, kwargs)
    layer, theirs = new_layer(submission, *args, **kwargs), nn.Conv2d(*args, **kwargs)
    state = layer.describe().state
    needed = {name: tuple(value.shape) for name, value in theirs.state_dict().items()}
    came = {name: tuple(value.shape) for name, value in state.items() if isinstance(value, Tensor)}
    sentence = f"Its state_dict holds {came or 'nothing'}; that of nn.Conv2d holds {needed}."
    that(came == needed and len(state) == len(came), call=title, aspect="parameters", sentence=sentence)
    X = tensor(2, args[0], 5, 6, seed=1)
    new = {name: tensor(*shape, seed=2) for name, shape in needed.items()}
    for parameters, whose in ((state, "its own weights"), (new, "the state_dict of an nn.Conv2d")):
        theirs.load_state_dict(parameters)
        if parameters is new:
            layer.load_state(theirs.state_dict())
        question = Question(X, theirs.weight.detach(), None if theirs.bias is None else theirs.bias.detach())
        right, bound = expected("conv2d_batched", question)
        agrees(submission, layer, X, expected=right, bound=bound, context=f"{title} with {whose}")


@holds("MultiChannelConv2d", "state_dict")
def test_its_state_is_exchanged_with_that_of_torch(submission: Submission) -> None:
    check_state(submission, 3, 2, 4)
    check_state(submission, 2, 3, (1, 4))
    check_state(submission, 1, 4, kernel_size=(3, 2))
    check_state(submission, 2, 2, 2, bias=True)


@holds("MultiChannelConv2d", "initial weights")
def test_new_layers_start_with_random_weights(submission: Submission) -> None:
    title = "MultiChannelConv2d(3, 4, (2, 5))"
    first, second = (new_layer(submission, 3, 4, (2, 5)).describe().parameters for _ in range(2))
    finite = all(bool(value.isfinite().all()) for _, value in first)
    that(finite, call=title, aspect="values", sentence="Its parameters should be finite numbers.")
    weights = [value for _, value in (*first, *second) if value.shape == (4, 3, 2, 5)]
    sentence = "It should have one parameter of shape (4, 3, 2, 5)."
    that(len(weights) == 2, call=title, aspect="parameters", sentence=sentence)
    sentence = "The weight should be drawn at random: equal output channels would stay equal for ever."
    several = len(weights[0].flatten(1).unique(dim=0)) == 4
    that(several, call=title, aspect="values", sentence=sentence)
    differ = not torch.equal(*weights)
    that(differ, call=title, aspect="values", sentence="Two new layers should have different random weights.")


@holds("MultiChannelConv2d", "forward")
def test_forward_is_the_convolution_with_the_bias(submission: Submission) -> None:
    check_layer(submission, case((2, 3, 5, 4), (1, 3, 2, 3), bias=True), 3, 1, (2, 3))
    check_layer(submission, case((1, 2, 4, 5), (4, 2, 3, 3), bias=True), 2, 4, 3)
    check_layer(submission, case((3, 1, 1, 1), (2, 1, 1, 1), bias=True), 1, 2, 1)
    named: dict[str, Any] = {"in_channels": 3, "out_channels": 3, "kernel_size": (1, 2)}
    check_layer(submission, case((2, 3, 4, 3), (3, 3, 1, 2), bias=True), **named)


@holds("MultiChannelConv2d", "forward")
def test_forward_for_every_pair_of_sizes(submission: Submission) -> None:
    check_layers(submission, sweep(bias=(True,), most_channels=2))


@holds("MultiChannelConv2d", "stride and padding")
def test_forward_with_stride_and_padding(submission: Submission) -> None:
    for one in (STRIDES[1], STRIDES[3], PADDINGS[0], PADDINGS[2], PADDINGS[4], *TOGETHER[3:]):
        with_bias = case(one.image, one.kernel, bias=True, **one.options)
        out_channels, in_channels, *window = one.kernel
        check_layer(submission, with_bias, in_channels, out_channels, tuple(window), **one.options)
    in_order = (3, 4, (3, 2), (2, 3), (1, 2))
    check_layer(submission, TOGETHER[2], *in_order)


@holds("MultiChannelConv2d", "stride and padding")
def test_forward_for_every_pair_of_sizes_and_settings(submission: Submission) -> None:
    check_layers(submission, sweep(bias=(True,), most_stride=3, most_padding=2, most_channels=3))


@holds("MultiChannelConv2d", "without bias")
def test_a_layer_without_bias(submission: Submission) -> None:
    check_state(submission, 3, 2, (2, 4), bias=False)
    check_layer(submission, case((2, 2, 4, 5), (3, 2, 3, 2)), 2, 3, (3, 2), bias=False)


@holds("MultiChannelConv2d", "without bias")
def test_a_layer_without_bias_for_every_pair_of_sizes(submission: Submission) -> None:
    check_layers(submission, sweep(most_channels=2))


@holds("MultiChannelConv2d", "gradients")
def test_gradients_reach_images_weight_and_bias(submission: Submission) -> None:
    for seed, one in enumerate(WITH_BIAS[1:4]):
        out_channels, in_channels, *window = one.kernel
        arguments = (in_channels, out_channels, tuple(window))
        title = call("MultiChannelConv2d", arguments, {})
        layer, question = new_layer(submission, *arguments), one.question(seed)
        names = {"X": "X", **set_parameters(layer, question, title)}
        upstream = tensor(*convolution(question).shape, seed=seed + 99)
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


@holds("MultiChannelConv2d", "dtypes")
def test_it_becomes_a_layer_of_float64(submission: Submission) -> None:
    one = case((2, 2, 4, 5), (3, 2, 2, 3), bias=True)
    check_layer(submission, one, 2, 3, (2, 3))
    check_layer(submission, one, 2, 3, (2, 3), double=True)


# --------------------------------------------------------------------------------------------- num_parameters


def check_number(submission: Submission, *args: Any, **kwargs: Any) -> None:
    """`num_parameters` agrees with a count over torch's own layer."""
    right = reference.num_parameters(*args, **kwargs)
    weight = torch.empty(args[1], args[0], *nn.Conv2d(1, 1, args[2]).kernel_size)
    counted = weight.numel() + (args[1] if (*args, True)[3] and kwargs.get("bias", True) else 0)
    references_agree(torch.tensor(right), torch.tensor(counted), torch.tensor(0))
    equal(submission.num_parameters(*args, **kwargs), right, call=call("num_parameters", args, kwargs))


@holds("num_parameters", "square kernels")
def test_layers_with_square_kernels(submission: Submission) -> None:
    for args in ((1, 6, 5), (6, 16, 5), (3, 2, 1), (1, 1, 1), (4, 4, 3), (7, 5, 2)):
        check_number(submission, *args)


@holds("num_parameters", "square kernels")
def test_every_pair_of_channels_and_square_kernels(submission: Submission) -> None:
    for row in pairwise({"i": range(1, 5), "o": range(1, 5), "k": range(1, 5)}):
        check_number(submission, row["i"], row["o"], row["k"])


@holds("num_parameters", "rectangular kernels")
def test_layers_with_rectangular_kernels(submission: Submission) -> None:
    for args in ((3, 4, (2, 5)), (5, 2, (1, 7)), (2, 3, (4, 1)), (3, 3, (3, 3)), (11, 12, (9, 8))):
        check_number(submission, *args)


@holds("num_parameters", "rectangular kernels")
def test_every_pair_of_channels_and_rectangular_kernels(submission: Submission) -> None:
    for row in pairwise({"kh": range(1, 5), "kw": range(1, 5), "i": range(1, 5), "o": range(1, 5)}):
        check_number(submission, row["i"], row["o"], (row["kh"], row["kw"]))


@holds("num_parameters", "without bias")
def test_layers_without_bias(submission: Submission) -> None:
    for args in ((1, 6, 5), (3, 4, 2), (2, 2, 1), (5, 1, 3)):
        check_number(submission, *args, bias=False)
        check_number(submission, *args, bias=True)
        check_number(submission, *args, False)


@holds("num_parameters", "without bias")
def test_every_pair_of_channels_and_kernels_without_bias(submission: Submission) -> None:
    for row in pairwise({"i": range(1, 5), "o": range(1, 5), "k": range(1, 5)}):
        check_number(submission, row["i"], row["o"], row["k"], bias=False)


# --------------------------------------------------------------------------------------------- conv2d_general


@holds("conv2d_general", "stride, padding and bias")
def test_all_that_batched_convolution_does(submission: Submission) -> None:
    check_cases(submission, "conv2d_general", (*BATCHED[1:6], *STRIDES[1:4], *PADDINGS[:3], *TOGETHER[2:]))


@holds("conv2d_general", "stride, padding and bias")
def test_every_pair_of_what_batched_convolution_knows(submission: Submission) -> None:
    check_sweep(submission, "conv2d_general", bias=(True, False), most_stride=3, most_padding=2)


@holds("conv2d_general", "dilation")
def test_kernels_with_gaps(submission: Submission) -> None:
    cases = (
        case((2, 3, 6, 7), (1, 3, 2, 3), dilation=(4, 2)),
        case((1, 2, 6, 5), (3, 2, 3, 2), dilation=(2, 3)),
        case((2, 1, 5, 5), (2, 1, 3, 3), dilation=2),
        case((1, 2, 4, 7), (2, 2, 1, 3), dilation=(5, 3)),
        case((1, 1, 7, 3), (2, 1, 3, 2), dilation=(3, 1)),
    )
    check_cases(submission, "conv2d_general", cases)


@holds("conv2d_general", "dilation")
def test_every_dilation_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_general", most_dilation=3)


@holds("conv2d_general", "dilation")
def test_dilation_is_a_kernel_with_holes(submission: Submission) -> None:
    for dh, dw in ((1, 3), (4, 2)):
        question = case((1, 2, 6, 8), (2, 2, 2, 3), dilation=(dh, dw)).question(dw)
        right = check(submission, "conv2d_general", question)
        holes = torch.zeros(2, 2, dh + 1, 2 * dw + 1)
        holes[:, :, ::dh, ::dw] = question.K
        what = f"for the kernel with holes, compared with that for dilation {(dh, dw)}"
        check_follows(submission, "conv2d_general", Question(question.X, holes), right, what)


@holds("conv2d_general", "groups")
def test_groups_of_channels(submission: Submission) -> None:
    # Depthwise, with one and with two kernels for each channel; few groups; one output channel for each.
    cases = (
        case((2, 3, 4, 5), (3, 1, 2, 3), groups=3),
        case((1, 3, 4, 3), (6, 1, 3, 2), groups=3),
        case((2, 4, 3, 5), (6, 2, 2, 3), groups=2),
        case((1, 6, 3, 4), (3, 2, 2, 2), groups=3),
        case((3, 4, 3, 3), (2, 2, 2, 1), groups=2),
        case((2, 4, 3, 3), (4, 1, 1, 1), groups=4),
    )
    check_cases(submission, "conv2d_general", cases)


@holds("conv2d_general", "groups")
def test_every_number_of_groups_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_general", most_groups=3, most_channels=2)


EVERYTHING = (
    case((1, 4, 9, 8), (6, 2, 3, 2), bias=True, stride=(2, 3), padding=(1, 2), dilation=(3, 4), groups=2),
    case((2, 3, 5, 7), (3, 1, 2, 3), bias=True, stride=(3, 1), padding=(2, 0), dilation=(1, 2), groups=3),
    case((2, 2, 6, 6), (4, 1, 3, 3), bias=True, stride=2, padding=1, dilation=2, groups=2),
    case((1, 3, 4, 6), (2, 3, 4, 2), bias=True, stride=(1, 2), padding=(3, 1), dilation=(2, 3), groups=1),
)


@holds("conv2d_general", "all together")
def test_everything_at_once(submission: Submission) -> None:
    check_cases(submission, "conv2d_general", EVERYTHING)
    question = EVERYTHING[0].question(7)
    right, bound = expected("conv2d_general", question)
    in_order = (*question.inputs().values(), *question.options.values())
    agrees(submission, "conv2d_general", *in_order, expected=right, bound=bound)


@holds("conv2d_general", "all together")
def test_every_pair_of_sizes_and_settings(submission: Submission) -> None:
    check_sweep(
        submission,
        "conv2d_general",
        bias=(True, False),
        most_stride=3,
        most_padding=2,
        most_dilation=3,
        most_groups=3,
        most_channels=2,
    )


@holds("conv2d_general", "all together")
@given(question=questions(bias=True, most_stride=3, most_padding=2, most_dilation=3))
def test_random_strides_paddings_and_dilations(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_general", question)


@holds("conv2d_general", "gradients and dtypes")
def test_gradients_and_dtypes_of_general_convolution(submission: Submission) -> None:
    one = case((2, 2, 3, 4), (3, 2, 2, 3))
    check_gradients(submission, "conv2d_general", BATCHED[1:4])
    check_dtypes(submission, "conv2d_general", one)
    check_layouts(submission, "conv2d_general", one)
    check_side_effects(submission, "conv2d_general", one)
    check_gradients(submission, "conv2d_general", right_cases(submission, "conv2d_general", EVERYTHING[:2]))


# ---------------------------------------------------------------------------------------------- conv2d_im2col


@holds("conv2d_im2col", "values")
def test_the_matrix_product_is_the_convolution(submission: Submission) -> None:
    check_cases(submission, "conv2d_im2col", BATCHED)
    check_kinds(submission, "conv2d_im2col", case((2, 2, 4, 3), (3, 2, 3, 2)))


@holds("conv2d_im2col", "values")
def test_the_matrix_product_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_im2col", images_too=True)


@holds("conv2d_im2col", "stride, padding and bias")
def test_the_matrix_product_with_bias_stride_and_padding(submission: Submission) -> None:
    check_cases(submission, "conv2d_im2col", (*STRIDES, *PADDINGS, *TOGETHER))
    question = TOGETHER[2].question(7)
    right, bound = expected("conv2d_im2col", question)
    in_order = (*question.inputs().values(), (2, 3), (1, 2))
    agrees(submission, "conv2d_im2col", *in_order, expected=right, bound=bound)


@holds("conv2d_im2col", "stride, padding and bias")
def test_the_matrix_product_for_every_pair_of_sizes_and_settings(submission: Submission) -> None:
    check_sweep(submission, "conv2d_im2col", bias=(True, False), most_stride=3, most_padding=2)


@holds("conv2d_im2col", "stride, padding and bias")
@given(question=questions(bias=True, most_stride=3, most_padding=2))
def test_the_matrix_product_with_random_strides_and_paddings(
    submission: Submission, question: Question
) -> None:
    check(submission, "conv2d_im2col", question)


@holds("conv2d_im2col", "gradients and dtypes")
def test_the_matrix_product_keeps_gradients_dtypes_and_inputs(submission: Submission) -> None:
    one = case((2, 2, 3, 4), (3, 2, 2, 3))
    check_gradients(submission, "conv2d_im2col", BATCHED[1:4])
    check_dtypes(submission, "conv2d_im2col", one)
    check_layouts(submission, "conv2d_im2col", one)
    check_side_effects(submission, "conv2d_im2col", one)
    check_gradients(submission, "conv2d_im2col", right_cases(submission, "conv2d_im2col", SETTINGS))


@holds("conv2d_im2col", "effort")
def test_effort_grows_neither_with_batch_nor_channels_nor_image(submission: Submission) -> None:
    name = "conv2d_im2col"
    check_effort(submission, name, [case((n, 2, 4, 3), (3, 2, 2, 2)) for n in (2, 6, 12)])
    check_effort(submission, name, [case((2, c, 4, 3), (3, c, 2, 2)) for c in (2, 6, 12)])
    check_effort(submission, name, [case((2, 2, 4, 3), (o, 2, 2, 2)) for o in (3, 6, 12)])
    check_effort(submission, name, [case((2, 2, size, size + 1), (3, 2, 2, 2)) for size in (3, 6, 12)])


# ---------------------------------------------------------------------------------------------- invalid_input


def accepts(submission: Submission, name: str, question: Question) -> None:
    """A question that has a result comes back with something, right or wrong."""
    answers(submission, name, question.X, question.K, **question.keywords)


def check_refusals(submission: Submission, name: str, *cases: Case) -> None:
    """Images and kernels that do not belong together are refused; the message names a shape or a size."""
    for one in cases:
        shapes = (one.image, one.kernel)
        naming = [*shapes, *(size for shape in shapes for size in shape), *map(len, shapes)]
        refuses(submission, name, torch.ones(one.image), torch.ones(one.kernel), naming=naming, **one.options)


@holds("invalid_input", "conv2d_multi_in")
def test_what_has_no_sum_over_channels_is_refused(submission: Submission) -> None:
    accepts(submission, "conv2d_multi_in", case((2, 3, 4), (2, 2, 3)).question(1))
    check_refusals(
        submission,
        "conv2d_multi_in",
        case((3, 4, 5), (2, 2, 2)),
        case((2, 4, 5), (3, 2, 2)),
        case((3, 4, 5), (1, 2, 2)),
        case((1, 4, 5), (3, 2, 2)),
        case((2, 3, 4), (2, 4, 2)),
        case((2, 3, 4), (2, 2, 5)),
        case((4, 5), (2, 2, 2)),
        case((2, 4, 5), (2, 2)),
        case((1, 2, 4, 5), (2, 2, 2)),
        case((2, 4, 5), (1, 2, 2, 2)),
    )


@holds("invalid_input", "conv2d_multi_in_out")
def test_what_has_no_output_channels_is_refused(submission: Submission) -> None:
    accepts(submission, "conv2d_multi_in_out", case((2, 3, 4), (3, 2, 2, 3)).question(1))
    check_refusals(
        submission,
        "conv2d_multi_in_out",
        case((3, 4, 5), (3, 2, 2, 2)),
        case((2, 4, 5), (2, 3, 2, 2)),
        case((3, 4, 5), (2, 1, 2, 2)),
        case((2, 3, 4), (3, 2, 4, 2)),
        case((2, 3, 4), (3, 2, 2, 5)),
        case((4, 5), (3, 2, 2, 2)),
        case((2, 4, 5), (2, 2, 2)),
        case((2, 4, 5), (1, 3, 2, 2, 2)),
    )


@holds("invalid_input", "conv2d_1x1")
def test_channels_that_cannot_be_mixed_are_refused(submission: Submission) -> None:
    accepts(submission, "conv2d_1x1", case((2, 3, 4), (3, 2, 1, 1)).question(1))
    check_refusals(
        submission,
        "conv2d_1x1",
        case((3, 4, 5), (3, 2, 1, 1)),
        case((2, 4, 5), (2, 3, 1, 1)),
        case((3, 4, 5), (2, 1, 1, 1)),
        case((2, 4), (3, 2, 1, 1)),
        case((2, 4, 5), (3, 2, 1)),
        case((2, 3, 2, 4, 5), (3, 2, 1, 1)),
    )


@holds("invalid_input", "conv2d_batched")
def test_batches_without_a_result_are_refused(submission: Submission) -> None:
    accepts(submission, "conv2d_batched", case((2, 2, 3, 4), (3, 2, 2, 3)).question(1))
    # A kernel larger than the bare image has a result, as long as it fits into the padded one.
    larger = case((1, 2, 2, 3), (1, 2, 4, 5), padding=1).question(1)
    accepts(submission, "conv2d_batched", larger)
    check_refusals(
        submission,
        "conv2d_batched",
        case((2, 3, 4, 5), (3, 2, 2, 2)),
        case((2, 2, 4, 5), (2, 3, 2, 2)),
        case((1, 3, 4, 5), (2, 1, 2, 2)),
        case((2, 2, 3, 4), (3, 2, 4, 2)),
        case((2, 2, 3, 4), (3, 2, 2, 5)),
        case((1, 2, 2, 3), (1, 2, 5, 4), padding=1),
        case((1, 2, 2, 3), (1, 2, 2, 6), padding=(3, 1)),
        case((4, 5), (3, 2, 2, 2)),
        case((1, 2, 2, 4, 5), (3, 2, 2, 2)),
        case((1, 2, 4, 5), (2, 2, 2)),
    )


@holds("invalid_input", "conv2d_batched")
def test_windows_that_do_not_move_are_refused(submission: Submission) -> None:
    question = case((2, 2, 3, 4), (3, 2, 2, 3)).question(1)
    accepts(submission, "conv2d_batched", question)
    for stride, worst in ((0, 0), (-1, -1), ((1, 0), 0), ((0, 2), 0), ((-2, 1), -2)):
        naming = [stride, worst, "stride"]
        refuses(submission, "conv2d_batched", question.X, question.K, stride=stride, naming=naming)


# -------------------------------------------------------------------------------------------------- devices


@holds("conv2d_multi_in", "devices")
def test_several_channels_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(2, 3, 4, seed=1), graded(2, 2, 2, seed=2)
    works_on_the_accelerator(
        submission, "conv2d_multi_in", X, K, cotangent=tensor(2, 3, seed=3), right=reference.conv2d_multi_in
    )


@holds("conv2d_multi_in_out", "devices")
def test_several_maps_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(2, 3, 4, seed=4), graded(3, 2, 2, 2, seed=5)
    works_on_the_accelerator(
        submission,
        "conv2d_multi_in_out",
        X,
        K,
        cotangent=tensor(3, 2, 3, seed=6),
        right=reference.conv2d_multi_in_out,
    )


@holds("conv2d_1x1", "devices")
def test_a_1x1_kernel_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(2, 3, 4, seed=7), graded(3, 2, 1, 1, seed=8)
    works_on_the_accelerator(
        submission, "conv2d_1x1", X, K, cotangent=tensor(3, 3, 4, seed=9), right=reference.conv2d_1x1
    )


@holds("conv2d_batched", "devices")
def test_a_batch_on_an_accelerator(submission: Submission) -> None:
    on_the_accelerator_with_all_options(submission, "conv2d_batched")


@holds("conv2d_im2col", "devices")
def test_im2col_on_an_accelerator(submission: Submission) -> None:
    on_the_accelerator_with_all_options(submission, "conv2d_im2col")


@holds("conv2d_general", "devices")
def test_holes_and_groups_on_an_accelerator(submission: Submission) -> None:
    X, K, b = graded(2, 2, 4, 5, seed=13), graded(4, 1, 2, 2, seed=14), graded(4, seed=15)
    works_on_the_accelerator(
        submission, "conv2d_general", X, K, b, padding=1, dilation=2, groups=2, right=reference.conv2d_general
    )


@holds("MultiChannelConv2d", "devices")
def test_the_layer_on_an_accelerator(submission: Submission) -> None:
    X = graded(2, 2, 3, 4, seed=16)
    module_works_on_the_accelerator(
        submission, "MultiChannelConv2d", 2, 3, 2, padding=1, X=X, shape=(2, 3, 4, 5)
    )


def on_the_accelerator_with_all_options(submission: Submission, name: str) -> None:
    """Stride, padding and bias, each of which may need a buffer."""
    X, K, b = graded(2, 2, 3, 4, seed=10), graded(3, 2, 2, 2, seed=11), graded(3, seed=12)
    right, upstream = getattr(reference, name), tensor(2, 3, 2, 3, seed=17)
    works_on_the_accelerator(submission, name, X, K, b, stride=2, padding=1, cotangent=upstream, right=right)
    works_on_the_accelerator(submission, name, X.detach(), K.detach(), right=right)

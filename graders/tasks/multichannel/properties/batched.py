"""What must hold of `conv2d_batched`."""

from __future__ import annotations

import torch
from hypothesis import given

from graders.tasks.multichannel.cases import (
    BATCHED,
    PADDINGS,
    SETTINGS,
    SMALL_BATCHES,
    STRIDES,
    TOGETHER,
    WITH_BIAS,
    Question,
    case,
    questions,
)
from graders.tasks.multichannel.convolutions import (
    check,
    check_cases,
    check_dtypes,
    check_follows,
    check_gradients,
    check_kinds,
    check_layouts,
    check_one_hot,
    check_side_effects,
    check_sweep,
    expected,
    on_the_accelerator_with_all_options,
    right_cases,
)
from graders.testing.expect import agrees
from graders.testing.properties import property_of
from graders.testing.submission import Submission


@property_of("conv2d_batched", "values")
def test_a_one_hot_kernel_copies_one_channel_of_every_image(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_batched", case((2, 3, 4, 3), (2, 3, 2, 2)))


@property_of("conv2d_batched", "values")
def test_batches_of_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", (*BATCHED, *SMALL_BATCHES))


@property_of("conv2d_batched", "values")
def test_batches_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", images_too=True)


@property_of("conv2d_batched", "values")
def test_batches_with_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_batched", case((2, 2, 4, 3), (3, 2, 3, 2)))


@property_of("conv2d_batched", "values")
def test_every_image_of_a_batch_is_treated_alone(submission: Submission) -> None:
    question = case((3, 2, 3, 4), (1, 2, 2, 3)).question(11)
    together = check(submission, "conv2d_batched", question)
    for n in range(3):
        alone = Question(question.X[n : n + 1].clone(), question.K)
        what = f"for image {n} alone, compared with that image of the batch"
        check_follows(submission, "conv2d_batched", alone, together[n : n + 1], what)


@property_of("conv2d_batched", "stride")
def test_strides_as_pairs_and_ints(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", STRIDES)


@property_of("conv2d_batched", "stride")
def test_every_stride_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", most_stride=3)


@property_of("conv2d_batched", "stride")
def test_a_stride_leaves_out_results_and_changes_none(submission: Submission) -> None:
    plain = case((2, 1, 5, 6), (2, 1, 2, 3)).question(11)
    every = check(submission, "conv2d_batched", plain)
    strided = Question(plain.X, plain.K, options={"stride": (3, 2)})
    what = "with stride (3, 2), compared with every 3rd row and 2nd column of that with stride 1"
    check_follows(submission, "conv2d_batched", strided, every[:, :, ::3, ::2], what)


@property_of("conv2d_batched", "padding")
def test_paddings_as_pairs_and_ints(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", PADDINGS)


@property_of("conv2d_batched", "padding")
def test_every_padding_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", most_padding=2)


@property_of("conv2d_batched", "padding")
def test_padding_is_a_frame_of_zeros_around_the_image(submission: Submission) -> None:
    plain = case((1, 2, 3, 2), (2, 2, 2, 3)).question(11)
    framed = torch.zeros(1, 2, 5, 6)
    framed[:, :, 1:4, 2:4] = plain.X
    right = check(submission, "conv2d_batched", Question(framed, plain.K))
    padded = Question(plain.X, plain.K, options={"padding": (1, 2)})
    what = "with padding (1, 2), compared with that for the same image in a frame of zeros"
    check_follows(submission, "conv2d_batched", padded, right, what)


@property_of("conv2d_batched", "bias")
def test_one_bias_for_each_output_channel(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", WITH_BIAS)


@property_of("conv2d_batched", "bias")
def test_a_bias_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_batched", bias=(True,))


@property_of("conv2d_batched", "bias")
def test_the_bias_is_an_offset(submission: Submission) -> None:
    question = case((2, 2, 3, 4), (3, 2, 2, 2), bias=True).question(11)
    assert question.bias is not None
    right = check(submission, "conv2d_batched", Question(question.X, question.K))
    right = right + question.bias.double()[:, None, None]
    what = "with bias, compared with the result without it plus the bias of each channel"
    check_follows(submission, "conv2d_batched", question, right, what)


@property_of("conv2d_batched", "all together")
def test_bias_stride_and_padding_together(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", TOGETHER)
    question = TOGETHER[2].question(7)
    right, bound = expected("conv2d_batched", question)
    in_order = (*question.inputs().values(), (2, 3), (1, 2))
    agrees(submission, "conv2d_batched", *in_order, expected=right, bound=bound)


@property_of("conv2d_batched", "all together")
def test_every_pair_of_sizes_strides_paddings_and_bias(submission: Submission) -> None:
    check_sweep(
        submission,
        "conv2d_batched",
        bias=(True, False),
        most_stride=3,
        most_padding=2,
        most_channels=2,
        as_wholes=True,
        strength=2,
    )


@property_of("conv2d_batched", "all together")
@given(question=questions(bias=True, most_stride=3, most_padding=2))
def test_random_batches_with_bias_stride_and_padding(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_batched", question)


@property_of("conv2d_batched", "gradients")
def test_gradients_of_batches(submission: Submission) -> None:
    check_gradients(submission, "conv2d_batched", BATCHED[1:5])


@property_of("conv2d_batched", "gradients")
def test_gradients_through_bias_stride_and_padding(submission: Submission) -> None:
    check_cases(submission, "conv2d_batched", BATCHED[2:3])
    check_gradients(submission, "conv2d_batched", right_cases(submission, "conv2d_batched", SETTINGS))


@property_of("conv2d_batched", "dtypes")
def test_the_result_type_of_images_and_weight(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_batched", case((2, 2, 3, 4), (3, 2, 2, 3)))
    for one in right_cases(submission, "conv2d_batched", SETTINGS):
        check(submission, "conv2d_batched", one.question(3, "normal", torch.float64), torch.float64)


@property_of("conv2d_batched", "layouts")
def test_views_of_batches_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_batched", case((2, 3, 4, 3), (2, 3, 3, 2)))
    for one in right_cases(submission, "conv2d_batched", SETTINGS):
        check_layouts(submission, "conv2d_batched", one)


@property_of("conv2d_batched", "side effects")
def test_batches_and_settings_stay_as_they_were(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_batched", case((2, 2, 3, 4), (3, 2, 2, 3)))
    for one in right_cases(submission, "conv2d_batched", SETTINGS):
        check_side_effects(submission, "conv2d_batched", one)


@property_of("conv2d_batched", "devices")
def test_a_batch_on_an_accelerator(submission: Submission) -> None:
    on_the_accelerator_with_all_options(submission, "conv2d_batched")

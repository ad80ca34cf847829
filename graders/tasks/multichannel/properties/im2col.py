"""Hidden properties of `conv2d_im2col`."""

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
    Question,
    case,
    questions,
)
from graders.tasks.multichannel.convolutions import (
    check,
    check_affordable,
    check_cases,
    check_dtypes,
    check_effort,
    check_gradients,
    check_kinds,
    check_layouts,
    check_side_effects,
    check_sweep,
    expected,
    on_the_accelerator_with_all_options,
    right_cases,
)
from graders.testing.expect import agrees
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import SIDE
from graders.testing.submission import Submission


@property_of("conv2d_im2col", "values")
def test_the_matrix_product_is_the_convolution(submission: Submission) -> None:
    check_cases(submission, "conv2d_im2col", (*BATCHED, *SMALL_BATCHES))
    check_kinds(submission, "conv2d_im2col", case((2, 2, 4, 3), (3, 2, 3, 2)))


@property_of("conv2d_im2col", "values")
def test_the_matrix_product_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_im2col", images_too=True)


@property_of("conv2d_im2col", "stride, padding and bias")
def test_the_matrix_product_with_bias_stride_and_padding(submission: Submission) -> None:
    check_cases(submission, "conv2d_im2col", (*TOGETHER, *STRIDES, *PADDINGS))
    question = TOGETHER[2].question(7)
    right, bound = expected("conv2d_im2col", question)
    in_order = (*question.inputs().values(), (2, 3), (1, 2))
    agrees(submission, "conv2d_im2col", *in_order, expected=right, bound=bound)


@property_of("conv2d_im2col", "stride, padding and bias")
def test_the_matrix_product_for_every_pair_of_sizes_and_settings(submission: Submission) -> None:
    check_sweep(submission, "conv2d_im2col", bias=(True, False), most_stride=3, most_padding=2)


@property_of("conv2d_im2col", "stride, padding and bias")
@given(question=questions(bias=True, most_stride=3, most_padding=2))
def test_the_matrix_product_with_random_strides_and_paddings(
    submission: Submission, question: Question
) -> None:
    check(submission, "conv2d_im2col", question)


@property_of("conv2d_im2col", "gradients, dtypes and layouts")
def test_the_matrix_product_keeps_gradients_dtypes_and_inputs(submission: Submission) -> None:
    one = case((2, 2, 3, 4), (3, 2, 2, 3))
    check_gradients(submission, "conv2d_im2col", BATCHED[1:4])
    check_dtypes(submission, "conv2d_im2col", one)
    check_layouts(submission, "conv2d_im2col", one)
    others = right_cases(submission, "conv2d_im2col", SETTINGS)
    with_bias = [other for other in others if other.bias]
    one_with_bias = (*with_bias, one)[0]
    double = one_with_bias.question(3, "normal", torch.float64)
    check(submission, "conv2d_im2col", double, torch.float64, compared=consistent)
    check_side_effects(submission, "conv2d_im2col", one_with_bias)
    check_gradients(submission, "conv2d_im2col", others)


@property_of("conv2d_im2col", "effort")
def test_effort_grows_neither_with_batch_nor_channels_nor_image(submission: Submission) -> None:
    name = "conv2d_im2col"
    check_effort(submission, name, [case((n, 2, 4, 3), (3, 2, 2, 2)) for n in (2, 6, 12)])
    check_effort(submission, name, [case((2, c, 4, 3), (3, c, 2, 2)) for c in (2, 6, 12)])
    check_effort(submission, name, [case((2, 2, 4, 3), (o, 2, 2, 2)) for o in (3, 6, 12)])
    check_effort(submission, name, [case((2, 2, size, size + 1), (3, 2, 2, 2)) for size in (3, 6, 12)])
    check_affordable(submission, name, (1, 1, SIDE, SIDE), (1, 1, 2, 1))


@property_of("conv2d_im2col", "devices")
def test_im2col_on_an_accelerator(submission: Submission) -> None:
    on_the_accelerator_with_all_options(submission, "conv2d_im2col")

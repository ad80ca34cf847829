"""Hidden properties of `conv2d_general`."""

from __future__ import annotations

import torch
from hypothesis import given

from graders.tasks.multichannel.cases import (
    BATCHED,
    PADDINGS,
    SMALL_BATCHES,
    STRIDES,
    TOGETHER,
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
    check_layouts,
    check_side_effects,
    check_sweep,
    expected,
    right_cases,
)
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import agrees
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import graded
from graders.testing.submission import Submission
from solutions import multichannel as reference


@property_of("conv2d_general", "stride, padding and bias")
def test_everything_that_batched_convolution_does(submission: Submission) -> None:
    check_cases(submission, "conv2d_general", TOGETHER)
    cases = (*BATCHED[1:6], *STRIDES[1:4], *PADDINGS[:3], *SMALL_BATCHES)
    check_cases(submission, "conv2d_general", cases)


@property_of("conv2d_general", "stride, padding and bias")
def test_every_pair_of_settings_of_batched_convolution(submission: Submission) -> None:
    check_sweep(submission, "conv2d_general", bias=(True, False), most_stride=3, most_padding=2)


@property_of("conv2d_general", "dilation")
def test_kernels_with_gaps(submission: Submission) -> None:
    cases = (
        case((2, 3, 6, 7), (1, 3, 2, 3), dilation=(4, 2)),
        case((1, 2, 6, 5), (3, 2, 3, 2), dilation=(2, 3)),
        case((2, 1, 5, 5), (2, 1, 3, 3), dilation=2),
        case((1, 2, 4, 7), (2, 2, 1, 3), dilation=(5, 3)),
        case((1, 1, 7, 3), (2, 1, 3, 2), dilation=(3, 1)),
    )
    check_cases(submission, "conv2d_general", cases)


@property_of("conv2d_general", "dilation")
def test_every_dilation_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_general", most_dilation=3)


@property_of("conv2d_general", "dilation")
def test_dilation_is_a_kernel_with_gaps(submission: Submission) -> None:
    for dh, dw in ((1, 3), (4, 2)):
        question = case((1, 2, 6, 8), (2, 2, 2, 3), dilation=(dh, dw)).question(dw)
        right = check(submission, "conv2d_general", question)
        holes = torch.zeros(2, 2, dh + 1, 2 * dw + 1)
        holes[:, :, ::dh, ::dw] = question.K
        what = f"for the kernel with gaps, compared with that for dilation {(dh, dw)}"
        check_follows(submission, "conv2d_general", Question(question.X, holes), right, what)


@property_of("conv2d_general", "groups")
def test_groups_of_channels(submission: Submission) -> None:
    # Depthwise, with one and with two filters for each channel; few groups; one output channel for each.
    cases = (
        case((2, 3, 4, 5), (3, 1, 2, 3), groups=3),
        case((1, 3, 4, 3), (6, 1, 3, 2), groups=3),
        case((2, 4, 3, 5), (6, 2, 2, 3), groups=2),
        case((1, 6, 3, 4), (3, 2, 2, 2), groups=3),
        case((3, 4, 3, 3), (2, 2, 2, 1), groups=2),
        case((2, 4, 3, 3), (4, 1, 1, 1), groups=4),
    )
    check_cases(submission, "conv2d_general", cases)


@property_of("conv2d_general", "groups")
def test_every_number_of_groups_with_every_size(submission: Submission) -> None:
    check_sweep(submission, "conv2d_general", most_groups=3, most_channels=2)


EVERYTHING = (
    case((1, 4, 9, 8), (6, 2, 3, 2), bias=True, stride=(2, 3), padding=(1, 2), dilation=(3, 4), groups=2),
    case((2, 3, 5, 7), (3, 1, 2, 3), bias=True, stride=(3, 1), padding=(2, 0), dilation=(1, 2), groups=3),
    case((2, 2, 6, 6), (4, 1, 3, 3), bias=True, stride=2, padding=1, dilation=2, groups=2),
    case((1, 3, 4, 6), (2, 3, 4, 2), bias=True, stride=(1, 2), padding=(3, 1), dilation=(2, 3), groups=1),
)


@property_of("conv2d_general", "all together")
def test_everything_at_once(submission: Submission) -> None:
    check_cases(submission, "conv2d_general", EVERYTHING)
    question = EVERYTHING[0].question(7)
    right, bound = expected("conv2d_general", question)
    in_order = (*question.inputs().values(), *question.options.values())
    agrees(submission, "conv2d_general", *in_order, expected=right, bound=bound)


@property_of("conv2d_general", "all together")
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


@property_of("conv2d_general", "all together")
@given(question=questions(bias=True, most_stride=3, most_padding=2, most_dilation=3))
def test_random_strides_paddings_and_dilations(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_general", question)


@property_of("conv2d_general", "gradients, dtypes and layouts")
def test_gradients_and_dtypes_of_general_convolution(submission: Submission) -> None:
    one = case((2, 2, 3, 4), (3, 2, 2, 3))
    check_gradients(submission, "conv2d_general", BATCHED[1:4])
    check_dtypes(submission, "conv2d_general", one)
    check_layouts(submission, "conv2d_general", one)
    others = right_cases(submission, "conv2d_general", EVERYTHING[:2])
    one_with_bias = (*others, one)[0]
    double = one_with_bias.question(3, "normal", torch.float64)
    check(submission, "conv2d_general", double, torch.float64, compared=consistent)
    check_side_effects(submission, "conv2d_general", one_with_bias)
    check_gradients(submission, "conv2d_general", others)


@property_of("conv2d_general", "devices")
def test_dilation_and_groups_on_an_accelerator(submission: Submission) -> None:
    X, K, b = graded(2, 2, 4, 5, seed=13), graded(4, 1, 2, 2, seed=14), graded(4, seed=15)
    plain, L = X.detach(), graded(3, 2, 2, 2, seed=17).detach()
    works_on_the_accelerator(
        submission,
        "conv2d_general",
        called(X, K, b, padding=1, dilation=2, groups=2),
        called(plain, L, stride=2),
        called(plain, L.long(), stride=2),
        right=reference.conv2d_general,
    )

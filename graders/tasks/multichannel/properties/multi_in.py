"""Hidden properties of `conv2d_multi_in`."""

from __future__ import annotations

from hypothesis import given

from graders.tasks.multichannel.cases import MULTI_IN, Question, case, questions
from graders.tasks.multichannel.convolutions import (
    check,
    check_cases,
    check_dtypes,
    check_gradients,
    check_kinds,
    check_layouts,
    check_linear_and_equivariant,
    check_one_hot,
    check_side_effects,
    check_sweep,
)
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.properties import property_of
from graders.testing.strategies import graded, tensor
from graders.testing.submission import Submission
from solutions import multichannel as reference


@property_of("conv2d_multi_in", "values")
def test_a_one_hot_kernel_copies_one_pixel_of_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_multi_in", case((3, 4, 5), (3, 2, 3)))


@property_of("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_multi_in", MULTI_IN)


@property_of("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_multi_in", batch=False, output_channels=False, images_too=True)


@property_of("conv2d_multi_in", "values")
def test_the_sum_over_channels_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_multi_in", case((3, 4, 5), (3, 3, 2)))


@property_of("conv2d_multi_in", "values")
@given(question=questions(batch=False, output_channels=False))
def test_the_sum_over_channels_of_random_images(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_multi_in", question)


@property_of("conv2d_multi_in", "values")
def test_the_sum_over_channels_is_linear_and_commutes_with_shifts(submission: Submission) -> None:
    check_linear_and_equivariant(submission, "conv2d_multi_in", case((3, 4, 5), (3, 2, 3)))


@property_of("conv2d_multi_in", "gradients")
def test_gradients_of_the_sum_over_channels(submission: Submission) -> None:
    check_gradients(submission, "conv2d_multi_in", MULTI_IN[:6])


@property_of("conv2d_multi_in", "dtypes")
def test_the_result_type_of_image_and_kernel(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_multi_in", case((2, 3, 5), (2, 2, 3)))


@property_of("conv2d_multi_in", "layouts")
def test_views_of_many_channels_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_multi_in", case((2, 5, 4), (2, 3, 2)))


@property_of("conv2d_multi_in", "side effects")
def test_image_kernel_and_settings_stay_unchanged(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_multi_in", case((2, 4, 5), (2, 3, 2)))


@property_of("conv2d_multi_in", "devices")
def test_several_channels_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(2, 3, 4, seed=1), graded(2, 2, 2, seed=2)
    works_on_the_accelerator(
        submission,
        "conv2d_multi_in",
        called(X, K, cotangent=tensor(2, 3, seed=3)),
        called(X.detach(), K.detach().long()),
        right=reference.conv2d_multi_in,
    )

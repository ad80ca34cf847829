"""Hidden properties of `conv2d_multi_in_out`."""

from __future__ import annotations

from hypothesis import given

from graders.tasks.multichannel.cases import MULTI_IN_OUT, Question, case, questions
from graders.tasks.multichannel.convolutions import (
    check,
    check_cases,
    check_dtypes,
    check_follows,
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


@property_of("conv2d_multi_in_out", "values")
def test_a_one_hot_kernel_copies_one_channel_to_one_channel(submission: Submission) -> None:
    check_one_hot(submission, "conv2d_multi_in_out", case((3, 4, 5), (4, 3, 2, 3)))


@property_of("conv2d_multi_in_out", "values")
def test_many_channels_out_for_every_kind_of_shape(submission: Submission) -> None:
    check_cases(submission, "conv2d_multi_in_out", MULTI_IN_OUT)


@property_of("conv2d_multi_in_out", "values")
def test_many_channels_out_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_multi_in_out", batch=False, images_too=True)


@property_of("conv2d_multi_in_out", "values")
def test_many_channels_out_for_values_of_every_kind(submission: Submission) -> None:
    check_kinds(submission, "conv2d_multi_in_out", case((2, 4, 3), (3, 2, 3, 2)))


@property_of("conv2d_multi_in_out", "values")
@given(question=questions(batch=False))
def test_many_channels_out_of_random_images(submission: Submission, question: Question) -> None:
    check(submission, "conv2d_multi_in_out", question)


@property_of("conv2d_multi_in_out", "values")
def test_many_channels_out_are_linear_and_commute_with_shifts(submission: Submission) -> None:
    check_linear_and_equivariant(submission, "conv2d_multi_in_out", case((3, 3, 4), (2, 3, 2, 3)))


@property_of("conv2d_multi_in_out", "values")
def test_every_output_channel_has_its_own_filter(submission: Submission) -> None:
    question = case((2, 3, 4), (3, 2, 2, 3)).question(11)
    together = check(submission, "conv2d_multi_in_out", question)
    for o in range(3):
        alone = Question(question.X, question.K[o : o + 1].clone())
        what = f"for the filter of output channel {o} alone, compared with that channel of the whole result"
        check_follows(submission, "conv2d_multi_in_out", alone, together[o : o + 1], what)


@property_of("conv2d_multi_in_out", "gradients")
def test_gradients_of_many_channels_out(submission: Submission) -> None:
    check_gradients(submission, "conv2d_multi_in_out", MULTI_IN_OUT[1:7])


@property_of("conv2d_multi_in_out", "dtypes")
def test_the_result_type_of_image_and_kernels(submission: Submission) -> None:
    check_dtypes(submission, "conv2d_multi_in_out", case((2, 3, 4), (3, 2, 2, 3)))


@property_of("conv2d_multi_in_out", "layouts")
def test_views_of_many_channels_out_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d_multi_in_out", case((2, 4, 3), (3, 2, 3, 2)))


@property_of("conv2d_multi_in_out", "side effects")
def test_image_kernels_and_settings_stay_unchanged(submission: Submission) -> None:
    check_side_effects(submission, "conv2d_multi_in_out", case((2, 3, 4), (3, 2, 2, 3)))


@property_of("conv2d_multi_in_out", "devices")
def test_several_maps_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(2, 3, 4, seed=4), graded(3, 2, 2, 2, seed=5)
    works_on_the_accelerator(
        submission,
        "conv2d_multi_in_out",
        called(X, K, cotangent=tensor(3, 2, 3, seed=6)),
        called(X.detach(), K.detach().long()),
        right=reference.conv2d_multi_in_out,
    )

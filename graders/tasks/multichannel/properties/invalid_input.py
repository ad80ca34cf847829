"""Input without a result, which the functions of exercise 3 must reject."""

from __future__ import annotations

import torch

from graders.tasks.multichannel.cases import Case, Question, case
from graders.testing.expect import answers, refuses
from graders.testing.properties import property_of
from graders.testing.submission import Submission


def accepts(submission: Submission, name: str, question: Question) -> None:
    """A question that has a result gets an answer, right or wrong."""
    answers(submission, name, question.X, question.K, **question.keywords)


def check_refusals(submission: Submission, name: str, *cases: Case) -> None:
    """Images and kernels that don't fit are rejected; the message names a shape or a size."""
    for one in cases:
        shapes = (one.image, one.kernel)
        naming = [*shapes, *(size for shape in shapes for size in shape), *map(len, shapes)]
        refuses(submission, name, torch.ones(one.image), torch.ones(one.kernel), naming=naming, **one.options)


@property_of("invalid_input", "conv2d_multi_in")
def test_channels_that_cannot_be_summed_are_rejected(submission: Submission) -> None:
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


@property_of("invalid_input", "conv2d_multi_in_out")
def test_filters_that_do_not_fit_are_rejected(submission: Submission) -> None:
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


@property_of("invalid_input", "conv2d_1x1")
def test_channels_that_cannot_be_mixed_are_rejected(submission: Submission) -> None:
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


@property_of("invalid_input", "conv2d_batched")
def test_batches_without_a_result_are_rejected(submission: Submission) -> None:
    accepts(submission, "conv2d_batched", case((2, 2, 3, 4), (3, 2, 2, 3)).question(1))
    # A kernel larger than the image without padding has a result, as long as it fits into the padded one.
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


@property_of("invalid_input", "conv2d_batched")
def test_windows_that_do_not_move_are_rejected(submission: Submission) -> None:
    question = case((2, 2, 3, 4), (3, 2, 2, 3)).question(1)
    accepts(submission, "conv2d_batched", question)
    for stride, worst in ((0, 0), (-1, -1), ((1, 0), 0), ((0, 2), 0), ((-2, 1), -2)):
        naming = [stride, worst, "stride"]
        refuses(submission, "conv2d_batched", question.X, question.K, stride=stride, naming=naming)

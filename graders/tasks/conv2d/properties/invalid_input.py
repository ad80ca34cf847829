"""Input without a result, which the functions of exercise 1 must reject."""

from __future__ import annotations

import torch

from graders.testing.expect import answers, refuses
from graders.testing.properties import property_of
from graders.testing.submission import Submission


@property_of("invalid_input", "conv2d")
def test_conv2d_rejects_input_that_has_no_result(submission: Submission) -> None:
    answers(submission, "conv2d", torch.ones(2, 2), torch.ones(2, 2))
    for image, kernel in (
        ((3, 4), (4, 2)),
        ((3, 4), (2, 5)),
        ((2, 3, 4), (2, 2)),
        ((3, 4), (1, 2, 2)),
        ((5,), (2, 2)),
    ):
        refuses(
            submission,
            "conv2d",
            torch.ones(image),
            torch.ones(kernel),
            naming=[image, kernel, len(image), len(kernel)],
        )


@property_of("invalid_input", "output_size")
def test_output_size_rejects_input_that_has_no_result(submission: Submission) -> None:
    answers(submission, "output_size", 5, 3)
    refuses(submission, "output_size", 3, 5, naming=[3, 5])
    refuses(submission, "output_size", 5, 3, 0, naming=["0", "stride"])
    refuses(submission, "output_size", 5, 3, -1, naming=["-1", "stride"])
    refuses(submission, "output_size", 4, 3, dilation=2, naming=[4, 3, 5])

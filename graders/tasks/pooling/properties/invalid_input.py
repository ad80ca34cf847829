"""Input without a result, which the functions of exercise 4 must reject."""

from __future__ import annotations

import torch

from graders.tasks.pooling.cases import PADDINGS, PLAIN
from graders.testing.expect import answers, refuses
from graders.testing.properties import property_of
from graders.testing.strategies import tensor
from graders.testing.submission import Submission


def check_refusals(submission: Submission, name: str, *outer: int) -> None:
    """Windows, strides, paddings and modes that have no result."""
    answers(submission, name, tensor(*outer, *PLAIN[0].image, seed=1), PLAIN[0].window)
    # A window larger than the image without padding has a result, as long as it fits into the padded one.
    larger = PADDINGS[5]
    answers(submission, name, torch.ones(*outer, *larger.image), larger.window, **larger.keywords("max"))
    X = torch.ones(*outer, 3, 4)
    shape = tuple(X.shape)
    for window, padding in ((4, 0), ((4, 2), 0), ((2, 5), 0), ((6, 2), 1), ((2, 7), (0, 1))):
        naming = [shape, (3, 4), window, 3, 4, *(window if isinstance(window, tuple) else ())]
        for mode in ("max", "avg"):
            refuses(submission, name, X, window, mode=mode, padding=padding, naming=naming)
    for stride, worst in ((0, 0), (-1, -1), ((1, 0), 0), ((0, 2), 0)):
        for mode in ("max", "avg"):
            refuses(submission, name, X, 2, mode=mode, stride=stride, naming=[stride, worst, "stride"])
    for window, padding in ((2, 2), (3, 2), ((2, 3), (2, 1)), ((3, 2), (1, 2)), (1, 1)):
        naming = [window, padding, "padding", *(padding if isinstance(padding, tuple) else ())]
        for mode in ("max", "avg"):
            refuses(submission, name, X, window, mode=mode, padding=padding, naming=naming)
    for unknown in ("median", "sum"):
        refuses(submission, name, X, 2, mode=unknown, naming=[unknown, "mode"])


def check_dimensions(submission: Submission, name: str, *shapes: tuple[int, ...]) -> None:
    """Images with a number of axes that the function isn't for."""
    for shape in shapes:
        for mode in ("max", "avg"):
            refuses(submission, name, torch.ones(shape), 2, mode=mode, naming=[shape, len(shape), *shape])


@property_of("invalid_input", "pool2d")
def test_windows_without_a_result_are_rejected(submission: Submission) -> None:
    check_refusals(submission, "pool2d")
    check_dimensions(submission, "pool2d", (6,), (3, 4, 6), (1, 1, 4, 6))


@property_of("invalid_input", "pool2d_multi_channel")
def test_windows_without_a_result_are_rejected_for_channels_too(submission: Submission) -> None:
    check_refusals(submission, "pool2d_multi_channel", 2)
    check_dimensions(submission, "pool2d_multi_channel", (6,), (4, 6), (1, 2, 3, 4, 6))

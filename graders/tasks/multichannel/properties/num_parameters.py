"""Hidden properties of `num_parameters`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from graders.testing.expect import number, references_agree
from graders.testing.messages import call
from graders.testing.properties import property_of
from graders.testing.strategies import pairwise
from graders.testing.submission import Submission
from solutions import multichannel as reference


def check_number(submission: Submission, *args: Any, **kwargs: Any) -> None:
    """`num_parameters` agrees with a count of the parameters of torch's own layer."""
    right = reference.num_parameters(*args, **kwargs)
    weight = torch.empty(args[1], args[0], *nn.Conv2d(1, 1, args[2]).kernel_size)
    counted = weight.numel() + (args[1] if (*args, True)[3] and kwargs.get("bias", True) else 0)
    references_agree(torch.tensor(right), torch.tensor(counted), torch.tensor(0))
    number(submission.num_parameters(*args, **kwargs), right, call=call("num_parameters", args, kwargs))


@property_of("num_parameters", "square kernels")
def test_layers_with_square_kernels(submission: Submission) -> None:
    for args in ((1, 6, 5), (6, 16, 5), (3, 2, 1), (1, 1, 1), (4, 4, 3), (7, 5, 2), (3, 64, 7)):
        check_number(submission, *args)


@property_of("num_parameters", "square kernels")
def test_every_pair_of_channels_and_square_kernels(submission: Submission) -> None:
    for row in pairwise({"i": range(1, 5), "o": range(1, 5), "k": range(1, 5)}):
        check_number(submission, row["i"], row["o"], row["k"])


@property_of("num_parameters", "rectangular kernels")
def test_layers_with_rectangular_kernels(submission: Submission) -> None:
    for args in ((3, 4, (2, 5)), (5, 2, (1, 7)), (2, 3, (4, 1)), (3, 3, (3, 3)), (11, 12, (9, 8))):
        check_number(submission, *args)
    for channels in ((1, 6), (6, 16)):
        check_number(submission, *channels, (5, 5))


@property_of("num_parameters", "rectangular kernels")
def test_every_pair_of_channels_and_rectangular_kernels(submission: Submission) -> None:
    for row in pairwise({"kh": range(1, 5), "kw": range(1, 5), "i": range(1, 5), "o": range(1, 5)}):
        check_number(submission, row["i"], row["o"], (row["kh"], row["kw"]))


@property_of("num_parameters", "without bias")
def test_layers_without_bias(submission: Submission) -> None:
    for args in ((1, 6, 5), (3, 4, 2), (2, 2, 1), (5, 1, 3)):
        check_number(submission, *args, bias=False)
        check_number(submission, *args, bias=True)
        check_number(submission, *args, False)
    check_number(submission, 1, 6, (5, 5), bias=False)


@property_of("num_parameters", "without bias")
def test_every_pair_of_channels_and_kernels_without_bias(submission: Submission) -> None:
    for row in pairwise({"i": range(1, 5), "o": range(1, 5), "k": range(1, 5)}):
        check_number(submission, row["i"], row["o"], row["k"], bias=False)

"""Hidden properties of `output_size`."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch.nn import functional as F

from graders.testing.expect import number, references_agree
from graders.testing.messages import call
from graders.testing.properties import property_of
from graders.testing.strategies import pairwise
from graders.testing.submission import Submission
from solutions import conv2d as reference


def check_size(submission: Submission, *args: int, **kwargs: int) -> None:
    """`output_size` agrees with the length of torch's own output."""
    right = reference.output_size(*args, **kwargs)
    names = dict(zip(("n", "kernel", "stride", "padding", "dilation"), args, strict=False)) | kwargs
    line = torch.zeros(1, 1, names["n"])
    kernel = torch.zeros(1, 1, names["kernel"])
    options: dict[str, Any] = {key: names[key] for key in ("stride", "padding", "dilation") if key in names}
    references_agree(
        torch.tensor(right), torch.tensor(F.conv1d(line, kernel, **options).shape[-1]), torch.tensor(0)
    )
    number(submission.output_size(*args, **kwargs), right, call=call("output_size", args, kwargs))


@property_of("output_size", "stride 1")
def test_without_stride_or_padding(submission: Submission) -> None:
    for n, kernel in ((5, 3), (8, 2), (1, 1), (4, 4), (28, 5), (224, 7)):
        check_size(submission, n, kernel)


@property_of("output_size", "stride 1")
def test_every_length_with_every_kernel(submission: Submission) -> None:
    for n in range(1, 8):
        for kernel in range(1, n + 1):
            check_size(submission, n, kernel)


@property_of("output_size", "stride and padding")
def test_strides_that_do_and_do_not_divide(submission: Submission) -> None:
    for n, kernel, stride, padding in (
        (7, 3, 2, 0),
        (8, 3, 2, 0),
        (8, 3, 2, 1),
        (5, 2, 3, 2),
        (2, 5, 1, 2),
        (9, 1, 4, 0),
        (6, 3, 7, 1),
        (224, 7, 2, 3),
        (28, 5, 1, 2),
        (28, 2, 2, 0),
    ):
        check_size(submission, n, kernel, stride, padding)
        check_size(submission, n, kernel, padding=padding, stride=stride)


@property_of("output_size", "stride and padding")
def test_every_pair_of_length_kernel_stride_and_padding(submission: Submission) -> None:
    settings = {"n": range(1, 17), "kernel": range(1, 8), "stride": range(1, 6), "padding": range(5)}
    rows = pairwise(settings, lambda n, kernel, padding: kernel <= n + 2 * padding)
    for row in sorted(rows, key=lambda row: row["n"]):
        check_size(submission, **row)


@property_of("output_size", "stride and padding")
@given(st.data())
def test_random_sizes(submission: Submission, data: st.DataObject) -> None:
    kernel, padding = data.draw(st.integers(1, 7)), data.draw(st.integers(0, 4))
    n = data.draw(st.integers(max(1, kernel - 2 * padding), 16))
    check_size(submission, n, kernel, stride=data.draw(st.integers(1, 5)), padding=padding)


@property_of("output_size", "dilation")
def test_dilated_kernels(submission: Submission) -> None:
    for n, kernel, stride, padding, dilation in (
        (9, 3, 1, 0, 2),
        (12, 3, 2, 1, 3),
        (10, 1, 2, 0, 4),
        (5, 2, 3, 2, 3),
        (7, 4, 1, 0, 2),
    ):
        check_size(submission, n, kernel, stride, padding, dilation)


@property_of("output_size", "dilation")
def test_every_dilation_with_every_length_and_setting(submission: Submission) -> None:
    settings = {"n": range(1, 9), "kernel": range(1, 6), "dilation": range(2, 5)}
    settings |= {"stride": range(1, 6), "padding": range(5)}
    for row in pairwise(
        settings, lambda n, kernel, dilation, padding: dilation * (kernel - 1) < n + 2 * padding
    ):
        check_size(submission, **row)

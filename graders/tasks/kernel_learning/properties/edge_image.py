"""Hidden properties of `edge_image`."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given

from graders.testing import tolerance
from graders.testing.expect import changes_no_setting, compare, references_agree, that
from graders.testing.messages import call
from graders.testing.properties import property_of
from graders.testing.strategies import pairwise
from graders.testing.submission import Submission
from solutions import kernel_learning as reference


def check_edge_image(submission: Submission, *args: int, **kwargs: int) -> None:
    """The image equals the reference's, number by number."""
    right = reference.edge_image(*args, **kwargs)
    names = {"height": 6, "width": 8, "left": 2, "right": 6}
    names |= dict(zip(names, args, strict=False)) | kwargs
    column = torch.arange(names["width"])
    stripe = 1.0 - ((column >= names["left"]) & (column < names["right"])).float()
    references_agree(right, stripe.expand(names["height"], -1), torch.tensor(0.0))
    options: dict[str, Any] = dict(kwargs)
    value = submission.edge_image(*args, **options)
    compare(value, expected=right, bound=tolerance.exact(right), call=call("edge_image", args, kwargs))


@property_of("edge_image", "the default image")
def test_the_default_image_has_its_stripe(submission: Submission) -> None:
    check_edge_image(submission)


@property_of("edge_image", "other sizes and stripes")
def test_other_sizes_and_stripes(submission: Submission) -> None:
    for size in ((4, 7, 1, 3), (7, 4, 2, 3), (3, 9, 4, 8), (1, 2, 1, 2), (8, 8, 3, 5)):
        check_edge_image(submission, *size)
    check_edge_image(submission, right=4)
    check_edge_image(submission, height=3)
    check_edge_image(submission, width=9, left=1)


@property_of("edge_image", "other sizes and stripes")
def test_stripes_at_the_border_over_the_whole_width_and_empty(submission: Submission) -> None:
    for left, right in ((0, 3), (2, 5), (0, 5), (2, 2), (0, 0), (5, 5), (0, 1), (4, 5)):
        check_edge_image(submission, height=3, width=5, left=left, right=right)


@property_of("edge_image", "other sizes and stripes")
def test_every_pair_of_sizes_and_edges(submission: Submission) -> None:
    settings = {"width": range(1, 7), "left": range(7), "right": range(7), "height": range(1, 6)}
    rows = pairwise(
        settings,
        lambda left, right: left <= right,
        lambda right, width: right <= width,
        lambda left, width: left <= width,
    )
    for row in sorted(rows, key=lambda row: row["height"] * row["width"]):
        check_edge_image(submission, row["height"], row["width"], row["left"], row["right"])


@property_of("edge_image", "dtype and side effects")
def test_the_image_is_float32_and_no_setting_changes(submission: Submission) -> None:
    images = []
    for size in ((6, 8, 2, 6), (6, 8, 1, 3)):
        reply, title = submission.ask("edge_image", *size), call("edge_image", size, {})
        any_image = torch.full((6, 8), torch.inf)
        compare(reply.value, expected=torch.zeros(6, 8), bound=any_image, dtype=torch.float32, call=title)
        changes_no_setting(reply, call=title)
        images.append(reply.value)
    sentence = "Images with stripes in other places should differ."
    that(not torch.equal(*images), call=title, aspect="values", sentence=sentence)


@property_of("edge_image", "other sizes and stripes")
@given(st.data())
def test_random_stripes(submission: Submission, data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 6))
    left, right = sorted((data.draw(st.integers(0, width)), data.draw(st.integers(0, width))))
    check_edge_image(submission, height, width, left, right)

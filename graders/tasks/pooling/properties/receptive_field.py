"""Hidden properties of `receptive_field`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import hypothesis.strategies as st
import torch
from hypothesis import given

from graders.tasks.pooling.cases import Pair
from graders.testing.expect import number, references_agree
from graders.testing.properties import property_of
from graders.testing.strategies import pairwise
from graders.testing.submission import Submission
from solutions import pooling as reference


def extent(layers: Sequence[Pair]) -> int:
    """Extent from the first to the last input that one output depends on, followed down layer by layer."""
    seen = {0}
    for kernel, stride in reversed(layers):
        seen = {place * stride + element for place in seen for element in range(kernel)}
    return max(seen) - min(seen) + 1


def stacks(*depths: int, strides: Sequence[int], holes: bool = False) -> Iterator[tuple[Pair, ...]]:
    """Stacks of layers in which every two kernel sizes and strides occur together, with or without holes."""
    for depth in depths:
        settings: dict[str, Sequence[int]] = {}
        for place in range(depth):
            settings |= {f"kernel {place}": range(1, 6), f"stride {place}": strides}
        found = []
        for row in pairwise(settings):
            numbers = list(row.values())
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            found.append(tuple(pair if holes else (max(pair), pair[1]) for pair in pairs))
        yield from dict.fromkeys(found)


def check_field(submission: Submission, *layers: Pair, as_tuple: bool = True) -> None:
    """`receptive_field` agrees with following the inputs one by one; lists and tuples alike."""
    right = reference.receptive_field(layers)
    references_agree(torch.tensor(right), torch.tensor(extent(layers)), torch.tensor(0))
    for sequence in (list(layers), layers) if as_tuple else (list(layers),):
        title = f"receptive_field({sequence})"
        number(submission.receptive_field(sequence), right, call=title)


@property_of("receptive_field", "stride 1")
def test_fields_of_layers_without_stride(submission: Submission) -> None:
    for kernels in ((3,), (3, 3), (3, 3, 3), (1,), (5, 1, 2), (2, 4), (7, 5, 3, 1)):
        check_field(submission, *((kernel, 1) for kernel in kernels))


@property_of("receptive_field", "stride 1")
def test_fields_of_every_pair_of_layers_without_stride(submission: Submission) -> None:
    for layers in stacks(2, 3, strides=(1,)):
        check_field(submission, *layers, as_tuple=False)


@property_of("receptive_field", "equal strides")
def test_fields_of_layers_with_equal_strides(submission: Submission) -> None:
    for kernels, stride in (((3, 3), 2), ((2, 2, 2), 2), ((3, 5, 4), 3), ((4,), 2), ((3, 4, 2, 3), 2)):
        check_field(submission, *((kernel, stride) for kernel in kernels))


@property_of("receptive_field", "equal strides")
def test_fields_of_every_pair_of_layers_with_equal_strides(submission: Submission) -> None:
    for stride in (2, 3, 4):
        for layers in stacks(2, strides=(stride,)):
            check_field(submission, *layers, as_tuple=False)


@property_of("receptive_field", "different strides")
def test_fields_of_layers_with_different_strides(submission: Submission) -> None:
    check_field(submission, (5, 1), (2, 2), (5, 1), (2, 2))
    check_field(submission, (3, 1), (3, 2))
    check_field(submission, (3, 2), (3, 1))
    check_field(submission, (4, 2), (3, 1), (5, 3), (2, 1))
    check_field(submission, (2, 1), (3, 3), (4, 2))
    # As many layers as well-known networks have, but with other numbers.
    check_field(submission, (3, 1), (4, 2), (6, 1), (3, 2))
    check_field(submission, (5, 2), (2, 1), (5, 2), (2, 2))
    for depth in (7, 8, 12):
        check_field(submission, *((2 + place % 3, 1 + place % 2) for place in range(depth)))
    check_field(submission, (7, 2), (3, 2), (3, 1), (1, 1), (3, 2), (3, 1))


@property_of("receptive_field", "different strides")
def test_fields_of_every_pair_of_kernels_and_strides(submission: Submission) -> None:
    for layers in stacks(1, 2, 3, 4, 5, strides=range(1, 5)):
        check_field(submission, *layers, as_tuple=False)


@property_of("receptive_field", "different strides")
@given(layers=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4)), min_size=1, max_size=5))
def test_fields_of_random_layers(submission: Submission, layers: list[Pair]) -> None:
    check_field(submission, *((max(kernel, stride), stride) for kernel, stride in layers))


@property_of("receptive_field", "holes")
def test_holes_between_the_inputs_belong_to_the_field(submission: Submission) -> None:
    check_field(submission, (1, 3), (2, 1))
    check_field(submission, (2, 4), (3, 1))
    check_field(submission, (1, 2), (1, 5), (3, 1))
    check_field(submission, (3, 1), (1, 4), (2, 3), (2, 1))


@property_of("receptive_field", "holes")
def test_holes_of_every_pair_of_kernels_and_strides(submission: Submission) -> None:
    for layers in stacks(2, strides=range(1, 5), holes=True):
        check_field(submission, *layers, as_tuple=False)


@property_of("receptive_field", "no layers")
def test_without_layers_an_element_sees_itself(submission: Submission) -> None:
    check_field(submission)
    check_field(submission, (1, 1))
    check_field(submission, (3, 1), (2, 2))

"""Random questions: a small vocabulary of sizes, values and memory layouts.

A strategy draws sizes and one seed; tensors are made from the seed, so a question is small to draw, quick
to make and the same on every machine. Small cases come first, which keeps the first counterexample small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from hypothesis import strategies as st
from torch import Tensor

Values = Literal["integers", "normal", "negative", "ties", "large", "tiny", "mixed"]
Layout = Literal["contiguous", "transposed", "sliced", "flipped strides"]

VALUES: tuple[Values, ...] = ("integers", "normal", "negative", "large", "tiny", "mixed")
LAYOUTS: tuple[Layout, ...] = ("transposed", "sliced", "flipped strides")


def tensor(
    *shape: int,
    seed: int = 0,
    values: Values = "integers",
    layout: Layout = "contiguous",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """A tensor of the given shape, determined by its arguments alone.

    Args:
        shape: the sizes.
        seed: of the generator.
        values: `integers` from -8 to 8 without zero, where float sums are exact; `normal`; `negative`, all
            below -5000; `ties`, few different integers; `large`, around 10⁴; `tiny`, around 10⁻⁵; `mixed`
            magnitudes.
        layout: how the numbers lie in memory; every layout but `contiguous` is a view.
        dtype: of the result.
    """
    stored = _stored_shape(shape, layout)
    generator = torch.Generator().manual_seed(seed)
    # Bits of the seed are few for small seeds; the first draws of near seeds would resemble each other.
    torch.rand(17, generator=generator)
    raw = torch.randn(stored, generator=generator, dtype=torch.float64)
    if values == "integers":
        raw = torch.randint(1, 9, stored, generator=generator).double() * raw.sign()
    elif values == "negative":
        raw = -5000 - (raw * 8).round().abs()
    elif values == "ties":
        raw = torch.randint(-1, 2, stored, generator=generator).double()
    elif values == "large":
        raw = raw * 1e4
    elif values == "tiny":
        raw = raw * 1e-5
    elif values == "mixed":
        raw = raw * 10.0 ** torch.randint(-3, 4, stored, generator=generator)
    return _viewed(raw.to(dtype), len(shape), layout)


def _stored_shape(shape: Sequence[int], layout: Layout) -> tuple[int, ...]:
    if layout in ("transposed", "flipped strides"):
        return tuple(reversed(shape))
    if layout == "sliced":
        return tuple(2 * size + 1 for size in shape)
    return tuple(shape)


def _viewed(stored: Tensor, rank: int, layout: Layout) -> Tensor:
    if layout == "sliced":
        return stored[tuple(slice(1, None, 2) for _ in range(rank))]
    if layout == "contiguous" or rank < 2:
        return stored
    plain = stored.permute(*reversed(range(rank)))
    if layout == "flipped strides":
        # The first two axes exchanged only: neither contiguous nor a plain transpose for rank three and up.
        return plain.transpose(0, 1).contiguous().transpose(0, 1)
    return plain


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `tensor`."""
    return st.integers(min_value=0, max_value=2**31 - 1)


@st.composite
def distinct_sizes(draw: st.DrawFn, count: int, low: int = 1, high: int = 6) -> tuple[int, ...]:
    """`count` sizes, no two alike, so that exchanged axes cannot go unnoticed.

    Raises:
        ValueError: there are not so many sizes between `low` and `high`.
    """
    if high - low + 1 < count:
        raise ValueError(f"there are no {count} different sizes from {low} to {high}")
    return tuple(draw(st.lists(st.integers(low, high), min_size=count, max_size=count, unique=True)))

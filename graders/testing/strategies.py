"""Test inputs: a small vocabulary of sizes, values and memory layouts, drawn at random or from a fixed table.

A strategy draws sizes and one seed, and tensors are generated from the seed. So an input is small to draw,
quick to make and the same on every machine. Small cases come first, which keeps the first counterexample
small.

A sweep is a fixed table that contains every pair of sizes or settings that a strategy could draw together. So
a mistake that shows only where two of them meet is found under every seed.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from hypothesis import strategies as st
from torch import Tensor

Values = Literal["integers", "normal", "negative", "ties", "large", "tiny", "mixed"]
Layout = Literal["contiguous", "transposed", "sliced", "flipped strides"]

VALUES: tuple[Values, ...] = ("integers", "normal", "negative", "large", "tiny", "mixed")
LAYOUTS: tuple[Layout, ...] = ("transposed", "sliced", "flipped strides")
# Dtypes tested on GPUs only: a CPU supports them for some operations and not for others.
HALVES = (torch.float16, torch.bfloat16)
# So many images of this size, and CPU seconds for all of them together; see `benchmarks/effort.py`.
MANY, SIDE, MANY_SECONDS = 20, 256, 0.3
# If no more rows than these are possible, every one of them is asked.
MOST_ROWS = 1_000


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
        seed: the generator's seed.
        values: `integers` from -8 to 8 without zero, whose sums are exact in floating point; `normal`;
            `negative`, none above -5000; `ties`, integers from -1 to 1; `large`, around 10⁴; `tiny`, around
            10⁻⁵; `mixed` magnitudes.
        layout: how the values are arranged in memory; every layout but `contiguous` is a view.
        dtype: the dtype of the result.
    """
    stored = _stored_shape(shape, layout)
    generator = torch.Generator().manual_seed(seed)
    # Small seeds differ in few bits, so the first numbers drawn from neighbouring seeds would be similar.
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


def with_zeros(place: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors with zeros in some of them, depending on their place in a table of test inputs.

    At place 1 every tensor gets one zero; at place 2 the first tensor is all zeros, at place 3 the second,
    and so on; elsewhere they stay as they are. So code that fails on zeros is found without further inputs.
    """
    changed = list(tensors)
    if place == 1:
        for value in changed:
            if value.numel() > 1:
                value[(0,) * value.dim()] = 0
    elif 0 <= place - 2 < len(changed):
        changed[place - 2].zero_()
    return tuple(changed)


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
        # Swaps only the first two axes: from rank three up, neither contiguous nor a plain transpose.
        return plain.transpose(0, 1).contiguous().transpose(0, 1)
    return plain


def seeds() -> st.SearchStrategy[int]:
    """Seeds for `tensor`."""
    return st.integers(min_value=0, max_value=2**31 - 1)


@st.composite
def distinct_sizes(draw: st.DrawFn, count: int, low: int = 1, high: int = 6) -> tuple[int, ...]:
    """`count` different sizes, so that swapped axes can't go unnoticed.

    Raises:
        ValueError: there are fewer than `count` sizes from `low` to `high`.
    """
    if high - low + 1 < count:
        raise ValueError(f"there are no {count} different sizes from {low} to {high}")
    return tuple(draw(st.lists(st.integers(low, high), min_size=count, max_size=count, unique=True)))


def graded(*shape: int, seed: int) -> Tensor:
    """A small tensor of integer values that requires grad."""
    return tensor(*shape, seed=seed, values="integers").requires_grad_()


def every_row(
    settings: Mapping[str, Sequence[Any]], *conditions: Callable[..., bool], most: int = MOST_ROWS
) -> tuple[dict[str, Any], ...]:
    """Every row that is possible, or none if there are more than `most`; arguments as for `pairwise`."""
    rows: list[dict[str, Any]] = [{}]
    waiting = [(condition, tuple(inspect.signature(condition).parameters)) for condition in conditions]
    for name, values in settings.items():
        rows = [{**row, name: value} for row in rows for value in values]
        known = [each for each in waiting if all(one in rows[0] for one in each[1])] if rows else []
        rows = [row for row in rows if all(hold(*(row[one] for one in names)) for hold, names in known)]
        waiting = [each for each in waiting if each not in known]
        if len(rows) > 20 * most:
            return ()
    return tuple(rows) if len(rows) <= most else ()


def pairwise(
    settings: Mapping[str, Sequence[Any]], *conditions: Callable[..., bool]
) -> tuple[dict[str, Any], ...]:
    """Rows in which any two values of any two settings meet at least once; see `covering`."""
    return covering(settings, *conditions, strength=2)


def covering(
    settings: Mapping[str, Sequence[Any]], *conditions: Callable[..., bool], strength: int = 3
) -> tuple[dict[str, Any], ...]:
    """Rows in which any `strength` values of as many settings meet at least once: a covering array.

    Each row is begun with the first values that have not met. The others are chosen one by one, each so that
    it meets as many new ones as possible; then so that it is one that has many still to meet; then the
    earlier one. So there are few rows, and always the same.

    Args:
        settings: the values of each setting, small ones first.
        conditions: what must hold in every row. Each is a function whose parameters are called like the
            settings that it is about. Values that are in no such row together are left out.
        strength: at most as many as there are settings.
    """
    slots = [(name, value) for name, values in settings.items() for value in values]
    own = {name: [place for place, slot in enumerate(slots) if slot[0] == name] for name in settings}
    width = min(strength, len(settings)) - 1
    # Sets of places are the bits of an int: whom the values in some places together have still to meet.
    missing: dict[tuple[int, ...], int] = {}
    left = [0] * len(slots)  # how many a place has still to meet in all
    for names in itertools.combinations(settings, width):
        others = sum(1 << place for place, slot in enumerate(slots) if slot[0] not in names)
        for places in itertools.product(*(own[name] for name in names)):
            missing[places] = others
            for place in places:
                left[place] += others.bit_count()
    about: dict[str, list[tuple[Callable[..., bool], tuple[str, ...]]]] = {name: [] for name in settings}
    for condition in conditions:
        names = tuple(inspect.signature(condition).parameters)
        for name in names:
            about[name].append((condition, names))
    tied = {name: {other for _, names in about[name] for other in names} for name in settings}

    def permitted(row: Mapping[str, int], newest: str) -> bool:
        return all(
            condition(*(slots[row[name]][1] for name in names))
            for condition, names in about[newest]
            if all(name in row for name in names)
        )

    def gain(place: int, chosen: Sequence[int], met: int) -> int:
        together = itertools.combinations(chosen, width - 1)
        return sum((missing[tuple(sorted((*some, place)))] & met).bit_count() for some in together)

    def completed(row: dict[str, int], met: int) -> dict[str, int] | None:
        """The row with the open settings filled in, or None if the conditions permit no such row."""
        open_ones = [name for name in settings if name not in row]
        if not open_ones:
            return row
        # Settings that a condition ties to the row come first. If no value fits there, filling in the others
        # would be wasted effort: this is a search with backtracking, and it should fail early.
        name = next((name for name in open_ones if not tied[name].isdisjoint(row)), open_ones[0])
        chosen = sorted(row.values())
        counts = {place: (gain(place, chosen, met), left[place]) for place in own[name]}
        for place in sorted(counts, key=counts.__getitem__, reverse=True):
            longer = {**row, name: place}
            if permitted(longer, name) and (found := completed(longer, met | 1 << place)):
                return found
        return None

    rows = []
    for first in sorted(missing):
        while missing[first]:
            last = (missing[first] & -missing[first]).bit_length() - 1
            begun = {slots[place][0]: place for place in (*first, last)}
            possible = all(permitted(begun, one) for one in begun)
            row = completed(begun, sum(1 << place for place in begun.values())) if possible else None
            met = sorted((begun if row is None else row).values())
            bits = sum(1 << place for place in met)
            for places in itertools.combinations(met, width):
                for place in places:
                    left[place] -= (missing[places] & bits).bit_count()
                missing[places] &= ~bits
            if row is not None:
                rows.append({name: slots[row[name]][1] for name in settings})
    return tuple(rows)

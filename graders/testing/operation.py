"""The facts of a task that asks for a function of tensors, and the questions that follow from them.

`derived.py` makes properties of these questions. What torch computes is right; how far an answer may lie from
it follows from the facts as well.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from . import tolerance
from .expect import references_agree
from .strategies import VALUES, covering, every_row, tensor, with_zeros
from .together import Asked

Row = Mapping[str, Any]
"""One value for each setting."""

_SOME = 8
# Those of the contract that take one number for both axes.
_SIZES = {"pool_size", "kernel_size", "stride", "padding", "dilation"}


@dataclass(frozen=True)
class Group:
    """Properties that earn their points together.

    Attributes:
        weight: in relation to the other groups of the task.
        aspects: what is derived for it; empty if all its properties are written by hand.
    """

    weight: float
    aspects: tuple[str, ...] = ()


OPERATION: Mapping[str, Group] = {
    "values": Group(4, ("values",)),
    "gradients": Group(2, ("gradients",)),
    "dtypes": Group(1, ("dtypes",)),
    "layouts": Group(1, ("layouts",)),
    "side effects": Group(1, ("side effects",)),
    "devices": Group(1, ("devices",)),
}


def no_options(**_row: Any) -> Mapping[str, Any]:
    """The options of a function that has none."""
    return {}


@dataclass(frozen=True, eq=False)
class Operation:
    """A function whose result is linear in each of its tensors.

    Attributes:
        reference: of the solutions; the task has its name.
        oracle: torch's own, `(*tensors, **options)`.
        settings: the values of each size and option, small ones first.
        shapes: the shapes of the tensors by name, for one row of settings.
        possible: what must hold in every row; see `strategies.covering`.
        options: the further arguments by name, for one row.
        besides: rows outside of the settings, as examples and first tries have them.
        groups: in the order in which they are asked.
        twin: another task that asks for the same, so that its questions serve for both.
    """

    reference: Callable[..., Tensor]
    oracle: Callable[..., Tensor]
    settings: Mapping[str, Sequence[Any]]
    shapes: Callable[..., Mapping[str, tuple[int, ...]]]
    possible: tuple[Callable[..., bool], ...] = ()
    options: Callable[..., Mapping[str, Any]] = no_options
    besides: tuple[Row, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=lambda: OPERATION)
    twin: Operation | None = None

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.reference.__name__

    def also(self, reference: Callable[..., Tensor], groups: Mapping[str, Group]) -> Operation:
        """Another task that asks for the same function."""
        return replace(self, reference=reference, groups=groups, twin=self)

    # ------------------------------------------------------------------------------------- rows and tensors

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every possible row if they are few, else rows in which any three values meet; small ones first."""
        if self.twin is not None:
            return self.twin.rows
        every = every_row(self.settings, *self.possible)
        found = every or covering(self.settings, *self.possible)
        return tuple(sorted((*found, *self.besides), key=self.size))

    @cached_property
    def typical(self) -> Row:
        """The smallest row in which as many sizes and options as possible differ, and are neither 0 nor 1."""
        return min(self.rows, key=lambda row: (-len(set(self._numbers(row)) - {0, 1}), self.size(row)))

    @cached_property
    def small(self) -> Row:
        """The smallest row in which no axis is 1, and no two tensors are of one shape."""

        def plain(row: Row) -> tuple[bool, int]:
            shapes = list(self.shapes(**row).values())
            return 1 in itertools.chain(*shapes) or len({*shapes}) < len(shapes), self.size(row)

        return min(self.rows, key=plain)

    def _numbers(self, row: Row) -> Iterator[Any]:
        for value in (*self.shapes(**row).values(), *self.options(**row).values()):
            yield from value if isinstance(value, tuple) else (value,)

    @cached_property
    def some(self) -> tuple[Row, ...]:
        """A few rows of all sizes, the typical one first."""
        step = max(1, len(self.rows) // _SOME)
        return (self.typical, *self.rows[::step])

    def size(self, row: Row) -> int:
        """How many numbers the tensors of a row have."""
        return sum(math.prod(shape) for shape in self.shapes(**row).values())

    def tensors(self, row: Row, seed: int, **how: Any) -> list[Tensor]:
        """The tensors of a question, each as `strategies.tensor` makes it."""
        shapes = self.shapes(**row).values()
        return [tensor(*shape, seed=seed + 1000 * place, **how) for place, shape in enumerate(shapes)]

    # ------------------------------------------------------------------------------------------ what is right

    def case(self, row: Row, tensors: Sequence[Tensor], way: int = 0) -> Asked:
        """A question with its right result; its options are given by place if `way` is odd, else by name."""
        options = self.options(**row)
        right, bound = self.expected(options, tensors)
        args, kwargs = given(options, way)
        return Asked((*tensors, *args), kwargs, right, bound)

    def expected(self, options: Mapping[str, Any], tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The right result in float64, and how far one in the precision of the tensors may lie from it."""
        wide = [one.detach().double() for one in tensors]
        right = self.oracle(*wide, **options)
        absolute = self.oracle(*map(torch.abs, wide), **options)
        # If all numbers are 1, each of the result says how many products meet in it.
        terms = int(self.oracle(*map(torch.ones_like, wide), **options).max())
        norm = math.prod(float(one.norm()) for one in wide)
        return right, tolerance.products(absolute, terms, tolerance.coarsest(*tensors), norm)

    def agreed(self, case: Asked) -> Asked:
        """The same question, once the reference and torch agree on its result."""
        wide = [value.detach().double() if isinstance(value, Tensor) else value for value in case.args]
        references_agree(self.reference(*wide, **case.kwargs), case.expected, case.bound)
        return case

    def expected_gradients(
        self, row: Row, tensors: Sequence[Tensor], upstream: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The right gradients by the names of the tensors, and their bounds."""

        def of(change: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
            leaves = [change(one.detach().double()).requires_grad_() for one in tensors]
            result = self.oracle(*leaves, **self.options(**row))
            return torch.autograd.grad(result, leaves, change(upstream.double()))

        names, dtype = list(self.shapes(**row)), tolerance.coarsest(*tensors)
        norms = [float(one.detach().double().norm()) for one in (*tensors, upstream)]
        bounds = {}
        for place, (absolute, counts) in enumerate(zip(of(torch.abs), of(torch.ones_like), strict=True)):
            others = math.prod(norms[:place] + norms[place + 1 :])
            bounds[names[place]] = tolerance.products(absolute, int(counts.max()), dtype, others)
        return dict(zip(names, of(torch.clone), strict=True)), bounds

    # ------------------------------------------------------------------------ questions that are always asked

    @cached_property
    def sweep(self) -> tuple[Asked, ...]:
        """Every row, with whole numbers; torch alone says what is right."""
        if self.twin is not None:
            return self.twin.sweep
        return tuple(self.case(row, self.tensors(row, seed), seed) for seed, row in enumerate(self.rows))

    @cached_property
    def kinds(self) -> tuple[Asked, ...]:
        """Values of every kind, in some rows; then a zero in each tensor, and tensors that are all zero."""
        cases = [
            self.case(row, self.tensors(row, seed, values=values), seed)
            for seed, (row, values) in enumerate(zip(itertools.cycle(self.some), VALUES, strict=False))
        ]
        for place in range(1, 2 + len(self.shapes(**self.typical))):
            tensors = with_zeros(place, *self.tensors(self.typical, 50 + place))
            cases.append(self.case(self.typical, tensors, place))
        return tuple(map(self.agreed, cases))

    @cached_property
    def pulls(self) -> tuple[Pull, ...]:
        """Gradients in some rows, for an upstream gradient that is not all ones; then past zeros, too."""
        found = []
        for seed, row in enumerate(self.some):
            tensors, (args, kwargs) = self.tensors(row, seed), given(self.options(**row), seed)
            if seed % 2:  # what meets a zero adds nothing to the result, but something to the gradient
                for place, one in enumerate(tensors):  # not where they meet each other
                    one.view(-1)[-1 if place == 0 else 0] = 0
            shape = self.oracle(*tensors, **self.options(**row)).shape
            (upstream,) = with_zeros(seed % 2, tensor(*shape, seed=seed + 99))
            expected = self.expected_gradients(row, tensors, upstream)
            leaves = tuple(one.requires_grad_() for one in tensors)
            found.append(Pull((*leaves, *args), kwargs, upstream, *expected))
        return tuple(found)


@dataclass(frozen=True)
class Pull:
    """A question for gradients: of `(result * upstream).sum()`, with the right ones and bounds by name."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    upstream: Tensor
    expected: Mapping[str, Tensor]
    bounds: Mapping[str, Tensor]


def given(options: Mapping[str, Any], way: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Options by place if `way` is odd, else by name; sizes that are alike along both axes as one number."""
    plain = {
        name: value[0] if name in _SIZES and isinstance(value, tuple) and len(set(value)) == 1 else value
        for name, value in options.items()
    }
    return (tuple(plain.values()), {}) if way % 2 else ((), plain)

"""The facts of a task that asks for a number, and the properties that follow from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given

from .expect import references_agree
from .strategies import every_row, pairwise
from .submission import Submission
from .together import AskedNumber, each_number


@dataclass(frozen=True, eq=False)
class Sizes:
    """Questions that earn their points together.

    Attributes:
        weight: in relation to the other groups of the task.
        settings: the values of each argument that is given, small ones first; the others keep their default.
        besides: arguments by place, as examples and first tries have them.
    """

    weight: float
    settings: Mapping[str, Sequence[Any]]
    besides: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Size:
    """A function of numbers with a number for its result.

    Attributes:
        reference: of the solutions; the task has its name.
        oracle: torch's own, which takes the same arguments by name, those with a default included.
        groups: in the order in which they are asked.
        possible: what must hold for there to be a result; see `strategies.pairwise`.
    """

    reference: Callable[..., int]
    oracle: Callable[..., int]
    groups: Mapping[str, Sizes]
    possible: tuple[Callable[..., bool], ...] = ()

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.reference.__name__

    @cached_property
    def signature(self) -> inspect.Signature:
        """That of the reference."""
        return inspect.signature(self.reference)

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The arguments that have a default, with it."""
        every = self.signature.parameters.values()
        return {one.name: one.default for one in every if one.default is not one.empty}

    def rows(self, group: str) -> tuple[Mapping[str, Any], ...]:
        """Every possible row of a group if they are few, else rows in which any two values meet."""
        asked = self.groups[group].settings
        settings = {**{name: (value,) for name, value in self.defaults.items()}, **asked}
        every = every_row(settings, *self.possible)
        rows = every or pairwise(settings, *self.possible)
        plain = [{name: row[name] for name in asked} for row in rows]
        return tuple(sorted(plain, key=lambda row: next(iter(row.values()))))

    @cached_property
    def cases(self) -> Mapping[str, tuple[AskedNumber, ...]]:
        """The questions of each group: by place as well as by name, whatever has a default."""
        found: dict[str, tuple[AskedNumber, ...]] = {}
        for group, sizes in self.groups.items():
            cases = [self.case(args, {}) for args in sizes.besides]
            for number, row in enumerate(self.rows(group)):
                bare = [value for name, value in row.items() if name not in self.defaults]
                options = {name: value for name, value in row.items() if name in self.defaults}
                in_order = list(row) == list(self.signature.parameters)[: len(row)]
                by_place = in_order and number % 2
                cases.append(self.case(list(row.values()), {}) if by_place else self.case(bare, options))
            found[group] = tuple(cases)
        return found

    def case(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> AskedNumber:
        """A question with its right result, on which the reference and torch agree."""
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        right = self.oracle(**bound.arguments)
        references_agree(torch.tensor(self.reference(*args, **kwargs)), torch.tensor(right), torch.tensor(0))
        return AskedNumber(tuple(args), kwargs, right)

    def is_possible(self, row: Mapping[str, Any]) -> bool:
        """Whether there is a result."""
        every = {one.name: row.get(one.name, one.default) for one in self.signature.parameters.values()}
        return all(
            hold(*(every[name] for name in inspect.signature(hold).parameters)) for hold in self.possible
        )

    def derived(self) -> Iterator[tuple[str, Callable[..., None]]]:
        """Each property with its group; the group that weighs most is asked at random as well."""
        heaviest = max(self.groups, key=lambda group: self.groups[group].weight)
        for group in self.groups:
            yield group, self._every(group)
            if group == heaviest:
                yield group, self._random(group)

    def _every(self, group: str) -> Callable[..., None]:
        def test_every_size_and_setting(submission: Submission) -> None:
            each_number(submission, self.task, self.cases[group])

        return test_every_size_and_setting

    def _random(self, group: str) -> Callable[..., None]:
        settings = self.groups[group].settings
        drawn = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in settings.items()})

        @given(row=drawn.filter(self.is_possible))
        def test_random_sizes(submission: Submission, row: Mapping[str, Any]) -> None:
            each_number(submission, self.task, [self.case((), row)])

        return test_random_sizes

"""Every automatic mutant of the reference fails, except those that behave like the reference."""

from __future__ import annotations

from functools import cache

import pytest

import solutions
from graders.authoring.mutation import Mutant, mutants
from graders.authoring.survivors import equivalent, listed, survives
from tests.parts import Part

LEAST = 200


@cache
def every_mutant(exercise: str) -> tuple[Mutant, ...]:
    return tuple(mutants(exercise))


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_mutant_of_the_reference_fails(exercise: str, part: Part) -> None:
    asked = [mutant for mutant in every_mutant(exercise) if not listed(mutant)]
    chosen = set(part.of(mutant.name for mutant in asked))
    survivors = [mutant.name for mutant in asked if mutant.name in chosen and survives(mutant)]
    assert not survivors, f"{part}: they pass, and are not listed as equivalent:\n" + "\n".join(survivors)


def test_there_are_enough_mutants() -> None:
    every = [mutant for exercise in solutions.EXERCISES for mutant in every_mutant(exercise)]
    assert sum(not listed(mutant) for mutant in every) >= LEAST


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_entry_of_a_list_of_equivalent_mutants_is_needed(exercise: str) -> None:
    used = {part for mutant in mutants(exercise) for part in listed(mutant)}
    assert set(equivalent(exercise)) == used, "listed as equivalent, but no longer made"
    assert all(reason.strip() for reason in equivalent(exercise).values())

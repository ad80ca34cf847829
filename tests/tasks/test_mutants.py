"""Every automatic mutant of the reference fails, except those that behave like the reference."""

from __future__ import annotations

import pytest

import solutions
from graders.authoring.mutation import mutants
from graders.authoring.survivors import equivalent, listed, survives

LEAST = 200


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_mutant_of_the_reference_fails(exercise: str) -> None:
    survivors = [mutant.name for mutant in mutants(exercise) if not listed(mutant) and survives(mutant)]
    assert not survivors, "mutants that pass, and are not listed as equivalent:\n" + "\n".join(survivors)


def test_there_are_enough_mutants() -> None:
    every = [mutant for exercise in solutions.EXERCISES for mutant in mutants(exercise)]
    assert sum(not listed(mutant) for mutant in every) >= LEAST


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_entry_of_a_list_of_equivalent_mutants_is_needed(exercise: str) -> None:
    used = {part for mutant in mutants(exercise) for part in listed(mutant)}
    assert set(equivalent(exercise)) == used, "listed as equivalent, but no longer made"
    assert all(reason.strip() for reason in equivalent(exercise).values())

"""What follows from the facts of a task: the questions, what is right, and how far an answer may be off."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from graders.sandbox.errors import StudentError
from graders.tasks.conv2d.facts import SMALL_IMAGES, conv2d, conv2d_matrix, output_size
from graders.testing.expect import Mismatch
from graders.testing.in_process import submission_in_process
from graders.testing.operation import Group, Operation
from graders.testing.properties import groups_of, properties_of
from graders.testing.strategies import covering, every_row
from solutions import conv2d as reference

NAMES = {name: value for name, value in vars(reference).items() if not name.startswith("__")}
BOX = list(itertools.product(range(1, 7), range(1, 7), range(1, 5), range(1, 5)))
FEASIBLE = [(H, W, kh, kw) for H, W, kh, kw in BOX if kh <= H and kw <= W]


def sizes(case: Any) -> tuple[int, ...]:
    X, K = case.args
    return (*X.shape, *K.shape)


def fails_at_fixed_questions(task: str, answer: Any) -> bool:
    submission = submission_in_process({**NAMES, task: answer})
    submission.begin(by_hand=True)
    for held in properties_of("conv2d", task):
        if hasattr(held.test, "hypothesis"):
            continue
        try:
            held.test(submission=submission)
        except (Mismatch, StudentError):
            return True
    return False


def test_there_is_no_gap_between_small_sizes() -> None:
    assert len(FEASIBLE) == 324
    assert {sizes(case) for case in conv2d.sweep} >= set(FEASIBLE)
    assert {sum(conv2d.shapes(**row).values(), ()) for row in SMALL_IMAGES} >= set(FEASIBLE)
    assert {
        (*case.kwargs.get("input_size", case.args[-1]), *case.args[0].shape) for case in conv2d_matrix.sweep
    } >= set(FEASIBLE)


@pytest.mark.parametrize("place", range(0, 324, 23))
@pytest.mark.parametrize("task", ["conv2d", "conv2d_vectorized", "conv2d_backward"])
def test_what_is_wrong_for_one_small_shape_alone_fails_under_every_seed(task: str, place: int) -> None:
    right = getattr(reference, task)

    def wrong(*args: Tensor) -> Any:
        X, K = args[-2:]
        result = right(*args)
        if (*X.shape, *K.shape) != FEASIBLE[place]:
            return result
        return (result[0], result[1] + 1) if isinstance(result, tuple) else result + 1

    assert fails_at_fixed_questions(task, wrong)


def test_the_bound_counts_the_products_that_meet_in_one_number() -> None:
    X, K = torch.full((5, 6), 0.1), torch.full((2, 3), 0.1)
    right, bound = conv2d.expected({}, [X, K])
    unit = 2.0**-24
    assert torch.equal(right, F.conv2d(X.double()[None, None], K.double()[None, None])[0, 0])
    norm = float(X.double().norm() * K.double().norm())
    assert torch.allclose(bound, 7 * unit / (1 - 7 * unit) * right + 8 * unit * norm, rtol=1e-9)


def test_gradients_are_those_of_the_oracle_and_each_has_a_bound() -> None:
    X, K, up = torch.rand(4, 5), torch.rand(2, 3), torch.rand(3, 3)
    leaves = [one.double().requires_grad_() for one in (X, K)]
    result = reference.conv2d(*leaves)
    wanted = torch.autograd.grad(result, leaves, up.double())
    row = {"kh": 2, "kw": 3, "more_h": 2, "more_w": 2}
    right, bounds = conv2d.expected_gradients(row, [X, K], up)
    assert list(right) == ["X", "K"]
    for one, name in zip(wanted, right, strict=True):
        assert torch.allclose(one, right[name]) and bool((bounds[name] > 0).all())
        assert float(bounds[name].max()) < 1e-4


def test_a_group_by_hand_stands_in_the_place_of_the_derived_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from graders.tasks.conv2d.properties import invalid_input
    from graders.testing.properties import property_of

    @property_of("conv2d", "layouts")
    def test_by_hand(submission: Any) -> None: ...

    monkeypatch.setattr(invalid_input, "test_by_hand", test_by_hand, raising=False)
    held = properties_of("conv2d", "conv2d")
    assert [each.test for each in held if each.group == "layouts"] == [test_by_hand]
    order = [group for group, _ in itertools.groupby(each.group for each in held)]
    assert order == list(groups_of("conv2d", "conv2d"))


def test_options_are_given_by_name_and_by_place_and_as_one_number() -> None:
    pooled = Operation(
        reference=reference.conv2d,
        oracle=lambda X, K, stride: F.conv2d(X[None, None], K[None, None], stride=stride)[0, 0],
        settings={"sh": range(1, 3), "sw": range(1, 3)},
        shapes=lambda **_: {"X": (5, 5), "K": (2, 2)},
        options=lambda sh, sw: {"stride": (sh, sw)},
        groups={"values": Group(1, ("values",))},
    )
    asked = [(case.args[2:], dict(case.kwargs)) for case in pooled.sweep]
    assert asked == [((), {"stride": 1}), (((1, 2),), {}), ((), {"stride": (2, 1)}), ((2,), {})]


def test_any_two_lengths_and_settings_meet() -> None:
    rows = output_size.rows("stride and padding")
    met = {(row["n"], row["stride"]) for row in rows}
    assert met == set(itertools.product(range(1, 17), range(1, 6)))


@pytest.mark.parametrize("seed", range(5))
def test_any_three_values_meet_that_can_meet(seed: int) -> None:
    settings = {"x": range(3), "y": range(4), "z": range(3), "a": range(2 + seed % 3), "b": range(2)}
    limits = (lambda x, y: x + y != seed, lambda x, y, z: x + y + z < 6, lambda a, z: a != z)
    possible = every_row(settings, *limits, most=10_000)
    rows = covering(settings, *limits)

    def triples(found: Any) -> set[Any]:
        return {three for row in found for three in itertools.combinations(sorted(row.items()), 3)}

    assert triples(rows) == triples(possible)
    assert all(row in possible for row in rows) and len(rows) < len(possible)


def test_every_row_is_asked_only_if_there_are_few() -> None:
    assert len(every_row({"a": range(10), "b": range(10)}, lambda a, b: a <= b, most=55)) == 55
    assert every_row({"a": range(10), "b": range(10)}, lambda a, b: a <= b, most=54) == ()

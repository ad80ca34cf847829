"""What counts as equal: a comparison goes from coarse to fine and says where it stopped."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from graders.sandbox.inside.wire import Handle, Opaque, TensorFacts
from graders.testing.expect import (
    GraderError,
    Mismatch,
    NotWritten,
    compare,
    named,
    number,
    references_agree,
    refuses,
    that,
)
from graders.testing.in_process import submission_in_process
from graders.testing.module import Module

NAN, INF = math.nan, math.inf
GRID = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
ODD = torch.tensor([NAN, INF, -INF, 1.0])


def comparison(got: Any, expected: Tensor, within: float = 0.0, **options: Any) -> tuple[str, str] | None:
    """The aspect and the sentence of the first difference; None if there is none."""
    bound = torch.full(expected.shape, within, dtype=torch.float64)
    try:
        compare(got, expected=expected.double(), bound=bound, call="f(X)", **options)
    except Mismatch as mismatch:
        assert mismatch.call == "f(X)"
        return mismatch.aspect, mismatch.sentence
    return None


SAME: list[tuple[str, Any, Tensor, float]] = [
    ("equal values", GRID, GRID, 0.0),
    ("equal values of another float type", GRID.double(), GRID, 0.0),
    ("integers for equal floats, where the dtype is left open", GRID.long(), GRID, 0.0),
    ("half precision, where the dtype is left open", GRID.half(), GRID, 0.0),
    ("a difference of exactly the bound", GRID + 0.5, GRID, 0.5),
    ("a view", GRID.T, GRID.T.contiguous(), 0.0),
    ("negative zero", torch.tensor([-0.0]), torch.tensor([0.0]), 0.0),
    ("the same infinities", torch.tensor([INF, -INF]), torch.tensor([INF, -INF]), 0.0),
    ("nothing for nothing", torch.zeros(0, 3), torch.zeros(0, 3), 0.0),
    ("a scalar tensor for a scalar tensor", torch.tensor(2.0), torch.tensor(2.0), 0.0),
    ("a tensor that requires grad", GRID.clone().requires_grad_(), GRID, 0.0),
    ("whatever is finite, without a bound", GRID * 1e6, GRID, INF),
]

DIFFERENT: list[tuple[str, Any, Tensor, float, str, str]] = [
    ("a value that is off", GRID + torch.eye(2), GRID, 0.5, "values", "2 of its 4 values are wrong"),
    (
        "one value that is off",
        torch.tensor([1.0, 9.0]),
        torch.ones(2),
        0.5,
        "values",
        "1 of its 2 values is wrong",
    ),
    ("all values off", GRID + 1, GRID, 0.5, "values", "all its values are wrong"),
    ("a scalar that is off", torch.tensor(1.0), torch.tensor(2.0), 0.5, "values", "its value is wrong"),
    ("just above the bound", GRID.double() + 0.5000001, GRID, 0.5, "values", "all its values"),
    ("NaN for a number", torch.tensor([NAN, 1.0]), torch.ones(2), INF, "values", "1 value that is NaN"),
    ("infinity for a number", torch.tensor([INF]), torch.ones(1), INF, "values", "NaN or infinite"),
    ("a number for infinity", torch.ones(1), torch.tensor([INF]), INF, "values", "NaN or infinity"),
    ("the other infinity", torch.tensor([-INF]), torch.tensor([INF]), 0.0, "values", "wrong"),
    ("NaN for infinity", torch.tensor([NAN]), torch.tensor([INF]), 0.0, "values", "wrong"),
    (
        "one element for a scalar",
        torch.ones(1),
        torch.tensor(1.0),
        0.0,
        "shape",
        "has shape (1,); it should have shape ()",
    ),
    (
        "a scalar for one element",
        torch.tensor(1.0),
        torch.ones(1),
        0.0,
        "shape",
        "has shape (); it should have shape (1,)",
    ),
    (
        "what would broadcast",
        torch.ones(1, 2),
        torch.ones(2, 2),
        0.0,
        "shape",
        "has shape (1, 2); it should have shape (2, 2)",
    ),
    ("an axis too many", GRID[None], GRID, 0.0, "shape", "(1, 2, 2)"),
    ("exchanged axes", torch.ones(3, 2), torch.ones(2, 3), 0.0, "shape", "(3, 2)"),
    ("nothing for something", torch.zeros(0), torch.zeros(1), 0.0, "shape", "(0,)"),
    ("the same numbers as complex", GRID.to(torch.complex64), GRID, 0.0, "dtype", "complex64"),
    ("a list", [[1.0, 2.0], [3.0, 4.0]], GRID, 0.0, "type", "should be a tensor, but it is of type list"),
    ("a tuple of tensors", (GRID, GRID), GRID, 0.0, "type", "type tuple"),
    ("a number", 1.0, torch.tensor(1.0), 0.0, "type", "type float"),
    ("a truth value", True, torch.tensor(1.0), 0.0, "type", "type bool"),
    ("a string", "1", torch.tensor(1.0), 0.0, "type", "type str"),
    ("an object of the student's", Opaque("ndarray"), GRID, 0.0, "type", "type ndarray"),
    ("a module", Handle(1, "Conv2D"), GRID, 0.0, "type", "type Conv2D"),
]


@pytest.mark.parametrize(
    ("got", "expected", "within"), [row[1:] for row in SAME], ids=[row[0] for row in SAME]
)
def test_this_is_the_same(got: Any, expected: Tensor, within: float) -> None:
    assert comparison(got, expected, within) is None


@pytest.mark.parametrize(
    ("got", "expected", "within", "aspect", "said"),
    [row[1:] for row in DIFFERENT],
    ids=[row[0] for row in DIFFERENT],
)
def test_this_is_different(got: Any, expected: Tensor, within: float, aspect: str, said: str) -> None:
    found = comparison(got, expected, within)
    assert found is not None
    assert found[0] == aspect
    assert said in found[1]


@pytest.mark.parametrize("got", [torch.tensor([True]), torch.tensor([1]), torch.tensor([1.0]).half()])
def test_a_wanted_dtype_is_insisted_on(got: Tensor) -> None:
    found = comparison(got, torch.ones(1), dtype=torch.float32)
    assert found is not None and found[0] == "dtype"
    assert "for these inputs it should be float32" in found[1]


def test_the_first_difference_is_the_coarsest() -> None:
    wrong_in_every_way = torch.full((3,), NAN, dtype=torch.float64)
    for expected, aspect in ((torch.ones(2), "shape"), (torch.ones(3), "dtype")):
        found = comparison(wrong_in_every_way, expected, dtype=torch.float32)
        assert found is not None and found[0] == aspect


def test_none_means_that_the_body_is_not_written_yet() -> None:
    with pytest.raises(NotWritten):
        comparison(None, GRID)
    with pytest.raises(NotWritten):
        number(None, 3.0, tolerance=1, call="f()")


def test_none_in_place_of_a_part_is_a_wrong_answer() -> None:
    found = comparison(None, GRID, what="gradient with respect to K")
    assert found is not None and found[0] == "type"


def test_a_wrong_gradient_is_called_one() -> None:
    found = comparison(GRID + 1, GRID, what="gradient with respect to K")
    assert found == (
        "gradient",
        "The gradient with respect to K has the right shape, but all its values are wrong.",
    )


def test_a_mismatch_carries_the_small_case_as_data() -> None:
    with pytest.raises(Mismatch) as raised:
        compare(GRID, expected=GRID + 1, bound=torch.zeros(2, 2), call="f(X)", shown={"X": torch.ones(3)})
    assert list(raised.value.tensors) == ["X", "got", "expected"]
    assert str(raised.value) == "f(X): The result has the right shape, but all its values are wrong."


# ------------------------------------------------------------------------------------------ plain values


@pytest.mark.parametrize(
    "got", [3, 3.0, torch.tensor(3), torch.tensor(3.0), torch.tensor(3, dtype=torch.uint8)]
)
def test_a_number_of_the_right_value_is_right_whatever_its_make(got: object) -> None:
    assert number(got, 3, call="f()") == 3


@pytest.mark.parametrize(
    "got",
    [4, 3.5, "3", [3], (3,), Opaque("ndarray"), Handle(1, "Net"), torch.tensor([3]), torch.tensor(3 + 0j)],
)
def test_number_refuses_another_value_or_no_number(got: object) -> None:
    with pytest.raises(Mismatch) as raised:
        number(got, 3, call="f()")
    assert "it should be" in raised.value.expected and "should" not in raised.value.sentence
    assert str(raised.value).endswith(f"; {raised.value.expected}.")


@pytest.mark.parametrize("got", [True, torch.tensor(True)])
def test_a_bool_is_not_a_number(got: object) -> None:
    with pytest.raises(Mismatch):
        number(got, 1, call="f()")


def test_a_number_with_its_graph_is_reported_as_such() -> None:
    for facts in (TensorFacts(requires_grad=True), TensorFacts(has_grad_fn=True, is_leaf=False)):
        loss = torch.tensor(0.5)
        loss.facts = facts  # type: ignore[attr-defined]
        with pytest.raises(Mismatch, match=r"graph.*\.item\(\)"):
            number(loss, 0.5, call="f()")
        assert number(loss, 0.5, call="f()", may_carry_a_graph=True) == 0.5


def test_an_object_of_the_students_is_named_by_its_type_and_no_address() -> None:
    module = Module(None, Handle(1, "Net"), "lenet()")  # type: ignore[arg-type]
    for got, shown in ((module, "an object of type Net"), ([Opaque("Size")], "[an object of type Size]")):
        with pytest.raises(Mismatch, match=f"The result is {re.escape(shown)}; it should be 3"):
            number(got, 3, call="f()")
    found = comparison(module, GRID)
    assert found is not None and "of type Net" in found[1]


@pytest.mark.parametrize("got", [0.5, torch.tensor(0.5), torch.tensor(0.5, dtype=torch.float64), 0.5 + 1e-9])
def test_number_takes_a_float_or_a_scalar_tensor(got: object) -> None:
    assert number(got, 0.5, tolerance=1e-6, call="f()") == pytest.approx(0.5)


def test_number_takes_an_int_where_it_is_right() -> None:
    assert number(2, 2.0, tolerance=0.0, call="f()") == 2.0


@pytest.mark.parametrize(
    "got",
    [
        0.6,
        NAN,
        INF,
        -0.5,
        True,
        "0.5",
        [0.5],
        torch.tensor([0.5]),
        torch.tensor(0.5 + 0j),
        torch.tensor(NAN),
        Opaque("float64"),
    ],
)
def test_number_refuses_everything_else(got: object) -> None:
    with pytest.raises(Mismatch):
        number(got, 0.5, tolerance=1e-6, call="f()")


# ------------------------------------------------------------------------------------------------- others


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (torch.empty(0, 3), "a tensor of shape (0, 3)"),
        (-1, "-1"),
        (None, "None"),
        ("a" * 200, "'" + "a" * 79),
    ],
)
def test_an_answer_to_invalid_input_is_shown_in_the_message(answer: object, shown: str) -> None:
    submission = submission_in_process({"conv2d": lambda X, K: answer})
    with pytest.raises(Mismatch) as raised:
        refuses(submission, "conv2d", torch.ones(3, 4), torch.ones(4, 2), naming=["(3, 4)"])
    assert raised.value.sentence.endswith(f"should raise ValueError, but the call returned {shown}.")


def test_that_says_its_sentence() -> None:
    that(True, call="f()", aspect="effort", sentence="no")
    with pytest.raises(Mismatch, match=r"f\(\): It grows\.") as raised:
        that(False, call="f()", aspect="effort", sentence="It grows.", X=GRID)
    assert raised.value.aspect == "effort" and list(raised.value.tensors) == ["X"]


def test_references_that_disagree_judge_nobody() -> None:
    references_agree(GRID, GRID.double() + 1e-9, torch.full((2, 2), 1e-6))
    for other in (GRID + 1, GRID[None], GRID * NAN):
        with pytest.raises(GraderError):
            references_agree(GRID, other, torch.full((2, 2), 1e-6))


def test_arguments_have_their_names_in_the_contract() -> None:
    found = named("no_task", [GRID, GRID + 1, GRID + 2, 3], {"bias": torch.ones(1), "stride": 2})
    assert list(found) == ["X", "K", "argument 3", "bias"]
    assert list(named("conv2d_backward", [GRID, GRID, GRID], {})) == ["grad_Y", "X", "K"]
    assert list(named("conv2d_matrix", [GRID, (3, 4)], {})) == ["K"]
    assert list(named("conv2d_batched", [GRID, GRID], {"bias": GRID})) == ["X", "weight", "bias"]
    assert list(named("learn_kernel", [GRID, GRID, 2], {"init": GRID})) == ["X", "Y", "init"]
    module = Module(None, Handle(1, "Conv2D"), "Conv2D(2)")  # type: ignore[arg-type]
    assert list(named(module, [GRID], {})) == ["X"]

"""The one record of a graded submission: its schema, and conversion to JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from graders.curriculum import exercises
from graders.report import OUTCOMES, GroupResult, Points, Report, TaskResult, schema, shown
from tests.conftest import outcomes

TASKS = [(exercise.name, task.name, task.kind) for exercise in exercises() for task in exercise.tasks]


def task(**changes: Any) -> TaskResult:
    made = TaskResult("pooling", "pool2d", "core", "failed", 2.0, 6.0, "It is wrong.")
    return replace(made, **changes)


def report(*tasks: TaskResult, **changes: Any) -> Report:
    made = Report("lin", 0, "strict", "cpu", {"torch": "2"}, tasks or (task(),))
    return replace(made, **changes)


FULL = report(
    task(
        counterexample={"call": "pool2d(X)", "aspect": "values", "tensors": {"got": shown(torch.ones(2, 3))}},
        diagnosis="max-pads-with-zero",
        hint="Which number is smaller than all others?",
        groups=(GroupResult("max", 2.0, 3.0), GroupResult("avg", 0.0, 3.0, "It is wrong.")),
        printed="hello\n",
        seconds=0.25,
    ),
    task(task="receptive_field", outcome="passed", score=4.0, max_score=4.0, message=""),
    task(task="pool2d_backward", kind="stretch", outcome="grader_error", score=0.0),
    problems=("conv2d.py, line 3: is not UTF-8",),
    seconds=1.5,
)


def test_the_schema_is_a_valid_schema_and_knows_every_outcome() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert tuple(schema()["$defs"]["task"]["properties"]["outcome"]["enum"]) == OUTCOMES


def test_a_report_survives_conversion_to_json_and_back() -> None:
    assert Report.from_json(FULL.to_json()) == FULL


def test_a_real_report_survives_conversion_and_has_an_entry_per_task_in_order(
    graded: Callable[..., Report],
) -> None:
    source = "def conv2d(X, K):\n    return X.double()\ndef output_size(n, kernel): ...\n"
    none = dict.fromkeys(("kernel_learning.py", "multichannel.py", "pooling.py", "lenet.py"))
    found = graded({"conv2d.py": source, **none})
    assert Report.from_json(found.to_json()) == found
    assert [(each.exercise, each.task, each.kind) for each in found.tasks] == TASKS
    assert outcomes(found)["conv2d.conv2d"] == "failed"
    assert (found.core.max_score, found.bonus.max_score) == (100, 40)


def test_the_json_has_the_shape_that_the_design_fixes() -> None:
    data = json.loads(FULL.to_json())
    fixed = {"schema", "student", "seed", "tier", "device", "versions", "core", "bonus", "tasks"}
    assert fixed <= set(data) and data["schema"] == 1
    assert data["core"] == {"score": 6.0, "max_score": 10.0}
    first = data["tasks"][0]
    per_task = {"exercise", "task", "kind", "outcome", "score", "max_score", "message", "diagnosis", "hint"}
    assert per_task | {"counterexample"} <= set(first)
    assert first["diagnosis"] == "max-pads-with-zero" and data["tasks"][1]["diagnosis"] is None


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused_on_the_way_out(number: float) -> None:
    with pytest.raises(ValueError):
        report(task(score=number)).to_json()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_nan_is_refused_when_a_report_is_read(number: str) -> None:
    text = report().to_json().replace('"score": 2.0', f'"score": {number}')
    assert number in text
    with pytest.raises(ValueError):
        Report.from_json(text)


@pytest.mark.parametrize("field", schema()["required"])
def test_a_report_without_a_required_field_is_refused(field: str) -> None:
    data = FULL.as_dict()
    del data[field]
    with pytest.raises(ValueError, match=field):
        Report.from_json(json.dumps(data))


@pytest.mark.parametrize("field", schema()["$defs"]["task"]["required"])
def test_a_task_without_a_required_field_is_refused(field: str) -> None:
    data = FULL.as_dict()
    del data["tasks"][0][field]
    with pytest.raises(ValueError, match=field):
        Report.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "great"),
        ("kind", "extra"),
        ("score", -1),
        ("score", "2"),
        ("score", None),
        ("message", None),
        ("diagnosis", 3),
    ],
)
def test_a_task_with_a_value_outside_the_schema_is_refused(field: str, value: object) -> None:
    data = FULL.as_dict()
    data["tasks"][0][field] = value
    with pytest.raises(ValueError):
        Report.from_json(json.dumps(data))


ODD = (None, True, -1, 0, 2.5, "", "passed", [], [1], [{}], {}, {"score": "7"}, {"a": 1})


def _changed(data: Any) -> Iterator[Any]:
    """The data with one part of it left out or replaced, for every part and every odd value."""
    parts = list(
        data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    )
    for place, part in parts:
        for changed in (*ODD, *_changed(part)):
            copied = data.copy()
            copied[place] = changed
            yield copied
        copied = data.copy()
        del copied[place]
        yield copied


def test_the_compiled_schema_refuses_what_the_reference_implementation_refuses() -> None:
    reference = jsonschema.Draft202012Validator(schema())
    verdicts = set()
    for data in _changed(json.loads(FULL.to_json())):
        try:
            Report.from_json(json.dumps(data))
            accepted = True
        except ValueError:
            accepted = False
        assert accepted is reference.is_valid(data), data
        verdicts.add(accepted)
    assert verdicts == {True, False}


def test_fields_may_be_added_and_optional_ones_may_be_absent() -> None:
    data = FULL.as_dict()
    data["cohort"] = "2031"
    data["tasks"][0]["attempts"] = 3
    data["tasks"][0]["groups"][0]["colour"] = "blue"
    assert Report.from_json(json.dumps(data)) == FULL
    for optional in ("seconds", "printed"):
        del data["tasks"][0][optional]
    del data["seconds"]
    assert Report.from_json(json.dumps(data)).tasks[0].message == "It is wrong."


def test_points_are_sums_over_core_and_stretch_apart() -> None:
    assert (FULL.core, FULL.bonus) == (Points(6.0, 10.0), Points(0.0, 6.0))
    assert FULL.exercise_points("pooling") == Points(6.0, 10.0)
    assert FULL.exercise_points("pooling", "stretch") == Points(0.0, 6.0)
    assert [each.task for each in FULL.not_graded] == ["pool2d_backward"]


def test_thirds_of_points_add_up_to_what_they_are() -> None:
    thirds = report(*(task(score=10 / 3, max_score=10 / 3) for _ in range(3)))
    assert thirds.core == Points(10.0, 10.0)


def test_a_small_tensor_is_shown_with_values_and_a_large_one_without() -> None:
    assert shown(torch.tensor([[1, 2]])) == {"shape": [1, 2], "dtype": "int64", "values": [[1, 2]]}
    assert shown(torch.tensor(0.1)) == {"shape": [], "dtype": "float32", "values": 0.1}
    assert shown(torch.zeros(9, 9)) == {"shape": [9, 9], "dtype": "float32"}
    assert shown(torch.zeros(0, 3)) == {"shape": [0, 3], "dtype": "float32", "values": []}


def test_values_that_json_lacks_are_shown_as_text() -> None:
    odd = {
        "floats": shown(torch.tensor([math.nan, math.inf, -math.inf])),
        "complex": shown(torch.tensor([1 + 2j])),
        "bool": shown(torch.tensor([True])),
    }
    assert odd["floats"]["values"] == ["nan", "inf", "-inf"]
    assert odd["bool"]["values"] == [True]
    text = report(task(counterexample={"call": "", "aspect": "values", "tensors": odd})).to_json()
    assert Report.from_json(text).tasks[0].counterexample["tensors"] == odd


def test_what_a_student_wrote_is_written_as_it_is(tmp_path: Path) -> None:
    text = report(task(message="größer als <b> ≤ 王 \x1b[0m"), student="王小明").to_json()
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    back = Report.from_json((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (back.student, back.tasks[0].message) == ("王小明", "größer als <b> ≤ 王 \x1b[0m")

"""`Report`: the one record of a graded submission, from which every table, page and gradebook is made.

It is data: it has shapes and small tensors, not just finished sentences. Its JSON schema is
`report.schema.json`, next to this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema
from torch import Tensor

from graders.testing.messages import with_expected

from .testing.remarks import Remark

SCHEMA_VERSION = 1
OUTCOMES = (
    *("passed", "failed", "not_implemented", "broken", "timed_out", "crashed", "out_of_memory", "forbidden"),
    "grader_error",
)
_SHOWN_NUMEL = 64


@dataclass(frozen=True)
class Said:
    """The message about a task, in parts, so that a level of feedback can leave parts out without parsing
    text.

    Attributes:
        call: the call, small enough to read.
        what: what is wrong, in plain sentences that give no expected value away.
        expected: the rest of the last sentence, which does: `it should be 3`.
        cause: the known mistake that behaves exactly like this.
    """

    call: str = ""
    what: str = ""
    expected: str = ""
    cause: str = ""

    def __str__(self) -> str:
        """All parts, one on each line."""
        return "\n".join(filter(None, (self.call, with_expected(self.what, self.expected), self.cause)))

    def without_expected(self) -> Said:
        """The same, with no expected value."""
        return replace(self, expected="")


@dataclass(frozen=True)
class GroupResult:
    """One group of properties of a task: whether its share of the points was earned, and if not, why."""

    name: str
    score: float
    max_score: float
    message: str = ""


@dataclass(frozen=True)
class TaskResult:
    """One task: what happened, what it earned and what its student should read.

    Attributes:
        outcome: one of `OUTCOMES`; `grader_error` is shown as *not graded* and isn't a zero.
        message: what is wrong, in full; empty for a passed task. With `grader_error`, what failed in the
            grader.
        counterexample: the call, the aspect, and small tensors as nested lists.
        diagnosis: the name of the mistake, or of two at once, if the behaviour matches exactly.
        hint: a question that helps the student on.
        said: the message in parts; the level of feedback decides which of them a student reads.
    """

    exercise: str
    task: str
    kind: str
    outcome: str
    score: float
    max_score: float
    message: str = ""
    diagnosis: str | None = None
    counterexample: dict[str, Any] = field(default_factory=dict)
    hint: str = ""
    groups: tuple[GroupResult, ...] = ()
    printed: str = ""
    seconds: float = 0.0
    said: Said = Said()


@dataclass(frozen=True)
class Points:
    """Points earned, of how many."""

    score: float
    max_score: float


@dataclass(frozen=True)
class Report:
    """One graded submission.

    Attributes:
        hand_in: the hand-in's path below the class folder, or several paths if its files are loose.
        ids: the student's ids on the learning platform and the roster.
        late: whether it was late; None if unknown.
        tier: the isolation it was graded under.
        device: the GPU that tensor tasks were also tested on; `cpu` if there was none.
        not_run: tests that were not run, and why, one line each; they don't affect the points.
        problems: what couldn't be read in the hand-in, one line each.
        remarks: what was not graded in it, with its place; this doesn't affect the points.
        tasks: one entry for each task of the contract, in the contract's order, whatever happened.
    """

    student: str
    seed: int
    tier: str
    device: str
    versions: Mapping[str, str]
    tasks: tuple[TaskResult, ...]
    problems: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    not_run: tuple[str, ...] = ()
    seconds: float = 0.0
    hand_in: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    late: bool | None = None

    @property
    def core(self) -> Points:
        """Points for core tasks."""
        return self._points("core")

    @property
    def bonus(self) -> Points:
        """Points for stretch tasks."""
        return self._points("stretch")

    @property
    def not_graded(self) -> tuple[TaskResult, ...]:
        """Tasks on which the grader failed twice."""
        return tuple(task for task in self.tasks if task.outcome == "grader_error")

    def _points(self, kind: str) -> Points:
        tasks = [task for task in self.tasks if task.kind == kind]
        return Points(round(sum(t.score for t in tasks), 2), round(sum(t.max_score for t in tasks), 2))

    def exercise_points(self, exercise: str, kind: str = "core") -> Points:
        """Points of one exercise."""
        tasks = [task for task in self.tasks if task.exercise == exercise and task.kind == kind]
        return Points(round(sum(t.score for t in tasks), 2), round(sum(t.max_score for t in tasks), 2))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "schema": SCHEMA_VERSION,
            "student": self.student,
            "hand_in": list(self.hand_in),
            "ids": dict(self.ids),
            "late": self.late,
            "seed": self.seed,
            "tier": self.tier,
            "device": self.device,
            "versions": dict(self.versions),
            "core": asdict(self.core),
            "bonus": asdict(self.bonus),
            "problems": list(self.problems),
            "remarks": [asdict(remark) for remark in self.remarks],
            "not_run": list(self.not_run),
            "seconds": self.seconds,
            "tasks": [
                asdict(task) | {"groups": [asdict(group) for group in task.groups]} for task in self.tasks
            ],
        }

    def to_json(self) -> str:
        """The report as JSON text, checked against the schema.

        Raises:
            ValueError: the report breaks its own schema, or a number is NaN or infinite.
        """
        data = self.as_dict()
        _check()(data)
        return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Read a report that `to_json` wrote.

        Raises:
            ValueError: it is no JSON or no report of this schema, or a number in it is NaN or infinite.
        """
        data = json.loads(text, parse_constant=_no_number)
        _check()(data)
        tasks = tuple(
            TaskResult(
                **{
                    **_known(TaskResult, task),
                    "groups": tuple(GroupResult(**_known(GroupResult, g)) for g in task["groups"]),
                    "said": Said(**_known(Said, task.get("said", {}))),
                }
            )
            for task in data["tasks"]
        )
        lines = {name: tuple(data.get(name, ())) for name in ("problems", "not_run", "hand_in")}
        remarks = tuple(Remark(**_known(Remark, remark)) for remark in data.get("remarks", ()))
        return cls(**{**_known(cls, data), **lines, "remarks": remarks, "tasks": tasks})


def _known(record: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that this version has; a later one may have added others."""
    names = {field.name for field in fields(record)}
    return {key: value for key, value in data.items() if key in names}


def _no_number(constant: str) -> float:
    raise ValueError(f"the report contains {constant}, which is not a number in JSON")


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a report."""
    return dict(json.loads((Path(__file__).parent / "report.schema.json").read_text(encoding="utf-8")))


@cache
def _check() -> Callable[[dict[str, Any]], object]:
    """A function that raises a ValueError for what isn't a report.

    Every process that grades checks reports, and `jsonschema` takes up to a second of CPU time to import.
    This is the schema compiled to Python. It is read as draft 7: what the schema uses means the same there,
    which the tests prove by comparing both.
    """
    check: Callable[[dict[str, Any]], object] = fastjsonschema.compile(schema(), use_default=False)
    return check


def shown(tensor: Tensor) -> dict[str, Any]:
    """A tensor as JSON: always shape and dtype, and the values if there are few enough to look at."""
    about: dict[str, Any] = {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
    if tensor.numel() <= _SHOWN_NUMEL:
        about["values"] = _rounded(tensor.detach().tolist())
    return about


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return (
            float(f"{value:.6g}") if abs(value) < float("inf") else str(value)
        )  # NaN compares false: a string
    return value if isinstance(value, (int, bool)) else str(value)

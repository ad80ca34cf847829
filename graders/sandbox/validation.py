"""Checks the form of answers, with one rule for each kind of question.

A student process can answer anything at all. An answer that doesn't have the form its question requires is
refused here and attributed to that process, so that no later code fails on it as if the grader were at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from graders.sandbox.inside.wire import Handle, WireError

_MAX_NAME, _MAX_MESSAGE, _MAX_FRAMES = 200, 2_000, 12
# All fields that an answer can have; verdicts, and refusals of by-hand tasks, are not among them.
_FIELDS = {
    *("id", "outcome", "value", "changed_state", "effort", "arguments", "marks", "gradients"),
    *("parameter_gradients", "type", "kinds", "message", "frames", "inside", "memory", "failed"),
}


def check(question: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Refuse an answer that doesn't have the form its question requires.

    Raises:
        WireError: the form is wrong.
    """
    _need(set(fields) <= _FIELDS, "list of fields")
    outcome = fields.get("outcome")
    outcomes = ("ok", "raised", "unsendable", *(["running"] if question.get("announce") else []))
    _need(isinstance(outcome, str) and outcome in outcomes, "outcome")
    if outcome == "raised":
        _check_raised(fields)
    elif outcome == "running":
        _need(_is_row(fields.get("value"), (str, int, int)), "value")
    elif outcome == "unsendable":
        _need(_is_text(fields.get("message"), _MAX_MESSAGE), "message")
    elif question["ask"] == "load":
        _need(_all(fields.get("failed"), _is_failure), "failed")
    elif question["ask"] == "call":
        _check_call(question, fields)
    elif question["ask"] == "describe":
        _check_description(fields.get("value"))
    elif question["ask"] == "has":
        _need(_is_text(fields.get("value")), "value")
    elif question["ask"] == "build":
        _need(isinstance(fields.get("value"), Handle), "value")


def _check_raised(fields: Mapping[str, Any]) -> None:
    _need(_is_text(fields.get("type")), "type")
    _need(_is_text(fields.get("message"), _MAX_MESSAGE), "message")
    _need(_all(fields.get("kinds"), _is_text), "kinds")
    _need(isinstance(fields.get("memory"), bool) and isinstance(fields.get("inside"), bool), "memory, inside")
    frames = fields.get("frames")
    _need(_all(frames, _is_frame) and len(frames) <= _MAX_FRAMES, "frames")  # type: ignore[arg-type]


def _check_call(question: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    _need(_all(fields.get("changed_state"), _is_text), "changed_state")
    if question.get("effort"):
        _need(_all(fields.get("effort"), _is_count) and len(fields["effort"]) == 2, "effort")
    if not question.get("return_arguments") and question.get("cotangent") is None:
        return
    sent = _tensors([question.get("args"), question.get("kwargs")])
    if question.get("return_arguments"):
        came = fields.get("arguments")
        _need(_all(came, lambda item: isinstance(item, Tensor)) and len(came) == len(sent), "arguments")  # type: ignore[arg-type]
        marks = fields.get("marks")
        _need(_all(marks, _is_text) and len(marks) == len(sent), "marks")  # type: ignore[arg-type]
    if question.get("cotangent") is not None:
        gradients, of_parameters = fields.get("gradients"), fields.get("parameter_gradients", {})
        wanted = sum(tensor.requires_grad for tensor in sent)
        _need(gradients is None or (_all(gradients, _is_gradient) and len(gradients) == wanted), "gradients")
        _need(
            isinstance(of_parameters, dict) and _all(list(of_parameters.values()), _is_gradient),
            "parameter_gradients",
        )


def _check_description(value: Any) -> None:
    _need(
        isinstance(value, dict) and isinstance(value.get("is_module"), bool) and _is_text(value.get("type")),
        "value",
    )
    if not value["is_module"]:
        return
    tensors = (str, Tensor)
    _need(isinstance(value.get("training"), bool), "training")
    _need(_all(value.get("parameters"), lambda row: _is_row(row, (*tensors, bool))), "parameters")
    _need(_all(value.get("identities"), _is_count), "identities")
    _need(_all(value.get("buffers"), lambda row: _is_row(row, tensors)), "buffers")
    state = value.get("state")
    _need(
        isinstance(state, dict) and _all(list(state.values()), lambda item: isinstance(item, Tensor)), "state"
    )
    _need(_all(value.get("modules"), lambda row: _is_row(row, (str, str, bool, int, bool))), "modules")


def _need(right: bool, what: str) -> None:
    if not right:
        raise WireError(f"its {what} has the wrong form")


def _all(items: Any, rule: Any) -> bool:
    return isinstance(items, list) and all(rule(item) for item in items)


def _is_text(value: Any, limit: int = _MAX_NAME) -> bool:
    return isinstance(value, str) and len(value) <= limit


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_gradient(value: Any) -> bool:
    return value is None or isinstance(value, Tensor)


def _is_frame(value: Any) -> bool:
    return (
        _is_row(value, (str, int, str, str))
        and _is_count(value[1])
        and all(_is_text(value[n]) for n in (0, 2, 3))
    )


def _is_failure(value: Any) -> bool:
    texts = (0, 2, 3, 4)
    is_row = _is_row(value, (str, int, str, str, str))
    return is_row and _is_count(value[1]) and all(_is_text(value[n], 300) for n in texts)


def _is_row(value: Any, kinds: tuple[type, ...]) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != len(kinds):
        return False
    return all(isinstance(item, kind) for item, kind in zip(value, kinds, strict=True))


def _tensors(tree: Any) -> list[Tensor]:
    if isinstance(tree, Tensor):
        return [tree]
    items = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else ()
    return [tensor for item in items for tensor in _tensors(item)]

"""Runs our own code like a student's, but in this process: for known wrong answers and for tests.

Calls go through the same runtime and the same frames, so our code behaves exactly as a student's would. Never
run anything here that a student wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from graders.sandbox.child import Answer, Found, understood
from graders.sandbox.errors import Crashed
from graders.sandbox.inside.accelerator import install
from graders.sandbox.inside.runtime import Runtime
from graders.sandbox.inside.wire import PREFIX, Decoder, Encoder, WireError, prefix
from graders.sandbox.limits import Limits
from graders.sandbox.validation import check
from graders.sandbox.warm_parent import WarmParent

from .submission import Submission

Fields = dict[str, Any]
Change = Callable[[Mapping[str, Any], Fields], Fields]
"""Takes a question and the fields of its answer; returns the fields to deliver instead."""


class _Namespace(Runtime):
    """A runtime for objects that already exist."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self._module = SimpleNamespace(**names)

    def _own_modules(self) -> set[str]:
        return {getattr(value, "__module__", "") for value in vars(self._module).values()}


class _TrustedChild:
    alive = True

    def __init__(self, names: Mapping[str, Any], change: Change | None) -> None:
        self._runtime = _Namespace(names)
        self.limits = Limits()
        self._change = change

    def cpu_seconds(self) -> float:
        return 0.0

    def ask(self, question: dict[str, Any], *_budget: float) -> Answer:
        assert question["ask"] == "load"
        return Answer({})

    def ask_each(self, questions: Sequence[dict[str, Any]], *_budget: float) -> list[Found]:
        put = [{**question, "id": number} for number, question in enumerate(questions)]
        header, body = _parts(Encoder(views=True).frame({"ask": "batch", "questions": put}))
        found: list[Found] = []
        try:
            for question, reply in zip(put, self._runtime.answers(header, body), strict=True):
                fields = Decoder().message(*_parts(b"".join(reply)))
                if self._change is not None:
                    fields = self._change(question, fields)
                check(question, fields)
                failure = understood(fields, self.limits)
                found.append(failure or Answer(fields))
                if failure is not None and failure.fatal:
                    break
        except WireError as error:
            found.append(Crashed(f"sent an invalid reply: {error}"))
        return found

    def end(self) -> None:
        self.alive = False

    def pause(self) -> None:
        """Do nothing: no code runs between two questions."""

    def go_on(self, held_by_others: int) -> None:
        """Do nothing: there is no memory limit."""

    def held_bytes(self) -> int:
        return 0


def _parts(frame: bytes) -> tuple[bytes, bytearray]:
    """Header and body of a frame."""
    length, _ = prefix(frame[: PREFIX.size])
    start = PREFIX.size + length
    return frame[PREFIX.size : start], bytearray(frame[start:])


class _TrustedParent:
    def __init__(self, names: Mapping[str, Any], change: Change | None) -> None:
        self._names = names
        self._change = change

    def spawn(self, *, device: str | None = None, **_options: Any) -> _TrustedChild:
        if device is not None:
            install()
        return _TrustedChild(self._names, self._change)


def submission_in_process(
    names: Mapping[str, Any], change: Change | None = None, seed: int = 0
) -> Submission:
    """A submission made of our own functions and classes, by name.

    Args:
        seed: of the random numbers that they draw.
        change: alters each answer before it is checked, as if the student's process had sent it that way.
    """
    return Submission(cast(WarmParent, _TrustedParent(names, change)), {}, "trusted", seed=seed)

"""Grades one submission: a function from sources, settings and seed to a `Report`."""

from __future__ import annotations

import platform
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any

import hypothesis
import torch
from hypothesis.errors import Flaky

from graders.curriculum import Task, exercises
from graders.diagnosis.diagnose import diagnose
from graders.printable import one_line
from graders.report import GroupResult, Report, Said, TaskResult, shown
from graders.sandbox.errors import (
    Crashed,
    Forbidden,
    OutOfMemory,
    Raised,
    SandboxFailure,
    StudentError,
    TimedOut,
)
from graders.sandbox.gpu import CPU, Device
from graders.sandbox.limits import Limits
from graders.sandbox.one_core import on_one_core
from graders.sandbox.warm_parent import WarmParent
from graders.testing import messages
from graders.testing.devices import DEVICES, asked_on_a_gpu, counts_on
from graders.testing.expect import Mismatch, NotWritten
from graders.testing.properties import Property, groups_of, properties_of
from graders.testing.remarks import Remark
from graders.testing.submission import Submission

from .exercise_names import exercise_named
from .hand_in import HandIn
from .modules import Modules
from .privacy import for_students
from .shrink import smallest


@dataclass(frozen=True)
class Settings:
    """How to grade; the same settings and seed give the same verdicts.

    Attributes:
        seed: the seed of the random tests.
        limits: the limits of each task.
        device: if it is a GPU, the properties of all tensor tasks run there too.
        only: exercises or tasks to grade; empty for all.
    """

    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    device: Device = CPU
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Finding:
    """The outcome of one property: `passed`, or what went wrong."""

    outcome: str
    said: Said = field(default_factory=Said)
    counterexample: dict[str, Any] | None = None
    stops: bool = False
    hint: str = ""  # if the task's own hint would be misleading

    @property
    def message(self) -> str:
        return str(self.said)


@on_one_core()
def grade(hand_in: HandIn, settings: Settings, parent: WarmParent) -> Report:
    """Grade one submission. Nothing that a student's code does raises an error here."""
    started = time.perf_counter()
    seen = hand_in.graded
    results: list[TaskResult] = []
    remarks = list(hand_in.remarks)
    for exercise in exercises():
        wanted = [task for task in exercise.tasks if _wanted(task, settings)]
        if not wanted:
            continue
        ungradable = _ungradable(hand_in, exercise.name)
        if ungradable is not None:
            results += [_result(task, *ungradable) for task in wanted]
            continue
        module, imports = hand_in.modules[exercise.name], seen.imports[exercise.name]
        submission = Submission(
            parent, seen.code, module, imports, limits=settings.limits, seed=settings.seed
        )
        try:
            results += [_grade_task(task, submission, settings, seen) for task in wanted]
        finally:
            submission.close()
        remarks += [messages.failed_statement(failure) for failure in submission.failures.values()]
    return Report(
        student=hand_in.student,
        hand_in=hand_in.paths,
        ids=hand_in.ids,
        late=hand_in.late,
        seed=settings.seed,
        tier=parent.tier.name,
        device=str(settings.device),
        not_run=() if settings.device.is_gpu else (messages.not_on_a_gpu(settings.device.why_not),),
        versions=versions(),
        tasks=tuple(_safe_for_students(result, hand_in) for result in results),
        problems=tuple(for_students(str(problem)) for problem in hand_in.problems),
        remarks=tuple(_without_machine(remark, hand_in) for remark in dict.fromkeys(remarks)),
        seconds=round(time.perf_counter() - started, 3),
    )


def versions() -> dict[str, str]:
    """The versions of everything that the grading depended on."""
    try:
        ours = metadata.version("cnn-by-hand")
    except metadata.PackageNotFoundError:
        ours = "source"
    return {
        "grader": ours,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "hypothesis": hypothesis.__version__,
    }


def reproduce(report: Report, result: TaskResult) -> str:
    """The command that grades this one task again."""
    task = f"{result.exercise}.{result.task}"
    place = report.hand_in[0] if len(report.hand_in) == 1 else report.student
    return f"python -m graders check-one {shlex.quote(place)} --only {task} --seed {report.seed}"


def _wanted(task: Task, settings: Settings) -> bool:
    return not settings.only or bool({task.exercise, f"{task.exercise}.{task.name}"} & set(settings.only))


def _ungradable(hand_in: HandIn, exercise: str) -> tuple[str, Said] | None:
    """Why no task of an exercise can be graded, as outcome and message."""
    if exercise in hand_in.modules:
        return None
    wrong = [problem for problem in hand_in.problems if exercise_named(problem.file) == exercise]
    if wrong:
        return "broken", Said(what=str(wrong[0]))
    return "not_implemented", Said(what=messages.no_file(exercise))


def _grade_task(task: Task, submission: Submission, settings: Settings, seen: Modules) -> TaskResult:
    started = time.perf_counter()
    unreadable = seen.unreadable.get(f"{task.exercise}.{task.name}")
    if unreadable is not None:
        return _result(task, "broken", Said(what=unreadable))
    for attempt in (1, 2):
        try:
            submission.begin(task.by_hand)
            result = _judge(task, submission, settings, seen)
            break
        except Exception as error:  # anything here is the grader's fault, never the student's
            submission.close()
            if attempt == 2:
                result = _result(task, "grader_error", Said(what=messages.not_graded()))
                result = replace(result, message=messages.grader_error(error))
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def _judge(task: Task, submission: Submission, settings: Settings, seen: Modules) -> TaskResult:
    findings: list[tuple[Property, _Finding]] = []
    file = seen.main.get(task.exercise, f"{task.exercise}.py")
    if task.is_function:
        first = _try(lambda: submission.has(task.name), task, seen)
        if isinstance(first, _Finding):
            return _result(task, first.outcome, first.said)
        if first == "missing":
            said = Said(what=messages.missing(task.name, file))
            return _result(task, "not_implemented", said)
        if first not in ("callable", "class"):
            said = Said(what=messages.not_callable(task.name, file, str(first)))
            return _result(task, "broken", said)
    for held in properties_of(task.exercise, task.name):
        finding = _ask(held, task, submission, settings, seen)
        findings.append((held, finding))
        if finding.stops:
            break
    if settings.device.is_gpu and not findings[-1][1].stops:
        findings += _on_the_gpu(task, findings, submission, settings, seen)
    result = _summed(task, findings)
    return _diagnosed(result, submission) if result.outcome in ("failed", "broken") else result


def _on_the_gpu(
    task: Task,
    findings: list[tuple[Property, _Finding]],
    submission: Submission,
    settings: Settings,
    seen: Modules,
) -> list[tuple[Property, _Finding]]:
    """What passed on the CPU, tested again on a GPU, for the task's group *devices* if it has one."""
    found: list[tuple[Property, _Finding]] = []
    groups = groups_of(task.exercise, task.name)
    if DEVICES not in groups:
        return found
    with submission.on(settings.device.name):
        for held, finding in findings:
            if finding.outcome != "passed" or not asked_on_a_gpu(held.group, groups):
                continue
            again = _ask(held, task, submission, settings, seen, settings.device)
            if again.outcome != "passed":
                again = replace(again, said=_on_a_gpu(str(settings.device), again.said))
            found.append((replace(held, group=DEVICES), again))
            if again.stops:
                break
    return found


def _on_a_gpu(device: str, said: Said) -> Said:
    if said.call:
        return replace(said, call=messages.on_a_gpu(device, said.call))
    return replace(said, what=messages.on_a_gpu(device, said.what))


def _diagnosed(result: TaskResult, submission: Submission) -> TaskResult:
    """The result with the cause of the mistake, if the answer behaves exactly like a known one."""
    try:
        found = diagnose(submission, result.exercise, result.task)
    except Exception:  # naming a mistake must never fail a grading, whatever happens in a probe
        return result
    if found is None:
        return result
    return replace(result, diagnosis=found.name, said=replace(result.said, cause=found.says), hint=found.hint)


def _ask(
    held: Property,
    task: Task,
    submission: Submission,
    settings: Settings,
    seen: Modules,
    device: Device = CPU,
) -> _Finding:
    test = held.test
    if hasattr(test, "hypothesis"):
        test = hypothesis.seed(settings.seed)(test)

    def question() -> None:
        try:
            test(submission=submission)
        except Raised as raised:
            if not device.is_gpu or counts_on(device.name, raised):
                raise

    called = task if task.is_function else replace(task, name=held.group)
    found = _try(question, called, seen)
    if not isinstance(found, _Finding):
        return _Finding("passed")
    if not task.is_function and found.counterexample is None:
        bad_input = messages.of_bad_input(found.said.what)
        found = replace(found, said=replace(found.said, what=bad_input))
    if found.outcome == "failed" and hasattr(test, "hypothesis"):
        smaller = smallest(held, submission, settings.seed)
        submission.begin(task.by_hand)  # shrinking must not use up the student's time
        return found if smaller is None else _finding(smaller, task, seen)
    return found


def _try(question: Any, task: Task, seen: Modules) -> Any:
    """The value of `question()`, or a finding if the student's code is why there is none.

    Raises:
        SandboxFailure: the sandbox failed. Other errors that aren't the student's fault pass through, too.
    """
    try:
        return question()
    except (Mismatch, NotWritten, StudentError) as error:
        return _finding(error, task, seen)
    except Flaky as flaky:  # a random test failed, but not when it was repeated
        for cause in _inner(flaky):
            if isinstance(cause, (Mismatch, NotWritten, StudentError)):
                return _finding(cause, task, seen)
        raise


def _inner(error: BaseException) -> Iterator[BaseException]:
    yield error
    causes = [error.__cause__, error.__context__, *getattr(error, "exceptions", ())]
    for cause in causes:
        if cause is not None:
            yield from _inner(cause)


def _finding(error: Exception, task: Task, seen: Modules) -> _Finding:
    if isinstance(error, Mismatch):
        tensors = {label: shown(tensor) for label, tensor in error.tensors.items()}
        case = {"call": error.call, "aspect": error.aspect, "tensors": tensors}
        return _Finding("failed", Said(error.call, error.sentence, error.expected), case)
    if isinstance(error, NotWritten):
        return _Finding("not_implemented", Said(what=messages.nothing_returned(task.name)))
    if isinstance(error, Forbidden):
        written = seen.calls.get((error.file, error.line))
        named = replace(error, operation=written) if written else error
        return _Finding("forbidden", Said(what=messages.student_error(task.name, named)), stops=True)
    if isinstance(error, Raised):
        if error.is_a("NotImplementedError"):
            return _Finding("not_implemented", Said(what=messages.not_written(task.name)))
        hint = messages.signature_hint() if messages.is_about_the_signature(error) else ""
        return _Finding("broken", Said(what=messages.student_error(task.name, error)), hint=hint)
    stops = {TimedOut: "timed_out", OutOfMemory: "out_of_memory", Crashed: "crashed"}
    if type(error) in stops:
        outcome = stops[type(error)]
        said = Said(what=messages.student_error(task.name, error))  # type: ignore[arg-type]
        return _Finding(outcome, said, stops=True)
    raise SandboxFailure(f"an unknown error: {error!r}")


def _summed(task: Task, findings: list[tuple[Property, _Finding]]) -> TaskResult:
    """Outcome and points of a task from its findings."""
    outcome = _outcome(findings)
    weights = groups_of(task.exercise, task.name)
    total = sum(weights.values())
    asked = {held.test for held, _ in findings}
    groups = []
    for name, weight in weights.items():
        members = [finding for held, finding in findings if held.group == name]
        complete = all(
            held.test in asked for held in properties_of(task.exercise, task.name) if held.group == name
        )
        earned = (
            complete and outcome != "forbidden" and all(finding.outcome == "passed" for finding in members)
        )
        why = next((finding.message for finding in members if finding.outcome != "passed"), "")
        share = round(task.points * weight / total, 4)
        groups.append(GroupResult(name, share if earned else 0.0, share, why))
    if outcome == "passed":
        return replace(_result(task, "passed", Said()), score=task.points, groups=tuple(groups))
    name, first = _finding_to_show(findings, outcome)
    hint = first.hint or (messages.device_hint() if name == DEVICES else task.hints[0])
    return replace(
        _result(task, outcome, first.said),
        score=round(sum(group.score for group in groups), 2),
        groups=tuple(groups),
        counterexample=first.counterexample or {},
        hint=hint if outcome in ("failed", "broken", "timed_out") else "",
    )


def _finding_to_show(findings: list[tuple[Property, _Finding]], outcome: str) -> tuple[str, _Finding]:
    """The finding that a student reads, with its group; one about devices only if all else is well."""
    same = {outcome, "broken"} if outcome == "failed" else {outcome}
    wrong = [(held.group, finding) for held, finding in findings if finding.outcome != "passed"]
    fitting = [found for found in wrong if found[1].outcome in same] or wrong
    return next((found for found in fitting if found[0] != DEVICES), fitting[0])


def _outcome(findings: list[tuple[Property, _Finding]]) -> str:
    """The outcome of a task: what stopped it, or else *failed* if any property passed or failed."""
    outcomes = [finding.outcome for _, finding in findings]
    wrong = [outcome for outcome in outcomes if outcome != "passed"]
    if not wrong:
        return "passed"
    if findings[-1][1].stops:
        return outcomes[-1]
    # A function that returns nothing in the first test isn't written, whatever happens in later ones.
    if wrong[0] == "not_implemented" and "passed" not in outcomes:
        return "not_implemented"
    return "failed" if "passed" in outcomes or "failed" in outcomes else wrong[0]


def _result(task: Task, outcome: str, said: Said) -> TaskResult:
    return TaskResult(task.exercise, task.name, task.kind, outcome, 0.0, task.points, said=said)


def _without_machine(remark: Remark, hand_in: HandIn) -> Remark:
    own = hand_in.files.values()
    return Remark(one_line(remark.file), one_line(remark.place), for_students(remark.message, own))


def _safe_for_students(result: TaskResult, hand_in: HandIn) -> TaskResult:
    """The result with texts that are safe for students, and the message composed of them.

    Only a failure of the grader keeps its own message, which is for the instructor.
    """

    def clean(text: str) -> str:
        return for_students(text, hand_in.files.values())

    said = Said(**{name: clean(part) for name, part in vars(result.said).items()})
    groups = tuple(replace(group, message=clean(group.message)) for group in result.groups)
    return replace(result, said=said, groups=groups, message=result.message or str(said))

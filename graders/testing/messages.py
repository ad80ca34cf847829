"""Every sentence a student reads about an answer, in one place, ready to be translated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from graders.sandbox.errors import Crashed, Forbidden, Frame, OutOfMemory, Raised, StudentError, TimedOut
from graders.sandbox.inside.wire import Build, ClassOf, Stream
from graders.testing.remarks import Remark

from .explanations import explained, translated
from .module import Module
from .processes import Failure
from .signatures import labels, written


def call(name: Any, args: Sequence[Any], kwargs: Mapping[str, Any], context: str = "") -> str:
    """`pool2d(X of shape (3, 5), pool_size=(2, 3), stride=1)`."""
    parts = [_argument(value, label) for value, label in zip(args, labels(name, len(args)), strict=True)]
    parts += [f"{key}={_argument(value)}" for key, value in kwargs.items()]
    title = name if isinstance(name, str) else name.title
    text = f"{title}({', '.join(parts)})"
    return f"{context}, then {text}" if context else text


def _argument(value: Any, label: str = "a tensor") -> str:
    if isinstance(value, Tensor):
        notes = [f"of shape {tuple(value.shape)}"]
        if value.dtype != torch.float32:
            notes.append(str(value.dtype).removeprefix("torch."))
        if not value.is_contiguous():
            notes.append("not contiguous")
        return f"{label} {', '.join(notes)}"
    if isinstance(value, (Stream, list)) and len(value.items if isinstance(value, Stream) else value) > 3:
        count = len(value.items if isinstance(value, Stream) else value)
        return f"{count} batches" if isinstance(value, Stream) else f"a list of {count}"
    if isinstance(value, Stream):
        return f"{len(value.items)} batches"
    if isinstance(value, Build):
        return f"nn.{value.name}(…)"
    if isinstance(value, ClassOf):
        return f"nn.{value.name}"
    if isinstance(value, Module):
        return value.title
    return repr(value)


def shape(sizes: Sequence[int]) -> str:
    """`(3, 5)`."""
    return str(tuple(sizes))


def not_a_tensor(what: str, kind: str) -> str:
    return f"The {what} should be a tensor, but it is of type {kind}."


def wrong_shape(what: str, got: Sequence[int], expected: Sequence[int]) -> str:
    return f"The {what} has shape {shape(got)}; it should have shape {shape(expected)}."


def wrong_dtype(what: str, got: torch.dtype, expected: torch.dtype) -> str:
    short = [str(dtype).removeprefix("torch.") for dtype in (got, expected)]
    return f"The {what} is {short[0]}; for these inputs it should be {short[1]}."


def wrong_device(what: str, got: str, expected: str) -> str:
    return f"The {what} is on {got}, but the input is on {expected}."


def on_accelerator(sentence: str, beside: bool = False) -> str:
    where = "With tensors on an accelerator (a simulated GPU, gpu:0)"
    if beside:
        where = "With tensors on the CPU, after the same call on an accelerator (a simulated GPU, gpu:0)"
    return f"{where}: {sentence}"


def on_a_gpu(device: str, sentence: str) -> str:
    return f"Right on the CPU, but not on {device}: {sentence}"


def not_on_a_gpu(why: str) -> str:
    return f"the tests on a GPU: {why}"


def wrong_on_the_cpu() -> str:
    return "Not tested on an accelerator, because the result is already wrong on the CPU."


def wrong_in_the_plain_case() -> str:
    return (
        "Not tested here, because the result is already wrong for ordinary float32 tensors: its shape is "
        "wrong, or it doesn't depend on every input."
    )


def other_than_plain() -> str:
    return "The result differs from your own result for the same values in ordinary float32 tensors."


def left_behind(what: str, device: str) -> str:
    if device != "cpu":
        return on_accelerator(
            f"the {what} is on the accelerator although the input is on the CPU. Compute on the input's "
            "device, X.device, whatever else the machine has.",
            beside=True,
        )
    return on_accelerator(
        f"the {what} is on the CPU although the input is on the accelerator. Create new tensors on the "
        "input's device: torch.zeros(..., device=X.device) or X.new_zeros(...). And .cpu() and NumPy copy "
        "tensors back to the CPU: does your code use one of them?"
    )


def other_numbers() -> str:
    return (
        "the values differ from those on the CPU of a machine without an accelerator. .to(device) copies a "
        "tensor, so afterwards there are two: which one does your code compute with, and which one does it "
        "change?"
    )


def network_left(parameter: str, device: str) -> str:
    beside = device != "cpu"
    there, here = ("accelerator", "CPU") if beside else ("CPU", "accelerator")
    return on_accelerator(
        f"afterwards the network's {parameter} is on the {there}, although the network was on the {here}. "
        "Whoever passed you the network chose its device: leave it there, and create new tensors on the "
        "device of its parameters.",
        beside,
    )


def mixed_devices() -> str:
    return (
        "one operation mixes tensors on the CPU and on the accelerator. Create new tensors on the input's "
        "device (device=X.device), move data with .to(device), register a layer's own tensors as parameters "
        "or buffers, and move whatever you keep between calls to the input's device."
    )


def of_the_cpu_alone() -> str:
    return (
        "NumPy, and methods that call a Python function for every value, only work on the CPU. Which tensor "
        "operation does the same?"
    )


def generator_elsewhere() -> str:
    return "a random generator on the CPU can't draw numbers on the accelerator."


def named_device() -> str:
    return "the code names a fixed device. Compute on the input's device instead: X.device."


def raised_where(raised: Raised) -> str:
    """The student's line, and the error that Python raised there."""
    where = ""
    if raised.frames:
        last = raised.frames[-1]
        where = f"{last.file}, line {last.line}: `{last.source}` raises "
    if translated(raised.message):
        return f"{where}{raised.type}. {translated(raised.message)}"
    return f"{where}{raised.type}: {_short(raised.message)}"


def not_finite(what: str, count: int) -> str:
    if count == 0:
        return f"The {what} has a finite value where NaN or infinity is expected."
    values = "1 value that is" if count == 1 else f"{count} values that are"
    return f"The {what} has {values} NaN or infinite where a finite number is expected."


def wrong_values(what: str, wrong: int, total: int) -> str:
    if wrong == total:
        which = "its value is" if total == 1 else "all its values are"
    else:
        which = f"{wrong} of its {total} values {'is' if wrong == 1 else 'are'}"
    return f"The {what} has the right shape, but {which} wrong."


def wrong_plain(what: str, got: object) -> str:
    return f"The {what} is {_short(repr(got))}."


def should_be(expected: object) -> str:
    """The end of a sentence about a wrong value, for students who may see the expected one."""
    return f"it should be {_short(repr(expected))}"


def with_expected(sentence: str, expected: str) -> str:
    """The sentence, followed by the part that gives the expected value away, if there is one."""
    return f"{sentence.removesuffix('.')}; {expected}." if expected else sentence


def graph_kept(what: str) -> str:
    return (
        f"The {what} has the right value, but it is still attached to the computation graph (requires_grad), "
        "which keeps every tensor of the computation in memory. What does .item() do?"
    )


def no_gradient(label: str | None = None) -> str:
    cause = "Does float(), .item(), .data, .detach(), NumPy or torch.tensor() take a value out of the graph?"
    if label is None:
        return f"Autograd can't get from the result back to the inputs, so there are no gradients. {cause}"
    return f"No gradient reaches {label}. {cause}"


def changed_input(label: str) -> str:
    return f"The call changed its argument {label}. Work on a copy, or write into a new tensor."


def not_repeated() -> str:
    return (
        "Two identical calls returned different results. Does your code keep state from one call to the next?"
    )


def marked_input(label: str, mark: str) -> str:
    return (
        f"After the call, its argument {label} {mark}; it should be left as it was. Work on a copy: "
        f"{label}.detach().clone()."
    )


def changed_state(changes: Sequence[str]) -> str:
    return f"The call changed a global setting ({'; '.join(changes)})."


def wrong_error(kind: str, message: str) -> str:
    return f"This input is invalid and should raise ValueError; it raised {kind}: {_short(message)}"


def unclear_error(message: str, naming: Sequence[object]) -> str:
    wanted = " or ".join(str(item) for item in naming)
    advice = f"its message should name the shape or value that is wrong ({wanted})"
    return f"ValueError is right, but {advice}; it says: {_short(message)}"


def no_error(answer: str) -> str:
    return f"This input is invalid and should raise ValueError, but the call returned {answer}."


def autograd_used() -> str:
    return (
        "The gradients come from autograd, but the task is to write them out. Which output values does each "
        "input value contribute to, and with which factor?"
    )


def unaffordable(calls: int, shape: Sequence[int], seconds: float) -> str:
    size = "×".join(map(str, shape))
    return (
        f"Together, {calls} calls on {size} inputs took more than {seconds:g} s of CPU time. "
        "Without a loop over their elements, they take a fraction of that."
    )


def not_written(task: str) -> str:
    return f"`{task}` isn't written yet."


def nothing_returned(task: str) -> str:
    return f"`{task}` returns None. If you have written it, a `return` is missing, at the end or in a branch."


def device_hint() -> str:
    return "Which tensors does your code create or move itself, and what decides which device they are on?"


def missing(task: str, file: str) -> str:
    return f"{file} doesn't define `{task}`. Was it renamed or deleted?"


def not_callable(task: str, file: str, kind: str) -> str:
    return f"{file}: `{task}` should be a function or class, but it is of type {kind}."


def see_above(file: str) -> str:
    return f"{file} couldn't be loaded; see above."


def of_bad_input(sentence: str) -> str:
    return f"invalid_input isn't a function; it stands for a group of calls with invalid input. {sentence}"


def grader_error(error: Exception) -> str:
    return f"This task couldn't be graded, through no fault of the student's: {type(error).__name__}: {error}"


def failed_statement(failure: Failure) -> Remark:
    """The remark about a top-level statement that failed; only the tasks that use it lose points."""
    said = f"{failure.type}: {_short(failure.message)}"
    if failure.type == "Stopped":
        said = failure.message.rpartition("` ")[2]
    return Remark(
        failure.label, f"line {failure.line}", f"`{failure.text}` failed: {translated(said) or said}"
    )


def not_graded() -> str:
    """What the student reads; only the instructor is told what went wrong in the grader."""
    return "This task couldn't be graded, through no fault of yours. A person will look at it."


def no_file(exercise: str) -> str:
    return f"{exercise}.py wasn't handed in."


def student_error(task: str, what: StudentError) -> str:
    """The sentence for what happened instead of an answer."""
    if isinstance(what, Forbidden):
        where = f"{what.file}, line {what.line}, calls" if what.file else "The code calls"
        return f"{where} torch's own `{what.operation}`; this task asks you to write it by hand."
    if isinstance(what, TimedOut):
        printed = f" By then it had printed {what.printed:,} characters." if what.printed > 10_000 else ""
        time = f"{what.seconds:g} s of {what.clock} time"
        return f"`{task}` was still running after {time}. Is there a loop that never ends?{printed}"
    if isinstance(what, OutOfMemory):
        return f"`{task}` asked for more than {what.limit_bytes >> 20:,} MiB of memory.{at(what.frames)}"
    if isinstance(what, Crashed):
        return f"`{task}` {what.how}. The other tasks were still graded."
    if isinstance(what, Raised):
        if is_about_the_signature(what):
            return (
                f"`{task}` can't be called the way the task says: {_short(what.message)}\n"
                f"Its signature should be `{written(task)}`."
            )
        instead = translated(what.message)
        if instead:
            return f"{instead}{at(what.frames)}"
        if what.is_a("Stopped"):
            return f"{_short(what.message)}; `{task}` needs what it defines."
        meaning = explained(what.message)
        return f"{what.type}: {_short(what.message)}{at(what.frames)}" + (f"\n{meaning}" if meaning else "")
    return str(what)


def is_about_the_signature(what: Raised) -> bool:
    """Whether a call failed before the function's body ran."""
    return not what.inside and what.is_a("TypeError")


def signature_hint() -> str:
    return "Compare your `def` line with the signature in the task: names, order, defaults."


def at(frames: Sequence[Frame]) -> str:
    """` (conv2d.py, line 12: Y[i, j] = …)`, or nothing."""
    if not frames:
        return ""
    last = frames[-1]
    source = f": {last.source}" if last.source else ""
    return f" ({last.file}, line {last.line}{source})"


def _short(value: object, limit: int = 300) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"

"""Every sentence a student reads about an answer, in one place, ready to be written in another language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from graders.remarks import Remark
from graders.sandbox.errors import Crashed, Forbidden, Frame, OutOfMemory, Raised, StudentError, TimedOut
from graders.sandbox.inside.wire import Build, ClassOf, Stream

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
    return f"The {what} lies on {got}, but the input is on {expected}."


def on_accelerator(sentence: str, beside: bool = False) -> str:
    where = "with tensors on an accelerator (a simulated GPU, gpu:0)"
    if beside:
        where = "on the CPU beside an accelerator (a simulated GPU, gpu:0), after the same on that"
    return f"PoolCall {where}: {sentence}"


def on_a_gpu(device: str, sentence: str) -> str:
    return f"Right on the CPU, but not on {device}: {sentence}"


def not_on_a_gpu(why: str) -> str:
    return f"the properties on a GPU: {why}"


def wrong_on_the_cpu() -> str:
    return "Not asked on an accelerator, since the answer is wrong on the CPU."


def wrong_in_the_plain_case() -> str:
    return (
        "Not asked here, since the answer is wrong for ordinary float32 tensors too, and has another shape "
        "than the right one or does not depend on every input."
    )


def other_than_plain() -> str:
    return "The result differs from your own result for the same numbers in ordinary float32 tensors."


def left_behind(what: str, device: str) -> str:
    if device != "cpu":
        return on_accelerator(
            f"the {what} lies on the accelerator although the input is on the CPU. Where to compute does not "
            "depend on what the machine has: the input says it, X.device.",
            beside=True,
        )
    return on_accelerator(
        f"the {what} lies on the CPU although the input is on the accelerator. A new tensor goes where it is "
        "told to: torch.zeros(..., device=X.device), X.new_zeros(...). And .cpu() and NumPy bring back what "
        "is there: does the code call one of them?"
    )


def other_numbers() -> str:
    return (
        "the numbers are others than on the CPU of a machine without one. What is made on the CPU and then "
        "moved by .to(device) is two tensors: which of them is computed with, and which is changed?"
    )


def network_left(parameter: str, device: str) -> str:
    beside = device != "cpu"
    there, here = ("accelerator", "CPU") if beside else ("CPU", "accelerator")
    return on_accelerator(
        f"afterwards the network's {parameter} lies on the {there}, although the network was on the {here}. "
        "Its owner chose where it lies: leave it there; new tensors belong on the device of its parameters.",
        beside,
    )


def mixed_devices() -> str:
    return (
        "tensors of the CPU and of the accelerator meet in one operation. New tensors are made where the "
        "input lies (device=X.device), data is moved by .to(device), a layer's own tensors are parameters or "
        "buffers, and what is kept from one call to the next follows the input."
    )


def of_the_cpu_alone() -> str:
    return (
        "NumPy, and what calls a function for every number, know only the CPU. Which operation does the same?"
    )


def generator_elsewhere() -> str:
    return "a random generator of the CPU is used to draw numbers on the accelerator."


def named_device() -> str:
    return "the code names a device of its own. The input says where to compute: X.device."


def said(raised: Raised) -> str:
    """The student's line, and what Python said there."""
    where = ""
    if raised.frames:
        last = raised.frames[-1]
        where = f"{last.file}, line {last.line}: `{last.source}` raises "
    if translated(raised.message):
        return f"{where}{raised.type}. {translated(raised.message)}"
    return f"{where}{raised.type}: {_short(raised.message)}"


def not_finite(what: str, count: int) -> str:
    values = "1 value that is" if count == 1 else f"{count} values that are"
    return f"The {what} has {values} NaN or infinite where a number is expected, or the other way round."


def wrong_values(what: str, wrong: int, total: int) -> str:
    if wrong == total:
        which = "its value is" if total == 1 else "all its values are"
    else:
        which = f"{wrong} of its {total} values {'is' if wrong == 1 else 'are'}"
    return f"The {what} has the right shape, but {which} wrong."


def wrong_plain(what: str, got: object) -> str:
    return f"The {what} is {_short(repr(got))}."


def should_be(expected: object) -> str:
    """What follows a sentence about a wrong value, where a student may read what was expected."""
    return f"it should be {_short(repr(expected))}"


def whole(sentence: str, expected: str) -> str:
    """A sentence with what was expected, if that gives anything away."""
    return f"{sentence.removesuffix('.')}; {expected}." if expected else sentence


def graph_kept(what: str) -> str:
    return (
        f"The {what} has the right value, but it still carries its graph (requires_grad), which keeps every "
        "tensor of the computation in memory. What does .item() do?"
    )


def no_gradient(label: str | None = None) -> str:
    cause = (
        "Is a value taken out of the graph by float(), .item(), .data, .detach(), numpy or torch.tensor()?"
    )
    if label is None:
        return f"Autograd cannot reach the inputs from the result: it has no gradient. {cause}"
    return f"No gradient arrives at {label}. {cause}"


def changed_input(label: str) -> str:
    return f"The call changed its argument {label}. Work on a copy, or write into a new tensor."


def not_repeated() -> str:
    return "Two equal calls gave two different results. Does something survive from one call to the next?"


def marked_input(label: str, mark: str) -> str:
    return (
        f"After the call its argument {label} {mark}, which nobody asked for. Work on a copy of it: "
        f"{label}.detach().clone()."
    )


def changed_state(changes: Sequence[str]) -> str:
    return f"The call changed a setting for the whole program ({'; '.join(changes)})."


def wrong_error(kind: str, message: str) -> str:
    return f"This input has no result and should raise ValueError; it raised {kind}: {_short(message)}"


def unclear_error(message: str, naming: Sequence[object]) -> str:
    wanted = " or ".join(str(item) for item in naming)
    advice = f"its message should name what is wrong ({wanted})"
    return f"ValueError is right, but {advice}; it says: {_short(message)}"


def no_error(answer: str) -> str:
    return f"This input has no result and should raise ValueError, but an answer came back: {answer}."


def autograd_used() -> str:
    return (
        "The numbers come from autograd. The task is to write the gradients out: where does each number of "
        "the input go, and with which factor?"
    )


def unaffordable(shape: Sequence[int], seconds: float) -> str:
    size = "×".join(map(str, shape))
    return (
        f"A call on a {size} input was still running after {seconds:g} s of CPU time. "
        "Without a loop over its elements it takes a small part of that."
    )


def not_written(task: str) -> str:
    return f"`{task}` is not written yet."


def nothing_returned(task: str) -> str:
    return f"`{task}` gives None back. If it is written, a `return` is missing, at the end or in a branch."


def device_hint() -> str:
    return "Which tensors does your code make or move itself, and who tells them where to lie?"


def missing(task: str, file: str) -> str:
    return f"{file} defines no `{task}`. Was it renamed or deleted?"


def not_callable(task: str, file: str, kind: str) -> str:
    return f"{file}: `{task}` should be a function or class, but it is of type {kind}."


def see_above(file: str) -> str:
    return f"{file} could not be loaded; see above."


def of_bad_input(sentence: str) -> str:
    return f"invalid_input is not a function; it is a group of calls with bad input. {sentence}"


def grader_error(error: Exception) -> str:
    return (
        f"This task could not be graded, which is no fault of the student's: {type(error).__name__}: {error}"
    )


def failed_statement(failure: Failure) -> Remark:
    """What is said of a statement at the top level that failed: it costs what uses it."""
    said = f"{failure.type}: {_short(failure.message)}"
    if failure.type == "Stopped":
        said = failure.message.rpartition("` ")[2]
    return Remark(
        failure.label, f"line {failure.line}", f"`{failure.text}` failed: {translated(said) or said}"
    )


def not_graded() -> str:
    """What a student reads of it: what went wrong in the grader is told to the instructor."""
    return "This task could not be graded, which is no fault of yours. A person will look at it."


def no_file(exercise: str) -> str:
    return f"{exercise}.py was not handed in."


def student_error(task: str, what: StudentError) -> str:
    """The sentence for something that happened instead of an answer."""
    if isinstance(what, Forbidden):
        where = f"{what.file}, line {what.line}, calls" if what.file else "The code calls"
        return f"{where} torch's own `{what.operation}`; this task asks you to write it by hand."
    if isinstance(what, TimedOut):
        printed = f" It had printed {what.printed:,} characters." if what.printed > 10_000 else ""
        time = f"{what.seconds:g} s of {what.clock} time"
        return f"`{task}` was still running after {time}: does a loop never end?{printed}"
    if isinstance(what, OutOfMemory):
        return f"`{task}` asked for more than {what.limit_bytes >> 20:,} MiB of memory.{at(what.frames)}"
    if isinstance(what, Crashed):
        return f"`{task}` {what.how}. The other tasks were graded all the same."
    if isinstance(what, Raised):
        if is_about_the_signature(what):
            return (
                f"The contract's way of calling `{task}` does not fit its signature: {_short(what.message)}\n"
                f"The contract writes it `{written(task)}`."
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
    """Whether a call could not even begin."""
    return not what.inside and what.is_a("TypeError")


def signature_hint() -> str:
    return "Compare the line that begins with `def` with the contract's: names, order, defaults."


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

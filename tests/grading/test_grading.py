"""From one submission to one report: what each kind of error costs, and what its student reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from torch import Tensor

from graders.course.stubs import stub_files
from graders.curriculum import exercise_named, exercises
from graders.grading.grade import Settings, grade, reproduce
from graders.grading.hand_in import HandIn
from graders.report import Report
from graders.sandbox.errors import SandboxFailure
from graders.sandbox.warm_parent import WarmParent
from graders.tasks.conv2d.properties import invalid_input as by_hand
from graders.testing import messages
from graders.testing.properties import property_of
from graders.testing.strategies import seeds, tensor
from graders.testing.submission import Submission
from tests.conftest import outcomes, result_of

Graded = Callable[..., Report]

CONV2D = """
import torch
from torch.nn import functional as F


def conv2d(X, K):
    h, w = K.shape
    rows = []
    for i in range(X.shape[0] - h + 1):
        row = [(X[i : i + h, j : j + w] * K).sum() for j in range(X.shape[1] - w + 1)]
        rows.append(torch.stack(row))
    return torch.stack(rows)
"""
OUTPUT_SIZE = """
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
"""
TASKS = ["conv2d.conv2d", "conv2d.output_size"]


# ---------------------------------------------------------------------------------------- whole submissions


def test_untouched_stubs_get_0_and_every_task_is_not_implemented(
    kit_sources: dict[str, str], graded: Graded
) -> None:
    report = graded(kit_sources)
    assert (report.core.score, report.bonus.score) == (0, 0)
    assert (report.core.max_score, report.bonus.max_score) == (100, 40)
    assert set(outcomes(report).values()) == {"not_implemented"}
    assert report.problems == ()
    assert all(task.message for task in report.tasks)


@pytest.fixture
def kit_sources() -> dict[str, str]:
    return {name: text for name, text in stub_files().items() if name.endswith(".py")}


def test_a_submission_of_nothing_has_an_entry_for_every_task(warm_parent: WarmParent) -> None:
    report = grade(HandIn("lin"), Settings(), warm_parent)
    assert len(report.tasks) == sum(len(each.tasks) for each in exercises())
    assert set(outcomes(report).values()) == {"not_implemented"}
    assert result_of(report, "lenet.train").message == "lenet.py wasn't handed in."


def test_reports_for_the_same_seed_are_equal_apart_from_times(graded: Graded) -> None:
    source = {"conv2d.py": CONV2D.replace("* K)", "* K.flip(0))") + OUTPUT_SIZE}
    first, second = (graded(source, *TASKS, seed=3, student=f"s{n}") for n in (1, 2))

    def timeless(report: Report) -> Report:
        tasks = tuple(replace(task, seconds=0.0) for task in report.tasks)
        return replace(report, tasks=tasks, seconds=0.0, student="", hand_in=())

    assert timeless(first) == timeless(second)
    assert result_of(first, "conv2d.conv2d").outcome == "failed"
    assert first.seed == 3


def test_the_line_that_reproduces_a_result_names_task_and_seed(graded: Graded) -> None:
    report = graded({"conv2d.py": ""}, "conv2d.output_size", seed=7)
    assert reproduce(report, report.tasks[0]).endswith("check-one lin --only conv2d.output_size --seed 7")


# --------------------------------------------------------------------------------- files that do not load


def test_an_absent_module_is_broken_with_file_and_line(graded: Graded) -> None:
    used = CONV2D.replace("return", "helpful_stuff.log()\n    return", 1)
    report = graded({"conv2d.py": "import torch\nimport helpful_stuff\n" + used}, "conv2d.conv2d")
    (task,) = report.tasks
    assert task.outcome == "broken"
    assert "`helpful_stuff` wasn't handed in, and no library of that name is available" in task.message
    assert "(conv2d.py, line 2: import helpful_stuff)" in task.message


def test_an_absent_module_that_no_answer_uses_costs_nothing(graded: Graded) -> None:
    report = graded({"conv2d.py": "import torch\nimport helpful_stuff\n" + CONV2D}, "conv2d.conv2d")
    assert outcomes(report) == {"conv2d.conv2d": "passed"}


def test_a_syntax_error_breaks_its_exercise_alone_and_is_named_with_its_line(graded: Graded) -> None:
    report = graded(
        {"conv2d.py": "def conv2d(X, K):\n    return X +\n"}, "conv2d.conv2d", "multichannel.num_parameters"
    )
    broken = result_of(report, "conv2d.conv2d")
    assert (broken.outcome, broken.score) == ("broken", 0)
    assert broken.message.startswith("conv2d.py, line 2: syntax error")
    assert result_of(report, "multichannel.num_parameters").outcome == "passed"
    assert report.problems == (broken.message,)


@pytest.mark.parametrize("name", ["conv2d.py", "lin_conv2d.py", "hw/conv2d.py"])
def test_a_file_that_is_not_utf8_is_broken_and_not_missing(graded: Graded, name: str) -> None:
    report = graded({"conv2d.py": None, name: b"# caf\xe9\n"}, "conv2d.output_size")
    (task,) = report.tasks
    assert task.outcome == "broken"
    assert task.message.startswith(f"{name}, line 1: is not UTF-8")


def test_a_broken_backup_copy_costs_nothing(graded: Graded) -> None:
    report = graded({"old/conv2d.py": "def (\n", "conv2d_old.py": b"\xff"}, "conv2d.output_size")
    assert outcomes(report) == {"conv2d.output_size": "passed"}
    assert len(report.problems) == 2


def test_an_error_at_the_top_of_a_file_names_its_line(graded: Graded) -> None:
    used = OUTPUT_SIZE.replace("return", "return 0 * number +")
    report = graded({"conv2d.py": used + "\nnumber = 1 / 0\n"}, "conv2d.output_size")
    (task,) = report.tasks
    assert task.outcome == "broken"
    assert task.message == "ZeroDivisionError: division by zero (conv2d.py, line 5: number = 1 / 0)"
    assert [remark.place for remark in report.remarks] == ["line 5"]


def test_a_missing_name_is_not_implemented_and_reported(graded: Graded) -> None:
    report = graded({"conv2d.py": "def Output_size(n, k): return 1\n"}, "conv2d.output_size")
    (task,) = report.tasks
    assert task.outcome == "not_implemented"
    assert task.message == "conv2d.py doesn't define `output_size`. Was it renamed or deleted?"


# ----------------------------------------------------------------------------------- wrong kinds of things


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def output_size(n): return n", "takes 1 positional argument but"),
        ("def output_size(): return 3", "takes 0 positional arguments but"),
        ("output_size = 5", "`output_size` should be a function or class, but it is of type int"),
        ("class output_size:\n    pass", "takes no arguments"),
        ("output_size = None", "of type NoneType"),
        ("output_size = [1, 2]", "of type list"),
    ],
)
def test_a_wrong_signature_or_kind_of_thing_gives_a_clear_line(
    graded: Graded, source: str, said: str
) -> None:
    (task,) = graded({"conv2d.py": source}, "conv2d.output_size").tasks
    assert (task.outcome, task.score) == ("broken", 0)
    assert said in task.message


def test_a_signature_that_does_not_fit_is_shown_beside_the_contracts(graded: Graded) -> None:
    source = "def output_size(length, window, step=1): return (length - window) // step + 1"
    (task,) = graded({"conv2d.py": source}, "conv2d.output_size").tasks
    assert "takes from 2 to 3 positional arguments but 4 were given" in task.message
    shown = "Its signature should be `output_size(n, kernel, stride=1, padding=0, dilation=1)`."
    assert task.message.endswith(shown)
    assert task.hint == messages.signature_hint()


def test_a_class_where_a_function_is_expected_does_not_pass(graded: Graded) -> None:
    source = """
class output_size:
    def __init__(self, n, kernel, stride=1, padding=0, dilation=1):
        pass
"""
    (task,) = graded({"conv2d.py": source}, "conv2d.output_size").tasks
    assert task.outcome == "failed"
    assert "The result is an object of type output_size; it should be 3." in task.message


def test_a_function_that_makes_no_module_where_a_class_is_expected_does_not_pass(graded: Graded) -> None:
    source = CONV2D + "def Conv2D(kernel_size):\n    return lambda X: X\n"
    (task,) = graded({"conv2d.py": source}, "conv2d.Conv2D").tasks
    assert task.outcome == "failed"
    assert "torch.nn.Module" in task.message


def test_a_function_without_a_return_is_not_implemented(graded: Graded) -> None:
    (task,) = graded(
        {"conv2d.py": "def output_size(n, kernel, stride=1, padding=0, dilation=1): ..."},
        "conv2d.output_size",
    ).tasks
    assert task.outcome == "not_implemented"
    assert task.message.startswith(
        "`output_size` returns None. If you have written it, a `return` is missing"
    )


def test_half_of_a_function_keeps_what_it_earned(graded: Graded) -> None:
    source = """
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    if stride != 1 or padding or dilation != 1:
        raise NotImplementedError
    return n - kernel + 1
"""
    (task,) = graded({"conv2d.py": source}, "conv2d.output_size").tasks
    assert task.outcome == "failed"
    assert [(group.name, group.score > 0) for group in task.groups] == [
        ("stride 1", True),
        ("stride and padding", False),
        ("dilation", False),
    ]
    assert task.score == 1


# ------------------------------------------------------------------------------------------------ helpers


@pytest.mark.parametrize(
    ("statement", "call"),
    [
        ("import helpers", "helpers.size"),
        ("from helpers import size", "size"),
        ("from exercises.helpers import size", "size"),
        ("import exercises.helpers", "exercises.helpers.size"),
        ("from tools.sizes import size", "size"),
        ("from exercises.tools import sizes", "sizes.size"),
    ],
)
def test_modules_beside_the_five_can_be_imported(graded: Graded, statement: str, call: str) -> None:
    size = OUTPUT_SIZE.replace("output_size", "size")
    source = f"{statement}\ndef output_size(*args, **kwargs):\n    return {call}(*args, **kwargs)\n"
    report = graded({"conv2d.py": source, "helpers.py": size, "tools/sizes.py": size}, "conv2d.output_size")
    assert outcomes(report) == {"conv2d.output_size": "passed"}, report.tasks[0].message


def test_an_error_in_a_helper_is_named_with_the_helpers_line(graded: Graded) -> None:
    source = "from helpers import size as output_size\n"
    (task,) = graded({"conv2d.py": source, "helpers.py": "\n\ndef size(:\n"}, "conv2d.output_size").tasks
    assert task.outcome == "broken"
    assert "helpers.py, line 3" in task.message


def test_one_exercise_may_import_another(graded: Graded) -> None:
    report = graded(
        {"pooling.py": "from conv2d import output_size as receptive_field\n"}, "pooling.receptive_field"
    )
    assert outcomes(report) == {"pooling.receptive_field": "broken"}  # it came, and takes other arguments
    assert "signature" in report.tasks[0].message


# ------------------------------------------------------------------- what costs one task and no other one

LETHAL = {
    "a crash": ("import os\n    os.abort()", "crashed"),
    "an exit": ("raise SystemExit(0)", "crashed"),
    "a hard exit": ("import os\n    os._exit(0)", "crashed"),
    "an endless loop": ("while True: pass", "timed_out"),
    "an endless print": ("while True: print('x' * 1000)", "timed_out"),
    "endless memory": ("keep = []\n    while True: keep.append(torch.empty(100_000_000))", "out_of_memory"),
    "endless recursion": ("return conv2d(X, K)", "broken"),
}


@pytest.mark.parametrize("how", LETHAL)
def test_it_affects_only_that_task_and_later_tasks_are_still_graded(graded: Graded, how: str) -> None:
    body, outcome = LETHAL[how]
    source = f"import torch\ndef conv2d(X, K):\n    {body}\n{OUTPUT_SIZE}"
    report = graded({"conv2d.py": source}, *TASKS, cpu_seconds=1)
    assert outcomes(report) == {"conv2d.conv2d": outcome, "conv2d.output_size": "passed"}
    task = result_of(report, "conv2d.conv2d")
    assert task.score == 0 and task.message


def test_a_loop_in_one_kind_of_case_keeps_no_points_it_did_not_show(graded: Graded) -> None:
    body = "    if n > 20: raise SystemExit\n    return"
    (task,) = graded({"conv2d.py": OUTPUT_SIZE.replace("    return", body)}, "conv2d.output_size").tasks
    assert task.outcome == "crashed"
    assert task.score < task.max_score


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("TABLE = build_forever()", "was still running after 0.2 s of CPU time"),
        ("TABLE = os._exit(3)", "ended the Python process (exit status 3)"),
        ("TABLE = [0] * 10**12", "MemoryError"),
        ("TABLE = sys.exit()", "SystemExit"),
    ],
)
def test_a_statement_that_ends_badly_costs_the_tasks_that_use_it_and_is_named(
    graded: Graded, statement: str, said: str
) -> None:
    forever = "def build_forever():\n    while True: pass\n"
    using = OUTPUT_SIZE.replace("return", "TABLE\n    return")
    source = f"import os, sys\n{forever}{statement}\n{using}\n{CONV2D}"
    report = graded({"conv2d.py": source}, "conv2d.conv2d", "conv2d.output_size", cpu_seconds=1)
    assert result_of(report, "conv2d.conv2d").outcome == "passed"
    costs = result_of(report, "conv2d.output_size")
    assert costs.outcome != "passed" and costs.score == 0
    assert "conv2d.py, line 4" in costs.message
    (remark,) = [remark for remark in report.remarks if "failed" in remark.message]
    assert remark.place == "line 4" and statement in remark.message and said in remark.message


def test_a_file_that_only_runs_forever_defines_nothing(graded: Graded) -> None:
    report = graded({"conv2d.py": "while True: pass\n"}, "conv2d.conv2d")
    assert outcomes(report) == {"conv2d.conv2d": "not_implemented"}


# --------------------------------------------------------------------------------------------- forbidden


@pytest.mark.parametrize(
    ("imports", "written"),
    [
        ("from torch.nn import functional as F", "F.conv2d"),
        ("import torch.nn.functional as shortcuts", "shortcuts.conv2d"),
        ("from torch.nn.functional import conv2d as slide", "slide"),
        ("import torch", "torch.conv2d"),
    ],
)
def test_a_forbidden_call_names_file_line_and_the_call_as_written(
    graded: Graded, imports: str, written: str
) -> None:
    source = f"{imports}\n\n\ndef conv2d(X, K):\n    return {written}(X[None, None], K[None, None])[0, 0]\n"
    (task,) = graded({"conv2d.py": source}, "conv2d.conv2d").tasks
    assert (task.outcome, task.score) == ("forbidden", 0)
    assert (
        task.message
        == f"conv2d.py, line 5, calls torch's own `{written}`; this task asks you to write it by hand."
    )


def test_a_hidden_forbidden_call_is_found_too(graded: Graded) -> None:
    source = """import torch
def conv2d(X, K):
    f = getattr(torch.nn.functional, "con" + "v2d")
    try:
        return f(X[None, None], K[None, None])[0, 0]
    except Exception:
        return X
"""
    (task,) = graded({"conv2d.py": source}, "conv2d.conv2d").tasks
    assert task.outcome == "forbidden"
    assert task.message.startswith("conv2d.py, line 5, calls torch's own `")


def test_a_demonstration_at_the_top_level_costs_nothing(graded: Graded) -> None:
    demonstration = """
X, K = torch.rand(5, 5), torch.rand(2, 2)
theirs = F.conv2d(X[None, None], K[None, None])
print((theirs - conv2d(X, K)).abs().max())
"""
    report = graded({"conv2d.py": CONV2D + demonstration + OUTPUT_SIZE}, *TASKS)
    assert outcomes(report)["conv2d.output_size"] == "passed"
    task = result_of(report, "conv2d.conv2d")
    assert {group.name: group.score > 0 for group in task.groups}["values"], task.message


def test_a_task_that_is_not_by_hand_may_call_what_it_likes(graded: Graded) -> None:
    uses = OUTPUT_SIZE.replace(
        "    return",
        "    import torch\n    torch.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2))\n    return",
    )
    assert outcomes(graded({"conv2d.py": uses}, "conv2d.output_size")) == {"conv2d.output_size": "passed"}


# ---------------------------------------------------------------------------------------- partial credit


def test_an_answer_that_is_always_float32_loses_exactly_the_dtypes_group(
    graded: Graded, reference: dict[str, str]
) -> None:
    source = reference["conv2d.py"] + (
        "\n\n_right = conv2d\n\n\ndef conv2d(X, K):\n    return _right(X.float(), K.float()).float()\n"
    )
    (task,) = graded({"conv2d.py": source}, "conv2d.conv2d").tasks
    assert task.outcome == "failed"
    assert [group.name for group in task.groups if not group.score] == ["dtypes"]
    assert (task.score, task.max_score) == (9, 10)
    assert "is float32; for these inputs it should be float64" in task.message


def test_points_of_the_groups_add_up_to_the_points_of_the_task(graded: Graded) -> None:
    report = graded({}, "conv2d")
    for task in report.tasks:
        assert (task.outcome, task.score) == ("passed", task.max_score), task.message
        assert sum(group.max_score for group in task.groups) == pytest.approx(task.max_score, abs=0.001)
        assert (task.message, task.counterexample, task.hint) == ("", {}, "")


# ---------------------------------------------------------------------------------------------- wording


def test_a_message_shows_the_students_own_line(graded: Graded) -> None:
    source = "import torch\n\ndef conv2d(X, K):\n    rows = torch.zeros(2)\n    return rows[7, 7]  # oops\n"
    (task,) = graded({"conv2d.py": source}, "conv2d.conv2d").tasks
    assert task.outcome == "broken"
    assert "(conv2d.py, line 5: return rows[7, 7]  # oops)" in task.message
    assert task.message.startswith("IndexError: too many indices")
    assert task.hint == exercise_named("conv2d").tasks[0].hints[0]


def test_a_wrong_value_is_shown_with_call_sentence_and_both_tensors(graded: Graded) -> None:
    (task,) = graded({"conv2d.py": CONV2D.replace("* K)", "* K.flip(0, 1))")}, "conv2d.conv2d").tasks
    call, _, sentence = task.message.partition("\n")
    assert task.outcome == "failed"
    assert call == "conv2d(X of shape (3, 5), K of shape (2, 4))"
    assert "right shape, but" in sentence
    assert task.counterexample["aspect"] == "values"
    assert set(task.counterexample["tensors"]) == {"X", "K", "got", "expected"}
    assert task.counterexample["tensors"]["got"]["shape"] == [2, 2]
    assert task.hint


def test_an_exception_that_cannot_be_shown_is_shown_somehow(graded: Graded) -> None:
    source = """
class Odd(Exception):
    def __str__(self):
        raise RuntimeError
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    raise Odd
def conv2d(X, K):
    raise ValueError("\\ud800 half a character, \\x1b[2J and a very long story " + "x" * 100_000)
"""
    report = graded({"conv2d.py": source}, *TASKS)
    assert set(outcomes(report).values()) == {"broken"}
    assert len(result_of(report, "conv2d.conv2d").message) < 1000
    report.to_json().encode("utf-8")


# ------------------------------------------------------------------------------------------ grader errors


def test_a_grader_error_is_retried_once_and_then_not_graded(
    graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    @property_of("output_size", "stride 1")
    def test_that_breaks(submission: Submission) -> None:
        calls.append(1)
        assert submission.output_size(5, 3) == 4, "the grader's own assertion"

    monkeypatch.setattr(by_hand, "test_that_breaks", test_that_breaks, raising=False)
    report = graded({}, *TASKS)
    assert len(calls) == 2
    assert outcomes(report) == {"conv2d.conv2d": "passed", "conv2d.output_size": "grader_error"}
    (task,) = report.not_graded
    assert "no fault of the student's" in task.message


def test_a_grader_error_that_does_not_recur_costs_nothing(
    graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    @property_of("output_size", "stride 1")
    def test_that_breaks_once(submission: Submission) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise SandboxFailure("the machine was busy")

    monkeypatch.setattr(by_hand, "test_that_breaks_once", test_that_breaks_once, raising=False)
    report = graded({}, "conv2d.output_size")
    assert len(calls) == 2
    assert outcomes(report) == {"conv2d.output_size": "passed"}
    assert report.not_graded == ()


def test_the_seed_decides_the_random_inputs(graded: Graded, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[Tensor]] = []

    @property_of("output_size", "stride 1")
    @given(seed=seeds())
    def test_that_listens(submission: Submission, seed: int) -> None:
        asked[-1].append(tensor(2, seed=seed))

    monkeypatch.setattr(by_hand, "test_that_listens", test_that_listens, raising=False)
    for seed in (1, 1, 2):
        asked.append([])
        graded({}, "conv2d.output_size", seed=seed)
    first, again, other = [[values.tolist() for values in run] for run in asked]
    assert first == again
    assert first != other


def test_an_answer_that_fails_only_sometimes_fails_and_is_no_grader_error(graded: Graded) -> None:
    source = """
import itertools
_turns = itertools.count()
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    right = (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return right + (next(_turns) == 22)
"""
    (task,) = graded({"conv2d.py": source}, "conv2d.output_size").tasks
    assert task.outcome == "failed"
    assert "; it should be" in task.message


def test_a_missing_task_is_reported_with_the_file_that_was_handed_in(graded: Graded) -> None:
    report = graded({"conv2d.py": None, "homework 3.py": CONV2D}, "conv2d.output_size")
    (task,) = report.tasks
    assert task.message == "homework 3.py doesn't define `output_size`. Was it renamed or deleted?"

"""Every property runs again on a GPU: on a real one if there is one, and on a simulated one everywhere.

`tox -e gpu` runs this file. Without a real GPU, tests that need one say *not run: no GPU*. The rehearsal runs
the same code (a separate process that starts the device, walls that it can work with) on the simulated
device.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from graders.__main__ import main
from graders.curriculum import exercises
from graders.grading import grade as grading
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import HandIn, hand_in_of
from graders.report import Report, TaskResult
from graders.sandbox import gpu, isolation
from graders.sandbox.errors import OutOfMemory, Raised, SandboxFailure, StudentError
from graders.sandbox.gpu import CPU, Device
from graders.sandbox.inside import lockdown, seccomp
from graders.sandbox.inside.device import SIMULATED
from graders.sandbox.isolation import device_within
from graders.sandbox.limits import Limits
from graders.sandbox.self_test import attack_ourselves
from graders.sandbox.tiers import PROCESS, STRICT, Tier, best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.testing.devices import DEVICES, MISSING_ON_A_DEVICE, asked_on_a_gpu, counts_on
from graders.testing.expect import Mismatch, NotWritten
from graders.testing.in_process import submission_in_process
from graders.testing.properties import Property, groups_of, properties_of
from graders.testing.submission import Submission
from tests.tasks.right_answers import RightAnswer, right_answers
from tests.testing.device_answers.parts import HEAD
from tests.testing.device_answers.right import RIGHT
from tests.testing.device_answers.wrong import WRONG

REHEARSAL = gpu.find(SIMULATED)
REAL = gpu.find("auto")
needs_a_gpu = pytest.mark.skipif(not REAL.is_gpu, reason=f"not run: {REAL.why_not}")
ASKED = [
    f"{task.exercise}.{task.name}"
    for exercise in exercises()
    for task in exercise.tasks
    if DEVICES in groups_of(task.exercise, task.name)
]
A_FEW = ("conv2d.Conv2D", "kernel_learning.train_step", "multichannel.conv2d_im2col", "lenet.feature_maps")
linux = pytest.mark.skipif(lockdown.landlock_version() == 0, reason="needs Linux with Landlock")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def hand_in(task: str, source: str) -> HandIn:
    exercise = task.partition(".")[0]
    return hand_in_of("student", {f"{exercise}.py": HEAD + source})


def graded(task: str, source: str, parent: WarmParent, device: Device = REHEARSAL) -> TaskResult:
    (result,) = grade(hand_in(task, source), Settings(only=(task,), device=device), parent).tasks
    return result


def reference_graded(task: str, reference: dict[str, str], parent: WarmParent, device: Device) -> Report:
    handed_in = hand_in_of("reference", dict(reference))
    return grade(handed_in, Settings(only=(task,), device=device), parent)


# -------------------------------------------------------------------------------------------- the rehearsal


@pytest.fixture
def without_allowances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the simulation must support every operation, except those that no CPU supports."""
    monkeypatch.setattr(
        grading,
        "counts_on",
        lambda _, raised: not any(phrase in raised.message for phrase in MISSING_ON_A_DEVICE),
    )


@pytest.mark.usefixtures("without_allowances")
@pytest.mark.parametrize(
    "task", [pytest.param(task, marks=[] if task in A_FEW else [pytest.mark.full]) for task in ASKED]
)
def test_the_reference_is_right_on_a_device(
    task: str, reference: dict[str, str], warm_parent: WarmParent
) -> None:
    (result,) = reference_graded(task, reference, warm_parent, REHEARSAL).tasks
    assert result.outcome == "passed", result.message


# A mistake that no small question meets.
ONLY_FOR_LARGE = """
def conv2d(X, K):
    (H, W), (kh, kw) = X.shape, K.shape
    Y = (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))
    return Y.cpu() if H > 5 else Y
"""


def test_a_mistake_that_only_a_device_shows_costs_the_points_for_devices(warm_parent: WarmParent) -> None:
    assert graded("conv2d.conv2d", ONLY_FOR_LARGE, warm_parent, CPU).outcome == "passed"
    result = graded("conv2d.conv2d", ONLY_FOR_LARGE, warm_parent)
    assert result.outcome == "failed"
    assert [group.name for group in result.groups if group.score < group.max_score] == ["devices"]
    assert result.message.startswith(
        "Right on the CPU, but not on simulated (no real device): conv2d(X of shape ("
    )
    assert result.message.endswith("The result is on cpu, but the input is on gpu.")


POISONED = """
times = 0

def conv2d(X, K):
    global times
    if X.device.type != "cpu":
        times += 1
        if times == 3:
            raise RuntimeError("CUDA error: device-side assert triggered")
    kh, kw = K.shape
    return (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))
"""


def test_an_error_that_poisons_the_device_affects_no_other_call(warm_parent: WarmParent) -> None:
    files = {"conv2d.py": HEAD + POISONED}
    submission = Submission(warm_parent, files, "conv2d")
    X, K = torch.ones(3, 4), torch.ones(2, 2)
    came = []
    with submission.on(SIMULATED):
        for _ in range(5):
            try:
                came.append(tuple(submission.conv2d(X, K).shape))
            except Raised as raised:
                came.append(raised.message[:10])
    submission.close()
    # The process after the third question is a fresh one, which counts from the start.
    assert came == [(2, 3), (2, 3), "CUDA error", (2, 3), (2, 3)]


GREEDY = """
kept = []

def conv2d(X, K):
    if X.device.type != "cpu":
        import mmap
        shared = mmap.mmap(-1, 2 << 30) if {shared} else bytearray(b"x" * (2 << 30))
        for place in range(0, 2 << 30, 4096):
            shared[place] = 1
        kept.append(shared)
    return X
"""


@linux
@pytest.mark.parametrize("shared", [False, True])
def test_memory_beside_a_device_is_bounded(shared: bool, warm_parent: WarmParent) -> None:
    files = {"conv2d.py": GREEDY.format(shared=shared)}
    submission = Submission(warm_parent, files, "conv2d", limits=Limits(memory_bytes=256 << 20))
    with submission.on(SIMULATED), pytest.raises(OutOfMemory):
        submission.conv2d(torch.ones(3, 4), torch.ones(2, 2))
    submission.close()


@linux
@pytest.mark.parametrize(
    "tier", [best_tier(), Tier(STRICT, seccomp=True, landlock=True)], ids=["best", "strict"]
)
def test_the_walls_beside_a_device_hold(tier: Tier) -> None:
    with WarmParent(tier, SIMULATED) as parent:
        findings = attack_ourselves(parent)
    assert len(findings) > 8
    assert not [finding for finding in findings if finding.possible]


@linux
@pytest.mark.parametrize("rights", [lockdown.READ, lockdown.READ | lockdown.WRITE | lockdown.CONTROL])
def test_beside_a_driver_only_what_is_granted_stays_open(rights: int, tmp_path: Path) -> None:
    """A folder and `/dev/zero` stand in for CUDA's libraries and device files."""
    granted, other = tmp_path / "granted", tmp_path / "other"
    for folder in (granted, other):
        folder.mkdir()
        (folder / "library").write_text("code")
    code = f"""
import errno, fcntl, os, termios
from graders.sandbox.inside import lockdown, seccomp

def tried(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"

opened = os.open("/dev/zero", os.O_RDWR)
lockdown.lock_down(True, True, {{{str(granted)!r}: lockdown.READ, "/dev/zero": {rights}}}, seccomp.refusing)
control = lambda: fcntl.ioctl(os.open("/dev/zero", os.O_RDONLY), termios.TCGETS, bytes(64))
print(
    tried(lambda: open({str(granted / "library")!r}).read()),
    tried(lambda: open({str(granted / "library")!r}, "w")),
    tried(lambda: open({str(other / "library")!r}).read()),
    tried(lambda: os.listdir({str(granted)!r})),
    tried(lambda: os.open("/dev/zero", os.O_RDWR)),
    tried(control),
    tried(lambda: fcntl.ioctl(opened, termios.TCGETS, bytes(64))),
)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    writing = "done" if rights & lockdown.WRITE else "EACCES"
    # A file that takes no such request says so itself; before version 5 Landlock leaves that to it.
    control = "ENOTTY" if rights & lockdown.CONTROL or lockdown.landlock_version() < 5 else "EACCES"
    assert run.stdout.split() == ["done", "EACCES", "EACCES", "EACCES", writing, control, "ENOTTY"]


@linux
def test_a_device_without_landlock_is_used_only_where_that_is_accepted() -> None:
    without = Tier(STRICT, seccomp=True, landlock=False)
    assert "without Landlock" in isolation._why_not_on(REHEARSAL, without, STRICT)
    assert isolation._why_not_on(REHEARSAL, without, PROCESS) == ""


@linux
def test_the_filter_beside_a_device_is_written_for_both_architectures() -> None:
    for machine in ("x86_64", "aarch64"):
        assert len(seccomp.refusing(machine, 1)) % 8 == 0
    with pytest.raises(seccomp.LockdownError, match="riscv64"):
        seccomp.refusing("riscv64", 1)


@pytest.mark.parametrize(
    ("message", "inside", "device", "counts"),
    [
        ("Expected all tensors to be on the same device, but found two", True, "cuda", True),
        ("Expected all tensors to be on the same device, but found two", False, SIMULATED, True),
        ("\"unfold\" not implemented for 'Half'", True, "cuda", False),
        (
            "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support it",
            False,
            "mps",
            False,
        ),
        ("something of the student's own", True, "cuda", True),
        ("something of the student's own", True, SIMULATED, False),
        ("something of ours", False, "cuda", False),
    ],
)
def test_which_errors_count(message: str, inside: bool, device: str, counts: bool) -> None:
    raised = Raised("RuntimeError", ("RuntimeError",), message, (), inside)
    assert counts_on(device, raised) is counts


# ------------------------------------------------------------------------------------------------ no GPU


def test_without_a_gpu_the_report_says_so_and_nothing_counts_as_passed(
    reference: dict[str, str], warm_parent: WarmParent
) -> None:
    report = reference_graded("conv2d.conv2d", reference, warm_parent, Device(why_not="no GPU"))
    assert report.device == "cpu"
    assert report.not_run == ("the tests on a GPU: no GPU",)
    assert Report.from_json(report.to_json()) == report
    rehearsed = reference_graded("conv2d.conv2d", reference, warm_parent, REHEARSAL)
    assert rehearsed.not_run == ()
    assert rehearsed.device == "simulated (no real device)"


@pytest.mark.skipif(REAL.is_gpu, reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-one", "solutions", "--device", "cuda"]) == 2
    assert "--device cuda: torch" in capsys.readouterr().err
    assert gpu.find("auto") == Device(why_not="no GPU")


@linux
def test_a_device_that_no_student_process_can_use_is_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    absent = Device("mps", "on Linux")
    found = device_within(absent, best_tier(), STRICT, insisted=False)
    assert not found.is_gpu
    assert "no student process can use mps (on Linux) here" in found.why_not
    assert "not run on a GPU" in capsys.readouterr().err


@linux
@pytest.mark.full
def test_a_device_that_was_insisted_on_and_that_no_student_process_can_use_is_an_error() -> None:
    absent = Device("mps", "on Linux")
    with pytest.raises(SandboxFailure, match="--device mps: no student process"):
        device_within(absent, best_tier(), STRICT, insisted=True)


def test_weak_walls_beside_a_device_have_to_be_accepted() -> None:
    without = Tier(STRICT, seccomp=True, landlock=False)
    found = device_within(Device("cuda", "a card"), without, STRICT, insisted=False)
    assert "without Landlock" in found.why_not
    assert device_within(CPU, without, STRICT, insisted=True) == CPU
    assert device_within(
        REHEARSAL, Tier(PROCESS, seccomp=False, landlock=False), STRICT, insisted=True
    ).is_gpu


# -------------------------------------------------------------------------------------- known answers decided


def holds_on(device: str, task: str, source: str, parent: WarmParent) -> bool:
    """Whether every property that holds on the CPU and runs on a device also holds there."""
    exercise, name = task.split(".")
    submission = Submission(parent, {f"{exercise}.py": HEAD + source}, exercise)

    def passes(held: Property) -> bool:
        try:
            held.test(submission=submission)
        except Raised as raised:
            return submission.device is not None and not counts_on(device, raised)
        except (Mismatch, NotWritten, StudentError):
            return False
        return True

    groups = groups_of(exercise, name)
    asked = [held for held in properties_of(exercise, name) if asked_on_a_gpu(held.group, groups)]
    submission.begin(by_hand=False)
    right = [held for held in asked if passes(held)]
    try:
        with submission.on(device):
            return all(map(passes, right))
    finally:
        submission.close()


def cases() -> Iterator[object]:
    every = [(name, *case[:2], False) for name, case in WRONG.items()]
    every += [(name, *case, True) for name, case in RIGHT.items()]
    for number, (name, task, source, right) in enumerate(every):
        # The others take the rehearsal minutes.
        marks = [] if number % 8 == 0 else [pytest.mark.full]
        yield pytest.param(task, source, right, id=name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize(("task", "source", "right"), list(cases()))
def test_the_rehearsal_decides_known_answers_rightly(
    task: str, source: str, right: bool, warm_parent: WarmParent
) -> None:
    assert holds_on(SIMULATED, task, source, warm_parent) is right


def right_on_a_device() -> list[object]:
    """Right answers in other styles; by default those that are tested in half precision."""
    return [
        pytest.param(
            answer,
            id=f"{answer.exercise}.{answer.task}:{answer.style}".replace(" ", "-"),
            marks=[] if "dtypes" in groups_of(answer.exercise, answer.task) else [pytest.mark.full],
        )
        for answer in right_answers()
        if DEVICES in groups_of(answer.exercise, answer.task)
    ]


@pytest.mark.parametrize("answer", right_on_a_device())
def test_a_right_answer_in_another_style_holds_on_a_device(
    answer: RightAnswer, request: pytest.FixtureRequest
) -> None:
    """This includes half precision, and makes no allowance for the limits of the simulation."""
    submission, groups = submission_in_process(answer.names()), groups_of(answer.exercise, answer.task)
    everything = request.node.get_closest_marker("long") is not None
    asked = [
        held
        for held in properties_of(answer.exercise, answer.task)
        if asked_on_a_gpu(held.group, groups) and (everything or held.group == "dtypes")
    ]
    assert asked
    submission.begin(by_hand=False)
    with submission.on(SIMULATED):
        for held in asked:
            try:
                held.test(submission=submission)
            except Raised as raised:
                if any(phrase in raised.message for phrase in MISSING_ON_A_DEVICE):
                    continue
                raise


# -------------------------------------------------------------------------------------------- a real device


@pytest.fixture(scope="session")
def real_device() -> Device:
    """The GPU, after its walls have been attacked; the code is ours, so Landlock isn't required."""
    tier = best_tier()
    return device_within(REAL, tier, STRICT if tier.landlock else PROCESS, insisted=True)


@needs_a_gpu
@pytest.mark.parametrize("task", ASKED)
def test_the_reference_is_right_on_the_gpu(
    task: str, reference: dict[str, str], warm_parent: WarmParent, real_device: Device
) -> None:
    report = reference_graded(task, reference, warm_parent, real_device)
    assert report.tasks[0].outcome == "passed", report.tasks[0].message
    assert report.device == str(real_device)
    assert report.not_run == ()


@needs_a_gpu
@pytest.mark.parametrize(
    ("task", "source", "right"),
    [pytest.param(*case[:2], False, id=name.replace(" ", "-")) for name, case in WRONG.items()]
    + [pytest.param(*case, True, id=name.replace(" ", "-")) for name, case in RIGHT.items()],
)
def test_the_gpu_agrees_with_the_simulated_one(
    task: str, source: str, right: bool, warm_parent: WarmParent, real_device: Device
) -> None:
    assert holds_on(real_device.name, task, source, warm_parent) is right


@needs_a_gpu
def test_one_seed_gives_one_report_on_the_gpu(
    reference: dict[str, str], warm_parent: WarmParent, real_device: Device
) -> None:
    def report(task: str) -> Report:
        found = reference_graded(task, reference, warm_parent, real_device)
        return replace(found, seconds=0.0, tasks=tuple(replace(one, seconds=0.0) for one in found.tasks))

    for task in ("lenet.train", "lenet.lenet", "multichannel.conv2d_batched"):
        assert report(task) == report(task)


OUT_OF_RANGE = """
def conv2d(X, K):
    if X.device.type == "cuda" and X.shape == (4, 4):
        X[torch.tensor([99], device=X.device)].sum().item()
    kh, kw = K.shape
    return (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))
"""


@needs_a_gpu
@pytest.mark.skipif(REAL.name != "cuda", reason="not run: no CUDA")
def test_a_failed_assertion_on_the_gpu_affects_only_its_process(
    warm_parent: WarmParent, real_device: Device
) -> None:
    submission = Submission(warm_parent, {"conv2d.py": HEAD + OUT_OF_RANGE}, "conv2d")
    K = torch.ones(2, 2)
    with submission.on(real_device.name):
        assert submission.conv2d(torch.ones(3, 3), K).shape == (2, 2)
        with pytest.raises(StudentError):
            submission.conv2d(torch.ones(4, 4), K)
        submission.begin(by_hand=False)
    with submission.on(real_device.name):
        assert submission.conv2d(torch.ones(3, 3), K).shape == (2, 2)
    submission.close()


@needs_a_gpu
@pytest.mark.skipif(REAL.name != "cuda", reason="not run: no CUDA")
def test_memory_of_the_gpu_is_bounded(warm_parent: WarmParent, real_device: Device) -> None:
    source = "def conv2d(X, K):\n    return torch.zeros(1 << 31, device=X.device)\n"
    submission = Submission(warm_parent, {"conv2d.py": HEAD + source}, "conv2d")
    with submission.on(real_device.name), pytest.raises(OutOfMemory):
        submission.conv2d(torch.ones(3, 3), torch.ones(2, 2))
    submission.close()

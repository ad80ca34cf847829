"""No right answer fails, whatever the seed; one seed gives one report, and every seed the same verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

from graders.curriculum import Task, exercises
from graders.grading import grade as grading
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.report import Report
from graders.sandbox.limits import Limits
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.testing.in_process import submission_in_process
from graders.testing.properties import Property, properties_of
from graders.testing.submission import Submission
from tests.grading.test_sample_class import EXPECTED, PATHS, grade_student
from tests.tasks.right_answers import RightAnswer, right_answers

TASKS = {(task.exercise, task.name): task for exercise in exercises() for task in exercise.tasks}
ANSWERS = right_answers()

SEEDS = range(1, 201)

# By default the answers to a task share these seeds, each being asked under others; with `tox -e full` every
# answer is asked under all of `SEEDS`.
SHARED_SEEDS = 20
SHARED_SEEDS_OF_SLOW_TASKS = 8
SLOW = {"train_step", "learn_kernel", "lenet", "layer_shapes", "train", "feature_maps", "MultiChannelConv2d"}
SHARED_SEEDS_OF_TRAINING = 2
TRAINING = {"lenet_modern"}

# What asks an answer for random numbers of its own, which come from the seed as well.
DRAWING = {
    "test_weight_is_drawn_uniformly_and_bias_is_zero",
    "test_losses_fall_at_a_rate_below_the_stable_limit",
    "test_ten_epochs_at_the_default_rate_get_close_to_the_edge_kernel",
    "test_without_init_it_starts_from_torch_rand",
    "test_its_state_dict_is_interchangeable_with_that_of_torch",
    "test_new_layers_start_with_random_weights",
    "test_two_networks_have_parameters_of_their_own",
    "test_weights_are_xavier_uniform",
    "test_every_call_draws_new_weights",
    "test_it_beats_the_classic_network_with_the_same_training",
    "test_lenet_with_tanh_soon_learns_from_real_images",
}

# Cheap ones whose verdicts are of many kinds.
SOME_STUDENTS = ("fatima", "hana", "quinn")
FEW_SEEDS, MANY_SEEDS = (1, 2), range(1, 51)
UNHURRIED = {"timed_out", "out_of_memory"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


# ------------------------------------------------------------------------------------------- right answers


def ask(answer: RightAnswer, held: Property, seed: int) -> None:
    """Run one property on a right answer under one seed, in this process."""
    submission = submission_in_process(answer.names())
    submission._seed = seed
    submission.begin(TASKS[answer.exercise, answer.task].by_hand)
    test = held.test
    if hasattr(test, "hypothesis"):
        test = hypothesis.seed(seed)(test)
    try:
        test(submission=submission)
    except Exception as error:
        error.add_note(f"{answer}; {held.test.__name__}, seed {seed}")
        raise


def is_seeded(held: Property) -> bool:
    """Whether its inputs, or the results it gets, depend on the seed."""
    return hasattr(held.test, "hypothesis") or held.test.__name__ in DRAWING


def seeded(answer: RightAnswer) -> list[Property]:
    """The properties of its task that depend on the seed."""
    return [held for held in properties_of(answer.exercise, answer.task) if is_seeded(held)]


def share_of_seeds(answer: RightAnswer) -> list[int]:
    """The default seeds of one answer: a share of all seeds, different for each answer to the task."""
    count = SHARED_SEEDS
    if answer.task in SLOW:
        count = SHARED_SEEDS_OF_SLOW_TASKS
    if answer.task in TRAINING:
        count = SHARED_SEEDS_OF_TRAINING
    others = [one for one in ANSWERS if (one.exercise, one.task) == (answer.exercise, answer.task)]
    return list(SEEDS[:count][others.index(answer) :: len(others)])


def each_answer(only_seeded: bool = False) -> Iterator[Any]:
    for answer in ANSWERS:
        if not only_seeded or seeded(answer):
            yield pytest.param(answer, id=f"{answer.exercise}.{answer.task}:{answer.style}".replace(" ", "-"))


def test_there_are_right_answers_to_every_task_but_refusals() -> None:
    assert {(one.exercise, one.task) for one in ANSWERS} == {
        key for key in TASKS if key[1] != "invalid_input"
    }
    styles = [str(answer) for answer in ANSWERS]
    assert len(set(styles)) == len(styles)


def test_every_property_that_is_said_to_draw_random_numbers_exists() -> None:
    names = {held.test.__name__ for key in TASKS for held in properties_of(*key)}
    assert names >= DRAWING


@pytest.mark.parametrize("answer", list(each_answer()))
def test_a_right_answer_passes_every_property(answer: RightAnswer) -> None:
    held = properties_of(answer.exercise, answer.task)
    assert held
    for one in held:
        ask(answer, one, seed=0)


@pytest.mark.parametrize("answer", list(each_answer(only_seeded=True)))
def test_a_right_answer_passes_under_other_seeds(answer: RightAnswer) -> None:
    for seed in share_of_seeds(answer):
        for held in seeded(answer):
            ask(answer, held, seed)


@pytest.mark.full
@pytest.mark.parametrize("answer", list(each_answer(only_seeded=True)))
def test_a_right_answer_passes_under_two_hundred_seeds(answer: RightAnswer) -> None:
    for seed in SEEDS:
        for held in seeded(answer):
            ask(answer, held, seed)


# --------------------------------------------------------------------------------- right answers, by hand


@cache
def sources() -> dict[str, str]:
    """The package of right answers as a hand-in."""
    folder = Path(__file__).parent / "right_answers"
    return {f"answers/{path.name}": path.read_text(encoding="utf-8") for path in folder.glob("*.py")}


def arguments(task: Task) -> tuple[Any, ...]:
    """A small call to a by-hand task."""
    X, K = torch.arange(20.0).reshape(4, 5), torch.arange(6.0).reshape(2, 3)
    images, kernels = X.expand(2, 3, 4, 5), K.expand(4, 3, 2, 3)
    return {
        "conv2d": (X, K),
        "Conv2D": ((2, 3),),
        "conv2d_vectorized": (X, K),
        "conv2d_backward": (torch.ones(3, 3), X, K),
        "conv2d_matrix": (K, (4, 5)),
        "conv2d_multi_in": (images[0], kernels[0]),
        "conv2d_multi_in_out": (images[0], kernels),
        "conv2d_1x1": (images[0], kernels[:, :, :1, :1]),
        "conv2d_batched": (images, kernels, torch.ones(4), 2, 1),
        "MultiChannelConv2d": (3, 4, (2, 3)),
        "conv2d_general": (images, kernels, torch.ones(4), 1, 1, 2),
        "conv2d_im2col": (images, kernels, torch.ones(4), 2, 1),
        "pool2d": (X, 2, "avg", 2, 1),
        "pool2d_multi_channel": (images, 2, "max", 2, 1),
        "MaxPool2d": (2,),
        "AvgPool2d": (2,),
        "pool2d_backward": (torch.ones(2, 2), X, 2),
    }[task.name]


@pytest.mark.parametrize("exercise", ["conv2d", "multichannel", "pooling"])
def test_right_answers_to_by_hand_tasks_are_by_hand(exercise: str, warm_parent: WarmParent) -> None:
    submission = Submission(warm_parent, sources(), f"answers.{exercise}")
    images = torch.arange(40.0).reshape(1, 2, 4, 5)
    asked = 0
    try:
        for answer in ANSWERS:
            task = TASKS[answer.exercise, answer.task]
            if answer.exercise != exercise or not task.by_hand:
                continue
            submission.begin(by_hand=True)
            made = submission.create(answer.answer.__name__, *arguments(task))
            if isinstance(answer.answer, type):
                made = made(
                    {"Conv2D": images[0, 0], "MultiChannelConv2d": images[:, [0, 1, 0]]}.get(
                        task.name, images
                    )
                )
            assert made is not None
            asked += 1
    finally:
        submission.close()
    assert asked > 10


# ------------------------------------------------------------------------------- reports and sample class


def report_of(student: str, seed: int, parent: WarmParent) -> Report:
    """The report of one student of the sample class, without the tasks that only hit a limit."""
    verdicts = {key: outcome for key, outcome in EXPECTED[student].items() if key != "about"}
    only = tuple(key for key, outcome in verdicts.items() if outcome not in UNHURRIED)
    limits = Limits(cpu_seconds=10, memory_bytes=512 << 20)
    return grade(read(PATHS[student]), Settings(seed=seed, limits=limits, only=only), parent)


def without_times(report: Report) -> str:
    """The report as it is written, except for what may differ between two equal runs."""
    fields = json.loads(report.to_json())
    for key in ("seconds", "versions"):
        del fields[key]
    for task in fields["tasks"]:
        del task["seconds"]
    return json.dumps(fields, indent=1)


def verdicts_of(report: Report) -> dict[str, tuple[str, float]]:
    return {f"{task.exercise}.{task.task}": (task.outcome, task.score) for task in report.tasks}


def usual_verdicts(student: str, parent: WarmParent) -> dict[str, tuple[str, float]]:
    """The verdicts under the usual seed, without the tasks that only run into a limit."""
    every = verdicts_of(grade_student(student, parent))
    return {task: verdict for task, verdict in every.items() if EXPECTED[student][task] not in UNHURRIED}


@pytest.mark.xdist_group("sample class")
def test_one_seed_gives_one_report(warm_parent: WarmParent) -> None:
    with WarmParent(best_tier()) as another:
        first, second = (without_times(report_of("paul", 5, parent)) for parent in (warm_parent, another))
    assert first == second and '"failed"' in first


@pytest.mark.xdist_group("sample class")
@pytest.mark.parametrize(
    "student",
    [pytest.param(name, marks=[] if name == "hana" else [pytest.mark.full]) for name in SOME_STUDENTS],
)
def test_a_few_seeds_give_the_same_verdicts(student: str, warm_parent: WarmParent) -> None:
    usual = usual_verdicts(student, warm_parent)
    for seed in FEW_SEEDS:
        assert verdicts_of(report_of(student, seed, warm_parent)) == usual, f"seed {seed}"


@pytest.mark.full
@pytest.mark.parametrize("student", sorted(EXPECTED))
def test_many_seeds_give_the_same_verdicts(
    student: str, warm_parent: WarmParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole gradings under a few seeds; after that, what doesn't depend on the seed runs only once."""
    usual = verdicts_of(report_of(student, 0, warm_parent))
    assert {key: outcome for key, (outcome, _) in usual.items()} == {
        key: outcome
        for key, outcome in EXPECTED[student].items()
        if key != "about" and outcome not in UNHURRIED
    }
    ask_anew, known = grading._ask, {}

    def ask_or_remember(held: Property, task: Task, *others: Any) -> Any:
        key = (task.exercise, task.name, held.test.__name__)
        if is_seeded(held) or key not in known:
            known[key] = ask_anew(held, task, *others)
        return known[key]

    for seed in MANY_SEEDS:
        if seed == len(FEW_SEEDS) + 1:
            monkeypatch.setattr(grading, "_ask", ask_or_remember)
            monkeypatch.setattr(grading, "_diagnosed", lambda result, submission: result)
        assert verdicts_of(report_of(student, seed, warm_parent)) == usual, f"seed {seed}"

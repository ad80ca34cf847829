"""`python -m exercises train`: a student's own functions on real images, and helpful messages."""

from __future__ import annotations

import itertools
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from exercises import data
from exercises.recipes import RECIPES, Recipe
from exercises.training import Batches, Epoch, History, Images, Stopped, draw, fit
from solutions import lenet as reference
from tests.warm_python import WarmPython

ROW = re.compile(r"^ +(\d+)  (\d\.\d{4})  (\d\.\d{4})  (\d\.\d{4})", re.MULTILINE)
QUICK = ("--data", "bundled", "--device", "cpu")


def environment(**more: str) -> dict[str, str]:
    """One thread, and nothing of these tests."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "PYTEST"))}
    kept.pop(data.VARIABLE, None)
    return {**kept, "OMP_NUM_THREADS": "1", "COLUMNS": "100", **more}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m exercises train …` in a kit, in a process that nothing was done in before."""
    return subprocess.run(
        [sys.executable, "-m", "exercises", "train", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )


Train = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def train() -> Iterator[Train]:
    """`python -m exercises train …` in a kit, where torch is imported already."""
    with WarmPython(("torch", "torchvision"), environment()) as python:
        yield lambda folder, *arguments: python.run(
            "exercises", "train", *arguments, cwd=folder, environment=environment()
        )


@pytest.fixture
def own_kit(kit: Path, tmp_path: Path, reference: dict[str, str]) -> Callable[..., Path]:
    """A copy of the kit with `lenet.py` written, or with another text for it."""

    def copied(text: str | None = None, more: str = "") -> Path:
        folder = tmp_path / "kit"
        shutil.copytree(kit, folder)
        lenet = (reference["lenet.py"] if text is None else text) + more
        (folder / "exercises" / "lenet.py").write_text(lenet, encoding="utf-8")
        return folder

    return copied


def rows(said: str) -> list[tuple[str, ...]]:
    """Epoch, loss and accuracies from each line of the table."""
    return ROW.findall(said)


# ----------------------------------------------------------------------------------------- it trains


def test_a_student_trains_on_the_bundled_images_and_gets_a_picture(own_kit: Callable[..., Path]) -> None:
    pytest.importorskip("matplotlib")
    folder = own_kit()
    said = run(folder, *QUICK, "--epochs", "25", "--plot", "curves.png")
    assert (said.returncode, said.stderr) == (0, "")
    assert "400 images to train on, 200 to test" in said.stdout
    table = rows(said.stdout)
    assert [int(row[0]) for row in table] == list(range(1, 26))
    losses = [float(row[1]) for row in table]
    assert losses[-1] < losses[0] - 0.5
    assert float(table[-1][2]) > 0.35 and float(table[-1][3]) > 0.35, "guessing gives 0.10"
    assert f"Test accuracy {float(table[-1][3]):.3f}" in said.stdout
    assert "Expected from this recipe" not in said.stdout, "nothing is promised for 400 images"
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(
    own_kit: Callable[..., Path], train: Train
) -> None:
    folder = own_kit()
    first, second, other = (
        rows(train(folder, *QUICK, "--epochs", "2", "--seed", seed).stdout) for seed in ("3", "3", "4")
    )
    assert len(first) == 2
    assert first == second
    assert first != other


def test_the_classic_recipe_says_what_it_does_and_what_a_plateau_is(
    own_kit: Callable[..., Path], train: Train
) -> None:
    said = train(own_kit(), *QUICK, "--recipe", "classic", "--epochs", "1")
    assert said.returncode == 0, said.stderr
    assert "400 images, batches of 256, learning rate 0.9, 1 epoch, on cpu, seed 0." in said.stdout
    assert "plateau" in said.stdout


def test_the_help_names_recipes_accuracies_and_where_images_come_from(kit: Path) -> None:
    said = run(kit, "--help")
    assert said.returncode == 0
    for text in ("classic", "about 0.78", "quick", "0.68", "CNN_DATA", "dataset-fashion-mnist", "bundled"):
        assert text in said.stdout


def test_the_other_commands_do_not_wait_for_torch(kit: Path) -> None:
    code = (
        "import sys; from exercises.__main__ import main; main(['hint', 'pool2d']); "
        "assert 'torch' not in sys.modules"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=kit, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr


# --------------------------------------------------------------------------------- messages that help


def test_with_untouched_stubs_it_names_the_first_task(kit: Path, train: Train) -> None:
    said = train(kit, *QUICK)
    assert said.returncode == 1
    assert "Write next: lenet. Then: accuracy, train, init_lenet." in said.stderr
    assert "python -m exercises hint lenet" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("task", ["accuracy", "train", "init_lenet"])
def test_only_the_one_unwritten_task_is_named(own_kit: Callable[..., Path], task: str, train: Train) -> None:
    said = train(own_kit(more=f"\n\ndef {task}(*arguments):\n    raise NotImplementedError\n"), *QUICK)
    assert said.returncode == 1
    assert f"Write next: {task}.\n" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_task_that_is_missing_from_the_file_counts_as_unwritten(
    own_kit: Callable[..., Path], train: Train
) -> None:
    said = train(own_kit(more="\n\ndel train\n"), *QUICK)
    assert "Write next: train." in said.stderr


WRONG = {
    "lenet without a return": ("def lenet():\n    pass", "lenet in exercises/lenet.py", "NoneType"),
    "train without a return": ("def train(net, data, num_epochs, lr):\n    pass", "train in", "TypeError"),
    "train with no losses": ("def train(*_):\n    return []", "train in", "IndexError"),
    "train that raises": ("def train(*_):\n    raise KeyError('here')", "train in", "(lenet.py, line "),
    "accuracy that raises": (
        "def accuracy(net, data):\n    return 1 / 0",
        "accuracy in",
        "ZeroDivisionError",
    ),
    "wrong shapes": ("def lenet():\n    return nn.Sequential(nn.Linear(5, 10))", "train in", "mat1 and mat2"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_an_error_in_a_students_function_is_reported_with_the_next_step(
    own_kit: Callable[..., Path], mistake: str, train: Train
) -> None:
    more, task, reason = WRONG[mistake]
    said = train(own_kit(more=f"\n\n{more}\n"), *QUICK, "--epochs", "1")
    assert said.returncode == 1
    assert task in said.stderr and reason in said.stderr
    assert "python -m exercises check" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def lenet(:\n", "can't be read: invalid syntax (lenet.py, line 1)"),
        ("import no_such_module\n", "can't be imported: ModuleNotFoundError"),
    ],
)
def test_a_file_that_cannot_be_imported_is_reported_with_its_line(
    own_kit: Callable[..., Path], text: str, message: str, train: Train
) -> None:
    said = train(own_kit(text), *QUICK)
    assert said.returncode == 1
    assert message in said.stderr and "line 1" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_folder_without_images_is_reported_before_training(
    own_kit: Callable[..., Path], tmp_path: Path, train: Train
) -> None:
    said = train(own_kit(), "--data", str(tmp_path))
    assert said.returncode == 1
    assert "train-images-idx3-ubyte" in said.stderr and "--data bundled" in said.stderr
    assert said.stdout == ""


def test_without_torchvision_it_says_what_to_install(own_kit: Callable[..., Path]) -> None:
    folder = own_kit()
    (folder / "torchvision.py").write_text("raise ImportError('No module named torchvision')\n")
    said = run(folder, *QUICK)
    assert said.returncode == 1
    assert "python -m pip install --upgrade torch torchvision" in said.stderr
    assert "Traceback" not in said.stderr


def test_without_matplotlib_it_says_so_and_trains(own_kit: Callable[..., Path]) -> None:
    folder = own_kit()
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib" / "__init__.py").write_text("raise ImportError\n")
    said = run(folder, *QUICK, "--epochs", "1", "--plot", "curves.png")
    assert said.returncode == 0
    assert "curves.png won't be written: plotting needs matplotlib" in said.stderr
    assert len(rows(said.stdout)) == 1 and "Plot of loss" not in said.stdout


@pytest.mark.parametrize(
    ("plot", "message"), [("curves.xyz", "ends in .png"), ("nowhere/curves.png", "nowhere is not a folder")]
)
def test_a_picture_that_cannot_be_written_is_reported_before_training(
    kit: Path, plot: str, message: str, train: Train
) -> None:
    pytest.importorskip("matplotlib")
    said = train(kit, *QUICK, "--plot", plot)
    assert said.returncode == 1
    assert message in said.stderr and "Traceback" not in said.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU on this machine")
def test_a_missing_device_is_reported(kit: Path, train: Train) -> None:
    said = train(kit, "--device", "cuda")
    assert said.returncode == 1
    assert "no cuda device" in said.stderr


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5"])
def test_a_number_of_epochs_below_1_is_an_error_of_the_command_line(
    kit: Path, number: str, train: Train
) -> None:
    said = train(kit, f"--epochs={number}")
    assert said.returncode == 2
    assert "is not a whole number of at least 1" in said.stderr


# ------------------------------------------------------------------------------- recipes and batches


def bundled(recipe: Recipe) -> Images:
    train, test = data.load(
        root="bundled", transform=data.scaled("fashion-mnist", standardised=recipe.standardised)
    )
    return train.tensors(), test.tensors()


def recording(losses: list[tuple[int, float]]) -> Any:
    """Functions that record how they are called and train nothing."""

    def train(net: nn.Module, batches: Batches, num_epochs: int, lr: float) -> list[float]:
        losses.append((sum(len(y) for _, y in batches), lr))
        return [1.0]

    return SimpleNamespace(
        lenet=nn.Identity, init_lenet=lambda net: None, train=train, accuracy=lambda net, batches: 0.5
    )


def test_recipes_are_followed_image_by_image_and_rate_by_rate() -> None:
    calls: list[tuple[int, float]] = []
    X, y = torch.zeros(12_000, 1), torch.zeros(12_000, dtype=torch.int64)
    images = ((X, y), (X[:10], y[:10]))
    fit(recording(calls), RECIPES["quick"], images, seed=0)
    assert calls == [(10_000, 0.3), (10_000, 0.3), (10_000, 0.05)]
    calls.clear()
    fit(recording(calls), RECIPES["classic"], images, seed=0)
    assert calls == [(12_000, 0.9)] * 10


def test_with_fewer_images_than_wanted_the_number_of_steps_stays() -> None:
    quick, classic = RECIPES["quick"], RECIPES["classic"]
    assert quick.epochs_for(10_000) == quick.epochs_for(60_000) == 3
    assert quick.epochs_for(400) == 75
    assert classic.epochs_for(400) == 10


def test_batches_come_in_a_new_order_each_time_and_hold_every_image_once() -> None:
    X = torch.arange(10).view(10, 1)
    batches = Batches(X, X[:, 0], batch_size=4, seed=1)
    first, second = ([batch[1].tolist() for batch in batches] for _ in range(2))
    assert [len(batch) for batch in first] == [4, 4, 2] and len(batches) == 3
    assert first != second
    for order in (first, second):
        assert sorted(itertools.chain.from_iterable(order)) == list(range(10))
    assert all(torch.equal(images[:, 0], labels) for images, labels in batches)


def test_the_same_seed_gives_the_same_network_bit_by_bit_whatever_was_drawn_before() -> None:
    found = []
    for drawn in (1, 7):
        torch.rand(drawn)
        found.append(fit(reference, RECIPES["quick"], bundled(RECIPES["quick"]), seed=5, epochs=2))
    first, second = found
    for mine, other in zip(first.net.state_dict().values(), second.net.state_dict().values(), strict=True):
        assert torch.equal(mine, other)
    assert [epoch.loss for epoch in first.epochs] == [epoch.loss for epoch in second.epochs]


def test_epoch_by_epoch_is_the_same_as_all_epochs_in_one_call() -> None:
    recipe = RECIPES["classic"]
    (X, y), _ = images = bundled(recipe)
    history = fit(reference, recipe, images, seed=2, epochs=3)
    torch.manual_seed(2)
    net = reference.init_lenet(reference.lenet())
    losses = reference.train(net, Batches(X, y, recipe.batch_size, seed=2), 3, recipe.lr)
    assert [epoch.loss for epoch in history.epochs] == losses


def test_what_was_learned_before_a_break_is_kept() -> None:
    calls: list[tuple[int, float]] = []
    functions = recording(calls)

    def broken(epoch: Epoch) -> None:
        if len(calls) == 2:
            raise KeyboardInterrupt

    X, y = torch.zeros(10, 1), torch.zeros(10, dtype=torch.int64)
    history = History(nn.Identity())
    with pytest.raises(KeyboardInterrupt):
        fit(
            functions,
            RECIPES["classic"],
            ((X, y), (X, y)),
            seed=0,
            history=history,
            after_epoch=broken,
        )
    assert len(history.epochs) == 2


def test_a_message_about_a_students_function_keeps_its_cause() -> None:
    functions = recording([])
    functions.train = lambda *_: 1 / 0
    X, y = torch.zeros(10, 1), torch.zeros(10, dtype=torch.int64)
    with pytest.raises(Stopped, match=r"train in exercises/lenet\.py") as caught:
        fit(functions, RECIPES["classic"], ((X, y), (X, y)), seed=0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_curves_are_drawn_even_of_one_epoch_and_of_a_loss_that_is_no_number(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name, losses in {"one": [2.3], "lost": [2.3, math.nan]}.items():
        draw([Epoch(loss, 0.1, 0.1, 1.0) for loss in losses], tmp_path / f"{name}.png", "LeNet")
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000


def test_the_bundled_images_suit_every_recipe() -> None:
    for recipe in RECIPES.values():
        assert 0 <= reference.accuracy(reference.lenet(), bundled(recipe)) <= 0.5

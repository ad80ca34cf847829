"""Train your LeNet on real images: the code behind `python -m exercises train`."""

from __future__ import annotations

import argparse
import importlib
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from .recipes import RECIPES, Recipe

HERE = Path(__file__).parent
Images = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]
"""`(X, y)` to train on and `(X, y)` to test on."""
NEEDED = ("lenet", "accuracy", "train", "init_lenet")
"""The tasks that training calls, in the order in which to write them."""
FULL = 60_000
"""Number of training images in the complete Fashion-MNIST."""
MEASURED = 10_000
"""Training accuracy is measured on at most this many of the training images."""


class Stopped(Exception):
    """Training can't continue; the message says why, and what to do next."""


@dataclass(frozen=True)
class Epoch:
    """The results of one epoch."""

    loss: float
    train_accuracy: float
    test_accuracy: float
    seconds: float


@dataclass
class History:
    """All epochs so far, and the trained network."""

    net: nn.Module
    epochs: list[Epoch] = field(default_factory=list)


class Batches:
    """Batches `(X, y)` in a new random order on each pass; reports progress after each batch."""

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        batch_size: int,
        seed: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        order = RandomSampler(range(len(y)), generator=torch.Generator().manual_seed(seed))
        sampler = BatchSampler(order, batch_size, drop_last=False)  # indexes a whole batch at once
        self._loader: DataLoader[Any] = DataLoader(TensorDataset(X, y), sampler=sampler, batch_size=None)
        self._progress = progress

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for number, (X, y) in enumerate(self._loader, 1):
            yield X, y
            if self._progress is not None:
                self._progress(number, len(self))


def fit(
    written: Any,
    recipe: Recipe,
    images: Images,
    *,
    seed: int,
    epochs: int | None = None,
    device: str = "cpu",
    history: History | None = None,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
    progress: Callable[[int, int], None] | None = None,
) -> History:
    """Train a network with a recipe; on the CPU the same seed gives the same numbers.

    Args:
        written: what defines `lenet`, `init_lenet`, `train` and `accuracy`, such as the exercise's module.
        recipe: how to train.
        images: training and test images, transformed as the recipe requires.
        seed: for the choice of images, their order and the weights.
        epochs: number of epochs; the recipe's if None.
        device: where to train.
        history: the history to add to; pass one to keep the results even if training is interrupted.
        after_epoch: called with the results after each epoch.
        progress: called after each batch with the number of batches done and the total.
    """
    (X, y), test = images
    chosen = torch.Generator().manual_seed(seed)
    if recipe.images is not None and len(y) > recipe.images:
        places = torch.randperm(len(y), generator=chosen)[: recipe.images]
        X, y = X[places], y[places]
    if history is None:
        history = History(nn.Identity())
    torch.manual_seed(seed)
    with calling("lenet"):
        net = written.lenet()
        if not isinstance(net, nn.Module):
            raise TypeError(f"it returned {type(net).__name__}, but it should return a module")
    with calling("init_lenet"):
        written.init_lenet(net)
    history.net = net.to(device)
    batches = Batches(X, y, recipe.batch_size, seed, progress)
    seen, unseen = _in_order(X[:MEASURED], y[:MEASURED]), _in_order(*test)
    for lr in recipe.rates(recipe.epochs_for(len(y)) if epochs is None else epochs):
        started = time.perf_counter()
        with calling("train"):
            loss = float(written.train(net, batches, 1, lr)[-1])
        with calling("accuracy"):
            on_seen, on_unseen = (float(written.accuracy(net, data)) for data in (seen, unseen))
        history.epochs.append(Epoch(loss, on_seen, on_unseen, time.perf_counter() - started))
        after_epoch(history.epochs[-1])
    return history


def _in_order(X: Tensor, y: Tensor, batch_size: int = 1000) -> list[tuple[Tensor, Tensor]]:
    return list(zip(X.split(batch_size), y.split(batch_size), strict=True))


@contextmanager
def calling(task: str) -> Iterator[None]:
    """Turn an exception in a student's function into a message that names the line and the next step.

    Raises:
        Stopped: instead of any other exception.
    """
    try:
        yield
    except Stopped:
        raise
    except NotImplementedError as error:
        raise Stopped(
            f"{task} in exercises/lenet.py isn't written yet{_line(error)}. Write it first: "
            f"`python -m exercises hint {task}` gives you a hint."
        ) from error
    except Exception as error:
        said = str(error).strip().splitlines()
        raise Stopped(
            f"{task} in exercises/lenet.py stopped with {type(error).__name__}"
            f"{': ' + said[0] if said else ''}{_line(error)}. "
            f"`python -m exercises check {task}` tries it on small examples."
        ) from error


def _line(error: BaseException) -> str:
    """The place in the student's own files that an exception came from."""
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == HERE and Path(frame.filename) != Path(__file__)
    ]
    return f" ({Path(lines[-1].filename).name}, line {lines[-1].lineno})" if lines else ""


def own_functions() -> Any:
    """Import the student's `lenet.py` and check that everything training needs is written.

    Raises:
        Stopped: the file can't be imported, or something isn't written yet.
    """
    try:
        written = importlib.import_module(f"{__package__}.lenet")
    except SyntaxError as error:
        where = f"{Path(error.filename or 'lenet.py').name}, line {error.lineno}"
        raise Stopped(f"exercises/lenet.py can't be read: {error.msg} ({where}).") from error
    except Exception as error:
        raise Stopped(
            f"exercises/lenet.py can't be imported: {type(error).__name__}: {error}{_line(error)}."
        ) from error
    unwritten = [task for task in NEEDED if not _is_written(written, task)]
    if unwritten:
        also = f" Then: {', '.join(unwritten[1:])}." if unwritten[1:] else ""
        raise Stopped(
            f"Training calls your {', '.join(NEEDED[:-1])} and {NEEDED[-1]} in exercises/lenet.py. "
            f"Write next: {unwritten[0]}.{also}\n"
            f"    python -m exercises hint {unwritten[0]}     python -m exercises check {unwritten[0]}"
        )
    return written


def _is_written(written: Any, task: str) -> bool:
    """Whether a task does more than raise `NotImplementedError` on a tiny network."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    batches = [(torch.ones(1, 1, 1, 1), torch.tensor([0]))]
    calls: dict[str, tuple[object, ...]] = {
        "lenet": (),
        "accuracy": (net, batches),
        "train": (net, batches, 1, 0.1),
        "init_lenet": (net,),
    }
    try:
        getattr(written, task)(*calls[task])
    except (NotImplementedError, AttributeError) as error:
        return isinstance(error, AttributeError) and hasattr(written, task)
    except Exception:
        return True  # written, even if it's wrong: training will report what is wrong
    return True


# ------------------------------------------------------------------------------------------- the command


def run(options: argparse.Namespace) -> int:
    """Train with the given options and report progress; returns the exit status."""
    try:
        return _run(options)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    recipe = RECIPES[options.recipe]
    device = _device(options.device)
    plot = _plottable(options.plot)
    written = own_functions()
    images, where = _images(options.dataset, options.data, recipe.standardised)
    wanted = len(images[0][1]) if recipe.images is None else min(recipe.images, len(images[0][1]))
    epochs = recipe.epochs_for(wanted) if options.epochs is None else options.epochs
    print(f"{where}: {len(images[0][1]):,} images to train on, {len(images[1][1]):,} to test on.")
    print(f"Recipe {options.recipe}: {recipe.about}.")
    print(
        f"{wanted:,} images, batches of {recipe.batch_size}, learning rate {recipe.lr:g}, {epochs} "
        f"{'epoch' if epochs == 1 else 'epochs'}, on {device}, seed {options.seed}.\n"
    )
    print("epoch    loss   train    test  seconds", flush=True)
    history = History(nn.Identity())

    def tell(epoch: Epoch) -> None:
        _clear_line()
        print(
            f"{len(history.epochs):>5}  {epoch.loss:.4f}  {epoch.train_accuracy:.4f}  "
            f"{epoch.test_accuracy:.4f}  {epoch.seconds:>7.1f}",
            flush=True,
        )

    status = 0
    try:
        fit(
            written,
            recipe,
            images,
            seed=options.seed,
            epochs=options.epochs,
            device=device,
            history=history,
            after_epoch=tell,
            progress=_show_progress if sys.stderr.isatty() else None,
        )
    except KeyboardInterrupt:
        _clear_line()
        print(f"\nStopped after {len(history.epochs)} of {epochs} epochs.")
        status = 130
    if history.epochs:
        all_of_it = options.dataset == "fashion-mnist" and len(images[0][1]) == FULL
        _conclude(history, recipe, as_meant=all_of_it and len(history.epochs) == recipe.epochs)
        if plot is not None:
            draw(history.epochs, plot, f"LeNet on {options.dataset}, recipe {options.recipe}")
            print(f"Plot of loss and accuracy: {plot}")
    return status


def _conclude(history: History, recipe: Recipe, as_meant: bool) -> None:
    """Report the test accuracy, and the expected one if the recipe was used without changes."""
    last = history.epochs[-1]
    print(
        f"\nTest accuracy {last.test_accuracy:.3f} "
        f"after {sum(epoch.seconds for epoch in history.epochs):.0f} seconds."
    )
    if not math.isfinite(last.loss):
        print("The loss is no longer finite: the learning rate was too large for this network.")
    elif last.test_accuracy < 0.15:
        print(
            "So far the network is guessing: it is on the plateau, where the loss stays near ln 10 = 2.30. "
            "With the classic recipe this may last for an epoch or two; with only a few hundred images, the "
            "network never leaves the plateau."
        )
    elif as_meant:
        print(f"Expected from this recipe on Fashion-MNIST: {recipe.reaches}.")


def _images(name: str, root: str | None, standardised: bool) -> tuple[Images, str]:
    """The training and test images, and a line that says where they come from."""
    try:
        from . import data
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision was built for another torch
        raise Stopped(
            f"Reading the images needs torchvision, which can't be imported ({error}). Install it together "
            "with torch, from the same source: python -m pip install --upgrade torch torchvision"
        ) from error
    try:
        if root is None and not data.is_here(name):
            print(f"Downloading {data.SOURCES[name].title} to {data.cache()} …", flush=True)
        train, test = data.load(name, root, transform=data.scaled(name, standardised=standardised))
    except data.NoImages as error:
        raise Stopped(str(error)) from error
    return (train.tensors(), test.tensors()), f"{data.SOURCES[name].title} from {train.folder}"


def _device(wanted: str) -> str:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[wanted]:
        raise Stopped(f"There is no {wanted} device that PyTorch can use here. Omit --device.")
    return wanted


def _show_progress(done: int, of: int) -> None:
    if done % max(1, of // 50) == 0 or done == of:
        bar = "━" * (30 * done // of)
        print(f"\r       {bar:<30} {done}/{of} batches", end="", file=sys.stderr, flush=True)


def _clear_line() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


# ----------------------------------------------------------------------------------------------- curves


def _plottable(path: Path | None) -> Path | None:
    """The path, if a plot can be saved there; None without matplotlib, and then a notice is printed."""
    if path is None:
        return None
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        print(
            f"{path} won't be written: plotting needs matplotlib (python -m pip install matplotlib). "
            "Training continues without it.\n",
            file=sys.stderr,
        )
        return None
    kinds = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.removeprefix(".").lower() not in kinds:
        raise Stopped(f"{path}: matplotlib can't write this kind of file. Use a name that ends in .png.")
    return path


def draw(epochs: list[Epoch], path: Path, title: str) -> None:
    """Plot loss and accuracy over the epochs and save the plot to a file, with matplotlib."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    numbers = range(1, len(epochs) + 1)
    left.plot(numbers, [epoch.loss for epoch in epochs], "o-", markersize=4)
    left.axhline(math.log(10), color="grey", linestyle=":", label="guessing: ln 10")
    left.set(xlabel="epoch", ylabel="mean loss per image", ylim=(0, None))
    right.plot(
        numbers, [epoch.train_accuracy for epoch in epochs], "o--", markersize=4, label="on training images"
    )
    right.plot(numbers, [epoch.test_accuracy for epoch in epochs], "o-", markersize=4, label="on test images")
    right.axhline(1 / 10, color="grey", linestyle=":", label="guessing: 1 in 10")
    right.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1))
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=150)

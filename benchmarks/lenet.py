"""LeNet on real images: `python -m benchmarks.lenet`.

Trains the reference solution with the recipes of `python -m exercises train`, each with several seeds, and
for comparison what a user would write instead: the same layers in an `nn.Sequential` and a plain loop, on the
same images in the same order from the same start. Times are CPU seconds on one thread, which other work on
the machine affects little; they include measuring the accuracy. The textbook's figure is the one that d2l.ai
reports for its LeNet.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from exercises import data
from exercises.recipes import RECIPES, Recipe
from exercises.training import Batches, Epoch, Images, draw, fit
from solutions import lenet as reference

TEXTBOOK = {"classic": "about 0.78", "quick": ""}


@dataclass(frozen=True)
class Pair:
    """One seed: the reference's epochs, and those of the plain loop."""

    ours: list[Epoch]
    plain: list[Epoch]
    our_seconds: float
    plain_seconds: float


def plain_net() -> nn.Sequential:
    """The network as it is written in the textbook."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2)),
        *(nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
    )


def plain_init(net: nn.Module) -> None:
    """Xavier initialisation as it is written in the textbook."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)


def plain_epochs(net: nn.Module, batches: Batches, epochs: int, lr: float) -> list[float]:
    """A training loop with nothing around it."""
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        total, examples = torch.zeros(()), 0
        for X, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(X), y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach() * len(y)
            examples += len(y)
        losses.append(total.item() / examples)
    return losses


@torch.no_grad()
def plain_accuracy(net: nn.Module, batches: list[tuple[Tensor, Tensor]]) -> float:
    """The share of right predictions."""
    right = sum(int((net(X).argmax(1) == y).sum()) for X, y in batches)
    return right / sum(len(y) for _, y in batches)


PLAIN = SimpleNamespace(lenet=plain_net, init_lenet=plain_init, train=plain_epochs, accuracy=plain_accuracy)


def measured(recipe: Recipe, images: Images, seed: int, epochs: int | None) -> Pair:
    """Both trainings, one after the other; the seed decides which comes first."""
    found, seconds = {}, {}
    for name, written in (("ours", reference), ("plain", PLAIN))[:: 1 if seed % 2 else -1]:
        started = time.process_time()
        found[name] = fit(written, recipe, images, seed=seed, epochs=epochs).epochs
        seconds[name] = time.process_time() - started
    return Pair(found["ours"], found["plain"], seconds["ours"], seconds["plain"])


def spread(numbers: list[float], digits: int) -> str:
    """The median, with the smallest and the largest in brackets."""
    middle = f"{statistics.median(numbers):.{digits}f}"
    return middle if len(numbers) == 1 else f"{middle} ({min(numbers):.{digits}f}–{max(numbers):.{digits}f})"


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--recipe", choices=RECIPES, action="append", help="only this one; may be repeated")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 up (default: 3)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--data", help="the folder that holds Fashion-MNIST")
    parser.add_argument(
        "--plot", type=Path, help="draw the curves of seed 0, as FILE-RECIPE.png for FILE.png"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=120)
    table = Table(
        *(
            "recipe",
            "seeds",
            "epochs",
            "test accuracy",
            "textbook",
            "plain loop",
            "seconds",
            "plain loop",
            "ratio",
        ),
        title="LeNet on Fashion-MNIST, one thread: median (smallest–largest)",
    )
    for name in options.recipe or list(RECIPES):
        recipe = RECIPES[name]
        train, test = data.load(
            root=options.data, transform=data.scaled("fashion-mnist", standardised=recipe.standardised)
        )
        images = (train.tensors(), test.tensors())
        pairs = []
        for seed in range(options.seeds):
            started = time.perf_counter()
            pairs.append(measured(recipe, images, seed, options.epochs))
            console.print(
                f"{name}, seed {seed}: test accuracy {pairs[-1].ours[-1].test_accuracy:.4f}, plain loop "
                f"{pairs[-1].plain[-1].test_accuracy:.4f}, both in {time.perf_counter() - started:.0f} s"
            )
        table.add_row(
            name,
            str(len(pairs)),
            str(len(pairs[0].ours)),
            spread([pair.ours[-1].test_accuracy for pair in pairs], 3),
            TEXTBOOK[name],
            spread([pair.plain[-1].test_accuracy for pair in pairs], 3),
            spread([pair.our_seconds for pair in pairs], 1),
            spread([pair.plain_seconds for pair in pairs], 1),
            spread([pair.our_seconds / pair.plain_seconds for pair in pairs], 2),
        )
        if options.plot is not None:
            path = options.plot.with_stem(f"{options.plot.stem}-{name}")
            draw(pairs[0].ours, path, f"LeNet on Fashion-MNIST, recipe {name}, seed 0")
            console.print(f"Curves: {path}")
    console.print(table)


if __name__ == "__main__":
    main()

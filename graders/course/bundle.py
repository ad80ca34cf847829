"""The few hundred images that come with the exercises, drawn from Fashion-MNIST.

`python -m graders.course.bundle [--data FOLDER]` draws them again.
"""

from __future__ import annotations

import argparse
import gzip
import random
from pathlib import Path

import torch
from torch import Tensor

from exercises import data

from .checkout import in_checkout

SEED = 1998
PER_CLASS = {"train": 40, "t10k": 20}


def drawn(targets: Tensor, per_class: int, seed: int) -> list[int]:
    """The indices of `per_class` random images of each class, in random order."""
    numbers = random.Random(seed)
    chosen: list[int] = []
    for label in range(data.CLASSES):
        chosen += numbers.sample(torch.nonzero(targets == label).flatten().tolist(), per_class)
    numbers.shuffle(chosen)
    return chosen


def bundle(folder: Path, root: str | Path | None = None) -> None:
    """Write the four files."""
    folder.mkdir(parents=True, exist_ok=True)
    for images, part in zip(data.load("fashion-mnist", root), PER_CLASS, strict=True):
        places = drawn(images.targets, PER_CLASS[part], SEED)
        _write(folder / f"{part}-images-idx3-ubyte.gz", images.data[places])
        _write(folder / f"{part}-labels-idx1-ubyte.gz", images.targets[places].to(torch.uint8))


def _write(path: Path, values: Tensor) -> None:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    raw = bytes([0, 0, 8, values.dim()]) + sizes + values.numpy().tobytes()
    path.write_bytes(gzip.compress(raw, 9, mtime=0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder that holds all of Fashion-MNIST")
    bundle(in_checkout(data.BUNDLED.parent) / data.BUNDLED.name, parser.parse_args().data)

"""Real images for tests: the 600 of Fashion-MNIST that come with the exercises, as tensors.

`exercises.data` isn't used to read them: it needs torchvision, whose import takes longer than any of these
tests, and it looks wherever `CNN_DATA` points. Every test has to be the same on every machine.
"""

from __future__ import annotations

import functools
import gzip
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

from .expect import GraderError

Batch = tuple[Tensor, Tensor]

FOLDER = Path(__file__).parents[2] / "exercises" / "images"
SIDE = 28
CLASSES = 10
# Over all pixels of the 60,000 training images, scaled to 0 … 1.
MEAN, DEVIATION = 0.2860, 0.3530


@functools.cache
def training_pictures() -> Batch:
    """400 standardised images `(400, 1, 28, 28)` in float32, 40 per class, and their classes in int64."""
    return _pictures("train", 400)


@functools.cache
def new_pictures() -> Batch:
    """200 more from the test set, 20 of each class, which no training has seen."""
    return _pictures("t10k", 200)


def in_batches(pictures: Batch, *sizes: int) -> list[Batch]:
    """The first images as batches of these sizes, in the order of the file."""
    X, y = (part[: sum(sizes)] for part in pictures)
    if len(y) < sum(sizes):
        raise GraderError(f"there are {len(y)} images, not {sum(sizes)}")
    return list(zip(X.split(sizes), y.split(sizes), strict=True))


def _pictures(part: str, count: int) -> Batch:
    pixels = _numbers(f"{part}-images-idx3-ubyte.gz", count, SIDE, SIDE)
    y = _numbers(f"{part}-labels-idx1-ubyte.gz", count).long()
    return (pixels.unsqueeze(1).float() / 255 - MEAN) / DEVIATION, y


def _numbers(name: str, *sizes: int) -> Tensor:
    """The values in a file of MNIST's format that has exactly these sizes.

    Raises:
        GraderError: it has other sizes or can't be read, which is never the student's fault.
    """
    try:
        raw = bytearray(gzip.decompress((FOLDER / name).read_bytes()))
    except (OSError, EOFError, zlib.error) as error:
        raise GraderError(f"{FOLDER / name} cannot be read: {error}") from error
    head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    if raw[: len(head)] != head or len(raw) != len(head) + math.prod(sizes):
        raise GraderError(f"{FOLDER / name} does not hold {' × '.join(map(str, sizes))} numbers")
    return torch.frombuffer(raw, dtype=torch.uint8, offset=len(head)).view(*sizes)

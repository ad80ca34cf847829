"""Real images to ask with: the 600 of Fashion-MNIST that come with the exercises, as tensors.

They are read here and not by `exercises.data`: that needs torchvision, whose import takes longer than any of
these questions, and it looks wherever `CNN_DATA` says. Every question is to be the same on every machine.
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
# Of all pixels of the 60,000 training images, on the scale from 0 to 1.
MEAN, DEVIATION = 0.2860, 0.3530


@functools.cache
def training_pictures() -> Batch:
    """400 images `(400, 1, 28, 28)`, float32, standardised, 40 of each class, and their classes, int64."""
    return _pictures("train", 400)


@functools.cache
def new_pictures() -> Batch:
    """200 more, 20 of each class, of the test set: no training has seen them."""
    return _pictures("t10k", 200)


def in_batches(pictures: Batch, *sizes: int) -> list[Batch]:
    """The first images in batches of these sizes, in the order of the file."""
    X, y = (part[: sum(sizes)] for part in pictures)
    if len(y) < sum(sizes):
        raise GraderError(f"there are {len(y)} images, not {sum(sizes)}")
    return list(zip(X.split(sizes), y.split(sizes), strict=True))


def _pictures(part: str, count: int) -> Batch:
    pixels = _numbers(f"{part}-images-idx3-ubyte.gz", count, SIDE, SIDE)
    y = _numbers(f"{part}-labels-idx1-ubyte.gz", count).long()
    return (pixels.unsqueeze(1).float() / 255 - MEAN) / DEVIATION, y


def _numbers(name: str, *sizes: int) -> Tensor:
    """The bytes of a file in the format of MNIST, which has just these sizes.

    Raises:
        GraderError: it has others, or cannot be read: never the student's fault.
    """
    try:
        raw = bytearray(gzip.decompress((FOLDER / name).read_bytes()))
    except (OSError, EOFError, zlib.error) as error:
        raise GraderError(f"{FOLDER / name} cannot be read: {error}") from error
    head = bytes([0, 0, 8, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes)
    if raw[: len(head)] != head or len(raw) != len(head) + math.prod(sizes):
        raise GraderError(f"{FOLDER / name} does not hold {' × '.join(map(str, sizes))} numbers")
    return torch.frombuffer(raw, dtype=torch.uint8, offset=len(head)).view(*sizes)

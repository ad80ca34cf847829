"""Recipes: the settings that `python -m exercises train` offers."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        about: what it is or where it comes from, in a few words.
        lr: the learning rate of every epoch but the last.
        last_lr: the learning rate of the last epoch; a smaller one makes the result depend less on chance.
        batch_size: number of images per step.
        epochs: number of passes over all the images.
        images: number of images to train on, drawn at random; None for all of them.
        standardised: whether pixels are scaled to mean 0 and variance 1 instead of to values from 0 to 1.
        reaches: the test accuracy to expect on Fashion-MNIST with these settings.
    """

    about: str
    lr: float
    last_lr: float
    batch_size: int
    epochs: int
    images: int | None
    standardised: bool
    reaches: str

    def rates(self, epochs: int) -> list[float]:
        """The learning rate of each epoch."""
        return [self.lr] * (epochs - 1) + [self.last_lr] * (epochs > 0)

    def epochs_for(self, images: int) -> int:
        """The recipe's number of epochs; more if there are fewer images, to keep the number of steps."""
        if self.images is None or images >= self.images:
            return self.epochs
        return math.ceil(self.epochs * self.images / images)


RECIPES = {
    "classic": Recipe(
        about="the textbook's recipe for LeNet, from chapter 7 of d2l.ai",
        lr=0.9,
        last_lr=0.9,
        batch_size=256,
        epochs=10,
        images=None,
        standardised=False,
        reaches="0.77 or more (0.78 to 0.81 on five seeds; the textbook: about 0.78)",
    ),
    "quick": Recipe(
        about="the same network on 10,000 images, with standardised pixels and small batches",
        lr=0.3,
        last_lr=0.05,
        batch_size=16,
        epochs=3,
        images=10_000,
        standardised=True,
        reaches="0.68 or more (0.71 to 0.74 on ten seeds)",
    ),
}

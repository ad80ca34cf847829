"""Recipes: the numbers by which `python -m exercises train` trains."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        about: one sentence on where it comes from.
        lr: the learning rate of every epoch but the last.
        last_lr: the learning rate of the last one: smaller steps, so that the end depends less on chance.
        batch_size: images to a step.
        epochs: how often to go through all the images.
        images: how many to train on, drawn at random; None for all.
        standardised: whether pixels have mean 0 and variance 1, rather than lie between 0 and 1.
        reaches: the test accuracy to expect on Fashion-MNIST with the settings above.
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
        """As many as it says; more, if there are fewer images than it wants, for the same number of steps."""
        if self.images is None or images >= self.images:
            return self.epochs
        return math.ceil(self.epochs * self.images / images)


RECIPES = {
    "classic": Recipe(
        about="the textbook's, for LeNet in chapter 7 of d2l.ai",
        lr=0.9,
        last_lr=0.9,
        batch_size=256,
        epochs=10,
        images=None,
        standardised=False,
        reaches="0.77 or more (0.78 to 0.81 on five seeds; the textbook: about 0.78)",
    ),
    "quick": Recipe(
        about="the same network on 10,000 images: standardised pixels, and many small steps",
        lr=0.3,
        last_lr=0.05,
        batch_size=16,
        epochs=3,
        images=10_000,
        standardised=True,
        reaches="0.68 or more (0.71 to 0.74 on ten seeds)",
    ),
}

"""What goes wrong in counting right predictions: shares, guesses, modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Slip, Slips, after, right, step

from .looking_slips import evaluating, gradients_off

Counts = list[tuple[int, int]]


def needing_a_length(slip: Slip) -> Slip:
    """The data must have a length, which not all have."""

    def counted(a: Any) -> Any:
        len(a.data)
        return slip(a)

    return counted


def needing_a_dataset(a: Any) -> Any:
    """The data must be those of a DataLoader."""
    len(a.data.dataset)
    return a


# ------------------------------------------------------------------------------------------------ accuracy


class Accuracy(Call):
    """Hits and sizes of all batches, then a share."""

    net: nn.Module
    data: Any
    mode: bool | None = False
    back: str = "each"
    grad: bool = False

    @step
    def guess(self) -> Callable[[Tensor], Tensor]:
        return lambda logits: logits.argmax(1)

    @step
    def hits(self) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda logits, y: (self.guess(logits) == y).sum()

    @step
    def counts(self) -> Counts:
        with evaluating(self.net, self.mode, self.back, self.grad):
            return [(int(self.hits(self.net(X), y)), len(y)) for X, y in self.data]

    @step
    def share(self) -> Callable[[Counts], Any]:
        return lambda counts: hits_of(counts) / images_of(counts)

    @step
    def result(self) -> Any:
        return self.share(self.counts)


def hits_of(counts: Counts) -> int:
    return sum(hits for hits, _ in counts)


def images_of(counts: Counts) -> int:
    return sum(size for _, size in counts)


def shares_of(counts: Counts) -> list[float]:
    return [hits / size for hits, size in counts]


def sharing(share: Callable[[Counts], Any]) -> Slip:
    return lambda a: a.but(share=share)


def guessing(guess: Callable[[Tensor], Tensor]) -> Slip:
    return lambda a: a.but(guess=guess)


def as_far_as_it_fits(logits: Tensor, y: Tensor) -> Tensor:
    guesses = logits.argmax(0)
    both = min(len(guesses), len(y))
    return (guesses[:both] == y[:both]).sum()


MEAN_OF_BATCHES = sharing(lambda c: sum(shares_of(c)) / len(c))
OVER_BATCHES = sharing(lambda c: hits_of(c) / len(c))
FIRST_SIZE = sharing(lambda c: hits_of(c) / (len(c) * c[0][1]))

SHARES: Slips = {
    "percent": after(lambda share: 100 * share),
    "number-of-hits": sharing(lambda c: float(hits_of(c))),
    "share-of-wrong-ones": after(lambda share: 1 - share),
    "mean-of-the-batches": MEAN_OF_BATCHES,
    "mean-of-the-batches-by-len": needing_a_length(MEAN_OF_BATCHES),
    "sum-of-the-batches": sharing(lambda c: sum(shares_of(c))),
    "last-batch-only-counted": sharing(lambda c: c[-1][0] / c[-1][1]),
    "first-batch-only-counted": sharing(lambda c: c[0][0] / c[0][1]),
    "hits-of-the-last-batch-over-all": sharing(lambda c: c[-1][0] / images_of(c)),
    "hits-over-the-last-batch": sharing(lambda c: hits_of(c) / c[-1][1]),
    "hits-over-the-number-of-batches": OVER_BATCHES,
    "hits-over-the-number-of-batches-by-len": needing_a_length(OVER_BATCHES),
    "first-size-for-all-batches": FIRST_SIZE,
    "first-size-for-all-batches-by-len": needing_a_length(FIRST_SIZE),
    "whole-number-share": sharing(lambda c: hits_of(c) // images_of(c)),
    "rounded-share": after(lambda share: round(share, 2)),
    "smallest-logit": guessing(lambda logits: logits.argmin(1)),
    "largest-over-the-batch": guessing(lambda logits: logits.argmax(0)[: len(logits)]),
    "largest-over-the-batch-compared-at-once": guessing(lambda logits: logits.argmax(0)),
    "largest-over-the-batch-as-far-as-it-fits": lambda a: a.but(hits=as_far_as_it_fits),
    "largest-of-everything": guessing(lambda logits: logits.argmax()),
    "logit-compared-with-the-label": guessing(lambda logits: logits.amax(1)),
}


def evaluated(**how: Any) -> Slip:
    """In another mode, put back in another way, or with gradients."""
    return lambda a: a.but(**how)


EVALUATIONS: Slips = {
    "length-of-data-needed": needing_a_length(right),
    "dataset-of-data-needed": needing_a_dataset,
    "evaluated-in-training-mode": evaluated(mode=True),
    "evaluated-in-the-mode-it-is-in": evaluated(mode=None),
    "evaluated-as-it-is-with-gradients": evaluated(mode=None, grad=True),
    "left-in-evaluation-mode": evaluated(back="never"),
    "left-in-evaluation-mode-with-gradients": evaluated(back="never", grad=True),
    "put-into-training-mode": evaluated(back="training"),
    "put-into-training-mode-with-gradients": evaluated(back="training", grad=True),
    "one-mode-for-all-parts": evaluated(back="whole"),
    "one-mode-for-all-parts-with-gradients": evaluated(back="whole", grad=True),
    "gradients-tracked": evaluated(grad=True),
    "gradients-off-for-good": after(gradients_off),
}


def accuracy(slip: Slip) -> Callable[..., Any]:
    return lambda net, data: slip(Accuracy(net=net, data=data)).answer()

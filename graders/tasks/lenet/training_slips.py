"""What goes wrong in training: losses, steps, modes, reports."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graders.diagnosis.pipeline import Call, Slip, Slips, after, right, step

from .accuracy_slips import needing_a_dataset, needing_a_length

Batch = tuple[Tensor, Tensor]
Steps = list[tuple[float, int]]
"""The mean loss of each batch before its step, with its size."""


class Training(Call):
    """Epochs of steps, then a number for each epoch."""

    net: nn.Module
    data: Any
    num_epochs: int
    lr: float
    zeroed: str = "batch"
    mode: bool | None = True
    steps: int = 1
    late: bool = False
    """Whether the loss of a batch is taken after its step."""

    @step
    def loss(self) -> Callable[[Tensor, Tensor], Tensor]:
        return F.cross_entropy

    @step
    def scale(self) -> Callable[[int], float]:
        """What the loss is multiplied by before the step, for a size of batch."""
        return lambda size: 1.0

    @step
    def optimizer(self) -> Callable[..., torch.optim.Optimizer]:
        return torch.optim.SGD

    @step
    def parameters(self) -> Any:
        """Those that learn."""
        return self.net.parameters()

    @step
    def batches(self) -> Callable[[Sequence[Batch]], Sequence[Batch]]:
        """Those of one epoch."""
        return lambda batches: batches

    @step
    def clip(self) -> Callable[[Any], Any]:
        return lambda parameters: None

    @step
    def stepping(self) -> Callable[[str], bool]:
        """When there is a step: after each `batch`, or each `epoch`."""
        return lambda when: when == "batch"

    @step
    def epochs(self) -> list[Steps]:
        """The losses of every batch of every epoch."""
        sgd = self.optimizer(self.parameters, lr=self.lr)
        if self.mode is not None:
            self.net.train(self.mode)
        epochs = []
        for _ in range(self.num_epochs):
            if self.zeroed == "epoch":
                self.net.zero_grad()
            epochs.append([self.one(sgd, *batch) for batch in self.batches(list(self.data))])
            if self.stepping("epoch"):
                sgd.step()
        return epochs

    def one(self, sgd: torch.optim.Optimizer, X: Tensor, y: Tensor) -> tuple[float, int]:
        """One batch."""
        if self.zeroed == "batch":
            self.net.zero_grad()
        value = self.loss(self.net(X), y)
        (value * self.scale(len(y))).backward()  # type: ignore[no-untyped-call]
        self.clip(self.net.parameters())
        for _ in range(self.steps if self.stepping("batch") else 0):
            sgd.step()
        if self.late:
            with torch.no_grad():
                value = self.loss(self.net(X), y)
        return float(value.detach()), len(y)

    @step
    def report(self) -> Callable[[Steps], Any]:
        """The number of an epoch."""
        return per_example

    @step
    def reports(self) -> Callable[[list[Steps]], Any]:
        """The numbers of all."""
        return lambda epochs: [self.report(steps) for steps in epochs]

    @step
    def result(self) -> Any:
        return self.reports(self.epochs)


def per_example(steps: Steps) -> float:
    return sum(loss * size for loss, size in steps) / sum(size for _, size in steps)


def reported(report: Callable[[Steps], Any]) -> Slip:
    return lambda a: a.but(report=report)


def all_reported(reports: Callable[[list[Steps]], Any]) -> Slip:
    return lambda a: a.but(reports=reports)


def stepping(**how: Any) -> Slip:
    """Some step of the training is another."""
    return lambda a: a.but(**how)


def optimized(optimizer: Callable[..., torch.optim.Optimizer], **options: Any) -> Slip:
    return stepping(optimizer=lambda parameters, lr: optimizer(parameters, **{"lr": lr, **options}))


def going_through(batches: Callable[[Any], Any]) -> Slip:
    return stepping(batches=batches)


def with_graphs(a: Training) -> Training:
    """Totals that carry their graphs."""
    leaf = torch.zeros((), requires_grad=True)
    return a.then(lambda losses: [loss + 0 * leaf for loss in losses])


def used_up(a: Training) -> Training:
    once = iter(a.data)
    return a.but(data=once)


def drawn_anew(a: Training) -> Training:
    for module in a.net.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)
    return a


def one_epoch(a: Training) -> list[Steps]:
    return a.but(num_epochs=1).epochs


def at_the_end_of_the_epoch(a: Training) -> Training:
    losses = []
    for _ in range(a.num_epochs):
        one_epoch(a)
        with torch.no_grad():
            losses.append(per_example([(float(a.loss(a.net(X), y)), len(y)) for X, y in a.data]))
    return a.but(result=losses)


def so_far(epochs: list[Steps]) -> list[float]:
    """The mean over all that came so far."""
    return [per_example([s for steps in epochs[: place + 1] for s in steps]) for place in range(len(epochs))]


def growing(epochs: list[Steps]) -> list[float]:
    """Total of all that came so far over the size of one epoch."""
    return [sum(map(per_example, epochs[: place + 1])) for place in range(len(epochs))]


def squared(logits: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(logits, F.one_hot(y, logits.shape[1]).to(logits.dtype))


def all_as_one(batches: Sequence[Batch]) -> Sequence[Batch]:
    return [(torch.cat([X for X, _ in batches]), torch.cat([y for _, y in batches]))]


def backward_of_a_number(a: Training) -> Any:
    return (0.0).backward()  # type: ignore[attr-defined]


MEAN_LOSS_OF_BATCHES = reported(lambda steps: sum(loss for loss, _ in steps) / len(steps))

TRAININGS: Slips = {
    "gradients-never-zeroed": stepping(zeroed="never"),
    "gradients-zeroed-once-an-epoch": stepping(zeroed="epoch"),
    "nothing-learned": stepping(stepping=lambda when: False),
    "one-step-for-each-epoch": stepping(zeroed="epoch", stepping=lambda when: when == "epoch"),
    "two-steps-for-each-batch": stepping(steps=2),
    "uphill": optimized(torch.optim.SGD, maximize=True),
    "step-on-the-summed-loss": stepping(scale=float),
    "summed-loss": stepping(
        scale=float, report=lambda steps: sum(a * n * n for a, n in steps) / sum(n for _, n in steps)
    ),
    "divided-by-the-batch-twice": stepping(scale=lambda size: 1 / size),
    "loss-after-the-step": stepping(late=True),
    "loss-at-the-end-of-the-epoch": at_the_end_of_the_epoch,
    "returned-after-the-first-epoch": lambda a: a.but(num_epochs=min(a.num_epochs, 1)),
    "one-epoch-too-few": lambda a: a.but(num_epochs=max(a.num_epochs - 1, 0)),
    "one-epoch-too-many": lambda a: a.but(num_epochs=a.num_epochs + 1),
    "last-batch-skipped": going_through(lambda batches: batches[:-1] if len(batches) > 1 else batches),
    "first-batch-only": going_through(lambda batches: batches[:1]),
    "all-batches-as-one": going_through(all_as_one),
    "batches-backwards": going_through(lambda batches: batches[::-1]),
    "data-used-up": used_up,
    "momentum": optimized(torch.optim.SGD, momentum=0.9),
    "adam": optimized(torch.optim.Adam),
    **{
        f"rate-always-{rate}".replace(".", "-"): optimized(torch.optim.SGD, lr=rate)
        for rate in (0.1, 0.01, 0.001, 0.9)
    },
    **{
        f"weight-decay-{decay}".replace(".", "-"): optimized(torch.optim.SGD, weight_decay=decay)
        for decay in (0.01, 0.001, 0.0005, 0.0001)
    },
    **{
        f"gradient-clipped-to-length-{longest}": stepping(
            clip=partial(nn.utils.clip_grad_norm_, max_norm=longest)
        )
        for longest in (1, 5)
    },
    "numbers-of-the-gradient-clipped": stepping(clip=partial(nn.utils.clip_grad_value_, clip_value=1.0)),
    "labels-smoothed": stepping(loss=partial(F.cross_entropy, label_smoothing=0.1)),
    "labels-with-an-axis-more": stepping(loss=lambda logits, y: F.cross_entropy(logits, y[:, None])),
    "backward-of-a-number": backward_of_a_number,
    "softmax-before-cross-entropy": stepping(loss=lambda logits, y: F.cross_entropy(logits.softmax(1), y)),
    "sigmoid-before-cross-entropy": stepping(loss=lambda logits, y: F.cross_entropy(logits.sigmoid(), y)),
    "squared-error": stepping(loss=squared),
    "likelihood-of-logits": stepping(loss=F.nll_loss),
    "trained-in-evaluation-mode": stepping(mode=False),
    "trained-in-the-mode-it-is-in": stepping(mode=None),
    "last-layer-only": lambda a: a.but(parameters=list(a.net.parameters())[-2:]),
    "copy-trained": lambda a: a.but(net=copy.deepcopy(a.net)),
    "initialised-anew": drawn_anew,
    "dataset-of-the-data-needed": needing_a_dataset,
}

REPORTS: Slips = {
    "mean-loss-of-the-batches": MEAN_LOSS_OF_BATCHES,
    "mean-loss-of-the-batches-by-len": needing_a_length(MEAN_LOSS_OF_BATCHES),
    "sum-of-batch-losses": reported(lambda steps: sum(loss for loss, _ in steps)),
    "sum-over-the-images": reported(lambda steps: sum(loss * size for loss, size in steps)),
    "batch-losses-over-the-images": reported(
        lambda steps: sum(loss for loss, _ in steps) / sum(size for _, size in steps)
    ),
    "image-losses-over-the-batches": reported(
        lambda steps: sum(loss * size for loss, size in steps) / len(steps)
    ),
    "loss-of-the-last-batch": reported(lambda steps: steps[-1][0]),
    "loss-of-the-first-batch": reported(lambda steps: steps[0][0]),
    "last-loss-over-the-images": reported(
        lambda steps: steps[-1][0] * steps[-1][1] / sum(size for _, size in steps)
    ),
    "a-loss-for-every-batch": all_reported(lambda epochs: [loss for steps in epochs for loss, _ in steps]),
    "loss-of-the-last-epoch-only": after(lambda losses: [0.0, *losses][-1]),
    "last-loss-in-a-list": after(lambda losses: losses[-1:]),
    "nothing-returned": after(lambda losses: None),
    "network-returned": lambda a: a.then(lambda losses: a.net),
    "total-never-reset": all_reported(growing),
    "mean-over-all-epochs-so-far": all_reported(so_far),
    "losses-with-graphs": with_graphs,
    "length-of-the-data-needed": needing_a_length(right),
}


def train(slip: Slip) -> Callable[..., Any]:
    def trained(net: nn.Module, data: Iterable[Batch], num_epochs: int, lr: float) -> Any:
        return slip(Training(net=net, data=data, num_epochs=num_epochs, lr=lr)).answer()

    return trained

"""Mistakes about training."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.written import misconception
from graders.sandbox.inside.wire import Build, Stream
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

from .probing import ITERABLE, WHY_EVAL, Batch, Data, about, number, with_length

Steps = list[tuple[float, int]]
"""The mean loss of each batch before its step, with its size."""


def _per_example(steps: Steps) -> float:
    return sum(loss * size for loss, size in steps) / sum(size for _, size in steps)


def _loop(
    net: nn.Module,
    data: Data,
    num_epochs: int,
    lr: float,
    *,
    zero: str = "batch",
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    scale: Callable[[int], float] = lambda size: 1.0,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    parameters: Callable[[nn.Module], Any] = lambda net: net.parameters(),
    mode: bool | None = True,
    batches: Callable[[Sequence[Batch]], Sequence[Batch]] = lambda batches: batches,
    steps: int = 1,
    after: bool = False,
    clip: Callable[[Any], Any] = lambda parameters: None,
) -> list[Steps]:
    """A right training but for what is given; the losses of every batch of every epoch."""
    sgd = optimizer(parameters(net), lr=lr)
    if mode is not None:
        net.train(mode)
    epochs = []
    for _ in range(num_epochs):
        seen: Steps = []
        if zero == "epoch":
            net.zero_grad()
        for X, y in batches(list(data)):
            if zero == "batch":
                net.zero_grad()
            value = loss(net(X), y)
            (value * scale(len(y))).backward()
            clip(net.parameters())
            for _ in range(steps):
                sgd.step()
            if after:
                with torch.no_grad():
                    value = loss(net(X), y)
            seen.append((float(value.detach()), len(y)))
        epochs.append(seen)
    return epochs


def _reported(report: Callable[[Steps], Any], **how: Any) -> Callable[[nn.Module, Data, int, float], Any]:
    return lambda net, data, epochs, lr: [report(steps) for steps in _loop(net, data, epochs, lr, **how)]


def _right(**how: Any) -> Callable[[nn.Module, Data, int, float], Any]:
    return _reported(_per_example, **how)


def _step_per_epoch(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    sgd, losses = torch.optim.SGD(net.parameters(), lr=lr), []
    net.train()
    for _ in range(num_epochs):
        sgd.zero_grad()
        seen = []
        for X, y in data:
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            seen.append((loss.item(), len(y)))
        sgd.step()
        losses.append(_per_example(seen))
    return losses


def _graphs_kept(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[Tensor]:
    sgd, losses = torch.optim.SGD(net.parameters(), lr=lr), []
    net.train()
    for _ in range(num_epochs):
        total, count = torch.zeros(()), 0
        for X, y in data:
            sgd.zero_grad()
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            sgd.step()
            total, count = total + loss * len(y), count + len(y)
        losses.append(total / count)
    return losses


def _used_up(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    once = iter(data)
    return [_per_example(_loop(net, once, 1, lr)[0]) for _ in range(num_epochs)]


def _of_a_copy(net: nn.Module, data: Data, num_epochs: int, lr: float) -> Any:
    return _right()(copy.deepcopy(net), data, num_epochs, lr)


def _drawn_anew(net: nn.Module, data: Data, num_epochs: int, lr: float) -> Any:
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)
    return _right()(net, data, num_epochs, lr)


def _at_the_end_of_the_epoch(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    losses = []
    for _ in range(num_epochs):
        _loop(net, data, 1, lr)
        with torch.no_grad():
            losses.append(_per_example([(float(F.cross_entropy(net(X), y)), len(y)) for X, y in data]))
    return losses


def _so_far(epochs: list[Steps]) -> list[float]:
    """The mean over all that came so far."""
    return [
        _per_example([step for steps in epochs[: place + 1] for step in steps])
        for place in range(len(epochs))
    ]


def _growing(epochs: list[Steps]) -> list[float]:
    """Total of all that came so far over the size of one epoch."""
    return [sum(map(_per_example, epochs[: place + 1])) for place in range(len(epochs))]


def _softmax(logits: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(logits.softmax(1), y)


def _sigmoid(logits: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(logits.sigmoid(), y)


def _squared(logits: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(logits, F.one_hot(y, logits.shape[1]).to(logits.dtype))


def _likelihood(logits: Tensor, y: Tensor) -> Tensor:
    return F.nll_loss(logits, y)


def _momentum(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9)


def _adam(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=lr)


def _uphill(parameters: Any, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=lr, maximize=True)


def _decaying(decay: float) -> Callable[..., torch.optim.Optimizer]:
    return lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, weight_decay=decay)


def _always(rate: float) -> Callable[..., torch.optim.Optimizer]:
    return lambda parameters, lr: torch.optim.SGD(parameters, lr=rate)


def _last_layer(net: nn.Module) -> Any:
    return list(net.parameters())[-2:]


_ZERO = "Where are the gradients of the last batch when the next backward() comes?"
_MEAN = "Two batches, of 9 images and of 1: what is the mean loss over the ten?"
_LOSS = "What does cross_entropy expect, logits or probabilities? What does it do first?"
_TIME = "When is a batch's loss taken, before the step or after it?"
_EPOCHS = "How long is the list for num_epochs=3, and which loss does it begin with?"
_PLAIN = "One step of plain SGD is weight - lr * gradient. What else does your optimizer do?"
_EACH = "Through which batches does one epoch go, and how many steps does it take?"

_TRAININGS: tuple[tuple[str, str, str, Callable[[nn.Module, Data, int, float], Any]], ...] = (
    (
        "gradients-never-zeroed",
        "This is what one gets without zero_grad: the gradients of all batches so far add up.",
        _ZERO,
        _right(zero="never"),
    ),
    (
        "gradients-zeroed-once-an-epoch",
        "This is what one gets when zero_grad is called once for each epoch: within it gradients add up.",
        _ZERO,
        _right(zero="epoch"),
    ),
    (
        "nothing-learned",
        "The parameters never change: there is no step, or no backward(), or zero_grad comes between the "
        "two and "
        "throws the gradients away.",
        "In which order do zero_grad, backward and step have to come?",
        _right(optimizer=_always(0.0)),
    ),
    (
        "one-step-for-each-epoch",
        "This is what one gets when the step comes once for each epoch. In minibatch descent every batch "
        "has its step.",
        _EACH,
        _step_per_epoch,
    ),
    (
        "two-steps-for-each-batch",
        "This is what one gets when every batch has two steps.",
        _EACH,
        _right(steps=2),
    ),
    (
        "uphill",
        "The loss is made larger: the parameters go with the gradient. Descent goes against it.",
        "Does the loss grow or fall if a weight moves in the direction of its gradient?",
        _right(optimizer=_uphill),
    ),
    (
        "step-on-the-summed-loss",
        "The steps are too large by the size of the batch: they are taken on the sum of the losses, not on "
        "the mean.",
        _MEAN,
        _right(scale=float),
    ),
    (
        "summed-loss",
        "The loss of a batch is the sum over its images, in the step and in the report. It should be the "
        "mean.",
        _MEAN,
        _reported(lambda steps: sum(a * n * n for a, n in steps) / sum(n for _, n in steps), scale=float),
    ),
    (
        "divided-by-the-batch-twice",
        "The steps are too small by the size of the batch. Cross-entropy takes the mean already.",
        _MEAN,
        _right(scale=lambda size: 1 / size),
    ),
    (
        "mean-loss-of-the-batches",
        "This is the mean of the losses of the batches. If they are of different sizes, images do not "
        "count the same.",
        _MEAN,
        _reported(lambda steps: sum(loss for loss, _ in steps) / len(steps)),
    ),
    (
        "mean-loss-of-the-batches-by-len",
        "This is the mean of the losses of the batches, and it needs len(data). Images in smaller batches "
        "count more.",
        _MEAN,
        lambda net, data, epochs, lr: _reported(lambda steps: sum(a for a, _ in steps) / len(steps))(
            net, with_length(data), epochs, lr
        ),
    ),
    (
        "sum-of-batch-losses",
        "These are the losses of the batches, added up. What is asked for is the mean over the images.",
        _MEAN,
        _reported(lambda steps: sum(loss for loss, _ in steps)),
    ),
    (
        "sum-over-the-images",
        "This is the sum of the losses of all images. Divide it by their number.",
        _MEAN,
        _reported(lambda steps: sum(loss * size for loss, size in steps)),
    ),
    (
        "batch-losses-over-the-images",
        "The mean losses of the batches are added up and divided by the number of images. A mean loss "
        "counts for as "
        "many images as its batch has.",
        _MEAN,
        _reported(lambda steps: sum(loss for loss, _ in steps) / sum(size for _, size in steps)),
    ),
    (
        "image-losses-over-the-batches",
        "The losses of all images are divided by the number of batches. Divide by the number of images.",
        _MEAN,
        _reported(lambda steps: sum(loss * size for loss, size in steps) / len(steps)),
    ),
    (
        "loss-of-the-last-batch",
        "This is the loss of the last batch of each epoch. What is asked for is the mean over all images "
        "of the epoch.",
        _MEAN,
        _reported(lambda steps: steps[-1][0]),
    ),
    (
        "loss-of-the-first-batch",
        "This is the loss of the first batch of each epoch. What is asked for is the mean over all images "
        "of the epoch.",
        _MEAN,
        _reported(lambda steps: steps[0][0]),
    ),
    (
        "last-loss-over-the-images",
        "Only the last batch's loss counts, but it is divided by all images: = where += is needed.",
        _MEAN,
        _reported(lambda steps: steps[-1][0] * steps[-1][1] / sum(size for _, size in steps)),
    ),
    (
        "a-loss-for-every-batch",
        "There is a loss for every batch. What is asked for is one for each epoch.",
        _EPOCHS,
        lambda net, data, epochs, lr: [loss for steps in _loop(net, data, epochs, lr) for loss, _ in steps],
    ),
    (
        "loss-of-the-last-epoch-only",
        "One number comes back, the loss of the last epoch. What is asked for is the list of all.",
        _EPOCHS,
        lambda net, data, epochs, lr: [0.0, *_right()(net, data, epochs, lr)][-1],
    ),
    (
        "last-loss-in-a-list",
        "Only the loss of the last epoch is in the list: it is made anew in every epoch.",
        _EPOCHS,
        lambda net, data, epochs, lr: _right()(net, data, epochs, lr)[-1:],
    ),
    (
        "returned-after-the-first-epoch",
        "The training ends after the first epoch: the function returns from inside its loop, or num_epochs "
        "is not looked at.",
        "How far is the line with return indented, and what does that mean?",
        lambda net, data, epochs, lr: _right()(net, data, min(epochs, 1), lr),
    ),
    (
        "nothing-returned",
        "The training is right, but nothing comes back. What is asked for is the list of losses.",
        "What does a function without return give?",
        lambda net, data, epochs, lr: _loop(net, data, epochs, lr) and None,
    ),
    (
        "network-returned",
        "The network comes back. What is asked for is the list of losses; the network is changed in place.",
        "What should train give back, by its signature?",
        lambda net, data, epochs, lr: (_loop(net, data, epochs, lr), net)[1],
    ),
    (
        "loss-after-the-step",
        "These are the losses of the batches after their steps. Each is to be taken before its step.",
        _TIME,
        _right(after=True),
    ),
    (
        "loss-at-the-end-of-the-epoch",
        "This is the loss over all images at the end of each epoch. Each batch's loss is to be taken "
        "before its step.",
        _TIME,
        _at_the_end_of_the_epoch,
    ),
    (
        "total-never-reset",
        "The total goes on from epoch to epoch, while it is divided by the images of one.",
        "Which lines belong before the loop over the epochs, and which between the two loops?",
        lambda net, data, epochs, lr: _growing(_loop(net, data, epochs, lr)),
    ),
    (
        "mean-over-all-epochs-so-far",
        "This is the mean loss over all epochs so far. Total and count should begin anew with each epoch.",
        "Which lines belong before the loop over the epochs, and which between the two loops?",
        lambda net, data, epochs, lr: _so_far(_loop(net, data, epochs, lr)),
    ),
    (
        "losses-with-graphs",
        "The losses are right, but they still carry their graphs, which keeps every epoch in memory.",
        "What does .item() do?",
        _graphs_kept,
    ),
    (
        "one-epoch-too-few",
        "One epoch too few: there are as many losses as epochs, and the last one belongs to the list.",
        _EPOCHS,
        lambda net, data, epochs, lr: _right()(net, data, max(epochs - 1, 0), lr),
    ),
    (
        "one-epoch-too-many",
        "One epoch too many: there are as many losses as epochs.",
        _EPOCHS,
        lambda net, data, epochs, lr: _right()(net, data, epochs + 1, lr),
    ),
    (
        "last-batch-skipped",
        "The last batch is left out, perhaps because it is smaller. It counts as all others do.",
        _EACH,
        _right(batches=lambda batches: batches[:-1] if len(batches) > 1 else batches),
    ),
    (
        "first-batch-only",
        "Each epoch has one step, on the first batch. It should go through all of them.",
        _EACH,
        _right(batches=lambda batches: batches[:1]),
    ),
    (
        "all-batches-as-one",
        "All batches are put together and each epoch takes one step. In minibatch descent every batch has "
        "its step.",
        _EACH,
        _right(batches=lambda b: [(torch.cat([X for X, _ in b]), torch.cat([y for _, y in b]))]),
    ),
    (
        "batches-backwards",
        "The batches come in the wrong order, the last one first.",
        _EACH,
        _right(batches=lambda batches: batches[::-1]),
    ),
    (
        "data-used-up",
        "The second epoch finds no data: an iterator can be gone through only once. Begin each epoch with "
        "for X, y in "
        "data.",
        "What does iter(data) give, and what is left of it after one loop?",
        _used_up,
    ),
    (
        "length-of-the-data-needed",
        "The training is right for a list, but len(data) fails for other iterables. Count the images as "
        "they come.",
        ITERABLE,
        lambda net, data, epochs, lr: _right()(net, with_length(data), epochs, lr),
    ),
    (
        "dataset-of-the-data-needed",
        "data.dataset is something that only a DataLoader has. Count the images as they come.",
        ITERABLE,
        lambda net, data, epochs, lr: len(data.dataset),  # type: ignore[attr-defined]
    ),
    ("momentum", "The steps have momentum. Plain SGD is asked for.", _PLAIN, _right(optimizer=_momentum)),
    ("adam", "The steps are those of Adam. Plain SGD is asked for.", _PLAIN, _right(optimizer=_adam)),
    *(
        (
            f"rate-always-{rate}".replace(".", "-"),
            f"The learning rate is always {rate}, whatever lr is.",
            "Where does lr arrive in your code?",
            _right(optimizer=_always(rate)),
        )
        for rate in (0.1, 0.01, 0.001, 0.9)
    ),
    *(
        (
            f"weight-decay-{decay}".replace(".", "-"),
            f"The steps have a weight decay of {decay}, which pulls all weights towards zero. Plain SGD is "
            "asked for.",
            _PLAIN,
            _right(optimizer=_decaying(decay)),
        )
        for decay in (0.01, 0.001, 0.0005, 0.0001)
    ),
    *(
        (
            f"gradient-clipped-to-length-{longest}",
            f"A gradient longer than {longest} is cut to that length, as clip_grad_norm_ does it. Plain SGD "
            "takes it as it is.",
            _PLAIN,
            _right(clip=partial(nn.utils.clip_grad_norm_, max_norm=longest)),
        )
        for longest in (1, 5)
    ),
    (
        "numbers-of-the-gradient-clipped",
        "The numbers of the gradient are cut to the range from -1 to 1, as clip_grad_value_ does it. Plain "
        "SGD takes it as it is.",
        _PLAIN,
        _right(clip=partial(nn.utils.clip_grad_value_, clip_value=1.0)),
    ),
    (
        "labels-smoothed",
        "The labels are smoothed by 0.1, so that the loss never comes near 0. Plain cross-entropy "
        "is asked for.",
        "What does the argument label_smoothing of cross_entropy change?",
        _right(loss=partial(F.cross_entropy, label_smoothing=0.1)),
    ),
    (
        "labels-with-an-axis-more",
        "The labels get an axis more before the loss, which refuses them. cross_entropy takes class numbers "
        "of shape (N,), as they come.",
        "Which shapes does cross_entropy expect, of the logits and of the labels?",
        _right(loss=lambda logits, y: F.cross_entropy(logits, y[:, None])),
    ),
    (
        "backward-of-a-number",
        "backward() is called on a Python number: .item() comes too early, and a number knows nothing of "
        "where it came from. Keep the tensor for backward(), and the number for the report.",
        "What does .item() give, and what does it leave behind?",
        lambda net, data, epochs, lr: (0.0).backward(),  # type: ignore[attr-defined]
    ),
    (
        "softmax-before-cross-entropy",
        "There is a softmax in front of cross-entropy, which has one of its own. Give it the logits.",
        _LOSS,
        _right(loss=_softmax),
    ),
    (
        "sigmoid-before-cross-entropy",
        "There is a sigmoid in front of cross-entropy. Give it the logits.",
        _LOSS,
        _right(loss=_sigmoid),
    ),
    (
        "squared-error",
        "The loss is the squared error to one-hot labels. Cross-entropy is asked for.",
        _LOSS,
        _right(loss=_squared),
    ),
    (
        "likelihood-of-logits",
        "nll_loss gets logits. It wants logarithms of probabilities; cross_entropy takes logits.",
        _LOSS,
        _right(loss=_likelihood),
    ),
    (
        "trained-in-evaluation-mode",
        "The network is in evaluation mode while it is trained.",
        WHY_EVAL,
        _right(mode=False),
    ),
    (
        "trained-in-the-mode-it-is-in",
        "The network is left in the mode that it is in. It should be trained in training mode.",
        WHY_EVAL,
        _right(mode=None),
    ),
    (
        "last-layer-only",
        "Only the last layer learns. The optimizer should have the parameters of the whole network.",
        "Which parameters does the optimizer get?",
        _right(parameters=_last_layer),
    ),
    (
        "copy-trained",
        "The losses are right, but the network is as before: a copy of it was trained.",
        "Which object does the optimizer change, and which one did the caller pass in?",
        _of_a_copy,
    ),
    (
        "initialised-anew",
        "The training differs each time: the weights are drawn anew at its beginning, or the data are "
        "shuffled. "
        "It should begin with the network as it is, and take the batches as they come.",
        "With which weights does the training begin, if somebody calls it twice in a row?",
        _drawn_anew,
    ),
)


def _train(answer: Callable[[nn.Module, Data, int, float], Any]) -> Callable[..., Any]:
    def train(net: nn.Module, data: Data, num_epochs: int, lr: float) -> Any:
        return answer(net, data, num_epochs, lr)

    return train


TRAININGS: tuple[Any, ...] = tuple(
    misconception(name, "train", says=says, hint=hint)(_train(answer))
    for name, says, hint, answer in _TRAININGS
)


# ------------------------------------------------------------------------------------------------- probes


def _examples(*sizes: int, seed: int) -> list[Batch]:
    batches = []
    for place, size in enumerate(sizes):
        X = tensor(size, 1, 3, 4, seed=seed + 2 * place, values="normal", dtype=torch.float64)
        batches.append((X, (tensor(size, seed=seed + 2 * place + 1) % 3).long()))
    return batches


_LAYERS = (Build("Flatten"), Build("Linear", (12, 5)), Build("Tanh"), Build("Linear", (5, 3)))
_NORMALISED = (
    Build("Conv2d", (1, 3, 2)),
    Build("BatchNorm2d", (3,)),
    Build("Flatten"),
    Build("Linear", (18, 3)),
)


def _trained(
    *sizes: int,
    epochs: int,
    lr: float,
    seed: int,
    layers: Sequence[Build] = _LAYERS,
    training: bool = True,
    stream: bool = False,
) -> Probe:
    """Losses and parameters of a training from known parameters; what is random is told by that alone."""
    batches = _examples(*sizes, seed=seed)
    data = Stream(tuple(batches)) if stream else batches

    def once(submission: Submission) -> Any:
        net = submission.build("Sequential", *layers)
        net.convert(dtype=torch.float64, training=training)
        shapes = [value.shape for _, value in net.describe().parameters]
        net.assign(
            [
                tensor(*shape, seed=place, values="normal", dtype=torch.float64) / 2
                for place, shape in enumerate(shapes)
            ]
        )
        value = submission.train(net, data, epochs, lr)
        losses = list(map(number, value)) if isinstance(value, (list, tuple)) else type(value).__name__
        losses = number(value) if isinstance(value, (int, float, Tensor)) else losses
        if isinstance(losses, list):  # a plain tensor is as good as a number
            losses = [item[1] if isinstance(item, tuple) and item[0] == "tensor" else item for item in losses]
        return losses, [parameter for _, parameter in net.describe().parameters]

    def ask(submission: Submission) -> Any:
        first, second = once(submission), once(submission)
        differ = any(not torch.allclose(a, b) for a, b in zip(first[1], second[1], strict=True))
        return "random" if differ else first

    return lambda submission: about(lambda: ask(submission))


TRAINING_PROBES: tuple[Probe, ...] = (
    _trained(2, 3, epochs=2, lr=0.2, seed=30, stream=True),
    _trained(5, 3, 1, epochs=3, lr=0.5, seed=1),
    _trained(4, epochs=1, lr=0.3, seed=50),
    _trained(4, 3, epochs=2, lr=0.3, seed=60, layers=_NORMALISED, training=False),
    _trained(4, 3, epochs=2, lr=0.3, seed=70, layers=_NORMALISED, training=True),
)

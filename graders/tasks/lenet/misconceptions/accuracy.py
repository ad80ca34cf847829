"""Mistakes about the share of right predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.written import misconception
from graders.sandbox.inside.wire import Build, Stream
from graders.testing.submission import Module, Submission

from .probing import ITERABLE, MODE, WHY_EVAL, Batch, Data, about, evaluating, number, with_length

Counts = list[tuple[int, int]]
Guess = Callable[[Tensor], Tensor]


def _guesses(logits: Tensor) -> Tensor:
    return logits.argmax(1)


def _counted(net: nn.Module, data: Data, guess: Guess = _guesses, **how: Any) -> Counts:
    with evaluating(net, **how):
        return [(int((guess(net(X)) == y).sum()), len(y)) for X, y in data]


def _share(counts: Counts) -> float:
    return _hits(counts) / _images(counts)


def _hits(counts: Counts) -> int:
    return sum(hits for hits, _ in counts)


def _images(counts: Counts) -> int:
    return sum(size for _, size in counts)


def _shares(counts: Counts) -> list[float]:
    return [hits / size for hits, size in counts]


def _told(report: Callable[[Counts], Any], length: bool = False) -> Callable[[nn.Module, Data], Any]:
    """A right count with another report; with `length` it needs `len(data)`."""
    return lambda net, data: report(_counted(net, with_length(data) if length else data))


def _for_good(net: nn.Module, data: Data) -> float:
    share = _share(_counted(net, data))
    torch.set_grad_enabled(False)
    return share


def _cut_to_fit(net: nn.Module, data: Data) -> float:
    hits = images = 0
    with evaluating(net):
        for X, y in data:
            guesses = net(X).argmax(0)
            both = min(len(guesses), len(y))
            hits += int((guesses[:both] == y[:both]).sum())
            images += len(y)
    return hits / images


_BATCHES = "Two batches, of 9 images and of 1: how much does the single image of the second count?"
_SHARES: tuple[tuple[str, str, str, Callable[[nn.Module, Data], Any]], ...] = (
    (
        "percent",
        "This is a hundred times too large: it is in percent. A share lies between 0 and 1.",
        "What should come out if all predictions are right?",
        _told(lambda c: 100 * _share(c)),
    ),
    (
        "number-of-hits",
        "This is the number of right predictions. Divide it by the number of images.",
        "What should come out if all predictions are right?",
        _told(lambda c: float(_hits(c))),
    ),
    (
        "share-of-wrong-ones",
        "This is the share of wrong predictions.",
        "What should come out if all predictions are right?",
        _told(lambda c: 1 - _share(c)),
    ),
    (
        "mean-of-the-batches",
        "This is the mean of the shares of the batches. If they are of different sizes, images do not "
        "count the same.",
        _BATCHES,
        _told(lambda c: sum(_shares(c)) / len(c)),
    ),
    (
        "mean-of-the-batches-by-len",
        "This is the mean of the shares of the batches, and it needs len(data). Images in smaller batches "
        "count more.",
        _BATCHES,
        _told(lambda c: sum(_shares(c)) / len(c), length=True),
    ),
    (
        "sum-of-the-batches",
        "These are the shares of the batches, added up. What is asked for is one share over all images.",
        _BATCHES,
        _told(lambda c: sum(_shares(c))),
    ),
    (
        "last-batch-only-counted",
        "This is the share of the last batch. Each turn of the loop throws away the one before.",
        _BATCHES,
        _told(lambda c: _share(c[-1:])),
    ),
    (
        "first-batch-only-counted",
        "This is the share of the first batch: the function returns from inside its loop.",
        _BATCHES,
        _told(lambda c: _share(c[:1])),
    ),
    (
        "hits-of-the-last-batch-over-all",
        "Only the hits of the last batch are counted, but divided by all images: = where += is needed.",
        _BATCHES,
        _told(lambda c: c[-1][0] / _images(c)),
    ),
    (
        "hits-over-the-last-batch",
        "All hits are counted, but divided by the size of the last batch.",
        _BATCHES,
        _told(lambda c: _hits(c) / c[-1][1]),
    ),
    (
        "hits-over-the-number-of-batches",
        "All hits are counted, but divided by the number of batches. Divide by the number of images.",
        _BATCHES,
        _told(lambda c: _hits(c) / len(c)),
    ),
    (
        "hits-over-the-number-of-batches-by-len",
        "All hits are counted, but divided by len(data), the number of batches. Divide by the number of "
        "images.",
        _BATCHES,
        _told(lambda c: _hits(c) / len(c), length=True),
    ),
    (
        "first-size-for-all-batches",
        "All batches are taken to be as large as the first one. The last one is often smaller.",
        _BATCHES,
        _told(lambda c: _hits(c) / (len(c) * c[0][1])),
    ),
    (
        "first-size-for-all-batches-by-len",
        "All batches are taken to be as large as the first one. The last one is often smaller.",
        _BATCHES,
        _told(lambda c: _hits(c) / (len(c) * c[0][1]), length=True),
    ),
    (
        "length-of-data-needed",
        "The share is right for a list, but len(data) fails for other iterables. Count the images as they "
        "come.",
        ITERABLE,
        _told(_share, length=True),
    ),
    (
        "dataset-of-data-needed",
        "data.dataset is something that only a DataLoader has. Count the images as they come.",
        ITERABLE,
        lambda net, data: _hits(_counted(net, data)) / len(data.dataset),  # type: ignore[attr-defined]
    ),
    (
        "whole-number-share",
        "This is 0 or 1: // divides whole numbers.",
        "What is 3 // 4?",
        _told(lambda c: _hits(c) // _images(c)),
    ),
    (
        "rounded-share",
        "The share is rounded to two digits. Leave rounding to whoever prints it.",
        "How many images make a difference of 0.001 among ten thousand?",
        _told(lambda c: round(_share(c), 2)),
    ),
    (
        "smallest-logit",
        "This is what one gets when the smallest logit makes the prediction. It is the largest.",
        "Which class does the network mean when its logits are (-3, 5, 1)?",
        lambda net, data: _share(_counted(net, data, lambda logits: logits.argmin(1))),
    ),
    (
        "largest-over-the-batch",
        "This is what one gets when the largest logit is searched among the images and not among the "
        "classes.",
        "What do the two axes of the logits mean, and over which one does argmax go?",
        lambda net, data: _share(_counted(net, data, lambda logits: logits.argmax(0)[: len(logits)])),
    ),
    (
        "largest-over-the-batch-compared-at-once",
        "The largest logit is searched among the images and not among the classes. That gives one number for "
        "each class, which does not fit the labels.",
        "What do the two axes of the logits mean, and over which one does argmax go?",
        lambda net, data: _share(_counted(net, data, lambda logits: logits.argmax(0))),
    ),
    (
        "largest-over-the-batch-as-far-as-it-fits",
        "The largest logit is searched among the images and not among the classes. That gives one number for "
        "each class, which is compared with as many labels as there are.",
        "What do the two axes of the logits mean, and over which one does argmax go?",
        _cut_to_fit,
    ),
    (
        "largest-of-everything",
        "This is what one gets when argmax has no dim: it then finds one place in the whole batch.",
        "What do the two axes of the logits mean, and over which one should argmax go?",
        lambda net, data: _share(_counted(net, data, lambda logits: logits.argmax())),
    ),
    (
        "logit-compared-with-the-label",
        "The largest logit itself is compared with the label. The prediction is its place, as argmax tells "
        "it.",
        "What is the difference between max and argmax?",
        lambda net, data: _share(_counted(net, data, lambda logits: logits.amax(1))),
    ),
    (
        "evaluated-in-training-mode",
        "The network is in training mode while it is evaluated, so that dropout and batch normalisation "
        "disturb it.",
        WHY_EVAL,
        lambda net, data: _share(_counted(net, data, mode=True)),
    ),
    (
        "evaluated-in-the-mode-it-is-in",
        "The network is left in the mode that it is in. It should be evaluated in evaluation mode.",
        WHY_EVAL,
        lambda net, data: _share(_counted(net, data, mode=None)),
    ),
    (
        "evaluated-as-it-is-with-gradients",
        "The network is left in the mode that it is in, and gradients are tracked. Evaluation mode and "
        "no_grad are "
        "missing.",
        WHY_EVAL,
        lambda net, data: _share(_counted(net, data, mode=None, grad=True)),
    ),
    (
        "left-in-evaluation-mode",
        "The network is left in evaluation mode. It should be in the mode in which it came.",
        MODE,
        lambda net, data: _share(_counted(net, data, back="never")),
    ),
    (
        "left-in-evaluation-mode-with-gradients",
        "The network is left in evaluation mode, and gradients are tracked meanwhile.",
        MODE,
        lambda net, data: _share(_counted(net, data, back="never", grad=True)),
    ),
    (
        "put-into-training-mode",
        "The network is in training mode afterwards, whatever it was before.",
        MODE,
        lambda net, data: _share(_counted(net, data, back="training")),
    ),
    (
        "put-into-training-mode-with-gradients",
        "The network is in training mode afterwards, whatever it was before, and gradients are tracked "
        "meanwhile.",
        MODE,
        lambda net, data: _share(_counted(net, data, back="training", grad=True)),
    ),
    (
        "one-mode-for-all-parts",
        "Afterwards every part is in the mode of the whole network. A part that was frozen by itself "
        "should stay so.",
        MODE,
        lambda net, data: _share(_counted(net, data, back="whole")),
    ),
    (
        "one-mode-for-all-parts-with-gradients",
        "Afterwards every part is in the mode of the whole network, and gradients are tracked meanwhile.",
        MODE,
        lambda net, data: _share(_counted(net, data, back="whole", grad=True)),
    ),
    (
        "gradients-tracked",
        "Gradients are tracked while the network is evaluated. That costs time and memory, and nobody "
        "needs them.",
        "What does torch.no_grad() save?",
        lambda net, data: _share(_counted(net, data, grad=True)),
    ),
    (
        "gradients-off-for-good",
        "Gradients are switched off and never on again: after this call nothing can be trained.",
        "What is the difference between torch.set_grad_enabled(False) and with torch.no_grad():?",
        _for_good,
    ),
)


def _accuracy(answer: Callable[[nn.Module, Data], Any]) -> Callable[..., Any]:
    def accuracy(net: nn.Module, data: Data) -> Any:
        return answer(net, data)

    return accuracy


ACCURACIES: tuple[Any, ...] = tuple(
    misconception(name, "accuracy", says=says, hint=hint)(_accuracy(answer))
    for name, says, hint, answer in _SHARES
)


# ------------------------------------------------------------------------------------------------- probes


def _labelled(*sizes: int, seed: int) -> list[Batch]:
    """Images whose own four numbers are the logits, no two alike; two thirds of the labels are right."""
    batches = []
    for place, size in enumerate(sizes):
        generator = torch.Generator().manual_seed(seed * 10 + place)
        X = torch.stack([torch.randperm(4, generator=generator) for _ in range(size)]).float()
        y = torch.where(
            torch.arange(size) % 3 == 0, torch.randint(0, 4, (size,), generator=generator), X.argmax(1)
        )
        batches.append((X.reshape(size, 1, 2, 2), y))
    return batches


def _reader(submission: Submission, *before: Any) -> Module:
    linear = submission.build("Linear", 4, 4)
    linear.assign([torch.eye(4), torch.zeros(4)])
    return submission.build("Sequential", *before, Build("Flatten"), linear)


def _after(net: Module) -> list[bool]:
    return [training for _, _, training, _, _ in net.describe().modules]


def _share_of(*sizes: int, seed: int, stream: bool = False) -> Probe:
    batches = _labelled(*sizes, seed=seed)
    data = Stream(tuple(batches)) if stream else batches
    return lambda submission: about(lambda: number(submission.accuracy(_reader(submission), data)))


def _watched(training: bool, frozen: bool = False) -> Probe:
    """What a layer saw meanwhile, and the modes afterwards."""

    def ask(submission: Submission) -> Any:
        recorder = submission.build("Recorder").convert(training=training)
        if frozen:
            recorder.convert(training=not training)
        net = _reader(submission, recorder)
        if not frozen:
            net.convert(training=training)
        reply = submission.ask("accuracy", net, _labelled(4, 2, seed=3))
        calls = recorder.attribute("calls")
        calls = calls if isinstance(calls, list) else []
        return {
            "share": number(reply.value),
            "training": any(call["training"] for call in calls),
            "gradients": any(call["grad_enabled"] for call in calls),
            "modes": _after(net),
            "state": any("grad mode" in change for change in reply.changed_state),
        }

    return lambda submission: about(lambda: ask(submission))


ACCURACY_PROBES: tuple[Probe, ...] = (
    _share_of(7, 4, 2, seed=1),
    _share_of(5, 1, seed=2, stream=True),
    _watched(training=True),
    _watched(training=False),
    _watched(training=True, frozen=True),
)

"""Exercise 2, continued: mistakes about many steps of gradient descent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import plain, telling
from graders.diagnosis.written import Function, entry
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

from .step import COPY, ERRORS, NOTES, RIGHT, STEPS, as_float, bare, convolution, make_case, pair, unpacked

# ------------------------------------------------------------------------------------------- learn_kernel

Loop = Callable[[Tensor, Tensor, Tensor, int, float], Any]

_COUNT = "With num_epochs=1: how many steps are taken, and how many losses are there?"
_DTYPE = "Which dtype does torch.rand(2, 3) have, and which does X have?"
_START = "With lr=0 no step changes anything. Which kernel should come back then?"


def _new_kernel(X: Tensor, kernel_size: Any) -> Tensor:
    return torch.rand(pair(kernel_size), dtype=X.dtype)


def _plain(X: Tensor, kernel_size: Any) -> Tensor:
    return torch.rand(pair(kernel_size))


def _refused(X: Tensor, kernel_size: Any) -> Tensor:
    """As `_plain`, for a convolution that refuses a float64 image with a float32 kernel."""
    return torch.rand(pair(kernel_size))


# For a wrong loop, how to make it with another start.
_ALSO: dict[Function, Callable[[Callable[[Tensor, Any], Tensor]], Function]] = {}


def _learning(
    loop: Loop = RIGHT.learn,
    start: Callable[[Tensor, Any], Tensor] = _new_kernel,
    take: Callable[[Tensor], Tensor] = lambda init: init.detach().clone(),
) -> Function:
    """A right `learn_kernel`, but for its loop, its random start or its use of `init`."""

    def learn_kernel(
        X: Tensor,
        Y: Tensor,
        kernel_size: Any,
        num_epochs: int = 10,
        lr: float = 0.03,
        init: Tensor | None = None,
    ) -> Any:
        kernel = start(X, kernel_size) if init is None else take(init)
        if kernel.dtype != X.dtype and start is _refused:
            raise RuntimeError("expected scalar type")
        return loop(kernel, X, Y, num_epochs, lr)

    if start is _new_kernel:
        _ALSO[learn_kernel] = lambda other: _learning(loop, other, take)
    return learn_kernel


def _then(change: Callable[[Tensor, list[float]], Any]) -> Function:
    """A right loop whose results are changed."""
    return _learning(lambda *given: change(*RIGHT.learn(*given)))


def _counted(epochs: int) -> Function:
    return _learning(lambda kernel, X, Y, n, lr: RIGHT.learn(kernel, X, Y, max(n + epochs, 0), lr))


def _accumulated(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    total, losses = torch.zeros_like(kernel), []
    for _ in range(num_epochs):
        gradient, residual = RIGHT.gradient(kernel, X, Y)
        total = total + gradient
        kernel = kernel - lr * total
        losses.append(float((residual**2).sum()))
    return kernel, losses


def _momentum(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    total, losses = torch.zeros_like(kernel), []
    for _ in range(num_epochs):
        gradient, residual = RIGHT.gradient(kernel, X, Y)
        total = 0.9 * total + gradient
        kernel = kernel - lr * total
        losses.append(float((residual**2).sum()))
    return kernel, losses


def _adam(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    first, second, losses = torch.zeros_like(kernel), torch.zeros_like(kernel), []
    for epoch in range(1, num_epochs + 1):
        gradient, residual = RIGHT.gradient(kernel, X, Y)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        scaled = (second / (1 - 0.999**epoch)).sqrt() + 1e-8
        kernel = kernel - lr * first / (1 - 0.9**epoch) / scaled
        losses.append(float((residual**2).sum()))
    return kernel, losses


def _always_from_the_start(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    new, losses = kernel, []
    for _ in range(num_epochs):
        new, loss = RIGHT.step(kernel, X, Y, lr)
        losses.append(loss)
    return new, losses


def _kernel_of_the_epoch_before(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    before, losses = kernel, []
    for _ in range(num_epochs):
        before = kernel
        kernel, loss = RIGHT.step(kernel, X, Y, lr)
        losses.append(loss)
    return before, losses


def _with_bias(
    kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float, bias: Tensor | None = None
) -> Any:
    """A layer with a bias that is learned as well, or never updated if it is given."""
    learned = bias is None
    bias = torch.zeros(1, dtype=kernel.dtype) if bias is None else bias
    losses = []
    for _ in range(num_epochs):
        gradient, residual = RIGHT.gradient(kernel, X, Y - bias)
        kernel = kernel - lr * gradient
        bias = bias + lr * 2 * residual.sum() if learned else bias
        losses.append(float((residual**2).sum()))
    return kernel, losses


def _random_bias(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    return _with_bias(kernel, X, Y, num_epochs, lr, torch.rand(1, dtype=kernel.dtype) - 0.5)


def _loss_at_the_end_too(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    kernel, losses = RIGHT.learn(kernel, X, Y, num_epochs, lr)
    return kernel, [*losses, RIGHT.step(kernel, X, Y, lr)[1]]


def _init_in_place(begin: Callable[[Tensor, Any], Tensor] = _new_kernel) -> Function:
    def learn_kernel(
        X: Tensor,
        Y: Tensor,
        kernel_size: Any,
        num_epochs: int = 10,
        lr: float = 0.03,
        init: Tensor | None = None,
    ) -> Any:
        kernel, losses = _learning(start=begin)(X, Y, kernel_size, num_epochs, lr, init)
        if init is not None:
            init.detach().copy_(kernel)
        return kernel, losses

    if begin is _new_kernel:
        _ALSO[learn_kernel] = _init_in_place
    return learn_kernel


def _init_ignored(
    X: Tensor, Y: Tensor, kernel_size: Any, num_epochs: int = 10, lr: float = 0.03, init: Any = None
) -> Any:
    return RIGHT.learn(_new_kernel(X, kernel_size), X, Y, num_epochs, lr)


def _pair_demanded(
    X: Tensor, Y: Tensor, kernel_size: Any, num_epochs: int = 10, lr: float = 0.03, init: Any = None
) -> Any:
    kh, kw = kernel_size
    start = torch.rand(kh, kw, dtype=X.dtype) if init is None else init
    return RIGHT.learn(start, X, Y, num_epochs, lr)


def _with_default_rate(rate: float) -> Function:
    right = _learning()

    def learn_kernel(
        X: Tensor, Y: Tensor, kernel_size: Any, num_epochs: int = 10, lr: float = rate, init: Any = None
    ) -> Any:
        return right(X, Y, kernel_size, num_epochs, lr, init)

    return learn_kernel


def _parameter_replaced(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    layer = torch.nn.Linear(1, 1)
    losses = []
    for _ in range(num_epochs):
        kernel, loss = RIGHT.step(kernel, X, Y, lr)
        layer.weight = kernel
        losses.append(loss)
    return kernel, losses


_MANY_STEPS: tuple[tuple[str, Function, str, str], ...] = (
    (
        "gradients-accumulate",
        _learning(_accumulated),
        "The gradients of all epochs so far are added up: backward() adds to .grad, and nothing clears it. "
        "Set it to zero before each backward().",
        "What is in .grad when the second backward() begins?",
    ),
    (
        "always-from-the-start",
        _learning(_always_from_the_start),
        "Every epoch begins at the first kernel again, so all steps are the same one. Each step starts "
        "where the one before it ended.",
        "Which kernel do you hand to the second step?",
    ),
    (
        "last-step-lost",
        _learning(_kernel_of_the_epoch_before),
        "The kernel that comes back is the one before the last step.",
        "With num_epochs=1, which kernel should come back: the start, or the one after the step?",
    ),
    (
        "bias-learned-too",
        _learning(_with_bias),
        "A bias is learned beside the kernel. There is none in this task: its direction is the steepest of "
        "all, and the same rate may diverge with it.",
        "Which numbers does your optimizer or your update change?",
    ),
    (
        "layer-with-a-bias",
        _learning(_random_bias),
        "The same start gives other results in every call. A random bias in the layer does that: it "
        "answers a bit wrong for ever, and the kernel bends to make up for it.",
        "What does nn.Conv2d have besides its weight, unless you say otherwise?",
    ),
    (
        "momentum-added",
        _learning(_momentum),
        "The steps have a momentum of 0.9. Plain gradient descent steps along the present gradient alone.",
        "What does the argument momentum of torch.optim.SGD do?",
    ),
    (
        "adam-instead-of-descent",
        _learning(_adam),
        "These are the steps of Adam, which rescales every gradient. Plain gradient descent is asked for.",
        "Which optimizer of torch.optim does weight - lr * gradient, and nothing else?",
    ),
    (
        "one-epoch-too-many",
        _counted(1),
        "There is one epoch too many: one step and one loss more than num_epochs.",
        _COUNT,
    ),
    (
        "one-epoch-too-few",
        _counted(-1),
        "There is one epoch too few: one step and one loss less than num_epochs.",
        _COUNT,
    ),
    (
        "loss-at-the-end-too",
        _learning(_loss_at_the_end_too),
        "There is one loss too many: the one after the last step is not asked for. Each epoch leaves one "
        "loss, taken before its step.",
        _COUNT,
    ),
    (
        "first-loss-missing",
        _then(lambda kernel, losses: (kernel, losses[1:])),
        "The first loss is missing, the one at the start. Each epoch leaves one, taken before its step.",
        _COUNT,
    ),
    (
        "last-loss-missing",
        _then(lambda kernel, losses: (kernel, losses[:-1])),
        "The last loss is missing. Each epoch leaves one, taken before its step.",
        _COUNT,
    ),
    (
        "last-loss-only",
        _then(lambda kernel, losses: (kernel, losses[-1] if losses else 0.0)),
        "Only one number comes back for the losses. A list with one float for each epoch is asked for.",
        "Where do you keep the loss of an epoch before the next one overwrites it?",
    ),
    (
        "last-loss-only-in-a-list",
        _then(lambda kernel, losses: (kernel, losses[-1:])),
        "The list holds the last loss alone. It should hold one float for each epoch.",
        "Is the list made before the loop, or anew in every epoch?",
    ),
    (
        "losses-as-a-tensor",
        _then(lambda kernel, losses: (kernel, torch.tensor(losses))),
        "The losses come as a tensor. A list of floats is asked for.",
        "What does .item() give, and what does a list.append take?",
    ),
    (
        "every-other-loss",
        _then(lambda kernel, losses: (kernel, losses[1::2])),
        "Only every other epoch leaves a loss. Each of them should: printing every second one is another "
        "matter.",
        _COUNT,
    ),
    (
        "losses-and-kernel-exchanged",
        _then(lambda kernel, losses: (losses, kernel)),
        "The two results are right, but in the wrong order: first the kernel, then the losses.",
        "In which order does the signature name them?",
    ),
    (
        "only-the-kernel-returned",
        _then(lambda kernel, losses: kernel),
        "Only the kernel comes back. The losses are asked for as well.",
        "Which two things does the signature promise?",
    ),
    (
        "only-the-losses-returned",
        _then(lambda kernel, losses: losses),
        "Only the losses come back. The kernel is asked for as well.",
        "Which two things does the signature promise?",
    ),
    (
        "batch-and-channel-axes-left-on",
        _then(lambda kernel, losses: (kernel[None, None], losses)),
        "The kernel has a batch axis and a channel axis in front. Its shape should be kernel_size.",
        "Which shape did you give the kernel for the convolution, and how do you get back?",
    ),
    (
        "always-float32",
        _learning(
            lambda kernel, *given: RIGHT.learn(kernel.float(), *given),
            take=lambda init: init.detach().float(),
        ),
        "The kernel is always float32. A float64 start and a float64 image should give a float64 kernel.",
        "Which dtype should the kernel have for a float64 init?",
    ),
    (
        "start-always-float32",
        _learning(start=_plain),
        "Without init the kernel is always float32. It should have the dtype of X.",
        _DTYPE,
    ),
    (
        "start-refused-for-float64",
        _learning(start=_refused),
        "Without init the kernel is always float32, and the convolution refuses it for a float64 image. It "
        "should have the dtype of X.",
        _DTYPE,
    ),
    (
        "epochs-of-its-own",
        _learning(lambda kernel, X, Y, n, lr: RIGHT.learn(kernel, X, Y, 10, lr)),
        "There are always ten epochs. There should be num_epochs.",
        _COUNT,
    ),
    (
        "init-ignored",
        _init_ignored,
        "The given start is not used: the kernel starts at random although there is an init.",
        _START,
    ),
    (
        "init-changed",
        _init_in_place(),
        "The given start is changed by the steps. It has to be left as it was, so that it can be used "
        "again: work on a copy.",
        COPY,
    ),
    (
        "start-from-the-normal-distribution",
        _learning(start=lambda X, size: torch.randn(pair(size), dtype=X.dtype)),
        "Without init the kernel starts from the normal distribution, as torch.randn draws it. It should be "
        "torch.rand, uniformly between 0 and 1.",
        "Between which numbers does torch.rand draw, and where does torch.randn?",
    ),
    (
        "start-around-zero",
        _learning(start=lambda X, size: torch.rand(pair(size), dtype=X.dtype) - 0.5),
        "Without init the kernel starts around zero, as the weights of nn.Conv2d do. It should be "
        "torch.rand, uniformly between 0 and 1.",
        "Between which numbers does torch.rand draw?",
    ),
    (
        "start-at-zero",
        _learning(start=lambda X, size: torch.zeros(pair(size), dtype=X.dtype)),
        "Without init the kernel starts at zero. It should be drawn by torch.rand.",
        _START,
    ),
    (
        "start-at-one",
        _learning(start=lambda X, size: torch.ones(pair(size), dtype=X.dtype)),
        "Without init the kernel starts at one. It should be drawn by torch.rand.",
        _START,
    ),
    (
        "start-always-the-same",
        _learning(
            start=lambda X, size: torch.rand(
                pair(size), dtype=X.dtype, generator=torch.Generator().manual_seed(0)
            )
        ),
        "Without init every call starts from the same kernel: the random numbers are seeded in the function.",
        "Who should decide about the seed: the function, or the one who calls it?",
    ),
    (
        "kernel-height-and-width-exchanged",
        _learning(start=lambda X, size: torch.rand(pair(size)[::-1], dtype=X.dtype)),
        "Height and width of the kernel are exchanged: in a pair the height comes first.",
        "Which number comes first in a shape?",
    ),
    (
        "pair-demanded",
        _pair_demanded,
        "A kernel_size of one number is refused. It should stand for both axes: 3 means (3, 3).",
        "What should kernel_size=3 mean?",
    ),
    (
        "init-asked-for-its-truth",
        _learning(take=lambda init: init.detach().clone() if init else init),
        "The code says if init, or init or ..., which asks a tensor of several numbers whether it is true. "
        "Ask whether there is one: if init is not None.",
        "What should bool(torch.tensor([[0.0, 1.0]])) be?",
    ),
    (
        "pair-refused-for-the-start",
        _learning(start=lambda X, size: torch.rand(size, size, dtype=X.dtype)),
        "Without init a kernel_size that is a pair is refused, as in torch.rand(kernel_size, kernel_size), "
        "which is for one number. (2, 3) means 2 rows and 3 columns.",
        "What should kernel_size=3 mean, and what kernel_size=(2, 3)?",
    ),
    *(
        (
            f"rate-{rate}-by-default".replace(".", "-"),
            _with_default_rate(rate),
            f"Without lr given the learning rate is {rate}. The signature says 0.03.",
            "Which default does lr have in the signature that was given?",
        )
        for rate in (0.3, 0.1, 0.01, 0.003)
    ),
    (
        "parameter-replaced-by-a-tensor",
        _learning(_parameter_replaced),
        "The update puts a plain tensor where the layer keeps a Parameter, which a module refuses. Change "
        "the parameter's numbers instead, inside with torch.no_grad().",
        NOTES,
    ),
)


def _start_alone(kernel: tuple[int, int], dtype: torch.dtype, size: int | None = None) -> Probe:
    """What can be said of the start without init, whatever the random numbers are."""
    X = tensor(kernel[0] + 2, kernel[1] + 2, seed=51, dtype=dtype)
    Y = tensor(3, 3, seed=52, dtype=dtype)

    def probe(submission: Submission) -> Any:
        found = []
        for _ in range(2):
            value = plain(submission.ask("learn_kernel", X, Y, size or kernel, num_epochs=1, lr=0.0)).value
            value = unpacked(value)
            if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[0], Tensor):
                return "no kernel"
            found.append(value[0].detach())
        w = found[0]
        about: Any = "few numbers"
        if w.numel() > 900:
            about = (
                bool((w < 0).any()),
                bool((w >= 1).any()),
                bool((w.abs() > 1.5).any()),
                len(w.unique()) == 1,
            )
        return (
            about,
            tuple(w.shape),
            str(w.dtype),
            torch.equal(*found) if found[1].shape == w.shape else False,
        )

    return telling(probe, *ERRORS)


def _many_steps(
    seed: int,
    image: tuple[int, int],
    kernel: tuple[int, int],
    lr: float,
    epochs: int,
    dtype: torch.dtype = torch.float32,
    size: Any = None,
    small: bool = False,
) -> Probe:
    init, X, Y = make_case(seed, image, kernel, dtype, small)
    return _learned(init, X, Y, size or kernel, {"lr": lr}, num_epochs=epochs)


def _learned(
    init: Tensor, X: Tensor, Y: Tensor, kernel_size: Any, rate: dict[str, float], **epochs: int
) -> Probe:
    """What comes out from a start, and with what the caller does not say left to the defaults."""

    def probe(submission: Submission) -> Any:
        options: dict[str, Any] = {**epochs, "init": init}
        still, one, other = (
            plain(
                submission.ask(
                    "learn_kernel", X, Y, kernel_size, return_arguments=True, **{**options, **given}
                )
            )
            for given in ({"lr": 0.0, "num_epochs": 1}, rate, rate)
        )
        start, *kernels = (
            value[0] if isinstance(value, tuple) and len(value) == 2 else None
            for value in (unpacked(reply.value) for reply in (still, one, other))
        )
        if not _alike(*kernels):
            # Random numbers come in, from the first kernel or from elsewhere.
            begun = isinstance(start, Tensor) and _alike(start.double(), init.double())
            return "differs from call to call" if begun else "starts elsewhere"
        shown = _shown(one.value)
        return (shown, one.arguments)

    return telling(probe, *ERRORS)


def _alike(one: Any, other: Any) -> bool:
    """Whether two tensors are the same; values that are none are not compared."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return True
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _shown(value: Any) -> Any:
    """Kernel and losses, with the losses as floats; a tuple of losses counts as a list."""
    value = unpacked(value)
    if not isinstance(value, tuple) or len(value) != 2:
        return bare(value)
    kernel, losses = value
    if isinstance(losses, (list, tuple)):
        losses = [as_float(loss) for loss in losses]
    return (bare(kernel), bare(as_float(losses)))


# ---------------------------------------------------------------------------------------- entries, probes

_WRONG = (
    *((name, _learning(descent.learn), says, hint) for name, descent, says, hint in STEPS),
    *_MANY_STEPS,
)

# What is met together with any other mistake.
_STARTS = (
    ("start-always-float32", _plain, "without init the kernel is always float32, whatever the dtype of X."),
    (
        "start-refused-for-float64",
        _refused,
        "without init the kernel is float32, which a float64 image does not fit.",
    ),
)


# Where the dtype of the start does not show.
_START_UNSEEN = (
    "always-float32",
    "losses-and-kernel-exchanged",
    "only-the-kernel-returned",
    "only-the-losses-returned",
    "parameter-replaced-by-a-tensor",
)


def _entries() -> Iterator[Any]:
    for name, wrong, says, hint in _WRONG:
        yield entry("kernel_learning", "learn_kernel", f"learning-{name}", wrong, says, hint)
        if wrong in _ALSO:
            for habit, start, besides in _STARTS if name not in _START_UNSEEN else ():
                also = f"learning-{name}-and-{habit}"
                both = f"{says} And besides: {besides}"
                yield entry("kernel_learning", "learn_kernel", also, _ALSO[wrong](start), both, hint)


ENTRIES = tuple(_entries())

_STRIPED = torch.ones(6, 8, dtype=torch.float64)
_STRIPED[:, 2:6] = 0
_INIT = torch.tensor([[0.75, -0.25]], dtype=torch.float64)

PROBES: dict[str, tuple[Probe, ...]] = {
    "learn_kernel": (
        _many_steps(1, (4, 6), (2, 3), 0.0005, 3, torch.float64),
        _many_steps(11, (5, 4), (3, 1), 0.0005, 2),
        _many_steps(21, (4, 4), (2, 2), 0.0005, 4, size=2),
        _many_steps(31, (4, 5), (2, 2), 0.0005, 1),
        _start_alone((31, 32), torch.float32),
        _start_alone((2, 3), torch.float64),
        _start_alone((2, 2), torch.float32, size=2),
        _many_steps(41, (3, 3), (2, 2), 0.25, 3, torch.float64, small=True),
        _many_steps(51, (3, 3), (2, 2), 0.25, 2, torch.float64),
        _learned(_INIT, _STRIPED, convolution(_STRIPED, -2 * _INIT.flip(1)), (1, 2), {}),
    ),
}

"""Exercise 2, continued: mistaken thoughts about one step of gradient descent, and about many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..expect import facts
from ..strategies import tensor
from ..subject import Submission
from . import Probe
from ._thoughts import Function, entry, plain, telling


def pair(value: Any) -> Any:
    """An int for both axes, or a pair."""
    return (value, value) if isinstance(value, int) else tuple(value)


def convolution(X: Tensor, K: Tensor) -> Tensor:
    """A right convolution of one image."""
    dtype = torch.result_type(X, K)
    return F.conv2d(X.to(dtype)[None, None], K.to(dtype)[None, None])[0, 0]


@dataclass
class Descent:
    """One step of gradient descent, right but for what is given.

    Attributes:
        loss: of the residual; its gradient is stepped along.
        reported: the loss that is returned, of the residual before the step.
        update: the new weight, from weight, gradient and learning rate.
        convolve: the model.
        after: whether the loss returned is that after the step.
    """

    loss: Callable[[Tensor], Tensor] = lambda residual: (residual**2).sum()
    reported: Callable[[Tensor], Tensor] | None = None
    update: Callable[[Tensor, Tensor, float], Tensor] = lambda weight, gradient, lr: weight - lr * gradient
    convolve: Callable[[Tensor, Tensor], Tensor] = convolution
    after: bool = False

    def gradient(self, weight: Tensor, X: Tensor, Y: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient, and the residual."""
        leaf = weight.detach().clone().requires_grad_()
        residual = Y.detach() - self.convolve(X.detach(), leaf)
        (found,) = torch.autograd.grad(self.loss(residual), leaf)
        return found, residual.detach()

    def step(self, weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
        """The new weight and the loss."""
        gradient, residual = self.gradient(weight, X, Y)
        new = self.update(weight.detach(), gradient, lr)
        if self.after:
            residual = Y.detach() - self.convolve(X.detach(), new)
        return new, float((self.reported or self.loss)(residual))

    def learn(
        self, kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float
    ) -> tuple[Tensor, list[float]]:
        """Many steps, with the losses."""
        losses = []
        for _ in range(num_epochs):
            kernel, loss = self.step(kernel, X, Y, lr)
            losses.append(loss)
        return kernel, losses


RIGHT = Descent()


_SQUARE = "What is the loss for the errors 1 and -3: which numbers are added up?"
_DOWNHILL = "If the loss grows when a weight grows, should the weight become larger or smaller?"
_WHEN = "Which weight belongs to the loss you return, the one before the step or the one after it?"
_RATE = "How far should a step go if lr is 0?"

# What one step does differently; many steps are wrong in the same way.
_STEPS: tuple[tuple[str, Descent, str, str], ...] = (
    (
        "ascent",
        replace(RIGHT, update=lambda w, g, lr: w + lr * g),
        "The step goes up the hill: the gradient is added. It has to be subtracted.",
        _DOWNHILL,
    ),
    (
        "mean-loss",
        replace(RIGHT, loss=lambda r: (r**2).mean()),
        "The loss is the mean of the squared errors. Here it is their sum, for which the learning rate is "
        "chosen; with the mean the steps are far too short.",
        "By which number do sum and mean of the squared errors differ?",
    ),
    (
        "mean-loss-reported",
        replace(RIGHT, reported=lambda r: (r**2).mean()),
        "The step is right, but the loss returned is the mean of the squared errors. It should be their sum.",
        "By which number do sum and mean of the squared errors differ?",
    ),
    (
        "step-along-the-mean",
        replace(RIGHT, loss=lambda r: (r**2).mean(), reported=lambda r: (r**2).sum()),
        "The loss returned is right, but the step follows the gradient of the mean. It should be that of "
        "the sum.",
        "By which number do sum and mean of the squared errors differ?",
    ),
    (
        "half-the-loss",
        replace(RIGHT, loss=lambda r: (r**2).sum() / 2),
        "The loss is half the sum of the squared errors, so that the steps are half as long. Here there is "
        "no ½ in front of it.",
        _SQUARE,
    ),
    (
        "half-the-gradient",
        replace(RIGHT, update=lambda w, g, lr: w - lr * g / 2),
        "The step is half as long as it should be: the 2 that comes from the square is missing in the "
        "gradient.",
        "What is the derivative of (y - w)² with respect to w?",
    ),
    (
        "absolute-errors",
        replace(RIGHT, loss=lambda r: r.abs().sum()),
        "The loss is the sum of the absolute errors. Here the errors are squared.",
        _SQUARE,
    ),
    (
        "root-of-the-loss",
        replace(RIGHT, loss=lambda r: (r**2).sum().sqrt()),
        "The loss is the root of the sum of the squared errors, the norm. Here no root is taken.",
        _SQUARE,
    ),
    (
        "sum-squared",
        replace(RIGHT, loss=lambda r: r.sum() ** 2),
        "The errors are added up first and then squared, so that errors of opposite sign cancel. Each "
        "error is squared first.",
        _SQUARE,
    ),
    (
        "errors-not-squared",
        replace(RIGHT, loss=lambda r: r.sum()),
        "The errors are not squared, so that errors of opposite sign cancel. Each error is squared before "
        "the sum.",
        _SQUARE,
    ),
    (
        "loss-after-the-step",
        replace(RIGHT, after=True),
        "The loss returned is the one after the step. It should be the one before it.",
        _WHEN,
    ),
    (
        "rate-left-out",
        replace(RIGHT, update=lambda w, g, lr: w - g),
        "The step is the whole gradient: the learning rate does not appear in it.",
        _RATE,
    ),
    (
        "rate-of-its-own",
        replace(RIGHT, update=lambda w, g, lr: w - 0.03 * g),
        "The step always uses the rate 0.03. It should use the lr that is given.",
        _RATE,
    ),
    (
        "rate-ten-times-too-large",
        replace(RIGHT, update=lambda w, g, lr: w - 10 * lr * g),
        "The step is ten times as long as it should be.",
        _RATE,
    ),
    (
        "rate-ten-times-too-small",
        replace(RIGHT, update=lambda w, g, lr: w - lr / 10 * g),
        "The step is a tenth as long as it should be.",
        _RATE,
    ),
    (
        "kernel-flipped",
        replace(RIGHT, convolve=lambda X, K: convolution(X, K.flip(0, 1))),
        "The model turns the kernel by 180°, so that the kernel learned is the turned one. In deep "
        "learning it is not flipped.",
        "Which number of the kernel does the first pixel of a window meet?",
    ),
    (
        "gradient-reversed",
        replace(RIGHT, update=lambda w, g, lr: w - lr * g.flip(0, 1)),
        "The gradient comes out turned by 180°, so each number of the kernel gets the step of another one. A "
        "cross-correlation depends on the order of its arguments: X is the image, the errors slide over it.",
        "Which pixels of X does the first number of the kernel ever meet?",
    ),
    (
        "gradient-normalised",
        replace(RIGHT, update=lambda w, g, lr: w - lr * g / g.norm()),
        "The gradient is divided by its length, so every step is equally long. Gradient descent takes it "
        "as it is: steps become shorter as the bowl becomes flatter.",
        _RATE,
    ),
)


# --------------------------------------------------------------------------------------------- train_step

_COPY = "Whose tensor is weight, and who expects it to be unchanged afterwards?"
_NOTES = "What should autograd take notes of: the convolution and the loss, or the update as well?"
_LEAF = "Which tensor requires grad, and did you make it yourself or compute it from another one?"

UNREDUCED = "implicitly created only for scalar outputs"
IN_PLACE = "a leaf Variable that requires grad"
NO_GRAD = "does not require grad"
NONE = "NoneType"
PARAMETER = "as parameter"


def _in_place(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    gradient, residual = RIGHT.gradient(weight, X, Y)
    with torch.no_grad():
        weight -= lr * gradient
    return weight, float((residual**2).sum())


def _with_graph(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    leaf = weight.detach().clone().requires_grad_()
    new, loss = RIGHT.step(weight, X, Y, lr)
    return leaf + (new - leaf.detach()), loss


def _with_graph_of_the_weight(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    gradient, residual = RIGHT.gradient(weight, X, Y)
    return weight - lr * gradient, float((residual**2).sum())


def _unreduced(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    leaf = weight.detach().clone().requires_grad_()
    loss = (Y - convolution(X, leaf)) ** 2
    loss.backward()
    return leaf.detach() - lr * leaf.grad, loss.sum()  # type: ignore[operator]


def _leaf_in_place(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    leaf = weight.detach().clone().requires_grad_()
    leaf -= lr * RIGHT.gradient(weight, X, Y)[0]
    return leaf, 0.0


def _requires_grad_forgotten(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    loss = ((Y - convolution(X, weight)) ** 2).sum()
    loss.backward()
    return weight.detach() - lr * weight.grad, loss.item()  # type: ignore[operator]


def _model_detached(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    leaf = weight.detach().clone().requires_grad_()
    ((Y - convolution(X, leaf).detach()) ** 2).sum().backward()
    return leaf, 0.0


def _no_leaf(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    return weight - lr * None, 0.0  # type: ignore[operator]


def _stepped(change: Callable[[Tensor, float, Tensor], Any]) -> Function:
    """A right step whose result is changed; the change sees new weight, loss and old weight."""
    return lambda weight, X, Y, lr: change(*RIGHT.step(weight, X, Y, lr), weight.detach().clone())


_ONE_STEP: tuple[tuple[str, Function, str, str], ...] = (
    (
        "weight-changed-in-place",
        _in_place,
        "The caller's weight is changed by the step. It has to be left as it was: work on a copy of your "
        "own.",
        _COPY,
    ),
    (
        "graph-carried-along",
        _with_graph,
        "The new weight still carries the graph of this step. It should have no grad_fn: take the step "
        "without autograd's notes.",
        _NOTES,
    ),
    (
        "graph-of-the-given-weight-carried-along",
        _with_graph_of_the_weight,
        "If the given weight requires grad, the new one carries a graph that leads back to it. It should "
        "have no grad_fn: take the step without autograd's notes.",
        _NOTES,
    ),
    (
        "no-step-taken",
        _stepped(lambda new, loss, old: (old, loss)),
        "The weight that comes back is the one that came in: no step is taken, or its result is lost.",
        "Which name holds the weight after the step, and which one do you return?",
    ),
    (
        "gradient-returned",
        lambda weight, X, Y, lr: (RIGHT.gradient(weight, X, Y)[0], RIGHT.step(weight, X, Y, lr)[1]),
        "The gradient comes back in place of the new weight. The step itself is missing.",
        "How do you get from weight and gradient to the new weight?",
    ),
    (
        "update-returned",
        lambda weight, X, Y, lr: (-lr * RIGHT.gradient(weight, X, Y)[0], RIGHT.step(weight, X, Y, lr)[1]),
        "Only the change comes back, not the new weight: the old weight has to be added to it.",
        "How do you get from weight and gradient to the new weight?",
    ),
    (
        "loss-and-weight-exchanged",
        _stepped(lambda new, loss, old: (loss, new)),
        "The two results are right, but in the wrong order: first the new weight, then the loss.",
        "In which order does the signature name them?",
    ),
    (
        "only-the-weight-returned",
        _stepped(lambda new, loss, old: new),
        "Only the new weight comes back. The loss before the step is asked for as well.",
        "Which two things does the signature promise?",
    ),
    (
        "only-the-loss-returned",
        _stepped(lambda new, loss, old: loss),
        "Only the loss comes back. The new weight is asked for as well: nobody outside can see it otherwise.",
        "Which two things does the signature promise?",
    ),
    (
        "batch-and-channel-axes-left-on",
        _stepped(lambda new, loss, old: (new[None, None], loss)),
        "The new weight has a batch axis and a channel axis in front. It should have the shape of weight.",
        "Which shape did you give the weight for the convolution, and how do you get back?",
    ),
    (
        "always-float32",
        _stepped(lambda new, loss, old: (new.float(), loss)),
        "The new weight is always float32. It should have the dtype of weight.",
        "Which dtype should a float64 weight have after a step?",
    ),
    (
        "always-float64",
        _stepped(lambda new, loss, old: (new.double(), loss)),
        "The new weight is always float64. It should have the dtype of weight.",
        "Which dtype should a float32 weight have after a step?",
    ),
    (
        "loss-not-reduced",
        _unreduced,
        "backward() is called on a tensor of many losses. It needs a single number to start from: sum them "
        "up first.",
        "How many numbers does (Y - Y_hat) ** 2 hold?",
    ),
    (
        "leaf-changed-under-autograd",
        _leaf_in_place,
        "A weight that requires grad is changed in place while autograd takes notes, which it refuses. "
        "Take the step inside with torch.no_grad(), or on a detached copy.",
        _NOTES,
    ),
    (
        "requires-grad-forgotten",
        _requires_grad_forgotten,
        "Nothing requires a gradient unless the given weight does: make a copy of it and call "
        "requires_grad_().",
        _LEAF,
    ),
    (
        "model-detached",
        _model_detached,
        "The loss is not connected with the weight: on the way a result was detached, or a new tensor was "
        "made of numbers.",
        "Is there an .item(), .data, .detach(), numpy or torch.tensor() between weight and loss?",
    ),
    (
        "gradient-is-none",
        _no_leaf,
        "The gradient is None: backward() fills .grad of leaves only, the tensors that were made and not "
        "computed. First detach and clone, then requires_grad_().",
        _LEAF,
    ),
)


def _case(
    seed: int, image: tuple[int, int], kernel: tuple[int, int], dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    size = image[0] - kernel[0] + 1, image[1] - kernel[1] + 1
    weight, X, Y = (
        tensor(*shape, seed=seed + n, dtype=dtype) for n, shape in enumerate((kernel, image, size))
    )
    return weight, X, Y


def _loss(value: Any) -> Any:
    """A loss as a float: whether it is one or a tensor of one is left open."""
    single = isinstance(value, Tensor) and value.dim() == 0
    return float(value) if single or isinstance(value, (int, float)) else value


def _unpacked(value: Any) -> Any:
    """A list as a tuple: both are accepted."""
    return tuple(value[1]) if isinstance(value, tuple) and value[:1] == ("list",) else value


def _bare(value: Any) -> Any:
    """A tensor's numbers alone: a leaf that requires grad is accepted as well."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def _one_step(seed: int, image: tuple[int, int], kernel: tuple[int, int], lr: float, **how: Any) -> Probe:
    weight, X, Y = _case(seed, image, kernel, how.get("dtype", torch.float32))
    weight.requires_grad_(how.get("requires_grad", False))

    def probe(submission: Submission) -> Any:
        reply = plain(submission.ask("train_step", weight, X, Y, lr, return_arguments=True))
        value = _unpacked(reply.value)
        if not isinstance(value, tuple) or len(value) != 2:
            return (_bare(value), reply.arguments)
        graph = isinstance(value[0], Tensor) and facts(value[0]).has_grad_fn
        return (_bare(value[0]), graph, _bare(_loss(value[1])), reply.arguments)

    return telling(probe, UNREDUCED, IN_PLACE, NO_GRAD, NONE, PARAMETER)


# ------------------------------------------------------------------------------------------- learn_kernel

Loop = Callable[[Tensor, Tensor, Tensor, int, float], Any]

_COUNT = "With num_epochs=1: how many steps are taken, and how many losses are there?"
_START = "With lr=0 no step changes anything. Which kernel should come back then?"


def _new_kernel(X: Tensor, kernel_size: Any) -> Tensor:
    return torch.rand(pair(kernel_size), dtype=X.dtype)


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
        return loop(kernel, X, Y, num_epochs, lr)

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


def _init_in_place(
    X: Tensor, Y: Tensor, kernel_size: Any, num_epochs: int = 10, lr: float = 0.03, init: Any = None
) -> Any:
    start = _new_kernel(X, kernel_size) if init is None else init.detach()
    kernel, losses = RIGHT.learn(start, X, Y, num_epochs, lr)
    start.copy_(kernel)
    return start, losses


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


def _parameter_replaced(kernel: Tensor, X: Tensor, Y: Tensor, num_epochs: int, lr: float) -> Any:
    layer = torch.nn.Linear(1, 1)
    losses = []
    for _ in range(num_epochs):
        kernel, loss = RIGHT.step(kernel, X, Y, lr)
        layer.weight = kernel  # type: ignore[assignment]
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
        _learning(start=lambda X, size: torch.rand(pair(size))),
        "Without init the kernel is always float32. It should have the dtype of X.",
        "Which dtype does torch.rand(2, 3) have, and which does X have?",
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
        _init_in_place,
        "The given start is changed by the steps. It has to be left as it was, so that it can be used "
        "again: work on a copy.",
        _COPY,
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
        "parameter-replaced-by-a-tensor",
        _learning(_parameter_replaced),
        "The update puts a plain tensor where the layer keeps a Parameter, which a module refuses. Change "
        "the parameter's numbers instead, inside with torch.no_grad().",
        _NOTES,
    ),
)


def _start_alone(kernel: tuple[int, int], dtype: torch.dtype) -> Probe:
    """What can be said of the start without init, whatever the random numbers are."""
    X = tensor(kernel[0] + 2, kernel[1] + 2, seed=51, dtype=dtype)
    Y = tensor(3, 3, seed=52, dtype=dtype)

    def probe(submission: Submission) -> Any:
        found = []
        for _ in range(2):
            value = plain(submission.ask("learn_kernel", X, Y, kernel, num_epochs=1, lr=0.0)).value
            value = _unpacked(value)
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

    return telling(probe, UNREDUCED, IN_PLACE, NO_GRAD, NONE, PARAMETER)


def _many_steps(
    seed: int,
    image: tuple[int, int],
    kernel: tuple[int, int],
    lr: float,
    epochs: int,
    dtype: torch.dtype = torch.float32,
    size: Any = None,
) -> Probe:
    init, X, Y = _case(seed, image, kernel, dtype)

    def probe(submission: Submission) -> Any:
        options: dict[str, Any] = {"num_epochs": epochs, "init": init}
        still, one, other = (
            plain(
                submission.ask(
                    "learn_kernel", X, Y, size or kernel, return_arguments=True, **{**options, **given}
                )
            )
            for given in ({"lr": 0.0, "num_epochs": 1}, {"lr": lr}, {"lr": lr})
        )
        start, *kernels = (
            value[0] if isinstance(value, tuple) and len(value) == 2 else None
            for value in (_unpacked(reply.value) for reply in (still, one, other))
        )
        if all(isinstance(kernel, Tensor) for kernel in kernels) and not _alike(*kernels):
            # Random numbers come in, from the first kernel or from elsewhere.
            begun = isinstance(start, Tensor) and _alike(start.double(), init.double())
            return "differs from call to call" if begun else "starts elsewhere"
        shown = _shown(one.value)
        return (shown, one.arguments)

    return telling(probe, UNREDUCED, IN_PLACE, NO_GRAD, NONE, PARAMETER)


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _shown(value: Any) -> Any:
    """Kernel and losses, with the losses as floats; a tuple of losses counts as a list."""
    value = _unpacked(value)
    if not isinstance(value, tuple) or len(value) != 2:
        return _bare(value)
    kernel, losses = value
    if isinstance(losses, (list, tuple)):
        losses = [_loss(loss) for loss in losses]
    return (_bare(kernel), _bare(_loss(losses)))


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = (
    *(
        entry("kernel_learning", "train_step", f"step-{name}", _of_step(descent), says, hint)
        for _of_step in (lambda descent: lambda weight, X, Y, lr: descent.step(weight, X, Y, lr),)
        for name, descent, says, hint in _STEPS
    ),
    *(
        entry("kernel_learning", "train_step", f"step-{name}", wrong, says, hint)
        for name, wrong, says, hint in _ONE_STEP
    ),
    *(
        entry("kernel_learning", "learn_kernel", f"learning-{name}", _learning(descent.learn), says, hint)
        for name, descent, says, hint in _STEPS
    ),
    *(
        entry("kernel_learning", "learn_kernel", f"learning-{name}", wrong, says, hint)
        for name, wrong, says, hint in _MANY_STEPS
    ),
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "train_step": (
        _one_step(1, (4, 6), (2, 3), 0.001),
        _one_step(11, (5, 4), (3, 1), 0.002),
        _one_step(21, (3, 3), (2, 2), 0.01, requires_grad=True),
        _one_step(31, (4, 6), (2, 3), 0.001, dtype=torch.float64),
        _one_step(41, (2, 3), (2, 3), 0.002),
    ),
    "learn_kernel": (
        _many_steps(1, (4, 6), (2, 3), 0.0005, 3, torch.float64),
        _many_steps(11, (5, 4), (3, 1), 0.0005, 2),
        _many_steps(21, (4, 4), (2, 2), 0.0005, 4, size=2),
        _many_steps(31, (4, 5), (2, 2), 0.0005, 1),
        _start_alone((31, 32), torch.float32),
        _start_alone((2, 3), torch.float64),
    ),
}

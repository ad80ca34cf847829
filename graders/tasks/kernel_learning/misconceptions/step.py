"""Exercise 2, continued: mistakes about one step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import TRUTH, plain, telling
from graders.diagnosis.written import Function, entry
from graders.testing.expect import facts
from graders.testing.strategies import tensor
from graders.testing.submission import Submission


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
STEPS: tuple[tuple[str, Descent, str, str], ...] = (
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
    (
        "gradient-clipped",
        replace(RIGHT, update=lambda w, g, lr: w - lr * g / max(1.0, float(g.norm()))),
        "A gradient longer than 1 is cut to length 1, as clip_grad_norm_ does it. Gradient descent takes it "
        "as it is.",
        _RATE,
    ),
    (
        "numbers-of-the-gradient-clipped",
        replace(RIGHT, update=lambda w, g, lr: w - lr * g.clamp(-1, 1)),
        "The numbers of the gradient are cut to the range from -1 to 1, as clip_grad_value_ does it. "
        "Gradient descent takes it as it is.",
        _RATE,
    ),
    (
        "same-length-for-every-number",
        replace(RIGHT, update=lambda w, g, lr: w - lr * g.sign()),
        "Every number of the weight moves by lr, however large its slope is: the first step of Adam does "
        "that, and so does the sign of the gradient. Plain gradient descent is weight - lr * gradient.",
        "Should a number with a small slope move as far as one with a large slope?",
    ),
)


# --------------------------------------------------------------------------------------------- train_step

COPY = "Whose tensor is weight, and who expects it to be unchanged afterwards?"
NOTES = "What should autograd take notes of: the convolution and the loss, or the update as well?"
_LEAF = "Which tensor requires grad, and did you make it yourself or compute it from another one?"

# What torch and Python say of these mistakes; an error counts by the one of them that it says.
ERRORS: tuple[str | tuple[str, ...], ...] = (
    TRUTH,
    "non-leaf",
    ("expected scalar type", "should be the same", "same dtype"),
    "must match the size of tensor",
    ("invalid combination of arguments", "must be tuple of ints"),
    "implicitly created only for scalar outputs",
    "a leaf Variable that requires grad",
    "does not require grad",
    "NoneType",
    "as parameter",
)


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


def _no_leaf_if_given(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    return (_no_leaf if weight.requires_grad else RIGHT.step)(weight, X, Y, lr)


def _refused_if_given(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> Any:
    if weight.requires_grad:
        raise ValueError("can't optimize a non-leaf Tensor")
    return RIGHT.step(weight, X, Y, lr)


def _stepped(change: Callable[[Tensor, float, Tensor], Any]) -> Function:
    """A right step whose result is changed; the change sees new weight, loss and old weight."""
    return lambda weight, X, Y, lr: change(*RIGHT.step(weight, X, Y, lr), weight.detach().clone())


_ONE_STEP: tuple[tuple[str, Function, str, str], ...] = (
    (
        "weight-changed-in-place",
        _in_place,
        "The caller's weight is changed by the step. It has to be left as it was: work on a copy of your "
        "own.",
        COPY,
    ),
    (
        "graph-carried-along",
        _with_graph,
        "The new weight still carries the graph of this step. It should have no grad_fn: take the step "
        "without autograd's notes.",
        NOTES,
    ),
    (
        "graph-of-the-given-weight-carried-along",
        _with_graph_of_the_weight,
        "If the given weight requires grad, the new one carries a graph that leads back to it. It should "
        "have no grad_fn: take the step without autograd's notes.",
        NOTES,
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
        "The call of backward() is on a tensor of many losses. It needs a single number to start from: sum "
        "them up first.",
        "How many numbers does (Y - Y_hat) ** 2 hold?",
    ),
    (
        "leaf-changed-under-autograd",
        _leaf_in_place,
        "A weight that requires grad is changed in place while autograd takes notes, which it refuses. "
        "Take the step inside with torch.no_grad(), or on a detached copy.",
        NOTES,
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
    *(
        (
            f"clone-without-detach{name}",
            wrong,
            "If the given weight requires grad, its clone() is no leaf: it was computed, so backward() "
            "leaves no gradient in it and no optimizer takes it. First detach, then clone.",
            "What is the difference between weight.clone() and weight.detach().clone()?",
        )
        for name, wrong in (("", _no_leaf_if_given), ("-for-an-optimizer", _refused_if_given))
    ),
)


def make_case(
    seed: int, image: tuple[int, int], kernel: tuple[int, int], dtype: torch.dtype, small: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, image and wanted result; with `small` numbers that make a gradient shorter than 1."""
    size = image[0] - kernel[0] + 1, image[1] - kernel[1] + 1
    weight, X, Y = (
        tensor(*shape, seed=seed + n, dtype=dtype) for n, shape in enumerate((kernel, image, size))
    )
    return (weight / 32, X / 32, Y / 32) if small else (weight, X, Y)


def as_float(value: Any) -> Any:
    """A loss as a float: whether it is one or a tensor of one is left open."""
    single = isinstance(value, Tensor) and value.dim() == 0
    return float(value) if single or isinstance(value, (int, float)) else value


def unpacked(value: Any) -> Any:
    """A list as a tuple: both are accepted."""
    return tuple(value[1]) if isinstance(value, tuple) and value[:1] == ("list",) else value


def bare(value: Any) -> Any:
    """A tensor's numbers alone: a leaf that requires grad is accepted as well."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def _one_step(seed: int, image: tuple[int, int], kernel: tuple[int, int], lr: float, **how: Any) -> Probe:
    weight, X, Y = make_case(seed, image, kernel, how.get("dtype", torch.float32), how.get("small", False))
    weight.requires_grad_(how.get("requires_grad", False))

    def probe(submission: Submission) -> Any:
        reply = plain(submission.ask("train_step", weight, X, Y, lr, return_arguments=True))
        value = unpacked(reply.value)
        if not isinstance(value, tuple) or len(value) != 2:
            return (bare(value), reply.arguments)
        graph = isinstance(value[0], Tensor) and facts(value[0]).has_grad_fn
        return (bare(value[0]), graph, bare(as_float(value[1])), reply.arguments)

    return telling(probe, *ERRORS)


# ---------------------------------------------------------------------------------------- entries, probes


def _of(descent: Descent) -> Function:
    return lambda weight, X, Y, lr: descent.step(weight, X, Y, lr)


ENTRIES = tuple(
    entry("kernel_learning", "train_step", f"step-{name}", wrong, says, hint)
    for name, wrong, says, hint in (
        *((name, _of(descent), says, hint) for name, descent, says, hint in STEPS),
        *_ONE_STEP,
    )
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "train_step": (
        _one_step(1, (4, 6), (2, 3), 0.001),
        _one_step(11, (5, 4), (3, 1), 0.002),
        _one_step(21, (3, 3), (2, 2), 0.01, requires_grad=True),
        _one_step(31, (4, 6), (2, 3), 0.001, dtype=torch.float64),
        _one_step(41, (2, 3), (2, 3), 0.002),
        _one_step(51, (3, 3), (2, 2), 0.25, small=True),
        _one_step(61, (3, 3), (2, 2), 0.25),
    ),
}

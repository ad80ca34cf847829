"""What goes wrong in one step of gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Call, Slip, Slips, after, step
from graders.tasks.convolutions import Convolution

# --------------------------------------------------------------------------------------- one step of descent

Loss = Callable[[Tensor], Tensor]


class Descent(Call):
    """How a step is made: the model, the loss of the residual, the update, and what is reported."""

    late: bool = False
    """Whether the loss reported is that after the step."""

    @step
    def model(self) -> Callable[[Tensor, Tensor], Tensor]:
        return lambda X, K: Convolution(X=X, K=K).answer()  # type: ignore[no-any-return]

    @step
    def loss(self) -> Loss:
        return lambda residual: (residual**2).sum()

    @step
    def reported(self) -> Loss:
        return self.loss

    @step
    def update(self) -> Callable[[Tensor, Tensor, float], Tensor]:
        return lambda weight, gradient, lr: weight - lr * gradient

    def gradient(self, weight: Tensor, X: Tensor, Y: Tensor) -> tuple[Tensor, Tensor]:
        """The gradient, and the residual."""
        leaf = weight.detach().clone().requires_grad_()
        residual = Y.detach() - self.model(X.detach(), leaf)
        (gradient,) = torch.autograd.grad(self.loss(residual), leaf)
        return gradient, residual.detach()

    def step(self, weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
        """The new weight and the loss."""
        gradient, residual = self.gradient(weight, X, Y)
        new = self.update(weight.detach(), gradient, lr)
        residual = Y.detach() - self.model(X.detach(), new) if self.late else residual
        return new, float(self.reported(residual))


def losing(loss: Loss) -> Slip:
    return lambda descent: descent.but(loss=loss)


def updating(update: Callable[[Tensor, Tensor, float], Tensor]) -> Slip:
    return lambda descent: descent.but(update=update)


def of_turned_kernels(descent: Descent) -> Descent:
    right = descent.model
    return descent.but(model=lambda X, K: right(X, K.flip(0, 1)))


# What one step does differently; many steps are wrong in the same way.
DESCENTS: Slips = {
    "ascent": updating(lambda w, g, lr: w + lr * g),
    "mean-loss": losing(lambda r: (r**2).mean()),
    "mean-loss-reported": lambda descent: descent.but(reported=lambda r: (r**2).mean()),
    "step-along-the-mean": lambda descent: descent.but(loss=lambda r: (r**2).mean(), reported=descent.loss),
    "half-the-loss": losing(lambda r: (r**2).sum() / 2),
    "half-the-gradient": updating(lambda w, g, lr: w - lr * g / 2),
    "absolute-errors": losing(lambda r: r.abs().sum()),
    "root-of-the-loss": losing(lambda r: (r**2).sum().sqrt()),
    "sum-squared": losing(lambda r: r.sum() ** 2),
    "errors-not-squared": losing(lambda r: r.sum()),
    "loss-after-the-step": lambda descent: descent.but(late=True),
    "rate-left-out": updating(lambda w, g, lr: w - g),
    "rate-of-its-own": updating(lambda w, g, lr: w - 0.03 * g),
    "rate-ten-times-too-large": updating(lambda w, g, lr: w - 10 * lr * g),
    "rate-ten-times-too-small": updating(lambda w, g, lr: w - lr / 10 * g),
    "kernel-flipped": of_turned_kernels,
    "gradient-reversed": updating(lambda w, g, lr: w - lr * g.flip(0, 1)),
    "gradient-normalised": updating(lambda w, g, lr: w - lr * g / g.norm()),
    "gradient-clipped": updating(lambda w, g, lr: w - lr * g / max(1.0, float(g.norm()))),
    "numbers-of-the-gradient-clipped": updating(lambda w, g, lr: w - lr * g.clamp(-1, 1)),
    "same-length-for-every-number": updating(lambda w, g, lr: w - lr * g.sign()),
}


def within(slip: Slip) -> Slip:
    """A slip in the descent of a step, or of many."""
    return lambda a: a.but(descent=slip(a.descent))


# ------------------------------------------------------------------------------------------------ train_step


class TrainStep(Call):
    """One step, from the caller's weight."""

    weight: Tensor
    X: Tensor
    Y: Tensor
    lr: float
    descent: Descent = Descent()

    @property
    def given(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.weight, self.X, self.Y

    @property
    def gradient(self) -> Tensor:
        return self.descent.gradient(*self.given)[0]

    @property
    def leaf(self) -> Tensor:
        """A copy that requires grad."""
        return self.weight.detach().clone().requires_grad_()

    @step
    def result(self) -> Any:
        return self.descent.step(*self.given, self.lr)


def new_weight(make: Callable[[TrainStep, Tensor], Any]) -> Slip:
    """Another new weight; it is told the right one."""
    return lambda a: a.but(result=(lambda new, loss: (make(a, new), loss))(*a.result))


def in_place(a: TrainStep, new: Tensor) -> Tensor:
    with torch.no_grad():
        a.weight.copy_(new)
    return a.weight


def graph_carried_along(a: TrainStep, new: Tensor) -> Tensor:
    leaf = a.leaf
    return leaf + (new - leaf.detach())


def unreduced(a: TrainStep) -> Any:
    leaf = a.leaf
    losses = (a.Y - a.descent.model(a.X, leaf)) ** 2
    losses.backward()  # type: ignore[no-untyped-call]
    return a.but(result=(leaf.detach() - a.lr * leaf.grad, losses.sum()))  # type: ignore[operator]


def leaf_in_place(a: TrainStep) -> Any:
    leaf = a.leaf
    leaf -= a.lr * a.gradient


def without_a_leaf(a: TrainStep) -> Any:
    weight = a.weight
    ((a.Y - a.descent.model(a.X, weight)) ** 2).sum().backward()  # type: ignore[no-untyped-call]
    return a.but(result=(weight.detach() - a.lr * weight.grad, a.result[1]))  # type: ignore[operator]


def model_detached(a: TrainStep) -> Any:
    ((a.Y - a.descent.model(a.X, a.leaf).detach()) ** 2).sum().backward()  # type: ignore[no-untyped-call]


def of_no_leaf(a: TrainStep) -> Any:
    return a.weight - a.lr * None  # type: ignore[operator]


def refused_by_an_optimizer(a: TrainStep) -> Any:
    raise ValueError("can't optimize a non-leaf Tensor")


def if_given(slip: Slip) -> Slip:
    """Only where the given weight requires grad."""
    return lambda a: slip(a) if a.weight.requires_grad else a


ONE_STEP: Slips = {
    "weight-changed-in-place": new_weight(in_place),
    "graph-carried-along": new_weight(graph_carried_along),
    "graph-of-the-given-weight-carried-along": new_weight(lambda a, new: a.weight - a.lr * a.gradient),
    "no-step-taken": new_weight(lambda a, new: a.weight.detach().clone()),
    "gradient-returned": new_weight(lambda a, new: a.gradient),
    "update-returned": new_weight(lambda a, new: -a.lr * a.gradient),
    # These end in an error.
    "loss-not-reduced": unreduced,
    "leaf-changed-under-autograd": leaf_in_place,
    "requires-grad-forgotten": without_a_leaf,
    "model-detached": model_detached,
    "gradient-is-none": of_no_leaf,
    "clone-without-detach": if_given(of_no_leaf),
    "clone-without-detach-for-an-optimizer": if_given(refused_by_an_optimizer),
}


def first_of_two(change: Callable[[Any], Any]) -> Slip:
    """The new weight, or the learned kernel, is changed at the end."""
    return after(lambda two: (change(two[0]), two[1]))


OF_STEPS: Slips = {
    "loss-and-weight-exchanged": after(lambda two: (two[1], two[0])),
    "only-the-weight-returned": after(lambda two: two[0]),
    "only-the-loss-returned": after(lambda two: two[1]),
    "batch-and-channel-axes-left-on": first_of_two(lambda weight: weight[None, None]),
    "always-float32": first_of_two(lambda weight: weight.float()),
    "always-float64": first_of_two(lambda weight: weight.double()),
}

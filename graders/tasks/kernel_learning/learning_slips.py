"""What goes wrong in many steps of gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Call, Slip, Slips, after, found, step
from graders.tasks.windows import pair

from .step_slips import OF_STEPS, Descent


class Learning(Call):
    """Many steps, from a start."""

    X: Tensor
    Y: Tensor
    kernel_size: Any
    num_epochs: int = 10
    lr: float | None = None
    init: Tensor | None = None
    descent: Descent = Descent()

    @step
    def rate(self) -> float:
        return 0.03 if self.lr is None else self.lr

    @step
    def size(self) -> Any:
        return pair(self.kernel_size)

    @step
    def draw(self) -> Callable[[], Tensor]:
        """A start where none is given."""
        return lambda: torch.rand(self.size, dtype=self.X.dtype)

    @step
    def take(self) -> Callable[[Tensor], Tensor]:
        """What is made of the start that is given."""
        return lambda init: init.detach().clone()

    @step
    def start(self) -> Tensor:
        return self.draw() if self.init is None else self.take(self.init)

    @step
    def loop(self) -> Callable[[Learning], tuple[Any, Any]]:
        return one_after_another

    @step
    def result(self) -> Any:
        return self.loop(self)

    def step(self, kernel: Tensor) -> tuple[Tensor, float]:
        """One step, and the loss."""
        return self.descent.step(kernel, self.X, self.Y, self.rate)


def one_after_another(a: Learning) -> tuple[Tensor, list[float]]:
    kernel, losses = a.start, []
    for _ in range(a.num_epochs):
        kernel, loss = a.step(kernel)
        losses.append(loss)
    return kernel, losses


def remembering(direction: Callable[[dict[str, Any], Tensor, int], Tensor]) -> Slip:
    """A loop in which steps depend on the gradients before; each has a memory of its own."""

    def loop(a: Learning) -> tuple[Tensor, list[float]]:
        kernel, losses = a.start, []
        memory: dict[str, Any] = {"total": torch.zeros_like(kernel), "squares": torch.zeros_like(kernel)}
        for epoch in range(1, a.num_epochs + 1):
            gradient, residual = a.descent.gradient(kernel, a.X, a.Y)
            kernel = a.descent.update(kernel, direction(memory, gradient, epoch), a.rate)
            losses.append(float(a.descent.reported(residual)))
        return kernel, losses

    return lambda a: a.but(loop=loop)


def accumulated(memory: dict[str, Any], gradient: Tensor, epoch: int) -> Tensor:
    memory["total"] = memory["total"] + gradient
    return memory["total"]  # type: ignore[no-any-return]


def momentum(memory: dict[str, Any], gradient: Tensor, epoch: int) -> Tensor:
    memory["total"] = 0.9 * memory["total"] + gradient
    return memory["total"]  # type: ignore[no-any-return]


def adam(memory: dict[str, Any], gradient: Tensor, epoch: int) -> Tensor:
    memory["total"] = 0.9 * memory["total"] + 0.1 * gradient
    memory["squares"] = 0.999 * memory["squares"] + 0.001 * gradient**2
    scale = (memory["squares"] / (1 - 0.999**epoch)).sqrt() + 1e-8
    return memory["total"] / (1 - 0.9**epoch) / scale  # type: ignore[no-any-return]


def always_from_the_start(a: Learning) -> tuple[Tensor, list[float]]:
    steps = [a.step(a.start)] * a.num_epochs
    return (steps[-1][0] if steps else a.start), [loss for _, loss in steps]


def kernel_of_the_epoch_before(a: Learning) -> tuple[Tensor, list[float]]:
    losses = one_after_another(a)[1]
    return one_after_another(a.but(num_epochs=max(a.num_epochs - 1, 0)))[0], losses


def with_a_bias(begun: Callable[[], Tensor], learned: bool) -> Slip:
    """A layer with a bias, which is learned as well or never updated."""

    def loop(a: Learning) -> tuple[Tensor, list[float]]:
        kernel, bias, losses = a.start, begun().to(a.X.dtype), []
        for _ in range(a.num_epochs):
            gradient, residual = a.descent.gradient(kernel, a.X, a.Y - bias)
            kernel = a.descent.update(kernel, gradient, a.rate)
            bias = bias + a.rate * 2 * residual.sum() if learned else bias
            losses.append(float(a.descent.reported(residual)))
        return kernel, losses

    return lambda a: a.but(loop=loop)


def parameter_replaced(a: Learning) -> tuple[Tensor, list[float]]:
    layer = torch.nn.Linear(1, 1)
    kernel, losses = one_after_another(a)
    layer.weight = kernel  # type: ignore[assignment]
    return kernel, losses


def loss_at_the_end_too(a: Learning) -> Learning:
    return a.then(lambda two: (two[0], [*two[1], a.step(two[0])[1]]))


def init_changed(a: Learning) -> Any:
    def changed(two: Any) -> Any:
        if a.init is not None:
            a.init.detach().copy_(two[0])
        return two

    return a.then(changed)


def from_one_start(a: Learning) -> Any:
    """A random start is drawn once in a call."""
    return a.but(start=a.start)


def looping(loop: Callable[[Learning], tuple[Any, Any]]) -> Slip:
    return lambda a: from_one_start(a).but(loop=loop)


def of_losses(change: Callable[[list[float]], Any]) -> Slip:
    return after(lambda two: (two[0], change(two[1])))


def drawn(draw: Callable[[Any, torch.dtype], Tensor]) -> Slip:
    return lambda a: a.but(draw=lambda: draw(a.size, a.X.dtype))


def refused_for_float64(a: Learning) -> Learning:
    def draw() -> Tensor:
        if a.X.dtype != torch.float32:
            raise RuntimeError("expected scalar type")
        return torch.rand(a.size)

    return a.but(draw=draw)


def pair_demanded(a: Learning) -> Learning:
    kh, kw = a.kernel_size
    return a.but(size=(kh, kw))


def by_default(rate: float) -> Slip:
    return lambda a: a.but(rate=rate if a.lr is None else a.lr)


MANY_STEPS: Slips = {
    "gradients-accumulate": remembering(accumulated),
    "always-from-the-start": looping(always_from_the_start),
    "last-step-lost": looping(kernel_of_the_epoch_before),
    "bias-learned-too": with_a_bias(lambda: torch.zeros(1), learned=True),
    "layer-with-a-bias": with_a_bias(lambda: torch.rand(1) - 0.5, learned=False),
    "momentum-added": remembering(momentum),
    "adam-instead-of-descent": remembering(adam),
    "one-epoch-too-many": lambda a: a.but(num_epochs=a.num_epochs + 1),
    "one-epoch-too-few": lambda a: a.but(num_epochs=max(a.num_epochs - 1, 0)),
    "loss-at-the-end-too": loss_at_the_end_too,
    "first-loss-missing": of_losses(lambda losses: losses[1:]),
    "last-loss-missing": of_losses(lambda losses: losses[:-1]),
    "last-loss-only": of_losses(lambda losses: losses[-1] if losses else 0.0),
    "last-loss-only-in-a-list": of_losses(lambda losses: losses[-1:]),
    "losses-as-a-tensor": of_losses(torch.tensor),
    "every-other-loss": of_losses(lambda losses: losses[1::2]),
    "losses-and-kernel-exchanged": after(lambda two: (two[1], two[0])),
    "only-the-kernel-returned": after(lambda two: two[0]),
    "only-the-losses-returned": after(lambda two: two[1]),
    "batch-and-channel-axes-left-on": OF_STEPS["batch-and-channel-axes-left-on"],
    "always-float32": lambda a: a.but(start=a.start.float()),
    "epochs-of-its-own": lambda a: a.but(num_epochs=10),
    "init-ignored": lambda a: a.but(init=None),
    "init-changed": init_changed,
    "start-from-the-normal-distribution": drawn(lambda size, dtype: torch.randn(size, dtype=dtype)),
    "start-around-zero": drawn(lambda size, dtype: torch.rand(size, dtype=dtype) - 0.5),
    "start-at-zero": drawn(lambda size, dtype: torch.zeros(size, dtype=dtype)),
    "start-at-one": drawn(lambda size, dtype: torch.ones(size, dtype=dtype)),
    "start-always-the-same": drawn(
        lambda size, dtype: torch.rand(size, dtype=dtype, generator=torch.Generator().manual_seed(0))
    ),
    "kernel-height-and-width-exchanged": found(size=lambda a: a.size[::-1]),
    "pair-demanded": pair_demanded,
    "init-asked-for-its-truth": lambda a: a.but(take=lambda init: init.detach().clone() if init else init),
    "pair-refused-for-the-start": lambda a: a.but(
        draw=lambda: torch.rand(a.kernel_size, a.kernel_size, dtype=a.X.dtype)
    ),
    **{f"rate-{rate}-by-default".replace(".", "-"): by_default(rate) for rate in (0.3, 0.1, 0.01, 0.003)},
    "parameter-replaced-by-a-tensor": lambda a: a.but(loop=parameter_replaced),
}

# What is met together with any other mistake.
STARTS: Slips = {
    "start-always-float32": lambda a: a.but(draw=lambda: torch.rand(a.size)),
    "start-refused-for-float64": refused_for_float64,
}


def learn_kernel(slip: Slip) -> Callable[..., Any]:
    def learn(X: Tensor, Y: Tensor, kernel_size: Any, *order: Any, **named: Any) -> Any:
        given = {**dict(zip(("num_epochs", "lr", "init"), order, strict=False)), **named}
        return slip(Learning(X=X, Y=Y, kernel_size=kernel_size, **given)).answer()

    return learn

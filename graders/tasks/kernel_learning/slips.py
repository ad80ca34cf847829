"""What goes wrong in exercise 2, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Call, Pipeline, Slip, Slips, after, step
from graders.tasks.convolutions import Convolution
from graders.tasks.windows import HABITS, pair

from .probes import PROBES


def found(**steps: Callable[[Any], Any]) -> Slip:
    """Something is found in another way."""
    return lambda a: a.but(**{name: make(a) for name, make in steps.items()})


LISTS: Slips = {name: HABITS[name] for name in ("list-of-numbers-returned", "numpy-array-returned")}
AXES: Slips = {"batch-and-channel-axes-left-on": after(lambda X: X[None, None])}

# --------------------------------------------------------------------------------------------- edge_image


class Image(Call):
    """White, with a black stripe."""

    height: int
    width: int
    left: int
    right: int

    @step
    def rows(self) -> slice:
        return slice(None)

    @step
    def columns(self) -> Any:
        """Those of the stripe."""
        return slice(self.left, self.right)

    @step
    def result(self) -> Tensor:
        X = torch.ones(self.height, self.width)
        X[self.rows, self.columns] = 0
        return X


def columns(of: Callable[[int, int], Any]) -> Slip:
    return lambda a: a.but(columns=of(a.left, a.right))


IMAGES: Slips = {
    "rows-blackened": lambda a: a.but(rows=a.columns, columns=slice(None)),
    "square-blackened": lambda a: a.but(rows=a.columns),
    "right-end-included": columns(lambda left, right: slice(left, right + 1)),
    "right-end-one-too-early": columns(lambda left, right: slice(left, right - 1)),
    "left-end-excluded": columns(lambda left, right: slice(left + 1, right)),
    "columns-counted-from-one": columns(lambda left, right: slice(max(left - 1, 0), max(right - 1, 0))),
    "right-as-a-width": columns(lambda left, right: slice(left, left + right)),
    "right-counted-from-the-end": columns(lambda left, right: slice(left, -left)),
    "stripe-forgotten": columns(lambda left, right: []),
    "everything-black": columns(lambda left, right: slice(None)),
    "white-stripe-on-black": after(lambda X: 1 - X),
    "only-the-edges-black": columns(lambda left, right: [left, right - 1]),
    "only-the-columns-left-and-right-black": columns(lambda left, right: [left, right]),
    "height-and-width-exchanged": lambda a: a.but(height=a.width, width=a.height),
    "always-the-default-image": lambda a: a.but(height=6, width=8, columns=slice(2, 6)),
    "columns-always-two-to-six": columns(lambda left, right: slice(2, 6)),
}

OF_IMAGES: Slips = {
    "float64-image": after(lambda X: X.double()),
    "image-of-whole-numbers": after(lambda X: X.long()),
    "image-of-truth-values": after(lambda X: X.bool()),
    **AXES,
    **LISTS,
}


def edge_image(slip: Slip) -> Callable[..., Any]:
    def image(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Any:
        return slip(Image(height=height, width=width, left=left, right=right)).answer()

    return image


# ------------------------------------------------------------------------------------------ max_stable_lr


def windows(X: Tensor, size: tuple[int, int]) -> Tensor:
    """One window a row."""
    kh, kw = size
    return X.double().unfold(0, kh, 1).unfold(1, kw, 1).reshape(-1, kh * kw)


class Limit(Call):
    """The rate above which descent diverges."""

    X: Tensor
    kernel_size: Any

    @step
    def size(self) -> tuple[int, int]:
        return pair(self.kernel_size)

    @step
    def A(self) -> Tensor:
        return windows(self.X, self.size)

    @step
    def curvatures(self) -> Tensor:
        """The eigenvalues of the Hessian, in order."""
        found: Tensor = 2 * torch.linalg.eigvalsh(self.A.T @ self.A)
        return found

    @step
    def limit(self) -> Any:
        return 2 / self.curvatures[-1]

    @step
    def result(self) -> float:
        return float(self.limit)


LIMITS: Slips = {
    "one-over-the-eigenvalue": found(limit=lambda a: 1 / a.curvatures[-1]),
    "two-of-the-square-forgotten": found(limit=lambda a: 4 / a.curvatures[-1]),
    "smallest-eigenvalue": found(limit=lambda a: 2 / a.curvatures[0]),
    "trace-for-the-eigenvalue": found(limit=lambda a: 2 / a.curvatures.sum()),
    "norm-for-the-eigenvalue": found(limit=lambda a: 2 / a.curvatures.norm()),
    "mean-eigenvalue": found(limit=lambda a: 2 / a.curvatures.mean()),
    "singular-value-not-squared": found(limit=lambda a: 1 / torch.linalg.svdvals(a.A)[0]),
    "mean-loss": found(limit=lambda a: len(a.A) * a.limit),
    "eigenvalue-returned": found(limit=lambda a: a.curvatures[-1]),
    "half-the-eigenvalue-returned": found(limit=lambda a: a.curvatures[-1] / 2),
    "always-one-thirtieth": found(limit=lambda a: 1 / 30),
    "always-three-hundredths": found(limit=lambda a: 0.03),
    "kernel-height-and-width-exchanged": found(size=lambda a: a.size[::-1]),
    "pixels-for-windows": found(limit=lambda a: 1 / (a.X.double() ** 2).sum()),
}

# ------------------------------------------------------------------------------------- closed_form_kernel


class ClosedForm(Call):
    """The best kernel, in one solve."""

    X: Tensor
    Y: Tensor
    kernel_size: Any

    @step
    def size(self) -> tuple[int, int]:
        return pair(self.kernel_size)

    @step
    def solve(self) -> Callable[[Tensor, Tensor], Tensor]:
        """From windows and wanted results."""
        return lambda A, y: torch.linalg.pinv(A, rtol=max(A.shape) * torch.finfo(torch.float32).eps) @ y

    @step
    def fold(self) -> tuple[int, int]:
        """The shape of the kernel."""
        return self.size

    @step
    def result(self) -> Tensor:
        numbers = self.solve(windows(self.X, self.size), self.Y.double().flatten())
        return numbers.reshape(self.fold).to(torch.result_type(self.X, self.Y))


def solving(solve: Callable[[Tensor, Tensor], Tensor]) -> Slip:
    return lambda a: a.but(solve=solve)


def ridge(A: Tensor, y: Tensor) -> Tensor:
    solution: Tensor = torch.linalg.solve(A.T @ A + torch.eye(A.shape[1], dtype=A.dtype), A.T @ y)
    return solution


KERNELS: Slips = {
    "inverse-of-the-normal-equations": solving(lambda A, y: torch.linalg.solve(A.T @ A, A.T @ y)),
    "ridge-added": solving(ridge),
    "projection-not-solved": solving(lambda A, y: A.T @ y),
    "kernel-flipped": after(lambda kernel: kernel.flip(0, 1)),
    "kernel-transposed": after(lambda kernel: kernel.mT),
    "kernel-folded-with-width-first": found(fold=lambda a: a.size[::-1]),
    "negative-kernel": after(lambda kernel: -kernel),
}

OF_KERNELS: Slips = {
    "kernel-left-flat": after(lambda kernel: kernel.flatten()),
    "kernel-left-as-a-column": after(lambda kernel: kernel.reshape(-1, 1)),
    **AXES,
    "always-float64": after(lambda kernel: kernel.double()),
    "always-float32": HABITS["always-float32"],
}

# ------------------------------------------------------------------------------------- one step of descent

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


# --------------------------------------------------------------------------------------------- train_step


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

# ------------------------------------------------------------------------------------------- learn_kernel


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


# ----------------------------------------------------------------------------------------------- pipelines

PIPELINES = (
    Pipeline("edge_image", edge_image, IMAGES, PROBES["edge_image"], OF_IMAGES),
    Pipeline(
        "max_stable_lr",
        lambda slip: lambda X, kernel_size: slip(Limit(X=X, kernel_size=kernel_size)).answer(),
        LIMITS,
        PROBES["max_stable_lr"],
    ),
    Pipeline(
        "closed_form_kernel",
        lambda slip: lambda X, Y, kernel_size: slip(ClosedForm(X=X, Y=Y, kernel_size=kernel_size)).answer(),
        KERNELS,
        PROBES["closed_form_kernel"],
        OF_KERNELS,
    ),
    Pipeline(
        "train_step",
        lambda slip: lambda weight, X, Y, lr: slip(TrainStep(weight=weight, X=X, Y=Y, lr=lr)).answer(),
        {**{name: within(slip) for name, slip in DESCENTS.items()}, **ONE_STEP},
        PROBES["train_step"],
        OF_STEPS,
    ),
    Pipeline(
        "learn_kernel",
        learn_kernel,
        {**{name: within(slip) for name, slip in DESCENTS.items()}, **MANY_STEPS},
        PROBES["learn_kernel"],
        STARTS,
    ),
)

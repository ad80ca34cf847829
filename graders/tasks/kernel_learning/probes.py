"""The questions by which answers to the tasks of exercise 2 are told apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import TRUTH, plain, telling, value_of
from graders.tasks.convolutions import Convolution
from graders.testing.expect import facts
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

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


def _number(X: Tensor, kernel_size: Any) -> Probe:
    """The limit as a float, whether it came as one or as a tensor of one element."""

    def probe(submission: Submission) -> Any:
        found = plain(submission.ask("max_stable_lr", X, kernel_size)).value
        return float(found) if isinstance(found, Tensor) and found.numel() == 1 else found

    return probe


def _kernel(X: Tensor, Y: Tensor, kernel_size: Any) -> Probe:
    def probe(submission: Submission) -> Any:
        return plain(submission.ask("closed_form_kernel", X, Y, kernel_size, return_arguments=True))

    return telling(probe, "singular")


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


def _striped(dtype: torch.dtype) -> Tensor:
    """The image of the exercise."""
    X = torch.ones(6, 8, dtype=dtype)
    X[:, 2:6] = 0
    return X


_INIT = torch.tensor([[0.75, -0.25]], dtype=torch.float64)
_STRIPED, _IN_FLOAT64 = _striped(torch.float32), _striped(torch.float64)

PROBES: dict[str, tuple[Probe, ...]] = {
    "edge_image": (
        value_of("edge_image"),
        *(
            value_of("edge_image", *sizes)
            for sizes in ((4, 7, 1, 3), (7, 4, 2, 3), (8, 8, 3, 5), (9, 9, 2, 6))
        ),
        value_of("edge_image", height=3, width=5, left=0, right=3),
        value_of("edge_image", width=9, left=1),
    ),
    "max_stable_lr": (
        _number(_STRIPED, (1, 2)),
        _number(tensor(4, 6, seed=1), (2, 3)),
        _number(tensor(6, 3, seed=2), (3, 1)),
        _number(tensor(5, 5, seed=3), (2, 2)),
        _number(tensor(3, 4, seed=4), (1, 1)),
    ),
    "closed_form_kernel": (
        _kernel(_STRIPED, Convolution(X=_STRIPED, K=torch.tensor([[1.0, -1.0]])).answer(), (1, 2)),
        _kernel(tensor(6, 8, seed=1), tensor(5, 6, seed=2), (2, 3)),
        _kernel(tensor(9, 5, seed=3), tensor(7, 5, seed=4), (3, 1)),
        _kernel(tensor(7, 7, seed=5), tensor(6, 6, seed=6), (2, 2)),
        _kernel(tensor(6, 8, seed=1, dtype=torch.float64), tensor(5, 6, seed=2, dtype=torch.float64), (2, 3)),
        _kernel(torch.ones(6, 8), tensor(6, 7, seed=7), (1, 2)),
    ),
    "train_step": (
        _one_step(1, (4, 6), (2, 3), 0.001),
        _one_step(11, (5, 4), (3, 1), 0.002),
        _one_step(21, (3, 3), (2, 2), 0.01, requires_grad=True),
        _one_step(31, (4, 6), (2, 3), 0.001, dtype=torch.float64),
        _one_step(41, (2, 3), (2, 3), 0.002),
        _one_step(51, (3, 3), (2, 2), 0.25, small=True),
        _one_step(61, (3, 3), (2, 2), 0.25),
    ),
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
        _learned(_INIT, _IN_FLOAT64, Convolution(X=_IN_FLOAT64, K=-2 * _INIT.flip(1)).answer(), (1, 2), {}),
    ),
}

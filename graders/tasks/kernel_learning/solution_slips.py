"""What goes wrong with the image, and with what is found without steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Call, Slip, Slips, after, found, step
from graders.tasks.windows import HABITS, pair

# ------------------------------------------------------------------------------------------------ edge_image

LISTS: Slips = {name: HABITS[name] for name in ("list-of-numbers-returned", "numpy-array-returned")}
AXES: Slips = {"batch-and-channel-axes-left-on": after(lambda X: X[None, None])}


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


# --------------------------------------------------------------------------------------------- max_stable_lr


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


# ---------------------------------------------------------------------------------------- closed_form_kernel


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

"""Questions to the convolutions of exercise 1, expected results, and how answers are compared with them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.testing import tolerance
from graders.testing.expect import references_agree
from solutions import conv2d as reference

# (H, W), (kh, kw): rectangular both ways, 1×1, a kernel that fills the image, one axis filled, one row.
SHAPES = (
    ((3, 5), (2, 3)),
    ((6, 4), (2, 1)),
    ((4, 7), (3, 2)),
    ((1, 1), (1, 1)),
    ((4, 3), (4, 3)),
    ((5, 3), (2, 3)),
    ((1, 6), (1, 2)),
    ((5, 5), (3, 3)),
)

# Shapes common in examples and first attempts, with different numbers in them.
SMALL = (
    ((3, 3), (2, 2)),
    ((6, 8), (1, 2)),
    ((8, 6), (1, 2)),
    ((8, 6), (2, 1)),
    ((2, 2), (1, 1)),
    ((2, 2), (2, 2)),
    ((2, 3), (1, 2)),
    ((3, 3), (1, 1)),
    ((3, 3), (3, 3)),
    ((3, 4), (2, 2)),
    ((4, 4), (2, 2)),
    ((4, 4), (3, 3)),
    ((5, 5), (2, 2)),
)


def expected(
    X: Tensor, K: Tensor, dtype: torch.dtype = torch.float32, *, asks_reference: bool = True
) -> tuple[Tensor, Tensor]:
    """The right result in float64, and how far a result computed in `dtype` may be off."""
    X, K = X.detach().double(), K.detach().double()
    right = F.conv2d(X[None, None], K[None, None])[0, 0]
    absolute = F.conv2d(X.abs()[None, None], K.abs()[None, None])[0, 0]
    if asks_reference:
        bound = tolerance.products(absolute, K.numel(), torch.float64)
        references_agree(reference.conv2d(X, K), right, bound)
    norm = X.norm() * K.norm()
    return right, tolerance.products(absolute, K.numel(), dtype, norm)


def expected_gradients(
    X: Tensor, K: Tensor, upstream: Tensor, dtype: torch.dtype = torch.float32
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of `(conv2d(X, K) * upstream).sum()` with their bounds, by name."""

    def gradients(image: Tensor, kernel: Tensor, above: Tensor) -> tuple[Tensor, Tensor]:
        image, kernel = image.detach().double().requires_grad_(), kernel.detach().double().requires_grad_()
        result = F.conv2d(image[None, None], kernel[None, None])[0, 0]
        grad_X, grad_K = torch.autograd.grad(result, (image, kernel), above.double())
        return grad_X, grad_K

    right, absolute = gradients(X, K, upstream), gradients(X.abs(), K.abs(), upstream.abs())
    norms = (
        upstream.double().norm() * K.detach().double().norm(),
        upstream.double().norm() * X.detach().double().norm(),
    )
    terms = (K.numel(), upstream.numel())
    bounds = [
        tolerance.products(a, n, dtype, norm) for a, n, norm in zip(absolute, terms, norms, strict=True)
    ]
    return dict(zip("XK", right, strict=True)), dict(zip("XK", bounds, strict=True))

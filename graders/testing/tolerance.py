"""How far a right answer may be from the float64 reference: bounds that are derived, not chosen.

A sum of n products, computed in any order with unit roundoff u, differs from the exact sum by at most
γ_n · Σ|x·k| with γ_n = n·u / (1 - n·u) (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed.,
section 3.1). For long sums, whose rounding errors partly cancel, a probabilistic bound of order sqrt(n)·u
(Higham and Mary, 2019) holds at eight standard deviations, so the smaller of the two is used. The error of a
transform-based algorithm (FFT, Winograd) is relative to the norms of its operands, not to each output
(Higham, chapter 24); the term 8·u·‖X‖·‖K‖ allows for it. `products` derives each factor where it is used.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

UNIT_ROUNDOFF = {
    torch.float64: 2.0**-53,
    torch.float32: 2.0**-24,
    torch.float16: 2.0**-11,
    torch.bfloat16: 2.0**-8,
}


def products(absolute: Tensor, terms: int, dtype: torch.dtype, norm: Tensor | float = 0.0) -> Tensor:
    """The bound for sums of `terms` products.

    Args:
        absolute: the same sums over absolute values, in float64; it has the shape of the result.
        terms: how many products each sum has (one more with a bias).
        dtype: the dtype the answer was computed in.
        norm: the product of the operands' Euclidean norms, which makes room for transform-based algorithms.
    """
    unit = UNIT_ROUNDOFF[dtype]
    # Each term goes through at most terms + 1 roundings: converting the operand of a finer dtype, the
    # product, and terms - 1 additions. So the error is at most γ_(terms+1) · Σ|x·k|, whatever the order.
    growth = (terms + 1) * unit / (1 - (terms + 1) * unit)
    # If the roundings are independent with mean zero, λ·sqrt(n)·u replaces n·u, and is exceeded with a
    # probability below 2n·exp(-λ²/2). With λ = 8 that is n·3e-14. It is the smaller bound once 8·sqrt(n) < n.
    if terms > 64:
        growth = min(growth, 8 * math.sqrt(terms) * unit)
    # 8 isn't a worst case, which grows with the logarithm of the size: an FFT in practice loses a few u, and
    # `tests/testing/test_tolerance.py` tries it on all kinds of values. Nobody transforms in half precision,
    # which torch's FFT doesn't take on the CPU, so the u of float32 is enough there.
    transform = min(unit, UNIT_ROUNDOFF[torch.float32])
    # The reference is computed in float64 and has the same error there. In a coarser dtype that is
    # negligible.
    both = 2 if dtype == torch.float64 else 1
    # Near zero, rounding is no longer relative: each rounding may lose the distance between two subnormal
    # numbers, which is smallest_normal · eps.
    spacing = (terms + 1) * torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    return both * (growth * absolute + 8 * transform * norm) + spacing


def coarsest(*inputs: Tensor) -> torch.dtype:
    """The least precise floating dtype among the inputs, which an answer may have been computed in.

    The contract fixes the dtype of results but not of intermediate results: in PyTorch, the entry `K[a, b]`
    of a float64 kernel times a float32 image is float32, whatever tensor it is added to afterwards.
    """
    floating = [one.dtype for one in inputs if one.dtype in UNIT_ROUNDOFF]
    return max(floating, key=UNIT_ROUNDOFF.__getitem__, default=torch.float32)


def relative(expected: Tensor, factor: float) -> Tensor:
    """A bound of `factor` times the largest magnitude of `expected`, for the results of deep computations.

    Errors of a network's inner layers mix into all outputs, so they are relative to the largest output and
    not to each one. Whoever passes `factor` says where it comes from.
    """
    largest = float(expected.abs().max()) if expected.numel() else 0.0
    return torch.full_like(expected, factor * largest, dtype=torch.float64)


def exact(expected: Tensor) -> Tensor:
    """No tolerance: maxima, counts and copies involve no rounding."""
    return torch.zeros_like(expected, dtype=torch.float64)

"""How far a right answer may lie from the float64 reference: bounds that are derived, not chosen.

A sum of n products computed in any order with unit roundoff u differs from the exact sum by at most
γ_n · Σ|x·k| with γ_n = n·u / (1 - n·u) (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed.,
section 3.1). For long sums with signed roundings the probabilistic bound of order sqrt(n)·u (Higham and Mary,
2019) holds with a margin of eight standard deviations, so the smaller of the two is taken. A transform-based
algorithm (FFT, Winograd) is accurate relative to the norms of its operands, not to each output (Higham,
chapter 24); the term 8·u·‖X‖·‖K‖ admits it, with the u of float32 for half precision too, in which nobody
transforms. Subnormal results may lose a further spacing each.
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
        absolute: the same sums over absolute values, float64; gives the shape of the bound.
        terms: how many products each sum has (one more with a bias).
        dtype: the type the answer was computed in.
        norm: the product of the operands' Euclidean norms, which admits transform-based algorithms.
    """
    unit = UNIT_ROUNDOFF[dtype]
    growth = (terms + 1) * unit / (1 - (terms + 1) * unit)
    if terms > 64:
        growth = min(growth, 8 * math.sqrt(terms) * unit)
    transform = min(unit, UNIT_ROUNDOFF[torch.float32])
    # The reference itself is rounded to float64, which only matters where the answer is float64 too.
    both = 2 if dtype == torch.float64 else 1
    spacing = (terms + 1) * torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    return both * (growth * absolute + 8 * transform * norm) + spacing


def coarsest(*inputs: Tensor) -> torch.dtype:
    """The least precise floating dtype among the inputs, in which an answer may have been computed.

    The contract fixes the dtype of results and leaves that of intermediate results open: a float64 kernel's
    entry `K[a, b]` times a float32 image is float32 in PyTorch, whatever tensor it is then added to.
    """
    floating = [one.dtype for one in inputs if one.dtype in UNIT_ROUNDOFF]
    return max(floating, key=UNIT_ROUNDOFF.__getitem__, default=torch.float32)


def relative(expected: Tensor, factor: float) -> Tensor:
    """A bound of `factor` times the largest magnitude of `expected`, for results of deep computations."""
    largest = float(expected.abs().max()) if expected.numel() else 0.0
    return torch.full_like(expected, factor * largest, dtype=torch.float64)


def exact(expected: Tensor) -> Tensor:
    """No tolerance: for maxima, counts and copies."""
    return torch.zeros_like(expected, dtype=torch.float64)

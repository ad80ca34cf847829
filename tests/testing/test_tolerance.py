"""The derived bounds: no right algorithm is refused, and no missing product goes unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor
from torch.nn import functional as F

from graders.testing import tolerance
from graders.testing.strategies import VALUES, Values, seeds, tensor

DTYPES = [torch.float32, torch.float64]


# ------------------------------------------------------------------- right algorithms, each in its own way


def by_loops(X: Tensor, K: Tensor) -> Tensor:
    (h, w), (H, W) = K.shape, X.shape
    rows = [[(X[i : i + h, j : j + w] * K).sum() for j in range(W - w + 1)] for i in range(H - h + 1)]
    return torch.stack([torch.stack(row) for row in rows])


def by_adding_one_product_after_the_other(X: Tensor, K: Tensor) -> Tensor:
    (h, w), (H, W) = K.shape, X.shape
    Y = torch.zeros(H - h + 1, W - w + 1, dtype=X.dtype)
    for a in range(h):
        for b in range(w):
            Y += X[a : a + H - h + 1, b : b + W - w + 1] * K[a, b]
    return Y


def by_adding_backwards(X: Tensor, K: Tensor) -> Tensor:
    return by_adding_one_product_after_the_other(X.flip(0, 1), K.flip(0, 1)).flip(0, 1)


def by_unfold(X: Tensor, K: Tensor) -> Tensor:
    return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((2, 3))


def by_einsum(X: Tensor, K: Tensor) -> Tensor:
    return torch.einsum("ijab,ab->ij", X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1), K)


def by_im2col(X: Tensor, K: Tensor) -> Tensor:
    columns = F.unfold(X[None, None], tuple(K.shape))[0]
    return (K.flatten() @ columns).reshape(X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1)


def by_fft(X: Tensor, K: Tensor) -> Tensor:
    size = tuple(X.shape)
    product = torch.fft.rfft2(X) * torch.fft.rfft2(K, s=size).conj()
    return torch.fft.irfft2(product, s=size)[: size[0] - K.shape[0] + 1, : size[1] - K.shape[1] + 1]


def by_torch(X: Tensor, K: Tensor) -> Tensor:
    return F.conv2d(X[None, None], K[None, None])[0, 0]


DIRECT = (
    by_loops,
    by_adding_one_product_after_the_other,
    by_adding_backwards,
    by_unfold,
    by_einsum,
    by_im2col,
    by_torch,
)


def reference(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """The convolution in float64, and the same over absolute values."""
    X, K = X.double(), K.double()
    return by_torch(X, K), by_torch(X.abs(), K.abs())


def excess(got: Tensor, X: Tensor, K: Tensor, norm: bool) -> float:
    """The largest error in units of the bound."""
    right, absolute = reference(X, K)
    norms = X.double().norm() * K.double().norm() if norm else 0.0
    bound = tolerance.products(absolute, K.numel(), X.dtype, norms)
    return float(((got.double() - right).abs() / bound).max())


@st.composite
def cases(draw: st.DrawFn, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    kh, kw = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    H, W = kh + draw(st.integers(0, 9)), kw + draw(st.integers(0, 9))
    seed, values, kernel_values = draw(seeds()), draw(st.sampled_from(VALUES)), draw(st.sampled_from(VALUES))
    X = tensor(H, W, seed=seed, values=values, dtype=dtype)
    return X, tensor(kh, kw, seed=seed + 1, values=kernel_values, dtype=dtype)


MANY = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_order_of_summation_exceeds_the_bound(dtype: torch.dtype) -> None:
    @MANY
    @given(cases(dtype))
    def holds(case: tuple[Tensor, Tensor]) -> None:
        for algorithm in DIRECT:
            assert excess(algorithm(*case), *case, norm=False) <= 1, algorithm.__name__

    holds()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_transform_stays_within_the_bound_with_norms(dtype: torch.dtype) -> None:
    @MANY
    @given(cases(dtype))
    def holds(case: tuple[Tensor, Tensor]) -> None:
        assert excess(by_fft(*case), *case, norm=True) <= 1

    holds()


@pytest.mark.parametrize("values", ["mixed", "large", "tiny", "negative"])
@pytest.mark.parametrize("algorithm", [*DIRECT, by_fft], ids=lambda algorithm: algorithm.__name__)
def test_magnitudes_of_every_kind_are_fair_to_every_algorithm(
    algorithm: Callable[[Tensor, Tensor], Tensor], values: Values
) -> None:
    for seed in range(12):
        X, K = tensor(9, 8, seed=seed, values=values), tensor(5, 4, seed=seed + 100, values=values)
        assert excess(algorithm(X, K), X, K, norm=True) <= 1


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("size", [9, 16, 32])
def test_long_sums_stay_within_the_bound(values: Values, size: int) -> None:
    for seed in range(3):
        X, K = (
            tensor(size + 1, size, seed=seed, values=values),
            tensor(size, size, seed=seed + 9, values=values),
        )
        for algorithm in (*DIRECT, by_fft):
            assert excess(algorithm(X, K), X, K, norm=algorithm is by_fft) <= 1, algorithm.__name__


def test_the_float64_bound_holds_against_exact_arithmetic() -> None:
    for seed, values in enumerate(VALUES):
        X, K = (tensor(4, 3, seed=seed + n, values=values, dtype=torch.float64) for n in (0, 50))
        exact = sum(
            Fraction(x) * Fraction(k) for x, k in zip(X.flatten().tolist(), K.flatten().tolist(), strict=True)
        )
        bound = tolerance.products((X * K).abs().sum(), 12, torch.float64)
        for algorithm in DIRECT:
            assert abs(Fraction(float(algorithm(X, K))) - exact) <= Fraction(float(bound))


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_has_a_bound_of_its_own(half: torch.dtype) -> None:
    X, K = tensor(6, 5, seed=1, values="normal").to(half), tensor(3, 2, seed=2, values="normal").to(half)
    right, absolute = reference(X, K)
    bound = tolerance.products(absolute, 6, half)
    assert bool(((by_loops(X, K).double() - right).abs() <= bound).all())
    assert bool((bound > tolerance.products(absolute, 6, torch.float32)).all())


# ------------------------------------------------------------------------------------------- wrong answers


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("values", ["integers", "normal"])
def test_one_missing_product_is_noticed_wherever_it_is(values: Values, dtype: torch.dtype) -> None:
    for seed in range(5):
        X, K = (
            tensor(6, 7, seed=seed, values=values, dtype=dtype),
            tensor(3, 4, seed=seed + 50, values=values, dtype=dtype),
        )
        for place in range(K.numel()):
            without = K.clone()
            without.view(-1)[place] = 0
            assert excess(by_loops(X, without), X, K, norm=True) > 100


def test_one_missing_product_of_a_long_sum_is_noticed() -> None:
    X, K = tensor(33, 32, seed=1), tensor(32, 32, seed=2)
    without = K.clone()
    without[31, 31] = 0
    assert excess(by_loops(X, without), X, K, norm=True) > 1


def test_a_float32_answer_to_a_float64_question_is_noticed() -> None:
    for seed in range(20):
        X, K = (tensor(*size, seed=seed, values="normal", dtype=torch.float64) for size in ((5, 6), (2, 3)))
        assert excess(by_loops(X.float(), K.float()), X, K, norm=True) > 1000


def test_a_half_precision_answer_to_a_float32_question_is_noticed() -> None:
    for seed in range(20):
        X, K = tensor(5, 6, seed=seed, values="normal"), tensor(2, 3, seed=seed + 50, values="normal")
        assert excess(by_loops(X.half(), K.half()), X, K, norm=True) > 10


# ----------------------------------------------------------------------------------------- the bound itself


def test_the_bound_grows_with_the_sum_but_never_faster_than_higham_allows() -> None:
    one = torch.ones(1, dtype=torch.float64)
    bounds = [
        float(tolerance.products(one, terms, torch.float32))
        for terms in (1, 2, 10, 64, 65, 100, 1000, 10_000)
    ]
    assert all(later > 0.99 * earlier for earlier, later in pairwise(bounds))
    unit = tolerance.UNIT_ROUNDOFF[torch.float32]
    for terms in (100, 1000, 10_000):
        assert float(tolerance.products(one, terms, torch.float32)) <= (terms + 1) * unit * 1.01


def test_zeros_leave_room_for_nothing_but_subnormal_dust() -> None:
    bound = tolerance.products(torch.zeros(3, dtype=torch.float64), 9, torch.float32)
    assert bool((bound > 0).all()) and bool((bound < 1e-40).all())


def test_exact_leaves_no_room_and_relative_a_share_of_the_largest() -> None:
    values = torch.tensor([1.0, -8.0, 0.0])
    assert tolerance.exact(values).tolist() == [0, 0, 0]
    assert tolerance.exact(values).dtype == torch.float64
    assert tolerance.relative(values, 1e-3).tolist() == [0.008] * 3
    assert tolerance.relative(torch.zeros(0), 1e-3).shape == (0,)


@pytest.mark.parametrize("dtype", DTYPES)
def test_subnormal_results_are_fair_to_every_order(dtype: torch.dtype) -> None:
    small = torch.finfo(dtype).smallest_normal ** 0.5 / 2
    for seed in range(5):
        X = tensor(5, 5, seed=seed, values="normal", dtype=dtype) * small
        K = tensor(3, 2, seed=seed + 9, values="normal", dtype=dtype) * small
        for algorithm in DIRECT:
            assert excess(algorithm(X, K), X, K, norm=False) <= 1, algorithm.__name__

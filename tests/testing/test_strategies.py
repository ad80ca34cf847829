"""Random inputs: the same on every machine, of the kind that their name says, and really views."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from graders.testing.strategies import LAYOUTS, VALUES, Layout, Values, distinct_sizes, graded, seeds, tensor

SOME = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
@pytest.mark.parametrize("values", [*VALUES, "ties"])
def test_a_tensor_is_determined_by_its_arguments_alone(values: Values, layout: Layout) -> None:
    torch.manual_seed(1)
    first = tensor(3, 4, seed=5, values=values, layout=layout)
    torch.manual_seed(2)
    second = tensor(3, 4, seed=5, values=values, layout=layout)
    assert torch.equal(first, second) and first.stride() == second.stride()


def test_making_a_tensor_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(3)
    undisturbed = torch.rand(2)
    torch.manual_seed(3)
    tensor(3, 4, seed=5)
    assert torch.equal(torch.rand(2), undisturbed)


@pytest.mark.parametrize("values", VALUES)
def test_near_seeds_give_different_tensors(values: Values) -> None:
    made = [tensor(3, 4, seed=seed, values=values) for seed in range(6)]
    assert not any(torch.equal(one, other) for n, one in enumerate(made) for other in made[:n])


def test_a_tensor_has_the_numbers_known_from_other_machines() -> None:
    assert tensor(2, 3, seed=0).tolist() == [[-1.0, 2.0, -5.0], [4.0, -1.0, 4.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 1), (3, 5), (2, 3, 4), (2, 3, 4, 5)])
def test_shape_and_dtype_are_as_requested_in_every_layout(
    shape: tuple[int, ...], layout: Layout, dtype: torch.dtype
) -> None:
    made = tensor(*shape, layout=layout, dtype=dtype)
    assert (made.shape, made.dtype, made.device.type) == (shape, dtype, "cpu")
    assert not made.requires_grad and made.isfinite().all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(3, 5), (5, 4), (2, 3, 4), (2, 3, 4, 5)])
def test_a_layout_is_truly_a_view_that_is_not_contiguous(shape: tuple[int, ...], layout: Layout) -> None:
    made = tensor(*shape, seed=1, layout=layout)
    assert made._base is not None
    assert not made.is_contiguous()
    assert tensor(*shape, seed=1).is_contiguous()


def test_a_sliced_view_has_other_numbers_around_and_between_its_own() -> None:
    made = tensor(2, 3, seed=1, layout="sliced")
    assert made._base is not None and made._base.shape == (5, 7)
    assert made.storage_offset() > 0
    assert bool((made._base != 0).all())


def test_layouts_of_rank_three_differ_from_one_another() -> None:
    strides = {tensor(2, 3, 4, layout=layout).stride() for layout in ("contiguous", *LAYOUTS)}
    assert len(strides) == 4


@pytest.mark.parametrize("layout", ["contiguous", *LAYOUTS])
def test_values_are_of_the_kind_they_are_named_after(layout: Layout) -> None:
    def made(values: Values) -> torch.Tensor:
        return tensor(30, 40, seed=4, values=values, layout=layout, dtype=torch.float64)

    integers = made("integers")
    assert set(integers.flatten().tolist()) == {float(n) for n in range(-8, 9) if n}
    assert bool((made("negative") <= -5000).all())
    assert set(made("ties").flatten().tolist()) == {-1.0, 0.0, 1.0}
    assert abs(float(made("normal").std()) - 1) < 0.1
    assert 5e3 < float(made("large").std()) < 2e4
    assert 5e-6 < float(made("tiny").std()) < 2e-5
    mixed = made("mixed").abs()
    assert float(mixed.max()) > 1e3 and float(mixed.min()) < 1e-3


def test_sums_of_products_of_integers_are_exact_in_float32() -> None:
    X, K = tensor(40, 40, seed=1), tensor(40, 40, seed=2)
    assert float((X * K).sum()) == float((X.double() * K.double()).sum())


def test_a_tensor_of_whole_numbers_requires_grad() -> None:
    made = graded(2, 3, seed=0)
    assert made.requires_grad and made.is_leaf
    assert torch.equal(made, tensor(2, 3, seed=0))


@SOME
@given(st.data(), st.integers(1, 6))
def test_distinct_sizes_are_distinct_and_within_their_limits(data: st.DataObject, count: int) -> None:
    sizes = data.draw(distinct_sizes(count, 2, 7))
    assert len(sizes) == count == len(set(sizes))
    assert all(2 <= size <= 7 for size in sizes)


@SOME
@given(st.data())
def test_too_many_distinct_sizes_are_refused(data: st.DataObject) -> None:
    with pytest.raises(ValueError, match="no 4 different sizes from 1 to 3"):
        data.draw(distinct_sizes(4, 1, 3))


@SOME
@given(seeds())
def test_every_seed_makes_a_tensor(seed: int) -> None:
    assert tensor(2, 2, seed=seed).shape == (2, 2)
    assert tensor(2, 2, seed=seed + 200).shape == (2, 2)

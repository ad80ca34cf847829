"""Fixed tests cover every pair of sizes and settings, so no seed decides whether such a mistake is found."""

from __future__ import annotations

import importlib
import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from graders.curriculum import exercises
from graders.sandbox.errors import StudentError
from graders.tasks.multichannel.cases import sweep as convolutions
from graders.tasks.pooling.cases import bordered, side_by_side, stepping
from graders.testing.expect import Mismatch
from graders.testing.in_process import submission_in_process
from graders.testing.properties import Property, properties_of
from graders.testing.strategies import pairwise
from solutions import conv2d as one_channel
from solutions import kernel_learning, multichannel, pooling

TASKS = {(task.exercise, task.name): task for exercise in exercises() for task in exercise.tasks}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


# ------------------------------------------------------------------------------------- every pair of values


def pairs(rows: Any) -> set[tuple[tuple[str, Any], ...]]:
    """The pairs of values of two settings that occur together in some row."""
    return {pair for row in rows for pair in itertools.combinations(sorted(row.items()), 2)}


def every_row(
    settings: Mapping[str, Any], *conditions: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """All possible rows, with one value of each setting, for which all conditions hold."""
    rows = [dict(zip(settings, values, strict=True)) for values in itertools.product(*settings.values())]
    return [row for row in rows if all(condition(row) for condition in conditions)]


def some_settings(seed: int) -> dict[str, list[int]]:
    drawn = random.Random(seed)
    return {name: list(range(drawn.randint(1, 5))) for name in "abcdef"[: drawn.randint(2, 6)]}


@pytest.mark.parametrize("seed", range(25))
def test_any_two_values_meet(seed: int) -> None:
    settings = some_settings(seed)
    rows = pairwise(settings)
    assert pairs(rows) == pairs(every_row(settings))
    assert all(list(row) == list(settings) for row in rows)


@pytest.mark.parametrize("seed", range(25))
def test_any_two_values_that_can_meet_do(seed: int) -> None:
    settings = {**some_settings(seed), "x": range(3), "y": range(4), "z": range(3)}
    limit = seed % 5
    rows = pairwise(
        settings,
        lambda x, y: x + y != limit,
        lambda z, x: x <= z,
        lambda x, y, z: x + y + z < 7,
        lambda a, z: a != z,
    )
    possible = every_row(
        settings,
        lambda row: row["x"] + row["y"] != limit,
        lambda row: row["x"] <= row["z"],
        lambda row: row["x"] + row["y"] + row["z"] < 7,
        lambda row: row["a"] != row["z"],
    )
    assert pairs(rows) == pairs(possible)
    assert all(row in possible for row in rows)


def test_rows_are_few_and_always_the_same() -> None:
    settings = {name: range(4) for name in "abcdefgh"}
    rows = pairwise(settings)
    assert 16 <= len(rows) <= 32
    assert rows == pairwise(settings)
    assert rows[0] == dict.fromkeys("abcdefgh", 0)


def test_where_nothing_can_meet_there_are_no_rows() -> None:
    assert pairwise({"a": range(3), "b": range(3)}, lambda a, b: a > b + 5) == ()


def test_sweeps_go_from_small_to_large_and_say_what_has_a_result() -> None:
    for cases in (convolutions(images_too=True), convolutions(most_stride=3, most_padding=2, as_wholes=True)):
        sizes = [torch.Size(one.image).numel() + torch.Size(one.kernel).numel() for one in cases]
        assert sizes == sorted(sizes)
    for one, _ in (*side_by_side(), *bordered(), *stepping(), *stepping(most_padding=2)):
        image = torch.ones(1, 1, *one.image)
        assert nn.functional.max_pool2d(image, one.window, one.stride, one.padding).numel()


def test_kernels_strides_and_paddings_meet_as_wholes() -> None:
    cases = convolutions(bias=(True, False), most_stride=3, most_padding=2, as_wholes=True)

    def whole(value: Any) -> tuple[int, int]:
        return value if isinstance(value, tuple) else (value, value)

    met = {(whole(one.options["stride"]), whole(one.options["padding"])) for one in cases}
    assert met == {
        ((a, b), (c, d))
        for a, b in itertools.product(range(1, 4), repeat=2)
        for c, d in itertools.product(range(3), repeat=2)
    }


# -------------------------------------------------------------- wrong for one pair of sizes or settings alone


@dataclass(frozen=True)
class Wrong:
    """An answer to a task that is right except where `where` says so."""

    exercise: str
    task: str
    answer: Any
    about: str

    def names(self) -> dict[str, Any]:
        reference = vars(importlib.import_module(f"solutions.{self.exercise}"))
        return {
            **{key: value for key, value in reference.items() if not key.startswith("__")},
            self.task: self.answer,
        }


def spoiled(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, tuple):
        return tuple(spoiled(one) for one in value)
    if isinstance(value, list):
        return [spoiled(one) for one in value]
    return value + 1


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def function(exercise: Any, task: str, about: str, where: Callable[..., bool]) -> Wrong:
    """The reference's function, with wrong results for the arguments for which `where` is true."""
    right = getattr(exercise, task)

    def wrong(*args: Any, **kwargs: Any) -> Any:
        result = right(*args, **kwargs)
        return spoiled(result) if where(*args, **kwargs) else result

    return Wrong(exercise.__name__.rpartition(".")[2], task, wrong, about)


def layer(exercise: Any, task: str, about: str, where: Callable[[Any, Tensor], bool]) -> Wrong:
    """The reference's layer, with wrong results for the layers and images for which `where` is true."""

    class Spoiled(getattr(exercise, task)):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.asked = (args, kwargs)

        def forward(self, X: Tensor) -> Tensor:
            result = super().forward(X)
            return spoiled(result) if where(self, X) else result

    Spoiled.__name__ = task
    return Wrong(exercise.__name__.rpartition(".")[2], task, Spoiled, about)


def on_shapes(where: Callable[..., bool]) -> Callable[..., bool]:
    """A condition on image and kernel sizes, whatever dimensions come before them: `(H, W, kh, kw)`."""
    return lambda X, K, *_args, **_kwargs: where(*X.shape[-2:], *K.shape[-2:])


def on_settings(where: Callable[..., bool]) -> Callable[..., bool]:
    """A condition on kernel, stride and padding as pairs, and on whether there is a bias."""

    def found(
        X: Tensor,
        K: Tensor,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> bool:
        return where(
            k=tuple(K.shape[-2:]),
            s=pair(stride),
            p=pair(padding),
            d=pair(dilation),
            g=groups,
            b=bias is not None,
            ints=(isinstance(stride, int), isinstance(padding, int)),
            X=X,
            K=K,
        )

    return found


def on_pooling(where: Callable[..., bool]) -> Callable[..., bool]:
    """A condition on window, stride and padding as pairs, and on the mode."""

    def found(X: Tensor, pool_size: Any, mode: str = "max", stride: Any = None, padding: Any = 0) -> bool:
        window = pair(pool_size)
        return where(k=window, s=window if stride is None else pair(stride), p=pair(padding), m=mode, X=X)

    return found


def on_pooling_backward(where: Callable[..., bool]) -> Callable[..., bool]:
    """The same for the gradient."""
    condition = on_pooling(where)
    return lambda _grad, *args, **kwargs: condition(*args, **kwargs)


def wrong_answers() -> Iterator[Wrong]:
    one, many, pool, learn = one_channel, multichannel, pooling, kernel_learning
    for name in ("conv2d", "conv2d_vectorized"):
        yield function(one, name, "4 high, 1 wide", on_shapes(lambda H, W, kh, kw: (kh, kw) == (4, 1)))
        yield function(one, name, "4 wide on 4 and more", on_shapes(lambda H, W, kh, kw: kw == 4 and H >= 4))
        yield function(one, name, "2 high, 5 wider", on_shapes(lambda H, W, kh, kw: W - kw == 5 and kh == 2))
        yield function(one, name, "7 by 3", on_shapes(lambda H, W, kh, kw: (H, W) == (7, 3)))
        yield function(one, name, "9 high, 3 wide", on_shapes(lambda H, W, kh, kw: H == 9 and kw == 3))
    yield function(one, "conv2d_backward", "3 by 4", lambda G, X, K: tuple(K.shape) == (3, 4))
    yield function(one, "conv2d_backward", "2 by 3", lambda G, X, K: G.shape[0] == 3 and K.shape[1] == 4)
    yield function(one, "conv2d_matrix", "3 by 4", lambda K, size: tuple(K.shape) == (3, 4))
    yield layer(one, "Conv2D", "4 by 2", lambda self, X: tuple(self.weight.shape) == (4, 2))
    yield function(one, "output_size", "13 by 6", lambda n, kernel, *_, **__: (n, kernel) == (13, 6))
    yield function(
        one,
        "output_size",
        "5 and 3",
        lambda n, kernel, stride=1, padding=0, dilation=1: (stride, padding) == (5, 3),
    )
    yield function(
        one,
        "output_size",
        "4 and 4",
        lambda n, kernel, stride=1, padding=0, dilation=1: (stride, dilation) == (4, 4),
    )

    yield function(many, "conv2d_multi_in", "3 by 1", on_shapes(lambda H, W, kh, kw: (kh, kw) == (3, 1)))
    yield function(many, "conv2d_multi_in", "5 by 2", on_shapes(lambda H, W, kh, kw: (H, W) == (5, 2)))
    yield function(many, "conv2d_multi_in", "4 channels", lambda X, K: X.shape[0] == 4 and K.shape[2] == 3)
    yield function(many, "conv2d_multi_in_out", "4 to 2", lambda X, K: tuple(K.shape[:2]) == (2, 4))
    yield function(many, "conv2d_multi_in_out", "4 of 3", lambda X, K: K.shape[0] == 4 and K.shape[3] == 3)
    yield function(many, "conv2d_1x1", "5 and 6", lambda X, K: K.shape[1] == 5 and X.shape[2] == 6)
    yield function(many, "conv2d_1x1", "6 to 6", lambda X, K: tuple(K.shape[:2]) == (6, 6))
    for name in ("conv2d_batched", "conv2d_im2col", "conv2d_general"):
        yield function(
            many, name, "stride and padding", on_settings(lambda s, p, **_: s[0] == 3 and p[1] == 2)
        )
        yield function(
            many, name, "kernel and stride", on_settings(lambda k, s, **_: k[1] == 1 and s[0] == 2)
        )
        yield function(many, name, "int", on_settings(lambda s, ints, **_: s == (3, 3) and ints[0]))
        yield function(many, name, "bias", on_settings(lambda p, b, **_: p[0] == 2 and not b))
    yield function(
        many, "conv2d_batched", "wholes", on_settings(lambda s, p, **_: s == (3, 1) and p == (0, 2))
    )
    yield function(
        many, "conv2d_batched", "kernel", on_settings(lambda k, s, **_: k == (3, 1) and s == (2, 3))
    )
    yield function(
        many, "conv2d_batched", "batch", on_settings(lambda X, K, **_: len(X) == 4 and len(K) == 2)
    )
    yield function(many, "conv2d_general", "dilation", on_settings(lambda k, d, **_: d[0] == 3 and k[1] == 2))
    yield function(many, "conv2d_general", "groups", on_settings(lambda g, d, **_: g == 3 and d[1] == 2))
    yield layer(many, "MultiChannelConv2d", "3 by 1", lambda self, X: tuple(self.weight.shape[2:]) == (3, 1))
    yield layer(
        many,
        "MultiChannelConv2d",
        "3 to 3 of 3",
        lambda self, X: self.weight.shape[0] == 3 and self.weight.shape[2] == 3,
    )
    yield function(many, "num_parameters", "4 to 3", lambda i, o, k, bias=True: (i, o) == (4, 3))
    yield function(many, "num_parameters", "3 by 4", lambda i, o, k, bias=True: k == (3, 4))

    yield function(pool, "pool2d", "3 by 1", on_pooling(lambda k, **_: k == (3, 1)))
    yield function(
        pool, "pool2d", "window and padding", on_pooling(lambda k, p, **_: k == (4, 2) and p[0] == 1)
    )
    yield function(
        pool, "pool2d", "stride and padding", on_pooling(lambda s, p, **_: s[0] == 4 and p[1] == 2)
    )
    yield function(
        pool, "pool2d", "mean", on_pooling(lambda k, s, m, **_: m == "avg" and k[0] == 1 and s[1] == 4)
    )
    yield function(
        pool, "pool2d_multi_channel", "channels", on_pooling(lambda k, X, **_: X.shape[-3] == 3 and k[0] == 4)
    )
    yield function(
        pool, "pool2d_multi_channel", "stride", on_pooling(lambda s, k, **_: s[0] == 3 and k[1] == 4)
    )
    yield function(pool, "pool2d_backward", "1 by 4", on_pooling_backward(lambda k, **_: k == (1, 4)))
    yield function(
        pool, "pool2d_backward", "stride", on_pooling_backward(lambda k, s, **_: k[0] == 3 and s[1] == 2)
    )
    yield layer(pool, "MaxPool2d", "4 by 1", lambda self, X: pair(self.asked[0][0]) == (4, 1))
    yield layer(pool, "AvgPool2d", "1 by 3", lambda self, X: pair(self.asked[0][0]) == (1, 3))
    yield function(
        pool, "receptive_field", "5 of 4", lambda layers: any(tuple(one) == (5, 4) for one in layers)
    )
    yield function(
        pool,
        "receptive_field",
        "two",
        lambda layers: len(layers) == 4 and layers[1][0] == 5 and layers[3][1] == 3,
    )

    yield function(
        learn, "edge_image", "5 by 4", lambda height=6, width=8, *_, **__: (height, width) == (5, 4)
    )
    yield function(
        learn, "edge_image", "3 to 5", lambda height=6, width=8, left=2, right=6: (left, right) == (3, 5)
    )
    yield function(learn, "train_step", "3 by 2", lambda weight, X, Y, lr: tuple(weight.shape) == (3, 2))
    yield function(learn, "train_step", "4 by 2", lambda weight, X, Y, lr: tuple(Y.shape) == (4, 2))
    yield function(
        learn,
        "learn_kernel",
        "4 epochs",
        lambda X, Y, size, num_epochs=10, **_: num_epochs == 4 and pair(size)[0] == 3,
    )
    yield function(learn, "max_stable_lr", "3 by 2", lambda X, size: pair(size) == (3, 2))
    yield function(learn, "closed_form_kernel", "2 by 1", lambda X, Y, size: pair(size) == (2, 1))


WRONG = list(wrong_answers())


def unseeded(wrong: Wrong) -> list[Property]:
    """The properties of its task whose inputs don't depend on the seed."""
    every = properties_of(wrong.exercise, wrong.task)
    return [held for held in every if not hasattr(held.test, "hypothesis")]


def holds_for(held: Property, names: Mapping[str, Any], by_hand: bool) -> bool:
    submission = submission_in_process(names)
    submission.begin(by_hand)
    try:
        held.test(submission=submission)
    except (Mismatch, StudentError):
        return False
    return True


def test_there_are_enough_of_them() -> None:
    assert len(WRONG) >= 25
    assert {wrong.exercise for wrong in WRONG} == {"conv2d", "kernel_learning", "multichannel", "pooling"}


@pytest.mark.parametrize("wrong", [pytest.param(one, id=f"{one.task}: {one.about}") for one in WRONG])
def test_what_is_wrong_for_one_pair_alone_fails_under_every_seed(wrong: Wrong) -> None:
    by_hand = TASKS[wrong.exercise, wrong.task].by_hand
    assert not all(holds_for(held, wrong.names(), by_hand) for held in unseeded(wrong))

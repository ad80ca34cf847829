"""What must hold in exercise 1: convolution of one image by loops, as a module, and written in other ways."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor
from torch.nn import functional as F

from graders import tolerance
from graders.devices import module_works_on_the_accelerator, works_on_the_accelerator
from graders.expect import (
    agrees,
    answers,
    compare,
    equal,
    gradients_agree,
    leaves_arguments_alone,
    references_agree,
    refuses,
    repeats,
    that,
)
from graders.holds import holds
from graders.messages import call
from graders.strategies import HALVES, LAYOUTS, VALUES, graded, pairwise, seeds, tensor
from graders.subject import Module, Submission
from solutions import conv2d as reference

EXERCISE = "conv2d"
GROUPS = {
    "conv2d": {"values": 4, "gradients": 2, "dtypes": 1, "layouts": 1, "side effects": 1, "devices": 1},
    "Conv2D": {"parameters": 2, "forward": 2, "gradients": 1, "devices": 1},
    "output_size": {"stride 1": 1, "stride and padding": 2, "dilation": 1},
    "conv2d_vectorized": {"values": 1, "gradients and dtypes": 1, "effort": 2, "devices": 1},
    "conv2d_backward": {"gradient of X": 1, "gradient of K": 1, "dtypes": 1, "devices": 1},
    "conv2d_matrix": {"values": 2, "transpose": 1, "devices": 1},
    "invalid_input": {"conv2d": 1, "output_size": 1},
}

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


@st.composite
def images_and_kernels(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """An image and a kernel that fits it; sizes, values and memory layout vary."""
    kh, kw = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    H, W = kh + draw(st.integers(0, 5)), kw + draw(st.integers(0, 5))
    values, seed = draw(st.sampled_from(VALUES)), draw(seeds())
    return tensor(H, W, seed=seed, values=values), tensor(kh, kw, seed=seed + 1, values=values)


@cache
def sweep(
    most_more: int = 5, images_too: bool = False
) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Sizes of images and kernels of which any two meet that `images_and_kernels` could draw together.

    Images are at most `most_more` larger than the kernel along each axis. With `images_too` the height and
    the width of the image meet all the rest, and not only what it is larger than the kernel by.
    """
    settings = {"kh": range(1, 5), "kw": range(1, 5), "more_h": range(most_more + 1)}
    settings |= {"more_w": range(most_more + 1)}
    settings |= {"H": range(1, 10), "W": range(1, 10)} if images_too else {}
    conditions = (lambda H, kh, more_h: kh + more_h == H, lambda W, kw, more_w: kw + more_w == W)
    rows = pairwise(settings, *conditions) if images_too else pairwise(settings)
    shapes = [
        ((row["kh"] + row["more_h"], row["kw"] + row["more_w"]), (row["kh"], row["kw"])) for row in rows
    ]
    return tuple(sorted(shapes, key=lambda shape: math.prod(shape[0]) + math.prod(shape[1])))


@cache
def swept(most_more: int = 5, images_too: bool = False) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]:
    """Image, kernel, right result and bound for each case of a sweep.

    Kernels of one size are alike. Torch alone says what is right, for the reference takes as long as an
    answer.
    """
    found = []
    for seed, (image, kernel) in enumerate(sweep(most_more, images_too)):
        X, K = tensor(*image, seed=seed), tensor(*kernel, seed=100 + 4 * kernel[0] + kernel[1])
        found.append((X, K, *expected(X, K, asks_reference=False)))
    return tuple(found)


def expected(
    X: Tensor, K: Tensor, dtype: torch.dtype = torch.float32, *, asks_reference: bool = True
) -> tuple[Tensor, Tensor]:
    """The right result in float64, and how far one computed in `dtype` may lie from it."""
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


def check_values(submission: Submission, name: str, X: Tensor, K: Tensor) -> None:
    """`name(X, K)` is the convolution; the dtype is left open."""
    right, bound = expected(X, K)
    agrees(submission, name, X, K, expected=right, bound=bound)


def check_sweep(submission: Submission, name: str) -> None:
    """Every two sizes of image and kernel together."""
    for X, K, right, bound in swept(images_too=True):
        agrees(submission, name, X, K, expected=right, bound=bound)


def check_dtypes(submission: Submission, name: str) -> None:
    """The result has `torch.result_type(X, K)`, and the precision of the coarser of the two."""
    pairs = [
        (
            tensor(3, 5, seed=1, values="normal", dtype=torch.float64),
            tensor(2, 3, seed=2, values="normal").double(),
        ),
        (tensor(3, 5, seed=3, values="normal"), tensor(2, 3, seed=4, values="normal")),
        (tensor(3, 5, seed=5, values="normal"), torch.tensor([[1, -1]])),
        (tensor(4, 3, seed=6, values="normal", dtype=torch.float64), tensor(2, 1, seed=7)),
        (tensor(4, 3, seed=8), tensor(2, 1, seed=9, values="normal", dtype=torch.float64)),
    ]
    for X, K in pairs:
        dtype = torch.result_type(X, K)
        right, bound = expected(X, K, tolerance.coarsest(X, K))
        agrees(submission, name, X, K, expected=right, bound=bound, dtype=dtype)
    for half in HALVES if submission.device else ():
        X = tensor(3, 5, seed=1, values="normal", dtype=half)
        K = tensor(2, 3, seed=2, values="normal", dtype=half)
        right, bound = expected(X, K, half)
        agrees(submission, name, X, K, expected=right, bound=bound, dtype=half)


def check_layouts(submission: Submission, name: str) -> None:
    """Views of every kind are ordinary inputs."""
    for seed, layout in enumerate(LAYOUTS):
        X, K = tensor(5, 4, seed=seed, layout=layout), tensor(3, 2, seed=seed + 9, layout=layout)
        check_values(submission, name, X, K)


def check_gradients(
    submission: Submission, name: str, shapes: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
) -> None:
    """Autograd reaches image and kernel, for an upstream gradient that is not all ones."""
    for seed, (image, kernel) in enumerate(shapes):
        X, K = tensor(*image, seed=seed).requires_grad_(), tensor(*kernel, seed=seed + 50).requires_grad_()
        upstream = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 99)
        right, bounds = expected_gradients(X, K, upstream)
        gradients_agree(submission, name, X, K, cotangent=upstream, expected=right, bounds=bounds)


# ------------------------------------------------------------------------------------------------- conv2d


@holds("conv2d", "values")
def test_a_one_hot_kernel_picks_its_place(submission: Submission) -> None:
    X = tensor(4, 5, seed=1)
    for row, column in ((0, 1), (1, 2), (1, 0)):
        K = torch.zeros(2, 3)
        K[row, column] = 1.0
        right = X[row : row + 3, column : column + 3].double()
        agrees(
            submission,
            "conv2d",
            X,
            K,
            expected=right,
            bound=tolerance.products(right.abs(), 6, X.dtype, X.norm()),
        )


@holds("conv2d", "values")
def test_every_kind_of_shape(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_values(submission, "conv2d", tensor(*image, seed=seed), tensor(*kernel, seed=seed + 100))


@holds("conv2d", "values")
def test_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d")


@holds("conv2d", "values")
def test_values_of_every_kind(submission: Submission) -> None:
    for seed, values in enumerate(VALUES):
        X, K = tensor(4, 6, seed=seed, values=values), tensor(3, 2, seed=seed + 50, values=values)
        check_values(submission, "conv2d", X, K)


@holds("conv2d", "values")
@given(case=images_and_kernels())
def test_random_images_and_kernels(submission: Submission, case: tuple[Tensor, Tensor]) -> None:
    check_values(submission, "conv2d", *case)


@holds("conv2d", "values")
@given(seed=seeds())
def test_it_is_linear_and_commutes_with_shifts(submission: Submission, seed: int) -> None:
    X, Z, K = tensor(4, 6, seed=seed), tensor(4, 6, seed=seed + 1), tensor(2, 3, seed=seed + 2)
    one, two = (
        agrees(submission, "conv2d", A, K, expected=expected(A, K)[0], bound=expected(A, K)[1]).value
        for A in (X, Z)
    )
    both = submission.conv2d(2 * X - Z, K)
    bound = expected(2 * X.abs() + Z.abs(), K.abs())[1] * 4
    what = "result for 2·X - Z, compared with 2·conv2d(X, K) - conv2d(Z, K),"
    title = call("conv2d", (2 * X - Z, K), {})
    compare(both, expected=2 * one.double() - two.double(), bound=bound, call=title, what=what)
    shifted = submission.conv2d(X[1:, 2:], K)
    what = "result for the shifted image, compared with the shifted result,"
    compare(
        shifted,
        expected=one[1:, 2:].double(),
        bound=bound[1:, 2:],
        call=call("conv2d", (X[1:, 2:], K), {}),
        what=what,
    )


@holds("conv2d", "gradients")
def test_gradients_for_a_random_upstream(submission: Submission) -> None:
    check_gradients(submission, "conv2d", SHAPES[:5])


@holds("conv2d", "dtypes")
def test_the_result_type_of_both_arguments(submission: Submission) -> None:
    check_dtypes(submission, "conv2d")


@holds("conv2d", "layouts")
def test_views_are_ordinary_inputs(submission: Submission) -> None:
    check_layouts(submission, "conv2d")


@holds("conv2d", "side effects")
def test_arguments_and_settings_stay_as_they_were(submission: Submission) -> None:
    X, K = tensor(4, 6, seed=3), tensor(2, 3, seed=4)
    right, bound = expected(X, K)
    agrees(submission, "conv2d", X, K, expected=right, bound=bound)
    leaves_arguments_alone(submission, "conv2d", X, K)
    repeats(submission, "conv2d", X, K)


# ------------------------------------------------------------------------------------------------- Conv2D


def new_layer(submission: Submission, kernel_size: int | tuple[int, int]) -> Module:
    """A `Conv2D(kernel_size)` of the student's, checked to be a module."""
    made = submission.create("Conv2D", kernel_size)
    title = f"Conv2D({kernel_size})"
    right = isinstance(made, Module) and made.is_module()
    that(right, call=title, aspect="type", sentence="Conv2D(…) should make a torch.nn.Module.")
    assert isinstance(made, Module)
    return made


@holds("Conv2D", "parameters")
def test_weight_and_bias_are_registered_with_the_right_shapes(submission: Submission) -> None:
    for kernel_size, shape in (((2, 3), (2, 3)), (4, (4, 4)), ((1, 2), (1, 2))):
        found = dict(new_layer(submission, kernel_size).describe().parameters)
        title = f"Conv2D({kernel_size})"
        sentence = f"Its parameters are {sorted(found) or 'none'}; they should be bias and weight."
        that(set(found) == {"weight", "bias"}, call=title, aspect="parameters", sentence=sentence)
        for name, size in (("weight", shape), ("bias", (1,))):
            compare(
                found[name],
                expected=torch.zeros(size),
                bound=torch.full(size, torch.inf),
                call=title,
                what=f"parameter {name}",
            )


@holds("Conv2D", "parameters")
def test_weight_is_drawn_uniformly_and_bias_is_zero(submission: Submission) -> None:
    first, second = (dict(new_layer(submission, (31, 32)).describe().parameters) for _ in range(2))
    title = "Conv2D((31, 32))"
    weight = first["weight"].double()
    inside = bool(((weight >= 0) & (weight < 1)).all())
    sentence = "The weight should be drawn by torch.rand, uniformly between 0 and 1"
    that(inside, call=title, aspect="values", sentence=f"{sentence}; some values lie outside.")
    # Six standard deviations of the mean and of the variance of 992 uniform numbers.
    spread = (
        abs(float(weight.mean()) - 0.5) < 6 * (1 / 12 / 992) ** 0.5
        and abs(float(weight.var()) * 12 - 1) < 6 * (0.8 / 992) ** 0.5
    )
    that(spread, call=title, aspect="values", sentence=f"{sentence}; their mean or variance is another.")
    differ = not torch.equal(first["weight"], second["weight"])
    that(differ, call=title, aspect="values", sentence="Two new layers should have different random weights.")
    that(
        bool((first["bias"] == 0).all()),
        call=title,
        aspect="values",
        sentence="The bias should start at zero.",
    )


def layer_case(
    submission: Submission, seed: int, image: tuple[int, int], kernel: tuple[int, int]
) -> tuple[Module, Tensor, Tensor, Tensor]:
    """A layer with known parameters, and an image for it."""
    layer = new_layer(submission, kernel)
    weight, bias = tensor(*kernel, seed=seed), tensor(1, seed=seed + 1)
    layer.load_state({"weight": weight, "bias": bias})
    return layer, tensor(*image, seed=seed + 2), weight, bias


@holds("Conv2D", "forward")
def test_forward_is_the_convolution_plus_the_bias(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        layer, X, weight, bias = layer_case(submission, seed * 10, image, kernel)
        right, bound = expected(X, weight)
        bound = bound + 4 * tolerance.UNIT_ROUNDOFF[X.dtype] * bias.abs().double()
        agrees(submission, layer, X, expected=right + bias.double(), bound=bound)


@holds("Conv2D", "forward")
def test_forward_for_every_pair_of_sizes(submission: Submission) -> None:
    layers: dict[tuple[int, ...], Module] = {}
    for X, K, right, bound in swept(most_more=2):
        size, bias = (K.shape[0], K.shape[1]), tensor(1, seed=3)
        if size not in layers:
            layers[size] = new_layer(submission, size if size[0] != size[1] else size[0])
            layers[size].load_state({"weight": K, "bias": bias})
        bound = bound + 4 * tolerance.UNIT_ROUNDOFF[X.dtype] * bias.abs().double()
        agrees(submission, layers[size], X, expected=right + bias.double(), bound=bound)


@holds("Conv2D", "forward")
def test_it_becomes_a_float64_module(submission: Submission) -> None:
    layer, X, weight, bias = layer_case(submission, 7, (4, 5), (2, 3))
    layer.convert(dtype=torch.float64)
    right, bound = expected(X, weight, torch.float64)
    agrees(
        submission,
        layer,
        X.double(),
        expected=right + bias.double(),
        bound=bound + 1e-12,
        dtype=torch.float64,
    )


@holds("Conv2D", "gradients")
def test_gradients_reach_image_weight_and_bias(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES[:3]):
        layer, X, weight, _ = layer_case(submission, seed * 10, image, kernel)
        X = X.requires_grad_()
        upstream = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 99)
        right, bounds = expected_gradients(X, weight, upstream)
        total = upstream.double().sum().reshape(1)
        spread = tolerance.products(upstream.double().abs().sum().reshape(1), upstream.numel(), torch.float32)
        gradients_agree(
            submission,
            layer,
            X,
            cotangent=upstream,
            expected={"X": right["X"], "weight": right["K"], "bias": total},
            bounds={"X": bounds["X"], "weight": bounds["K"], "bias": spread},
        )


# -------------------------------------------------------------------------------------------- output_size


def check_size(submission: Submission, *args: int, **kwargs: int) -> None:
    """`output_size` agrees with the length of torch's own output."""
    right = reference.output_size(*args, **kwargs)
    names = dict(zip(("n", "kernel", "stride", "padding", "dilation"), args, strict=False)) | kwargs
    line = torch.zeros(1, 1, names["n"])
    kernel = torch.zeros(1, 1, names["kernel"])
    options: dict[str, Any] = {key: names[key] for key in ("stride", "padding", "dilation") if key in names}
    references_agree(
        torch.tensor(right), torch.tensor(F.conv1d(line, kernel, **options).shape[-1]), torch.tensor(0)
    )
    equal(submission.output_size(*args, **kwargs), right, call=call("output_size", args, kwargs))


@holds("output_size", "stride 1")
def test_without_stride_or_padding(submission: Submission) -> None:
    for n, kernel in ((5, 3), (8, 2), (1, 1), (4, 4), (28, 5), (224, 7)):
        check_size(submission, n, kernel)


@holds("output_size", "stride 1")
def test_every_length_with_every_kernel(submission: Submission) -> None:
    for n in range(1, 8):
        for kernel in range(1, n + 1):
            check_size(submission, n, kernel)


@holds("output_size", "stride and padding")
def test_strides_that_do_and_do_not_divide(submission: Submission) -> None:
    for n, kernel, stride, padding in (
        (7, 3, 2, 0),
        (8, 3, 2, 0),
        (8, 3, 2, 1),
        (5, 2, 3, 2),
        (2, 5, 1, 2),
        (9, 1, 4, 0),
        (6, 3, 7, 1),
        (224, 7, 2, 3),
    ):
        check_size(submission, n, kernel, stride, padding)
        check_size(submission, n, kernel, padding=padding, stride=stride)


@holds("output_size", "stride and padding")
def test_every_pair_of_length_kernel_stride_and_padding(submission: Submission) -> None:
    settings = {"n": range(1, 17), "kernel": range(1, 8), "stride": range(1, 6), "padding": range(5)}
    rows = pairwise(settings, lambda n, kernel, padding: kernel <= n + 2 * padding)
    for row in sorted(rows, key=lambda row: row["n"]):
        check_size(submission, **row)


@holds("output_size", "stride and padding")
@given(st.data())
def test_random_sizes(submission: Submission, data: st.DataObject) -> None:
    kernel, padding = data.draw(st.integers(1, 7)), data.draw(st.integers(0, 4))
    n = data.draw(st.integers(max(1, kernel - 2 * padding), 16))
    check_size(submission, n, kernel, stride=data.draw(st.integers(1, 5)), padding=padding)


@holds("output_size", "dilation")
def test_dilated_kernels(submission: Submission) -> None:
    for n, kernel, stride, padding, dilation in (
        (9, 3, 1, 0, 2),
        (12, 3, 2, 1, 3),
        (10, 1, 2, 0, 4),
        (5, 2, 3, 2, 3),
        (7, 4, 1, 0, 2),
    ):
        check_size(submission, n, kernel, stride, padding, dilation)


@holds("output_size", "dilation")
def test_every_dilation_with_every_length_and_setting(submission: Submission) -> None:
    settings = {"n": range(1, 9), "kernel": range(1, 6), "dilation": range(2, 5)}
    settings |= {"stride": range(1, 6), "padding": range(5)}
    for row in pairwise(
        settings, lambda n, kernel, dilation, padding: dilation * (kernel - 1) < n + 2 * padding
    ):
        check_size(submission, **row)


# --------------------------------------------------------------------------------------- conv2d_vectorized


@holds("conv2d_vectorized", "values")
def test_vectorized_values(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_values(
            submission, "conv2d_vectorized", tensor(*image, seed=seed), tensor(*kernel, seed=seed + 100)
        )
    check_layouts(submission, "conv2d_vectorized")


@holds("conv2d_vectorized", "values")
def test_vectorized_for_every_pair_of_sizes(submission: Submission) -> None:
    check_sweep(submission, "conv2d_vectorized")


@holds("conv2d_vectorized", "values")
@given(case=images_and_kernels())
def test_vectorized_on_random_images(submission: Submission, case: tuple[Tensor, Tensor]) -> None:
    check_values(submission, "conv2d_vectorized", *case)


@holds("conv2d_vectorized", "gradients and dtypes")
def test_vectorized_gradients_and_dtypes(submission: Submission) -> None:
    check_gradients(submission, "conv2d_vectorized", SHAPES[:4])
    check_dtypes(submission, "conv2d_vectorized")
    leaves_arguments_alone(submission, "conv2d_vectorized", tensor(4, 6, seed=3), tensor(2, 3, seed=4))


@holds("conv2d_vectorized", "effort")
def test_effort_does_not_grow_with_the_image(submission: Submission) -> None:
    K, efforts = tensor(3, 2, seed=2), []
    for size in (6, 12, 24):
        X = tensor(size, size + 1, seed=size)
        right, bound = expected(X, K)
        agrees(submission, "conv2d_vectorized", X, K, expected=right, bound=bound)
        efforts.append(submission.ask("conv2d_vectorized", X, K, effort=True).effort)
    for place, what in ((0, "tensor operations"), (1, "Python steps")):
        counts = [effort[place] for effort in efforts]
        took = f"On images of 6×7, 12×13 and 24×25 it took {', '.join(map(str, counts))} {what}"
        sentence = f"{took}; the number should not grow with the image."
        that(
            max(counts) <= min(counts) + 4, call="conv2d_vectorized(X, K)", aspect="effort", sentence=sentence
        )


# ---------------------------------------------------------------------------------------- conv2d_backward


@cache
def backward_case(
    seed: int, image: tuple[int, int], kernel: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Image, kernel and upstream gradient, the right gradients and their bounds."""
    X, K = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
    grad_Y = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 99)
    return X, K, grad_Y, *expected_gradients(X, K, grad_Y)


def check_backward(
    submission: Submission,
    seed: int,
    image: tuple[int, int],
    kernel: tuple[int, int],
    which: str,
    asks_reference: bool = True,
) -> None:
    """One of the two gradients that `conv2d_backward` returns."""
    X, K, grad_Y, right, bounds = backward_case(seed, image, kernel)
    if asks_reference:
        ours = reference.conv2d_backward(grad_Y.double(), X.double(), K.double())
        references_agree(ours["XK".index(which)], right[which], bounds[which])
    got = submission.conv2d_backward(grad_Y, X, K)
    title = f"conv2d_backward(grad_Y of shape {tuple(grad_Y.shape)}, X of shape {image}, K of shape {kernel})"
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    if got is not None:
        that(pair, call=title, aspect="type", sentence="It should return a pair (grad_X, grad_K).")
    shown = {"grad_Y": grad_Y, "X": X, "K": K}
    value = got["XK".index(which)] if pair else got
    compare(
        value,
        expected=right[which],
        bound=bounds[which],
        call=title,
        shown=shown,
        what="result" if got is None else f"gradient with respect to {which}",
    )


@holds("conv2d_backward", "gradient of X")
def test_the_gradient_of_the_image(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_backward(submission, seed, image, kernel, "X")


@holds("conv2d_backward", "gradient of X")
def test_the_gradient_of_the_image_for_every_pair_of_sizes(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(sweep(most_more=2)):
        check_backward(submission, seed, image, kernel, "X", asks_reference=False)


@holds("conv2d_backward", "gradient of K")
def test_the_gradient_of_the_kernel(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_backward(submission, seed, image, kernel, "K")


@holds("conv2d_backward", "gradient of K")
def test_the_gradient_of_the_kernel_for_every_pair_of_sizes(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(sweep(most_more=2)):
        check_backward(submission, seed, image, kernel, "K", asks_reference=False)


@holds("conv2d_backward", "dtypes")
def test_backward_in_float64_from_views_without_autograd(submission: Submission) -> None:
    X, K = (
        tensor(4, 6, seed=1, layout="transposed", dtype=torch.float64),
        tensor(2, 3, seed=2, dtype=torch.float64),
    )
    grad_Y = tensor(3, 4, seed=3, layout="sliced", dtype=torch.float64)
    right, bounds = expected_gradients(X, K, grad_Y, torch.float64)
    reply = submission.ask("conv2d_backward", grad_Y, X, K, return_arguments=True)
    title = "conv2d_backward(grad_Y, X, K) in float64"
    pair = isinstance(reply.value, (tuple, list)) and len(reply.value) == 2
    that(pair, call=title, aspect="type", sentence="It should return a pair (grad_X, grad_K).")
    for name, got in zip("XK", reply.value, strict=True):
        compare(
            got,
            expected=right[name],
            bound=bounds[name],
            dtype=torch.float64,
            call=title,
            what=f"gradient with respect to {name}",
        )
    unchanged = all(torch.equal(a, b) for a, b in zip((grad_Y, X, K), reply.arguments, strict=True))
    that(unchanged, call=title, aspect="changed input", sentence="The call changed one of its arguments.")


# ------------------------------------------------------------------------------------------ conv2d_matrix


def check_matrix(submission: Submission, seed: int, image: tuple[int, int], kernel: tuple[int, int]) -> None:
    """`conv2d_matrix(K, image)` is the reference's, which does what torch's convolution does."""
    K = tensor(*kernel, seed=seed)
    right = reference.conv2d_matrix(K.double(), image)
    X = tensor(*image, seed=seed + 1, dtype=torch.float64)
    of_X, bound = expected(X, K, torch.float64)
    references_agree((right @ X.flatten()), of_X.flatten(), bound.flatten())
    agrees(submission, "conv2d_matrix", K, image, expected=right, bound=tolerance.exact(right))


@holds("conv2d_matrix", "values")
def test_the_matrix_times_the_image_is_the_convolution(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        check_matrix(submission, seed, image, kernel)


@holds("conv2d_matrix", "values")
def test_the_matrix_for_every_pair_of_sizes(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(sweep(most_more=2)):
        check_matrix(submission, seed, image, kernel)


@holds("conv2d_matrix", "values")
def test_the_matrix_keeps_dtype_and_gradient(submission: Submission) -> None:
    K = tensor(2, 3, seed=5, layout="transposed", dtype=torch.float64)
    right = reference.conv2d_matrix(K, (3, 5))
    agrees(
        submission,
        "conv2d_matrix",
        K,
        (3, 5),
        expected=right,
        bound=tolerance.exact(right),
        dtype=torch.float64,
    )
    leaf = tensor(2, 3, seed=6).requires_grad_()
    upstream = tensor(*right.shape, seed=7)
    grad = torch.autograd.grad(reference.conv2d_matrix(leaf, (3, 5)), leaf, upstream)[0].double()
    bound = tolerance.products(torch.full((2, 3), float(upstream.abs().sum())), 9, torch.float32)
    gradients_agree(
        submission,
        "conv2d_matrix",
        leaf,
        (3, 5),
        cotangent=upstream,
        expected={"K": grad},
        bounds={"K": bound},
    )


@holds("conv2d_matrix", "transpose")
def test_its_transpose_is_the_backward_pass(submission: Submission) -> None:
    X, K, grad_Y = tensor(4, 6, seed=1), tensor(2, 3, seed=2), tensor(3, 4, seed=3)
    right, bounds = expected_gradients(X, K, grad_Y)
    M = submission.conv2d_matrix(K, (4, 6))
    title = "conv2d_matrix(K of shape (2, 3), (4, 6))"
    compare(M, expected=torch.zeros(12, 24), bound=torch.full((12, 24), torch.inf), call=title)
    back = (M.double().T @ grad_Y.double().flatten()).reshape(4, 6)
    compare(
        back, expected=right["X"], bound=bounds["X"], call=title, what="product of its transpose with grad_Y"
    )


# ------------------------------------------------------------------------------------------ invalid_input


@holds("invalid_input", "conv2d")
def test_conv2d_refuses_what_has_no_result(submission: Submission) -> None:
    answers(submission, "conv2d", torch.ones(2, 2), torch.ones(2, 2))
    for image, kernel in (
        ((3, 4), (4, 2)),
        ((3, 4), (2, 5)),
        ((2, 3, 4), (2, 2)),
        ((3, 4), (1, 2, 2)),
        ((5,), (2, 2)),
    ):
        refuses(
            submission,
            "conv2d",
            torch.ones(image),
            torch.ones(kernel),
            naming=[image, kernel, len(image), len(kernel)],
        )


@holds("invalid_input", "output_size")
def test_output_size_refuses_what_has_no_result(submission: Submission) -> None:
    answers(submission, "output_size", 5, 3)
    refuses(submission, "output_size", 3, 5, naming=[3, 5])
    refuses(submission, "output_size", 5, 3, 0, naming=["0", "stride"])
    refuses(submission, "output_size", 5, 3, -1, naming=["-1", "stride"])
    refuses(submission, "output_size", 4, 3, dilation=2, naming=[4, 3, 5])


# -------------------------------------------------------------------------------------------------- devices


@holds("conv2d", "devices")
def test_conv2d_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(3, 4, seed=1), graded(2, 2, seed=2)
    works_on_the_accelerator(
        submission, "conv2d", X, K, cotangent=tensor(2, 3, seed=3), right=reference.conv2d
    )


@holds("Conv2D", "devices")
def test_the_layer_on_an_accelerator(submission: Submission) -> None:
    X = graded(3, 4, seed=4)
    module_works_on_the_accelerator(
        submission, "Conv2D", (2, 2), X=X, cotangent=tensor(2, 3, seed=5), shape=(2, 3)
    )


@holds("conv2d_vectorized", "devices")
def test_conv2d_vectorized_on_an_accelerator(submission: Submission) -> None:
    X, K = graded(3, 4, seed=6), graded(2, 2, seed=7)
    works_on_the_accelerator(
        submission,
        "conv2d_vectorized",
        X,
        K,
        cotangent=tensor(2, 3, seed=8),
        right=reference.conv2d_vectorized,
    )


@holds("conv2d_backward", "devices")
def test_conv2d_backward_on_an_accelerator(submission: Submission) -> None:
    G, X, K = tensor(2, 3, seed=9), tensor(3, 4, seed=10), tensor(2, 2, seed=11)
    works_on_the_accelerator(submission, "conv2d_backward", G, X, K, right=reference.conv2d_backward)


@holds("conv2d_matrix", "devices")
def test_conv2d_matrix_on_an_accelerator(submission: Submission) -> None:
    works_on_the_accelerator(
        submission, "conv2d_matrix", tensor(2, 2, seed=12), (3, 4), right=reference.conv2d_matrix
    )

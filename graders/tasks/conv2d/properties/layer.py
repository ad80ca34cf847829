"""Hidden properties of `Conv2D`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from graders.tasks.conv2d.facts import SMALL_IMAGES, conv2d
from graders.tasks.single_images import SHAPES, expected, expected_gradients
from graders.testing import tolerance
from graders.testing.devices import module_works_on_the_accelerator
from graders.testing.expect import agrees, compare, gradients_agree, that
from graders.testing.module import Module
from graders.testing.narrowing import same_tensor
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import graded, tensor, with_zeros
from graders.testing.submission import Submission
from graders.testing.together import Asked, each_agrees


def new_layer(submission: Submission, kernel_size: int | tuple[int, int]) -> Module:
    """The student's `Conv2D(kernel_size)`, checked to be a module."""
    made = submission.create("Conv2D", kernel_size)
    title = f"Conv2D({kernel_size})"
    right = isinstance(made, Module) and made.is_module()
    that(right, call=title, aspect="type", sentence="Conv2D(…) should be a torch.nn.Module.")
    assert isinstance(made, Module)
    return made


def new_parameters(submission: Submission, kernel_size: int | tuple[int, int]) -> dict[str, Tensor]:
    """The parameters of a new layer, checked to be a weight and a bias."""
    found = dict(new_layer(submission, kernel_size).describe().parameters)
    sentence = f"Its parameters are {sorted(found) or 'none'}; they should be bias and weight."
    right = set(found) == {"weight", "bias"}
    that(right, call=f"Conv2D({kernel_size})", aspect="parameters", sentence=sentence)
    return found


@property_of("Conv2D", "parameters")
def test_weight_and_bias_are_registered_with_the_right_shapes(submission: Submission) -> None:
    for kernel_size, shape in (((2, 3), (2, 3)), (4, (4, 4)), ((1, 2), (1, 2))):
        found = new_parameters(submission, kernel_size)
        for name, size in (("weight", shape), ("bias", (1,))):
            compare(
                found[name],
                expected=torch.zeros(size),
                bound=torch.full(size, torch.inf),
                call=f"Conv2D({kernel_size})",
                what=f"parameter {name}",
            )


@property_of("Conv2D", "parameters")
def test_weight_is_drawn_uniformly_and_bias_is_zero(submission: Submission) -> None:
    first, second = (new_parameters(submission, (31, 32)) for _ in range(2))
    title = "Conv2D((31, 32))"
    weight = first["weight"].double()
    inside = bool(((weight >= 0) & (weight < 1)).all())
    sentence = "The weight should be drawn with torch.rand, uniformly between 0 and 1"
    that(inside, call=title, aspect="values", sentence=f"{sentence}; some values lie outside that range.")
    # Six standard deviations of the mean and of the variance of 992 uniform numbers.
    spread = (
        abs(float(weight.mean()) - 0.5) < 6 * (1 / 12 / 992) ** 0.5
        and abs(float(weight.var()) * 12 - 1) < 6 * (0.8 / 992) ** 0.5
    )
    that(spread, call=title, aspect="values", sentence=f"{sentence}; its mean or variance is off.")
    differ = not same_tensor(first["weight"], second["weight"])
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
    weight, bias, X = tensor(*kernel, seed=seed), tensor(1, seed=seed + 1), tensor(*image, seed=seed + 2)
    with_zeros(seed // 10, weight, X, bias)
    layer.load_state({"weight": weight, "bias": bias})
    return layer, X, weight, bias


@property_of("Conv2D", "forward")
def test_forward_is_the_convolution_plus_the_bias(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(SHAPES):
        layer, X, weight, bias = layer_case(submission, seed * 10, image, kernel)
        right, bound = expected(X, weight)
        bound = bound + 4 * tolerance.UNIT_ROUNDOFF[X.dtype] * bias.abs().double()
        agrees(submission, layer, X, expected=right + bias.double(), bound=bound)


@cache
def swept() -> Mapping[tuple[int, int], tuple[Asked, ...]]:
    """Images of every small size for each size of kernel, whose numbers are `kernel_of`'s."""
    found: dict[tuple[int, int], list[Asked]] = {}
    for seed, row in enumerate(SMALL_IMAGES):
        image, kernel = conv2d.shapes(**row).values()
        X, (weight, bias) = tensor(*image, seed=seed), kernel_of(*kernel)
        right, bound = expected(X, weight, asks_reference=False)
        bound = bound + 4 * tolerance.UNIT_ROUNDOFF[X.dtype] * bias.abs().double()
        found.setdefault((kernel[0], kernel[1]), []).append(Asked((X,), {}, right + bias.double(), bound))
    return {kernel: tuple(cases) for kernel, cases in found.items()}


def kernel_of(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer in the sweep."""
    return tensor(height, width, seed=100 + 4 * height + width), tensor(1, seed=3)


@property_of("Conv2D", "forward")
def test_forward_for_every_size(submission: Submission) -> None:
    for size, cases in swept().items():
        layer = new_layer(submission, size if size[0] != size[1] else size[0])
        weight, bias = kernel_of(*size)
        layer.load_state({"weight": weight, "bias": bias})
        each_agrees(submission, layer, cases)


@property_of("Conv2D", "dtypes")
def test_the_layer_can_be_converted_to_float64(submission: Submission) -> None:
    layer, X, weight, bias = layer_case(submission, 7, (4, 5), (2, 3))
    layer.convert(dtype=torch.float64)
    right, bound = expected(X, weight, torch.float64)
    consistent(
        submission,
        layer,
        X.double(),
        expected=right + bias.double(),
        bound=bound + 1e-12,
        dtype=torch.float64,
        pure=True,
    )


@property_of("Conv2D", "gradients")
def test_gradients_reach_image_weight_and_bias(submission: Submission) -> None:
    # In turn: nothing is zero, one element of each is, and the bias.
    for seed, (image, kernel) in zip((0, 1, 4), SHAPES[:3], strict=True):
        layer, X, weight, _ = layer_case(submission, seed * 10, image, kernel)
        X[-1, -1] = 0  # where no zero of the weight is applied to it
        X = X.requires_grad_()
        upstream = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 99)
        with_zeros(1 if seed else 0, upstream)
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


@property_of("Conv2D", "devices")
def test_the_layer_on_an_accelerator(submission: Submission) -> None:
    X = graded(3, 4, seed=4)
    module_works_on_the_accelerator(
        submission, "Conv2D", (2, 2), X=X, cotangent=tensor(2, 3, seed=5), shape=(2, 3)
    )

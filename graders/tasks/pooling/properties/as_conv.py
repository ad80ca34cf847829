"""Hidden properties of `avg_pool_as_conv`."""

from __future__ import annotations

from collections.abc import Callable

from graders.tasks.pooling.cases import Case, Pair, Size
from graders.tasks.pooling.poolings import expected, pooled
from graders.testing import tolerance
from graders.testing.devices import module_works_on_the_accelerator
from graders.testing.expect import NotWritten, agrees, that
from graders.testing.messages import call
from graders.testing.module import Module
from graders.testing.own_answers import consistent
from graders.testing.properties import property_of
from graders.testing.strategies import pairwise, tensor
from graders.testing.submission import Submission


def new_convolution(submission: Submission, channels: int, kernel_size: Size) -> Module:
    """What `avg_pool_as_conv` returns, checked to be a module."""
    made = submission.create("avg_pool_as_conv", channels, kernel_size)
    if made is None:
        raise NotWritten
    right = isinstance(made, Module) and made.is_module()
    title = call("avg_pool_as_conv", (channels, kernel_size), {})
    that(right, call=title, aspect="type", sentence="It should return an nn.Conv2d.")
    assert isinstance(made, Module)
    return made


def check_as_convolution(
    submission: Submission,
    channels: int,
    kernel_size: Size,
    image: Pair,
    compared: Callable[..., object] = agrees,
) -> None:
    """A convolution whose result is that of `nn.AvgPool2d(kernel_size)`."""
    title = call("avg_pool_as_conv", (channels, kernel_size), {})
    made = new_convolution(submission, channels, kernel_size)
    one, X = Case(image, kernel_size), tensor(2, channels, *image, seed=channels)
    kernels = list(made.describe().state.values())
    convolves = any(value.dim() == 4 and value.shape[2:] == one.window_pair for value in kernels)
    sentence = (
        f"It should return an nn.Conv2d with a weight for each position in the window, not a {made.type}."
    )
    that(convolves, call=title, aspect="type", sentence=sentence)
    means = expected("pool2d_multi_channel", X, one, "avg", X.dtype)[0]
    absolute = pooled(X.double().abs(), one, "avg")
    kh, kw = one.window_pair
    # A convolution over all channels also adds the zeros of the other channels; one by FFT has an error
    # relative to the norms.
    bound = tolerance.products(
        absolute, channels * kh * kw + 3, X.dtype, X.double().norm() / (kh * kw) ** 0.5
    )
    compared(submission, made, X, expected=means, bound=bound, context=title)


@property_of("avg_pool_as_conv", "square windows")
def test_a_convolution_that_takes_means(submission: Submission) -> None:
    for channels, window, image in (
        (3, 2, (4, 6)),
        (1, 3, (3, 6)),
        (2, 2, (5, 7)),
        (4, 1, (2, 3)),
        (2, 3, (7, 8)),
    ):
        check_as_convolution(submission, channels, window, image)


@property_of("avg_pool_as_conv", "square windows")
def test_a_convolution_for_every_square_and_number_of_channels(submission: Submission) -> None:
    for row in pairwise({"channels": range(1, 4), "k": range(1, 4), "more": range(3)}):
        size = row["k"] + row["more"]
        check_as_convolution(submission, row["channels"], row["k"], (size, size + 1))


@property_of("avg_pool_as_conv", "rectangular windows")
def test_a_convolution_that_takes_means_of_rectangles(submission: Submission) -> None:
    for channels, window, image in (
        (3, (2, 3), (5, 7)),
        (2, (4, 1), (8, 3)),
        (1, (1, 2), (2, 5)),
        (5, (3, 2), (6, 4)),
    ):
        check_as_convolution(submission, channels, window, image)


@property_of("avg_pool_as_conv", "rectangular windows")
def test_a_convolution_for_every_rectangle_and_number_of_channels(submission: Submission) -> None:
    settings = {"channels": range(1, 4), "kh": range(1, 4), "kw": range(1, 4), "more": range(3)}
    for row in pairwise(settings, lambda kh, kw: kh != kw):
        kh, kw = row["kh"], row["kw"]
        check_as_convolution(submission, row["channels"], (kh, kw), (kh + row["more"], kw * 2))


@property_of("avg_pool_as_conv", "fixed weights")
def test_a_convolution_that_never_learns(submission: Submission) -> None:
    check_as_convolution(submission, 2, 2, (4, 6), compared=consistent)
    made = new_convolution(submission, 2, 2)
    learning = [name for name, learns in made.describe().trainable.items() if learns]
    sentence = f"Its weights should be fixed, but these require grad: {', '.join(learning)}."
    that(not learning, call="avg_pool_as_conv(2, 2)", aspect="parameters", sentence=sentence)


@property_of("avg_pool_as_conv", "devices")
def test_pooling_as_a_convolution_on_an_accelerator(submission: Submission) -> None:
    module_works_on_the_accelerator(
        submission, "avg_pool_as_conv", 2, 2, X=tensor(2, 2, 4, 4, seed=6), shape=(2, 2, 2, 2)
    )

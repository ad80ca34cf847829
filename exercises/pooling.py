# %% [markdown]
# # Pooling and the receptive field
#
# A convolution reports what it saw and exactly where. To decide "this is a shoe", a network has to give
# up the exact location and combine what it found in different places. Pooling is the simplest way to do
# both: slide a window over the image, as a convolution does, but keep only a summary of each window, its
# maximum or its mean. There is nothing to learn, no kernel and no bias.
#
# You'll write pooling by hand, for one image, for many channels and as a layer, and you'll work out how
# much of the image a single number deep inside a network can see.

# %%
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int stands for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## See it first
#
# The small image below is the kind of output an edge detector might give: 1 where it found something, 0
# elsewhere. Three versions of it go through $2 \times 2$ max pooling: as it is, shifted right by one
# pixel, and shifted right by two.

# %% tags=["example"]
if __name__ == "__main__":
    detected = torch.zeros(4, 6)
    detected[:, 2] = 1
    for steps in range(3):
        shifted = detected.roll(steps, dims=1)
        pooled = nn.functional.max_pool2d(shifted.reshape(1, 1, 4, 6), 2)[0, 0]
        print(f"shifted right by {steps}:", shifted, "after 2 x 2 max pooling:", pooled, sep="\n")

# %% [markdown]
# The first two results are equal, the third is not. This is the first purpose of pooling: it makes later
# layers **less sensitive to the exact position**. A feature can move within its window and the result
# stays the same. As soon as it crosses into the next window, the result changes after all. So be careful
# with the statement "max pooling is translation invariant":
#
# - A convolution is *equivariant*: shift the image, and the result shifts along with it.
# - Pooling is *roughly invariant* to shifts that are small compared with its window.
# - Only global pooling, with one value for the whole map, ignores every shift (apart from what happens at
#   the borders).
#
# The second purpose is a **coarser representation**: the result above has a quarter as many numbers. All
# later layers have less to do, and a $3 \times 3$ kernel in a later layer covers twice the height and
# width in the original image. By repeating this, a network comes to see the whole image.
#
# ## How the window moves
#
# Pooling sizes work like convolution sizes. With a window of height $k$, padding $p$ at both ends and
# stride $s$, an axis of length $n$ becomes
#
# $$\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 .$$
#
# Three things are easy to miss.
#
# - **The stride defaults to the window size**, not to 1: windows lie side by side. A $4 \times 4$ image
#   with window 3 gives $1 \times 1$, since a second window would need rows 3 to 5.
# - **The size is rounded down.** Windows that don't fit completely are dropped.
# - **Window, stride and padding are pairs** `(height, width)`; an int stands for both. The two numbers of
#   a pair can differ.
#
# And what value does padding have? That depends on the mode.
#
# - *Max:* the padding must never be the maximum. If it were 0, an image of negative numbers would get a
#   border of zeros that aren't in the image. So for max pooling, padding is $-\infty$.
# - *Avg:* padding is zeros, and **they count**: the sum is divided by $k_h \cdot k_w$ even where the
#   window extends beyond the image. An image of ones with window 2 and padding 1 gives $\frac{1}{4}$ in
#   the corners.
#
# Padding may be at most half the window size. This is PyTorch's rule, and it ensures that every window
# contains at least one real pixel.
#
# The three rules for all our tensor functions hold here too: the result has the dtype and the device of
# `X` (so no `x.float()`), it stays differentiable (no `.item()`, no NumPy), and `X` itself is never
# changed. "By hand" means without `torch.nn.functional.max_pool2d` and its relatives.


# %%
def pool2d(
    X: Tensor,
    pool_size: int | tuple[int, int],
    mode: str = "max",
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Slide a window over one image and keep the maximum, or the mean, at each position.

    Args:
        X: the image, shape `(H, W)`, any strides.
        pool_size: the window `(kh, kw)`.
        mode: `"max"` or `"avg"`.
        stride: how far the window moves, `(sh, sw)`; `None` means `pool_size`.
        padding: `(ph, pw)` at both ends of each axis; -inf for max, zeros that count in the mean for avg.

    Returns:
        Y of shape `((H + 2*ph - kh) // sh + 1, (W + 2*pw - kw) // sw + 1)`, with the dtype and device of `X`,
        differentiable. `X` isn't changed.

    Raises:
        ValueError: X isn't two-dimensional, the mode is unknown, the window or a stride is below 1, the
            padding is negative or more than half the window, or the window is larger than the padded image
            (stretch task `invalid_input`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html, and `AvgPool2d.html` there
    """
    raise NotImplementedError("write pool2d")


# %% [markdown]
# ## Many channels
#
# A convolution *sums* over its input channels. Pooling doesn't: **each channel is pooled separately**, so
# the number of channels stays the same. The maximum of the "vertical edge" map has nothing to do with the
# "horizontal edge" map. A batch axis is treated the same way: each image is pooled separately.
#
# So `(C, H, W)` becomes `(C, H', W')`, and `(N, C, H, W)` becomes `(N, C, H', W')`.


# %%
def pool2d_multi_channel(
    X: Tensor,
    pool_size: int | tuple[int, int],
    mode: str = "max",
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Pool each channel of an image, or of a batch of images, separately.

    Args:
        X: shape `(C, H, W)` or `(N, C, H, W)`, any strides.
        pool_size: the window `(kh, kw)`.
        mode: `"max"` or `"avg"`.
        stride: how far the window moves, `(sh, sw)`; `None` means `pool_size`.
        padding: `(ph, pw)` at both ends of each axis; -inf for max, zeros that count in the mean for avg.

    Returns:
        Y of shape `(C, H', W')` or `(N, C, H', W')`, with `H'` and `W'` as in `pool2d`, with the dtype and
        device of `X`, differentiable. `X` isn't changed.

    Raises:
        ValueError: X has neither 3 nor 4 dimensions, or as for `pool2d` (stretch task `invalid_input`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """
    raise NotImplementedError("write pool2d_multi_channel")


# %% [markdown]
# ## Pooling as layers
#
# To use pooling in a network, we make it an `nn.Module`. The module stores its settings and nothing else:
# no weight, no bias. So `list(layer.parameters())` is empty, and the optimizer has nothing to update
# here. Gradients still flow back *through* it to earlier layers.
#
# When you create such a layer, call it `pool` or `max_pool`, never `pool2d`: after
# `pool2d = nn.MaxPool2d(3)`, your own function of that name is gone, and the second run of a cell that
# calls it fails.


# %%
class MaxPool2d(nn.Module):
    """A layer that keeps the maximum of each window; it has no parameters.

    Args:
        kernel_size: the window, an int or `(height, width)`.
        stride: an int or `(height, width)`; `None` means `kernel_size`.
        padding: an int or `(height, width)`; the padding is -inf.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        raise NotImplementedError("write MaxPool2d.__init__")

    def forward(self, X: Tensor) -> Tensor:
        """Pool a batch: `(N, C, H, W)` becomes `(N, C, H', W')`."""
        raise NotImplementedError("write MaxPool2d.forward")


# %% [markdown]
# The maximum asks "was it there at all?" and keeps the strongest response. The mean asks "how much of it
# was there?" and takes every pixel into account. The first convolutional networks used means; max pooling
# became the usual choice later. The network in the next exercise uses average pooling, so we need that
# layer too.


# %%
class AvgPool2d(nn.Module):
    """A layer that keeps the mean of each window; it has no parameters.

    Args:
        kernel_size: the window, an int or `(height, width)`.
        stride: an int or `(height, width)`; `None` means `kernel_size`.
        padding: an int or `(height, width)`; the padding is zeros, which count in the mean.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        raise NotImplementedError("write AvgPool2d.__init__")

    def forward(self, X: Tensor) -> Tensor:
        """Pool a batch: `(N, C, H, W)` becomes `(N, C, H', W')`."""
        raise NotImplementedError("write AvgPool2d.forward")


# %% [markdown]
# ## How far does one number see?
#
# One output of a $3 \times 3$ convolution looks at a $3 \times 3$ region of its input. Stack a second one
# on top: its output looks at $3 \times 3$ outputs of the first, each of which sees $3 \times 3$ pixels.
# These regions overlap. Together they cover $5 \times 5$ pixels, not $6 \times 6$ and not $9 \times 9$. A
# third layer makes it $7 \times 7$. This region is called the **receptive field**. It should be large
# enough to contain what the network needs for its decision.
#
# Work it out from the input up, keeping track of two numbers. Let $r$ be the side length of the receptive
# field, and $d$ the distance, *in input pixels*, between two neighbouring outputs of a layer. Before any
# layer, a pixel sees only itself: $r_0 = 1$, and the next pixel is $d_0 = 1$ away. A layer with kernel
# size $k$ and stride $s$ then gives
#
# $$r_l = r_{l-1} + (k_l - 1)\, d_{l-1}, \qquad d_l = d_{l-1}\, s_l .$$
#
# In words: the window covers $k_l$ outputs of the previous layer. The first of them sees $r_{l-1}$
# pixels, and each of the other $k_l - 1$ extends the field by another $d_{l-1}$ pixels. Then the stride
# increases the distance for all later layers.
#
# - Distances *multiply*: $d$ is the product of the strides of all layers so far.
# - A layer's own stride doesn't change its own $r$, only that of later layers.
# - Pooling counts as well: a $2 \times 2$ pooling is a layer with $k = 2$, $s = 2$.
# - If a stride is larger than its kernel, some pixels are skipped. We only want the extent here, from the
#   first pixel to the last, holes included.
#
# In the next exercise, the part of LeNet before its dense layers is `[(5, 1), (2, 2), (5, 1), (2, 2)]`.
# Its receptive field grows from 5 to 6, 14 and finally 16. Try it on paper first.


# %%
def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Compute the side length of the input region that one output of a stack of layers sees.

    Args:
        layers: `(kernel_size, stride)` of each layer, from the input up.

    Returns:
        The extent in pixels along one axis, from the first pixel seen to the last, holes included; 1 if there
        are no layers.

    Raises:
        ValueError: a kernel size or a stride is below 1 (stretch task `invalid_input`).

    Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
        2019
    """
    raise NotImplementedError("write receptive_field")


# %% [markdown]
# ## Stretch: average pooling is a convolution
#
# A mean is a weighted sum with equal weights, so average pooling must be a convolution with a kernel that
# never learns. Which one? Each output channel may look only at its own input channel. In PyTorch, that is
# what `groups` is for: with `groups=channels` there is one small kernel per channel, which makes it a
# *depthwise* convolution.
#
# There is no such kernel for the maximum: a convolution is linear, and $\max(a, b)$ isn't.
#
# You may use `nn.Conv2d` in this task.


# %%
def avg_pool_as_conv(channels: int, kernel_size: int | tuple[int, int]) -> nn.Conv2d:
    """Build a convolution that does the same as `nn.AvgPool2d(kernel_size)` on `channels` channels.

    Args:
        channels: number of input channels, and of output channels too.
        kernel_size: the window, an int or `(height, width)`; also used as the stride.

    Returns:
        An `nn.Conv2d` without a bias and with fixed weights, which don't require grad.

    Raises:
        ValueError: `channels` or `kernel_size` is below 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write avg_pool_as_conv")


# %% [markdown]
# ## Stretch: the backward pass
#
# What does pooling do with the gradient it receives from the next layer? Ask how much an output changes
# if one pixel changes a little.
#
# - *Avg:* every pixel of the window has weight $\frac{1}{k_h k_w}$, so each gets that share of the
#   gradient.
# - *Max:* only the largest pixel matters, so it gets the whole gradient; the others could change a little
#   without any effect. What counts is the *position* of the maximum, not its sign: this isn't the
#   gradient of a ReLU.
#
# A pixel that lies in several windows collects gradients from all of them, and a pixel in no window gets
# 0. If the maximum occurs more than once in a window, this task gives the gradient to its first position
# in row-major order. So there is one such pixel in each window: not one for the whole image, and not all
# tied pixels.
#
# Here is a test that needs no expected values: for both modes,
# $\sum \text{grad}_Y \cdot Y = \sum \text{grad}_X \cdot X$. Do you see why?


# %%
def pool2d_backward(
    grad_Y: Tensor,
    X: Tensor,
    pool_size: int | tuple[int, int],
    mode: str = "max",
    stride: int | tuple[int, int] | None = None,
) -> Tensor:
    """Compute the gradient with respect to X from that with respect to `pool2d(X, ...)`, without autograd.

    Args:
        grad_Y: gradient of the loss with respect to the pooled image, shape `(H', W')`.
        X: the image that was pooled, shape `(H, W)`, any strides.
        pool_size: the window `(kh, kw)`.
        mode: `"max"` or `"avg"`.
        stride: how far the window moves, `(sh, sw)`; `None` means `pool_size`.

    Returns:
        grad_X of shape `(H, W)`, dtype `torch.result_type(X, grad_Y)`, on `X.device`. The gradient of a
        tied maximum goes to its first position in row-major order.

    Raises:
        ValueError: `grad_Y` doesn't have the shape of the pooled image, or as for `pool2d` (stretch task
            `invalid_input`).

    Source: the chain rule; torch.autograd does the same for `torch.nn.functional.max_pool2d` and `avg_pool2d`
    """
    raise NotImplementedError("write pool2d_backward")


# %% [markdown]
# ## Stretch: rejecting invalid input
#
# Some calls have no valid result. A function that returns something anyway, or fails three levels deeper
# with a message about something else, costs somebody an afternoon. Make your functions raise
# `ValueError`, with a message that names the offending shape or value, when
#
# - `X` has the wrong number of dimensions: it needs 2 for `pool2d`, and 3 or 4 for `pool2d_multi_channel`
#   and so for the layers;
# - the mode is neither `"max"` nor `"avg"`;
# - the window or a stride is below 1, in `receptive_field` too;
# - the padding is negative or more than half the window;
# - the window is larger than the padded image;
# - in `pool2d_backward`, `grad_Y` doesn't have the shape of the pooled image.
#
# Some of these don't fail on their own. For which of them would your `pool2d` currently return a result
# without complaint?

# %% [markdown]
# ## Help, I see ...
#
# - *the result of max pooling has zeros along its border:* the padding was 0, and the image is negative
#   there.
# - *an average at the border is too large:* it was divided by the number of real pixels, not by the size
#   of the window.
# - *a* $4 \times 4$ *image and window 3 give* $2 \times 2$*:* the stride defaulted to 1 instead of the
#   window size.
# - *height and width are swapped in the shape:* try a $3 \times 7$ image with a window of `(1, 2)`. Does
#   the first number of each pair go with the rows?
# - *the values are right, but* `X.grad` *is* `None`*:* somewhere a tensor was converted to a Python
#   number or an array.
# - *only one channel comes out:* the maximum was taken over the channels as well. Which axes does your
#   code reduce?

# %% [markdown]
# # Pooling and the receptive field
#
# A convolution reports what it saw and exactly where. To decide "this is a shoe" a network must let go of
# the exact where, and gather what was seen here and there into one picture of the whole. Pooling is the
# plainest way to do both: slide a window over the image, as a convolution does, but keep one summary of
# each window, its largest value or its mean. There is nothing to learn in it, no kernel and no bias.
#
# You will write pooling by hand, for one image, for many channels and as a layer, and work out how far
# one number deep inside a network can see.

# %%
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int counts for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## See it first
#
# The little image below is what an edge detector might give: 1 where it found something, 0 elsewhere.
# Three versions of it go through a $2 \times 2$ max pooling: as it is, one pixel to the right, and two
# pixels to the right.

# %% tags=["example"]
if __name__ == "__main__":
    detected = torch.zeros(4, 6)
    detected[:, 2] = 1
    for steps in range(3):
        shifted = detected.roll(steps, dims=1)
        pooled = nn.functional.max_pool2d(shifted.reshape(1, 1, 4, 6), 2)[0, 0]
        print(f"moved {steps} to the right:", shifted, "after 2 x 2 max pooling:", pooled, sep="\n")

# %% [markdown]
# The first two results are equal, and the third is not. That is the first purpose of pooling: it makes
# what follows **less sensitive to the exact place**. A pixel may move inside its window and nobody
# notices. Once it crosses into the next window, the result changes after all. So take care with the
# sentence "max pooling is translation invariant":
#
# - A convolution is *equivariant*: shift the image, and the result is shifted along.
# - Pooling is *roughly invariant*, to shifts that are small against its window.
# - Only global pooling, one value for the whole map, ignores every shift (borders apart).
#
# The second purpose is a **coarser representation**: the result above has a quarter of the numbers. All
# later layers have less to do, and a $3 \times 3$ kernel up there covers twice the height and width of
# the original image. A network sees the whole by repeating this.
#
# ## How the window moves
#
# Pooling has the arithmetic of a convolution. With a window of height $k$, padding $p$ at both ends and
# stride $s$, an axis of length $n$ becomes
#
# $$\left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 .$$
#
# Three things are easily missed.
#
# - **The stride defaults to the window**, not to 1: windows lie side by side. A $4 \times 4$ image with
#   window 3 gives $1 \times 1$, since a second window would need rows 3 to 5.
# - **The size is rounded down.** A remainder too narrow for a whole window is left out.
# - **Window, stride and padding are pairs** `(height, width)`; an int stands for both. Nothing says that
#   the two are equal.
#
# And what does padding count as? That depends on the question asked of the window.
#
# - *Maximum:* the padding must never win. Were it 0, an image of negative numbers would be framed with
#   zeros that were never there. So for max pooling padding is $-\infty$.
# - *Mean:* padding is zeros, and **they count**: the sum is divided by $k_h \cdot k_w$ even where the
#   window hangs over the edge. An image of ones with window 2 and padding 1 has $\frac{1}{4}$ in its
#   corners.
#
# Padding may be at most half the window. This is PyTorch's rule, and it ensures that every window holds
# at least one real pixel.
#
# The three habits of all our tensor functions: the result has the dtype and the device of `X` (so no
# `x.float()`), stays differentiable (no `.item()`, no numpy), and `X` itself is never changed. "By hand"
# means without `torch.nn.functional.max_pool2d` and its relatives.


# %% tags=["reference"]
def _checked(
    X: Tensor,
    ranks: tuple[int, ...],
    pool_size: int | tuple[int, int],
    mode: str,
    stride: int | tuple[int, int] | None,
    padding: int | tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Window, stride, padding and output size as pairs; `ValueError` where pooling has no result."""
    if mode not in ("max", "avg"):
        raise ValueError(f'mode must be "max" or "avg", got {mode!r}')
    if X.dim() not in ranks:
        wanted = " or ".join(str(rank) for rank in ranks)
        raise ValueError(f"X must have {wanted} dimensions, got shape {tuple(X.shape)}")
    window = _pair(pool_size)
    steps = window if stride is None else _pair(stride)
    pads = _pair(padding)
    if min(window) < 1:
        raise ValueError(f"pool_size must be at least 1, got {pool_size}")
    if min(steps) < 1:
        raise ValueError(f"stride must be at least 1, got {stride}")
    if min(pads) < 0 or 2 * pads[0] > window[0] or 2 * pads[1] > window[1]:
        raise ValueError(
            f"padding must lie between 0 and half of the window {pool_size}, got padding {padding}"
        )
    room = (X.shape[-2] + 2 * pads[0] - window[0], X.shape[-1] + 2 * pads[1] - window[1])
    if min(room) < 0:
        raise ValueError(
            f"a window of {window} does not fit into X of shape {tuple(X.shape)} with padding {pads}"
        )
    return window, steps, pads, (room[0] // steps[0] + 1, room[1] // steps[1] + 1)


# %% task="pool2d" kind="core" points=6 difficulty=2 minutes=20 importance=5 by_hand=true
def pool2d(
    X: Tensor,
    pool_size: int | tuple[int, int],
    mode: str = "max",
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Slide a window over one image and keep the maximum, or the mean, of each position.

    Args:
        X: the image, shape `(H, W)`, any strides.
        pool_size: the window `(kh, kw)`.
        mode: `"max"` or `"avg"`.
        stride: how far the window moves, `(sh, sw)`; `None` means `pool_size`.
        padding: `(ph, pw)` at both ends of each axis; -inf for max, for avg zeros that are part of the mean.

    Returns:
        Y of shape `((H + 2*ph - kh) // sh + 1, (W + 2*pw - kw) // sw + 1)`, of the dtype and device of `X`,
        differentiable. `X` is not changed.

    Raises:
        ValueError: X is not two-dimensional, the mode is unknown, the window or a stride is below 1, the
            padding is negative or above half the window, or the window is larger than the padded image
            (stretch task `invalid_input`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html and `AvgPool2d.html` there
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw), (ph, pw), (height, width) = _checked(X, (2,), pool_size, mode, stride, padding)
    outside = float("-inf") if mode == "max" else 0.0
    padded = nn.functional.pad(X, (pw, pw, ph, ph), value=outside)  # the last axis comes first
    Y = X.new_empty(height, width)
    for i in range(height):
        for j in range(width):
            window = padded[i * sh : i * sh + kh, j * sw : j * sw + kw]
            Y[i, j] = window.max() if mode == "max" else window.mean()
    return Y
    ### END SOLUTION


# %% [markdown] hints="pool2d"
# 1. Leave padding aside at first. Which rows of `X` does output row 0 look at, and which does output row
#    `i`? By how much does the beginning move from one output row to the next?
# 2. Make the frame first, with the value that fits the mode, and then forget about it: what is left is
#    pooling without padding on a larger image. `torch.nn.functional.pad` takes the *last* axis first:
#    left, right, top, bottom. How many output rows and columns will there be?
# 3. `Y = X.new_empty(oh, ow)` has the right dtype and device. Then `Y[i, j]` is the `.max()` or `.mean()`
#    of `padded[i * sh : i * sh + kh, j * sw : j * sw + kw]`, for `i` in `range(oh)` and `j` in
#    `range(ow)`, with `oh = (H + 2 * ph - kh) // sh + 1` and `ow` alike.

# %% [markdown]
# ## Many channels
#
# A convolution *sums* over its input channels. Pooling does not: **every channel is pooled on its own**,
# so as many channels come out as went in. The largest value of the "vertical edge" map has nothing to say
# about the "horizontal edge" map. A batch axis is treated in the same way: each sample on its own.
#
# So `(C, H, W)` becomes `(C, H', W')`, and `(N, C, H, W)` becomes `(N, C, H', W')`.


# %% task="pool2d_multi_channel" kind="core" points=4 difficulty=2 minutes=10 importance=4 by_hand=true
def pool2d_multi_channel(
    X: Tensor,
    pool_size: int | tuple[int, int],
    mode: str = "max",
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Pool every channel of an image, or of a batch of images, on its own.

    Args:
        X: shape `(C, H, W)` or `(N, C, H, W)`, any strides.
        pool_size: the window `(kh, kw)`.
        mode: `"max"` or `"avg"`.
        stride: how far the window moves, `(sh, sw)`; `None` means `pool_size`.
        padding: `(ph, pw)` at both ends of each axis; -inf for max, for avg zeros that are part of the mean.

    Returns:
        Y of shape `(C, H', W')` or `(N, C, H', W')`, with `H'` and `W'` as in `pool2d`, of the dtype and
        device of `X`, differentiable. `X` is not changed.

    Raises:
        ValueError: X has neither 3 nor 4 dimensions, or as in `pool2d` (stretch task `invalid_input`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw), (ph, pw), (height, width) = _checked(X, (3, 4), pool_size, mode, stride, padding)
    outside = float("-inf") if mode == "max" else 0.0
    padded = nn.functional.pad(X, (pw, pw, ph, ph), value=outside)
    Y = X.new_empty(*X.shape[:-2], height, width)
    for i in range(height):
        for j in range(width):
            # The same window of all channels (and samples) at once; only the last two axes are summarised.
            windows = padded[..., i * sh : i * sh + kh, j * sw : j * sw + kw]
            Y[..., i, j] = windows.amax(dim=(-2, -1)) if mode == "max" else windows.mean(dim=(-2, -1))
    return Y
    ### END SOLUTION


# %% [markdown] hints="pool2d_multi_channel"
# 1. You can pool one channel. What remains to be done for the others, and how do the pieces become one
#    tensor again?
# 2. Either go through the channels one by one and `torch.stack` the results, or let one window pass over
#    all of them at once: which axes of `X[..., rows, columns]` should be summarised, and which must
#    survive?
# 3. For `(C, H, W)`: `torch.stack([pool2d(channel, ...) for channel in X])`. For four dimensions stack
#    the results of the three-dimensional case in the same way. Or, faster: your two loops of `pool2d`
#    with `[..., rows, columns]` and `.amax(dim=(-2, -1))` or `.mean(dim=(-2, -1))`.

# %% [markdown]
# ## Pooling as layers
#
# To put pooling into a network it becomes an `nn.Module`. It remembers its settings and does nothing
# else: no weight, no bias, so `list(layer.parameters())` is empty, and an optimizer has nothing to do
# here. Gradients still flow *through* it, to the layers below.
#
# Name a layer that you make `pool` or `max_pool`, never `pool2d`: after `pool2d = nn.MaxPool2d(3)` your
# own function of that name is gone, and the second run of a cell that calls it fails.


# %% task="MaxPool2d" kind="core" points=3 difficulty=1 minutes=5 importance=4 by_hand=true
class MaxPool2d(nn.Module):
    """A layer that keeps the maximum of each window; it has no parameters.

    Args:
        kernel_size: the window, an int or `(height, width)`.
        stride: an int or `(height, width)`; `None` means `kernel_size`.
        padding: an int or `(height, width)`, counts as -inf.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        ### END SOLUTION

    def forward(self, X: Tensor) -> Tensor:
        """Pool a batch: `(N, C, H, W)` becomes `(N, C, H', W')`."""
        ### BEGIN SOLUTION
        return pool2d_multi_channel(X, self.kernel_size, "max", self.stride, self.padding)
        ### END SOLUTION


# %% [markdown] hints="MaxPool2d"
# 1. What must the layer remember between its creation and the first image?
# 2. `__init__` stores its three arguments on `self`. Which function, already written, does the work in
#    `forward`?
# 3. `forward` returns `pool2d_multi_channel(X, self.kernel_size, "max", self.stride, self.padding)`. A
#    stride of `None` may be passed on as it is.


# %% [markdown]
# The maximum asks "was it there at all?" and keeps the strongest evidence. The mean asks "how much of it
# was there?" and lets every pixel have a say. The first convolutional networks took means; maxima became
# the usual choice later. The network of the next exercise pools by the mean, so we need that layer too.


# %% task="AvgPool2d" kind="core" points=3 difficulty=1 minutes=5 importance=4 by_hand=true
class AvgPool2d(nn.Module):
    """A layer that keeps the mean of each window; it has no parameters.

    Args:
        kernel_size: the window, an int or `(height, width)`.
        stride: an int or `(height, width)`; `None` means `kernel_size`.
        padding: an int or `(height, width)`, counts as zeros that are part of the mean.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        ### END SOLUTION

    def forward(self, X: Tensor) -> Tensor:
        """Pool a batch: `(N, C, H, W)` becomes `(N, C, H', W')`."""
        ### BEGIN SOLUTION
        return pool2d_multi_channel(X, self.kernel_size, "avg", self.stride, self.padding)
        ### END SOLUTION


# %% [markdown] hints="AvgPool2d"
# 1. In what does this layer differ from `MaxPool2d`?
# 2. It remembers the same three settings. Which word in the call inside `forward` has to change?
# 3. `forward` returns `pool2d_multi_channel(X, self.kernel_size, "avg", self.stride, self.padding)`.

# %% [markdown]
# ## How far does one number see?
#
# One output of a $3 \times 3$ convolution looks at a $3 \times 3$ region of its input. Stack a second one
# on top: its output looks at $3 \times 3$ outputs of the first, each of which sees $3 \times 3$ pixels.
# These regions overlap. Together they cover $5 \times 5$ pixels, not $6 \times 6$ and not $9 \times 9$. A
# third makes it $7 \times 7$. This region is called the **receptive field**. The number should see as
# much of the image as its decision needs.
#
# Follow it from the input up, with two numbers. Let $r$ be the side of the receptive field, and $d$ the
# distance, *in pixels of the input*, between two neighbouring outputs of a layer. Before any layer a
# pixel sees itself: $r_0 = 1$, and the next pixel is $d_0 = 1$ away. A layer with kernel $k$ and stride
# $s$ then gives
#
# $$r_l = r_{l-1} + (k_l - 1)\, d_{l-1}, \qquad d_l = d_{l-1}\, s_l .$$
#
# Read it aloud. The window spans $k_l$ outputs of the layer below, the first of which sees $r_{l-1}$
# pixels. Each of the other $k_l - 1$ lies another $d_{l-1}$ pixels further on. Then the stride stretches
# the distances for everything that comes above.
#
# - Distances *multiply*: $d$ is the product of all strides below.
# - A layer's own stride does not change its own $r$, only that of the layers above it.
# - Pooling counts as well: a $2 \times 2$ pooling is a layer with $k = 2$, $s = 2$.
# - If a stride is larger than its kernel, some pixels are skipped. Only the extent is asked for here,
#   from the first pixel to the last, holes included.
#
# The part of LeNet before its dense layers, the next exercise, is `[(5, 1), (2, 2), (5, 1), (2, 2)]`. Its
# field grows $5, 6, 14, 16$. Try it on paper first.


# %% task="receptive_field" kind="core" points=4 difficulty=2 minutes=15 importance=4
def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Side length of the input region that one output element of a stack of layers sees.

    Args:
        layers: `(kernel_size, stride)` of each layer, from the input up.

    Returns:
        The extent in pixels along one axis, from the first pixel seen to the last, holes included; 1 for an
        empty stack.

    Raises:
        ValueError: a kernel size or a stride is below 1 (stretch task `invalid_input`).

    Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
        2019
    """
    ### BEGIN SOLUTION
    field, distance = 1, 1
    for kernel_size, stride in layers:
        if kernel_size < 1 or stride < 1:
            raise ValueError(f"kernel_size and stride must be at least 1, got {(kernel_size, stride)}")
        field += (kernel_size - 1) * distance
        distance *= stride
    return field
    ### END SOLUTION


# %% [markdown] hints="receptive_field"
# 1. With stride 1 everywhere, how many pixels does one more $3 \times 3$ layer add? And how many, if
#    there is a layer of stride 2 below it?
# 2. Keep two numbers while you walk from the input up: the side of the field, and the distance in input
#    pixels between two neighbours of the current layer. Both begin at 1. Which of them must be updated
#    first?
# 3. For each `(kernel_size, stride)`: first add `(kernel_size - 1) * distance` to the field, then
#    multiply the distance by `stride`.

# %% [markdown]
# ## Stretch: average pooling is a convolution
#
# A mean is a weighted sum with equal weights, so average pooling must be a convolution with a kernel that
# never learns. Which one? Each output channel may look at its own input channel only. In PyTorch that is
# what `groups` is for: with `groups=channels` there is one small kernel per channel, a *depthwise*
# convolution.
#
# There is no such kernel for the maximum: a convolution is linear, and $\max(a, b)$ is not.
#
# `nn.Conv2d` is welcome in this task.


# %% task="avg_pool_as_conv" kind="stretch" points=2 difficulty=3 minutes=15 importance=3
def avg_pool_as_conv(channels: int, kernel_size: int | tuple[int, int]) -> nn.Conv2d:
    """Build the convolution that is the same as `nn.AvgPool2d(kernel_size)` on `channels` channels.

    Args:
        channels: number of input channels, which is the number of output channels too.
        kernel_size: the window, an int or `(height, width)`; it is the stride as well.

    Returns:
        An `nn.Conv2d` without bias, whose weights are fixed: they do not require grad.

    Raises:
        ValueError: `channels` or `kernel_size` is below 1.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    kh, kw = _pair(kernel_size)
    if channels < 1 or kh < 1 or kw < 1:
        raise ValueError(f"channels and kernel_size must be at least 1, got {channels} and {kernel_size}")
    conv = nn.Conv2d(channels, channels, (kh, kw), stride=(kh, kw), groups=channels, bias=False)
    nn.init.constant_(conv.weight, 1 / (kh * kw))
    conv.weight.requires_grad_(False)
    return conv
    ### END SOLUTION


# %% [markdown] hints="avg_pool_as_conv"
# 1. By what is each of the pixels of a window multiplied in a mean? How does a convolution avoid mixing
#    the channels?
# 2. The stride must be that of pooling, the bias must go, and `groups=channels` gives a weight of shape
#    `(channels, 1, kh, kw)`. What stops an optimizer from changing it?
# 3. `nn.Conv2d(channels, channels, kernel_size, stride=kernel_size, groups=channels, bias=False)`, then
#    fill the weight with `1 / (kh * kw)` by `nn.init.constant_`, and call `requires_grad_(False)` on it.

# %% [markdown]
# ## Stretch: the way back
#
# What does pooling do with the gradient that comes from above? Ask how much an output changes if one
# pixel changes by a little.
#
# - *Mean:* every pixel of the window counts with weight $\frac{1}{k_h k_w}$, so each gets that share of
#   the gradient.
# - *Maximum:* only the largest pixel matters, and it gets everything; the others could change a little
#   without any effect. It is the *place* of the maximum that counts, not its sign: this is not the
#   gradient of a ReLU.
#
# A pixel that lies in several windows collects from all of them, and one in no window gets 0. If a
# maximum occurs twice in a window, this task gives the gradient to the first place in reading order, row
# by row. One cell per window, not one cell for all windows, and not every tied cell.
#
# A test that needs no expected values: for both modes
# $\sum \text{grad}_Y \cdot Y = \sum \text{grad}_X \cdot X$. Do you see why?


# %% task="pool2d_backward" kind="stretch" points=2 difficulty=4 minutes=25 importance=3 by_hand=true
def pool2d_backward(
    grad_Y: Tensor,
    X: Tensor,
    pool_size: int | tuple[int, int],
    mode: str = "max",
    stride: int | tuple[int, int] | None = None,
) -> Tensor:
    """Gradient with respect to the image, given the gradient with respect to `pool2d(X, ...)`; no autograd.

    Args:
        grad_Y: gradient of some loss with respect to the pooled image, shape `(H', W')`.
        X: the image that was pooled, shape `(H, W)`, any strides.
        pool_size: the window `(kh, kw)`.
        mode: `"max"` or `"avg"`.
        stride: how far the window moves, `(sh, sw)`; `None` means `pool_size`.

    Returns:
        grad_X of shape `(H, W)`, of dtype `torch.result_type(X, grad_Y)`, on `X.device`. The gradient of a
        tied maximum goes to its first position in row-major order.

    Raises:
        ValueError: `grad_Y` has not the shape of the pooled image, or as in `pool2d` (stretch task
            `invalid_input`).

    Source: the chain rule; torch.autograd does the same for `torch.nn.functional.max_pool2d` and `avg_pool2d`
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw), _, (height, width) = _checked(X, (2,), pool_size, mode, stride, 0)
    if grad_Y.shape != (height, width):
        raise ValueError(f"grad_Y must have shape {(height, width)}, got {tuple(grad_Y.shape)}")
    grad_X = torch.zeros_like(X, dtype=torch.result_type(X, grad_Y))
    grad_Y = grad_Y.to(grad_X.dtype)
    for i in range(height):
        for j in range(width):
            rows = slice(i * sh, i * sh + kh)
            columns = slice(j * sw, j * sw + kw)
            if mode == "max":
                # argmax counts through the window row by row, and of equals it takes the first.
                row, column = divmod(int(X[rows, columns].argmax()), kw)
                grad_X[i * sh + row, j * sw + column] += grad_Y[i, j]
            else:
                grad_X[rows, columns] += grad_Y[i, j] / (kh * kw)
    return grad_X
    ### END SOLUTION


# %% [markdown] hints="pool2d_backward"
# 1. One number of `grad_Y` belongs to one window. To which pixels of that window does it go, and in which
#    shares? What happens where windows overlap?
# 2. Start from zeros in the shape of `X`, walk through the windows as `pool2d` does, and *add*. For the
#    maximum `window.argmax()` counts through the window row by row and names the first of equals. How do
#    you get a row and a column out of that one number?
# 3. `row, column = divmod(int(window.argmax()), kw)`, then add `grad_Y[i, j]` to
#    `grad_X[i * sh + row, j * sw + column]`. For the mean add `grad_Y[i, j] / (kh * kw)` to the whole
#    slice of `grad_X`.

# %% [markdown] task="invalid_input" kind="stretch" points=1 difficulty=2 minutes=15 importance=3
# ## Stretch: saying no
#
# Some questions have no answer. A function that answers anyway, or fails three levels deeper with a
# message about something else, costs somebody an afternoon. Let your functions raise `ValueError` with a
# message that names the shape or the value that offends, when
#
# - `X` has the wrong number of dimensions: 2 for `pool2d`, 3 or 4 for `pool2d_multi_channel`, and so for
#   the layers;
# - the mode is neither `"max"` nor `"avg"`;
# - the window or a stride is below 1, in `receptive_field` too;
# - the padding is negative, or above half the window;
# - the window is larger than the padded image;
# - for `pool2d_backward`: `grad_Y` has not the shape of the pooled image.
#
# Some of these do not fail on their own. Which ones would your `pool2d` answer quietly today?

# %% [markdown] hints="invalid_input"
# 1. Which of the cases above can you tell from the arguments alone, and which only together with the
#    shape of `X`?
# 2. All functions share these questions. Would one small helper, called first in each of them, do?
# 3. Begin with
#    `if X.dim() != 2: raise ValueError(f"X must have 2 dimensions, got shape {tuple(X.shape)}")`. Go on
#    in the same way with the mode, `min(window) < 1`, `min(stride) < 1`, `2 * padding > window` on each
#    axis, and a window larger than `size + 2 * padding`.

# %% [markdown]
# ## Help, I see ...
#
# - *the result of max pooling has zeros along its border:* the padding was 0, and the image is negative
#   there.
# - *an average at the border is too large:* it was divided by the number of real pixels, not by the whole
#   window.
# - *a* $4 \times 4$ *image and window 3 give* $2 \times 2$*:* the stride defaulted to 1 instead of the
#   window.
# - *the shape has height and width exchanged:* try an image of $3 \times 7$ with a window of `(1, 2)`.
#   Does the first number of each pair go with the rows?
# - *the values are right, but* `X.grad` *is* `None`*:* somewhere a tensor became a Python number or an
#   array.
# - *only one channel comes out:* the maximum went over the channels as well. Which axes does it
#   summarise?

# %% [markdown] order=4
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


# %% tags=["reference"]
def _checked(
    X: Tensor,
    ranks: tuple[int, ...],
    pool_size: int | tuple[int, int],
    mode: str,
    stride: int | tuple[int, int] | None,
    padding: int | tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Window, stride, padding and output size as pairs; raises `ValueError` if pooling has no result."""
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
            f"padding must be between 0 and half of the window {pool_size}, got padding {padding}"
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
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw), (ph, pw), (height, width) = _checked(X, (2,), pool_size, mode, stride, padding)
    outside = float("-inf") if mode == "max" else 0.0
    padded = nn.functional.pad(X, (pw, pw, ph, ph), value=outside)  # pad takes the last axis first
    Y = X.new_empty(height, width)
    for i in range(height):
        for j in range(width):
            window = padded[i * sh : i * sh + kh, j * sw : j * sw + kw]
            Y[i, j] = window.max() if mode == "max" else window.mean()
    return Y
    ### END SOLUTION


# %% [markdown] hints="pool2d"
# 1. Leave padding aside at first. Which rows of `X` does output row 0 look at, and which does output row
#    `i`? By how much does the start move from one output row to the next?
# 2. Pad first, with the value that fits the mode, and then forget about padding: what remains is pooling
#    without padding on a larger image. `torch.nn.functional.pad` takes the *last* axis first: left,
#    right, top, bottom. How many output rows and columns will there be?
# 3. `Y = X.new_empty(oh, ow)` has the right dtype and device. Then `Y[i, j]` is the `.max()` or `.mean()`
#    of `padded[i * sh : i * sh + kh, j * sw : j * sw + kw]`, for `i` in `range(oh)` and `j` in
#    `range(ow)`, with `oh = (H + 2 * ph - kh) // sh + 1` and `ow` computed the same way.

# %% [markdown]
# ## Many channels
#
# A convolution *sums* over its input channels. Pooling doesn't: **each channel is pooled separately**, so
# the number of channels stays the same. The maximum of the "vertical edge" map has nothing to do with the
# "horizontal edge" map. A batch axis is treated the same way: each image is pooled separately.
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
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw), (ph, pw), (height, width) = _checked(X, (3, 4), pool_size, mode, stride, padding)
    outside = float("-inf") if mode == "max" else 0.0
    padded = nn.functional.pad(X, (pw, pw, ph, ph), value=outside)
    Y = X.new_empty(*X.shape[:-2], height, width)
    for i in range(height):
        for j in range(width):
            # The same window in all channels (and images) at once; only the last two axes are reduced.
            windows = padded[..., i * sh : i * sh + kh, j * sw : j * sw + kw]
            Y[..., i, j] = windows.amax(dim=(-2, -1)) if mode == "max" else windows.mean(dim=(-2, -1))
    return Y
    ### END SOLUTION


# %% [markdown] hints="pool2d_multi_channel"
# 1. You can pool one channel. What is left to do for the others, and how do you combine the results into
#    one tensor?
# 2. Either go through the channels one by one and `torch.stack` the results, or move one window over all
#    of them at once: which axes of `X[..., rows, columns]` should be reduced, and which must remain?
# 3. For `(C, H, W)`: `torch.stack([pool2d(channel, ...) for channel in X])`. For four dimensions, stack
#    the results of the three-dimensional case in the same way. Or, faster: use the two loops of your
#    `pool2d` with `[..., rows, columns]` and `.amax(dim=(-2, -1))` or `.mean(dim=(-2, -1))`.

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


# %% task="MaxPool2d" kind="core" points=3 difficulty=1 minutes=5 importance=4 by_hand=true
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
# 1. What must the layer remember between its creation and its first image?
# 2. `__init__` stores its three arguments on `self`. Which function that you've already written does the
#    work in `forward`?
# 3. `forward` returns `pool2d_multi_channel(X, self.kernel_size, "max", self.stride, self.padding)`. You
#    can pass on a stride of `None` as it is.


# %% [markdown]
# The maximum asks "was it there at all?" and keeps the strongest response. The mean asks "how much of it
# was there?" and takes every pixel into account. The first convolutional networks used means; max pooling
# became the usual choice later. The network in the next exercise uses average pooling, so we need that
# layer too.


# %% task="AvgPool2d" kind="core" points=3 difficulty=1 minutes=5 importance=4 by_hand=true
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
# 1. How does this layer differ from `MaxPool2d`?
# 2. It stores the same three settings. Which argument in the call inside `forward` has to change?
# 3. `forward` returns `pool2d_multi_channel(X, self.kernel_size, "avg", self.stride, self.padding)`.

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


# %% task="receptive_field" kind="core" points=4 difficulty=2 minutes=15 importance=4
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
# 1. With stride 1 everywhere, how many pixels does another $3 \times 3$ layer add? And how many if one of
#    the layers before it has stride 2?
# 2. Keep two numbers while you go from the input up: the side length of the field, and the distance in
#    input pixels between two neighbouring outputs of the current layer. Both start at 1. Which of them
#    must be updated first?
# 3. For each `(kernel_size, stride)`: first add `(kernel_size - 1) * distance` to the field, then
#    multiply the distance by `stride`.

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


# %% task="avg_pool_as_conv" kind="stretch" points=2 difficulty=3 minutes=15 importance=3
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
# 1. What is each pixel of a window multiplied by when you take the mean? How can a convolution avoid
#    mixing the channels?
# 2. The stride must be the one that pooling uses, there must be no bias, and `groups=channels` gives a
#    weight of shape `(channels, 1, kh, kw)`. What stops an optimizer from changing it?
# 3. `nn.Conv2d(channels, channels, kernel_size, stride=kernel_size, groups=channels, bias=False)`, then
#    fill the weight with `1 / (kh * kw)` using `nn.init.constant_`, and call `requires_grad_(False)` on
#    it.

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


# %% task="pool2d_backward" kind="stretch" points=2 difficulty=4 minutes=25 importance=3 by_hand=true
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
                # argmax returns the position in row-major order, and the first one if there are ties.
                row, column = divmod(int(X[rows, columns].argmax()), kw)
                grad_X[i * sh + row, j * sw + column] += grad_Y[i, j]
            else:
                grad_X[rows, columns] += grad_Y[i, j] / (kh * kw)
    return grad_X
    ### END SOLUTION


# %% [markdown] hints="pool2d_backward"
# 1. Each number of `grad_Y` belongs to one window. Which pixels of that window receive it, and what share
#    does each get? What happens where windows overlap?
# 2. Start from zeros in the shape of `X`, go through the windows as `pool2d` does, and *add*. For the
#    maximum, `window.argmax()` numbers the elements of the window row by row. How do you get a row and a
#    column from that one number?
# 3. `row, column = divmod(int(window.argmax()), kw)`, then add `grad_Y[i, j]` to
#    `grad_X[i * sh + row, j * sw + column]`. For the mean, add `grad_Y[i, j] / (kh * kw)` to the whole
#    slice of `grad_X`.

# %% [markdown] task="invalid_input" kind="stretch" points=1 difficulty=2 minutes=15 importance=3
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

# %% [markdown] hints="invalid_input"
# 1. Which of these cases can you detect from the arguments alone, and which only together with the shape
#    of `X`?
# 2. All your functions need the same checks. Would one small helper, called first in each of them, be
#    enough?
# 3. Start with
#    `if X.dim() != 2: raise ValueError(f"X must have 2 dimensions, got shape {tuple(X.shape)}")`.
#    Continue in the same way with the mode, `min(window) < 1`, `min(stride) < 1`, `2 * padding > window`
#    on each axis, and a window larger than `size + 2 * padding`.

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

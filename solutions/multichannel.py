# %% [markdown] order=3
# # Many channels
#
# A colour photo isn't one table of numbers but three: red, green and blue. And a layer that only looks
# for edges in one direction wouldn't be much use; we want many kernels, each with its own result. Both
# ideas come together in one word, **channel**, and in one tensor with four axes. By the end of this
# exercise you'll have a layer that can replace `nn.Conv2d` in any network.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int stands for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## Several input channels
#
# An image with $c_{in}$ channels has shape `(c_in, H, W)`: channels first. Its kernel has one slice for
# each channel, so its shape is `(c_in, kh, kw)`. A kernel with several slices is called a **filter**.
# Each channel is cross-correlated with *its own* slice of the filter, and the $c_{in}$ results are
# **added up** to give a single map:
#
# $$Y_{ij} = \sum_{c} \sum_{a,b} X_{c,\,i+a,\,j+b}\; K_{c,a,b}.$$
#
# So the result has no channel axis at all. Think of the filter as a small block that is as deep as the
# image: it moves down and to the right, but never along the channels. The results are summed, not
# averaged: the weights in each slice already decide how much each channel contributes.
#
# An image with three channels and a filter with two slices don't match. Python's `zip` hides this
# mistake: it stops silently at the shorter of the two.
#
# As everywhere in this course, the result has dtype `torch.result_type(X, K)`, lives on `X.device` and is
# differentiable, and the input isn't changed. "By hand" means without `torch.nn.functional.conv2d` and
# its relatives; feel free to paste in your own `conv2d` from the first exercise. `einsum`, `matmul`,
# `unfold` and `F.pad` are allowed, too.


# %% tags=["reference"]
def _check_dimensions(name: str, tensor: Tensor, expected: int) -> None:
    if tensor.dim() != expected:
        raise ValueError(f"{name} must have {expected} dimensions, got shape {tuple(tensor.shape)}")


def _check_image_and_kernel(X: Tensor, K: Tensor, kernel_dimensions: int) -> None:
    """Raise `ValueError` unless a single image and one filter, or a stack of filters, match."""
    _check_dimensions("X", X, 3)
    _check_dimensions("K", K, kernel_dimensions)
    if X.shape[0] != K.shape[-3]:
        raise ValueError(f"channels disagree: X has shape {tuple(X.shape)}, K has shape {tuple(K.shape)}")


def _check_pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    """The pair that `value` stands for; raises `ValueError` if one of its numbers is below `least`."""
    pair = _pair(value)
    if min(pair) < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return pair


def _check_weight_and_bias(X: Tensor, weight: Tensor, bias: Tensor | None, groups: int = 1) -> None:
    """Raise `ValueError` unless the batch, the weight, the bias and the groups match."""
    _check_dimensions("X", X, 4)
    _check_dimensions("weight", weight, 4)
    in_channels, out_channels = X.shape[1], weight.shape[0]
    if groups < 1 or in_channels % groups or out_channels % groups:
        raise ValueError(
            f"groups={groups} must divide {in_channels} input and {out_channels} output channels"
        )
    if weight.shape[1] * groups != in_channels:
        raise ValueError(
            f"channels disagree: X of shape {tuple(X.shape)} has {in_channels}, but weight of shape "
            f"{tuple(weight.shape)} with groups={groups} expects {weight.shape[1] * groups}"
        )
    if bias is not None and bias.shape != (out_channels,):
        raise ValueError(f"bias must have shape {(out_channels,)}, got {tuple(bias.shape)}")


def _output_shape(
    padded: torch.Size,
    kernel: torch.Size,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int]:
    """Height and width of the result, from the last two axes of the padded image and of the filters."""
    sizes = []
    for n, k, s, d in zip(padded[-2:], kernel[-2:], stride, dilation, strict=True):
        extent = d * (k - 1) + 1
        if k < 1 or extent > n:
            raise ValueError(
                f"kernel of size {tuple(kernel[-2:])} with dilation {dilation} does not fit into "
                f"padded image of size {tuple(padded[-2:])}"
            )
        sizes.append((n - extent) // s + 1)
    return sizes[0], sizes[1]


# %% task="conv2d_multi_in" kind="core" points=4 difficulty=2 minutes=10 importance=5 by_hand=true
def conv2d_multi_in(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image that has several channels with one filter that has a slice for each channel.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the filter, shape `(c_in, kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`: the sum over all channels.

    Raises:
        ValueError: X or K isn't three-dimensional, their channels disagree, or the kernel is larger than the
            image (stretch task `invalid_input`).

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    _check_image_and_kernel(X, K, 3)
    out_height, out_width = _output_shape(X.shape, K.shape)
    _, kernel_height, kernel_width = K.shape
    Y = torch.zeros(out_height, out_width, dtype=torch.result_type(X, K), device=X.device)
    for i in range(out_height):
        for j in range(out_width):
            # The window is a block with all channels, but only kh rows and kw columns.
            block = X[:, i : i + kernel_height, j : j + kernel_width]
            Y[i, j] = (block * K).sum()
    return Y
    ### END SOLUTION


# %% [markdown] hints="conv2d_multi_in"
# 1. If you already had the result for each channel separately, how would you combine them into one?
# 2. Either add up the one-channel results for the pairs `X[c], K[c]`, or take your loops from the first
#    exercise and cut out a block instead of a flat window. Which index is new in the slice?
# 3. `Y[i, j] = (X[:, i : i + kh, j : j + kw] * K).sum()`: the `:` keeps all channels, and the sum runs
#    over them as well. Height and width of the image are now `X.shape[1]` and `X.shape[2]`.

# %% [markdown]
# ## Several output channels
#
# One filter gives one map. For $c_{out}$ maps we take $c_{out}$ filters, each with its own $c_{in}$
# slices, and stack them into one tensor of shape `(c_out, c_in, kh, kw)`. There is **one filter per
# output channel**: `K[o]` is the filter for output channel `o`, and its slice `K[o, c]` is applied to
# input channel `c`. That makes $c_{in} \cdot c_{out}$ slices in total.
#
# The result has $c_{out}$ channels and not $c_{in} \cdot c_{out}$, because each filter sums over the
# input channels. Every output channel sees *all* input channels, even when there are as many output
# channels as input channels.
#
# PyTorch puts the output channels first. Other libraries order the axes differently, and when
# $c_{in} = c_{out}$, mixing up these two axes raises no error at all. So test your code with a different
# number for each axis.


# %% task="conv2d_multi_in_out" kind="core" points=3 difficulty=2 minutes=5 importance=5 by_hand=true
def conv2d_multi_in_out(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image with one filter per output channel.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the filters, shape `(c_out, c_in, kh, kw)`.

    Returns:
        Y of shape `(c_out, H - kh + 1, W - kw + 1)`.

    Raises:
        ValueError: as for `conv2d_multi_in`, with a four-dimensional K.

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    _check_image_and_kernel(X, K, 4)
    return torch.stack([conv2d_multi_in(X, filter_) for filter_ in K])
    ### END SOLUTION


# %% [markdown] hints="conv2d_multi_in_out"
# 1. What does a loop over `K` iterate over, and which of your functions takes one such element?
# 2. Each filter gives one map. Collect the maps in a list; which function makes one tensor out of them,
#    with a *new* axis in front, and keeps the gradient?
# 3. `torch.stack` of the list of `conv2d_multi_in(X, filter_)` for every `filter_` in `K`.

# %% [markdown]
# ## The $1 \times 1$ convolution
#
# A kernel of a single pixel sees no neighbours: no edge, no pattern. Is it useless? Not when there are
# several channels: it mixes the channels of each pixel, with the same weights at every pixel. That is a
# dense layer from $c_{in}$ to $c_{out}$ numbers, applied pixel by pixel. Networks use it to reduce, say,
# 256 channels to 64 at low cost.
#
# Without neighbours there is nothing to slide over, so you don't need any loops. Flatten each channel
# into one row: the image becomes a matrix of shape `(c_in, H * W)`, with one pixel per *column*. The
# filters become a matrix of shape `(c_out, c_in)`. Compute one matrix product, and reshape the result
# back into an image.
#
# Be careful with `reshape`: it keeps the order of the numbers and never swaps axes. A `reshape` from
# `(c_in, H, W)` to `(H * W, c_in)` has the right shape but mixes up pixels and channels.


# %% task="conv2d_1x1" kind="core" points=3 difficulty=2 minutes=10 importance=4 by_hand=true
def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
    """Convolve with a kernel size of one pixel, as one matrix product over the channels.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the filters, shape `(c_out, c_in, 1, 1)`.

    Returns:
        Y of shape `(c_out, H, W)`, the same as `conv2d_multi_in_out(X, K)`.

    Raises:
        ValueError: X isn't three-dimensional, K isn't four-dimensional, their channels disagree, or the
            kernel isn't 1 x 1.

    Source: Lin, Chen and Yan, "Network In Network", https://arxiv.org/abs/1312.4400
    """
    ### BEGIN SOLUTION
    _check_image_and_kernel(X, K, 4)
    if K.shape[2:] != (1, 1):
        raise ValueError(f"K must have shape (c_out, c_in, 1, 1), got {tuple(K.shape)}")
    out_channels, in_channels = K.shape[:2]
    _, height, width = X.shape
    dtype = torch.result_type(X, K)
    pixels = X.to(dtype).reshape(in_channels, height * width)
    mixing = K.to(dtype).reshape(out_channels, in_channels)
    return (mixing @ pixels).reshape(out_channels, height, width)
    ### END SOLUTION


# %% [markdown] hints="conv2d_1x1"
# 1. Take a single pixel, a column of `c_in` numbers. Which matrix turns it into the `c_out` numbers of
#    the result?
# 2. Reshape `K` to `(c_out, c_in)` and `X` to `(c_in, H * W)`, then multiply. In which order? (A matrix
#    product, unlike `*`, needs the same dtype on both sides.)
# 3. With `dtype = torch.result_type(X, K)`:
#    `K.to(dtype).reshape(c_out, c_in) @ X.to(dtype).reshape(c_in, H * W)`, then `.reshape(c_out, H, W)`.

# %% [markdown]
# ## The complete operation: batch, bias, stride, padding
#
# Now for the version that is used in practice. Four things are new.
#
# - **Batch.** `X` has shape `(N, c_in, H, W)`: N images, each processed separately with the same weights.
#   The result has shape `(N, c_out, H', W')`. A plain `.sum()` over the window would also sum over the N
#   images.
# - **Padding.** Before anything else, each *image* gets a border of `padding` zeros on all four sides
#   (the image, not the result). If `padding` is a pair, the first number is for the rows above and below,
#   the second for the columns on the left and right. Careful: `F.pad` takes the *last* axis first: left,
#   right, top, bottom.
# - **Stride.** The window moves by `stride` pixels, which may differ between the two axes. The window of
#   output `(i, j)` starts at row `i * stride` and column `j * stride`, so an index into the result is not
#   a position in the image. The stride makes the result smaller *and* moves the windows; if you forget
#   either effect, the shape or the values are wrong. Windows that don't fit completely are dropped, so
#   the size rounds down.
# - **Bias.** One number for each *output* channel, added once to every element of that channel's map. Its
#   shape is `(c_out,)`; how must you reshape it so that it broadcasts over `(N, c_out, H', W')`?
#
# Along each axis, the result has $\lfloor (n + 2p - k) / s \rfloor + 1$ elements.
#
# You may loop over the positions of the result, and compute all images and output channels at once in
# each step. `torch.einsum` is a good tool for this: give each axis a letter, and every letter that
# doesn't appear after the arrow is summed over. The example shows it on two small matrices.

# %% tags=["example"]
if __name__ == "__main__":
    first = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    second = torch.tensor([[1.0, 0.0], [10.0, 1.0]])
    print("einsum 'ni,oi->no', the sum over i:", torch.einsum("ni,oi->no", first, second), sep="\n")
    print("The same as first @ second.T:", first @ second.T, sep="\n")
    print("F.pad(first, (1, 0, 0, 2)): 1 column left, 2 rows below", F.pad(first, (1, 0, 0, 2)), sep="\n")


# %% task="conv2d_batched" kind="core" points=4 difficulty=3 minutes=25 importance=5 by_hand=true
def conv2d_batched(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Convolve as networks do: a batch of images, with bias, stride and zero padding.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the filters, shape `(c_out, c_in, kh, kw)`.
        bias: one number for each output channel, shape `(c_out,)`, or None.
        stride: distance between neighbouring windows, an int or a pair `(height, width)`.
        padding: number of zeros on each side of the image, an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, (H + 2ph - kh) // sh + 1, (W + 2pw - kw) // sw + 1)`, dtype
        `torch.result_type(X, weight)`, equal to the result of `torch.nn.functional.conv2d`.

    Raises:
        ValueError: X or weight isn't four-dimensional, channels disagree, the bias has the wrong shape, the
            stride is below 1, padding is negative, or the kernel is larger than the padded image.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    ### BEGIN SOLUTION
    _check_weight_and_bias(X, weight, bias)
    stride_height, stride_width = _check_pair("stride", stride, 1)
    padding_height, padding_width = _check_pair("padding", padding, 0)
    dtype = torch.result_type(X, weight)
    padded = F.pad(X.to(dtype), (padding_width, padding_width, padding_height, padding_height))
    kernels = weight.to(dtype)
    out_channels, _, kernel_height, kernel_width = weight.shape
    out_height, out_width = _output_shape(padded.shape, weight.shape, (stride_height, stride_width))

    Y = torch.zeros(X.shape[0], out_channels, out_height, out_width, dtype=dtype, device=X.device)
    for i in range(out_height):
        for j in range(out_width):
            top, left = i * stride_height, j * stride_width
            blocks = padded[:, :, top : top + kernel_height, left : left + kernel_width]
            # For every image n and output channel o, sum over channel c, row a and column b.
            Y[:, :, i, j] = torch.einsum("ncab,ocab->no", blocks, kernels)
    if bias is not None:
        Y = Y + bias.to(dtype).reshape(1, out_channels, 1, 1)
    return Y
    ### END SOLUTION


# %% [markdown] hints="conv2d_batched"
# 1. For one fixed output position `(i, j)`: where does its window start in the *padded* image, and what
#    is the shape of the block that this window cuts out of all images?
# 2. Pad first. Loop over the positions of the result. Each block has shape `(N, c_in, kh, kw)` and
#    `weight` has shape `(c_out, c_in, kh, kw)`: which axes are summed over, and which remain? Add the
#    bias at the very end.
# 3. With `padded = F.pad(X, (pw, pw, ph, ph))` and
#    `block = padded[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]`, set
#    `Y[:, :, i, j] = torch.einsum("ncab,ocab->no", block, weight)`, and at the end return
#    `Y + bias.reshape(1, -1, 1, 1)`.

# %% [markdown]
# ## A layer that can replace `nn.Conv2d`
#
# A network is saved as a `state_dict`: the names of its parameters and their values. If your layer uses
# the same names and shapes as `nn.Conv2d`, each can load what the other has saved. The names are
# `weight`, with shape `(out_channels, in_channels, kh, kw)`, and `bias`, with shape `(out_channels,)`.
# With `bias=False` there must be no `bias` in the `state_dict`, but `layer.bias` should still exist and
# be `None`.
#
# The initial weights should be random and of a sensible size: if all weights were equal, all output
# channels would learn the same thing. `nn.Conv2d` draws weights and biases uniformly between
# $-1/\sqrt{n}$ and $1/\sqrt{n}$, where $n = c_{in} k_h k_w$ is the number of inputs that one output sees.
# That is a good choice for your layer, too.


# %% task="MultiChannelConv2d" kind="core" points=4 difficulty=3 minutes=15 importance=5 by_hand=true
class MultiChannelConv2d(nn.Module):
    """A convolution layer with the same parameters and results as `nn.Conv2d`.

    Args:
        in_channels: number of channels of the input images.
        out_channels: number of channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        stride: an int or a pair.
        padding: an int or a pair.
        bias: whether the layer has a bias.

    Attributes:
        weight: parameter of shape `(out_channels, in_channels, kh, kw)`.
        bias: parameter of shape `(out_channels,)`, or None.

    Raises:
        ValueError: a number of channels, the kernel size or the stride is below 1, or padding is negative.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        if in_channels < 1 or out_channels < 1:
            raise ValueError(f"channels must be at least 1, got {in_channels} in and {out_channels} out")
        height, width = _check_pair("kernel_size", kernel_size, 1)
        self.stride = _check_pair("stride", stride, 1)
        self.padding = _check_pair("padding", padding, 0)
        bound = (in_channels * height * width) ** -0.5
        weight = torch.empty(out_channels, in_channels, height, width).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound)) if bias else None
        ### END SOLUTION

    def forward(self, X: Tensor) -> Tensor:
        """Convolve a batch `(N, in_channels, H, W)` or, like `nn.Conv2d`, one image `(in_channels, H, W)`."""
        ### BEGIN SOLUTION
        if X.dim() == 3:
            return conv2d_batched(X[None], self.weight, self.bias, self.stride, self.padding)[0]
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)
        ### END SOLUTION


# %% [markdown] hints="MultiChannelConv2d"
# 1. What would `nn.Conv2d(3, 8, 5).state_dict()` contain: which names, which shapes? And with
#    `bias=False`?
# 2. Create two `nn.Parameter`s in `__init__`, and keep stride and padding as plain attributes. What can
#    you set `self.bias` to if there is no bias? `forward` is short, since you already have
#    `conv2d_batched`.
# 3. `self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kh, kw).uniform_(-bound, bound))`
#    with `kh, kw = _pair(kernel_size)`; the bias likewise, or `self.bias = None`; and `forward` returns
#    `conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)`.

# %% [markdown]
# ## Counting parameters
#
# How large is such a layer? Count the slices, one for each pair of an input and an output channel, and
# then the numbers in each slice. If there is a bias, how many numbers does it add: one per input channel,
# per output channel, or per slice?
#
# Note what doesn't appear in the count: the height and width of the image, stride and padding. The same
# layer works on a stamp and on a poster.


# %% task="num_parameters" kind="core" points=2 difficulty=1 minutes=5 importance=4
def num_parameters(
    in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], bias: bool = True
) -> int:
    """Count the learnable parameters of a convolution layer.

    Args:
        in_channels: number of channels of the input.
        out_channels: number of channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        bias: whether the layer has a bias.

    Returns:
        The number of parameters, an int.

    Raises:
        ValueError: a number of channels or the kernel size is below 1.

    Source: "Variables" in https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    if in_channels < 1 or out_channels < 1:
        raise ValueError(f"channels must be at least 1, got {in_channels} in and {out_channels} out")
    height, width = _check_pair("kernel_size", kernel_size, 1)
    weights = out_channels * in_channels * height * width
    return weights + out_channels if bias else weights
    ### END SOLUTION


# %% [markdown] hints="num_parameters"
# 1. Which two tensors does the layer own, and what are their shapes?
# 2. The number of elements in a tensor is the product of the lengths of its axes. Use `_pair`, so that
#    `3` and `(3, 3)` mean the same.
# 3. `out_channels * in_channels * kh * kw`, plus `out_channels` if there is a bias.

# %% [markdown]
# ## Stretch: dilation and groups
#
# Two arguments of `torch.nn.functional.conv2d` are still missing.
#
# **Dilation** spreads the kernel out: neighbouring kernel elements are applied to pixels that lie
# `dilation` apart. The number of weights stays the same, the extent grows to $d\,(k - 1) + 1$ pixels, and
# the result shrinks accordingly.
#
# **Groups** split the channels into `groups` equal parts that are independent of each other. The first
# part of the output channels sees only the first part of the input channels, and so on. Both numbers of
# channels must be divisible by `groups`, and `weight` has shape `(c_out, c_in // groups, kh, kw)`: its
# second axis counts only the channels that one output sees. With `groups = c_in`, each output channel
# sees a single input channel: this is called a **depthwise** convolution.
#
# As in PyTorch, `padding` may also be a string. `"valid"` means no padding. `"same"`, which is only
# allowed with stride 1, adds $d\,(k-1)$ zeros in total along each axis, so that the result is as large as
# the image; if that number is odd, the extra zero goes at the end. Also, `X` may come without a batch
# axis; then the result has none, either. Both are there for completeness, and no points depend on them.
#
# A good way to handle dilation is to loop over the elements $(a, b)$ of the kernel, not over the pixels.
# For all outputs at once, the pixels that are multiplied by element $(a, b)$ form one slice with a step.
# Where does it start, and where does it end?


# %% task="conv2d_general" kind="stretch" points=4 difficulty=4 minutes=30 importance=3 by_hand=true
def conv2d_general(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve with every option that `torch.nn.functional.conv2d` has.

    Args:
        X: the images, shape `(N, c_in, H, W)`, or one image `(c_in, H, W)`.
        weight: the filters, shape `(c_out, c_in // groups, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int, a pair, `"valid"` or `"same"`.
        dilation: an int or a pair.
        groups: number of groups of channels; it must divide both `c_in` and `c_out`.

    Returns:
        Y of shape `(N, c_out, H', W')`, or `(c_out, H', W')` for one image.

    Raises:
        ValueError: wrong number of dimensions, channels or groups that disagree, a bias of the wrong
            shape, stride or dilation below 1, negative padding or an unknown string, `"same"` with a stride
            other than 1, or a kernel larger than the padded image.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    ### BEGIN SOLUTION
    if X.dim() == 3:
        return conv2d_general(X[None], weight, bias, stride, padding, dilation, groups)[0]
    _check_weight_and_bias(X, weight, bias, groups)
    sh, sw = _check_pair("stride", stride, 1)
    dh, dw = _check_pair("dilation", dilation, 1)
    out_channels, group_channels, kh, kw = weight.shape

    if padding == "same":
        if (sh, sw) != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, got {stride}")
        extra_rows, extra_columns = dh * (kh - 1), dw * (kw - 1)
        top, left = extra_rows // 2, extra_columns // 2
        frame = (left, extra_columns - left, top, extra_rows - top)
    elif padding == "valid":
        frame = (0, 0, 0, 0)
    elif isinstance(padding, str):
        raise ValueError(f"padding must be an int, a pair, 'valid' or 'same', got {padding!r}")
    else:
        ph, pw = _check_pair("padding", padding, 0)
        frame = (pw, pw, ph, ph)

    dtype = torch.result_type(X, weight)
    padded = F.pad(X.to(dtype), frame)
    out_height, out_width = _output_shape(padded.shape, weight.shape, (sh, sw), (dh, dw))
    batch = X.shape[0]
    # Input and output channels are each split into two axes: the group, and the channel within it.
    kernels = weight.to(dtype).reshape(groups, out_channels // groups, group_channels, kh, kw)
    shape = (batch, groups, out_channels // groups, out_height, out_width)
    Y = torch.zeros(shape, dtype=dtype, device=X.device)
    for a in range(kh):
        for b in range(kw):
            # All pixels that are multiplied by kernel element (a, b), for all window positions at once.
            top, left = a * dh, b * dw
            rows = slice(top, top + (out_height - 1) * sh + 1, sh)
            columns = slice(left, left + (out_width - 1) * sw + 1, sw)
            met = padded[:, :, rows, columns].reshape(batch, groups, group_channels, out_height, out_width)
            Y = Y + torch.einsum("ngcij,goc->ngoij", met, kernels[:, :, :, a, b])
    Y = Y.reshape(batch, out_channels, out_height, out_width)
    if bias is not None:
        Y = Y + bias.to(dtype).reshape(1, out_channels, 1, 1)
    return Y
    ### END SOLUTION


# %% [markdown] hints="conv2d_general"
# 1. Could you get groups from what you already have, by splitting the channels into parts and putting the
#    results side by side? And which step in a slice skips the pixels between the elements of a dilated
#    kernel?
# 2. In your `conv2d_batched`, the block for an output starts at `i * stride`. Now it ends after the
#    *extent* of the kernel, and is read with the step `dilation`. For groups, use `torch.cat` to join the
#    results of the parts along the channel axis.
# 3. Block: `padded[:, :, i * sh : i * sh + dh * (kh - 1) + 1 : dh, …]`. Group `g` takes the input
#    channels from `g * c_in // groups` to `(g + 1) * c_in // groups`, and from `weight` and `bias` the
#    output channels from `g * c_out // groups` to `(g + 1) * c_out // groups`.

# %% [markdown]
# ## Stretch: one matrix product
#
# Why are convolutions fast on every computer? Because you can write them as a matrix product, the
# operation that hardware does best. Flatten each window, with all its channels, into one row of
# $c_{in} k_h k_w$ numbers, for all positions of all images. Flatten each filter into one row, too. Each
# output is then the dot product of two rows, and *all* outputs together are **one** matrix product. This
# trick is called *im2col*.
#
# The price is memory: where windows overlap, every pixel is copied several times, up to nine times for a
# $3 \times 3$ kernel with stride 1. The kernel isn't flipped for this, only flattened.
#
# Everything depends on the order of the axes. The numbers within a window must come in the same order as
# those of the filter (channel, row, column), and `reshape` never swaps axes; `permute` does. At the end,
# move the channel axis of the result back to its place. The number of operations must not grow with the
# batch, the channels or the image: you don't need any loops.


# %% task="conv2d_im2col" kind="stretch" points=3 difficulty=4 minutes=25 importance=4 by_hand=true
def conv2d_im2col(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Compute the same result as `conv2d_batched` with one matrix product.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the filters, shape `(c_out, c_in, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, H', W')`, dtype `torch.result_type(X, weight)`.

    Raises:
        ValueError: as for `conv2d_batched`.

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document
        Processing", 2006, https://inria.hal.science/inria-00112631
    """
    ### BEGIN SOLUTION
    _check_weight_and_bias(X, weight, bias)
    stride_height, stride_width = _check_pair("stride", stride, 1)
    padding_height, padding_width = _check_pair("padding", padding, 0)
    dtype = torch.result_type(X, weight)
    padded = F.pad(X.to(dtype), (padding_width, padding_width, padding_height, padding_height))
    batch = X.shape[0]
    out_channels, in_channels, kernel_height, kernel_width = weight.shape
    out_height, out_width = _output_shape(padded.shape, weight.shape, (stride_height, stride_width))

    # Axes: (image, channel, output row, output column, kernel row, kernel column); still a view.
    windows = padded.unfold(2, kernel_height, stride_height).unfold(3, kernel_width, stride_width)
    window_length = in_channels * kernel_height * kernel_width
    rows = windows.permute(0, 2, 3, 1, 4, 5).reshape(batch * out_height * out_width, window_length)
    results = rows @ weight.to(dtype).reshape(out_channels, window_length).T
    Y = results.reshape(batch, out_height, out_width, out_channels).permute(0, 3, 1, 2).contiguous()
    if bias is not None:
        Y = Y + bias.to(dtype).reshape(1, out_channels, 1, 1)
    return Y
    ### END SOLUTION


# %% [markdown] hints="conv2d_im2col"
# 1. Which two matrices do you have to multiply so that the result has one row for each window and one
#    column for each output channel?
# 2. `unfold` the padded image along axis 2 and then along axis 3, with the strides as steps: that gives
#    six axes. Which of them say "which window", and which say "where in the window"? Move the first kind
#    to the front, and keep the second kind in the filter's order.
# 3. `windows.permute(0, 2, 3, 1, 4, 5).reshape(N * oh * ow, c_in * kh * kw) @ weight.reshape(c_out, -1).T`,
#    then `.reshape(N, oh, ow, c_out).permute(0, 3, 1, 2)`, and add the bias.

# %% [markdown] task="invalid_input" kind="stretch" points=2 difficulty=2 minutes=15 importance=3
# ## Stretch: rejecting invalid input
#
# With four axes, a lot can go wrong, and broadcasting hides it: a filter with one channel "works" on an
# image with three. A good function notices, and its message names the shapes it was given. Make your
# functions raise `ValueError`, with a message that names the offending shapes or value, for input that
# has no valid result.
#
# - A wrong number of dimensions: of `X`, of the filters, of the bias.
# - Channels that disagree: between the image and the filters; a bias whose length isn't `c_out`.
# - A kernel that is higher or wider than the padded image; in `conv2d_general`, the dilated extent is
#   what counts.
# - A stride or a dilation below 1, negative padding.
# - `conv2d_1x1`: a kernel that isn't $1 \times 1$.
# - `conv2d_general`: `groups` that doesn't divide both numbers of channels, an unknown padding string,
#   `"same"` with a stride other than 1.
# - `MultiChannelConv2d` and `num_parameters`: channels or a kernel size below 1.

# %% [markdown] hints="invalid_input"
# 1. For which invalid calls does your code currently return a tensor instead of raising an error? Try a
#    filter with one channel on an image with three.
# 2. Check in this order: number of dimensions, channels, ranges of the numbers, sizes. Which checks do
#    several of your functions share, so that one helper can serve them all?
# 3. For instance
#    `if X.dim() != 4: raise ValueError(f"X must have 4 dimensions, got shape {tuple(X.shape)}")`, then
#    `if X.shape[1] != weight.shape[1] * groups: …`, then `if min(_pair(stride)) < 1: …`, and finally
#    `if dh * (kh - 1) + 1 > H + 2 * ph: …`, and the same for the width.

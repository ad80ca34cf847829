# %% [markdown]
# # Many channels
#
# A colour photo is not one table of numbers but three: red, green and blue. And a layer that looks for
# edges in one direction only would be of little use; we want many kernels, each with a result of its own.
# Both ideas meet in one word, **channel**, and in one tensor of four axes. At the end of this exercise you
# have a layer that can take the place of `nn.Conv2d` in any network.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int counts for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## Several channels in
#
# An image with $c_{in}$ channels has shape `(c_in, H, W)`: channels first. Its kernel gets one layer for
# each channel, so its shape is `(c_in, kh, kw)`. Each channel is cross-correlated with *its own* layer of
# the kernel, and the $c_{in}$ results are **added up** into one map:
#
# $$Y_{ij} = \sum_{c} \sum_{a,b} X_{c,\,i+a,\,j+b}\; K_{c,a,b}.$$
#
# So the result has no channel axis at all. Think of the kernel as a little block that is as deep as the
# image: it moves down and to the right, never in depth, because there is no room. It is a sum and not an
# average: a channel is not a shade of grey but a witness of its own, and the kernel decides how much each
# one's word counts.
#
# An image of three channels and a kernel of two do not belong together. A trap here is Python's `zip`: it
# stops at the shorter of the two without a word.
#
# As everywhere in this course, the result has dtype `torch.result_type(X, K)`, lies on `X.device`, is
# differentiable, and leaves its input alone. "By hand" means without `torch.nn.functional.conv2d` and its
# relatives; you are free to bring your own `conv2d` from the first exercise and to paste it in here.
# `einsum`, `matmul`, `unfold` and `F.pad` are fair, too.


# %% tags=["reference"]
def _check_dimensions(name: str, tensor: Tensor, expected: int) -> None:
    if tensor.dim() != expected:
        raise ValueError(f"{name} must have {expected} dimensions, got shape {tuple(tensor.shape)}")


def _check_image_and_kernel(X: Tensor, K: Tensor, kernel_dimensions: int) -> None:
    """`ValueError` unless a single image and a kernel, with output channels or without, belong together."""
    _check_dimensions("X", X, 3)
    _check_dimensions("K", K, kernel_dimensions)
    if X.shape[0] != K.shape[-3]:
        raise ValueError(f"channels disagree: X has shape {tuple(X.shape)}, K has shape {tuple(K.shape)}")


def _check_pair(name: str, value: int | tuple[int, int], least: int) -> tuple[int, int]:
    """The pair that `value` stands for; `ValueError` if one of its numbers is below `least`."""
    pair = _pair(value)
    if min(pair) < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return pair


def _check_weight_and_bias(X: Tensor, weight: Tensor, bias: Tensor | None, groups: int = 1) -> None:
    """`ValueError` unless image batch, weight, bias and groups belong together."""
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
    """Height and width of the result, from the last two axes of the padded image and of the kernel."""
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
    """Cross-correlate an image of several channels with one kernel of as many layers.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the kernel, shape `(c_in, kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`: the sum over all channels.

    Raises:
        ValueError: X or K is not three-dimensional, their channels disagree, or the kernel is larger than the
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
            # The window is a block: all channels, but only kh rows and kw columns.
            block = X[:, i : i + kernel_height, j : j + kernel_width]
            Y[i, j] = (block * K).sum()
    return Y
    ### END SOLUTION


# %% [markdown] hints="conv2d_multi_in"
# 1. If you already had the result for each channel alone, how would you make the one result out of them?
# 2. Either add up the one-channel results for the pairs `X[c], K[c]`, or take your loops from the first
#    exercise and cut a block instead of a flat window. Which index is new in the slice?
# 3. `Y[i, j] = (X[:, i : i + kh, j : j + kw] * K).sum()`: the `:` keeps all channels, and the sum runs over
#    them as well. Height and width of the image are now `X.shape[1]` and `X.shape[2]`.

# %% [markdown]
# ## Several channels out
#
# One kernel gives one map. For $c_{out}$ maps we take $c_{out}$ kernels, each a block of $c_{in}$ layers of
# its own, and put them together into one tensor of shape `(c_out, c_in, kh, kw)`. So there are
# $c_{in} \cdot c_{out}$ small kernels in all, in **one group for each output channel**: `K[o]` is the group
# for output channel `o`, and `K[o, c]` says what this output makes of input channel `c`.
#
# The result has `c_out` channels and not $c_{in} \cdot c_{out}$, because within a group the sum is taken.
# Every output channel sees *all* of the input channels, also if there are equally many of both.
#
# The order of the axes, output first, is PyTorch's. Other libraries use others, and with $c_{in} = c_{out}$
# an exchange of the two raises no error at all. So try your code with different numbers everywhere.


# %% task="conv2d_multi_in_out" kind="core" points=3 difficulty=2 minutes=5 importance=5 by_hand=true
def conv2d_multi_in_out(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image with one group of kernels for each output channel.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the kernels, shape `(c_out, c_in, kh, kw)`.

    Returns:
        Y of shape `(c_out, H - kh + 1, W - kw + 1)`.

    Raises:
        ValueError: as `conv2d_multi_in`, with a four-dimensional K.

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    _check_image_and_kernel(X, K, 4)
    return torch.stack([conv2d_multi_in(X, group) for group in K])
    ### END SOLUTION


# %% [markdown] hints="conv2d_multi_in_out"
# 1. What does the loop `for group in K` run over, and which function have you written that takes such a
#    group?
# 2. Each group gives one map. Collect the maps in a list; which function makes one tensor of them, with a
#    *new* axis in front, and keeps the gradient?
# 3. `torch.stack` of the list of `conv2d_multi_in(X, group)` for every `group` in `K`.

# %% [markdown]
# ## The $1 \times 1$ convolution
#
# A kernel of a single pixel sees no neighbours: no edge, no pattern. Is it good for nothing? With channels,
# no: it mixes the channels of each pixel, with the same weights at every pixel. That is a dense layer from
# $c_{in}$ to $c_{out}$ numbers, applied pixel by pixel. Networks use it to bring 256 channels down to 64 at
# little cost.
#
# Without neighbours there is nothing to slide, so there is a way without loops. Lay all pixels of a channel
# in one row: the image becomes a matrix of shape `(c_in, H * W)`, one pixel in each *column*. The kernel is
# a matrix of shape `(c_out, c_in)`. One matrix product, and the pixels back into place.
#
# Take care when you lay out the numbers. `reshape` only reads them in order and folds them anew; it
# exchanges no axes. A `reshape` from `(c_in, H, W)` to `(H * W, c_in)` has the right shape and mixes pixels
# with channels.


# %% task="conv2d_1x1" kind="core" points=3 difficulty=2 minutes=10 importance=4 by_hand=true
def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
    """A convolution with kernels of one pixel, as one matrix product over the channels.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the kernels, shape `(c_out, c_in, 1, 1)`.

    Returns:
        Y of shape `(c_out, H, W)`, the same as `conv2d_multi_in_out(X, K)`.

    Raises:
        ValueError: X is not three- or K not four-dimensional, their channels disagree, or K is not 1 x 1.

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
# 1. Take a single pixel, a column of `c_in` numbers. Which matrix turns it into the `c_out` numbers of the
#    result?
# 2. Bring `K` to the shape `(c_out, c_in)` and `X` to `(c_in, H * W)`, then multiply. In which order? (A
#    matrix product, unlike `*`, wants the same dtype on both sides.)
# 3. With `dtype = torch.result_type(X, K)`:
#    `K.to(dtype).reshape(c_out, c_in) @ X.to(dtype).reshape(c_in, H * W)`, then `.reshape(c_out, H, W)`.

# %% [markdown]
# ## The whole thing: batch, bias, stride, padding
#
# Now to what is used in practice. Four things are new.
#
# - **Batch.** `X` has shape `(N, c_in, H, W)`: N images, each treated alone, the same weights for all. The
#   result has shape `(N, c_out, H', W')`. A plain `.sum()` over the window would add up the N images as
#   well.
# - **Padding.** A frame of `padding` zeros is put around each *image* before anything else happens (around
#   the image, not the result; above, below, left and right). With a pair, the first number is for the rows
#   on top and below, the second for the columns left and right. Careful: `F.pad` lists the *last* axis
#   first: left, right, top, bottom.
# - **Stride.** The window moves on by `stride` pixels, which may differ for the two axes. Output `(i, j)`
#   has its window at row `i * stride` and column `j * stride`: an index of the result is not yet a position
#   in the image. The stride makes the result smaller *and* moves the windows; forget one, and either the
#   shape or the numbers are wrong. Windows that do not fit entirely are left away, so the size rounds down.
# - **Bias.** One number for each *output* channel, added once to its whole map. Shape `(c_out,)`; think
#   about how it has to be shaped to broadcast over `(N, c_out, H', W')`.
#
# Along each axis the result has $\lfloor (n + 2p - k) / s \rfloor + 1$ elements.
#
# You may loop over the positions of the result, and let each step serve all images and output channels at
# once. `torch.einsum` is a fine tool for this: name the axes by letters, and each letter missing after the
# arrow is summed over. The example shows it on two small matrices.

# %% tags=["example"]
if __name__ == "__main__":
    first = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    second = torch.tensor([[1.0, 0.0], [10.0, 1.0]])
    print("einsum 'ni,oi->no', the sum over i:", torch.einsum("ni,oi->no", first, second), sep="\n")
    print("It is the same as first @ second.T:", first @ second.T, sep="\n")
    print("F.pad(first, (1, 0, 0, 2)): 1 column left, 2 rows below", F.pad(first, (1, 0, 0, 2)), sep="\n")


# %% task="conv2d_batched" kind="core" points=4 difficulty=3 minutes=25 importance=5 by_hand=true
def conv2d_batched(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """The convolution of a network: a batch of images, bias, stride and zero padding.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the kernels, shape `(c_out, c_in, kh, kw)`.
        bias: one number for each output channel, shape `(c_out,)`, or None.
        stride: distance between neighbouring windows, an int or a pair `(height, width)`.
        padding: zeros on each side of the image, an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, (H + 2ph - kh) // sh + 1, (W + 2pw - kw) // sw + 1)`, dtype
        `torch.result_type(X, weight)`, equal to `torch.nn.functional.conv2d`.

    Raises:
        ValueError: X or weight is not four-dimensional, channels disagree, the bias has the wrong shape, the
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
            # For every image n and output channel o: sum over channel c, row a and column b.
            Y[:, :, i, j] = torch.einsum("ncab,ocab->no", blocks, kernels)
    if bias is not None:
        Y = Y + bias.to(dtype).reshape(1, out_channels, 1, 1)
    return Y
    ### END SOLUTION


# %% [markdown] hints="conv2d_batched"
# 1. For one fixed output position `(i, j)`: where in the *padded* image does its window begin, and what
#    shape does the block of all images have there?
# 2. Pad first. Loop over the positions of the result. Each block has shape `(N, c_in, kh, kw)` and `weight`
#    has `(c_out, c_in, kh, kw)`: which axes are summed over, and which remain? Add the bias at the very
#    end.
# 3. With `block = padded[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]`, set
#    `Y[:, :, i, j] = torch.einsum("ncab,ocab->no", block, weight)` with
#    `padded = F.pad(X, (pw, pw, ph, ph))`, and at the end `Y + bias.reshape(1, -1, 1, 1)`.

# %% [markdown]
# ## A layer that can step in for `nn.Conv2d`
#
# A network is saved as a `state_dict`: the names of its parameters and their numbers. If your layer uses
# the same names and shapes as `nn.Conv2d`, each can load what the other has saved. The names are `weight`,
# shape `(out_channels, in_channels, kh, kw)`, and `bias`, shape `(out_channels,)`. With `bias=False` there
# must be no `bias` in the `state_dict`, yet `layer.bias` should be there and be `None`.
#
# The start should be random and of a sensible size: with all weights equal, all output channels would learn
# the same. `nn.Conv2d` draws weights and biases uniformly from $-1/\sqrt{n}$ to $1/\sqrt{n}$, with
# $n = c_{in} k_h k_w$ the number of inputs that one output sees. That is a good choice for you, too.


# %% task="MultiChannelConv2d" kind="core" points=4 difficulty=3 minutes=15 importance=5 by_hand=true
class MultiChannelConv2d(nn.Module):
    """A convolution layer whose parameters and results are those of `nn.Conv2d`.

    Args:
        in_channels: channels of the images that come in.
        out_channels: channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        stride: an int or a pair.
        padding: an int or a pair.
        bias: whether there is a bias.

    Attributes:
        weight: parameter of shape `(out_channels, in_channels, kh, kw)`.
        bias: parameter of shape `(out_channels,)`, or None.

    Raises:
        ValueError: channels, kernel size or stride below 1, or negative padding.

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
        """Convolve a batch `(N, in_channels, H, W)`, or one image without batch axis, as `nn.Conv2d` does."""
        ### BEGIN SOLUTION
        if X.dim() == 3:
            return conv2d_batched(X[None], self.weight, self.bias, self.stride, self.padding)[0]
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)
        ### END SOLUTION


# %% [markdown] hints="MultiChannelConv2d"
# 1. What would `nn.Conv2d(3, 8, 5).state_dict()` print: which names, which shapes? And with `bias=False`?
# 2. Make two `nn.Parameter`s in `__init__`, and keep stride and padding as plain attributes. How can you
#    set `self.bias` if there is none? `forward` needs one line, since `conv2d_batched` is already there.
# 3. `self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kh, kw).uniform_(-bound, bound))`
#    with `kh, kw = _pair(kernel_size)`; the bias likewise, or `self.bias = None`; and `forward` returns
#    `conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)`.

# %% [markdown]
# ## Counting parameters
#
# How large is such a layer? Count the small kernels, one for each pair of an input and an output channel,
# and then the numbers in each. If there is a bias, how many numbers does it add: one per input channel, per
# output channel, or per kernel?
#
# Note what does not appear: height and width of the image, stride and padding. The same layer works on a
# stamp and on a poster.


# %% task="num_parameters" kind="core" points=2 difficulty=1 minutes=5 importance=4
def num_parameters(
    in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], bias: bool = True
) -> int:
    """Number of learned numbers in a convolution layer.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        bias: whether the layer has a bias.

    Returns:
        The count, an int.

    Raises:
        ValueError: channels or kernel size below 1.

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
# 2. The number of elements of a tensor is the product of its shape. Use `_pair`, so that `3` and `(3, 3)`
#    mean the same.
# 3. `out_channels * in_channels * kh * kw`, plus `out_channels` if there is a bias.

# %% [markdown]
# ## Stretch: dilation and groups
#
# Two arguments of `torch.nn.functional.conv2d` are still missing.
#
# **Dilation** pulls the elements of the kernel apart: neighbours in the kernel lie `dilation` pixels apart
# in the image. The number of weights stays, the extent grows to $d\,(k - 1) + 1$ pixels, and the result
# shrinks accordingly.
#
# **Groups** cut the channels into `groups` equal parts that know nothing of each other. The first part of
# the input channels serves only the first part of the output channels, and so on. Both numbers of channels
# must be divisible by `groups`, and `weight` has the shape `(c_out, c_in // groups, kh, kw)`: its second
# axis counts only the channels that one output sees. With `groups = c_in` each input channel is alone: this
# is called **depthwise**.
#
# As in PyTorch, `padding` may also be a word: `"valid"` is no padding, and `"same"`, for stride 1 only,
# pads in all $d\,(k-1)$ zeros along each axis, so that the result is as large as the image; if that number
# is odd, the additional zero goes to the end. And `X` may come without its batch axis; then the result has
# none, either. Both are for completeness, and no points depend on them.
#
# A good way to see dilation: loop over the elements $(a, b)$ of the kernel, not over the pixels. All the
# pixels that meet element $(a, b)$, for all outputs at once, form one slice with a step. Where does it
# begin, where does it end?


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
    """All that `torch.nn.functional.conv2d` can do.

    Args:
        X: the images, shape `(N, c_in, H, W)`, or one image `(c_in, H, W)`.
        weight: the kernels, shape `(c_out, c_in // groups, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int, a pair, `"valid"` or `"same"`.
        dilation: an int or a pair.
        groups: number of groups of channels; it divides `c_in` and `c_out`.

    Returns:
        Y of shape `(N, c_out, H', W')`, or `(c_out, H', W')` for one image.

    Raises:
        ValueError: wrong number of dimensions, channels or groups that disagree, a bias of the wrong
            shape, stride or dilation below 1, negative padding or an unknown word, `"same"` with a stride
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
    # The channels of either side get an axis more: which group, and which channel within it.
    kernels = weight.to(dtype).reshape(groups, out_channels // groups, group_channels, kh, kw)
    shape = (batch, groups, out_channels // groups, out_height, out_width)
    Y = torch.zeros(shape, dtype=dtype, device=X.device)
    for a in range(kh):
        for b in range(kw):
            # All the pixels that kernel element (a, b) meets, for all positions of the window at once.
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
# 1. Could you get groups from what you already have, by cutting the channels into parts and putting the
#    results side by side? And which step in a slice leaves out the pixels between the elements of a dilated
#    kernel?
# 2. In your `conv2d_batched`, the block for an output begins at `i * stride`. It now ends after the
#    *extent* of the kernel, and is read with the step `dilation`. For groups, use `torch.cat` of the
#    results of each part along the channel axis.
# 3. Block: `padded[:, :, i * sh : i * sh + dh * (kh - 1) + 1 : dh, …]`. Group `g` takes the input channels
#    from `g * c_in // groups` to `(g + 1) * c_in // groups`, and of `weight` and `bias` the output channels
#    from `g * c_out // groups` to `(g + 1) * c_out // groups`.

# %% [markdown]
# ## Stretch: one matrix product
#
# Why are convolutions fast on every computer? Because they can be written as the operation that hardware
# does best. Write out each window, all channels of it, as one long row of $c_{in} k_h k_w$ numbers, for all
# positions of all images. Write each output channel's kernels as one long row, too. Each result is then a
# product of two rows, and *all* results together are **one** matrix product. The name of the trick is
# *im2col*.
#
# The price is memory: where windows overlap, every pixel is written several times, with a $3 \times 3$
# kernel and stride 1 up to nine times. The kernel is not flipped for this, it is only laid out flat.
#
# Everything depends on the order of the axes. The numbers within a window must be in the order in which the
# kernel's are, channel, row, column, and `reshape` never exchanges axes; `permute` does. In the end put the
# channel axis of the result back into its place. The number of operations must not grow with batch,
# channels or image: no loop is needed.


# %% task="conv2d_im2col" kind="stretch" points=3 difficulty=4 minutes=25 importance=4 by_hand=true
def conv2d_im2col(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """The same result as `conv2d_batched`, by one matrix product.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the kernels, shape `(c_out, c_in, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, H', W')`, dtype `torch.result_type(X, weight)`.

    Raises:
        ValueError: as `conv2d_batched`.

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

    # Axes: (image, channel, output row, output column, kernel row, kernel column), still a view.
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
# 1. Which two matrices have to be multiplied so that the result has one row for each window and one column
#    for each output channel?
# 2. `unfold` the padded image along axis 2 and then along axis 3, with the strides as steps: six axes.
#    Which of them belong to "which window" and which to "where in the window"? Bring the first kind to the
#    front.
# 3. `windows.permute(0, 2, 3, 1, 4, 5).reshape(N * oh * ow, c_in * kh * kw) @ weight.reshape(c_out, -1).T`,
#    then `.reshape(N, oh, ow, c_out).permute(0, 3, 1, 2)`, and the bias.

# %% [markdown] task="invalid_input" kind="stretch" points=2 difficulty=2 minutes=15 importance=3
# ## Stretch: saying no
#
# With four axes there is much that can disagree, and broadcasting hides it: a kernel with one channel
# "works" on an image with three. A good function notices, and says which shapes it was given. Let your
# functions raise `ValueError`, with a message naming the offending shapes or value, for input that no
# result exists for.
#
# - A wrong number of dimensions: of `X`, of the kernel, of the bias.
# - Channels that disagree: of image and kernel; a bias that is not of length `c_out`.
# - A kernel higher or wider than the padded image; in `conv2d_general`, it is the dilated extent that
#   counts.
# - A stride or a dilation below 1, negative padding.
# - `conv2d_1x1`: a kernel that is not $1 \times 1$. `conv2d_general`: groups that do not divide both
#   numbers of channels, a padding word that does not exist, `"same"` with a stride.
# - `MultiChannelConv2d` and `num_parameters`: channels or a kernel size below 1.

# %% [markdown] hints="invalid_input"
# 1. Which wrong calls does your code answer today with a tensor, instead of an error? Try a kernel of one
#    channel on an image of three.
# 2. Check in this order: number of dimensions, channels, ranges of the numbers, sizes. Which checks do
#    several of your functions share, so that one helper can serve them all?
# 3. For instance
#    `if X.dim() != 4: raise ValueError(f"X must have 4 dimensions, got shape {tuple(X.shape)}")`, then
#    `if X.shape[1] != weight.shape[1] * groups: …`, then `if min(_pair(stride)) < 1: …`, and at last
#    `if dh * (kh - 1) + 1 > H + 2 * ph: …`, for the width as well.

# %% [markdown]
# # Convolution by hand
#
# Convolution is the operation that taught computers to see. It's also a small one: slide a little table
# of numbers over an image, multiply, add up. By the end of this exercise you will have written it
# yourself in three different ways, and you'll know how gradients flow back through it when a network
# learns.
#
# You need nothing but plain tensors. Let's start by watching it work.

# %%
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
# ## See it first: finding an edge
#
# The image below is 6 pixels high and 8 wide. It is white (1) with a black stripe (0) in columns 2 to 5.
# The kernel `[[1, -1]]` looks at two neighbouring pixels in a row and subtracts the right one from the
# left one. Where both are equal, the result is 0. From white to black it is $1 - 0 = 1$, from black to
# white $0 - 1 = -1$. So the result is zero everywhere except at the two edges of the stripe.
#
# Now suppose nobody told us the kernel, and all we had was the image and the result. Start with two
# random numbers, and ten steps of gradient descent bring them close to `[[1, -1]]`. Nobody designs the
# kernels of a modern network by hand: they are all learned this way. (The exercise `kernel_learning`
# explains how it's done, and why with this learning rate. For now, just watch.)

# %% tags=["example"]
if __name__ == "__main__":
    image = torch.ones(6, 8)
    image[:, 2:6] = 0
    kernel = torch.tensor([[1.0, -1.0]])

    # PyTorch's own convolution expects a batch axis and a channel axis in front: (1, 1, height, width).
    image4, kernel4 = image.reshape(1, 1, 6, 8), kernel.reshape(1, 1, 1, 2)
    edges = torch.nn.functional.conv2d(image4, kernel4)
    print("The image, 6 x 8:", image, sep="\n")
    print("The kernel:", kernel, sep="\n")
    print("The edges, 6 x 7: 1 from white to black, -1 from black to white", edges[0, 0], sep="\n")

    learned = torch.rand(1, 1, 1, 2, requires_grad=True)
    optimizer = torch.optim.SGD([learned], lr=0.03)
    print("Recovering the kernel, from a random start:", learned.detach().flatten().tolist())
    for epoch in range(10):
        optimizer.zero_grad()
        loss = ((edges - torch.nn.functional.conv2d(image4, learned)) ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        print(f"epoch {epoch + 1:2d}   summed squared error before the step {loss.item():8.4f}")
    print("Learned:", [round(number, 3) for number in learned.detach().flatten().tolist()])

# %% [markdown]
# ## Why not simply connect everything?
#
# Take a photo of one megapixel: $1000 \times 1000$ pixels in three colours, so three million numbers. In
# a dense layer with just 1000 outputs, each output has its own weight for each of these numbers. That
# makes $3\,000\,000 \cdot 1000$, or **three billion** parameters in a single layer. Stored as 32-bit
# floats, they take up 12 GB.
#
# A convolutional layer with ten kernels of size $5 \times 5$ over the three colours has
# $10 \cdot 3 \cdot 5 \cdot 5 = 750$ weights and ten biases: **760** parameters, however large the photo
# is. Two observations about images make this possible.
#
# **Translation invariance.** A cat is a cat in any corner of the image. Whatever detects it in one place
# should detect it everywhere else, so the weights shouldn't depend on the position. Write a dense layer
# from an image to a map of the same size as $h_{ij} = \sum_{a,b} V_{i,j,a,b}\, x_{i+a,\,j+b}$.
# Translation invariance lets us drop $i$ and $j$ from $V$. For one colour of our megapixel image, that
# leaves one weight per offset $(a, b)$: $1999^2$ weights, about four million, instead of $10^{12}$.
#
# **Locality.** To tell what is at $(i, j)$, it's enough to look near $(i, j)$. So $V_{a,b}$ can be zero
# wherever $a$ or $b$ is far from 0. Keeping $|a|, |b| \le 2$ leaves 25 weights. What remains is a
# convolution, and $V$ is its kernel.
#
# (A word on terminology: if the cat moves, the *result* of a convolution moves along with it. Strictly
# speaking, this is translation *equivariance*. Results that stay the same under small shifts come later,
# with pooling.)
#
# ## Convolution or cross-correlation?
#
# The operation we build is
#
# $$Y_{ij} = \sum_{a=0}^{k_h-1} \sum_{b=0}^{k_w-1} X_{i+a,\,j+b}\; K_{ab}.$$
#
# Mathematicians call this **cross-correlation**. Their *convolution* has $X_{i-a,\,j-b}$ in it, which
# amounts to flipping the kernel (rotating it by 180°) first. Deep learning borrowed the name and left out
# the flip: a kernel that is learned can just as well be learned flipped. So here, as in PyTorch,
# "convolution" means the formula above, and **the kernel is not flipped**. For a given kernel it matters:
# flipped, `[[1, -1]]` would give -1 where we want 1.
#
# Read the formula once more, slowly. It answers most questions.
#
# - $a$ counts rows and $b$ counts columns, in the image and in the kernel alike.
# - The window of the image and the kernel are multiplied *element by element*; this isn't a matrix
#   product.
# - Then comes the *sum*. Not the mean, not the absolute value: a negative result is a valid result.
# - How many positions are there? A window of height $k_h$ fits into $H$ rows at $H - k_h + 1$ positions.
#   The last position counts too, and the result is smaller than the image. Height and width are
#   independent of each other.
# - `[[1, -1]]` compares neighbours *in a row*. It responds wherever the values change along a row: at a
#   vertical edge, and at a slanted edge too. It gives 0 at a horizontal edge, where the values change
#   only from one row to the next.
#
# Three rules hold for all tensor functions of this course.
#
# - **Keep the dtype and the device.** The result has dtype `torch.result_type(X, K)` (a float image and
#   an integer kernel give floats) and lives on `X.device`. A fresh `torch.zeros(3, 4)` knows about
#   neither, so pass both to it.
# - **Keep the computation graph.** `.item()`, `float(...)`, `.detach()` and NumPy cut the result off from
#   the graph, and no gradient gets through.
# - **Don't change the input.** A slice such as `X[0:2, 0:3]` is a *view* that shares its memory with `X`:
#   `window *= K` would overwrite the image.
#
# "By hand" below means: without `torch.nn.functional.conv2d` and its relatives. Indexing, arithmetic,
# sums and matrix products are all allowed.


# %%
def conv2d(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate one image with one kernel, which is not flipped.

    Args:
        X: the image, shape `(H, W)`, any strides.
        K: the kernel, shape `(kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`, dtype `torch.result_type(X, K)`, on `X.device`, differentiable
        with respect to `X` and `K`. Neither input is changed.

    Raises:
        ValueError: X or K isn't two-dimensional, or the kernel is larger than the image (stretch task
            `invalid_input`).

    Source: the one-channel case of https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    raise NotImplementedError("write conv2d")


# %% [markdown]
# ## From a function to a layer
#
# A layer is a function with its own parameters. `nn.Module` does the bookkeeping: whatever you store on
# `self` as an `nn.Parameter` is found by the optimizer, saved in the `state_dict`, and moved or converted
# by `.to(device)` and `.double()`. A plain tensor on `self` gets none of this. And a parameter created in
# `forward` would be new on every call, so it could never learn.
#
# Our layer has a `weight` drawn by `torch.rand` (uniform between 0 and 1; `randn` would give the normal
# distribution) and a single `bias` that starts at zero. The bias belongs to the *output*: it is added
# once to every element of the result, not once for every element of the kernel.
#
# `kernel_size` may be an int (a square kernel) or a pair `(height, width)`. The helper `_pair` at the top
# of this file turns either into a pair.
#
# A tip for later: gradients belong to parameters. After `backward()`, look at `layer.weight.grad`; there
# is no `layer.grad`.


# %%
class Conv2D(nn.Module):
    """A layer that cross-correlates an image with its own kernel and adds its bias.

    Args:
        kernel_size: an int (both axes) or a pair `(height, width)`.

    Attributes:
        weight: parameter of shape `(kh, kw)`, drawn by `torch.rand`.
        bias: parameter of shape `(1,)`, initialised to zero.

    Raises:
        ValueError: the kernel size is below 1 (stretch task `invalid_input`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
    """

    def __init__(self, kernel_size: int | tuple[int, int]) -> None:
        super().__init__()
        raise NotImplementedError("write Conv2D.__init__")

    def forward(self, X: Tensor) -> Tensor:
        """Return `conv2d(X, weight) + bias`, of shape `(H - kh + 1, W - kw + 1)` for X of shape `(H, W)`."""
        raise NotImplementedError("write Conv2D.forward")


# %% [markdown]
# ## How large is the result?
#
# You'll ask this question for every layer of every network, so let's settle it once, for a single axis.
# Four numbers decide.
#
# - **Padding** $p$: the number of zeros added at the start of the axis *and* at the end. So the axis
#   grows by $2p$.
# - **Kernel** $k$: the number of elements the kernel has along this axis.
# - **Dilation** $d$: the distance between neighbouring kernel elements. With $d = 1$ they are adjacent;
#   with $d = 2$ they skip one pixel. $d$ is the *distance*, so there are $d - 1$ pixels in between. A
#   dilated kernel has no more elements than before, but it spans more pixels. How many, from its first
#   element to its last?
# - **Stride** $s$: the window starts at 0, at $s$, at $2s$, and so on, as long as it fits *completely*. A
#   last window that would stick out is dropped, so sizes round down.
#
# So count the starting positions. There is one as soon as the kernel fits at all; how many more steps of
# length $s$ fit into the remaining space? (Without padding, stride or dilation you should get $n - k + 1$
# again. If you want a result as long as the input, you have to add padding.)
#
# The function returns the length of one axis: for an image you call it twice, once for the height and
# once for the width.


# %%
def output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Length of one axis of a convolution's result.

    Args:
        n: length of the input along this axis.
        kernel: number of kernel elements along this axis.
        stride: distance between two neighbouring windows.
        padding: number of zeros added at *each* end.
        dilation: distance between two neighbouring kernel elements; 1 means no gap.

    Returns:
        The number of window positions, an int.

    Raises:
        ValueError: stride, dilation, kernel or n is below 1, padding is negative, or the kernel doesn't fit
            into the padded input (stretch task `invalid_input`).

    Source: section "Shape" of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write output_size")


# %% [markdown]
# ## Stretch: no loop over the pixels
#
# Two nested Python loops over a photo are slow: the overhead of each Python step far exceeds the
# arithmetic it does. Fast code does all of the work in a few large operations. Your goal here: the number
# of tensor operations and of Python steps must *not* depend on the size of the image. (It may depend on
# the size of the kernel.)
#
# There are two classic approaches. The first looks at all windows at once:
# `Tensor.unfold(dim, size, step)` returns a view in which each window along `dim` appears along a new
# last axis. Nothing is copied. The example shows it for a row of six numbers. For an image you unfold
# twice; after the second time, make sure you know what each axis stands for.
#
# The second turns the formula around: for one fixed $(a, b)$, the products $X_{i+a,\,j+b} K_{ab}$ for
# *all* $(i, j)$ are a shifted slice of the image times a single number.

# %% tags=["example"]
if __name__ == "__main__":
    row = torch.arange(6)
    print("A row of six:", row.tolist())
    print("Its windows of three, row.unfold(0, 3, 1):", row.unfold(0, 3, 1), sep="\n")


# %%
def conv2d_vectorized(X: Tensor, K: Tensor) -> Tensor:
    """Compute the same result as `conv2d`, in a number of operations that doesn't grow with the image.

    Args:
        X: the image, shape `(H, W)`, any strides.
        K: the kernel, shape `(kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`, dtype `torch.result_type(X, K)`, on `X.device`, differentiable.

    Raises:
        ValueError: as for `conv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.unfold.html
    """
    raise NotImplementedError("write conv2d_vectorized")


# %% [markdown]
# ## Stretch: the backward pass, written out
#
# Training needs gradients. Suppose we know how the loss $L$ depends on the output:
# $G_{ij} = \partial L / \partial Y_{ij}$ (this is `grad_Y`). How does $L$ depend on each $X_{uv}$ and
# each $K_{ab}$? The chain rule, together with $Y_{ij} = \sum_{a,b} X_{i+a,\,j+b} K_{ab}$, answers both
# questions.
#
# - $K_{ab}$ contributes to *every* output, each time multiplied by a pixel:
#   $\partial L / \partial K_{ab} = \sum_{i,j} G_{ij}\, X_{i+a,\,j+b}$. Look closely: you've seen this
#   formula before, with another name in place of $K$.
# - $X_{uv}$ contributes only to the windows that cover it, and windows overlap, so their contributions
#   are *added*: $\partial L / \partial X_{uv} = \sum_{i,j} G_{ij}\, K_{u-i,\,v-j}$, where terms outside
#   the kernel count as zero. Here the indices of $K$ run backwards: seen from the input, the kernel is
#   flipped.
#
# Note that both sums contain $G$, the gradient with respect to the output, and never $Y$ itself. Test
# your code on images that aren't square, with a `grad_Y` that isn't all ones: many mistakes don't show
# otherwise.


# %%
def conv2d_backward(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """Compute both gradients of `conv2d`, without autograd.

    Args:
        grad_Y: gradient of the loss with respect to `Y = conv2d(X, K)`, shape `(H - kh + 1, W - kw + 1)`.
        X: the image, shape `(H, W)`.
        K: the kernel, shape `(kh, kw)`.

    Returns:
        `(grad_X, grad_K)`, with the shapes of `X` and `K`, dtype `torch.result_type(X, K)`, on `X.device`.

    Raises:
        ValueError: as for `conv2d`, or `grad_Y` doesn't have the shape of `conv2d(X, K)`.

    Source: the chain rule; "vector-Jacobian product" in
        https://docs.pytorch.org/docs/stable/notes/autograd.html
    """
    raise NotImplementedError("write conv2d_backward")


# %% [markdown]
# ## Stretch: a convolution is a matrix
#
# Each output is a sum of pixels times fixed numbers. So the whole operation is linear, and every linear
# operation can be written as a matrix. Flatten the image into one long column, row after row (this is
# what `X.flatten()` does), and do the same with the result. Then $y = M x$, where row $r$ of $M$ holds
# the weights of output number $r$.
#
# Most of $M$ is zero (locality), and the same few numbers appear in every row, only shifted (translation
# invariance). $M$ is the dense layer from above with both observations built in. Be careful where a
# window moves on to its next row: vertical neighbours in the image lie $W$ positions apart in the long
# column.
#
# You get the backward pass for free: the gradient with respect to the image is `M.T @ grad_Y.flatten()`,
# a product with the transpose.


# %%
def conv2d_matrix(K: Tensor, input_size: tuple[int, int]) -> Tensor:
    """Build the matrix that does to `X.flatten()` what `conv2d(X, K)` does to `X`.

    Args:
        K: the kernel, shape `(kh, kw)`.
        input_size: height and width `(H, W)` of the image (an int for a square one).

    Returns:
        M of shape `((H - kh + 1) * (W - kw + 1), H * W)`, with K's dtype and device, differentiable with
        respect to `K`, such that `M @ X.flatten()` equals `conv2d(X, K).flatten()`.

    Raises:
        ValueError: K isn't two-dimensional, or is larger than the image.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", section 4.1,
        https://arxiv.org/abs/1603.07285
    """
    raise NotImplementedError("write conv2d_matrix")


# %% [markdown]
# ## Stretch: rejecting invalid input
#
# A kernel larger than the image doesn't fit anywhere. What should `conv2d` do then? The worst thing is to
# fail silently: to return an empty or wrong tensor that causes a puzzling error three functions later.
# The helpful thing is to raise an error at once that says what is wrong: *kernel of shape (3, 3) does not
# fit into image of shape (2, 5)*.
#
# Go back over your functions and make them raise `ValueError`, with the offending shapes or value in the
# message, for input that has no valid result.
#
# - `conv2d`, `conv2d_vectorized`, `conv2d_backward`: an image or a kernel that isn't two-dimensional; a
#   kernel that is higher *or* wider than the image. For `conv2d_backward`, also a `grad_Y` whose shape
#   differs from that of the result.
# - `conv2d_matrix`: a kernel that isn't two-dimensional, or one larger than `input_size`.
# - `output_size`: stride, dilation or kernel below 1, negative padding, a kernel whose extent is larger
#   than the padded input.
# - `Conv2D`: a kernel size below 1.

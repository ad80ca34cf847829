# %% [markdown]
# # Learning a kernel
#
# The kernel `[[1, -1]]` finds vertical edges because somebody thought of it. Who thinks of the kernels
# that find a whisker, a wheel or a tumour? Nobody. They are *learned*, from nothing but images and target
# results.
#
# In this exercise you build the smallest complete example. You create an image, take the result of a
# secret kernel as the target, and write the loop that recovers the kernel. It's the same loop that trains
# the largest networks, but small enough that you can understand every number in it.
#
# You may use `torch.nn.functional.conv2d` here, because this exercise is about learning. It expects a
# batch axis and a channel axis: `X[None, None]` adds two axes in front, and `[0, 0]` removes them again.

# %%
import torch
from torch import Tensor
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
# ## The image
#
# We need an image from which a kernel *can* be learned. Ours is white (1) everywhere except for a black
# (0) stripe from top to bottom. The stripe covers the columns `left`, `left + 1`, …, `right - 1`: as in
# any Python range, `right` itself is not included. Columns, not rows! (Which of the two indices in
# `X[…, …]` counts the columns?)
#
# The stripe isn't decoration. On an all-white image, `[[1, -1]]`, `[[5, -5]]` and `[[0, 0]]` all give
# exactly the same result, so no loop could ever tell which of them was meant.


# %%
def edge_image(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    """Create a white image with a black vertical stripe.

    Args:
        height: number of rows.
        width: number of columns.
        left: first black column.
        right: first column after the stripe that is white again.

    Returns:
        A float32 tensor of shape `(height, width)`: ones, with zeros in the columns `left` to `right - 1`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.ones.html
    """
    raise NotImplementedError("write edge_image")


# %% [markdown]
# ## How a kernel is learned
#
# Take any kernel $w$, even a random one. It gives a result $\hat Y = \mathrm{conv2d}(X, w)$, which isn't
# the target $Y$. How wrong is it? We measure this with the **summed squared error**
#
# $$L(w) = \sum_{i,j} \big(Y_{ij} - \hat Y_{ij}\big)^2.$$
#
# The gradient $\nabla L(w)$ has one number for each number in $w$: how steeply the loss rises if we
# increase it. So we take a small step in the opposite direction:
#
# $$w_{\text{new}} = w - \eta\, \nabla L(w),$$
#
# with the learning rate $\eta$ (`lr`). That is one step of gradient descent. With a plus instead of the
# minus, you'd climb the hill.
#
# **Where does the gradient come from?** While you compute with a tensor that has `requires_grad=True`,
# PyTorch records every operation in a computation graph. `loss.backward()` goes through this graph from
# the end to the beginning, applies the chain rule, and *adds* the result to the tensor's `.grad`. Note
# that it adds: if you call it again without clearing `.grad` first, your next step uses the sum of the
# old and the new gradient. `backward()` needs a single number to start from, so sum up the loss first.
# (There is also `torch.autograd.grad(loss, w)`, which returns the gradient and stores nothing.)
#
# **What may you change?** `train_step` *returns* the new kernel. The caller's `weight` must stay as it
# was, both its values and its `.grad`, so work on your own copy. And the new kernel must not carry the
# computation graph of this step with it: it must have no `grad_fn`, otherwise the graph would grow from
# step to step. `.detach()` gives you the values without the graph; inside `with torch.no_grad():` nothing
# is recorded.
#
# **Broadcasting can hide a mistake.** If `Y` has shape `(6, 7)` and your result has shape `(1, 1, 6, 7)`,
# the difference is computed without an error, and in this case it's even correct. With other shapes it
# broadcasts to something large and wrong. Make sure both have the same shape.


# %%
def train_step(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
    """Take one step of gradient descent on the summed squared error `((Y - conv2d(X, weight)) ** 2).sum()`.

    Args:
        weight: the kernel before the step, shape `(kh, kw)`; it isn't changed.
        X: the image, shape `(H, W)`.
        Y: the target, shape `(H - kh + 1, W - kw + 1)`.
        lr: the learning rate.

    Returns:
        `(new_weight, loss)`: the kernel after the step, with the shape of `weight` and without `grad_fn`, and
        the loss *before* the step as a float.

    Raises:
        ValueError: Y doesn't have the shape of the result.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html (without momentum)
    """
    raise NotImplementedError("write train_step")


# %% [markdown]
# ## Step by step
#
# One step makes the kernel better, but not yet good. One pass over all the data is called an **epoch**.
# Our data is one image, so here an epoch is a single step, and there are no minibatches.
#
# The losses show how the training went, so keep one float for each epoch: the loss *before* that epoch's
# step. Ten epochs give ten losses. The first tells you how wrong the start was; none of them tells you
# how good the final kernel is.
#
# Only the kernel is learned; there is no bias. (If your layer has a bias that nobody updates, its results
# stay slightly off, and the kernel is distorted to compensate.) The starting kernel is `init` if it is
# given, and otherwise drawn by `torch.rand`. Don't change `init`, so that the caller can start from it
# again.
#
# ## Why 0.03? Close to the stability limit
#
# On a straight slope, any step downhill helps. But the loss is shaped like a bowl, and a step that is too
# long lands on the opposite side, higher than before. For our bowl, we can compute exactly when that
# happens. In one step, the error $e = w - w^*$ (the distance to the right kernel) becomes
#
# $$e_{\text{new}} = (I - \eta H)\, e,$$
#
# where $H$ is the Hessian, the matrix of second derivatives of $L$. Along each eigenvector of $H$ with
# eigenvalue $\lambda$, each step multiplies the error by $1 - \eta\lambda$. The error shrinks if
# $|1 - \eta\lambda| < 1$, that is, if $\eta < 2/\lambda$.
#
# For `edge_image()` and a kernel of size $1 \times 2$, the eigenvalues are 60 and 12. The steepest
# direction sets the limit: below $\eta = 2/60 = 1/30 \approx 0.0333$ the descent is stable, above it the
# loss explodes. With 0.03 we are at 90 % of the limit: along the steep direction, each step multiplies
# the error by $1 - 0.03 \cdot 60 = -0.8$. It jumps from side to side and shrinks by a fifth each time.
# After ten epochs, $0.8^{10} \approx 0.107$ of it is left, about a tenth. So don't expect `[1, -1]` to
# three digits: after ten epochs the kernel is *close*, and that's intended. Along the flat direction the
# factor is $1 - 0.03 \cdot 12 = 0.64$, and only $0.64^{10} \approx 0.012$ is left. (The rate that works
# best for both directions is $2/(60 + 12) \approx 0.028$, where the two factors are $-2/3$ and $2/3$.)
#
# ## Why the sum and not the mean?
#
# The mean is the sum divided by the 42 elements of the result. The same goes for its gradient, so with
# the same `lr` each step is 42 times shorter: along the flat direction the error shrinks by less than one
# percent per epoch, and after ten epochs 92 % of it is still there. With the mean you'd have to choose a
# larger rate (its limit is $42/30 = 1.4$). Neither choice is wrong, but a learning rate only makes sense
# together with the loss it was chosen for. We use the sum with 0.03.
#
# And without the stripe? On an all-white image of this size the eigenvalues are 168 and 0. The limit
# drops to $2/168 \approx 0.012$, so 0.03 explodes: each epoch multiplies the error along the steep
# direction by $-4.04$. A loss around 1e11 usually means that the stripe was never painted.
#
# The example below tries rates on both sides of the limit, always starting from `[0.5, 0.5]`, where the
# loss is 27. With 0.034, just above the limit, the loss grows so slowly that ten epochs hardly show it;
# with 0.05 you can't miss it.

# %% tags=["example"]
if __name__ == "__main__":
    stripe = torch.ones(6, 8)
    stripe[:, 2:6] = 0
    wanted = F.conv2d(stripe[None, None], torch.tensor([[[[1.0, -1.0]]]]))
    print("Ten epochs from the same start, with different learning rates:")
    for rate in (0.003, 0.01, 0.02, 0.03, 0.033, 0.034, 0.05):
        guess = torch.full((1, 1, 1, 2), 0.5, requires_grad=True)
        descent = torch.optim.SGD([guess], lr=rate)
        for _ in range(10):
            descent.zero_grad()
            error = ((wanted - F.conv2d(stripe[None, None], guess)) ** 2).sum()
            error.backward()  # type: ignore[no-untyped-call]
            descent.step()
        numbers = [round(number, 2) for number in guess.detach().flatten().tolist()]
        print(f"lr {rate:5.3f}   last loss {error.item():12.4f}   kernel {numbers}")


# %%
def learn_kernel(
    X: Tensor,
    Y: Tensor,
    kernel_size: int | tuple[int, int],
    num_epochs: int = 10,
    lr: float = 0.03,
    init: Tensor | None = None,
) -> tuple[Tensor, list[float]]:
    """Learn the kernel that turns X into Y by gradient descent on the summed squared error.

    Args:
        X: the image, shape `(H, W)`.
        Y: the target, shape `(H - kh + 1, W - kw + 1)`.
        kernel_size: an int (both axes) or a pair `(kh, kw)`.
        num_epochs: number of steps to take.
        lr: the learning rate.
        init: the kernel to start from, shape `(kh, kw)`; it isn't changed. If None, the starting kernel is
            drawn by `torch.rand`, with the dtype and on the device of `X`.

    Returns:
        `(kernel, losses)`: the learned kernel, shape `(kh, kw)`, and one float per epoch, each the loss
        before that epoch's step. No bias is learned.

    Raises:
        ValueError: `init` doesn't have the shape given by `kernel_size`.

    Source: https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html
    """
    raise NotImplementedError("write learn_kernel")


# %% [markdown]
# ## Stretch: where exactly is the limit?
#
# Write each window of the image as a row of a matrix $A$: one row for each output, one column for each
# kernel element. Then the convolution is $A w$ (with the kernel flattened to a column), the loss is
# $\lVert Y - A w \rVert^2$, and its Hessian, the same everywhere, is $H = 2 A^\top A$. The stability
# limit is $2/\lambda_{\max}(H)$, where $\lambda_{\max}$ is the largest eigenvalue.
#
# Don't forget the factor 2 in $H$: it comes from the square in the loss. Note, too, what does *not*
# appear in the formula: the limit depends on the image and on the size of the kernel, but neither on $Y$
# nor on the kernel you start from.


# %%
def max_stable_lr(X: Tensor, kernel_size: int | tuple[int, int]) -> float:
    """Compute the learning rate above which `train_step` diverges: 2 / (largest eigenvalue of the Hessian).

    Args:
        X: the image, shape `(H, W)`.
        kernel_size: an int (both axes) or a pair `(kh, kw)`.

    Returns:
        A float; 1/30 for `edge_image()` and a kernel of size `(1, 2)`. Infinity for an image of zeros,
        where every learning rate is stable.

    Raises:
        ValueError: X isn't two-dimensional, or the kernel doesn't fit into it.

    Source: Goh, "Why Momentum Really Works", first part, https://distill.pub/2017/momentum/
    """
    raise NotImplementedError("write max_stable_lr")


# %% [markdown]
# ## Stretch: no descent at all
#
# A bowl has a lowest point, and here there is a formula for it. With the matrix $A$ from above, we look
# for the $w$ that minimises $\lVert Y - A w \rVert^2$. This is *least squares*, a method about two
# hundred years older than deep learning. So why use gradient descent at all? Because the formula works
# only as long as the model is linear. The first activation function rules it out.
#
# Some images don't determine the kernel: on the all-white one, all kernels $[[a, b]]$ with the same sum
# $a + b$ fit equally well. In that case we want the solution with the smallest norm. A plain
# `torch.linalg.solve` on $A^\top A$ fails there, because this matrix has no inverse. The
# **pseudoinverse** $A^+$ is made for such cases: $w = A^+ y$ is a best fit, and of all best fits the one
# with the smallest norm.


# %%
def closed_form_kernel(X: Tensor, Y: Tensor, kernel_size: int | tuple[int, int]) -> Tensor:
    """Find the kernel with the smallest summed squared error in one solve, without descent.

    Args:
        X: the image, shape `(H, W)`.
        Y: the target, shape `(H - kh + 1, W - kw + 1)`.
        kernel_size: an int (both axes) or a pair `(kh, kw)`.

    Returns:
        The least-squares kernel, shape `(kh, kw)`, dtype `torch.result_type(X, Y)`; if the image doesn't
        determine it, the one with the smallest norm.

    Raises:
        ValueError: X isn't two-dimensional, the kernel doesn't fit into it, or Y doesn't have the shape of
            the result.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.pinv.html
    """
    raise NotImplementedError("write closed_form_kernel")

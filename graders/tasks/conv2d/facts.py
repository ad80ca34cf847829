"""What the tasks of exercise 1 are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.testing.operation import Group, Operation
from graders.testing.size import Size, Sizes
from solutions import conv2d as reference

# Of the image of exercise 2 and its like, as (H, W), (kh, kw).
_EXAMPLES = (((6, 8), (1, 2)), ((8, 6), (1, 2)), ((8, 6), (2, 1)))
_BESIDES = tuple({"kh": kh, "kw": kw, "more_h": H - kh, "more_w": W - kw} for (H, W), (kh, kw) in _EXAMPLES)

conv2d = Operation(
    reference=reference.conv2d,
    oracle=lambda X, K: F.conv2d(X[None, None], K[None, None])[0, 0],
    settings={"kh": range(1, 5), "kw": range(1, 5), "more_h": range(6), "more_w": range(6)},
    shapes=lambda kh, kw, more_h, more_w: {"X": (kh + more_h, kw + more_w), "K": (kh, kw)},
    besides=_BESIDES,
)

conv2d_vectorized = conv2d.also(
    reference.conv2d_vectorized,
    groups={
        "values": Group(1, ("values",)),
        "gradients, dtypes and layouts": Group(1, ("gradients", "dtypes", "layouts", "side effects")),
        "effort": Group(2),
        "devices": Group(1, ("devices",)),
    },
)


def _matrix(K: Tensor, input_size: tuple[int, int]) -> Tensor:
    """Its columns are what convolution makes of images with a single 1."""
    height, width = input_size
    images = torch.eye(height * width, dtype=K.dtype).reshape(-1, 1, height, width)
    return F.conv2d(images, K[None, None]).flatten(1).T


conv2d_matrix = Operation(
    reference=reference.conv2d_matrix,
    oracle=_matrix,
    settings={"kh": range(1, 5), "kw": range(1, 5), "more_h": range(6), "more_w": range(6)},
    possible=(lambda kh, more_h: kh + more_h <= 6, lambda kw, more_w: kw + more_w <= 6),
    shapes=lambda kh, kw, **_: {"K": (kh, kw)},
    options=lambda kh, kw, more_h, more_w: {"input_size": (kh + more_h, kw + more_w)},
    besides=_BESIDES,
    groups={
        "values": Group(2, ("values",)),
        "transpose": Group(1),
        "gradients and dtypes": Group(1, ("gradients", "dtypes", "layouts", "side effects")),
        "devices": Group(1, ("devices",)),
    },
)

# Images up to 6 by 6 with kernels up to 4 by 4, small ones first, for the tasks that are not declared yet.
SMALL_IMAGES = tuple(sorted(conv2d_matrix.rows, key=conv2d.size))


def _length(n: int, kernel: int, **options: int) -> int:
    return F.conv1d(torch.zeros(1, 1, n), torch.zeros(1, 1, kernel), None, **options).shape[-1]


_LENGTHS = {"n": range(1, 17), "kernel": range(1, 8)}

output_size = Size(
    reference=reference.output_size,
    oracle=_length,
    possible=(lambda n, kernel, padding, dilation: dilation * (kernel - 1) < n + 2 * padding,),
    groups={
        "stride 1": Sizes(1, _LENGTHS, besides=((5, 3), (8, 2), (28, 5), (224, 7))),
        "stride and padding": Sizes(
            2,
            {**_LENGTHS, "stride": range(1, 6), "padding": range(5)},
            besides=(
                *((7, 3, 2, 0), (8, 3, 2, 0), (8, 3, 2, 1), (5, 2, 3, 2), (2, 5, 1, 2), (9, 1, 4, 0)),
                *((6, 3, 7, 1), (224, 7, 2, 3), (28, 5, 1, 2), (28, 2, 2, 0)),
            ),
        ),
        "dilation": Sizes(
            1,
            {
                **{"n": range(1, 9), "kernel": range(1, 6), "dilation": range(2, 5)},
                **{"stride": range(1, 6), "padding": range(5)},
            },
            besides=((9, 3, 1, 0, 2), (12, 3, 2, 1, 3), (10, 1, 2, 0, 4), (5, 2, 3, 2, 3), (7, 4, 1, 0, 2)),
        ),
    },
)

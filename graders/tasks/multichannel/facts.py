"""What the tasks of exercise 3 are, as far as they are declared."""

from __future__ import annotations

import itertools

from torch import nn

from graders.testing.size import Size, Sizes
from solutions import multichannel as reference


def _counted(in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], bias: bool) -> int:
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias, device="meta")
    return sum(parameter.numel() for parameter in layer.parameters())


_CHANNELS = {"in_channels": range(1, 5), "out_channels": range(1, 5)}
_SQUARES = {**_CHANNELS, "kernel_size": range(1, 5)}

num_parameters = Size(
    reference=reference.num_parameters,
    oracle=_counted,
    groups={
        "square kernels": Sizes(
            1, _SQUARES, besides=((1, 6, 5), (6, 16, 5), (3, 2, 1), (7, 5, 2), (3, 64, 7))
        ),
        "rectangular kernels": Sizes(
            1,
            {**_CHANNELS, "kernel_size": tuple(itertools.product(range(1, 5), repeat=2))},
            besides=((3, 4, (2, 5)), (5, 2, (1, 7)), (11, 12, (9, 8)), (1, 6, (5, 5)), (6, 16, (5, 5))),
        ),
        "without bias": Sizes(
            1,
            {**_SQUARES, "bias": (False,)},
            besides=((1, 6, 5, False), (1, 6, 5, True), (5, 1, 3, True), (1, 6, (5, 5), False)),
        ),
    },
)

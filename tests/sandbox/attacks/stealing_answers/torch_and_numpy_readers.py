# task: conv2d.output_size
# expect: passed
# tiers: walls
import numpy as np
import torch

from right import unless


@unless
def output_size():
    path = "@SECRET_FILE@"
    for reader in (
        lambda: torch.from_file(path, size=8, dtype=torch.uint8),
        lambda: np.fromfile(path, dtype=np.uint8),
        lambda: np.memmap(path, mode="r"),
        lambda: np.genfromtxt(path, dtype=str),
        lambda: torch.UntypedStorage.from_file(path, False, 8),
        lambda: torch._C._open_file if False else None,
    ):
        try:
            if (loot := reader()) is not None:
                return loot
        except Exception:
            continue

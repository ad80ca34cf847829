"""Hand-ins as people really make them: right code, and everything around it.

A case is a few files and the expected result of grading them. Its name begins with a letter for its kind:

- A: other code at the top level (demonstrations, tests, training runs, downloads)
- B: a task's name is rebound, or bound without `def`
- C: what a file looks like (notebook formats, encodings, stored images, a cell that isn't Python)
- D: file names, several exercises in one file, files that nothing uses
- E: imports between the files of one hand-in
- F: lines that IPython and its exporters write
- I: libraries that are missing, or that load more of themselves while they are used
- J: what an answer uses (tables, constants, helpers, decorators)
- W: something is really wrong, and the code around it must not hide that
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

OUTPUT_SIZE = """\
def output_size(n, kernel, stride=1, padding=0, dilation=1):
    reach = dilation * (kernel - 1) + 1
    return (n + 2 * padding - reach) // stride + 1
"""
CONV2D = """\
def conv2d(X, K):
    h, w = K.shape
    Y = torch.zeros(X.shape[0] - h + 1, X.shape[1] - w + 1, dtype=torch.result_type(X, K), device=X.device)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y
"""
LAYER = """\
class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        self.weight = nn.Parameter(torch.rand(size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return conv2d(X, self.weight) + self.bias
"""
POOL2D = """\
def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    (kh, kw), (ph, pw) = pair(pool_size), pair(padding)
    sh, sw = (kh, kw) if stride is None else pair(stride)
    edge = float("-inf") if mode == "max" else 0.0
    X = nn.functional.pad(X, (pw, pw, ph, ph), value=edge)
    windows = X.unfold(0, kh, sh).unfold(1, kw, sw)
    return windows.amax((2, 3)) if mode == "max" else windows.mean((2, 3))
"""
TRAIN_STEP = """\
def train_step(weight, X, Y, lr):
    kernel = weight.detach().clone().requires_grad_(True)
    Y_hat = nn.functional.conv2d(X[None, None], kernel[None, None])[0, 0]
    loss = ((Y - Y_hat) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        kernel -= lr * kernel.grad
    return kernel.detach(), loss.item()
"""
ACCURACY = """\
def accuracy(net, data):
    modes = [(module, module.training) for module in net.modules()]
    device = next((parameter.device for parameter in net.parameters()), torch.device("cpu"))
    hits = total = 0
    net.eval()
    with torch.no_grad():
        for X, y in data:
            hits += int((net(X.to(device)).argmax(1) == y.to(device)).sum())
            total += y.numel()
    for module, mode in modes:
        module.training = mode
    return hits / total
"""
TORCH = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n"
RIGHT = {"conv2d.output_size": "passed"}
NOTEBOOKS = Path(__file__).parent / "notebooks"


@dataclass(frozen=True)
class Case:
    """One hand-in and the expected result of grading it.

    Places are written `cell 3` in a notebook, and `@text` in a module: the line that contains this text.

    Attributes:
        name: its kind and a description.
        files: contents by path.
        tasks: for each graded task its outcome, or a tuple of the outcome and what the message must say.
            `a|b` is either outcome; a text that begins with `!` must not be in the message.
        remarks: what the report must say about the hand-in, above all the places.
    """

    name: str
    files: Mapping[str, str | bytes]
    tasks: Mapping[str, str | tuple[str, ...]]
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def every_case() -> Iterator[Case]:
    """Every case, kind by kind."""
    for module in ("top_level", "names", "files", "shell", "libraries", "used", "wrong"):
        yield from import_module(f"{__name__}.{module}").CASES


def published() -> dict[str, str]:
    """Notebooks as people publish them, all of them right: the exercise of each by name."""
    return tomllib.loads((NOTEBOOKS / "expected.toml").read_text(encoding="utf-8"))


def script(*parts: str) -> str:
    """The source of a module."""
    return "\n\n".join(part.strip("\n") + "\n" for part in parts)


def notebook(*cells: str | Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> str:
    """A notebook of format 4; a cell is the text of a code cell, or the whole cell."""
    whole = [code(cell) if isinstance(cell, str) else dict(cell) for cell in cells]
    about = metadata or {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"cells": whole, "metadata": about, "nbformat": 4, "nbformat_minor": 4})


def code(source: str, *outputs: Mapping[str, Any]) -> dict[str, Any]:
    """A code cell."""
    lines = source.strip("\n").splitlines(keepends=True)
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": 1,
        "outputs": list(outputs),
        "source": lines,
    }


def text(source: str, kind: str = "markdown") -> dict[str, Any]:
    """A cell without code."""
    return {"cell_type": kind, "metadata": {}, "source": source}

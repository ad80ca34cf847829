"""What an answer uses counts with it: tables, constants, helpers, decorators, imports."""

from tests.grading.field import CONV2D, LAYER, OUTPUT_SIZE, POOL2D, RIGHT, TORCH, Case, notebook, script

BODY = "dilation * (kernel - 1) + 1"
CONV2D_RIGHT = {"conv2d.conv2d": "passed"}
FROM_TABLE = OUTPUT_SIZE.replace(BODY, "TABLE[dilation] * (kernel - 1) + 1")


def _size(name: str, head: str, reach: str, *tail: str) -> Case:
    """An answer that computes the extent of a dilated kernel in its own way."""
    return Case(f"J-{name}", {"conv2d.ipynb": notebook(head, OUTPUT_SIZE.replace(BODY, reach), *tail)}, RIGHT)


CASES = (
    Case(
        "J-table-filled-by-a-loop",
        {
            "conv2d.ipynb": notebook(
                "TABLE = []", "for distance in range(1000):\n    TABLE.append(distance)", FROM_TABLE
            )
        },
        RIGHT,
    ),
    Case(
        "J-table-filled-after-the-answer",
        {
            "conv2d.py": script(
                "TABLE = {}", FROM_TABLE, "for d in range(1000):\n    TABLE[d] = d\nprint(TABLE[99999])"
            )
        },
        RIGHT,
        ("@99999",),
    ),
    Case(
        "J-table-updated",
        {"conv2d.py": script("TABLE = {1: 1}", "TABLE.update((d, d) for d in range(1000))", FROM_TABLE)},
        RIGHT,
    ),
    Case(
        "J-table-grown-in-place",
        {"conv2d.py": script("TABLE = [0, 1]\nTABLE += list(range(2, 1000))", FROM_TABLE)},
        RIGHT,
    ),
    Case(
        "J-table-filled-by-a-helper",
        {
            "conv2d.py": script(
                "def fill(table):\n    table.extend(range(1000))\n", "TABLE = []\nfill(TABLE)", FROM_TABLE
            )
        },
        RIGHT,
    ),
    Case(
        "J-table-from-a-file-that-stayed-at-home",
        {
            "conv2d.py": script(
                "import numpy as np\n" + TORCH, "TABLE = np.load('table.npy')", FROM_TABLE, CONV2D
            )
        },
        {"conv2d.output_size": ("broken", "@np.load", "np.load"), **CONV2D_RIGHT},
    ),
    Case(
        "J-table-that-takes-for-ever",
        {"conv2d.ipynb": notebook(TORCH, "TABLE = [number for number in iter(int, 1)]", FROM_TABLE, CONV2D)},
        {"conv2d.output_size": ("broken|timed_out|out_of_memory", "cell 2"), **CONV2D_RIGHT},
    ),
    Case(
        "J-constant-in-a-default",
        {
            "conv2d.py": script(
                "STEP, NO_PADDING = 1, 0",
                OUTPUT_SIZE.replace("stride=1, padding=0", "stride=STEP, padding=NO_PADDING"),
            )
        },
        RIGHT,
    ),
    _size(
        "dataclass-and-named-tuple-and-enumeration",
        "from dataclasses import dataclass\nfrom enum import IntEnum\n"
        "from typing import NamedTuple, TypeAlias\n\n"
        "Length: TypeAlias = int\n\n\nclass Least(IntEnum):\n    ONE = 1\n\n\n"
        "class Window(NamedTuple):\n    kernel: Length\n    dilation: Length = Least.ONE\n\n\n"
        "@dataclass(frozen=True)\nclass Axis:\n    window: Window\n\n"
        "    @property\n    def reach(self) -> Length:\n"
        "        return self.window.dilation * (self.window.kernel - Least.ONE) + Least.ONE",
        "Axis(Window(kernel, dilation)).reach",
        "Axis(Window(3)).reech",
    ),
    _size(
        "helper-defined-after-the-answer",
        "calls = 0",
        "covered(kernel, dilation)",
        "from functools import lru_cache",
        "@lru_cache(maxsize=None)\ndef covered(kernel, dilation):\n    global calls\n    calls += 1\n"
        "    return dilation * (kernel - 1) + 1",
        "print(calls / 0)",
    ),
    _size("star-of-the-standard-library", "from math import *", "floor(dilation * (kernel - 1)) + 1"),
    _size("alias-of-an-import", "import operator\nmul = operator.mul", "mul(dilation, kernel - 1) + 1"),
    _size(
        "nested-functions",
        "def counter():\n    total = 0\n\n    def add(number):\n"
        "        nonlocal total\n        total += number\n"
        "        return total\n\n    return add",
        "(lambda add: [add(1), add(dilation * (kernel - 1))][-1])(counter())",
        "add = counter()\ntotal = add('1')",
    ),
    Case(
        "J-decorator-of-ones-own",
        {
            "conv2d.py": script(
                "import functools\nimport time\n" + TORCH,
                "def timed(function):\n    @functools.wraps(function)\n    def wrapper(*args, **kwargs):\n"
                "        start = time.perf_counter()\n        try:\n"
                "            return function(*args, **kwargs)\n"
                "        finally:\n            TIMES.append(time.perf_counter() - start)\n\n"
                "    return wrapper\n",
                "TIMES = []",
                "@timed\n" + CONV2D,
                "for n in (10, 100, 1000, 10000):\n"
                "    conv2d(torch.rand(n, n), torch.rand(3, 3))\nprint(sum(TIMES))",
            )
        },
        CONV2D_RIGHT,
        ("@for n in (10",),
    ),
    Case(
        "J-cached-and-scripted",
        {
            "conv2d.py": script(
                "from functools import lru_cache\n" + TORCH,
                "@torch.jit.script\ndef covered(kernel: int, dilation: int) -> int:\n"
                "    return dilation * (kernel - 1) + 1\n",
                "@lru_cache\n" + OUTPUT_SIZE.replace(BODY, "covered(kernel, dilation)"),
            )
        },
        RIGHT,
    ),
    Case(
        "J-parent-class-of-ones-own",
        {
            "conv2d.ipynb": notebook(
                "from __future__ import annotations\n" + TORCH,
                "class Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
                "        self.bias = nn.Parameter(torch.zeros(1))",
                LAYER.replace("nn.Module", "Base").replace(
                    "        self.bias = nn.Parameter(torch.zeros(1))\n", ""
                ),
                "base = Base()\nbase.forward(1)",
                CONV2D,
            )
        },
        {"conv2d.Conv2D": "passed"},
        ("cell 4",),
    ),
    Case(
        "J-names-of-parameters-among-the-globals",
        {
            "pooling.py": script(
                TORCH,
                "X = torch.load('X.pt')\npadding, stride, mode = X\nsh = sw = edge = windows = X['edge']",
                POOL2D,
            )
        },
        {"pooling.pool2d": "passed"},
        ("@X.pt",),
    ),
)

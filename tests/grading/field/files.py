"""What files look like, what their names are, and how they import each other."""

import base64
import json

from tests.grading.field import CONV2D, OUTPUT_SIZE, POOL2D, RIGHT, TORCH, Case, code, notebook, script, text

WRONG_SIZE = OUTPUT_SIZE.replace("// stride + 1", "// stride")
PICTURE = base64.b64encode(bytes(900_000)).decode()
SHOWN = {"output_type": "display_data", "metadata": {}, "data": {"image/png": PICTURE}}
BOTH = {"conv2d.conv2d": "passed", **RIGHT}


def _format_3(*cells: str) -> str:
    """A notebook of format 3, with worksheets."""
    kinds = {"language": "python", "metadata": {}, "collapsed": False, "prompt_number": 1, "outputs": []}
    sheet = {
        "metadata": {},
        "cells": [
            {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Sizes"]},
            *({"cell_type": "code", "input": cell.splitlines(keepends=True), **kinds} for cell in cells),
        ],
    }
    about = {"name": "", "signature": "sha256:0"}
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": about, "worksheets": [sheet]})


LOOKS = (
    Case(
        "C-three-large-pictures-in-outputs",
        {"conv2d.ipynb": notebook(TORCH, OUTPUT_SIZE, code("show(1)", SHOWN), code("show(2)", SHOWN, SHOWN))},
        RIGHT,
    ),
    Case(
        "C-picture-pasted-into-markdown",
        {
            "conv2d.ipynb": notebook(
                text(f"![whiteboard](data:image/png;base64,{PICTURE})"),
                {**text("![b](attachment:b.png)"), "attachments": {"b.png": {"image/png": PICTURE}}},
                OUTPUT_SIZE,
            )
        },
        RIGHT,
    ),
    Case("C-notebook-of-format-3", {"conv2d.ipynb": _format_3(TORCH, CONV2D, OUTPUT_SIZE)}, BOTH),
    Case(
        "C-code-in-cells-that-are-no-code",
        {
            "conv2d.ipynb": notebook(
                OUTPUT_SIZE, text(f"My first try was\n{WRONG_SIZE}"), text(WRONG_SIZE, "raw")
            )
        },
        RIGHT,
    ),
    Case(
        "C-source-of-a-cell-as-one-string",
        {
            "conv2d.ipynb": notebook(
                {**code(""), "source": TORCH + CONV2D}, {**code(""), "source": OUTPUT_SIZE}
            )
        },
        BOTH,
    ),
    Case(
        "C-scratch-cell-that-is-no-python",
        {"conv2d.ipynb": notebook(TORCH, CONV2D, "pip install d2l==1.0.3", OUTPUT_SIZE)},
        BOTH,
        ("cell 3",),
    ),
    Case(
        "C-answer-in-a-cell-that-is-no-python",
        {"conv2d.ipynb": notebook(TORCH, CONV2D, OUTPUT_SIZE + "print output_size(7, 3)")},
        {"conv2d.conv2d": "passed", "conv2d.output_size": ("broken", "cell 3", "syntax")},
    ),
    Case(
        "C-chinese-comments-and-names",
        {
            "conv2d.py": "# 作业三：卷积层的输出大小\n"
            "def 范围(核, 膨胀):\n    return 膨胀 * (核 - 1) + 1  # 覆盖的像素\n\n\n"
            "def output_size(n, kernel, stride=1, padding=0, dilation=1):\n"
            "    '''输出长度'''\n    return (n + 2 * padding - 范围(kernel, dilation)) // stride + 1\n\n\n"
            "结果 = output_size(7, 3)\nprint(f'结果：{结果}')\n"
        },
        RIGHT,
        ("@结果 = ",),
    ),
    Case(
        "C-windows-line-ends-and-byte-order-mark",
        {"conv2d.py": ("\ufeff" + TORCH + OUTPUT_SIZE + "\nprint(open('a').read())\n").replace("\n", "\r\n")},
        RIGHT,
        ("@open('a')",),
    ),
    Case(
        "C-tabs",
        {"conv2d.py": OUTPUT_SIZE.replace("    ", "\t") + "\nif True:\n\tprint(undefined)\n"},
        RIGHT,
        ("@if True",),
    ),
    Case(
        "C-latin-1-with-a-coding-line",
        {
            "conv2d.py": (
                "# -*- coding: latin-1 -*-\n# Lösung von Zoë\n" + OUTPUT_SIZE + "print('größe', größe)\n"
            ).encode("latin-1")
        },
        RIGHT,
        ("line 6",),
    ),
)
NAMES = (
    Case(
        "D-notebook-with-a-few-tasks-of-several-exercises",
        {
            "homework3.ipynb": notebook(
                TORCH,
                POOL2D,
                "pool2d(torch.rand(4, 4), 2)",
                OUTPUT_SIZE,
                "def edge_image(height=6, width=8, left=2, right=6):\n"
                "    X = torch.ones(height, width)\n    X[:, left:right] = 0\n    return X",
            )
        },
        {"conv2d.output_size": "passed", "kernel_learning.edge_image": "passed", "pooling.pool2d": "passed"},
        ("homework3.ipynb",),
    ),
    Case(
        "D-one-file-for-each-task",
        {"task1.py": TORCH + CONV2D, "task3.py": OUTPUT_SIZE, "notes.md": "# Notes\n"},
        BOTH,
        ("notes.md",),
    ),
    Case(
        "D-notebook-saved-as-json",
        {"conv2d.ipynb.json": notebook(OUTPUT_SIZE)},
        {"conv2d.output_size": "not_implemented|passed"},
        ("conv2d.ipynb.json",),
    ),
    Case(
        "D-download-of-the-same-file-again",
        {"conv2d.py": TORCH + CONV2D + OUTPUT_SIZE, "conv2d (2).py": TORCH + CONV2D},
        BOTH,
        ("conv2d (2).py",),
    ),
    Case(
        "D-essay-beside-the-answer",
        {"conv2d.py": OUTPUT_SIZE, "essay.pdf": b"%PDF-1.4\n%\xe2\xe3", "answers.docx": b"PK\x03\x04"},
        RIGHT,
        ("essay.pdf", "answers.docx"),
    ),
    Case(
        "D-folders-in-folders",
        {"a/b/c/d/e/f/g/h/i/conv2d.py": OUTPUT_SIZE, "pooling.py": TORCH + POOL2D},
        {"conv2d.output_size": "not_implemented|passed", "pooling.pool2d": "passed"},
        ("a/b/c",),
    ),
    Case(
        "D-wrong-letters-in-the-name",
        {"Conv2d_final_FINAL.PY": OUTPUT_SIZE},
        RIGHT,
        ("Conv2d_final_FINAL.PY",),
    ),
)
MULTI_IN = "def conv2d_multi_in(X, K):\n    return sum(conv2d(x, k) for x, k in zip(X, K))\n"
BESIDE = {"conv2d.py": script(TORCH, CONV2D, "print(open('photo.txt').read())")}
MULTI_RIGHT = {"multichannel.conv2d_multi_in": "passed"}
IMPORTS = (
    *(
        Case(f"E-import-{name}", {**BESIDE, "multichannel.py": script(line, MULTI_IN)}, MULTI_RIGHT)
        for name, line in {
            "relative": "from .conv2d import conv2d",
            "relative-module": "from . import conv2d as first\n\nconv2d = first.conv2d",
            "star-of-the-package": "from exercises.conv2d import *",
            "after-a-change-of-the-path": "import os\nimport sys\n\n"
            "sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))\n"
            "sys.path.append('/content/drive/MyDrive')\nfrom conv2d import conv2d",
            "with-a-way-out": "try:\n    from exercises.conv2d import conv2d\nexcept ImportError:\n"
            "    from conv2d import conv2d",
        }.items()
    ),
    Case(
        "E-import-of-a-module-beside-that-has-a-demonstration",
        {
            "helpers.py": "def reach(kernel, dilation):\n    return dilation * (kernel - 1) + 1\n\n\n"
            "print(reach(int(input()), 1))\n",
            "conv2d.ipynb": notebook(
                "import helpers\nfrom helpers import *",
                OUTPUT_SIZE.replace("dilation * (kernel - 1) + 1", "helpers.reach(kernel, dilation)"),
            ),
        },
        RIGHT,
        ("helpers.py",),
    ),
    Case(
        "E-import-of-an-exercise-that-was-a-notebook",
        {
            "conv2d.ipynb": notebook(TORCH, CONV2D, "conv2d = conv2d(torch.ones(2, 2), torch.ones(1, 1))"),
            "multichannel.ipynb": notebook("import torch\nfrom conv2d import conv2d", MULTI_IN),
        },
        MULTI_RIGHT,
    ),
)
CASES = (*LOOKS, *NAMES, *IMPORTS)

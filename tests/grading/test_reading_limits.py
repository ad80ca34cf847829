"""Reading takes work in proportion to what is read; exceeding a limit is a problem of that file only."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graders.curriculum import exercises
from graders.grading.hand_in import hand_in_of
from graders.grading.modules import assembled

TOKENS = (
    *(
        "[%",
        "a,",
        "a,\n",
        "x = 1\n",
        "# %%\n",
        "@a\n",
        "%time x\n",
        "!ls\n",
        "'",
        '"""',
        "(",
        ")",
        "x-",
        ": ",
    ),
    *("lambda a:", "if a:\n", "elif a:\n", "else:\n", " pass\n", "\\\n", "import m, n as o\n", "global q\n"),
    *("def conv2d(X, K): return a\n", "class Conv2D:\n    a = b\n", "T[1] = 2\n", "fill(T)\n", "a = b + c\n"),
    *(
        "from x import *\n",
        "del a\n",
        "f'{x}' ",
        "%run other.ipynb\n",
        "await a\n",
        "torch.",
        "Conv",
        "\t",
        "a?\n",
    ),
)
MANY = 120
SUBJECTS = {one.name: {task.name: task.kind for task in one.tasks} for one in exercises()}


def written(text: str, is_notebook: bool) -> dict[str, bytes]:
    if not is_notebook:
        return {"conv2d.py": text.encode()}
    cells = [{"cell_type": "code", "metadata": {}, "source": text}]
    return {"conv2d.ipynb": json.dumps({"cells": cells}).encode()}


def work(files: dict[str, bytes]) -> tuple[int, dict[str, Any]]:
    """How many functions are called when files are read, and the modules that result."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = assembled(files, SUBJECTS, None)
    finally:
        sys.setprofile(before)
    return calls, found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4), st.booleans())
@example(["a,\n"], False)
@example(["torch.", "Conv"], False)
@example(["def conv2d(X, K): return a\n", "T[1] = 2\n", "fill(T)\n"], True)
def test_twice_the_text_takes_twice_the_work(tokens: list[str], is_notebook: bool) -> None:
    line = "".join(tokens)
    assembled(written(line, is_notebook), SUBJECTS, None)  # whatever is loaded once is loaded
    once, _ = work(written(line * MANY, is_notebook))
    twice, _ = work(written(line * 2 * MANY, is_notebook))
    # A quadratic part would make it four times as much.
    assert twice <= 2.5 * once + 3_000


def test_a_chain_of_names_takes_work_in_proportion_to_its_length() -> None:
    def chain(length: int) -> dict[str, bytes]:
        lines = "".join(f"a{n} = a{n + 1}\n" for n in range(length))
        return written(f"{lines}def conv2d(X, K): return a0\n", False)

    work(chain(10))
    assert work(chain(400))[0] <= 2.5 * work(chain(200))[0] + 3_000


LARGE = {
    "brackets and signs": "[%" * (1 << 19),
    "one long name": "torch." + "a" * (1 << 20) + "()",
    "a name that looks forbidden again and again": "torch." + "Conv" * (1 << 18) + "()",
    "an encoding that takes quadratic time": "# coding: punycode\n" + "x-" * (1 << 19),
    "a line for each statement": "a,\n" * (1 << 18),
    "a chain of names": "\n".join(f"a{n} = a{n + 1}" for n in range(60_000)),
    "a chain of attributes": "torch" + ".a" * (1 << 19),
    "strings in strings": "f'{x}' " * (1 << 17),
}


@pytest.mark.parametrize("suffix", ["py", "ipynb"])
@pytest.mark.parametrize("kind", LARGE)
def test_a_megabyte_of_anything_affects_no_other_file(kind: str, suffix: str) -> None:
    files = written(LARGE[kind], suffix == "ipynb")
    found = hand_in_of("lin", {**files, "pooling.py": "def pool2d(X):\n    return X\n"})
    assert found.modules["pooling"] == "pooling" and "pooling.py" in found.graded.code
    left = [*found.problems, *found.remarks, *found.graded.unreadable.values()]
    assert any("conv2d" in str(each) for each in left)

"""Students read nothing about the machine that grades them."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import pytest
import torch

from graders.grading.privacy import without_machine

LIBRARY = Path(torch.__file__).parent
TOLD = {
    "an interpreter": f"cannot run {sys.executable}",
    "a prefix": f"{sys.prefix}",
    "a folder": f"[Errno 13] Permission denied: '{Path.home()}/notes.txt'",
    "the working directory": f"in {Path.cwd()}.",
    "a shared library": f"frame #0: c10::Error + 0x9c (0x7f in {LIBRARY / 'lib' / 'libc10.so'})",
    "a C++ path": "Exception raised from check at /pytorch/aten/src/ATen/native/Convolution.cpp:123",
    "a traceback": f'File "{LIBRARY / "nn" / "modules" / "module.py"}", line 1, in _call',
    "a host": f"on {platform.node()}: no",
    "a kernel": f"{platform.platform()} {platform.release()}",
    "the environment": f"{os.environ}",
    "a part of it": f"{ {**os.environ} }",
    "variables": "PATH=/a/b:/c/d OMP_NUM_THREADS=1",
    "a cut environment": f"{os.environ}"[:300],
}


@pytest.mark.parametrize("text", TOLD.values(), ids=TOLD)
def test_nothing_of_the_machine_is_left(text: str) -> None:
    told = without_machine(text)
    secrets = [sys.prefix, sys.base_prefix, str(Path.home()), str(Path.cwd()), platform.release(), "/pytorch"]
    secrets += [value for value in os.environ.values() if len(value) > 7]
    assert not [secret for secret in secrets if secret in told]
    assert platform.node() not in told.split() and "OMP_NUM" not in told


def test_the_name_of_a_module_of_a_library_stays() -> None:
    told = without_machine(f"{LIBRARY / 'nn' / 'functional.py'}, line 5")
    assert told == "torch/nn/functional.py, line 5"


@pytest.mark.parametrize(
    "text",
    [
        "shape '[1, 2]' is invalid for input of size 3",
        "the ratio 1/30, and/or N/A, x / y, 3 /2",
        "expected H/W, got W/H; see conv2d.py, line 3: return X[i / 2] // 3",
        "http://pytorch.org/docs and https://example.org/a/b.html",
        "the square root of 2 is no integer; user: 3",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text: str) -> None:
    assert without_machine(text) == text


def test_a_path_of_the_students_own_stays() -> None:
    source = "open('/home/lin/course/data.csv')"
    text = "No such file or directory: '/home/lin/course/data.csv'"
    assert without_machine(text, [source]) == text
    assert "/home" not in without_machine(text, ["import torch"])

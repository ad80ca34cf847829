"""The reader of the percent format: it reads what Jupytext reads, cell for cell, or refuses."""

# ruff: noqa: E501 (small files, each of which reads best on its own line)

from __future__ import annotations

from typing import Any

import jupytext
import pytest

import solutions
from graders.course.stubs import stub
from graders.curriculum import SourceError, cells, exercises
from graders.curriculum.percent import FormatError, SourceCell, read_cells


def by_jupytext(text: str) -> list[SourceCell]:
    """The cells as Jupytext reads them, without its note on blank lines, which is for writing them again."""

    def metadata(cell: Any) -> dict[str, Any]:
        return {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}

    read = jupytext.reads(text, fmt="py:percent").cells
    return [SourceCell(cell.cell_type, cell.source, metadata(cell)) for cell in read]


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_solution_is_read_as_jupytext_reads_it(exercise: str) -> None:
    text = solutions.FILES[exercise].read_text(encoding="utf-8")
    found = cells(exercise)
    assert found == by_jupytext(text)
    assert any(cell.metadata for cell in found) and any(cell.cell_type == "markdown" for cell in found)


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_stub_of_a_student_is_read_as_jupytext_reads_it(exercise: str) -> None:
    text = stub(exercise)
    assert read_cells(text) == by_jupytext(text)


CASES = {
    "nothing": "",
    "an empty cell": "# %%\n",
    "empty cells in a row": "# %%\n# %%\n\n# %%\n\n\n# %% [markdown]\n# %%\n\n\n\n",
    "no line break at the end": "# %%\nx = 1",
    "a title": "# %% See it first\nx = 1\n",
    "a title, a type and metadata": '# %% A title [markdown] points=10 kind="core"\n# text\n',
    "a title of one word before a key": "# %% Title a=1\nx = 1\n",
    "a title behind the type": "# %% [markdown] Behind it\n# text\n",
    "a title with a brace behind a key": '# %% Title a={"b": [1, 2]} c="{"\nx = 1\n',
    "every kind of value": '# %% a=1 b=-2.5e3 c="x y" d=true e=null f=["g", {"h": 1}] task.name="i" j-k=[]\nx = 1\n',
    "a value with an equals sign and quotes": r'# %% a="b=1 c=\"2\" # d" e="=" f="ü \u00e4"' + "\nx = 1\n",
    "a key given twice": "# %% a=1 a=2\nx = 1\n",
    "spaces around": '# %%   Title   [markdown]   a=1    b="2"  \n# text\n',
    "spaces around an equals sign": "# %% a = 1 b= 2\nx = 1\n",
    "metadata in JSON": '# %% {"a": 1, "b": {"c": "d=e"}}\nx = 1\n',
    "a title, a type and metadata in JSON": '# %% A title [markdown] {"tags": ["x"], "b": null}\n# text\n',
    "a raw cell": "# %% [raw]\n# as it is\n#\n# <b>\n",
    "a short type": "# %% [md]\n# text\n",
    "cells below cells": "# %%% deeper\nx = 1\n# %%%% a=1\ny = 2\n",
    "markers written otherwise": "#%%\nx = 1\n#%% [markdown]\n# text\n  # %% a=1\ny = 2\n#  %% a title\nz = 3\n",
    "what is almost a marker": "# %%\n# %%time\n#%%%%%\n# % %\nx = 1 # %%\n## %%\n",
    "text with comment signs": "# %% [markdown]\n# # Heading\n#\n#no space\n#  two spaces\n# #\n## \n\n# - a\n#   - b\n",
    "text with trailing spaces and blank lines": "# %% [markdown]\n# text  \n   \n\n# more\n#\n#\n\n\n# %%\n",
    "no blank line between cells": "# %%\nx = 1\n# %% [markdown]\n# text\n# %%\ny = 2\n",
    "blank lines at either end": "# %%\n\n\nx = 1\n\n\n\n# %%\n\ny = 2\n\n\n# %%\nz = 3\n \n\n# %%\nz = 3\n\n \n",
    "blank lines at the end of the file": "# %%\nx = 1\n\n\n\n",
    "a marker in a string": "# %%\nx = \"\"\"\n# %% [markdown]\n# %matplotlib\n\"\"\"\n# %%\ny = '''\n# %%\n'''\n",
    "quotes in comments": '# %%\n# it\'s """ not a string\n# %% [markdown]\n# it\'s """ text\n# %%\nx = 1  # don\'t\n',
    "strings in strings": "# %%\nx = \"'''\" + '\"\"\"' + r'\\'\n# %%\ny = 'it\\'s'\n# %%\n",
    "a docstring": '# %% task="f"\ndef f():\n    """One.\n\n    # %% not a cell\n    """\n\n\n# %%\n',
    "escaped magics": "# %%\n# %matplotlib inline\n#%time f()\n# %%bash\n# !pip install torch\n# ?print\nx = 1\n",
    "escaped magics, indented and assigned": "# %%\nif x:\n    # %time f()\n# files = !ls\n# y = %env HOME\nz = x % y\n",
    "an escaped magic of several lines": "# %%\n# !ls \\\n#   -l \\\n#   -a\n# a comment\n",
    "a magic escaped twice": "# %%\n# # %matplotlib inline\n# # !ls\n",
    "a magic not escaped": "# %%\n%matplotlib inline\n!ls\n",
    "comments that only look like magics": "# %%\n# 50 % of it\n# %\n# ! \n#!\n# x = y % z\n# what is it? This.\n",
    "other line breaks": "# %%\r\nx = 1\r\n\r\n# %% [markdown]\r\n# text\r\n",
    "form feeds and separators": "# %%\nx = 1\n\x0c\n# %% [markdown]\n# a\x0c# b\u2028# c\n",
}


@pytest.mark.parametrize("text", CASES.values(), ids=CASES)
def test_odd_files_are_read_as_jupytext_reads_them(text: str) -> None:
    assert read_cells(text) == by_jupytext(text)


@pytest.mark.parametrize("comment", ["# copy the kernel first", "# Why?", "# ls", "    # rows?"])
def test_english_in_a_comment_stays_a_comment_although_jupytext_takes_it_for_a_command(comment: str) -> None:
    text = f"# %%\n{comment}\nx = 1\n"
    assert read_cells(text)[0].source.splitlines()[0] == comment
    assert by_jupytext(text)[0].source.splitlines()[0] != comment


REFUSED = {
    "code before the first cell": ("import torch\n# %%\n", "line 1: .* begins with a marker"),
    "a header": ("# ---\n# jupyter: {}\n# ---\n# %%\n", "line 1"),
    "text in a string": ('# %%\n\n# %% [markdown]\n"""\ntext\n"""\n', "line 4: .* begins with #"),
    "a value that is no JSON": ("# %%\n# %% task=conv2d\n", "line 2: .*JSON"),
    "a value of Python": ("# %% tags=['a']\n", "line 1: .*JSON"),
    "a key without a value": ("# %% a=1 b\n", "line 1: .*JSON"),
    "values that run together": ('# %% a="1"b=2\n', "line 1: .*JSON"),
    "JSON that never ends": ('# %% {"a": 1\n', "line 1: .*JSON"),
    "JSON with something behind it": ('# %% {"a": 1} b\n', "line 1: .*JSON"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_cells(text)


def test_a_solution_that_cannot_be_read_is_named(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conv2d.py").write_text("# %% [markdown]\n# Title\n# %% task=conv2d\n")
    monkeypatch.setitem(solutions.FILES, "conv2d", tmp_path / "conv2d.py")
    with pytest.raises(SourceError, match=r"solutions/conv2d\.py, line 3: "):
        cells("conv2d")


def test_every_task_of_every_exercise_is_found() -> None:
    assert [len(exercise.tasks) for exercise in exercises()] == [
        text.count('kind="core"') + text.count('kind="stretch"')
        for text in (path.read_text("utf-8") for path in solutions.FILES.values())
    ]

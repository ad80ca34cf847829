"""Which parts of a file count: the definitions that answer tasks, and what they use. The rest is a remark."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable

import pytest

from graders.grading.hand_in import HandIn, hand_in_of
from graders.sandbox.inside.loader import Part

CONV2D = "def conv2d(X, K):\n    return X\n"


def counting(parts: Iterable[Part]) -> str:
    """The text of the statements that count."""
    found = []
    for part in parts:
        body = ast.parse(part.source).body
        lines = part.source.split("\n")
        for number in part.kept or ():
            node = body[number]
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found += lines[first - 1 : node.end_lineno]
    return "\n".join(found)


def module(text: str) -> HandIn:
    return hand_in_of("lin", {"conv2d.py": text})


def notebook(*cells: str, ids: tuple[str, ...] = (), name: str = "conv2d.ipynb") -> HandIn:
    made = []
    for number, text in enumerate(cells):
        id = ids[number] if number < len(ids) else ""
        about = {"nbgrader": {"grade_id": id, "solution": True}} if id else {}
        made.append({"cell_type": "code", "source": text, "metadata": about, "outputs": []})
    return hand_in_of("lin", {name: json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": made})})


def kept(hand_in: HandIn, path: str = "conv2d.py") -> str:
    return counting(hand_in.graded.code[path])


def remarks(hand_in: HandIn) -> str:
    return "\n".join(map(str, hand_in.remarks))


# --------------------------------------------------------------------------------------------- by scope


def test_definitions_and_what_they_use_count_and_nothing_that_only_runs() -> None:
    source = kept(
        notebook(
            "import torch\nimport matplotlib.pyplot as plt",
            "SCALE = 2\nplt.plot([1, 2])\nresult = conv2d(1, 2)\nwhile True:\n    pass",
            "def conv2d(X, K):\n    return helper(X) * SCALE",
            "@torch.no_grad()\ndef helper(x):\n    # kept\n    return x",
            "if __name__ == '__main__':\n    boom()",
        )
    )
    assert "SCALE = 2" in source and "@torch.no_grad()" in source and "# kept" in source
    assert not any(word in source for word in ("plt", "while", "result", "boom"))


@pytest.mark.parametrize(
    "scratch", ["X = photo()", "K = torch.load('K.pt')", "Y = conv2d(X, K)", "i, (X, K) = 1, (2, 3)"]
)
def test_a_parameter_or_local_drags_no_scratch_assignment_along(scratch: str) -> None:
    answer = "def conv2d(X, K):\n    Y = [X for i in range(3)]\n    return (lambda K: K)(Y)"
    assert scratch not in kept(notebook(scratch, answer, scratch))


def test_annotations_use_nothing() -> None:
    text = "from jaxtyping import Float\n\ndef conv2d(X: Float, K: 'Float') -> Float:\n    return X"
    assert "jaxtyping" not in kept(module(text))


@pytest.mark.parametrize(
    "filling",
    [
        "for i in range(3):\n    TABLE[i] = i",
        "TABLE.update(a=1)",
        "TABLE['a'] = 1",
        "TABLE |= {1: 2}",
        "def fill(table):\n    table[1] = 2\nfill(TABLE)",
        "def build():\n    global TABLE\n    TABLE = {1: 2}\nbuild()",
        "def build():\n    TABLE[1] = 2\nbuild()",
        "def register(f):\n    TABLE[f.__name__] = f\n    return f\n@register\ndef three(): return 3",
    ],
)
def test_what_fills_a_table_that_an_answer_reads_counts(filling: str) -> None:
    source = kept(module(f"TABLE = {{}}\n{filling}\ndef conv2d(X, K):\n    return TABLE[X]\n"))
    assert all(line in source for line in filling.split("\n"))


@pytest.mark.parametrize(
    "scratch", ["conv2d(1, 2)", "print(TABLE)", "plt.bar(TABLE)", "TABLE2[1] = conv2d(1, 2)"]
)
def test_what_only_looks_at_a_table_or_calls_an_answer_does_not_count(scratch: str) -> None:
    text = "import matplotlib.pyplot as plt\nTABLE, TABLE2 = {}, {}\n"
    answer = "def conv2d(X, K):\n    TABLE[X] = K\n    return TABLE\n"
    assert scratch not in kept(module(f"{text}{answer}{scratch}\n")).split("\n")


@pytest.mark.parametrize(
    "belonging",
    [
        "Conv2D.forward = lambda self, X: X",
        "setattr(Conv2D, 'forward', forward)",
        "@add_to_class(Conv2D)\ndef forward(self, X): return X",
    ],
)
def test_what_is_set_on_an_answer_belongs_to_it(belonging: str) -> None:
    text = "def add_to_class(c):\n    return lambda f: setattr(c, f.__name__, f)\n"
    text += "def forward(self, X): return X\n"
    source = kept(module(f"{text}class Conv2D:\n    pass\n{belonging}\n"))
    assert all(line in source for line in belonging.split("\n"))


def test_a_counter_in_an_answer_does_not_bring_its_demonstrations_along() -> None:
    answer = "CALLS = 0\ndef conv2d(X, K):\n    global CALLS\n    CALLS += 1\n    return X\n"
    source = kept(module(f"{answer}Y = conv2d(1, 2)\nconv2d(3, 4)\n"))
    assert "CALLS = 0" in source and "conv2d(3, 4)" not in source


# ------------------------------------------------------------------------------------- which definition


@pytest.mark.parametrize(
    "rebinding",
    [
        "conv2d = nn.Conv2d(1, 1, 3)",
        "conv2d = conv2d(1, 2)",
        "conv2d = F.conv2d",
        "conv2d, Y = 1, 2",
        "del conv2d",
    ],
)
def test_a_definition_counts_whatever_its_name_is_given_later(rebinding: str) -> None:
    found = module(f"{CONV2D}\n{rebinding}\n")
    assert kept(found) == CONV2D.rstrip()
    assert "line 4" in remarks(found)


def test_the_last_definition_counts_and_the_other_is_a_remark() -> None:
    found = module("def conv2d(X, K):\n    return 1\n\ndef conv2d(X, K):\n    return 2\n")
    assert "return 2" in kept(found) and "return 1" not in kept(found)
    assert (
        "line 1: `conv2d` is also defined here, but the definition in line 4 is the one that counts"
        in remarks(found)
    )


def test_in_a_course_notebook_the_definition_in_the_task_s_own_cell_counts() -> None:
    found = notebook(CONV2D, "def conv2d(X, K):\n    return F.conv2d(X, K)", ids=("conv2d",))
    assert kept(found) == CONV2D.rstrip()
    assert "cell 2, line 1" in remarks(found)


def test_a_stub_never_hides_an_answer() -> None:
    stub = 'def conv2d(X, K):\n    """Docs."""\n    raise NotImplementedError("write conv2d")\n'
    for text in (stub + CONV2D, CONV2D + stub):
        assert "NotImplementedError" not in kept(module(text))
    assert "NotImplementedError" in kept(module(stub))
    assert "NotImplementedError" not in kept(notebook(CONV2D, stub, ids=("", "conv2d")))


@pytest.mark.parametrize(
    "definition",
    [
        "conv2d = lambda X, K: X",
        "conv2d = partial(f, 1)",
        "conv2d = f",
        "conv2d = make()",
        "from g import conv2d",
    ],
)
def test_an_assignment_or_import_is_the_definition_where_there_is_no_other(definition: str) -> None:
    text = f"from functools import partial\ndef f(*a): ...\ndef make(): return f\n{definition}\n"
    found = module(f"{text}conv2d = conv2d(1, 2)\n")
    assert definition in kept(found) and "conv2d(1, 2)" not in kept(found)


def test_an_earlier_definition_counts_too_where_something_is_made_of_it() -> None:
    found = module("def conv2d(X, K): return 1\nslow = conv2d\ndef conv2d(X, K): return slow(X, K)\n")
    assert kept(found).count("def conv2d") == 2


# ------------------------------------------------------------------------------------- what else is there


def test_a_syntax_error_costs_the_tasks_of_its_cell_alone() -> None:
    found = notebook("def conv2d(X, K:\n    pass", "def output_size(n): return n", "Y = (1")
    assert set(found.graded.unreadable) == {"conv2d.conv2d"}
    assert found.graded.unreadable["conv2d.conv2d"].startswith("conv2d.ipynb, cell 1, line 1: syntax error")
    assert "output_size" in kept(found)
    assert "cell 3, line 1: syntax error" in remarks(found)


def test_a_syntax_error_in_a_module_is_told_once_and_costs_the_whole_module() -> None:
    found = module("def conv2d(X, K)\n    pass\n")
    assert [str(problem) for problem in found.problems] == [
        "conv2d.py, line 1: syntax error: expected ':' in `def conv2d(X, K)`"
    ]
    assert len(found.graded.unreadable) == 7


def test_an_exported_notebook_with_a_syntax_error_is_read_cell_by_cell() -> None:
    found = module(
        f"# In[1]:\n\n{CONV2D}\n# In[2]:\n\nprint 'hello'\n\n# In[3]:\n\ndef output_size(n): return n\n"
    )
    assert "def conv2d" in kept(found) and "def output_size" in kept(found)
    assert "line 8: syntax error" in remarks(found) and not found.graded.unreadable


def test_helper_modules_are_cut_to_what_is_imported_of_them() -> None:
    helpers = "import torch\nSIZE = 3\nOTHER = download()\ndef pad(X):\n    return X, SIZE\nprint(pad(1))\n"
    files = {
        "conv2d.py": "from helpers import pad\ndef conv2d(X, K): return pad(X)\n",
        "helpers.py": helpers,
    }
    source = kept(hand_in_of("lin", files), "helpers.py")
    assert "SIZE = 3" in source and "download" not in source and "print" not in source


@pytest.mark.parametrize(
    "use",
    [
        "import helpers\nPAD = helpers.SIZE",
        "import helpers as h\nPAD = h.SIZE",
        "from helpers import *\nPAD = SIZE",
    ],
)
def test_constants_of_a_helper_module_count_however_they_are_reached(use: str) -> None:
    answer = "def conv2d(X, K):\n    return PAD\n"
    found = hand_in_of("lin", {"conv2d.py": f"{use}\n{answer}", "helpers.py": "SIZE = 3\nbig = download()\n"})
    assert kept(found, "helpers.py") == "SIZE = 3"


def test_a_notebook_that_writes_or_runs_a_file_is_read_with_it() -> None:
    found = notebook("%%writefile conv2d.py\n\ndef conv2d(X, K):\n    return X", "print(1)", name="hw.ipynb")
    (part,) = found.graded.code["conv2d.py"]
    assert part.label == "hw.ipynb, cell 1" and part.source.split("\n")[2] == "def conv2d(X, K):"
    cells = [
        {"cell_type": "code", "source": "%run other.ipynb\ndef conv2d(X, K): return pad(X)", "metadata": {}}
    ]
    other = [{"cell_type": "code", "source": "def pad(X): return X", "metadata": {}}]
    files = {
        name: json.dumps({"cells": made}) for name, made in (("conv2d.ipynb", cells), ("other.ipynb", other))
    }
    assert "def pad" in kept(hand_in_of("lin", files))


def test_a_notebook_may_hold_a_few_tasks_of_several_exercises() -> None:
    found = notebook(CONV2D, "def pool2d(X, pool_size):\n    return X", name="homework3.ipynb")
    assert found.modules == {"conv2d": "conv2d", "pooling": "pooling"}
    assert "pool2d" not in kept(found) and "def pool2d" in kept(found, "pooling.py")


def test_tasks_in_files_of_their_own_come_together() -> None:
    source = kept(hand_in_of("lin", {"a.py": CONV2D, "b.py": "def output_size(n): return n\n"}))
    assert "def conv2d" in source and "def output_size" in source


def test_a_helper_named_like_a_task_in_another_exercise_s_file_answers_nothing() -> None:
    found = hand_in_of(
        "lin", {"multichannel.py": f"{CONV2D}def conv2d_multi_in(X, K): return conv2d(X, K)\n"}
    )
    assert set(found.modules) == {"multichannel"}


def test_a_file_with_more_statements_than_anybody_writes_is_a_problem_of_that_file() -> None:
    found = hand_in_of("lin", {"conv2d.py": "a,\n" * 4000, "pooling.py": "def pool2d(X): return X\n"})
    assert "more than 3,000 statements" in str(found.problems[0]) and "pooling" in found.modules


def test_a_released_class_never_hides_an_answer() -> None:
    stub = (
        "class Conv2D(nn.Module):\n    def __init__(self, k):\n        super().__init__()\n"
        "        raise NotImplementedError('write it')\n\n"
        "    def forward(self, X):\n        raise NotImplementedError\n"
    )
    answer = "class Conv2D:\n    answer = 1\n"
    assert "answer = 1" in kept(module(answer + stub)) and "answer = 1" in kept(module(stub + answer))


def test_a_helper_that_defines_tasks_too_is_a_helper_and_hides_nothing() -> None:
    files = {
        "conv2d.py": f"from right import unless\n{CONV2D}",
        "right.py": "def conv2d(X, K):\n    return 0\ndef unless(): ...\n",
    }
    found = hand_in_of("lin", files)
    assert "return X" in kept(found) and "return 0" not in kept(found) and not found.problems


def test_what_the_main_file_defines_counts_before_what_another_file_adds() -> None:
    files = {
        "conv2d.py": CONV2D,
        "more.py": "def conv2d(X, K):\n    return 0\ndef output_size(n): return n\n",
    }
    source = kept(hand_in_of("lin", files))
    assert "return X" in source and "def output_size" in source and "return 0" not in source


def test_a_star_brings_whatever_the_answer_uses_of_a_helper_module() -> None:
    files = {
        "conv2d.py": "from helpers import *\ndef conv2d(X, K): return one\n",
        "helpers.py": "one = 1\ntwo = input()\n",
    }
    assert kept(hand_in_of("lin", files), "helpers.py") == "one = 1"


@pytest.mark.parametrize(
    "belonging",
    [
        "@one.register\ndef _(x: int): return 1",
        "class Two(metaclass=Meta):\n    v = 2",
        "class Three(Base):\n    v = 3",
    ],
)
def test_what_registers_itself_with_something_needed_counts(belonging: str) -> None:
    text = (
        "from functools import singledispatch\n@singledispatch\ndef one(x): return 0\nTABLE = {}\n"
        "class Meta(type):\n    def __init__(c, *a): TABLE[c.__name__] = c\n"
        "class Base:\n    def __init_subclass__(c): TABLE[c.__name__] = c\n"
    )
    source = kept(module(f"{text}{belonging}\ndef conv2d(X, K): return one(TABLE)\n"))
    assert all(line in source for line in belonging.split("\n"))

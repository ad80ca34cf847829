"""Lines that IPython and its exporters write, in notebooks and in modules."""

from tests.grading.field import CONV2D, LAYER, OUTPUT_SIZE, RIGHT, TORCH, Case, notebook, script

BOTH = {"conv2d.conv2d": "passed", **RIGHT}


def _cells(name: str, *cells: str, place: str = "") -> Case:
    """A notebook with both answers after the given cells."""
    whole = notebook(*cells, TORCH, CONV2D, OUTPUT_SIZE)
    return Case(f"F-{name}", {"conv2d.ipynb": whole}, BOTH, (place,) if place else ())


CASES = (
    _cells(
        "magics-of-set-up",
        "%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n%config InlineBackend.x = 1",
    ),
    _cells(
        "installation-with-a-pin",
        "!pip install -q torch==2.3.0 \\\n    torchvision d2l\nimport os",
        place="cell 1",
    ),
    _cells(
        "results-of-the-shell",
        "files = !ls *.jpg\nn, = !nproc\nhere = %pwd\nprint(files, n, here)",
        place="cell 1",
    ),
    _cells(
        "magics-alone-in-blocks",
        "import sys\nif 'google.colab' in sys.modules:\n    !pip install d2l\n"
        "else:\n    %pip install -q d2l\n"
        "for n in range(3):\n    !echo {n}\ntry:\n    %cd hw3\nfinally:\n    !ls",
        place="cell 1",
    ),
    _cells(
        "cells-of-other-languages",
        "%%bash\nfor f in *.py; do\n  wc -l $f\ndone",
        "%%html\n<b>Sizes</b>",
        "%%latex\n$x^2$",
    ),
    _cells("questions", "torch.stack?", "?print", "str.join??\n%pinfo len", "%%timeit -n 3\nsum(range(10))"),
    Case(
        "F-timed-calls",
        {
            "conv2d.ipynb": notebook(
                TORCH,
                CONV2D,
                "X, K = torch.rand(600, 600), torch.rand(3, 3)",
                "%time Y = conv2d(X, K)\n%timeit -r1 -n1 conv2d(X, K)",
                "%%time\nY = conv2d(X, K)\nassert Y.shape == (1, 1)",
                OUTPUT_SIZE,
            )
        },
        BOTH,
        ("cell 5",),
    ),
    Case(
        "F-answers-in-timed-and-captured-cells",
        {
            "conv2d.ipynb": notebook(
                "%%capture --no-stderr\n!pip install d2l\n" + TORCH,
                "%%time\n" + CONV2D,
                "%%timeit\n1 + 1",
                OUTPUT_SIZE,
            )
        },
        BOTH,
    ),
    Case(
        "F-await-at-the-top-level",
        {
            "conv2d.ipynb": notebook(
                "import asyncio\n\nasync def slowly(n):\n    await asyncio.sleep(60)\n    return n",
                OUTPUT_SIZE,
                "await slowly(3)\nsizes = [output_size(await slowly(n), 3) for n in (3, 4)]\n"
                "async for x in slowly(1):\n    print(x)",
            )
        },
        RIGHT,
        ("cell 3",),
    ),
    Case(
        "F-exported-by-nbconvert",
        {
            "conv2d.py": "#!/usr/bin/env python\n# coding: utf-8\n\n# # Homework 3\n\n# In[1]:\n\n\n"
            "get_ipython().run_line_magic('matplotlib', 'inline')\n"
            "get_ipython().system('pip install d2l')\n"
            + TORCH
            + "\n\n# In[3]:\n\n\n"
            + OUTPUT_SIZE
            + "\n\n# In[ ]:\n\n\n"
            "get_ipython().run_line_magic('timeit', 'output_size(7, 3)')\n"
            "listing = get_ipython().getoutput('ls')\n"
        },
        RIGHT,
        ("@run_line_magic('timeit'",),
    ),
    Case(
        "F-exported-timed-cell-holds-the-answer-in-a-string",
        {"conv2d.py": f"# In[1]:\n\n\nget_ipython().run_cell_magic('time', '', {OUTPUT_SIZE!r})\n"},
        RIGHT,
    ),
    Case(
        "F-downloaded-from-colab-with-shell-lines",
        {
            "conv2d.py": '# -*- coding: utf-8 -*-\n"""conv2d.ipynb\n\nOriginal file is located at\n    https://…\n"""\n\n'
            "!pip install torchinfo\n# %matplotlib inline\n%cd /content\n"
            + TORCH
            + "\n"
            + OUTPUT_SIZE
            + "\n!nvidia-smi\nfrom google.colab import files\nfiles.download('conv2d.pt')\n"
        },
        RIGHT,
        ("@files.download",),
    ),
    Case(
        "F-answer-in-a-cell-that-writes-the-file",
        {
            "hw.ipynb": notebook(
                "import torch",
                "%%writefile conv2d.py\n" + TORCH + CONV2D + OUTPUT_SIZE,
                "!python conv2d.py",
                "from conv2d import conv2d\nconv2d(torch.eye(3), torch.eye(2))",
            )
        },
        BOTH,
    ),
    Case(
        "F-helpers-written-by-a-cell-and-imported",
        {
            "conv2d.ipynb": notebook(
                "%%file reach.py\ndef reach(kernel, dilation):\n    return dilation * (kernel - 1) + 1",
                "from reach import reach as length\n"
                + OUTPUT_SIZE.replace("dilation * (kernel - 1) + 1", "length(kernel, dilation)"),
            )
        },
        RIGHT,
    ),
    Case(
        "F-another-notebook-run",
        {
            "helpers.ipynb": notebook(TORCH, CONV2D, "print(conv2d(torch.eye(9999), torch.eye(2)))"),
            "conv2d.ipynb": notebook("%run helpers.ipynb", "%run ./plots.ipynb", LAYER),
        },
        {"conv2d.Conv2D": "passed"},
        ("plots.ipynb",),
    ),
    Case(
        "F-visual-studio-code-cells-in-a-module",
        {
            "conv2d.py": script(
                "# %%\nfrom IPython.display import display, Image\nfrom IPython import get_ipython\n\n"
                "if get_ipython() is not None:\n    get_ipython().run_line_magic('load_ext', 'autoreload')",
                "# %% [markdown]\n# ## Sizes",
                "# %%\n" + OUTPUT_SIZE,
                "# %%\ndisplay(Image('sizes.png'))",
            )
        },
        RIGHT,
        ("@display(Image",),
    ),
)

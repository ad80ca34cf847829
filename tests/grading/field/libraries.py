"""Libraries that are missing, or that load more of themselves while they are used."""

from tests.grading.field import ACCURACY, CONV2D, LAYER, OUTPUT_SIZE, RIGHT, TORCH, Case, notebook, script

INSTALLED = "!No module named"
BODY = "    reach = dilation * (kernel - 1) + 1\n"


def _inside(name: str, lines: str, expected: tuple[str, ...], head: str = "") -> Case:
    """`output_size` with extra lines at its beginning, next to a second task."""
    answer = OUTPUT_SIZE.replace(BODY, "".join(f"    {line}\n" for line in lines.splitlines()) + BODY)
    files = {"conv2d.py": script(TORCH + head, answer, CONV2D)}
    return Case(f"I-{name}", files, {"conv2d.output_size": expected, "conv2d.conv2d": "passed"})


CASES = (
    Case(
        "I-course-library-in-annotations",
        {
            "conv2d.py": script(
                "from d2l import torch as d2l\nfrom jaxtyping import Float\n" + TORCH,
                CONV2D.replace(
                    "def conv2d(X, K)",
                    "def conv2d(X: Float[torch.Tensor, 'h w'], K: d2l.Kernel) -> Float[torch.Tensor, '...']",
                ),
                "kernels: list[d2l.Kernel] = []\nd2l.set_figsize()",
            )
        },
        {"conv2d.conv2d": "passed"},
        ("@d2l.set_figsize",),
    ),
    Case(
        "I-checks-of-types-by-decorators",
        {
            "conv2d.ipynb": notebook(
                "from jaxtyping import Float, jaxtyped\nfrom beartype import beartype as typechecker\n"
                + TORCH,
                "@jaxtyped(typechecker=typechecker)\n" + CONV2D,
            )
        },
        {"conv2d.conv2d": "passed"},
    ),
    Case(
        "I-course-library-as-base-class",
        {
            "conv2d.py": script(
                "from d2l import torch as d2l", TORCH, CONV2D, LAYER.replace("nn.Module", "d2l.Module")
            )
        },
        {"conv2d.conv2d": "passed", "conv2d.Conv2D": ("broken", "d2l", "no library of that name")},
    ),
    _inside(
        "course-library-really-used",
        "timer = d2l.Timer()",
        ("broken", "d2l", "no library of that name"),
        head="from d2l import torch as d2l\n",
    ),
    _inside(
        "library-imported-inside-the-answer",
        "import torchmetrics",
        ("broken", "torchmetrics", "no library of that name"),
    ),
    Case(
        "I-half-of-an-import-used",
        {
            "conv2d.py": script(
                "import math, torchinfo, cv2\nfrom torchsummary import summary",
                OUTPUT_SIZE.replace(
                    "(n + 2 * padding - reach) // stride", "math.floor((n + 2 * padding - reach) / stride)"
                ),
                "summary(None, (1, 28, 28))",
            )
        },
        RIGHT,
        ("@summary(None",),
    ),
    Case(
        "I-hard-coded-gpu",
        {"lenet.py": script(TORCH, "device = 'cuda'", ACCURACY.replace("X.to(device)", "X.to('cuda')"))},
        {"lenet.accuracy": ("broken", "GPU", "!re-initialize", "!forked")},
    ),
    _inside("gpu-asked-by-method", "torch.ones(n).cuda()", ("broken", "GPU", "!re-initialize", "!forked")),
    _inside(
        "comparison-by-numpy-testing",
        "np.testing.assert_allclose(n, n)",
        ("passed|broken", INSTALLED),
        head="import numpy as np\n",
    ),
    _inside("time-parsed", "time.strptime('2026', '%Y')", ("passed|broken", INSTALLED), head="import time\n"),
    _inside(
        "tensor-saved-to-memory",
        "torch.save(torch.ones(1), io.BytesIO())",
        ("passed|broken", INSTALLED),
        head="import io\n",
    ),
    _inside(
        "plot-inside-the-answer",
        "plt.figure()\nplt.plot([n, kernel])\nplt.close()",
        ("passed|broken", INSTALLED),
        head="import matplotlib.pyplot as plt\n",
    ),
    Case(
        "I-compiled-by-decorator",
        {"conv2d.py": script(TORCH, "@torch.compile\n" + CONV2D, OUTPUT_SIZE)},
        {"conv2d.conv2d": ("passed|broken", INSTALLED), "conv2d.output_size": "passed"},
    ),
    Case(
        "I-workers-in-the-loop-of-accuracy",
        {
            "lenet.py": script(
                TORCH + "from torch.utils.data import DataLoader\n",
                ACCURACY.replace("in data:", "in DataLoader(list(data), batch_size=None, num_workers=2):"),
            )
        },
        {"lenet.accuracy": ("passed|broken", INSTALLED)},
    ),
)

"""A task's name is rebound, or bound without `def`."""

from tests.grading.field import (
    ACCURACY,
    CONV2D,
    LAYER,
    OUTPUT_SIZE,
    POOL2D,
    RIGHT,
    TORCH,
    Case,
    notebook,
    script,
)

CONV2D_RIGHT = {"conv2d.conv2d": "passed"}
LAYER_RIGHT = {"conv2d.Conv2D": "passed"}
WRONG_SIZE = OUTPUT_SIZE.replace("// stride + 1", "// stride")
STUB = "def output_size(n, kernel, stride=1, padding=0, dilation=1):\n    raise NotImplementedError\n"

CASES = (
    Case(
        "B-textbook-pools-with-torchs-layer-under-the-same-name",
        {
            "pooling.ipynb": notebook(
                TORCH,
                POOL2D,
                "X = torch.arange(16.0).reshape(1, 1, 4, 4)",
                "pool2d = nn.MaxPool2d(3)\npool2d(X)",
                "pool2d = nn.MaxPool2d((2, 3), stride=(2, 3), padding=(0, 1))\npool2d(X)",
            )
        },
        {"pooling.pool2d": "passed"},
        ("cell 4", "cell 5"),
    ),
    Case(
        "B-accuracy-becomes-its-result",
        {
            "lenet.py": script(
                TORCH,
                ACCURACY,
                "net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n"
                "data = [(torch.rand(8, 1, 28, 28), torch.zeros(8).long())]\n"
                "accuracy = accuracy(net, data)\nprint(f'{accuracy:.1%}')",
            )
        },
        {"lenet.accuracy": "passed"},
        ("@accuracy = accuracy",),
    ),
    Case(
        "B-conv2d-becomes-its-result",
        {
            "conv2d.ipynb": notebook(
                TORCH,
                CONV2D,
                LAYER,
                "X, K = torch.rand(6, 6), torch.rand(2, 2)\nconv2d = conv2d(X, K)\nconv2d",
            )
        },
        CONV2D_RIGHT | LAYER_RIGHT,
        ("cell 4",),
    ),
    Case(
        "B-comparison-with-torchs-own",
        {
            "conv2d.py": script(
                TORCH,
                CONV2D,
                "mine = conv2d(torch.ones(4, 4), torch.ones(2, 2))\nconv2d = F.conv2d\n"
                "theirs = conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2))",
            )
        },
        CONV2D_RIGHT,
        ("@conv2d = F.conv2d",),
    ),
    Case(
        "B-torchs-own-imported-under-the-same-name",
        {
            "conv2d.ipynb": notebook(
                TORCH,
                CONV2D,
                "from torch.nn.functional import conv2d\n"
                "conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 2, 2))",
            )
        },
        CONV2D_RIGHT,
        ("cell 3",),
    ),
    Case(
        "B-class-becomes-its-instance",
        {
            "conv2d.py": script(
                TORCH, CONV2D, LAYER, "Conv2D = Conv2D((1, 2))\nprint(Conv2D(torch.ones(3, 3)))"
            )
        },
        LAYER_RIGHT,
        ("@Conv2D = Conv2D",),
    ),
    Case(
        "B-name-among-the-settings-of-another-network",
        {
            "conv2d.py": script(
                OUTPUT_SIZE, "input_size, hidden_size, output_size = 784, 128, 10\nprint(output_size)"
            )
        },
        RIGHT,
        ("@input_size, hidden_size",),
    ),
    Case(
        "B-name-runs-through-candidates",
        {
            "conv2d.py": script(
                TORCH,
                CONV2D,
                "import time\nmine = conv2d\nfor conv2d in (mine, F.conv2d):\n    print(time.time(), conv2d)",
            )
        },
        CONV2D_RIGHT,
        ("@for conv2d in",),
    ),
    Case(
        "B-compiled-under-its-own-name",
        {"conv2d.py": script(TORCH, CONV2D, "conv2d = torch.compile(conv2d)")},
        CONV2D_RIGHT,
        ("@torch.compile",),
    ),
    Case(
        "B-lambda",
        {
            "conv2d.py": "output_size = lambda n, kernel, stride=1, padding=0, dilation=1: (\n"
            "    (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1\n)\n"
        },
        RIGHT,
    ),
    Case(
        "B-partial",
        {
            "conv2d.py": script(
                "from functools import partial",
                "def _length(offset, n, kernel, stride=1, padding=0, dilation=1):\n"
                "    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + offset\n",
                "output_size = partial(_length, 1)\nprint(output_size(7, 3))",
            )
        },
        RIGHT,
    ),
    Case(
        "B-alias-of-a-function-with-another-name",
        {"conv2d.ipynb": notebook(TORCH, CONV2D.replace("conv2d", "corr2d"), "conv2d = corr2d")},
        CONV2D_RIGHT,
    ),
    Case(
        "B-layers-made-by-a-function",
        {
            "pooling.py": script(
                TORCH,
                "def pooling_layer(summary):\n"
                "    class Pooling(nn.Module):\n"
                "        def __init__(self, kernel_size, stride=None, padding=0):\n"
                "            super().__init__()\n"
                "            self.settings = kernel_size, summary, stride, padding\n\n"
                "        def forward(self, X):\n"
                "            planes = [pool2d(plane, *self.settings) for plane in X.flatten(0, 1)]\n"
                "            return torch.stack(planes).unflatten(0, X.shape[:2])\n\n"
                "    return Pooling\n",
                'MaxPool2d = pooling_layer("max")\nAvgPool2d = pooling_layer("avg")',
                POOL2D,
            )
        },
        {"pooling.MaxPool2d": "passed", "pooling.AvgPool2d": "passed"},
    ),
    Case(
        "B-forward-attached-later",
        {
            "conv2d.ipynb": notebook(
                TORCH,
                CONV2D,
                LAYER.partition("    def forward")[0],
                "def forward(self, X):\n    return conv2d(X, self.weight) + self.bias",
                "Conv2D.forward = forward\nlayer = Conv2D(2)\nlayer(torch.ones(2, 2))",
            )
        },
        LAYER_RIGHT,
    ),
    Case(
        "B-forward-attached-by-setattr",
        {
            "conv2d.py": script(
                TORCH,
                CONV2D,
                LAYER.partition("    def forward")[0],
                "setattr(Conv2D, 'forward', lambda self, X: conv2d(X, self.weight) + self.bias)",
            )
        },
        LAYER_RIGHT,
    ),
    Case(
        "B-second-try-counts",
        {"conv2d.ipynb": notebook(WRONG_SIZE, "print(output_size(7, 3))", OUTPUT_SIZE)},
        RIGHT,
        ("cell 1",),
    ),
    Case(
        "B-stub-above-the-answer",
        {"conv2d.py": script(STUB, OUTPUT_SIZE)},
        RIGHT,
    ),
    Case(
        "B-stub-below-the-answer",
        {"conv2d.py": script("# mine", OUTPUT_SIZE, STUB)},
        RIGHT,  # a stub says of itself that it is no answer
    ),
    Case(
        "B-answer-in-both-arms-of-an-if",
        {
            "conv2d.py": script(
                "import sys",
                "if sys.version_info >= (3, 99):\n"
                "    def output_size(*args, **kwargs):\n        return 0\n"
                "else:\n" + "".join(f"    {line}\n" for line in OUTPUT_SIZE.splitlines()),
            )
        },
        RIGHT,
    ),
    Case(
        "B-answer-in-a-try",
        {
            "conv2d.py": "try:\n    import cupy as np\nexcept ImportError:\n    import numpy as np\n\n\n"
            "def output_size(n, kernel, stride=1, padding=0, dilation=1):\n"
            "    return int(np.floor((n + 2 * padding - dilation * (kernel - 1) - 1) / stride)) + 1\n"
        },
        RIGHT,
    ),
)

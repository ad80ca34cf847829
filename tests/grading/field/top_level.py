"""Other top-level code: it doesn't affect the points, and there is a remark with its place."""

from tests.grading.field import (
    ACCURACY,
    CONV2D,
    LAYER,
    OUTPUT_SIZE,
    RIGHT,
    TORCH,
    TRAIN_STEP,
    Case,
    notebook,
    script,
)

ANSWER = TORCH + "\n\n" + OUTPUT_SIZE


def _after(name: str, source: str, *places: str) -> Case:
    """A module with a right answer and other code after it."""
    return Case(f"A-{name}", {"conv2d.py": script(ANSWER, source)}, RIGHT, places)


CASES = (
    Case(
        "A-display-in-a-loop",
        {"conv2d.ipynb": notebook(ANSWER, "for n in range(3, 6):\n    display(output_size(n, 3))")},
        RIGHT,
        ("cell 2",),
    ),
    Case(
        "A-heatmap-of-a-result-with-seaborn",
        {
            "conv2d.ipynb": notebook(
                TORCH + "import seaborn as sns\nsns.set_theme()",
                CONV2D,
                "Y = conv2d(torch.rand(6, 8), torch.tensor([[1.0, -1.0]]))\nsns.heatmap(Y)",
            )
        },
        {"conv2d.conv2d": "passed"},
        ("cell 3",),
    ),
    _after(
        "subplots",
        "import matplotlib.pyplot as plt\n\n"
        "fig, axes = plt.subplots(1, 2)\naxes[0].imshow([[1]])\nplt.show()",
        "@plt.subplots",
    ),
    Case(
        "A-scratch-cells-with-the-names-of-the-parameters",
        {
            "conv2d.ipynb": notebook(
                TORCH,
                CONV2D,
                "X = torch.rand(4000, 4000)\nK = torch.ones(2, 2)",
                "Y = conv2d(X, K)",
                "K = torch.ones(9000, 9000)\nY = conv2d(X, K)\nh, w = K",
            )
        },
        {"conv2d.conv2d": "passed"},
        ("cell 4", "cell 5"),
    ),
    Case(
        "A-weight-loaded-from-a-file-that-stayed-at-home",
        {
            "kernel_learning.py": script(
                TORCH,
                "weight = torch.load('w.pt')\nX, Y = torch.load('data.pt')\nlr = 3e-2",
                TRAIN_STEP,
                "losses = []\nfor epoch in range(10):\n    weight, loss = train_step(weight, X, Y, lr)",
            )
        },
        {"kernel_learning.train_step": "passed"},
        ("@w.pt",),
    ),
    Case(
        "A-net-trained-for-minutes",
        {
            "lenet.ipynb": notebook(
                TORCH,
                ACCURACY,
                "net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n"
                "data = [(torch.rand(256, 1, 28, 28), torch.zeros(256).long())] * 200",
                "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)\n"
                "for epoch in range(100):\n"
                "    for X, y in data:\n"
                "        loss = F.cross_entropy(net(X), y)\n"
                "        loss.backward()\n"
                "        optimizer.step()\n"
                "    print(epoch, accuracy(net, data))",
            )
        },
        {"lenet.accuracy": "passed"},
        ("cell 4",),
    ),
    _after("endless-loop", "step = 0\nwhile True:\n    step += 1", "@while True"),
    _after(
        "prompt-in-a-loop",
        "while True:\n    n = int(input('n? '))\n    print(output_size(n, 3))",
        "@while True",
    ),
    _after(
        "download",
        "import urllib.request\n\nurllib.request.urlretrieve('https://example.org/cat.jpg', 'cat.jpg')",
        "@urlretrieve",
    ),
    Case(
        "A-data-set-downloaded-before-the-definitions",
        {
            "lenet.py": script(
                TORCH,
                "import torchvision\nfrom torchvision import transforms\n",
                "data = torchvision.datasets.FashionMNIST('data', download=True,\n"
                "                                         transform=transforms.ToTensor())\n"
                "train_iter = torch.utils.data.DataLoader(data, batch_size=256, num_workers=4)",
                ACCURACY,
                "for X, y in train_iter:\n    print(X.shape)\n    break",
            )
        },
        {"lenet.accuracy": "passed"},
        ("@FashionMNIST",),
    ),
    _after(
        "photo-opened",
        "import numpy as np\nfrom PIL import Image\n\n"
        "photo = np.asarray(Image.open('cat.jpg').convert('L'))\nkernels = np.load('kernels.npy')",
        "@cat.jpg",
    ),
    _after(
        "pytest-tests-of-ones-own",
        "import pytest\n\n\n@pytest.mark.parametrize('n', [3, 4])\n"
        "def test_output_size(n):\n    assert output_size(n, 3) == n - 2\n\n\npytest.main(['-q', __file__])",
        "@pytest.main",
    ),
    _after(
        "unittest-at-the-top-level",
        "import unittest\n\n\nclass Sizes(unittest.TestCase):\n    def test_seven(self):\n"
        "        self.assertEqual(output_size(7, 3), 4)\n\n\nunittest.main()",
        "@unittest.main",
    ),
    _after("doctest", "import doctest\n\ndoctest.testmod(raise_on_error=True)", "@doctest.testmod"),
    _after("assert-that-fails", "assert output_size(7, 3) == 4, 'wrong?'", "@assert output_size"),
    _after(
        "command-line-at-the-end",
        "import argparse\n\nparser = argparse.ArgumentParser()\nparser.add_argument('n', type=int)\n"
        "args = parser.parse_args()\nprint(output_size(args.n, 3))",
        "@parse_args",
    ),
    _after(
        "main-guard",
        "def main():\n    print(open('sizes.txt').read())\n\n\nif __name__ == '__main__':\n    main()",
    ),
    _after("exit-at-the-end", "import sys\n\nprint('done')\nsys.exit(0)", "@sys.exit"),
    _after(
        "methods-of-torch-called-for-effect",
        "torch.set_default_dtype(torch.float64)\ntorch.manual_seed(1)\n"
        "resnet = torch.hub.load('pytorch/vision', 'resnet18')\ntorch.use_deterministic_algorithms(True)",
        "@torch.hub.load",
    ),
    Case(
        "A-layer-moved-to-a-gpu",
        {
            "conv2d.ipynb": notebook(
                TORCH + "device = torch.device('cuda:0')",
                CONV2D,
                LAYER,
                "layer = Conv2D(3).to(device)\nlayer(torch.rand(9, 9, device=device)).sum().backward()\n"
                "torch.cuda.synchronize()",
            )
        },
        {"conv2d.conv2d": "passed", "conv2d.Conv2D": "passed"},
        ("cell 4",),
    ),
    _after(
        "progress-bar",
        "from tqdm.auto import tqdm\n\nfor n in tqdm(range(3, 9)):\n    output_size(n, 3)",
        "@tqdm(range",
    ),
    _after("names-deleted", "del output_size, torch", "@del output_size"),
    Case(
        "A-mounted-drive",
        {
            "conv2d.ipynb": notebook(
                "try:\n    from google.colab import drive\n    IN_COLAB = True\n"
                "except ImportError:\n    IN_COLAB = False",
                "from google.colab import drive\nimport os\ndrive.mount('/content/drive')\n"
                "os.chdir('/content/drive/MyDrive/hw3')",
                ANSWER,
            )
        },
        RIGHT,
        ("cell 2",),
    ),
    Case(
        "A-stop-in-the-middle-of-a-notebook",
        {
            "conv2d.ipynb": notebook(
                TORCH, CONV2D, "raise SystemExit('do not run what comes next')", OUTPUT_SIZE
            )
        },
        {"conv2d.conv2d": "passed", **RIGHT},
        ("cell 3",),
    ),
    _after(
        "threads-and-processes",
        "import multiprocessing as mp\n\nwith mp.Pool(4) as pool:\n"
        "    print(pool.starmap(output_size, [(5, 3), (7, 3)]))",
        "@mp.Pool",
    ),
    _after(
        "log-written",
        "from torch.utils.tensorboard import SummaryWriter\n\nwriter = SummaryWriter('runs/sizes')\n"
        "writer.add_scalar('size', output_size(7, 3))\nwriter.close()",
        "@SummaryWriter('runs",
    ),
)

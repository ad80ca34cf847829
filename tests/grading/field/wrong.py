"""Something is really wrong here, and the code around it must not hide that."""

from tests.grading.field import CONV2D, LAYER, OUTPUT_SIZE, TORCH, Case, notebook, script, text

WRONG_SIZE = OUTPUT_SIZE.replace("// stride + 1", "// stride")
BY_TORCH = "def conv2d(X, K):\n    return F.conv2d(X[None, None], K[None, None])[0, 0]\n"
UNWRITTEN = {"conv2d.output_size": "not_implemented"}
WRONG = {"conv2d.output_size": "failed"}
FORBIDDEN = {"conv2d.conv2d": ("forbidden", "conv2d")}

CASES = (
    Case(
        "W-last-definition-is-wrong",
        {
            "conv2d.ipynb": notebook(
                OUTPUT_SIZE, "print(output_size(7, 3))", WRONG_SIZE, "output_size = print"
            )
        },
        WRONG,
    ),
    Case(
        "W-last-definition-is-torchs-own",
        {"conv2d.ipynb": notebook(TORCH, CONV2D, "# compare\n" + BY_TORCH)},
        FORBIDDEN,
    ),
    Case(
        "W-torchs-own-under-another-name-at-the-top-level",
        {
            "conv2d.py": script(
                TORCH,
                "slide = F.conv2d\n",
                BY_TORCH.replace("F.conv2d", "slide"),
                "conv2d(torch.eye(3), torch.eye(2))",
            )
        },
        FORBIDDEN,
    ),
    Case(
        "W-table-filled-wrongly",
        {
            "conv2d.py": script(
                "TABLE = {}",
                "for d in range(1000):\n    TABLE[d] = d + 1",
                OUTPUT_SIZE.replace("dilation *", "TABLE[dilation] *"),
            )
        },
        WRONG,
    ),
    Case(
        "W-helper-written-anew-is-wrong",
        {
            "conv2d.ipynb": notebook(
                "def reached(kernel, dilation):\n    return dilation * (kernel - 1) + 1",
                OUTPUT_SIZE.replace("dilation * (kernel - 1) + 1", "reached(kernel, dilation)"),
                "def reached(kernel, dilation):\n    return dilation * kernel",
            )
        },
        WRONG,
    ),
    Case(
        "W-decorator-changes-the-result",
        {
            "conv2d.py": script(
                "def rounded(function):\n"
                "    return lambda *args, **kwargs: function(*args, **kwargs) // 2 * 2\n",
                "@rounded\n" + OUTPUT_SIZE,
            )
        },
        WRONG,
    ),
    Case(
        "W-forward-attached-later-forgets-the-bias",
        {
            "conv2d.py": script(
                TORCH, CONV2D, LAYER, "Conv2D.forward = lambda self, X: conv2d(X, self.weight)", "print('ok')"
            )
        },
        {"conv2d.Conv2D": "failed", "conv2d.conv2d": "passed"},
    ),
    Case(
        "W-answer-in-a-string",
        {"conv2d.py": f"SOURCE = '''\n{OUTPUT_SIZE}'''\nprint(SOURCE)\n"},
        UNWRITTEN,
    ),
    Case(
        "W-answer-in-cells-that-never-run",
        {
            "conv2d.ipynb": notebook(
                text(OUTPUT_SIZE), "%%script false\n" + OUTPUT_SIZE, "# " + OUTPUT_SIZE[:40]
            )
        },
        UNWRITTEN,
    ),
    Case(
        "W-answer-inside-something-else",
        {
            "conv2d.py": "def make():\n"
            + "".join(f"    {line}\n" for line in OUTPUT_SIZE.splitlines())
            + "\n\nclass Sizes:\n"
            + "".join(f"    {line}\n" for line in OUTPUT_SIZE.splitlines())
        },
        UNWRITTEN,
    ),
    Case(
        "W-only-torchs-own-is-assigned",
        {"conv2d.py": script(TORCH, "conv2d = F.conv2d")},
        {"conv2d.conv2d": "forbidden|failed|broken"},
    ),
)

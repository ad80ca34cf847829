"""By-hand rules: torch's own convolutions and poolings are refused in every disguise, and nothing else is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional as F

from graders.grading.screen import forbidden_calls
from graders.sandbox.child import Child
from graders.sandbox.errors import Forbidden, Raised, StudentError
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent

HEAD = """
import threading
import torch
from torch import nn
from torch.nn import functional as F
import helpers

def four(X, K):
    return X[None, None], K[None, None]
"""
HELPERS = "from torch.nn.functional import conv2d as hidden\n"

DISGUISED = {
    "an alias": "g = F.conv2d\ndef f(X, K): return g(*four(X, K))[0, 0]",
    "an import under another name": "from torch.nn.functional import conv2d as c\ndef f(X, K): return c(*four(X, K))",
    "getattr": "def f(X, K): return getattr(F, 'con' + 'v2d')(*four(X, K))",
    "torch itself": "def f(X, K): return torch.conv2d(*four(X, K))",
    "vars": "def f(X, K): return vars(torch)['conv' + '2d'](*four(X, K))",
    "torch.ops": "def f(X, K): return torch.ops.aten.conv2d.default(*four(X, K))",
    "the operation below": "def f(X, K):\n    return torch.convolution(*four(X, K), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)",
    "the private operation": (
        "def f(X, K):\n    return torch._convolution(*four(X, K), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1,"
        " False, False, False, False)"
    ),
    "the slow kernel": "def f(X, K): return torch.ops.aten._slow_conv2d_forward(*four(X, K), K.shape, None, [1, 1], [0, 0])",
    "an output that is given": (
        "def f(X, K):\n    out = torch.empty(1, 1, X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1)\n"
        "    return torch.ops.aten.convolution.out(*four(X, K), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, out=out)"
    ),
    "mkldnn": "def f(X, K): return torch.mkldnn_convolution(*four(X, K), None, [0, 0], [1, 1], [1, 1], 1)",
    "a tensor of mkldnn": "def f(X, K): return F.conv2d(X[None, None].to_mkldnn(), K[None, None]).to_dense()",
    "one dimension": "def f(X, K): return torch.stack([F.conv1d(x[None, None], K[:1][None])[0, 0] for x in X])",
    "three dimensions": "def f(X, K): return F.conv3d(X[None, None, None], K[None, None, None])",
    "transposed": "def f(X, K): return F.conv_transpose2d(*four(X, K.flip(0, 1)))",
    "another layout": "def f(X, K): return torch.conv_tbc(X[:, :, None], K[:, None, :1], torch.zeros(1))",
    "a layer": "def f(X, K): return nn.Conv2d(1, 1, tuple(K.shape))(X[None, None])",
    "a subclass of the layer": "class Mine(nn.Conv2d):\n    pass\ndef f(X, K): return Mine(1, 1, tuple(K.shape))(X[None, None])",
    "a lazy layer": "def f(X, K): return nn.LazyConv2d(1, tuple(K.shape))(X[None, None])",
    "the layer's inner function": (
        "def f(X, K):\n    layer = nn.Conv2d(1, 1, tuple(K.shape))\n    return layer._conv_forward(*four(X, K), None)"
    ),
    "a thread": (
        "def f(X, K):\n    out = []\n    t = threading.Thread(target=lambda: out.append(F.conv2d(*four(X, K))))\n"
        "    t.start(); t.join()\n    return out[0]"
    ),
    "TorchScript": (
        "unit = torch.jit.CompilationUnit('def g(X, K):\\n    return torch.conv2d(X[None, None], K[None, None])\\n')\n"
        "def f(X, K): return unit.g(X, K)"
    ),
    "a traced function": (
        "def f(X, K):\n    return torch.jit.trace(lambda a, b: F.conv2d(*four(a, b)), (X, K), check_trace=False)(X, K)"
    ),
    "disabled torch functions": "def f(X, K):\n    with torch._C.DisableTorchFunction():\n        return torch.conv2d(*four(X, K))",
    "disabled modes": (
        "from torch.utils._python_dispatch import _disable_current_modes\n"
        "def f(X, K):\n    with _disable_current_modes():\n        return torch.conv2d(*four(X, K))"
    ),
    "disabled dispatch": "def f(X, K):\n    with torch._C._DisableTorchDispatch():\n        return torch.conv2d(*four(X, K))",
    "below autograd": "def f(X, K):\n    with torch._C._AutoDispatchBelowAutograd():\n        return torch.conv2d(*four(X, K))",
    "vmap": "def f(X, K): return torch.func.vmap(lambda x: F.conv2d(x[None, None], K[None, None]))(X[None])",
    "a function transform": "def f(X, K): return torch.func.jvp(lambda x: F.conv2d(*four(x, K)), (X,), (X,))[0]",
    "the gradient's kernel": "def f(X, K): return torch.nn.grad.conv2d_input((1, 1, 9, 9), *four(K, X))",
    "quantised": (
        "def f(X, K):\n    q = torch.quantize_per_tensor(X[None, None], 0.1, 0, torch.quint8)\n"
        "    w = torch.quantize_per_tensor(K[None, None], 0.1, 0, torch.qint8)\n"
        "    packed = torch.ops.quantized.conv2d_prepack(w, None, [1, 1], [0, 0], [1, 1], 1)\n"
        "    return torch.ops.quantized.conv2d(q, packed, 0.1, 0).dequantize()"
    ),
    "autocast": "def f(X, K):\n    with torch.autocast('cpu', torch.bfloat16):\n        return F.conv2d(*four(X, K))",
    "inference mode": "def f(X, K):\n    with torch.inference_mode():\n        return F.conv2d(*four(X, K))",
    "another module of the submission": "def f(X, K): return helpers.hidden(*four(X, K))",
    "caught and hidden": "def f(X, K):\n    try:\n        return F.conv2d(*four(X, K))\n    except BaseException:\n        return X",
    "text that is executed": "exec('def f(X, K): return F.conv2d(*four(X, K))')",
    "a sequence of layers": "def f(X, K): return nn.Sequential(nn.Identity(), nn.Conv2d(1, 1, 2))(X[None, None])",
    "a function that calls for other code": (
        "class Op(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, X, K):\n"
        "        return F.conv2d(*four(X, K))\ndef f(X, K): return Op.apply(X, K)"
    ),
    "average pooling": "def f(X, K): return F.avg_pool2d(X[None, None], 2)",
    "maximum pooling": "def f(X, K): return F.max_pool2d(X[None, None], 2)",
    "maximum pooling with places": "def f(X, K): return F.max_pool2d(X[None, None], 2, return_indices=True)[0]",
    "a pooling layer": "def f(X, K): return nn.MaxPool2d(2)(X[None, None])",
    "adaptive pooling": "def f(X, K): return nn.AdaptiveAvgPool2d((2, 2))(X[None, None])",
    "pooling by power": "def f(X, K): return F.lp_pool2d(X[None, None], 1.0, 2)",
    "pooling in one dimension": "def f(X, K): return F.avg_pool1d(X[None], 2)",
    "pooling in three dimensions": "def f(X, K): return F.max_pool3d(X[None, None, None], (1, 2, 2))",
    "pooling of a mkldnn tensor": "def f(X, K): return F.max_pool2d(X[None, None].to_mkldnn(), 2).to_dense()",
    "shrinking by area": "def f(X, K): return F.interpolate(X[None, None], size=(2, 2), mode='area')",
    "fractional pooling": "def f(X, K): return F.fractional_max_pool2d(X[None, None], 2, output_size=(2, 2))",
}

LEGAL = {
    "unfold": "def f(X, K): return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-2, -1))",
    "im2col": "def f(X, K): return K.reshape(1, -1) @ F.unfold(X[None, None], tuple(K.shape))[0]",
    "fold": "def f(X, K): return F.fold(F.unfold(X[None, None], 2), X.shape, 2)",
    "as_strided": (
        "def f(X, K):\n    X = X.contiguous()\n    s = X.stride()\n    shape = (X.shape[0] - 1, X.shape[1] - 2, 2, 3)\n"
        "    return (X.as_strided(shape, (*s, *s)) * K).sum((2, 3))"
    ),
    "einsum": "def f(X, K): return torch.einsum('ijkl,kl->ij', X.unfold(0, 2, 1).unfold(1, 3, 1), K)",
    "matmul": "def f(X, K): return X.unfold(0, 2, 1).unfold(1, 3, 1).reshape(-1, 6) @ K.reshape(6)",
    "FFT": (
        "def f(X, K):\n    k = torch.fft.rfft2(K.flip(0, 1), X.shape)\n"
        "    return torch.fft.irfft2(torch.fft.rfft2(X) * k, X.shape)[1:, 2:]"
    ),
    "padding": "def f(X, K): return F.pad(X, (1, 1, 2, 2), value=-1.0)",
    "padding by reflection": "def f(X, K): return F.pad(X[None], (1, 1, 1, 1), mode='reflect')",
    "names in strings and comments": "def f(X, K):\n    'calls F.conv2d, F.max_pool2d'\n    # nn.Conv2d\n    return X + len('F.conv2d(X, K)')",
    "names of attributes": "class A:\n    conv2d = max_pool2d = 3\ndef f(X, K): return X * A.conv2d + A().max_pool2d",
    "an own function of that name": "def conv2d(X, K): return (X[:2, :3] * K).sum()\ndef f(X, K): return conv2d(X, K)",
    "an own pooling of that name": "def avg_pool2d(X, n): return X[:n, :n].mean()\ndef f(X, K): return avg_pool2d(X, 2)",
    "an own class of that name": (
        "class MaxPool2d(nn.Module):\n    def forward(self, X): return X.unfold(0, 2, 2).amax(-1)\n"
        "def f(X, K): return MaxPool2d()(X)"
    ),
    "a layer that is made and not called": "def f(X, K):\n    layer = nn.Conv2d(1, 1, 3)\n    return X * layer.weight.numel()",
    "a subclass with its own forward": (
        "class Mine(nn.Conv2d):\n    def forward(self, X): return (X[:2, :3] * self.weight[0, 0]).sum()\n"
        "def f(X, K): return Mine(1, 1, (2, 3))(X)"
    ),
    "a name that is only mentioned": "g = F.conv2d\ndef f(X, K): return X if g is not None else K",
    "a demonstration that is not called": "def show(): return F.conv2d(torch.rand(1, 1, 3, 3), torch.rand(1, 1, 2, 2))\ndef f(X, K): return X + 1",
    "a demonstration at the end of the file": "def f(X, K): return X + 1\nprint(F.conv2d(torch.rand(1, 1, 3, 3), torch.rand(1, 1, 2, 2)).shape)",
    "conversions": "def f(X, K): return X.double().to(torch.float32).contiguous().type_as(K)",
    "the inverse of pooling": "def f(X, K): return F.max_unpool2d(X[None, None], torch.arange(X.numel()).reshape(1, 1, *X.shape), 1)",
    "linear layers and normalisation": "def f(X, K): return nn.Sequential(nn.Linear(X.shape[1], 4), nn.BatchNorm1d(4))(X)",
    "numpy": "import numpy as np\ndef f(X, K): return torch.from_numpy(np.convolve(X.numpy()[0], K.numpy()[0], 'valid'))",
    "scatter and gather": "def f(X, K): return X.gather(0, torch.zeros_like(X, dtype=torch.long)).cumsum(0).roll(1, 0)",
    "two threads of one's own": (
        "def f(X, K):\n    out = []\n    ts = [threading.Thread(target=lambda: out.append(X * 2)) for _ in range(2)]\n"
        "    [t.start() for t in ts]; [t.join() for t in ts]\n    return out[0]"
    ),
}


@pytest.fixture
def child(warm_parent: WarmParent) -> Iterator[Child]:
    process = warm_parent.spawn(by_hand=True, imports=("torch.nn.grad",), limits=Limits(cpu_seconds=5))
    yield process
    process.end()


def answer(child: Child, source: str) -> torch.Tensor:
    files = {"work.py": HEAD + source + "\n", "helpers.py": HELPERS}
    child.ask({"ask": "load", "files": files, "module": "work"})
    X, K = torch.arange(42.0).reshape(6, 7), torch.rand(2, 3)
    value = child.ask({"ask": "call", "target": "f", "args": [X, K], "kwargs": {}}).value
    assert isinstance(value, torch.Tensor)
    return value


@pytest.mark.parametrize("name", DISGUISED)
def test_a_disguise_does_not_help(child: Child, name: str) -> None:
    with pytest.raises(Forbidden) as caught:
        answer(child, DISGUISED[name])
    assert "conv" in caught.value.operation or "pool" in caught.value.operation
    assert child.alive, "a forbidden call costs the task and not the process"


@pytest.mark.parametrize("name", LEGAL)
def test_a_legal_way_is_not_refused(child: Child, name: str) -> None:
    assert answer(child, LEGAL[name]).numel() > 0


def test_there_are_enough_of_both() -> None:
    assert len(DISGUISED) >= 26 and len(LEGAL) >= 15


def test_compiling_a_function_does_not_help(child: Child) -> None:
    source = "def f(X, K): return torch.compile(lambda a, b: F.conv2d(*four(a, b)), backend='eager')(X, K)"
    with pytest.raises(StudentError):  # there is no compiler to be had in the sandbox, and no kernel either
        answer(child, source)


def test_the_line_is_named(child: Child) -> None:
    with pytest.raises(Forbidden) as caught:
        answer(child, "def f(X, K):\n    a = 1\n    return F.conv2d(*four(X, K))")
    assert (caught.value.file, caught.value.line) == ("work.py", HEAD.count("\n") + 3)


def test_a_refused_call_is_reported_only_for_its_own_question(child: Child) -> None:
    source = "def f(X, K): return F.conv2d(*four(X, K))\ndef g(X, K): return X"
    with pytest.raises(Forbidden):
        answer(child, source)
    X = torch.rand(3, 3)
    assert torch.equal(child.ask({"ask": "call", "target": "g", "args": [X, X], "kwargs": {}}).value, X)


def test_a_free_task_may_call_what_it_likes(warm_parent: WarmParent) -> None:
    child = warm_parent.spawn(by_hand=False, limits=Limits(cpu_seconds=5))
    try:
        assert answer(child, DISGUISED["an alias"]).shape == (5, 5)
    finally:
        child.end()


def test_the_grader_itself_keeps_its_kernels(child: Child) -> None:
    with pytest.raises(Forbidden):
        answer(child, DISGUISED["an alias"])
    assert F.conv2d(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 2, 2)).shape == (1, 1, 3, 3)


def test_kernels_that_a_library_adds_are_refused_too(warm_parent: WarmParent) -> None:
    pytest.importorskip("torchvision")
    child = warm_parent.spawn(by_hand=True, imports=("torchvision",), limits=Limits(cpu_seconds=10))
    source = (
        "import torchvision\ndef f(X, K):\n    offset = torch.zeros(1, 2 * K.numel(), 5, 5)\n"
        "    return torchvision.ops.deform_conv2d(X[None, None], offset, K[None, None])"
    )
    try:
        with pytest.raises(Forbidden):
            answer(child, source)
    finally:
        child.end()


def test_kernels_do_not_come_back_when_their_library_is_looked_for(child: Child) -> None:
    source = (
        "import gc\ndef f(X, K):\n    for o in gc.get_objects():\n"
        "        if type(o).__name__ in ('_DispatchModule', 'Library'):\n            o.reset()\n"
        "    gc.collect()\n    torch._C._dispatch_library('IMPL', 'aten', '').reset()\n"
        "    return F.conv2d(*four(X, K))"
    )
    with pytest.raises((Forbidden, Raised)):
        answer(child, source)


@pytest.mark.parametrize("name", LEGAL)
def test_reading_the_source_finds_no_fault_with_a_legal_way(name: str) -> None:
    calls = forbidden_calls([ast.parse(LEGAL[name])])
    called = "demonstration" in name or name.startswith("a layer") or name.startswith("a subclass")
    assert called or not calls


def test_without_autograd_everything_else_works_as_usual(warm_parent: WarmParent) -> None:
    child = warm_parent.spawn(by_hand=True, autograd=False, limits=Limits(cpu_seconds=5))
    source = (
        "def f(X, K):\n    X = X.clone().requires_grad_()\n    Y = torch.zeros(5, 5)\n    Y[1:, :3] += X[2:, 1:4].exp()\n"
        "    Z = torch.einsum('ijkl,kl->ij', X.unfold(0, 2, 1).unfold(1, 3, 1), K)\n"
        "    with torch.no_grad(): assert not (Z * 2).requires_grad\n"
        "    assert X.requires_grad and not Z.requires_grad\n    return Y + nn.Linear(5, 5, bias=False)(Z) * 0 + Z\n"
    )
    X, K = torch.rand(6, 7), torch.rand(2, 3)
    try:
        child.ask(
            {"ask": "load", "files": {"work.py": HEAD + source, "helpers.py": HELPERS}, "module": "work"}
        )
        value = child.ask({"ask": "call", "target": "f", "args": [X, K], "kwargs": {}}).value
    finally:
        child.end()
    right = F.conv2d(X[None, None], K[None, None])[0, 0]
    right[1:, :3] += X[2:, 1:4].exp()
    assert torch.allclose(value, right)

"""Attacks on the parts of the judge that run next to student code: by-hand rules, effort, and no autograd.

This is a table: where an attack looks for the judge's objects, when it does so, and what it forges. Each is
handed in as one file for one task, and none may pass.
"""

from __future__ import annotations

from dataclasses import dataclass

_PRELUDE = '''
import gc, inspect, sys, threading, types, weakref
import torch
from torch.nn import functional as F

def slow(X, K):
    h, w = K.shape
    rows = []
    for i in range(X.shape[0] - h + 1):
        rows.append(torch.stack([(X[i:i+h, j:j+w] * K).sum() for j in range(X.shape[1] - w + 1)]))
    return torch.stack(rows)

def unfolded(X, K):
    return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-2, -1))

def kernel(X, K):
    d = torch.result_type(X, K)
    return torch.conv2d(X.to(d)[None, None], K.to(d)[None, None])[0, 0]

def refused():
    try:
        F.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 1, 1))
    except BaseException as error:
        return error

def frames_above(frame):
    while frame is not None:
        yield frame
        frame = frame.f_back

def frames_of(error):
    trace = error.__traceback__ if error is not None else None
    while trace is not None:
        yield from frames_above(trace.tb_frame)
        trace = trace.tb_next

def neighbours(thing):
    if isinstance(thing, types.FrameType):
        return [*thing.f_locals.values(), *(v for k, v in thing.f_globals.items() if k[:2] != "__")]
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple, set, frozenset)):
        return list(thing)
    if isinstance(thing, types.FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        return [*cells, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, types.MethodType):
        return [thing.__self__, thing.__func__]
    if type(thing).__module__.startswith("sandbox") or "sandbox" in getattr(thing, "__name__", ""):
        return list(getattr(thing, "__dict__", {}).values())
    return []

def put_back(roots, depth=6):
    """Reset every library that can be reached, and forget every hit."""
    seen, layer = set(), list(roots)
    for _ in range(depth):
        following = []
        for thing in layer:
            if id(thing) in seen or len(seen) > 20_000:
                continue
            seen.add(id(thing))
            try:
                if type(thing).__name__ in ("_DispatchModule", "Library") and hasattr(thing, "reset"):
                    thing.reset()
                if type(thing).__name__ == "Library":
                    thing._destroy()
                if isinstance(getattr(thing, "hits", None), list):
                    thing.hits = type("Deaf", (list,), {"append": lambda self, hit: None})()
                following += neighbours(thing)
            except Exception:
                continue
        layer = following
'''

_WHERE = {
    "frames": "frames_above(sys._getframe())",
    "the frames of a traceback": "frames_of(refused())",
    "the frames of a context": "frames_of(refused().__context__ or refused())",
    "the frames of every thread": "[f for top in sys._current_frames().values() for f in frames_above(top)]",
    "the stack of inspect": "[each.frame for each in inspect.stack()]",
    "modules": "[m for n, m in list(sys.modules.items()) if n.startswith(('sandbox', '__main__', 'torch.library', 'torch._library'))]",
    "everything collected": "gc.get_objects()",
    "everything frozen": "(gc.unfreeze(), gc.get_objects())[1]",
    "who refers to the type": "gc.get_referrers(torch._C._DispatchModule)",
    "what the refusing frame refers to": "[r for f in frames_of(refused()) for r in gc.get_referents(f)]",
    "who refers to the refusing code": "[r for f in frames_of(refused()) for r in gc.get_referrers(f.f_code)]",
    "subclasses": "[c for c in object.__subclasses__() if c.__module__.startswith('sandbox')]",
    "subclasses of errors": "RuntimeError.__subclasses__()",
    "weak references": "[r for c in (torch._C._DispatchModule, torch.library.Library) for r in weakref.getweakrefs(c)]",
    "registries of torch": "[vars(torch.library), vars(torch._ops), vars(torch._library)]",
    "closures of operators": "[torch.ops.aten.conv2d.default, torch.ops.aten.conv2d, F.conv2d, torch.conv2d]",
}
_WHEN = {
    "at import": "put_back({where})\ndef conv2d(X, K):\n    return kernel(X, K)\n",
    "in a call": "def conv2d(X, K):\n    put_back({where})\n    return kernel(X, K)\n",
    "in a thread": (
        "def conv2d(X, K):\n    t = threading.Thread(target=lambda: put_back({where}))\n    t.start(); t.join()\n"
        "    return kernel(X, K)\n"
    ),
}

# What is done to the refusal itself, or around it.
_KERNELS = {
    "kernels overlaid with fallthrough": (
        "lib = torch._C._dispatch_library('IMPL', 'aten', '')\n"
        "for op in ('conv2d', 'convolution', '_convolution', 'convolution_overrideable', '_slow_conv2d_forward'):\n"
        "    for key in ('CPU', 'AutogradCPU', 'CompositeImplicitAutograd', 'CompositeExplicitAutograd'):\n"
        "        try: lib.impl(op, key, torch.library.fallthrough_kernel)\n"
        "        except Exception: pass\n"
        "def conv2d(X, K): return kernel(X, K)\n"
    ),
    "a library that is made and destroyed": (
        "lib = torch.library.Library('aten', 'IMPL')\n"
        "for key in ('CPU', 'CompositeImplicitAutograd'):\n"
        "    lib.impl('conv2d', lambda *a: None, key, allow_override=True)\n"
        "lib._destroy(); del lib; gc.collect()\n"
        "def conv2d(X, K): return kernel(X, K)\n"
    ),
    "a kernel taken by its key": (
        "def conv2d(X, K):\n    d = torch.result_type(X, K)\n"
        "    got = torch.library.get_kernel('aten::convolution', 'CPU')\n"
        "    keys = torch._C._dispatch_keys(X)\n"
        "    return got.call_boxed(keys, X.to(d)[None, None], K.to(d)[None, None], None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)[0, 0]\n"
    ),
    "an operator with other keys": (
        "def conv2d(X, K):\n    d = torch.result_type(X, K)\n    op = torch.ops.aten.convolution.default\n"
        "    args = (X.to(d)[None, None], K.to(d)[None, None], None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)\n"
        "    for key in torch._C.DispatchKey.__members__.values():\n"
        "        try: return op._op_dk(key, *args)[0, 0]\n"
        "        except Exception: pass\n"
        "    return op.redispatch(torch._C.DispatchKeySet(torch._C.DispatchKey.CPU), *args)[0, 0]\n"
    ),
    "the refusal given other code": (
        "for f in frames_of(refused()):\n    for found in gc.get_referrers(f.f_code):\n"
        "        if isinstance(found, types.FunctionType): found.__code__ = (lambda *a, **k: None).__code__\n"
        "def conv2d(X, K):\n    try: return kernel(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
    "the refusal's defaults replaced": (
        "for f in frames_of(refused()):\n    for found in gc.get_referents(f):\n"
        "        if isinstance(found, types.FunctionType) and found.__kwdefaults__:\n"
        "            found.__kwdefaults__.update(_write=lambda *a: 0)\n"
        "def conv2d(X, K):\n    try: return kernel(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
    "the names that a refusal may look up replaced": (
        "import os, json\nos.write = lambda *a: 0\njson.dumps = lambda *a: ''\n"
        "for f in frames_of(refused()):\n    f.f_globals.update(os=None, sys=None, ForbiddenCall=KeyError, NOTICES=1)\n"
        "    f.f_builtins.update(str=bytes, len=lambda x: 0)\n"
        "def conv2d(X, K):\n    try: return kernel(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
    "hits forgotten in the runtime": (
        "def conv2d(X, K):\n    try: return kernel(X, K)\n    except BaseException: pass\n"
        "    for f in frames_above(sys._getframe()):\n"
        "        by = getattr(f.f_locals.get('self'), '_by_hand', None)\n"
        "        if by is not None: by.hits.clear(); f.f_locals['self']._by_hand = None\n"
        "    return slow(X, K)\n"
    ),
    "hits forgotten by the encoder": (
        "import sandbox.wire as wire\nold = wire.Encoder.pieces\n"
        "def pieces(self, message):\n    return old(self, {k: v for k, v in message.items() if k != 'forbidden'})\n"
        "wire.Encoder.pieces = pieces\n"
        "def conv2d(X, K):\n    try: return kernel(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
    "hits forgotten in a thread": (
        "import sandbox.by_hand as by_hand\nimport os\n"
        "def conv2d(X, K):\n    def work():\n        for n in (0, *range(3, 64)):\n            try: os.close(n)\n"
        "            except OSError: pass\n        refused()\n"
        "    t = threading.Thread(target=work); t.start(); t.join()\n    return slow(X, K)\n"
    ),
    "the notice's descriptor closed": (
        "import os\ndef conv2d(X, K):\n    try: os.close(0)\n    except OSError: pass\n"
        "    try: return kernel(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
    "the notice's pipe filled": (
        "import os\ndef conv2d(X, K):\n    try:\n        while True: os.write(0, b'x' * 4096)\n"
        "    except OSError: pass\n    try: return kernel(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
    "a name of a file that lies": (
        "class Name(str):\n    def encode(self, *a): raise ValueError\n    def __getitem__(self, at): raise ValueError\n"
        "    def startswith(self, *a): return False\n"
        "def work(X, K):\n    return torch.conv2d(X[None, None], K[None, None])[0, 0]\n"
        "try: work.__code__ = work.__code__.replace(co_filename=Name('x.py'))\nexcept Exception: pass\n"
        "def conv2d(X, K):\n    try: return work(X, K)\n    except BaseException: return slow(X, K)\n"
    ),
}

_EFFORT = {
    "the meter replaced": (
        "import sandbox.runtime as runtime\nclass Lazy:\n    tensor_operations, python_steps, autograd = 5, 60, False\n"
        "    def __init__(self, *a): pass\n    def __enter__(self): return self\n    def __exit__(self, *e): pass\n"
        "runtime.EffortMeter = Lazy\n"
    ),
    "the meter's counts replaced": (
        "import sandbox.effort as effort\neffort.EffortMeter.python_steps = property(lambda self: 50)\n"
        "effort.EffortMeter.tensor_operations = property(lambda self: 5, lambda self, n: None)\n"
    ),
    "the counter replaced": (
        "import sandbox.steps as steps, sandbox.effort as effort\nclass Deaf(steps.Counter):\n"
        "    def begin(self): pass\n    def end(self): return True\neffort.Counter = Deaf\n"
        "effort.EffortMeter.__torch_dispatch__ = classmethod(lambda c, f, t, a=(), k=None: f(*a, **(k or {})))\n"
    ),
    "the answer rewritten": (
        "import sandbox.wire as wire\nold = wire.Encoder.pieces\ndef pieces(self, message):\n"
        "    if 'effort' in message: message = {**message, 'effort': [4, 50]}\n    return old(self, message)\n"
        "wire.Encoder.pieces = pieces\n"
    ),
    "the answer's text rewritten": (
        "import json, re\nimport sandbox.wire as wire\nclass W:\n    def encode(self, tree, old=wire._WRITER):\n"
        "        m = tree.get('message', {})\n"
        "        if 'effort' in m: m['effort'] = {'$': 'list', 'of': [4, 50]}\n        return old.encode(tree)\n"
        "wire._WRITER = W()\n"
    ),
    "the call replaced": (
        "import sandbox.runtime as runtime\nold = runtime.Runtime._call\ndef call(self, question):\n"
        "    asked = question.pop('effort', None)\n    answer = old(self, question)\n"
        "    return {**answer, 'effort': [4, 50], 'autograd': False} if asked else answer\nruntime.Runtime._call = call\n"
        "for f in frames_above(sys._getframe()):\n    me = f.f_locals.get('self')\n"
        "    if type(me).__name__ == 'Runtime': me._questions['call'] = call.__get__(me)\n"
    ),
    "the answer of the runtime replaced": (
        "import sandbox.runtime as runtime\nold = runtime.Runtime.answer\ndef answer(self, header, body):\n"
        "    return [bytes(p).replace(b'\"effort\"', b'\"effort\"') for p in old(self, header, body)]\n"
        "runtime.Runtime.answer = answer\nruntime.EffortMeter.__enter__ = lambda self: self\n"
        "runtime.EffortMeter.__exit__ = lambda self, *e: None\n"
    ),
    "the socket's bytes rewritten": (
        "import sandbox.wire as wire, re, struct\nold = wire.Unsent.__init__\ndef init(self, pieces):\n"
        "    head = bytes(pieces[0]); at = wire.PREFIX.size\n"
        "    body = re.sub(rb'(\"effort\": .{0,30}\\[)[0-9, ]+\\]', rb'\\g<1>4, 50]', head[at:])\n"
        "    magic, _, size = wire.PREFIX.unpack(head[:at])\n"
        "    old(self, [wire.PREFIX.pack(magic, len(body), size) + body, *pieces[1:]])\nwire.Unsent.__init__ = init\n"
    ),
    "the meter found on the stack": (
        "def lie():\n    for f in frames_above(sys._getframe()):\n        meter = f.f_locals.get('meter')\n"
        "        if meter is not None and hasattr(meter, '_steps'):\n"
        "            meter.tensor_operations = 5; meter._steps.count = 50\n"
        "            type(meter).tensor_operations = property(lambda s: 5, lambda s, n: None)\n"
        "            type(meter).python_steps = property(lambda s: 50)\n"
    ),
    "the work done in a thread that was there before": (
        "import queue\ntasks, done = queue.Queue(), queue.Queue()\ndef work():\n"
        "    while True: done.put(slow(*tasks.get()))\n"
        "threading.Thread(target=work, daemon=True).start()\n"
    ),
    "modes switched off and the trace ended": (
        "from torch.utils._python_dispatch import _disable_current_modes\ndef quietly(X, K):\n"
        "    trace = sys.gettrace(); sys.settrace(None)\n    with _disable_current_modes(): Y = slow(X, K)\n"
        "    sys.settrace(trace)\n    return Y\n"
    ),
    "the student's files renamed": (
        "for f in frames_above(sys._getframe()):\n    me = f.f_locals.get('self')\n"
        "    if type(me).__name__ == 'Runtime': names = me._files\n"
        "def forget():\n    for f in frames_above(sys._getframe()):\n        me = f.f_locals.get('self')\n"
        "        if type(me).__name__ == 'Runtime':\n            me._files.clear()\n"
        "from torch.utils._python_dispatch import _disable_current_modes\n"
    ),
}
_EFFORT_CALLS = {
    "the meter found on the stack": "    lie()\n    Y = slow(X, K)\n    lie()\n    return Y\n",
    "the work done in a thread that was there before": "    tasks.put((X, K))\n    return done.get()\n",
    "modes switched off and the trace ended": "    return quietly(X, K)\n",
    "the student's files renamed": "    forget()\n    with _disable_current_modes():\n        return slow(X, K)\n",
}

_LEAVES = "x, k = X.detach().clone().requires_grad_(), K.detach().clone().to(X.dtype).requires_grad_()"
_AUTOGRAD = {
    "the function": f"    {_LEAVES}\n    return torch.autograd.grad(unfolded(x, k), (x, k), grad_Y)\n",
    "a thread": (
        f"    box = []\n    def work():\n        {_LEAVES}\n"
        "        with torch.enable_grad(): box.extend(torch.autograd.grad(unfolded(x, k), (x, k), grad_Y))\n"
        "    t = threading.Thread(target=work); t.start(); t.join()\n    return tuple(box)\n"
    ),
    "the backward method": f"    {_LEAVES}\n    unfolded(x, k).backward(grad_Y)\n    return x.grad, k.grad\n",
    "the engine": (
        f"    {_LEAVES}\n    Y = unfolded(x, k)\n    engine = torch._C._ImperativeEngine()\n"
        "    return engine.run_backward((Y,), (grad_Y,), False, False, (x, k), False, accumulate_grad=False)\n"
    ),
    "nodes walked by hand": (
        f"    {_LEAVES}\n    Y = unfolded(x, k)\n    found, todo = {{}}, [(Y.grad_fn, grad_Y)]\n    while todo:\n"
        "        node, g = todo.pop()\n        if hasattr(node, 'variable'):\n"
        "            found[id(node.variable)] = found.get(id(node.variable), 0) + g\n            continue\n"
        "        gs = node(g)\n        gs = gs if isinstance(gs, tuple) else (gs,)\n"
        "        todo += [(n, h) for (n, _), h in zip(node.next_functions, gs) if n is not None and h is not None]\n"
        "    return found[id(x)], found[id(k)]\n"
    ),
    "a function transform": "    return torch.func.vjp(unfolded, X, K.to(X.dtype))[1](grad_Y)\n",
    "a transform by another name": (
        "    from torch._functorch.eager_transforms import vjp\n    return vjp(unfolded, X, K.to(X.dtype))[1](grad_Y)\n"
    ),
    "a jacobian": (
        "    JX, JK = torch.autograd.functional.jacobian(unfolded, (X, K.to(X.dtype)))\n"
        "    return (grad_Y[..., None, None] * JX).sum((0, 1)), (grad_Y[..., None, None] * JK).sum((0, 1))\n"
    ),
    "forward mode": (
        "    import torch.autograd.forward_ad as fwd\n    out = []\n    for which in (0, 1):\n"
        "        T = (X, K.to(X.dtype))[which]; G = torch.zeros_like(T)\n        for at in range(T.numel()):\n"
        "            with fwd.dual_level():\n                e = torch.zeros_like(T); e.view(-1)[at] = 1\n"
        "                pair = [X, K.to(X.dtype)]; pair[which] = torch._VF._make_dual(T, e, level=0)\n"
        "                G.view(-1)[at] = (fwd.unpack_dual(unfolded(*pair)).tangent * grad_Y).sum()\n"
        "        out.append(G)\n    return tuple(out)\n"
    ),
    "TorchScript": (
        f"    {_LEAVES}\n    unit = torch.jit.trace(unfolded, (x, k), check_trace=False)\n    for _ in range(3): Y = unit(x, k)\n"
        "    Y.backward(grad_Y)\n    return x.grad, k.grad\n"
    ),
    "the meter told to look away": (
        "    import sandbox.effort as effort\n    effort.EffortMeter.autograd = property(lambda s: False, lambda s, v: None)\n"
        f"    {_LEAVES}\n    return torch.autograd.grad(unfolded(x, k), (x, k), grad_Y)\n"
    ),
    "a graph kept from another thread at import": (
        f"    {_LEAVES}\n    tasks.put((x, k, grad_Y))\n    return done.get()\n"
    ),
}
_AUTOGRAD_BEFORE = {
    "a graph kept from another thread at import": (
        "import queue\ntasks, done = queue.Queue(), queue.Queue()\ndef work():\n    while True:\n"
        "        x, k, g = tasks.get()\n        try: done.put(torch.autograd.grad(unfolded(x, k), (x, k), g))\n"
        "        except BaseException as error: done.put(error)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
    ),
}

_CLAIMS = {
    "a default dtype changed behind a reader that lies": (
        "torch.get_default_dtype = lambda: torch.float32\ntorch._C.get_default_dtype = lambda: torch.float32\n"
        "def conv2d(X, K):\n    torch.set_default_dtype(torch.float64)\n    return slow(X, K)\n"
    ),
    "a number of threads changed behind a reader that lies": (
        "torch.get_num_threads = lambda: 1\n"
        "def conv2d(X, K):\n    torch.set_num_threads(2)\n    return slow(X, K)\n"
    ),
    "arguments written over, and the first ones sent back": (
        "import sandbox.wire as wire\nold, first = wire.Encoder.pieces, []\ndef pieces(self, message):\n"
        "    if 'arguments' in message: message = {**message, 'arguments': first[-2:]}\n    return old(self, message)\n"
        "wire.Encoder.pieces = pieces\n"
        "def conv2d(X, K):\n    first.extend((X.detach().clone(), K.detach().clone()))\n    Y = slow(X, K)\n"
        "    with torch.no_grad(): X.mul_(2)\n    return Y\n"
    ),
    "settings left out by the runtime": (
        "import sandbox.runtime as runtime\nruntime._changed = lambda before: []\nruntime._mark = lambda *a: ''\n"
        "def conv2d(X, K):\n    torch.set_default_dtype(torch.float64)\n    return slow(X, K)\n"
    ),
}


@dataclass(frozen=True)
class JudgeAttack:
    """One attack: its name, the task it is handed in for, and its file."""

    name: str
    task: str
    source: str

    def __str__(self) -> str:
        return self.name


def judge_attacks() -> list[JudgeAttack]:
    """The whole table."""
    found = [
        JudgeAttack(f"by hand: {where}, {when}", "conv2d", body.replace("{where}", _WHERE[where]))
        for where in _WHERE
        for when, body in _WHEN.items()
    ]
    found += [JudgeAttack(f"by hand: {name}", "conv2d", source) for name, source in _KERNELS.items()]
    found += [JudgeAttack(f"claims: {name}", "conv2d", source) for name, source in _CLAIMS.items()]
    for name, source in _EFFORT.items():
        call = _EFFORT_CALLS.get(name, "    return slow(X, K)\n")
        definition = f"def conv2d_vectorized(X, K):\n{call}"
        found.append(JudgeAttack(f"effort: {name}", "conv2d_vectorized", source + definition))
    for name, call in _AUTOGRAD.items():
        definition = f"{_AUTOGRAD_BEFORE.get(name, '')}def conv2d_backward(grad_Y, X, K):\n{call}"
        found.append(JudgeAttack(f"autograd: {name}", "conv2d_backward", definition))
    return [JudgeAttack(each.name, f"conv2d.{each.task}", _PRELUDE + each.source) for each in found]

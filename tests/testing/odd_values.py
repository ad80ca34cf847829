"""Values that no task expects, drawn from a seed: whole answers, and right answers with one part replaced."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor

from graders.sandbox.inside.wire import Handle, Opaque, TensorFacts

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
    *(torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool),
)
SHAPES = ((), (1,), (2,), (0,), (1, 1), (2, 2), (3, 1, 2), (0, 3), (1,) * 8, (10,), (2, 10), (4, 3))
NUMBERS = (0, 1, -1, 3, 2**63, -(2**200), 2**256 - 1, 0.0, -0.0, 1e308, 5e-324)
NUMBERS += (math.nan, math.inf, -math.inf, True, False)
TEXTS = (
    "",
    "1",
    "text",
    "nan",
    "(1, 2)",
    "\x1b[2J\u202e\n\r\x00",
    "=cmd|' /C calc'!A0",
    "/srv/x",
    "é" * 400,
)
OPAQUE = ("ndarray", "complex", "SparseTensor", "type", "\u202emirror\n", "")


def tensor(random: Random, shape: tuple[int, ...] | None = None) -> Tensor:
    """A tensor of any dtype, with NaN and infinity among its values, and facts that may be false."""
    shape = random.choice(SHAPES) if shape is None else shape
    dtype = random.choice(DTYPES)
    fill = random.choice((0.0, 1.0, math.nan, math.inf, 1e4)) if dtype.is_floating_point else 1
    made = torch.full(shape, fill).to(dtype) if random.random() < 0.7 else torch.zeros(shape, dtype=dtype)
    return with_facts(random, made)


def with_facts(random: Random, made: Tensor) -> Tensor:
    facts = TensorFacts(
        device=random.choice(("cpu", "cpu", "cpu", "gpu:0", "meta", "", "\x1b[2J")),
        requires_grad=random.random() < 0.2,
        is_leaf=random.random() < 0.8,
        has_grad_fn=random.random() < 0.2,
        type=random.choice(("Tensor", "Parameter", "\n")),
    )
    made.facts = facts  # type: ignore[attr-defined]
    return made


def value(random: Random, depth: int = 0) -> Any:
    """Anything that the wire can carry."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: random.choice(NUMBERS),
        lambda: random.choice(TEXTS),
        lambda: tensor(random),
        lambda: tensor(random),
        lambda: random.choice(DTYPES),
        lambda: Opaque(random.choice(OPAQUE)),
        lambda: Handle(random.randrange(9), random.choice(OPAQUE)),
    ]
    if depth < 3:
        count = random.choice((0, 1, 2, 2, 3, 10))
        makers += [
            lambda: [value(random, depth + 1) for _ in range(count)],
            lambda: tuple(value(random, depth + 1) for _ in range(count)),
            lambda: {random.choice(TEXTS): value(random, depth + 1) for _ in range(count)},
        ]
    return random.choice(makers)()


def changed(random: Random, right: Any, depth: int = 0) -> Any:
    """A right value with some part of it replaced, left out or doubled."""
    if depth < 6 and isinstance(right, (list, tuple)) and right and random.random() < 0.8:
        items = list(right)
        at = random.randrange(len(items))
        kind = random.randrange(8)
        if kind == 0:
            del items[at]
        elif kind == 1:
            items.insert(at, items[at])
        elif kind == 2:
            return tuple(items) if isinstance(right, list) else items
        else:
            items[at] = changed(random, items[at], depth + 1)
        return type(right)(items)
    if depth < 6 and isinstance(right, dict) and right and random.random() < 0.8:
        items, key = dict(right), random.choice(list(right))
        kind = random.randrange(5)
        if kind == 0:
            del items[key]
        elif kind == 1:
            items[random.choice(TEXTS)] = items.pop(key)
        elif kind == 2:
            items[random.choice(TEXTS)] = value(random)
        else:
            items[key] = changed(random, items[key], depth + 1)
        return items
    if isinstance(right, Tensor) and random.random() < 0.7:
        return _changed_tensor(random, right)
    if isinstance(right, bool) and random.random() < 0.7:
        return not right
    if isinstance(right, (int, float)) and random.random() < 0.4:
        return torch.full(random.choice(((), (1,), (2,))), float(right)).to(random.choice(DTYPES))
    return value(random)


def _changed_tensor(random: Random, right: Tensor) -> Tensor:
    kind, right = random.randrange(6), right.detach().clone()
    if kind == 0:
        return with_facts(random, right.to(random.choice(DTYPES)))
    if kind == 1:
        return with_facts(random, right[None])
    if kind == 2:
        return with_facts(random, right.flatten()[1:] if right.dim() else right)
    if kind == 3 and right.numel() and right.is_floating_point():
        right.view(-1)[random.randrange(right.numel())] = random.choice((math.nan, math.inf, 1e30))
        return with_facts(random, right)
    if kind == 4:
        return with_facts(random, right.mT.contiguous() if right.dim() > 1 else right)
    return tensor(random, tuple(right.shape))


def answer(random: Random, field: str, right: Any) -> Any:
    """An answer with one field replaced, mostly by something that has the form of that field."""
    if random.random() < 0.05:
        return value(random)
    if field in ("arguments", "gradients") and isinstance(right, list) and right:
        items = list(right)
        empty = None if field == "gradients" and random.random() < 0.2 else tensor(random)
        at = random.randrange(len(items))
        items[at] = (
            _changed_tensor(random, items[at]) if random.random() < 0.5 and items[at] is not None else empty
        )
        return items
    if field == "parameter_gradients" and isinstance(right, dict):
        return changed(random, right) if random.random() < 0.5 else {random.choice(TEXTS): tensor(random)}
    if field in ("marks", "changed_state") and isinstance(right, list):
        return [random.choice(TEXTS[:-1]) for _ in right or (0,)]
    if field == "effort":
        return [random.choice((0, 1, 2**62)), random.choice((0, 10, 2**63 - 1))]
    if field == "autograd":
        return not right
    if isinstance(right, dict) and "is_module" in right:
        return description(random, right)
    return changed(random, right)


def description(random: Random, right: dict[str, Any]) -> dict[str, Any]:
    """A module's description of itself, with some part changed."""
    made = {key: list(item) if isinstance(item, list) else item for key, item in right.items()}
    kind = random.randrange(9)
    if kind == 0 or not right["is_module"]:
        return {"is_module": not right["is_module"] if kind else False, "type": random.choice(OPAQUE)}
    if kind == 1:
        return {**made, "training": not right["training"]}
    if kind == 2:
        made["state"] = changed(random, right["state"])
        return made
    if kind == 3:
        made["identities"] = [random.randrange(3) for _ in right["identities"]]
        return made
    if kind == 4:
        made["state"], made["parameters"], made["buffers"], made["identities"] = {}, [], [], []
        return made
    key = random.choice(("parameters", "parameters", "buffers", "modules", "state"))
    rows = made[key]
    if isinstance(rows, dict):
        return {**made, key: {**rows, random.choice(TEXTS): tensor(random)}}
    if not rows:
        return made
    at = random.randrange(len(rows))
    row = list(rows[at])
    if kind == 5:
        del rows[at]
    elif kind == 6:
        rows.insert(at, row)
    elif kind == 7:
        rows[at] = [random.choice(TEXTS), *row[1:]]
    else:
        rows[at] = [_other(random, item) for item in row]
    if key == "parameters":
        made["identities"] = list(range(len(rows)))
    return made


def _other(random: Random, item: Any) -> Any:
    if random.random() < 0.3:
        return item
    if isinstance(item, Tensor):
        return _changed_tensor(random, item) if random.random() < 0.5 else tensor(random)
    if isinstance(item, bool):
        return not item
    return random.choice(TEXTS) if isinstance(item, str) else random.choice((0, 1, 2**40))

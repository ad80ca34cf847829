"""Encodes values as frames and decodes them: the only protocol between grader and student process.

A frame is a fixed prefix (magic, header length, body length), a JSON header and a raw body. The body has the
tensors as little-endian C-order bytes; everything else is a small JSON tree. Nothing is ever unpickled or
evaluated. Every frame is decoded as if it were hostile: lengths are capped before anything is allocated, and
every field is checked.

This module runs on both sides of the wall and knows nothing about convolutions or processes.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

MAGIC = b"CNN1"
PREFIX = struct.Struct("<4sIQ")
MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 64 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_TENSORS = 4_096
MAX_RANK = 8
MAX_BITS = 256  # of an int; such an int still fits into the range of a float
MAX_NUMEL = MAX_BODY_BYTES

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("float64", "float32", "float16", "bfloat16", "complex64", "complex128"),
        *("int64", "int32", "int16", "int8", "uint8", "bool"),
    )
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


Pieces = list[bytes | memoryview]
"""One frame, as pieces to send one after the other."""


class WireError(Exception):
    """A frame that breaks the rules. The message says which rule."""


@dataclass(frozen=True)
class Handle:
    """An object that stays in the student process; outside, it is a number and a type name."""

    id: int
    type: str


@dataclass(frozen=True)
class Opaque:
    """A value that can't be sent; only the name of its type is."""

    type: str


@dataclass(frozen=True)
class Build:
    """A request to build `torch.nn.<name>(*args, **kwargs)`, or one of the sandbox's test modules."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ClassOf:
    """A class of `torch.nn`, passed as an argument; `spy` asks for a subclass named `Given<name>`."""

    name: str
    spy: bool = False


@dataclass(frozen=True)
class Stream:
    """Batches to iterate over repeatedly, without length or index, like a loader over an iterable dataset."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class TensorFacts:
    """What a process reports about a tensor besides its values."""

    device: str = "cpu"
    requires_grad: bool = False
    is_leaf: bool = True
    has_grad_fn: bool = False
    type: str = "Tensor"


_USUAL = TensorFacts()


def facts_of(tensor: torch.Tensor) -> TensorFacts:
    """The facts of a tensor in this process."""
    if type(tensor) is torch.Tensor and tensor.is_cpu and not tensor.requires_grad:
        return _USUAL
    return TensorFacts(
        device=str(tensor.device),
        requires_grad=bool(tensor.requires_grad),
        is_leaf=bool(tensor.is_leaf),
        has_grad_fn=tensor.grad_fn is not None,
        type=type(tensor).__name__[:80],
    )


# ---------------------------------------------------------------------------------------------- encoding


class Encoder:
    """Turns values into one frame.

    Args:
        keep: called with a value that can't be encoded; returns a `Handle` or an `Opaque`.
        views: send the storage of a strided tensor, so that it arrives as the same view.
    """

    def __init__(self, keep: Callable[[Any], Handle | Opaque] | None = None, views: bool = False) -> None:
        self._keep = keep or (lambda value: Opaque(type(value).__name__[:80]))
        self._views = views
        self._tensors: list[dict[str, Any]] = []
        self._body: Pieces = []
        self._size = 0

    def frame(self, message: dict[str, Any]) -> bytes:
        """The frame that carries `message`."""
        return b"".join(self.pieces(message))

    def pieces(self, message: dict[str, Any]) -> Pieces:
        """The same frame without copies: it has the values that the tensors have when it is sent."""
        tree = {key: self.tree(value) for key, value in message.items()}
        header = _WRITER.encode({"message": tree, "tensors": self._tensors}).encode()
        if len(header) > MAX_HEADER_BYTES:
            raise WireError(f"a header of {len(header)} bytes; the limit is {MAX_HEADER_BYTES}")
        if self._size > MAX_BODY_BYTES:
            raise WireError(f"tensors of {self._size} bytes in one message; the limit is {MAX_BODY_BYTES}")
        return [PREFIX.pack(MAGIC, len(header), self._size) + header, *self._body]

    def tree(self, value: Any, depth: int = 0) -> Any:
        """`value` as JSON; its tensors are collected for the body."""
        if depth > MAX_DEPTH:
            raise WireError(f"nested more than {MAX_DEPTH} deep")
        if value is None or type(value) in (bool, str):
            return value
        if type(value) is torch.Tensor:
            return self._tensor(value)
        if type(value) is int:
            return (
                value
                if value.bit_length() <= MAX_BITS
                else {"$": "opaque", "type": f"int of more than {MAX_BITS} bits"}
            )
        if isinstance(value, np.integer) and not isinstance(value, np.timedelta64):
            return int(value)
        if isinstance(value, (float, np.floating)):
            number = float(value)
            return number if math.isfinite(number) else {"$": "float", "is": repr(number)}
        deeper = depth + 1
        if isinstance(value, torch.Size):
            return {"$": "tuple", "of": [int(item) for item in value]}
        if isinstance(value, (list, tuple)):
            kind = "list" if isinstance(value, list) else "tuple"
            return {"$": kind, "of": [self.tree(item, deeper) for item in value]}
        if isinstance(value, dict):
            pairs = [[str(key), self.tree(item, deeper)] for key, item in value.items()]
            if len({key for key, _ in pairs}) < len(pairs):
                return {"$": "opaque", "type": "dict in which two keys are the same text"}
            return {"$": "dict", "of": pairs}
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, torch.dtype):
            return {"$": "dtype", "name": DTYPE_NAMES.get(value, str(value))}
        if isinstance(value, Stream):
            return {"$": "stream", "of": [self.tree(item, deeper) for item in value.items]}
        if isinstance(value, Build):
            args = [self.tree(item, deeper) for item in value.args]
            kwargs = [[key, self.tree(item, deeper)] for key, item in value.kwargs.items()]
            return {"$": "build", "name": value.name, "args": args, "kwargs": kwargs}
        if isinstance(value, ClassOf):
            return {"$": "class", "name": value.name, "spy": value.spy}
        kept = value if isinstance(value, (Handle, Opaque)) else self._keep(value)
        if isinstance(kept, Handle):
            return {"$": "handle", "id": kept.id, "type": kept.type}
        return {"$": "opaque", "type": kept.type}

    def _tensor(self, tensor: torch.Tensor) -> Any:
        dtype = DTYPE_NAMES.get(tensor.dtype)
        if (
            dtype is None
            or tensor.layout != torch.strided
            or tensor.is_quantized
            or tensor.device.type == "meta"
        ):
            return {
                "$": "opaque",
                "type": f"{tensor.layout} tensor of {tensor.dtype} on {tensor.device}"[:80],
            }
        if tensor.dim() > MAX_RANK:
            return {"$": "opaque", "type": f"tensor of {tensor.dim()} dimensions"}
        facts = facts_of(tensor)
        record: dict[str, Any] = {"dtype": dtype, "shape": list(tensor.shape)}
        if facts != _USUAL:
            record["about"] = vars(facts)
        with torch._C.DisableTorchFunctionSubclass():  # a subclass must not decide what its values are
            # NumPy has no bfloat16, but any type of the same width can carry the bits.
            numbers = tensor if tensor.is_cpu else torch.Tensor.detach(tensor).cpu()
            if tensor.dtype is torch.bfloat16:
                numbers = torch.Tensor.detach(numbers).view(torch.int16)
            array = torch.Tensor.numpy(numbers, force=True)
        if self._views and array.size and not array.flags.c_contiguous:
            strides = [step // array.itemsize for step in array.strides]
            record["strides"] = strides
            span = 1 + sum((n - 1) * s for n, s in zip(array.shape, strides, strict=True))
            array = np.lib.stride_tricks.as_strided(array, (span,), (array.itemsize,))
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        record["bytes"] = raw.nbytes
        self._tensors.append(record)
        if raw.nbytes:
            self._body.append(memoryview(raw))
        self._size += raw.nbytes
        return {"$": "tensor", "at": len(self._tensors) - 1}


class Unsent:
    """The rest of a frame that is being sent; false when nothing is left."""

    _AT_ONCE = 1_000  # pieces of one system call; Linux takes 1024

    def __init__(self, pieces: Pieces) -> None:
        self._rest = [memoryview(piece) for piece in reversed(pieces)]

    def __bool__(self) -> bool:
        return bool(self._rest)

    def send(self, wire: socket.socket) -> None:
        """Send as much as `wire` accepts now."""
        sent = wire.sendmsg(self._rest[: -self._AT_ONCE - 1 : -1])
        while self._rest and sent >= len(self._rest[-1]):
            sent -= len(self._rest.pop())
        if sent:
            self._rest[-1] = self._rest[-1][sent:]


# ---------------------------------------------------------------------------------------------- decoding


class Decoder:
    """Reads one frame without trusting anything in it.

    Args:
        resolve: what to do with a `Handle`, `Build`, `ClassOf` or `Stream`; without it, handles stay handles
            and the other three, which only a grader may send, are refused.
        leaves: turn tensors that required grad on the other side into leaves that require grad here.
    """

    def __init__(self, resolve: Callable[[Any], Any] | None = None, leaves: bool = False) -> None:
        self._resolve = resolve
        self._leaves = leaves
        self._tensors: list[torch.Tensor] = []
        self._nodes = 0

    def message(self, header: bytes, body: bytearray | memoryview) -> dict[str, Any]:
        """The message in a header and a body, whose lengths `prefix` has checked."""
        try:
            parsed = _READER.decode(bytes(header).decode())
        except (ValueError, RecursionError) as error:
            raise WireError(f"the header is not JSON: {type(error).__name__}") from None
        if not isinstance(parsed, dict) or set(parsed) != {"message", "tensors"}:
            raise WireError("the header has other fields than message and tensors")
        self._tensors = self._read_tensors(parsed["tensors"], body)
        message = parsed["message"]
        if not isinstance(message, dict):
            raise WireError("the message is not an object")
        return {_text(key): self.value(item) for key, item in message.items()}

    def _read_tensors(self, records: Any, body: bytearray | memoryview) -> list[torch.Tensor]:
        if not isinstance(records, list) or len(records) > MAX_TENSORS:
            raise WireError("the table of tensors is not a list, or is too long")
        tensors, start = [], 0
        for record in records:
            if self._resolve is None and isinstance(record, dict) and "strides" in record:
                raise WireError("a view, which could be many times larger than what was sent")
            tensor, facts, size = _read_tensor(record, body, start)
            if self._leaves:
                if facts.requires_grad:
                    tensor.requires_grad_()
            else:
                tensor.facts = facts  # type: ignore[attr-defined]
            tensors.append(tensor)
            start += size
        if start != len(body):
            raise WireError(f"the tensors take {start} bytes of a body of {len(body)}")
        return tensors

    def value(self, tree: Any, depth: int = 0) -> Any:
        """The value of one JSON tree."""
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise WireError("nested too deep, or too many values")
        if isinstance(tree, str):
            return _text(tree)
        if tree is None or isinstance(tree, bool) or (isinstance(tree, float) and math.isfinite(tree)):
            return tree
        if isinstance(tree, int):
            if tree.bit_length() > MAX_BITS:
                raise WireError(f"an int of more than {MAX_BITS} bits")
            return tree
        if not isinstance(tree, dict):
            raise WireError("a bare list")
        kind, deeper = tree.get("$"), depth + 1
        if kind == "tensor":
            at = tree.get("at")
            if type(at) is not int or not 0 <= at < len(self._tensors):
                raise WireError("a tensor that is not in the table")
            return self._tensors[at]
        if kind in ("list", "tuple", "stream"):
            items = [self.value(item, deeper) for item in _list(tree.get("of"))]
            if kind == "stream":
                return self._resolved(Stream(tuple(items)))
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {key: self.value(item, deeper) for key, item in _pairs(tree.get("of"))}
        if kind == "float":
            if tree.get("is") not in ("nan", "inf", "-inf"):
                raise WireError("an invalid float")
            return float(tree["is"])
        if kind == "dtype":
            return DTYPES.get(str(tree.get("name")), Opaque("dtype"))
        if kind == "handle":
            handle = Handle(_int(tree.get("id")), _short(tree.get("type")))
            return self._resolve(handle) if self._resolve else handle
        if kind == "opaque":
            return Opaque(_short(tree.get("type")))
        if kind == "build":
            args = tuple(self.value(item, deeper) for item in _list(tree.get("args")))
            kwargs = {key: self.value(item, deeper) for key, item in _pairs(tree.get("kwargs"))}
            return self._resolved(Build(_short(tree.get("name")), args, kwargs))
        if kind == "class":
            return self._resolved(ClassOf(_short(tree.get("name")), tree.get("spy") is True))
        raise WireError(f"an unknown kind of value: {str(kind)[:40]!r}")

    def _resolved(self, request: Any) -> Any:
        if self._resolve is None:
            raise WireError(f"a {type(request).__name__} where only plain values are allowed")
        return self._resolve(request)


def memory(count: int) -> memoryview:
    """Writable memory for `count` bytes that are about to be received."""
    return memoryview(np.empty(count, dtype=np.uint8))


def prefix(raw: bytes) -> tuple[int, int]:
    """The header and body length of a frame, checked against the limits before anything is allocated."""
    magic, header, body = PREFIX.unpack(raw)
    if magic != MAGIC:
        raise WireError("not a frame of this protocol")
    if header > MAX_HEADER_BYTES or body > MAX_BODY_BYTES:
        most = f"the limit is {MAX_HEADER_BYTES} + {MAX_BODY_BYTES}"
        raise WireError(f"a frame of {header} + {body} bytes; {most}")
    return header, body


def _read_tensor(
    record: Any, body: bytearray | memoryview, start: int
) -> tuple[torch.Tensor, TensorFacts, int]:
    if not isinstance(record, dict):
        raise WireError("a tensor without a record")
    dtype = DTYPES.get(str(record.get("dtype")))
    if dtype is None:
        raise WireError("a tensor of unknown dtype")
    shape = _sizes(record.get("shape"))
    numel = math.prod(shape)
    if math.prod(max(n, 1) for n in shape) > MAX_NUMEL:
        raise WireError("a shape that is too large")
    strides = _sizes(record["strides"]) if "strides" in record else None
    if strides is not None and len(strides) != len(shape):
        raise WireError("strides that do not fit the shape")
    stored = numel
    if strides is not None and numel:
        stored = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    size = stored * dtype.itemsize
    if size > len(body) - start or size != record.get("bytes"):
        raise WireError("a tensor whose bytes do not fit its shape")
    # Two tensors must never share memory.
    raw = body if size == len(body) else bytearray(memoryview(body)[start : start + size])
    if dtype is torch.bool and bytes(raw).translate(None, b"\x00\x01"):
        raise WireError("a truth value that is neither 0 nor 1")
    flat = torch.frombuffer(raw, dtype=dtype) if size else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape) if strides is None else flat.as_strided(shape, strides)
    return tensor, _facts(record["about"]) if "about" in record else _USUAL, size


def _facts(about: Any) -> TensorFacts:
    if not isinstance(about, dict):
        raise WireError("a tensor without facts")
    try:
        return TensorFacts(
            device=_short(about["device"]),
            requires_grad=about["requires_grad"] is True,
            is_leaf=about["is_leaf"] is True,
            has_grad_fn=about["has_grad_fn"] is True,
            type=_short(about["type"]),
        )
    except KeyError as missing:
        raise WireError(f"a tensor without the fact {missing}") from None


def _sizes(value: Any) -> tuple[int, ...]:
    sizes = _list(value)
    if len(sizes) > MAX_RANK or any(type(n) is not int or not 0 <= n <= MAX_NUMEL for n in sizes):
        raise WireError("an invalid shape")
    return tuple(sizes)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise WireError("a list is missing")
    return value


def _pairs(value: Any) -> Iterable[tuple[str, Any]]:
    seen = set()
    for pair in _list(value):
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise WireError("an invalid pair")
        if pair[0] in seen:
            raise WireError("the same name twice")
        seen.add(pair[0])
        yield _text(pair[0]), pair[1]


def _int(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        raise WireError("an invalid number")
    return value


def _short(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 200:
        raise WireError("an invalid name, or one that is too long")
    return _text(value)


def _text(value: str) -> str:
    """`value` without lone surrogates, which can't be written to files or terminals."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same name twice")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} in the header")


_WRITER = json.JSONEncoder(allow_nan=False, check_circular=False)  # the depth is bounded already
_READER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_object)

"""The wire: values arrive as they were sent, and nothing else that arrives can do harm."""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from graders.printable import lines
from graders.sandbox import validation as claims
from graders.sandbox.child import Child, forbidden, understood
from graders.sandbox.errors import Crashed, StudentError, TimedOut
from graders.sandbox.inside import wire
from graders.sandbox.inside.wire import (
    DTYPES,
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    PREFIX,
    Build,
    ClassOf,
    Decoder,
    Encoder,
    Handle,
    Opaque,
    Stream,
    WireError,
    prefix,
)
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent

QUICK = settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def decoded(frame: bytes, decoder: Decoder | None = None) -> dict[str, Any]:
    """The message in a frame, read as the grader reads it."""
    header_length, body_length = prefix(frame[: PREFIX.size])
    rest = frame[PREFIX.size :]
    header, body = rest[:header_length], rest[header_length:]
    if len(header) != header_length or len(body) != body_length:
        raise WireError("cut")
    return (decoder or Decoder()).message(header, bytearray(body))


def headed(header: bytes, body: bytes = b"") -> bytes:
    """A frame with exactly these bytes as its header."""
    return PREFIX.pack(b"CNN1", len(header), len(body)) + header + body


def framed(message: Any, tensors: Any = (), body: bytes = b"") -> bytes:
    """A frame with this header, whatever it says."""
    return headed(json.dumps({"message": message, "tensors": list(tensors)}).encode(), body)


ABOUT = {"device": "cpu", "requires_grad": False, "is_leaf": True, "has_grad_fn": False, "type": "Tensor"}
FLOATS = {"dtype": "float32", "shape": [2], "about": ABOUT, "bytes": 8}


# ------------------------------------------------------------------------------------------- round trips


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    """Any dtype, any small shape, and views of every kind."""
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    numbers = torch.randn(*shape, 2, generator=generator, dtype=torch.float64) * 3
    tensor = numbers[..., draw(st.integers(0, 1))].to(dtype)  # every second number of its memory
    for _ in range(draw(st.integers(0, 2))):
        if tensor.dim() > 1:
            first, second = draw(st.integers(0, tensor.dim() - 1)), draw(st.integers(0, tensor.dim() - 1))
            tensor = tensor.transpose(first, second)
        if tensor.dim() and tensor.shape[0] > 1:
            tensor = tensor[draw(st.integers(0, 1)) :: draw(st.integers(1, 2))]
    if draw(st.booleans()):
        tensor = tensor.unsqueeze(0).expand(3, *tensor.shape)
    return tensor


plain = st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats() | st.text(max_size=20)
trees = st.recursive(
    plain | tensors() | st.sampled_from(sorted(DTYPES.values(), key=str)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        if not isinstance(other, torch.Tensor) or one.dtype != other.dtype or one.shape != other.shape:
            return False
        return one.reshape(-1).tolist() == other.reshape(-1).tolist() or bool(
            (one.isnan() == other.isnan()).all()
        )
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return (
            isinstance(other, dict) and list(one) == list(other) and all(same(one[k], other[k]) for k in one)
        )
    return type(one) is type(other) and one == other


@QUICK
@given(tree=trees)
def test_any_value_comes_back_as_it_was_sent(tree: Any) -> None:
    assert same(tree, decoded(Encoder().frame({"value": tree}))["value"])


@QUICK
@given(tensor=tensors())
def test_a_question_keeps_the_strides_of_its_tensors(tensor: torch.Tensor) -> None:
    came = decoded(Encoder(views=True).frame({"value": tensor}), Decoder(lambda request: request))["value"]
    assert same(tensor, came)
    if tensor.numel() > 1 and not tensor.is_contiguous():
        assert came.stride() == tensor.stride()


def test_a_tensor_that_requires_grad_arrives_as_a_leaf_that_does() -> None:
    X = torch.rand(3, 4).t().requires_grad_()
    came = decoded(Encoder(views=True).frame({"value": X}), Decoder(lambda request: request, leaves=True))[
        "value"
    ]
    assert came.requires_grad and came.is_leaf and came.stride() == X.stride()


def test_a_text_with_a_lone_surrogate_arrives_as_writable_text() -> None:
    came = decoded(Encoder().frame({"value": "a\ud800b", "table": {"\udc80": "ü"}}))
    assert came == {"value": "a?b", "table": {"?": "ü"}}


def test_a_value_that_cannot_be_sent_arrives_as_the_name_of_its_type() -> None:
    strange = [
        object(),
        torch.zeros(2).to_sparse(),
        torch.zeros(2, device="meta"),
        torch.zeros([1] * 9),
        2**300,
        {1, 2},
    ]
    came = decoded(Encoder().frame({"value": strange}))["value"]
    assert all(isinstance(value, Opaque) for value in came)


def test_a_message_too_large_or_too_deep_is_not_sent() -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]
    for value in ("x" * (MAX_HEADER_BYTES + 1), torch.zeros(MAX_BODY_BYTES + 1, dtype=torch.uint8), deep):
        with pytest.raises(WireError):
            Encoder().frame({"value": value})


# --------------------------------------------------------------------------------------------- fuzzing


def refused(frame: bytes) -> bool:
    """Whether the frame is refused; any other exception than WireError fails the test."""
    try:
        decoded(frame)
    except WireError:
        return True
    return False


@QUICK
@given(raw=st.binary(max_size=300))
def test_random_bytes_are_refused(raw: bytes) -> None:
    assert refused(raw.ljust(PREFIX.size, b"\0"))


@QUICK
@given(raw=st.binary(max_size=200), body=st.binary(max_size=20))
def test_random_headers_are_refused(raw: bytes, body: bytes) -> None:
    assert refused(PREFIX.pack(b"CNN1", len(raw), len(body)) + raw + body)


VALID = Encoder().frame(
    {"outcome": "ok", "value": (torch.rand(2, 3), {"a": [1, 2.5, None]}), "gradients": [torch.ones(2) > 0]}
)


@settings(QUICK, max_examples=150)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=6)
)
def test_a_changed_frame_is_refused_or_still_valid(changes: list[tuple[int, int]]) -> None:
    frame = bytearray(VALID)
    for place, byte in changes:
        frame[place] = byte
    refused(bytes(frame))


@QUICK
@given(length=st.integers(PREFIX.size, len(VALID) - 1))
def test_a_cut_frame_is_refused(length: int) -> None:
    header_length = PREFIX.unpack(VALID[: PREFIX.size])[1]
    cut = VALID[PREFIX.size : length]
    with pytest.raises(WireError):
        Decoder().message(cut[:header_length], bytearray(cut[header_length:]))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["tensor", "list", "dict", "float", "handle", "build", "class", "stream", "dtype", "opaque", "nan"]
    )
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$", "of", "at", "is", "id", "type", "name", "args", "kwargs", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(QUICK, max_examples=150)
@given(value=json_values)
def test_any_json_is_refused_or_understood(value: Any) -> None:
    refused(framed({"value": value}))


records = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*sorted(DTYPES), "object", "float8", None, 3, ["float32"]]),
        "shape": st.lists(
            st.integers(-1, 4) | st.sampled_from([2**26, 2**31, 2**63, 2**64, 1.5, True, "2"]), max_size=10
        )
        | st.none(),
        "bytes": st.integers(-1, 40) | st.sampled_from([2**63, 1e300, None]),
        "about": st.sampled_from([ABOUT, {}, None, {**ABOUT, "device": "x" * 1000}, {**ABOUT, "type": 3}]),
    },
    optional={"strides": st.lists(st.integers(-1, 4) | st.sampled_from([2**40, 2**63]), max_size=10)},
)


@settings(QUICK, max_examples=150)
@given(table=st.lists(records, max_size=3), body=st.binary(max_size=64))
def test_any_table_of_tensors_is_refused_or_fits_its_body(table: list[Any], body: bytes) -> None:
    frame = framed({"value": {"$": "tensor", "at": 0}}, table, body)
    refused(frame)
    with contextlib.suppress(WireError):
        decoded(frame, Decoder(lambda request: request))


REFUSED = {
    "another magic": b"XXXX" + VALID[4:],
    "a header longer than the cap": PREFIX.pack(b"CNN1", MAX_HEADER_BYTES + 1, 0),
    "a body longer than the cap": PREFIX.pack(b"CNN1", 10, MAX_BODY_BYTES + 1),
    "the largest lengths there are": PREFIX.pack(b"CNN1", 2**32 - 1, 2**64 - 1),
    "a bare list": framed([1]),
    "another field besides": headed(b'{"message": {}, "tensors": [], "x": 1}'),
    "the same field twice": headed(b'{"message": {}, "message": {}, "tensors": []}'),
    "the same name twice": framed({"value": {"$": "dict", "of": [["a", 1], ["a", 2]]}}),
    "NaN": framed({"value": math.nan}),
    "infinity": framed({"value": math.inf}),
    "a float that overflows": headed(b'{"message": {"value": 1e999}, "tensors": []}'),
    "a number of a million digits": headed(b'{"message": {"value": ' + b"9" * 900_000 + b'}, "tensors": []}'),
    "half a million brackets": headed(b"[" * 500_000 + b"]" * 500_000),
    "a wrong truth value": framed(
        {}, [{"dtype": "bool", "shape": [2], "about": ABOUT, "bytes": 2}], b"\x01\x02"
    ),
    "a body left over": framed({}, [], b"x"),
    "a tensor larger than the body": framed({}, [{**FLOATS, "shape": [2**20], "bytes": 2**22}], bytes(8)),
    "a view": framed({}, [{**FLOATS, "shape": [2**13, 2**13], "strides": [0, 0], "bytes": 4}], bytes(4)),
    "an empty tensor of enormous sides": framed({}, [{**FLOATS, "shape": [0, *[2**26] * 7], "bytes": 0}]),
    "a shape of negative numbers": framed({}, [{**FLOATS, "shape": [-2, -1]}], bytes(8)),
    "nine dimensions": framed({}, [{**FLOATS, "shape": [1] * 8 + [2]}], bytes(8)),
    "a tensor that is not there": framed({"value": {"$": "tensor", "at": 7}}),
    "a negative place": framed({"value": {"$": "tensor", "at": -1}}, [FLOATS], bytes(8)),
    "too many tensors": framed({}, [{**FLOATS, "shape": [0], "bytes": 0}] * 5000),
    "too many values": framed({"value": {"$": "list", "of": [None] * 60_000}}),
    "a request to build": Encoder().frame({"value": Build("Linear", (1, 1))}),
    "a class": Encoder().frame({"value": ClassOf("Linear")}),
    "a stream": Encoder().frame({"value": Stream((1,))}),
    "an unknown kind": framed({"value": {"$": "pickle", "of": "gASV"}}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        decoded(REFUSED[name])


def test_no_frame_makes_the_reader_allocate_much() -> None:
    tracemalloc.start()
    try:
        for frame in REFUSED.values():
            refused(frame)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_nothing_on_the_wire_is_unpickled_or_evaluated() -> None:
    sources = [Path(str(module.__file__)).read_text() for module in (wire, claims)]
    for word in ("pickle", "marshal", "eval(", "exec(", "torch.load", "__import__"):
        assert not any(word in source.replace("unpickled", "") for source in sources), word


# --------------------------------------------------------------------------------- claims of an answer

CALL = {
    **{"ask": "call", "args": [torch.zeros(2).requires_grad_()], "kwargs": {}},
    **{"cotangent": torch.zeros(2), "effort": True, "return_arguments": True},
}
DESCRIBE = {"ask": "describe"}
answers = st.dictionaries(
    st.sampled_from(
        (
            *("outcome", "value", "changed_state", "effort", "arguments", "gradients", "parameter_gradients"),
            *("autograd", "marks", "forbidden", "type", "kinds", "message", "frames", "inside", "memory"),
        )
    ),
    st.sampled_from(["ok", "raised", "unsendable"]) | trees,
    max_size=8,
)


@settings(QUICK, max_examples=150)
@given(fields=answers, outcome=st.sampled_from(["ok", "raised", "unsendable", "forbidden"]))
def test_an_answer_of_any_form_is_refused_or_understood(fields: dict[str, Any], outcome: str) -> None:
    for question in (CALL, DESCRIBE, {"ask": "has"}, {"ask": "build"}, {"ask": "load"}):
        told = {**fields, "outcome": outcome}
        try:
            claims.check(question, told)
        except WireError:
            continue
        error = understood(told, Limits())
        assert error is None or isinstance(error, StudentError)


ANSWER = {
    **{"outcome": "ok", "value": torch.zeros(2), "changed_state": [], "effort": [3, 4]},
    **{"arguments": [torch.zeros(2)], "marks": [""], "gradients": None, "parameter_gradients": {}},
}


@pytest.mark.parametrize(
    ("name", "forged"),
    [
        *(("changed_state", "text"), ("changed_state", [3]), ("effort", [3]), ("effort", [3, -4])),
        *(("fields", "verdict"), ("arguments", []), ("arguments", [3]), ("marks", None)),
        *(("marks", []), ("marks", [["has a .grad"]]), ("marks", ["x" * 201]), ("gradients", [3])),
        *(("gradients", []), ("parameter_gradients", [])),
    ],
)
def test_no_forged_field_of_an_answer_reaches_the_grader(name: str, forged: Any) -> None:
    claims.check(CALL, ANSWER)
    with pytest.raises(WireError, match=name):
        claims.check(CALL, {**ANSWER, name: forged})


@settings(QUICK, max_examples=100)
@given(notice=st.binary(max_size=60) | st.from_regex(rb"\w{1,5} [0-9a-f]{0,9} \d{1,12}", fullmatch=True))
def test_any_notice_is_understood_or_ignored(notice: bytes) -> None:
    found = forbidden(notice)
    assert found is None or (found.operation.isprintable() and found.file.isprintable() and found.line >= 0)


def test_control_characters_are_written_out() -> None:
    assert lines("\x1b[2J\u202e\ud800ü\n\t\0", 99) == "\\x1b[2J\\u202e\\ud800ü\n\t\\x00"
    assert lines("abc", 2) == "ab"


# ------------------------------------------------------------------------- a process that does not obey

FORGER = """
import json, os, struct, sys, time

def wire():
    frame = sys._getframe()
    while "wire" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["wire"]

def asked():
    frame = sys._getframe()
    while not isinstance(frame.f_locals.get("question"), dict):
        frame = frame.f_back
    return frame.f_locals["question"]["id"]

def frame(fields):
    header = json.dumps({"message": fields, "tensors": []}).encode()
    return struct.pack("<4sIQ", b"CNN1", len(header), 0) + header

ok = {"outcome": "ok", "value": "forged", "changed_state": {"$": "list", "of": []}}

def honest():
    return "honest"

def wrong_number():
    wire().sendall(frame({**ok, "id": asked() + 1}))
    return 1

def twice():
    wire().sendall(frame({**ok, "id": asked()}))
    return 1

def garbage():
    wire().sendall(os.urandom(1000))
    return 1

def drip():
    for byte in frame({**ok, "id": asked()}) + bytes(10**6):
        wire().sendall(bytes([byte]))
        time.sleep(0.2)

def half():
    wire().sendall(frame({**ok, "id": asked()})[:-5])
    os._exit(0)
"""


class Brief(Limits):
    @property
    def wall_seconds(self) -> float:
        return 3.0


@pytest.fixture
def forger(warm_parent: WarmParent) -> Iterator[Child]:
    child = warm_parent.spawn(by_hand=False, limits=Brief(cpu_seconds=5))
    child.ask({"ask": "load", "files": {"forger.py": FORGER}, "module": "forger"})
    yield child
    child.end()


def call(child: Child, name: str) -> Any:
    return child.ask({"ask": "call", "target": name, "args": [], "kwargs": {}}).value


@pytest.mark.parametrize("name", ["wrong_number", "garbage", "half"])
def test_a_forged_reply_ends_the_process(forger: Child, name: str) -> None:
    with pytest.raises(Crashed):
        call(forger, name)
    assert not forger.alive


def test_an_extra_reply_ends_the_process_at_the_next_question(forger: Child) -> None:
    assert call(forger, "twice") == "forged"  # it may claim what it likes, once
    with pytest.raises(Crashed):
        call(forger, "honest")


def test_a_dripping_reply_meets_the_deadline(forger: Child) -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut):
        call(forger, "drip")
    assert time.monotonic() - started < 10


def test_each_question_has_a_number_that_cannot_be_guessed(
    forger: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    original = os.urandom
    monkeypatch.setattr(os, "urandom", lambda n: drawn.append(n) or original(n))  # type: ignore[func-returns-value]
    assert call(forger, "honest") == "honest"
    assert drawn == [3]


def test_the_prefix_is_sixteen_bytes() -> None:
    assert PREFIX.size == struct.calcsize("<4sIQ") == 16
    assert decoded(Encoder().frame({"value": Handle(3, "Net")}))["value"] == Handle(3, "Net")

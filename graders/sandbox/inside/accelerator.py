"""A simulated device: tensors that claim to be on `gpu:0` and obey CUDA's rules on mixing devices.

The values are in ordinary CPU tensors, each inside a wrapper that torch takes for a tensor of its private-use
backend. Every operation on a wrapper goes to `_run`, which refuses what CUDA would refuse, runs the rest on
the CPU, and wraps the results. So code that works only on the CPU is detected on any machine: a buffer
created without `device=`, a tensor that `.to` doesn't move, a round trip through NumPy.

This isn't a torch mode: it works in every thread, and plain CPU tensors behave as usual, at their usual
speed. The device is installed for the life of a process, and `torch.accelerator` then reports it, so it is
only installed in separate student processes.

Sources: https://docs.pytorch.org/docs/stable/notes/extending.html (subclasses and `__torch_dispatch__`),
https://docs.pytorch.org/docs/stable/notes/cuda.html (which operations may mix devices).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._mode_utils import no_dispatch
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "gpu"
_HERE = torch.device("cpu")
_STORAGE = 1 << 40  # no limit, because the values are elsewhere
_aten = torch.ops.aten

# Operations that accept tensors on two devices, whatever their shapes.
_COPIES = {_aten.copy_.default, _aten._to_copy.default, _aten._copy_from.default, _aten.copy.default}
# Operations that accept a 0-d CPU tensor as a number, in addition to all pointwise ones.
_TAKE_NUMBERS = {
    *(_aten.fill_.Tensor, _aten.fill.Tensor, _aten.masked_fill.Tensor, _aten.masked_fill_.Tensor),
    *(_aten.index_fill.int_Tensor, _aten.index_fill_.int_Tensor),
}
_INDEXING = {
    *(_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default),
    *(_aten._index_put_impl_.default, _aten._unsafe_index.Tensor, _aten._unsafe_index_put.default),
}
# Implemented as a whole, because they would otherwise fill an empty tensor whose size changes on the way.
_FACTORIES = (
    *("arange", "arange.start", "arange.start_step", "linspace", "logspace", "eye", "eye.m", "range"),
    *("range.step", "randperm", "tril_indices", "triu_indices", "scalar_tensor", "empty.memory_format"),
    "empty_strided",
)

_libraries: list[torch.library.Library] = []  # kept, because a library's kernels disappear with it


class OnDevice(torch.Tensor):
    """A tensor of the simulated device."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> OnDevice:
        """Wrap `held`, which must not be used elsewhere."""
        made: OnDevice = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=torch.device(NAME, 0),
            storage_size=_STORAGE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _run(func, args, kwargs or {})

    # With these two methods, a module that is moved keeps its parameter objects, as on a real device: torch
    # exchanges their contents, so every other reference to a parameter stays valid.
    def __tensor_flatten__(self) -> tuple[list[str], None]:
        """The names of the tensors inside."""
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(inner: dict[str, torch.Tensor], *_: Any) -> OnDevice:
        """The tensor that wraps `inner`."""
        return OnDevice(inner["held"])

    @property  # type: ignore[override]
    def data(self) -> torch.Tensor:
        """As on a real device: the same values, detached from autograd."""
        found: torch.Tensor = torch.Tensor.data.__get__(self)  # type: ignore[attr-defined]
        return found

    @data.setter
    def data(self, value: torch.Tensor) -> None:
        # A real device accepts a CPU tensor here, and the next operation fails because it mixes devices.
        if not isinstance(value, OnDevice):
            raise _two_devices("set_data")
        torch.Tensor.data.__set__(self, value)  # type: ignore[attr-defined]
        self.held = value.held

    def numpy(self, *, force: bool = False) -> Any:
        """As on a real device: only with `force`, which copies."""
        if not force:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first."
            )
        return self.detach().cpu().numpy(force=True)

    def apply_(self, _function: Any) -> Any:
        """As on a real device: not available."""
        raise TypeError("apply_ is only implemented on CPU tensors")

    def map_(self, _other: Any, _function: Any) -> Any:
        """As on a real device: not available."""
        raise TypeError("map_ is only implemented on CPU tensors")

    def tolist(self) -> Any:
        """A copy of the values."""
        return self.detach().cpu().tolist()

    def __repr__(self, **_options: Any) -> str:  # type: ignore[override]
        inner = repr(self.detach().cpu())
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"{inner[:-1]}, device='{self.device}'{grad})"


OnDevice.__name__ = OnDevice.__qualname__ = "Tensor"  # its name in reports and error messages


def install() -> None:
    """Give this process the device `gpu:0`, for good."""
    if _libraries:
        return
    _setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("aten", "IMPL")
    for name in _FACTORIES:
        packet, _, overload = name.partition(".")
        library.impl(name, _factory(getattr(getattr(_aten, packet), overload or "default")), "PrivateUse1")
    library.impl("_copy_from", _copy_from, "PrivateUse1")
    _libraries.append(library)


@contextmanager
def keeping_parameters() -> Iterator[None]:
    """Within this context, a module that is moved keeps its parameter objects, as with a real device."""
    exchanging = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        yield
    finally:
        torch.__future__.set_swap_module_params_on_conversion(exchanging)


def _factory(func: Any) -> Callable[..., OnDevice]:
    def make(*args: Any, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> OnDevice:
        return OnDevice(func(*args, device=_HERE, **kwargs))

    return make


def _copy_from(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    _held(target).copy_(_held(source))
    return target


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one operation that has a tensor of the device among its arguments."""
    _refuse_mixtures(func, args, kwargs)
    wanted = kwargs.get("device")
    device = torch.device(wanted) if wanted is not None else None
    if device is not None:
        kwargs = {**kwargs, "device": _HERE}
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type != NAME:
        told = f"Expected a '{NAME}' device type for generator but found '{generator.device.type}'"
        raise RuntimeError(told)
    result = func(*tree_map(_held, args), **tree_map(_held, kwargs))
    if torch.Tag.inplace_view in func.tags:  # such as t_(): the wrapper's shape has to change as well
        with no_dispatch():
            func(*args, **kwargs)
        return args[0]
    written = list(_written(func, args, kwargs))
    if written:
        for tensor in written:
            _follow(tensor)
        return _as_returned(func, args, kwargs, result)
    if device is not None and device.type != NAME:
        return result
    return tree_map(_wrapped, result)


def _as_returned(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
    """The results of an operation that writes into arguments: those same arguments, and any new tensors."""
    names = _named(func, args, kwargs)
    returns = func._schema.returns
    values = [result] if len(returns) == 1 else list(result or ())
    found = []
    for description, value in zip(returns, values, strict=True):
        alias = description.alias_info
        if alias is None or not alias.is_write:
            found.append(tree_map(_wrapped, value))
            continue
        same = (
            names[argument.name]
            for argument in func._schema.arguments
            if argument.alias_info is not None and argument.alias_info.before_set == alias.before_set
        )
        found.append(next(same))
    return found[0] if len(returns) == 1 else tuple(found)


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[OnDevice]:
    names = _named(func, args, kwargs)
    for argument in func._schema.arguments:
        if argument.alias_info is not None and argument.alias_info.is_write:
            flat, _ = tree_flatten(names.get(argument.name))
            yield from (tensor for tensor in flat if isinstance(tensor, OnDevice))


def _named(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    names = [argument.name for argument in func._schema.arguments]
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _follow(tensor: OnDevice) -> None:
    """Give a wrapper the shape of its contents, which `out=` may have resized."""
    held = tensor.held
    if tensor.shape != held.shape or tensor.stride() != held.stride():
        with no_dispatch():
            tensor.as_strided_(held.size(), held.stride(), held.storage_offset())


def _refuse_mixtures(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise the error that CUDA raises if an operation mixes tensors on two devices.

    Raises:
        RuntimeError: this operation does, and isn't one of those that may.
    """
    flat, _ = tree_flatten((args, kwargs))
    here = [
        tensor for tensor in flat if isinstance(tensor, torch.Tensor) and not isinstance(tensor, OnDevice)
    ]
    if not here or func in _COPIES:
        return
    if func in _INDEXING and isinstance(args[0], OnDevice):
        values = args[2] if len(args) > 2 else None
        if not isinstance(values, torch.Tensor) or isinstance(values, OnDevice) or values.dim() == 0:
            return
    target = func._schema.arguments[0].alias_info
    into_here = target is not None and target.is_write and not isinstance(args[0], OnDevice)
    into_here = into_here or any(tensor is kwargs.get("out") for tensor in here)
    takes_numbers = torch.Tag.pointwise in func.tags or func in _TAKE_NUMBERS
    if takes_numbers and not into_here and all(tensor.dim() == 0 for tensor in here):
        return
    raise _two_devices(func._schema.name.partition("::")[2])


def _two_devices(operation: str) -> RuntimeError:
    return RuntimeError(
        f"Expected all tensors to be on the same device, but found at least two devices, {NAME}:0 and cpu! "
        f"(in {operation})"
    )


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


def _wrapped(value: Any) -> Any:
    # Lazy conjugation and negation are flags that a wrapper doesn't have, so they are carried out here.
    return OnDevice(value.resolve_conj().resolve_neg()) if isinstance(value, torch.Tensor) else value

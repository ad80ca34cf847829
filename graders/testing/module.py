"""An object that lives in the student process: a layer, a network, or whatever a class of theirs makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from graders.sandbox.child import Answer
from graders.sandbox.inside.wire import Handle

from .narrowing import Entries, broken, records
from .reply import Reply


class Questions(Protocol):
    """Whatever passes a question on to the process in which the object lives."""

    def ask(self, target: Module, /, *args: Any, **kwargs: Any) -> Reply:
        """Call the object."""

    def question(self, ask: str, within: float | None = None, /, **fields: Any) -> Answer:
        """One question in the wire's own terms."""


@dataclass(frozen=True)
class Description:
    """A module's contents, as it reports them."""

    type: str
    training: bool
    parameters: list[tuple[str, Tensor]]
    identities: list[int]
    """A number for each parameter object; different objects have different numbers."""
    trainable: dict[str, bool]
    buffers: list[tuple[str, Tensor]]
    state: Entries
    modules: list[tuple[str, str, bool, int, bool]]
    """Name, class name, training mode, number of hooks, whether it is a leaf."""


class Module:
    """An object that lives in the student process."""

    def __init__(self, submission: Questions, handle: Handle, title: str) -> None:
        self._submission = submission
        self.handle = handle
        self.title = title

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._submission.ask(self, *args, **kwargs).value

    @property
    def type(self) -> str:
        """The name of its class."""
        return self.handle.type

    def is_module(self) -> bool:
        """Whether it is a `torch.nn.Module`."""
        return bool(self._question("describe")["is_module"])

    def describe(self) -> Description:
        """Parameters, buffers, submodules and modes as they are now.

        Raises:
            Raised: it isn't a module.
        """
        found = self._question("describe")
        if not found["is_module"]:
            raise broken("TypeError", f"an object of type {found['type']} is not a torch.nn.Module")
        return Description(
            type=found["type"],
            training=found["training"],
            parameters=[(name, tensor) for name, tensor, _ in found["parameters"]],
            identities=found["identities"],
            trainable={name: trainable for name, _, trainable in found["parameters"]},
            buffers=[(name, tensor) for name, tensor in found["buffers"]],
            state=Entries(found["state"]),
            modules=[
                (name, kind, training, hooks, leaf) for name, kind, training, hooks, leaf in found["modules"]
            ],
        )

    def assign(self, tensors: Sequence[Tensor]) -> None:
        """Set the parameters, in the module's own order."""
        self._question("assign", tensors=list(tensors))

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict`, strictly."""
        self._question("load_state", state=dict(state))

    def convert(
        self, dtype: torch.dtype | None = None, training: bool | None = None, device: str | None = None
    ) -> Module:
        """`.to(dtype)`, `.train(training)`, `.to(device)`; returns the module."""
        self._question("convert", dtype=dtype, training=training, to=device)
        return self

    def attribute(self, name: str) -> Any:
        """One attribute."""
        return self._question("attribute", name=name)

    def calls(self) -> list[dict[str, bool]]:
        """What a `Recorder` noted about each call: training mode, and whether gradients were tracked."""
        return records(self.attribute("calls"))

    def fit(
        self, batches: Sequence[tuple[Tensor, Tensor]], *, epochs: int, lr: float, momentum: float = 0.0
    ) -> None:
        """Train it with plain SGD on cross-entropy, in the sandbox's own loop."""
        self._question("fit", batches=list(batches), epochs=epochs, lr=lr, momentum=momentum)

    def _question(self, ask: str, **fields: Any) -> Any:
        return self._submission.question(ask, object=self.handle, **fields).value

"""The warm parent: one process that has imported torch and forks student processes on request.

Nothing here imports torch, so a process can start a parent while it is still importing torch itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .errors import SandboxFailure
from .limits import Limits
from .tiers import HIDDEN, Tier

if TYPE_CHECKING:
    from .child import Child

_INSIDE = Path(__file__).parent / "inside"
_BOOT = f"""
import importlib.abc, importlib.util, json, os, sys
with os.fdopen(int(sys.argv[1])) as pipe:
    sources = json.load(pipe)
class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name in sources:
            return importlib.util.spec_from_loader(name, self, is_package=name == "sandbox")
        if name in {HIDDEN}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
    def exec_module(self, module):
        exec(compile(sources[module.__name__], "<" + module.__name__ + ">", "exec"), module.__dict__)
sys.meta_path.insert(0, Sources())
importlib.import_module("sandbox.boot").main(*map(int, sys.argv[2:]))
"""
_START_SECONDS = 120.0
_SOCKET_BYTES = 2 << 20  # so that most answers are sent in one piece; the system may allow less
_LINUX = sys.platform == "linux"
ACCELERATOR = "gpu"  # the simulated one's name in torch
# Workspaces that make results reproducible (https://docs.nvidia.com/cuda/cublas, reproducibility), and no
# cache files for compiled kernels.
_FOR_CUDA = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "CUDA_CACHE_DISABLE": "1"}


class WarmParent:
    """A process that has imported torch and forks student processes on request."""

    def __init__(self, tier: Tier, device: str | None = None) -> None:
        """Start one.

        Args:
            tier: the walls around it and its children.
            device: a device of the machine that every child gets, with the walls that work with it.
        """
        self.tier = tier
        self.device = device
        self._beside: dict[str, WarmParent] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="cnn-by-hand-")
        self._start()

    def _start(self) -> None:
        kind = socket.SOCK_SEQPACKET if _LINUX else socket.SOCK_STREAM
        origins = ("free", "by hand", "accelerator") if self.device is None else ("free",)
        pairs = {name: socket.socketpair(socket.AF_UNIX, kind) for name in origins}
        self._controls = {name: ours for name, (ours, _) in pairs.items()}
        source_read, source_write = os.pipe()
        fds = (source_read, *(theirs.fileno() for _, theirs in pairs.values()))
        command = [sys.executable, "-I", "-B", "-c", _BOOT, *map(str, fds)]
        with contextlib.ExitStack() as in_this_process:
            for _, theirs in pairs.values():
                in_this_process.enter_context(theirs)
            self._process = subprocess.Popen(
                self.tier.around(command, self.device),
                pass_fds=fds,
                env=_environment(self.device),
                cwd=self._scratch.name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        os.close(source_read)
        names = ["__init__", *(path.stem for path in _INSIDE.glob("*.py") if path.stem != "__init__")]
        sources = {
            ("sandbox" if n == "__init__" else f"sandbox.{n}"): (_INSIDE / f"{n}.py").read_text()
            for n in names
        }
        # If the process has ended already, the first request reports it.
        with contextlib.suppress(BrokenPipeError), os.fdopen(source_write, "w") as pipe:
            json.dump(sources, pipe)
        self._ready = False

    def spawn(
        self,
        *,
        by_hand: bool = False,
        autograd: bool = True,
        imports: tuple[str, ...] = (),
        limits: Limits,
        device: str | None = None,
    ) -> Child:
        """A fresh, locked-down child that has seen no submission yet.

        Args:
            by_hand: whether to refuse torch's own convolutions and poolings.
            autograd: if false, nothing in the process can be differentiated.
            imports: modules to load before the walls go up.
            device: `ACCELERATOR`, or a device of the machine.

        Raises:
            SandboxFailure: the parent is gone or the child couldn't be locked down.
        """
        if device not in (self.device, ACCELERATOR):
            beside = self._parent_beside(device)
            return beside.spawn(autograd=autograd, imports=imports, limits=limits, device=device)
        if self._process.poll() is not None:  # whatever ended it must not affect the next submission
            self._stop()
            self._start()
        self._await_ready()
        from .child import Child

        wire, their_wire = socket.socketpair()
        for end in (wire, their_wire):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        output, their_output = os.pipe()
        notices, their_notices = os.pipe()
        os.set_blocking(their_notices, False)  # the student's side must not wait for us either
        if _LINUX:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        request = {
            "do": "fork",
            "imports": list(imports),
            "by_hand": by_hand,
            "autograd": autograd,
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": int(limits.cpu_seconds * 100),
            "landlock": self.tier.landlock,
            "seccomp": self.tier.seccomp,
            "device": self.device,
            # With bubblewrap, `/tmp` belongs to the parent and disappears with it.
            "scratch": "/tmp" if self.tier.bubblewrap else self._scratch.name,
        }
        with their_wire:
            origin = "accelerator" if device == ACCELERATOR else "by hand" if by_hand else "free"
            theirs = [their_wire.fileno(), their_output, their_notices]
            reply = self._request(origin, request, theirs)
        os.close(their_output)
        os.close(their_notices)
        memory_watched = self.device is not None  # a driver reserves far more address space than it uses
        child = Child(self, origin, reply["pid"], wire, output, notices, limits, memory_watched)
        child.await_ready()
        return child

    def _parent_beside(self, device: str | None) -> WarmParent:
        """The warm parent for another device, started when it is first needed."""
        if device is None:
            raise ValueError("a warm parent for a device has no other children")
        if device not in self._beside:
            self._beside[device] = WarmParent(self.tier, device)
        return self._beside[device]

    def reap(self, origin: str, pid: int) -> dict[str, Any]:
        """Make sure that a child is dead and report how it ended; `pid` is its id as seen by the parent."""
        return self._request(origin, {"do": "reap", "pid": pid}, [])

    def _await_ready(self) -> None:
        if self._ready:
            return
        for origin, control in self._controls.items():
            control.settimeout(_START_SECONDS)
            hello = self._read_control(origin)
            if hello["threads"] != 1:
                told = f"the warm parent runs {hello['threads']} threads"
                raise SandboxFailure(f"{told}; forking it would not be safe")
        self._ready = True

    def _request(self, origin: str, request: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        try:
            socket.send_fds(self._controls[origin], [json.dumps(request).encode()], fds)
        except OSError as error:
            self._process.kill()
            raise SandboxFailure(f"the warm parent is gone ({error})") from None
        return self._read_control(origin)

    def _read_control(self, origin: str) -> dict[str, Any]:
        try:
            data = self._controls[origin].recv(1 << 16)
        except OSError as error:
            self._process.kill()  # so that a fresh one is started next time
            raise SandboxFailure(f"the warm parent does not answer ({error})") from None
        if not data:
            self._process.kill()
            _, said = self._process.communicate(timeout=10)
            raise SandboxFailure(f"the warm parent ended: {said.decode(errors='replace')[-500:]}")
        return dict(json.loads(data))

    def close(self) -> None:
        """End the parent and all its children."""
        for other in self._beside.values():
            other.close()
        self._beside.clear()
        self._stop()
        self._scratch.cleanup()

    def _stop(self) -> None:
        for control in self._controls.values():
            control.close()
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def __enter__(self) -> WarmParent:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _environment(device: str | None) -> dict[str, str]:
    one_thread = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return {
        **kept,
        **dict.fromkeys(one_thread, "1"),
        **(_FOR_CUDA | _chosen_cards() if device == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}),
        "HOME": "/nonexistent",
        "LOGNAME": "student",  # some releases of torch ask for it when they are imported
        "LANG": "C.UTF-8",
    }


def _chosen_cards() -> dict[str, str]:
    """The GPUs that the user who grades has chosen."""
    name = "CUDA_VISIBLE_DEVICES"
    return {name: os.environ[name]} if name in os.environ else {}

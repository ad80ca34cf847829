"""Attacks the sandbox before anybody else does, with a handful of small attacks like those of a submission.

Each runs in a student process and is loaded and called in the ordinary way. None does harm if it succeeds.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .child import Child
from .errors import OutOfMemory, Raised, StudentError
from .limits import Limits
from .warm_parent import WarmParent

_LIMITS = Limits(cpu_seconds=5.0, memory_bytes=256 << 20)
_ATTACKS = """
import os, signal, socket, sys, threading

def read_a_file(path):
    with open(path, "rb") as file:
        return f"read {len(file.read())} bytes of {path}"

def read_a_file_in_backward(path):
    import torch
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
    class Reading(torch.autograd.Function):  # whose backward runs in a thread of the device
        @staticmethod
        def forward(ctx, X):
            return X * 2
        @staticmethod
        def backward(ctx, G):
            found.append(read_a_file(path))
            return G
    found = []
    Reading.apply(torch.ones(2, device=device, requires_grad=True)).sum().backward()
    return found[0]

def list_a_folder(path):
    return f"saw {len(os.listdir(path))} entries"

def write_a_file(path):
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    return f"created {path}"

def open_a_socket(path):
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    return "opened an internet socket"

def start_a_process(path):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return "forked"

def signal_the_parent(path):
    os.kill(os.getppid(), 0)  # signal 0 only asks whether one could
    return "reached the parent process"

def make_hidden_memory(path):
    os.close(os.memfd_create("attack"))
    return "created memory that no limit counts"

def take_too_much_memory(path):
    return f"took {len(bytearray(1 << 30)) >> 20} MiB"

def raise_a_limit(path):
    import resource
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    return "changed its own limits"

def run_a_program(path):
    os.execv(sys.executable, [sys.executable, "-c", ""])
"""
_NAMES = (
    *(
        "read_a_file",
        "read_a_file_in_backward",
        "list_a_folder",
        "write_a_file",
        "open_a_socket",
        "start_a_process",
        "signal_the_parent",
    ),
    *("make_hidden_memory", "take_too_much_memory", "raise_a_limit", "run_a_program"),
)


@dataclass(frozen=True)
class Finding:
    """The outcome of one attack.

    Attributes:
        attack: what was tried.
        possible: whether it succeeded, which it must not.
        detail: what the attack reached, or how it was refused.
    """

    attack: str
    possible: bool
    detail: str


def attack_ourselves(parent: WarmParent) -> list[Finding]:
    """Try every attack on `parent`'s tier.

    Raises:
        SandboxFailure: no student process could be started.
    """
    findings = []
    child: Child | None = None
    with tempfile.TemporaryDirectory(prefix="cnn-by-hand-attack-") as folder:
        for name in _NAMES:
            if child is None or not child.alive:
                child = _loaded(parent)
            findings.append(_attack(child, name, _aim(name, Path(folder))))
    if child is not None:
        child.end()
    return findings


def _loaded(parent: WarmParent) -> Child:
    child = parent.spawn(imports=("resource",), limits=_LIMITS, device=parent.device)
    child.ask({"ask": "load", "files": {"attack.py": _ATTACKS}, "module": "attack"})
    return child


def _aim(name: str, folder: Path) -> str:
    """The target of an attack. It must exist, because a missing target would look like a wall that holds."""
    if name == "write_a_file":
        return str(folder / "attack")
    return os.sep if name == "list_a_folder" else str(Path(os.__file__))


def _attack(child: Child, name: str, path: str) -> Finding:
    title = name.replace("_", " ")
    try:
        answer = child.ask({"ask": "call", "target": name, "args": [path], "kwargs": {}})
    except Raised as raised:
        refused = raised.is_a("OSError") or raised.is_a("ValueError")
        return Finding(title, not refused, f"{raised.type}: {raised.message}")
    except OutOfMemory:
        return Finding(title, name != "take_too_much_memory", "refused for lack of memory")
    except StudentError as error:  # the process was lost, so the attack had an effect
        return Finding(title, True, f"the process was lost: {error}")
    return Finding(title, True, str(answer.value)[:200])

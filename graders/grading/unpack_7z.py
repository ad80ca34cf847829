"""Archives are unpacked by a process that has py7zr loaded before it is forked, where one is a .7z."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import seven_zip  # noqa: F401  (loading it takes longer than the rest)
from .archives import unpack


def unpack_7z(job: Mapping[str, Any]) -> dict[str, Any]:
    """Do as `archives.unpack` does."""
    return unpack(job)

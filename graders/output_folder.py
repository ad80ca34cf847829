"""Whether a command can write where it is told to: found out before anything slow begins."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, which need not exist; nothing is left behind.

    Raises:
        ValueError: they cannot; the text says why.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise ValueError(f"{folder} cannot be written: {there} is not a folder")
    try:
        tempfile.TemporaryFile(dir=there).close()  # tried, since permissions alone do not tell
    except OSError as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror}") from None


def check_new(folder: Path) -> None:
    """Make sure that a folder is new or empty, and can be written into.

    Raises:
        FileExistsError: it holds something already.
        ValueError: it cannot be written into.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} is not empty; choose a new folder, so that nobody's work is overwritten"
        )
    check_writable(folder)

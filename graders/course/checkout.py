"""The source checkout, for the few commands that write into it; an installed package has none."""

from __future__ import annotations

from pathlib import Path


def in_checkout(path: Path) -> Path:
    """The path, if it lies in a checkout of the source.

    An installed package is overwritten by its next release, so nothing is written into one.

    Args:
        path: a file or folder at the top of the checkout.

    Raises:
        FileNotFoundError: this is an installed package.
    """
    if not (path.parent / "pyproject.toml").is_file():
        raise FileNotFoundError(
            f"{path.name}/ is written in a checkout of the source, and this package is installed in "
            f"{path.parent}. Run the command in a checkout."
        )
    return path

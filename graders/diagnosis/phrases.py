"""How sentences about mistakes are joined. What is said of each stands in the `words.toml` files."""

from __future__ import annotations

from collections.abc import Sequence


def either(sentences: Sequence[str]) -> str:
    """One sentence, or several of which one is true."""
    different = list(dict.fromkeys(sentences))
    return different[0] if len(different) == 1 else "One of these: " + " Or: ".join(different)


def besides(one: str, other: str) -> str:
    """Two sentences that are both true."""
    return f"{one} Also: {other[0].lower()}{other[1:]}"


def builds_on(task: str, sentence: str) -> str:
    """A sentence about a function, said of a layer that calls it."""
    return f"The layer builds on {task}, and that's where the mistake is. {sentence}"

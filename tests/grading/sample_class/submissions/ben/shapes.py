"""Small things used by every exercise."""
from __future__ import annotations


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    a, b = value if len(value) == 2 else (value[0], value[0])
    return int(a), int(b)


def reject(condition: bool, message: str) -> None:
    if condition:
        raise ValueError(message)

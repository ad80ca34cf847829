"""People's names: kept as they are, made safe as file names, and made unique before anything is graded."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

MAX_NAME_BYTES = 150
_UNSAFE = re.compile(r'[/\\<>:"|?*]')  # path separators, and what Windows forbids in a file's name
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # they spell Persian and Indic names


def safe_name(text: str) -> str:
    """A name in composed form (NFC) without characters that have a meaning for paths, terminals or pages."""
    composed = unicodedata.normalize("NFC", text.encode(errors="replace").decode())
    visible = "".join("_" if c in "\t\n\r" else c for c in composed)
    visible = "".join(
        c
        for c in visible
        if c in _JOINERS or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    )
    return _cut(_UNSAFE.sub("_", visible), MAX_NAME_BYTES).strip(" .") or "unnamed"


def apart(names: Sequence[str], qualifiers: Sequence[Sequence[str]]) -> list[str]:
    """The names, with a qualifier added to those that several people share.

    On many machines, file names that differ only in case are the same file, so case doesn't make names
    different. The qualifier comes from the hand-in itself and never from the order of the others.

    Args:
        names: safe names.
        qualifiers: for each name, the possible qualifiers, the best first, such as the person's number on the
            platform; the last must be different for everybody.
    """
    shared = Counter(map(str.casefold, names))
    found = [
        name if shared[name.casefold()] == 1 else _qualified(name, ways, names, qualifiers)
        for name, ways in zip(names, qualifiers, strict=True)
    ]
    taken = Counter(map(str.casefold, found))
    return [
        name if taken[name.casefold()] == 1 else f"{_cut(name, MAX_NAME_BYTES - 11)} ({_digest(ways[-1])})"
        for name, ways in zip(found, qualifiers, strict=True)
    ]


def _qualified(
    name: str, ways: Sequence[str], names: Sequence[str], qualifiers: Sequence[Sequence[str]]
) -> str:
    """The name with the first qualifier that nobody else of that name has."""
    same = [w for other, w in zip(names, qualifiers, strict=True) if other.casefold() == name.casefold()]
    for place, way in enumerate(ways[:-1]):
        if [w[place].casefold() for w in same].count(way.casefold()) == 1:
            if not way:  # only the others have this qualifier, which tells them apart
                return name
            added = safe_name(way)
            return f"{_cut(name, MAX_NAME_BYTES - len(added.encode()) - 3)} ({added})"
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]


def _cut(text: str, most: int) -> str:
    return text.encode()[: max(most, 20)].decode(errors="ignore")

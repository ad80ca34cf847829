"""What a file is, judging by its name: code, an archive, code saved as text, something else, or junk."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import PurePosixPath

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar", ".7z", ".rar")
_PACKED = (".py.gz", ".ipynb.gz")
_CODE = (".py", ".ipynb")
_AS_TEXT = re.compile(
    r"(?P<code>.+\.(?:py|ipynb))\.(?:txt|json|text|html?|bak|old|orig|save|download)", re.IGNORECASE
)
_DOCUMENTS = (".pdf", ".doc", ".docx", ".odt", ".rtf", ".pages", ".html", ".htm", ".tex", ".ppt", ".pptx")
# Python or pytest would run these automatically; none of them has a task in it.
_STARTS_BY_ITSELF = {"conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "__main__.py"}
_JUNK_FOLDERS = {"__pycache__", "__MACOSX", "$RECYCLE.BIN"}
_JUNK_FILES = {"thumbs.db", "desktop.ini", "icon\r", "timestamp.txt"}
_INSTALLED = {"venv", "site-packages", "node_modules"}
# Files of the student kit, which are in every hand-in of a whole folder.
_OF_THE_KIT = re.compile(
    r"(^|/)(exercises/__main__\.py|hints\.json|images/([\w-]+-ubyte\.gz|README\.txt)"
    r"|checks/(__init__|helpers|notebook|test_\w+)\.py)$"
)


class Kind(Enum):
    """How a file is treated."""

    CODE = "code"
    ARCHIVE = "archive"
    AS_TEXT = "code saved as text"
    DOCUMENT = "document"
    STARTS_BY_ITSELF = "starts by itself"
    INSTALLED = "installed"
    OTHER = "other"
    JUNK = "junk"


READABLE = (Kind.CODE, Kind.ARCHIVE, Kind.AS_TEXT)
"""The kinds of files that may have answers in them."""


def kind_of(path: str) -> Kind:
    """The kind of a file by its relative path."""
    parts = PurePosixPath(path).parts
    name = parts[-1].lower() if parts else ""
    if any(part.startswith(".") or part in _JUNK_FOLDERS for part in parts) or name in _JUNK_FILES:
        return Kind.JUNK
    if _OF_THE_KIT.search(path) or name.endswith((".pyc", ".pyo")):
        return Kind.JUNK
    if any(part in _INSTALLED for part in parts[:-1]):
        return Kind.INSTALLED
    if name in _STARTS_BY_ITSELF:
        return Kind.STARTS_BY_ITSELF
    if name.endswith(_CODE):
        return Kind.CODE
    if name.endswith((*ARCHIVES, *_PACKED)):
        return Kind.ARCHIVE
    if _AS_TEXT.fullmatch(name):
        return Kind.AS_TEXT
    return Kind.DOCUMENT if name.endswith(_DOCUMENTS) else Kind.OTHER


def code_name(path: str) -> str:
    """`conv2d.py` for `conv2d.py.txt`."""
    found = _AS_TEXT.fullmatch(path)
    return found["code"] if found else path


def stem_of(name: str) -> str:
    """A file's name without its extension: `hw` for `hw.tar.gz` and `hw.ipynb`."""
    lower = name.lower()
    for suffix in (*ARCHIVES, *_PACKED):
        if lower.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    text = code_name(name)
    return PurePosixPath(text).stem if text.lower().endswith((*_CODE, *_DOCUMENTS)) else name

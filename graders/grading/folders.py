"""Who handed in what if no platform named the files: folders, archives and files named by hand."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from graders.testing.remarks import Problem

from .exercise_names import name_parts
from .file_kinds import READABLE, Kind, code_name, kind_of, stem_of
from .files import Item, Source
from .patterns import MOODLE, people_in, refusal
from .platforms import Found
from .tree import Entry, Tree

_WORDS = """
hw homework week lab ex exercise exercises task tasks assignment assignments sheet ps problem
solution solutions solved final draft copy of kopie old new my mine v version attempt submission
answer answers helper helpers util utils stub part nb notebook notebooks cnn done backup fixed real
complete template starter nr no chapter module src source code script scripts lib kit course class
unit day data test tests check checks image images archive tmp temp wip
"""
_NOBODY = frozenset(_WORDS.split())
"""Words in the names of files and folders that aren't people's names."""


def _names_nobody(text: str) -> bool:
    """Whether a part of a file's name has only numbers, signs and words that identify nobody."""
    return all(word in _NOBODY for word in re.findall(r"[^\W\d_]+", text.lower()))


def git(tree: Tree) -> Found | None:
    """A folder of git clones, one for each student."""
    folders = [entry for entry in tree.entries if entry.is_folder and not entry.is_link]
    if not folders or not all(tree.below(entry).has(".git") for entry in folders):
        return None
    sources = tuple(Source(entry.name, tree.root, (Item(entry.path),)) for entry in folders)
    rest = [entry for entry in tree.entries if entry not in folders]
    return Found(
        sources, tuple(Problem(entry.path, None, "isn't a clone of a student's repository") for entry in rest)
    )


def one(tree: Tree) -> Found:
    """Everything as the hand-in of one student."""
    name = stem_of(tree.name) if not tree.top and tree.members is not None else tree.name
    if tree.members is None and not tree.top:
        return Found((Source(name, tree.root.parent, (Item(tree.root.name),)),))
    items = tuple(Item(entry.path, "" if entry.is_folder else entry.name) for entry in tree.entries)
    return Found((Source(name, tree.root, items),))


def is_one(tree: Tree) -> bool:
    """Whether a folder is one student's: files for different exercises, with one person's name or none."""
    parts = [(entry, name_parts(code_name(entry.name))) for entry in tree.entries if not entry.is_folder]
    named = [(entry, found) for entry, found in parts if found is not None]
    holders = [entry for entry in tree.entries if _is_students(tree, entry)]
    exactly = [exercise for _, (before, exercise, after) in named if not before and not after]
    if len(holders) >= 2 or not named or (holders and holders[0].is_folder and len(set(exactly)) == 1):
        return False
    if exactly:
        return True
    who = {_who(before, after) for _, (before, _, after) in named}
    exercises = [exercise for _, (_, exercise, _) in named]
    return not holders and len(who) == 1 and len(exercises) == len(set(exercises))


def each(tree: Tree) -> Found:
    """A folder, an archive or files for each student."""
    sources: list[Source] = []
    passed_over: list[Problem] = []
    loose: dict[str, list[Entry]] = defaultdict(list)
    for entry in tree.entries:
        if entry.is_link:
            passed_over.append(Problem(entry.path, None, "is a link; links are not followed"))
        elif entry.is_folder:
            below = tree.below(entry)
            people = people_in(inner.name for inner in below.entries) or _people_below(below)
            if len(people) > 1:
                passed_over.append(Problem(entry.path, None, refusal(people)))
            else:
                sources.append(_folder_of(entry, tree))
        elif kind_of(entry.name) in READABLE:
            _loose(entry, loose, passed_over)
        else:
            is_document = kind_of(entry.name) is Kind.DOCUMENT
            what = (
                "is a document; only code is graded"
                if is_document
                else "isn't a folder, archive, notebook or .py file"
            )
            passed_over.append(Problem(entry.path, None, what))
    for name, entries in loose.items():
        items = tuple(Item(entry.path, _called(entry.name, len(entries))) for entry in entries)
        sources.append(Source(name, tree.root, items))
    return Found(tuple(sources), tuple(passed_over))


def holds_several(tree: Tree) -> bool:
    """Whether a single .zip is a class: several folders have the same exercises, or it has only archives."""
    entries = [entry for entry in tree.entries if entry.is_folder or kind_of(entry.name) is not Kind.OTHER]
    archives = [entry for entry in entries if not entry.is_folder and kind_of(entry.name) is Kind.ARCHIVE]
    if len(archives) >= 2 and len(archives) == len(entries):
        return True
    return len(_people_below(tree)) > 1


def _people_below(tree: Tree) -> set[str]:
    """The folders of several people: named like people, and with files of the same names in them."""
    folders = [entry for entry in tree.entries if entry.is_folder and not _names_nobody(entry.name)]
    held = {entry.name: _exercise_files(tree, entry) | _notebooks(tree, entry) for entry in folders}
    times = Counter(name for names in held.values() for name in names)
    shared = {name for name, count in times.items() if count > 1}
    return {name for name, names in held.items() if names} if shared else set()


def _folder_of(entry: Entry, tree: Tree) -> Source:
    """One student's folder. A number from Moodle isn't part of the name, even if other folders have none."""
    match = MOODLE.fullmatch(entry.name)
    if match is None:
        return Source(entry.name, tree.root, (Item(entry.path),))
    ids = {"id": match["id"]} if match["id"] else {}
    return Source(match["name"], tree.root, (Item(entry.path),), ids)


def _loose(entry: Entry, loose: dict[str, list[Entry]], passed_over: list[Problem]) -> None:
    """Find out whose a loose file is."""
    parts = name_parts(code_name(entry.name))
    if parts is None:
        loose[stem_of(entry.name)].append(entry)
        return
    before, exercise, after = parts
    if not before and not after:
        passed_over.append(
            Problem(entry.path, None, f"is named after the exercise {exercise} and doesn't say whose it is")
        )
        return
    loose[_who(before, after) or stem_of(entry.name)].append(entry)


def _called(name: str, siblings: int) -> str:
    """`conv2d.py` for `lin_conv2d.py` if the student has several such files; otherwise the name unchanged."""
    parts = name_parts(code_name(name))
    if siblings == 1 or parts is None:
        return name
    before, exercise, after = parts
    return f"{exercise}{'' if _who('', after) else after}{name[len(before) + len(exercise) + len(after) :]}"


def _who(before: str, after: str) -> str:
    """The person that a file's name mentions next to its exercise; empty if nobody."""
    for part in (before, after):
        if not _names_nobody(part):
            return part.strip(" _-.()[]")
    return ""


def _is_students(tree: Tree, entry: Entry) -> bool:
    """Whether a folder or archive among loose files may be a student's."""
    if entry.is_link:
        return False
    if not entry.is_folder:
        return kind_of(entry.name) is Kind.ARCHIVE and not _names_nobody(stem_of(entry.name))
    return bool(_exercise_files(tree, entry)) and not _names_nobody(entry.name)


def _exercise_files(tree: Tree, folder: Entry) -> set[str]:
    """The exercises that a folder has a file for, named exactly like the exercise."""
    parts = (name_parts(code_name(file.name)) for file in tree.below(folder).files(4))
    return {found[1] for found in parts if found and not found[0] and not found[2]}


def _notebooks(tree: Tree, folder: Entry) -> set[str]:
    """The names of the notebooks in a folder."""
    return {file.name for file in tree.below(folder).files(4) if file.name.lower().endswith(".ipynb")}

"""Who handed in what, according to the names that each learning platform gives to exported files.

Each function examines one tree and returns what it found, or None if this isn't its platform's export. The
patterns of the names are in `patterns.py`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from graders.testing.remarks import Problem

from .exercise_names import exercise_named
from .file_kinds import READABLE, kind_of
from .files import Item, Source
from .limits import ReadingFailed, read_under_limits
from .patterns import AGAIN, BLACKBOARD, BLACKBOARD_NAME, CANVAS_IDS, CANVAS_TYPED, MOODLE
from .tree import Entry, Tree

_METADATA = "submission_metadata.yml"
_MOST_METADATA = 16 << 20


@dataclass(frozen=True)
class Found:
    """The contents of a platform's export: hand-ins under the platform's names, and what isn't a hand-in."""

    sources: tuple[Source, ...]
    passed_over: tuple[Problem, ...] = ()


# ------------------------------------------------------------------------------------------------- Canvas


@dataclass(frozen=True)
class _CanvasFile:
    path: str
    name: str
    user: str
    file: int
    original: str
    late: bool


def canvas(tree: Tree) -> Found | None:
    """Files of all students in one folder."""
    candidates = {entry: _canvas_readings(entry) for entry in tree.entries}
    typed = {entry: match for entry in tree.entries if (match := CANVAS_TYPED.fullmatch(entry.name))}
    if not _mostly(tree, [entry for entry in tree.entries if candidates[entry] or entry in typed]):
        return None
    files = _canvas_files([found for found in candidates.values() if found])
    people: dict[str, list[_CanvasFile]] = defaultdict(list)
    for file in files:
        people[file.user].append(file)
    notes: dict[str, list[Problem]] = defaultdict(list)
    names, late = {file.user: file.name for file in files}, {file.user for file in files if file.late}
    for entry, match in typed.items():
        user, name = match["user"], match["name"]
        if name.lower().endswith("_late") or name.lower() == "late":
            late.add(user)
            name = name[:-5]
        names.setdefault(user, name or user)
        kind = "text that was typed into Canvas" if match["kind"] == "text" else "a link"
        notes[user].append(Problem(entry.path, None, f"is {kind}, not a file; only files are graded"))
    sources = []
    for user, name in names.items():
        items, earlier = _latest(people[user])
        sources.append(
            Source(name, tree.root, items, {"id": user}, user in late, notes=(*earlier, *notes[user]))
        )
    strange = [entry for entry in tree.entries if not candidates[entry] and entry not in typed]
    return Found(tuple(sources), _strange(strange, "Canvas"))


def _canvas_readings(entry: Entry) -> list[_CanvasFile]:
    """All ways to read a name; with digits in a student's or a file's name, there are several."""
    found = []
    for match in CANVAS_IDS.finditer(f"_{entry.name}"):
        name = f"_{entry.name}"[: match.start()].removeprefix("_")
        late = name.lower() == "late" or name.lower().endswith("_late")
        name = name[:-5] if late else name
        if name or match["user"].startswith("anon_"):
            found.append(
                _CanvasFile(
                    entry.path,
                    name or match["user"],
                    match["user"],
                    int(match["file"]),
                    match["original"],
                    late,
                )
            )
    return found


def _canvas_files(candidates: list[list[_CanvasFile]]) -> list[_CanvasFile]:
    """One reading for each file: the first, unless it gives several files one id, which Canvas never does."""
    ids = Counter(found[0].file for found in candidates)
    return [found[0] if ids[found[0].file] == 1 or len(found) == 1 else found[1] for found in candidates]


def _latest(files: Iterable[_CanvasFile]) -> tuple[tuple[Item, ...], list[Problem]]:
    """The latest file of each name, under its original name, without what Canvas adds to later versions."""
    files = sorted(files, key=lambda file: file.file)
    originals = {file.original for file in files}
    latest: dict[str, _CanvasFile] = {}
    earlier: list[_CanvasFile] = []
    for file in files:
        called = _before_again(file.original, originals)
        if called in latest:
            earlier.append(latest[called])
        latest[called] = file
    items = tuple(Item(file.path, called) for called, file in latest.items())
    current = {_before_again(file.original, originals): file.path for file in latest.values()}
    notes = [
        Problem(
            file.path,
            None,
            f"is left out: {current[_before_again(file.original, originals)]} was handed in later",
        )
        for file in earlier
    ]
    return items, notes


def _before_again(original: str, originals: set[str]) -> str:
    """`conv2d.py` for `conv2d-1.py`, if Canvas added the number."""
    match = AGAIN.fullmatch(original)
    if match is None:
        return original
    plain = match["stem"] + match["suffix"]
    is_exercise = exercise_named(plain) is not None and exercise_named(plain) == match["stem"].lower()
    return plain if is_exercise or plain in originals else original


# ------------------------------------------------------------------------------------------------- Moodle


def moodle(tree: Tree) -> Found | None:
    """A folder or prefixed files for each student."""
    matches = {entry: MOODLE.fullmatch(entry.name) for entry in tree.entries}
    if not _mostly(tree, [entry for entry, match in matches.items() if match]):
        return None
    items: dict[tuple[str, str], list[Item]] = {}
    notes: dict[tuple[str, str], list[Problem]] = defaultdict(list)
    for entry, match in matches.items():
        if match is None:
            continue
        person = (match["name"], match["id"] or "")
        items.setdefault(person, [])
        if match["kind"] == "file":
            items[person].append(Item(entry.path, "" if entry.is_folder else match["original"] or entry.name))
            continue
        typed = [file.path for file in tree.below(entry).files()] if entry.is_folder else [entry.path]
        what = (
            "text that was typed into Moodle"
            if match["kind"] == "onlinetext"
            else f"Moodle's {match['kind']}"
        )
        notes[person] += [
            Problem(path, None, f"is {what}, not a file; only files are graded") for path in typed
        ]
    shared = Counter(name for name, _ in items)
    sources = []
    for (name, number), theirs in items.items():
        # With anonymous grading, everybody has the same one-word name: "Participant" in the site's language.
        anonymous = number and shared[name] == len(items) and " " not in name
        ids = {"id": number} if number else {}
        sources.append(
            Source(
                f"{name} {number}" if anonymous else name,
                tree.root,
                tuple(theirs),
                ids,
                notes=tuple(notes[name, number]),
            )
        )
    return Found(tuple(sources), _strange([entry for entry, match in matches.items() if not match], "Moodle"))


# --------------------------------------------------------------------------------------------- Blackboard


def blackboard(tree: Tree) -> Found | None:
    """Files of all students in one folder, several attempts of each."""
    matches = {entry: match for entry in tree.entries if (match := BLACKBOARD.fullmatch(entry.name))}
    if not _mostly(tree, [*matches]):
        return None
    users = _blackboard_users({match["head"] for match in matches.values()})
    names: dict[str, str] = {}
    attempts: dict[str, dict[str, list[tuple[Entry, str]]]] = defaultdict(lambda: defaultdict(list))
    for entry, match in matches.items():
        head, original = match["head"], match["original"]
        attempts[head][match["when"]] += [(entry, original)] if original else []
        if original is None and not entry.is_folder:
            said = BLACKBOARD_NAME.search(tree.data(entry, 1 << 16).decode("utf-8-sig", "replace"))
            if said and head.endswith(f"_{said['user']}"):
                users[head], names[head] = said["user"], said["name"]
    sources = []
    for head, theirs in attempts.items():
        *earlier, last = sorted(theirs)
        items = tuple(Item(entry.path, "" if entry.is_folder else called) for entry, called in theirs[last])
        notes = [
            Problem(
                entry.path, None, f"is left out: it is from an earlier attempt; the one of {last} was read"
            )
            for when in earlier
            for entry, _ in theirs[when]
        ]
        ids = {"username": users[head]} | ({"name": names[head]} if head in names else {})
        sources.append(
            Source(names.get(head, users[head]), tree.root, items, ids, attempt=last, notes=tuple(notes))
        )
    return Found(tuple(sources), _strange([e for e in tree.entries if e not in matches], "Blackboard"))


def _blackboard_users(heads: set[str]) -> dict[str, str]:
    """User names from `Assignment_user`: what all of them have in common is the assignment."""
    if len(heads) == 1:
        return {head: head.rpartition("_")[2] for head in heads}
    first, last = min(heads), max(heads)
    differ = (place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    start = first.rfind("_", 0, next(differ, min(len(first), len(last)))) + 1
    return {head: head[start:] for head in heads}


# --------------------------------------------------------------------------------------------- Gradescope


def gradescope(tree: Tree) -> Found | None:
    """A folder for each submission, and a file that says whose it is; a group's counts for every member."""
    metadata = next((entry for entry in tree.entries if entry.name == _METADATA), None)
    if metadata is None:
        return None
    try:
        people = read_under_limits(gradescope_people, tree.data(metadata, _MOST_METADATA))
    except ReadingFailed as failed:
        raise ValueError(f"{metadata.path}: {failed}") from failed
    named = {submission["folder"]: submission for submission in people}
    sources: dict[str, Source] = {}
    passed_over: list[Problem] = []
    for entry in tree.entries:
        if entry is metadata:
            continue
        submission = named.pop(entry.name, None)
        if submission is None:
            passed_over.append(
                Problem(entry.path, None, f"is not listed in {_METADATA}, so its owner is unknown")
            )
            continue
        item = Item(entry.path, "" if entry.is_folder else entry.name)
        for person in submission["people"]:
            ids = {key: person[key] for key in ("sid", "email") if person.get(key)}
            ids |= {"submission": entry.name.removeprefix("submission_")}
            source = Source(
                person.get("name") or person.get("email") or person.get("sid") or entry.name,
                tree.root,
                (item,),
                ids,
                attempt=submission["when"],
            )
            key = person.get("sid") or person.get("email") or person.get("name") or entry.name
            other = sources.get(key)
            if other is None or _order(source) > _order(other):
                sources[key], other = source, other
                passed_over += [_superseded(other, source)] if other else []
            else:
                passed_over.append(_superseded(source, other))
    passed_over += [
        Problem(folder, None, f"is listed in {_METADATA} but missing from the export")
        for folder in sorted(named)
    ]
    return Found(tuple(sources.values()), tuple(passed_over))


def gradescope_people(data: bytes) -> list[dict[str, Any]]:
    """Folder, time and people of each submission in the metadata."""
    import yaml

    class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Reads Ruby's own objects, such as times with a time zone, as the plain data in them."""

    def plain(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Plain.add_multi_constructor("", plain)
    Plain.yaml_implicit_resolvers = {}  # every scalar stays text, since a student number may begin with zeros
    loaded = yaml.load(data, Loader=Plain)
    found = []
    for folder, about in (loaded if isinstance(loaded, dict) else {}).items():
        about = _plain_keys(about)
        submitters = about.get("submitters")
        people = [
            {key: str(value or "") for key, value in _plain_keys(person).items()}
            for person in (submitters if isinstance(submitters, list) else [])
        ]
        when = about.get("created_at", "")
        when = when.get("utc", "") if isinstance(when, dict) else when
        found.append({"folder": str(folder), "when": str(when), "people": people})
    return found


def _plain_keys(about: Any) -> dict[str, Any]:
    """A mapping whose keys are Ruby symbols, such as `:name:`, with plain keys."""
    return {str(key).strip(":"): value for key, value in about.items()} if isinstance(about, dict) else {}


def _order(source: Source) -> tuple[str, int]:
    number = re.sub(r"\D", "", source.ids["submission"])
    return source.attempt, int(number or 0)


def _superseded(earlier: Source, later: Source) -> Problem:
    return Problem(earlier.paths[0], None, f"is left out: {earlier.student} handed in {later.paths[0]} later")


# ----------------------------------------------------------------------------------------------- nbgrader


def nbgrader(tree: Tree) -> Found | None:
    """`submitted/student/assignment/`, inside a course or alone."""
    inner = next((entry for entry in tree.entries if entry.name == "submitted" and entry.is_folder), None)
    submitted = tree.below(inner) if inner else tree
    students = [entry for entry in submitted.entries if entry.is_folder and not entry.is_link]
    if inner is None and tree.name != "submitted":
        return None
    sources = []
    for student in students:
        below = submitted.below(student).entries
        items = tuple(Item(entry.path, "" if entry.is_folder else entry.name) for entry in below)
        sources.append(Source(student.name, tree.root, items, {"username": student.name}))
    rest = [entry for entry in submitted.entries if entry not in students]
    around = [entry for entry in tree.entries if entry is not inner] if inner else []
    return Found(
        tuple(sources),
        (
            *_strange(rest, "nbgrader"),
            *(Problem(entry.path, None, "is part of the course and wasn't handed in") for entry in around),
        ),
    )


def _mostly(tree: Tree, matching: Collection[Entry]) -> bool:
    """Whether most of what may be a hand-in matches the platform's pattern."""
    others = [
        entry
        for entry in tree.entries
        if entry not in matching and (entry.is_folder or kind_of(entry.name) in READABLE)
    ]
    return len(matching) > len(others)


def _strange(entries: Iterable[Entry], platform: str) -> tuple[Problem, ...]:
    return tuple(
        Problem(entry.path, None, f"is not named the way {platform} names files, so its owner is unknown")
        for entry in entries
    )

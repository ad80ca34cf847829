"""The class list: who should have handed in, matched with who did.

Any CSV with a column for names, numbers or addresses will do. Separators and headers differ between
platforms, so both are read leniently.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .files import Source
from .plan import Plan

_ID = re.compile(
    r"(student|user|person|sis|canvas|orgdefined|org|candidate)?\s*(id|number|no|nr|user id|login id|sid)"
    r"|id[ -]?number|identifier|username|user ?name|login|net ?id|matri\w*|学号|sid|github.*",
    re.IGNORECASE,
)
_EMAIL = re.compile(r".*(e-?mail|correo|courriel|邮箱).*", re.IGNORECASE)
_FIRST = re.compile(r"(first|given|fore)\s*names?|vorname|prénom|nombre", re.IGNORECASE)
_LAST = re.compile(r"(last|family|sur)\s*names?|nachname|nom|apellidos?", re.IGNORECASE)
_NAME = re.compile(r"(full |student |display |sortable )?names?|student|full ?name|姓名", re.IGNORECASE)
_COLUMNS = {"id": _ID, "email": _EMAIL, "first": _FIRST, "last": _LAST, "name": _NAME}
_MOST = 16 << 20


@dataclass(frozen=True)
class Person:
    """One line of a roster."""

    name: str
    ids: tuple[str, ...]
    email: str

    @property
    def shown(self) -> str:
        """How a person is displayed."""
        about = ", ".join(part for part in (*self.ids, self.email) if part)
        return f"{self.name} ({about})" if self.name and about else self.name or about


@dataclass(frozen=True)
class Matched:
    """A plan whose hand-ins have ids from the roster, and who is missing on either side."""

    plan: Plan
    missing: tuple[Person, ...]
    unknown: tuple[Source, ...]

    def summary(self) -> str:
        """Who handed in nothing, and who is not on the roster."""
        there = len(self.plan.hand_ins) - len(self.unknown)
        lines = [f"Roster: {there} of {there + len(self.missing)} handed in something"]
        if self.missing:
            lines.append(f"  handed in nothing: {'; '.join(person.shown for person in self.missing)}")
        if self.unknown:
            lines.append(f"  not on the roster: {'; '.join(source.student for source in self.unknown)}")
        return "\n".join(lines)


def read_roster(path: Path) -> tuple[Person, ...]:
    """The people of a roster.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no column holds names, numbers or addresses.
    """
    with path.open("rb") as file:
        raw = file.read(_MOST)
    try:
        text = raw.decode("utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    head = text.splitlines()[0] if text.strip() else ""
    delimiter = max(",;\t", key=head.count)
    header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
    titles = [title.strip() for title in header]
    columns = {
        kind: [place for place, title in enumerate(titles) if pattern.fullmatch(title)]
        for kind, pattern in _COLUMNS.items()
    }
    if not any(columns.values()):
        raise ValueError(
            f"{path}: the first line has no column for names, numbers or e-mail addresses: {head[:200]}"
        )
    people = []
    for row in rows:
        cells = {kind: _cells(row, places) for kind, places in columns.items()}
        name = " ".join((*cells["first"][:1], *cells["last"][:1])) or next(iter(cells["name"]), "")
        person = Person(name, cells["id"], next(iter(cells["email"]), ""))
        if person.shown and name.lower() not in ("points possible", "student, test"):
            people.append(person)
    return tuple(people)


def match(plan: Plan, people: Sequence[Person]) -> Matched:
    """The plan with each person's ids from the roster.

    People are matched by number or address; if that isn't possible, by a name that only one person has.
    """
    matched: dict[int, Person] = {}
    for place, source in enumerate(plan.hand_ins):
        same = [person for person in people if _same_id(source, person)]
        if len(same) == 1:
            matched[place] = same[0]
    for place, source in enumerate(plan.hand_ins):
        named = [person for person in people if _same_name(source, person)]
        if place in matched or len(named) != 1 or named[0] in matched.values():
            continue
        if sum(_same_name(other, named[0]) for other in plan.hand_ins) == 1:
            matched[place] = named[0]
    free = [person for person in people if person not in matched.values()]
    hand_ins = tuple(
        _knowing(source, matched[place]) if place in matched else source
        for place, source in enumerate(plan.hand_ins)
    )
    unknown = tuple(source for place, source in enumerate(plan.hand_ins) if place not in matched)
    return Matched(replace(plan, hand_ins=hand_ins), tuple(free), unknown)


def _cells(row: Sequence[str], places: Sequence[int]) -> tuple[str, ...]:
    return tuple(row[place].strip() for place in places if place < len(row) and row[place].strip())


def _knowing(source: Source, person: Person) -> Source:
    about = {"roster_id": next(iter(person.ids), ""), "roster_name": person.name, "email": person.email}
    ids = {**{key: value for key, value in about.items() if value}, **source.ids}
    return replace(source, ids=ids)


def _same_id(source: Source, person: Person) -> bool:
    keys = {key.casefold() for key in (*person.ids, person.email) if key}
    keys |= {re.sub(r"^\D+ (?=\d+$)", "", key) for key in keys}  # Moodle: "Participant 123"
    if "@" in person.email:
        keys.add(person.email.casefold().partition("@")[0])
    theirs = {value.casefold() for key, value in source.ids.items() if key not in ("name", "submission")}
    return bool(keys & (theirs or {source.student.casefold()})) or source.student.casefold() in keys


def _same_name(source: Source, person: Person) -> bool:
    if not person.name:
        return False
    name = source.ids.get("name") or re.sub(r" \([^()]*\)$", "", source.student)
    words = _words(person.name)
    joined = {"".join(words), "".join(words[-1:] + words[:-1]), "".join(words[1:] + words[:1])}
    return sorted(_words(name)) == sorted(words) or "".join(_words(name)) in joined


def _words(name: str) -> list[str]:
    """The words of a name in lower case, without accents and signs."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c)).replace("_", " "))

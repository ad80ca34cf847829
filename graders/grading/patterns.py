"""How learning platforms name the files that they export.

- Canvas (`lib/content_zipper.rb`): `name[_LATE]_userid_fileid_original`, with `-1`, `-2` before the suffix
  when a file of that name was handed in again; `_text.html` and `_link.html` for text that was typed in. With
  anonymous grading, the name is missing and the id is `anon_abcde`.
- Moodle (`mod/assign/classes/downloader.php`): folders `Full name_id_assignsubmission_file[_]`, or files with
  that prefix; `_assignsubmission_onlinetext` for text that was typed in. A group's folder has its name and
  id.
- Blackboard: `Assignment_user_attempt_2026-01-30-15-00-00[_original]`, and for each attempt a `.txt` with the
  person's name.
- Gradescope: `submission_metadata.yml` beside a folder for each submission.
- nbgrader: `submitted/student/assignment/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CANVAS_IDS = re.compile(r"(?=_(?P<user>\d+|anon_[A-Za-z0-9]{5})_(?P<file>\d+)_(?P<original>.+))", re.DOTALL)
CANVAS_TYPED = re.compile(r"(?P<name>.*?)_?(?P<user>\d+|anon_[A-Za-z0-9]{5})_(?P<kind>text|link)\.html")
AGAIN = re.compile(r"(?P<stem>.+)-(?P<number>\d+)(?P<suffix>(\.\w+)+)")
MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<original>.*))?", re.DOTALL
)
BLACKBOARD = re.compile(
    r"(?P<head>.+?)_(?:attempt|poging|intento|tentative|tentativa|tentativo|versuch|forsøk|försök)_"
    r"(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<original>.+)|\.txt)",
    re.IGNORECASE | re.DOTALL,
)
BLACKBOARD_NAME = re.compile(r"^\s*\w+:\s*(?P<name>[^\n(]+?)\s*\((?P<user>[^()\s]+)\)\s*$", re.MULTILINE)


def people_in(names: Iterable[str]) -> set[str]:
    """The people mentioned in file names of a platform's format, to check that files are one person's."""
    people = set()
    for name in names:
        moodle_name, blackboard_name = MOODLE.fullmatch(name), BLACKBOARD.fullmatch(name)
        canvas_name = re.fullmatch(r"(.+?)_(?:LATE_)?(\d{2,})_(\d{3,})_.+", name, re.DOTALL)
        if moodle_name:
            people.add(f"{moodle_name['name']} {moodle_name['id'] or ''}".strip())
        elif blackboard_name:
            people.add(blackboard_name["head"].rpartition("_")[2])
        elif canvas_name:
            people.add(f"{canvas_name[1]} {canvas_name[2]}")
    return people


def refusal(people: set[str]) -> str:
    """Why a folder or archive with files of several people isn't read as one hand-in."""
    some = ", ".join(sorted(people)[:3]) + (" and others" if len(people) > 3 else "")
    return f"is refused: it has files of {len(people)} people ({some}), which are never merged"

"""Exports of learning platforms and class folders made by hand, each with the expected result.

This is a table, so that the same cases can be tried as folders and as the .zip that a teacher downloads.
"""

from __future__ import annotations

import io
import unicodedata
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

CODE = {
    "conv2d": "def conv2d(X, K):\n    return X\n\n\ndef output_size(n, kernel):\n    return n\n\n\nclass Conv2D: ...\n",
    "pooling": "def pool2d(X, pool_size):\n    return X\n",
    "lenet": "def lenet():\n    return None\n",
}
C, P, L = CODE["conv2d"], CODE["pooling"], CODE["lenet"]


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A .zip of some files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def notebook(source: str) -> str:
    """A notebook of one cell."""
    import json

    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})


@dataclass(frozen=True)
class Export:
    """Files, and the expected plan for them.

    Attributes:
        expected: the exercises of each student.
        passed_over: files that the plan lists as not used.
        late: who was late.
        by_zip: whether a .zip of it is recognised as a class without further options.
    """

    layout: str
    files: Mapping[str, str | bytes]
    expected: Mapping[str, set[str]]
    passed_over: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    by_zip: bool = True


DECOMPOSED = unicodedata.normalize("NFD", "Zoë Müller")
BLACKBOARD_TXT = (
    "Name: {name} ({user})\nAssignment: HW 1\nDate Submitted: Friday\n\nFiles:\n\tOriginal filename: x\n"
)
GRADESCOPE = """---
submission_501:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0012'
    :email: ada@example.edu
  :created_at: 2026-11-01 10:00:00.000000000 Z
  :score: 3.0
submission_502:
  :submitters:
  - :name: Jane Doe
    :sid: '0013'
    :email: jane1@example.edu
  - :name: Jane Doe
    :sid: '0014'
    :email: jane2@example.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-11-01 11:00:00.000000000 Z
    zone: &1 !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: 2026-11-01 11:00:00.000000000 Z
  :history: []
"""

EXPORTS: dict[str, Export] = {
    "canvas: names with digits, hyphens and underscores": Export(
        "canvas",
        {
            "agent007_55_9001_conv2d.py": C,
            "van-der-bergjo_56_9002_conv2d.py": C,
            "o_malleykim_LATE_57_9003_pooling.py": P,
        },
        {"agent007": {"conv2d"}, "van-der-bergjo": {"conv2d"}, "o_malleykim": {"pooling"}},
        late={"o_malleykim"},
    ),
    "canvas: a file's own name begins with numbers": Export(
        "canvas",
        {"lovelaceada_101_9000_2026_11_conv2d.py": C, "hoppergrace_102_9001_1_2_pooling.py": P},
        {"lovelaceada": {"conv2d"}, "hoppergrace": {"pooling"}},
    ),
    "canvas: group submissions": Export(
        "canvas",
        {"projectgroup1_31_77001_conv2d.py": C, "projectgroup2_32_77002_hw.zip": zipped({"conv2d.py": C})},
        {"projectgroup1": {"conv2d"}, "projectgroup2": {"conv2d"}},
    ),
    "canvas: two people of one name": Export(
        "canvas",
        {"doejane_101_9001_conv2d.py": C, "doejane_102_9002_pooling.py": P},
        {"doejane (101)": {"conv2d"}, "doejane (102)": {"pooling"}},
    ),
    "canvas: typed text and a link beside files": Export(
        "canvas",
        {
            "lovelaceada_101_9000_conv2d.py": C,
            "lovelaceada_101_text.html": "<p>hello</p>",
            "hoppergrace_LATE_102_link.html": "<a>",
        },
        {"lovelaceada": {"conv2d"}, "hoppergrace": set()},
        passed_over={"lovelaceada_101_text.html", "hoppergrace_LATE_102_link.html"},
        late={"hoppergrace"},
    ),
    "canvas: graded anonymously": Export(
        "canvas",
        {"anon_aB3dE_9000_conv2d.py": C, "LATE_anon_Zz9x1_9001_pooling.py": P},
        {"anon_aB3dE": {"conv2d"}, "anon_Zz9x1": {"pooling"}},
        late={"anon_Zz9x1"},
    ),
    "canvas: numbered parts are no resubmissions": Export(
        "canvas",
        {
            "adal_101_9000_conv2d-3.py": C,
            "adal_101_9001_part-1.ipynb": notebook(P),
            "adal_101_9002_part-2.ipynb": notebook("x = 1"),
            "bobm_102_9003_conv2d.py": C,
        },
        {"adal": {"conv2d", "pooling"}, "bobm": {"conv2d"}},
    ),
    "canvas: one student alone": Export(
        "canvas",
        {"lovelaceada_101_9000_conv2d.py": C, "lovelaceada_101_9001_pooling.py": P},
        {"lovelaceada": {"conv2d", "pooling"}},
    ),
    "canvas: a stray file of the teacher's": Export(
        "canvas",
        {"adal_101_9000_conv2d.py": C, "bobm_102_9001_pooling.py": P, "conv2d.py": C},
        {"adal": {"conv2d"}, "bobm": {"pooling"}},
        passed_over={"conv2d.py"},
    ),
    "moodle: names that are not ASCII": Export(
        "moodle",
        {
            "王小明_11_assignsubmission_file_/conv2d.py": C,
            "Łukasz Żółć_12_assignsubmission_file_/sub/conv2d.py": C,
            "O'Brien, Séan_13_assignsubmission_file/pooling.py": P,
            "İpek Işık_14_assignsubmission_file_/hw.zip": zipped({"lenet.py": L}),
        },
        {
            "王小明": {"conv2d"},
            "Łukasz Żółć": {"conv2d"},
            "O'Brien, Séan": {"pooling"},
            "İpek Işık": {"lenet"},
        },
    ),
    "moodle: flat files": Export(
        "moodle",
        {
            "Ada Lovelace_21_assignsubmission_file_conv2d.py": C,
            "Ada Lovelace_21_assignsubmission_file_pooling.py": P,
            "Jane Doe_22_assignsubmission_file_conv2d.py": C,
            "Jane Doe_23_assignsubmission_file_lenet.py": L,
        },
        {"Ada Lovelace": {"conv2d", "pooling"}, "Jane Doe (22)": {"conv2d"}, "Jane Doe (23)": {"lenet"}},
    ),
    "moodle: graded anonymously": Export(
        "moodle",
        {
            "Participant_871_assignsubmission_file_/conv2d.py": C,
            "Participant_872_assignsubmission_file_/pooling.py": P,
        },
        {"Participant 871": {"conv2d"}, "Participant 872": {"pooling"}},
    ),
    "moodle: a group without an id, and text beside a file": Export(
        "moodle",
        {
            "Team Red_5_assignsubmission_file_/conv2d.py": C,
            "Team Red_5_assignsubmission_onlinetext_/onlinetext.html": "<p>",
            "Default group_assignsubmission_file_/pooling.py": P,
        },
        {"Team Red": {"conv2d"}, "Default group": {"pooling"}},
        passed_over={"Team Red_5_assignsubmission_onlinetext_/onlinetext.html"},
    ),
    "blackboard: two attempts, the latest counts": Export(
        "blackboard",
        {
            "HW 1_adal_attempt_2026-11-01-10-00-00_conv2d.py": C,
            "HW 1_adal_attempt_2026-11-01-10-00-00.txt": BLACKBOARD_TXT.format(
                name="Ada Lovelace", user="adal"
            ),
            "HW 1_adal_attempt_2026-11-02-10-00-00_pooling.py": P,
            "HW 1_adal_attempt_2026-11-02-10-00-00.txt": BLACKBOARD_TXT.format(
                name="Ada Lovelace", user="adal"
            ),
            "HW 1_s_77_attempt_2026-11-01-09-00-00_my conv2d.py": C,
        },
        {"Ada Lovelace": {"pooling"}, "s_77": {"conv2d"}},
        passed_over={"HW 1_adal_attempt_2026-11-01-10-00-00_conv2d.py"},
    ),
    "blackboard: one person alone": Export(
        "blackboard",
        {"HW_1_adal_attempt_2026-11-01-10-00-00_conv2d.py": C},
        {"adal": {"conv2d"}},
    ),
    "gradescope: a group and two of one name": Export(
        "gradescope",
        {
            "assignment_9_export/submission_metadata.yml": GRADESCOPE,
            "assignment_9_export/submission_501/conv2d.py": C,
            "assignment_9_export/submission_502/pooling.py": P,
            "assignment_9_export/submission_503/lenet.py": L,
        },
        {"Ada Lovelace": {"conv2d"}, "Jane Doe (0013)": {"pooling"}, "Jane Doe (0014)": {"pooling"}},
        passed_over={"assignment_9_export/submission_503"},
    ),
    "nbgrader: a course": Export(
        "nbgrader",
        {
            "submitted/ada/conv2d/conv2d.ipynb": notebook(C),
            "submitted/ada/conv2d/timestamp.txt": "2026-11-01 10:00:00 UTC",
            "submitted/ada/pooling/pooling.ipynb": notebook(P),
            "submitted/grace/pooling/pooling.ipynb": notebook(P),
            "source/conv2d/conv2d.ipynb": notebook("1"),
            "gradebook.db": b"SQLite",
        },
        {"ada": {"conv2d", "pooling"}, "grace": {"pooling"}},
        passed_over={"source", "gradebook.db"},
    ),
    "git: a folder of clones": Export(
        "git",
        {
            "hw-ada/.git/HEAD": "ref: x",
            "hw-ada/conv2d.py": C,
            "hw-grace/.git/HEAD": "ref: x",
            "hw-grace/src/pooling.py": P,
            "clone.sh": "git clone",
        },
        {"hw-ada": {"conv2d"}, "hw-grace": {"pooling"}},
        passed_over={"clone.sh"},
        by_zip=False,
    ),
    "each: loose notebooks named by student": Export(
        "each",
        {"Ada Lovelace.ipynb": notebook(C), "O'Brien.ipynb": notebook(C), "王小明.ipynb": notebook(C)},
        {"Ada Lovelace": {"conv2d"}, "O'Brien": {"conv2d"}, "王小明": {"conv2d"}},
        by_zip=False,
    ),
    "each: several files for each student, named by hand": Export(
        "each",
        {"lin_conv2d.py": C, "lin_pooling.py": P, "max_conv2d.py": C, "pooling-mia.py": P},
        {"lin": {"conv2d", "pooling"}, "max": {"conv2d"}, "mia": {"pooling"}},
        by_zip=False,
    ),
    "each: two students, two exercises, named by hand": Export(
        "each",
        {"ada_conv2d.py": C, "grace_pooling.py": P},
        {"ada": {"conv2d"}, "grace": {"pooling"}},
        by_zip=False,
    ),
    "each: a loose file beside folders of students": Export(
        "each",
        {
            "ada/conv2d.py": C,
            "grace/conv2d.py": C,
            "linus/pooling.py": P,
            "conv2d.py": C,
            "essay.pdf": b"%PDF",
        },
        {"ada": {"conv2d"}, "grace": {"conv2d"}, "linus": {"pooling"}},
        passed_over={"conv2d.py", "essay.pdf"},
    ),
    "each: a loose file beside the folder of one student": Export(
        "each",
        {"ada/conv2d.py": C, "conv2d.py": C},
        {"ada": {"conv2d"}},
        passed_over={"conv2d.py"},
        by_zip=False,
    ),
    "canvas: zips and documents, and the late mark of older versions": Export(
        "canvas",
        {
            "doejane_late_123_45601_homework.zip": zipped({"hw/conv2d.py": C, "hw/notes.md": "x"}),
            "doejane_late_123_45602_report.pdf": b"%PDF",
            "roejo_124_45603_conv2d.py.txt": C,
        },
        {"doejane": {"conv2d"}, "roejo": {"conv2d"}},
        late={"doejane"},
    ),
    "gradescope: people without numbers, made on Windows": Export(
        "gradescope",
        {
            "submission_metadata.yml": "submission_7:\n  :submitters:\n  - :name: İpek Işık\n    :sid:\n"
            "submission_8:\n  :submitters:\n  - :email: x@y.edu\n",
            "submission_7/hw/conv2d.ipynb": notebook(C),
            "submission_8/pooling.tar.gz": zipped({"pooling.py": P}),
        },
        {"İpek Işık": {"conv2d"}, "x@y.edu": {"pooling"}},
    ),
    "each: composed and decomposed names, and right to left": Export(
        "each",
        {f"{DECOMPOSED}/conv2d.py": C, "נועה כהן/conv2d.py": C, "evil\u202eyp.txt/conv2d.py": C},
        {"Zoë Müller": {"conv2d"}, "נועה כהן": {"conv2d"}, "evilyp.txt": {"conv2d"}},
    ),
    "each: archives of every kind inside archives": Export(
        "each",
        {
            "ada.zip": zipped({"a.zip": zipped({"b.zip": zipped({"conv2d.py": C})})}),
            "grace.zip": zipped({"hw/pooling.py": P, "__MACOSX/hw/._pooling.py": b"\0"}),
        },
        {"ada": {"conv2d"}, "grace": {"pooling"}},
    ),
    "each: a folder and an archive of one name": Export(
        "each",
        {"ada/conv2d.py": C, "ada.zip": zipped({"pooling.py": P}), "Ada.ipynb": notebook(C)},
        {"ada": {"conv2d"}, "ada (zip)": {"pooling"}, "Ada (ipynb)": {"conv2d"}},
        by_zip=False,
    ),
    "each: files of two people in one folder are refused": Export(
        "each",
        {
            "section1/adal_101_9000_conv2d.py": C,
            "section1/bobm_102_9001_pooling.py": P,
            "grace/conv2d.py": C,
        },
        {"grace": {"conv2d"}},
        passed_over={"section1"},
        by_zip=False,
    ),
    "each: an export inside a folder of its own": Export(
        "canvas",
        {"submissions/adal_101_9000_conv2d.py": C, "submissions/bobm_102_9001_pooling.py": P},
        {"adal": {"conv2d"}, "bobm": {"pooling"}},
    ),
    "one: a student's files for several exercises": Export(
        "one",
        {"conv2d.py": C, "pooling.py": P, "helpers/pair.py": "x = 1\n"},
        {"class": {"conv2d", "pooling"}},
    ),
    "one: files renamed for the sheets they belong to": Export(
        "one", {"hw1_conv2d.py": C, "hw2_pooling.py": P}, {"class": {"conv2d", "pooling"}}
    ),
    "one: a student's folder with an old copy": Export(
        "one",
        {"conv2d.py": C, "pooling.py": P, "old/conv2d.py": "x = 1\n"},
        {"class": {"conv2d", "pooling"}},
    ),
}

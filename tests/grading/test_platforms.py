"""Who handed in what: exports of learning platforms, folders made by hand, names, rosters."""

from __future__ import annotations

import itertools
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.grading.files import student_name
from graders.grading.hand_in import read
from graders.grading.names import apart, safe_name
from graders.grading.plan import LAYOUTS, Plan, one_hand_in, plan_for
from graders.grading.roster import match, read_roster
from tests.conftest import write_submission
from tests.grading.exports import CODE, EXPORTS, Export, zipped

CONV = CODE["conv2d"]


def handed_in(plan: Plan) -> dict[str, set[str]]:
    """The exercises that each student handed in."""
    return {source.student: set(read(source).modules) for source in plan.hand_ins}


def passed_over(plan: Plan) -> set[str]:
    """The files that the plan says are not used."""
    notes = [note for source in plan.hand_ins for note in source.notes]
    return {problem.file for problem in (*plan.passed_over, *notes)}


def as_folder(tmp_path: Path, export: Export) -> Path:
    return write_submission(tmp_path / "class", export.files)


def as_zip(tmp_path: Path, export: Export) -> Path:
    path = tmp_path / "class.zip"
    path.write_bytes(zipped(export.files))
    return path


def names_of(plan: Plan) -> list[str]:
    return [source.student for source in plan.hand_ins]


# ------------------------------------------------------------------------------------------ whole exports


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_gives_the_right_people(tmp_path: Path, name: str) -> None:
    export = EXPORTS[name]
    plan = plan_for(as_folder(tmp_path, export))
    assert plan.layout == export.layout
    assert handed_in(plan) == export.expected
    assert passed_over(plan) == export.passed_over
    assert {source.student for source in plan.hand_ins if source.late} == export.late


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.by_zip])
def test_the_zip_that_a_teacher_downloads_comes_out_as_the_folder_does(tmp_path: Path, name: str) -> None:
    export = EXPORTS[name]
    plan = plan_for(as_zip(tmp_path, export))
    assert handed_in(plan) == export.expected
    assert passed_over(plan) == export.passed_over


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.layout != "one"])
def test_a_plan_is_the_same_in_every_run_and_names_nobody_twice(tmp_path: Path, name: str) -> None:
    home = as_folder(tmp_path, EXPORTS[name])
    first, second = plan_for(home), plan_for(home)
    assert first == second
    assert len({student.casefold() for student in names_of(first)}) == len(first.hand_ins)


def test_canvas_of_the_field_three_students_one_late_two_with_files_handed_in_again(tmp_path: Path) -> None:
    five = ("conv2d", "multichannel", "pooling", "kernel_learning", "lenet")
    files = {f"lovelaceada_101_{9000 + n}_{name}.py": "x = 1\n" for n, name in enumerate(five)}
    files |= {f"hoppergrace_102_{9000 + n}_{name}.py": CONV for n, name in enumerate(five)}
    files["lovelaceada_101_9011_conv2d-1.py"] = CONV
    files |= {"turingalan_LATE_103_9100_conv2d-1.py": CONV, "turingalan_LATE_103_9101_pooling-2.py": CONV}
    plan = plan_for(write_submission(tmp_path / "class", files))
    assert plan.summary().splitlines()[0] == "13 files, 3 students, format Canvas; skipped: 1 file"
    hand_ins = {source.student: read(source) for source in plan.hand_ins}
    assert {name: set(found.modules) for name, found in hand_ins.items()} == {
        "lovelaceada": set(five),
        "hoppergrace": set(five),
        "turingalan": {"conv2d", "pooling"},
    }
    assert hand_ins["lovelaceada"].files["conv2d.py"] == CONV
    assert [hand_ins[name].late for name in ("hoppergrace", "lovelaceada", "turingalan")] == [
        False,
        False,
        True,
    ]
    assert hand_ins["turingalan"].ids == {"id": "103"}


def test_moodle_of_the_field_two_of_one_name_and_one_with_text_only(tmp_path: Path) -> None:
    people = ("Ada Lovelace_1234567", "Grace Hopper_1234568", "Jane Doe_1", "Jane Doe_2")
    files = {f"{person}_assignsubmission_file_/conv2d.py": f"# {person}\n" for person in people}
    files["Ann Onlinetext_77_assignsubmission_onlinetext_/onlinetext.html"] = "<p>def conv2d"
    plan = plan_for(write_submission(tmp_path / "class", files))
    assert names_of(plan) == [
        "Ada Lovelace",
        "Ann Onlinetext",
        "Grace Hopper",
        "Jane Doe (1)",
        "Jane Doe (2)",
    ]
    for source in plan.hand_ins:
        found = read(source)
        if source.student == "Ann Onlinetext":
            assert "is text that was typed into Moodle" in str(found.problems[0])
        else:
            assert found.files["conv2d.py"] == f"# {source.student.split(' (')[0]}_{source.ids['id']}\n"


def test_two_students_with_two_exercises_are_not_one(tmp_path: Path) -> None:
    files = {"lovelaceada_101_9000_conv2d.py": CONV, "hoppergrace_102_9002_pooling.py": CODE["pooling"]}
    plan = plan_for(write_submission(tmp_path / "class", files))
    assert handed_in(plan) == {"hoppergrace": {"pooling"}, "lovelaceada": {"conv2d"}}


def test_a_downloaded_zip_alone_in_a_folder_is_the_export(tmp_path: Path) -> None:
    export = EXPORTS["moodle: flat files"]
    plan = plan_for(write_submission(tmp_path / "downloads", {"CS-HW 1-77.zip": zipped(export.files)}))
    assert plan.layout == "moodle"
    assert handed_in(plan) == export.expected


def test_a_teachers_other_files_do_not_hide_a_platform(tmp_path: Path) -> None:
    files = {"lovelaceada_101_9000_conv2d.py": CONV, "README.md": "hi", "grades.csv": "x", "plan.xlsx": b"x"}
    plan = plan_for(write_submission(tmp_path / "class", files))
    assert (plan.layout, names_of(plan)) == ("canvas", ["lovelaceada"])
    assert passed_over(plan) == {"README.md", "grades.csv", "plan.xlsx"}


def test_sections_of_students_are_refused_and_one_section_alone_is_a_class(
    tmp_path: Path,
) -> None:
    home = write_submission(
        tmp_path / "class",
        {f"section{n}/{who}/conv2d.py": CONV for n, who in ((1, "ada"), (1, "eva"), (2, "kai"), (2, "lin"))},
    )
    with pytest.raises(FileNotFoundError, match="section1 is refused: it has files of 2 people"):
        plan_for(home)
    assert names_of(plan_for(home / "section1")) == ["ada", "eva"]


@pytest.mark.parametrize("around", ["", "class/", "a/b/"])
def test_a_zip_of_a_class_made_by_hand_is_never_one_student(tmp_path: Path, around: str) -> None:
    path = tmp_path / "class.zip"
    path.write_bytes(zipped({f"{around}{who}/homework.ipynb": "{}" for who in ("ada", "eva", "kai")}))
    assert names_of(plan_for(path)) == ["ada", "eva", "kai"]


def test_versions_of_one_students_work_are_not_several_people(tmp_path: Path) -> None:
    files = {f"{folder}/conv2d.py": CONV for folder in ("week1", "week2", "final", "old copy")}
    path = tmp_path / "ada.zip"
    path.write_bytes(zipped(files))
    assert names_of(plan_for(path)) == ["ada"]
    write_submission(tmp_path / "class" / "eva", files)
    assert names_of(plan_for(tmp_path / "class")) == ["eva"]


def test_a_requested_layout_is_used(tmp_path: Path) -> None:
    home = write_submission(tmp_path / "class", {"adal_101_9000_conv2d.py": CONV, "b_1_2_pooling.py": CONV})
    assert plan_for(home).layout == "canvas"
    assert names_of(plan_for(home, "each")) == ["adal_101_9000", "b_1_2"]
    assert names_of(plan_for(home, "one")) == ["class"]
    assert set(LAYOUTS) == {"canvas", "moodle", "blackboard", "gradescope", "nbgrader", "git", "each", "one"}


def test_blackboard_says_who_which_attempt_and_the_full_name(tmp_path: Path) -> None:
    export = EXPORTS["blackboard: two attempts, the latest counts"]
    ada, _ = plan_for(as_folder(tmp_path, export)).hand_ins
    assert (ada.student, ada.attempt) == ("Ada Lovelace", "2026-11-02-10-00-00")
    assert ada.ids == {"username": "adal", "name": "Ada Lovelace"}


def test_gradescope_keeps_zeros_at_the_front_of_numbers_and_counts_the_latest(tmp_path: Path) -> None:
    person = "  :submitters:\n  - :name: Ada\n    :sid: '0012'\n"
    one = "submission_{n}:\n" + person + "  :created_at: 2026-11-0{n} 10:00\n"
    files = {
        "submission_metadata.yml": "".join(one.format(n=n) for n in (1, 2)),
        "submission_1/conv2d.py": "old = 1\n",
        "submission_2/conv2d.py": CONV,
    }
    plan = plan_for(write_submission(tmp_path / "class", files))
    (ada,) = plan.hand_ins
    assert ada.ids["sid"] == "0012"
    assert read(ada).files == {"conv2d.py": CONV}
    assert passed_over(plan) == {"submission_1"}


def test_invalid_metadata_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    files = {"submission_metadata.yml": "a: [", "submission_1/conv2d.py": CONV}
    home = write_submission(tmp_path / "class", files)
    with pytest.raises(ValueError, match=r"submission_metadata\.yml: cannot be read"):
        plan_for(home)


# -------------------------------------------------------------------------------------- folders by hand


def test_a_class_is_found_entry_by_entry(tmp_path: Path) -> None:
    home = tmp_path / "class"
    write_submission(home / "lin", {"conv2d.py": CONV})
    write_submission(home, {"max.ipynb": "{}", "README.md": "hi", ".DS_Store": b"", "__MACOSX/x": b""})
    (home / "ada.zip").write_bytes(zipped({"conv2d.py": CONV}))
    plan = plan_for(home)
    assert [source.paths for source in plan.hand_ins] == [("ada.zip",), ("lin",), ("max.ipynb",)]
    assert passed_over(plan) == {"README.md"}


def test_a_single_submission_is_found_as_one(tmp_path: Path) -> None:
    home = write_submission(tmp_path / "lin", {"conv2d.py": CONV, "helpers.py": ""})
    assert names_of(plan_for(home)) == names_of(plan_for(home / ".")) == ["lin"]
    for name in ("conv2d_helpers.py", "conv2d.ipynb", "conv2d_old.py"):
        (home / name).write_text("")
        assert names_of(plan_for(home)) == ["lin"]
    assert names_of(plan_for(home / "conv2d.py")) == ["conv2d"]
    renamed = write_submission(tmp_path / "renamed", {"lin_conv2d.py": CONV, "lin_pooling.py": ""})
    assert handed_in(plan_for(renamed)) == {"renamed": {"conv2d", "pooling"}}


def test_a_class_of_single_files_is_not_one_submission(tmp_path: Path) -> None:
    files = {"lin_conv2d.py": CONV, "max_conv2d.py": CONV, "mia_conv2d.py": CONV}
    assert names_of(plan_for(write_submission(tmp_path / "class", files))) == ["lin", "max", "mia"]


def test_a_path_without_submissions_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        plan_for(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no student's folder"):
        plan_for(write_submission(tmp_path / "class", {"grades.xlsx": b"x"}))


def test_a_link_in_the_place_of_a_student_is_named_and_not_followed(tmp_path: Path) -> None:
    secret = write_submission(tmp_path / "instructor", {"conv2d.py": "SECRET = 1\n"})
    home = write_submission(tmp_path / "class", {"ada/conv2d.py": ""})
    (home / "mallory").symlink_to(secret)
    (home / "mallory.py").symlink_to(secret / "conv2d.py")
    plan = plan_for(home)
    assert names_of(plan) == ["ada"]
    assert passed_over(plan) == {"mallory", "mallory.py"}


def test_one_students_files_with_a_platforms_names_are_checked_as_hers(tmp_path: Path) -> None:
    files = {"adal_101_9000_conv2d.py": "", "adal_101_9001_conv2d-1.py": CONV}
    home = write_submission(tmp_path / "x", files)
    assert read(one_hand_in(home)).files == {"conv2d.py": CONV}


def test_an_archive_with_files_of_several_people_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hw.zip"
    path.write_bytes(zipped({"x/adal_101_9000_conv2d.py": CONV, "x/bobm_102_9001_pooling.py": CONV}))
    found = read(path)
    assert (found.files, found.modules) == ({}, {})
    assert "is refused: it has files of 2 people" in str(found.problems[0])


# ------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("lin", "lin"),
        ("Jane Doe_123456_assignsubmission_file_", "Jane Doe"),
        ("Jane Doe_123456_assignsubmission_file", "Jane Doe"),
        ("Müller, Åsa", "Müller, Åsa"),
        ("王小明", "王小明"),
        ("a@b.edu", "a@b.edu"),
        ("<script>", "_script_"),
        ("..", "unnamed"),
        ("x\ny", "x_y"),
        ("O'Brien", "O'Brien"),
        ("O’Brien-Šmíd", "O’Brien-Šmíd"),
        ("evil\u202eyp.exe", "evilyp.exe"),
        ("a\x1b[31mb", "a[31mb"),
        ("نگار می\u200cخواهد", "نگار می\u200cخواهد"),
        (unicodedata.normalize("NFD", "Zoë"), "Zoë"),
    ],
)
def test_a_name_stays_as_it_is_and_is_safe_in_a_path(tmp_path: Path, name: str, student: str) -> None:
    assert student_name(tmp_path / f"{name}.zip") == student


def test_a_very_long_name_leaves_room_for_a_suffix(tmp_path: Path) -> None:
    for letter in ("x", "王"):
        long = letter * (250 // len(letter.encode()))
        assert len(student_name(tmp_path / long).encode()) <= 200


@given(st.text())
def test_no_name_is_a_path_or_controls_a_terminal(text: str) -> None:
    name = safe_name(text)
    assert name and name.strip(" .") == name
    bidi = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert not set(name) & set('/\\\0\n\r\t\x1b<>:"|?*' + bidi)
    assert len(f"{name}.json".encode()) < 255
    assert safe_name(name) == name == unicodedata.normalize("NFC", name)


PEOPLE = st.tuples(st.sampled_from(["Jane", "jane", "Zoë", "x" * 149, "Jane (1)"]), st.integers(0, 3))


@given(st.lists(PEOPLE))
def test_no_two_people_share_a_name_in_whatever_order_they_come(people: list[tuple[str, int]]) -> None:
    ways = [[str(number or ""), f"{name}{number}{place}"] for place, (name, number) in enumerate(people)]
    names = [name for name, _ in people]
    found = apart(names, ways)
    assert len({name.casefold() for name in found}) == len(people)
    assert all(len(name.encode()) <= 150 for name in found)
    backwards = apart(names[::-1], ways[::-1])
    assert backwards[::-1] == found


def test_names_that_differ_in_composition_or_case_alone_are_two_people(tmp_path: Path) -> None:
    for name in ("Zoë", unicodedata.normalize("NFD", "Zoë"), "ZOË"):
        write_submission(tmp_path / "class" / name, {"conv2d.py": f"# {len(name)}{name.isupper()}\n"})
    if len(list((tmp_path / "class").iterdir())) < 3:
        pytest.skip("this file system takes them for one")
    plan = plan_for(tmp_path / "class")
    assert len({student.casefold() for student in names_of(plan)}) == 3
    assert len({read(source).files["conv2d.py"] for source in plan.hand_ins}) == 3


def test_a_name_that_is_not_utf8_can_be_written_down(tmp_path: Path) -> None:
    home = write_submission(tmp_path / "class", {"ada/conv2d.py": CONV})
    Path(os.fsdecode(os.fsencode(home) + b"/jos\xe9")).mkdir()
    Path(os.fsdecode(os.fsencode(home) + b"/jos\xe9/conv2d.py")).write_text(CONV)
    plan = plan_for(home)
    f"{plan.summary()}{plan.listing()}".encode()
    assert set(map(len, handed_in(plan).values())) == {1}


# ------------------------------------------------------------------------------------------------- roster


ROSTERS = {
    "canvas": """Student,ID,SIS Login ID,Section
    Points Possible,,,
"Lovelace, Ada",101,adal,A
"Doe, Jane",7,jd,A
""",
    "names in two columns": """Last name;First name;E-mail
Lovelace;Ada;adal@x.edu
Doe;Jane;jd@x.edu
""",
    "moodle": """\ufeffIdentifier,Full name,Email address
Participant 101,Ada Lovelace,a@x.edu
Participant 7,Jane Doe,j@x.edu
""",
    "tabs": "Name\tStudent number\nAda Lovelace\t101\nJane Doe\t7\n",
    "names alone": "Name\nAda Lovelace\nJane Doe\n",
}


@pytest.mark.parametrize("kind", ROSTERS)
def test_a_roster_of_any_kind_finds_its_people_and_who_is_missing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "people.csv").write_text(ROSTERS[kind], encoding="utf-8")
    files = {"lovelaceada_101_9000_conv2d.py": CONV, "who_55_9001_conv2d.py": CONV}
    home = write_submission(tmp_path / "class", files)
    matched = match(plan_for(home), read_roster(tmp_path / "people.csv"))
    assert [person.name for person in matched.missing] in (["Jane Doe"], ["Doe, Jane"])
    assert [source.student for source in matched.unknown] == ["who"]
    (ada,) = (source for source in matched.plan.hand_ins if source.student == "lovelaceada")
    assert ada.ids["roster_name"] in ("Ada Lovelace", "Lovelace, Ada")


def test_a_shared_name_matches_nobody(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,id\nJane Doe,8\nJane Doe,9\n")
    home = write_submission(
        tmp_path / "class",
        {
            "Jane Doe_8_assignsubmission_file_/conv2d.py": CONV,
            "Jane Doe_3_assignsubmission_file_/conv2d.py": CONV,
        },
    )
    matched = match(plan_for(home), read_roster(tmp_path / "people.csv"))
    assert [person.ids for person in matched.missing] == [("9",)]
    assert [source.ids["id"] for source in matched.unknown] == ["3"]


def test_accents_signs_and_the_order_of_names_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text('Name\n"O\'Brien, Séan"\nÅsa Müller\n', encoding="utf-8")
    files = {"Sean OBrien.ipynb": "{}", "Muller_Asa/conv2d.py": CONV}
    home = write_submission(tmp_path / "class", files)
    assert not match(plan_for(home), read_roster(tmp_path / "people.csv")).missing


def test_a_roster_without_people_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("points,comment\n1,x\n")
    with pytest.raises(ValueError, match="has no column for names"):
        read_roster(tmp_path / "people.csv")


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["Jane Doe_1", "Jane Doe_2", "Jane Doe_10"]))[:3]
)
def test_people_of_one_name_keep_theirs_whatever_else_is_there(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    files = {f"{person}_assignsubmission_file_/conv2d.py": f"# {person}\n" for person in order}
    plan = plan_for(write_submission(tmp_path / "class", files))
    for source in plan.hand_ins:
        assert read(source).files["conv2d.py"] == f"# Jane Doe_{source.student[10:-1]}\n"

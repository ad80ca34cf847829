"""Whatever is handed in becomes modules, problems and remarks, and nothing raises."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from graders.grading.collected import MAX_FILE_BYTES, MAX_FILES
from graders.grading.hand_in import HandIn, read
from graders.grading.notebooks import MAX_CELLS
from graders.sandbox.inside.loader import NoNotebook
from tests.conftest import write_submission

CONV = "def conv2d(X, K):\n    return X\n"
NAMES = ("conv2d", "kernel_learning", "multichannel", "pooling", "lenet")
FIVE = {f"{name}.py": f"# {name}\n" for name in NAMES}
DEFINES_CONV2D = "def conv2d(X, K): ...\nclass Conv2D: ...\ndef output_size(n, kernel): ...\n"


def folder(tmp_path: Path, sources: Mapping[str, str | bytes], student: str = "lin") -> Path:
    return write_submission(tmp_path / student, sources)


def archive(tmp_path: Path, sources: Mapping[str, str | bytes], name: str = "lin.zip") -> Path:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for inner, text in sources.items():
            file.writestr(inner, text)
    return path


def notebook(*cells: str | list[str], **extra: object) -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made, **extra})


def problems(hand_in: HandIn) -> list[str]:
    return [str(problem) for problem in hand_in.problems]


def remarks(hand_in: HandIn) -> list[str]:
    return [str(remark) for remark in hand_in.remarks]


def run(source: str) -> dict[str, Any]:
    """The result of Python code that was a notebook, where `get_ipython()` does nothing."""
    scope: dict[str, Any] = {"get_ipython": NoNotebook}
    exec(source, scope)
    return scope


def only_problem(hand_in: HandIn) -> str:
    assert len(hand_in.problems) == 1, problems(hand_in)
    return str(hand_in.problems[0])


# ------------------------------------------------------------------------------------------- whole shapes


def test_a_folder_of_modules_is_read_as_it_is(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {**FIVE, "helpers.py": "a = 1\n", "tools/pair.py": "b = 2\n"}))
    assert found.student == "lin"
    assert found.modules == {name: name for name in NAMES}
    assert found.files == {**FIVE, "helpers.py": "a = 1\n", "tools/pair.py": "b = 2\n"}
    assert found.problems == ()


@pytest.mark.parametrize("top", ["homework/", "a/b/c/", "lin-main/exercises/"])
def test_a_folder_inside_the_archive_makes_no_difference(tmp_path: Path, top: str) -> None:
    nested = {top + name: text for name, text in {**FIVE, "helpers.py": "a = 1\n"}.items()}
    for found in (read(archive(tmp_path, nested)), read(folder(tmp_path, nested))):
        assert found.files == {**FIVE, "helpers.py": "a = 1\n"}
        assert found.modules == {name: name for name in NAMES}


def test_a_zip_made_by_windows_or_a_mac_reads_alike(tmp_path: Path) -> None:
    found = read(
        archive(
            tmp_path,
            {
                "hw\\conv2d.py": CONV,
                "__MACOSX/hw/._conv2d.py": b"\0\5\x16\7",
                "hw\\.DS_Store": b"\0",
                "hw\\._x.py": b"\xff",
            },
        )
    )
    assert found.files == {"conv2d.py": CONV}
    assert found.problems == ()


def test_a_single_file_is_one_exercise(tmp_path: Path) -> None:
    home = folder(tmp_path, {"conv2d.py": CONV})
    found = read(home / "conv2d.py")
    assert (found.files, found.modules) == ({"conv2d.py": CONV}, {"conv2d": "conv2d"})


def test_a_single_file_of_any_name_is_known_by_what_it_defines(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"homework.py": DEFINES_CONV2D}) / "homework.py")
    assert found.modules == {"conv2d": "conv2d"}
    assert set(found.files) == {"homework.py"}
    assert only_problem(found) == "homework.py: was read for the exercise conv2d, whose tasks it defines"


def test_a_file_name_with_dots_and_spaces_is_importable_all_the_same(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"my hw.v2 (1).py": DEFINES_CONV2D}) / "my hw.v2 (1).py")
    (part,) = found.graded.code["conv2d.py"]
    assert (part.label, part.source, part.kept) == ("my hw.v2 (1).py", DEFINES_CONV2D, (0, 1, 2))


@pytest.mark.parametrize(
    "name",
    [
        "lin_conv2d.py",
        "conv2d (1).py",
        "conv2d-2.py",
        "jane_doe_123_conv2d_final.py",
        "Conv2d.py",
        "CONV2D.PY",
        "hw1 conv2d.py",
    ],
)
def test_a_renamed_file_is_recognised_and_the_student_told(tmp_path: Path, name: str) -> None:
    found = read(folder(tmp_path, {name: CONV, "pooling.py": "# p\n"}))
    assert found.modules == {"conv2d": "conv2d", "pooling": "pooling"}
    assert found.files[name] == CONV
    assert [part.label for part in found.graded.code["conv2d.py"]] == [name]
    assert only_problem(found) == f"{name}: was read as conv2d.py"


@pytest.mark.parametrize("name", ["test_conv2d.py", "helpers.py", "myconv2d.py", "conv2d5.py"])
def test_a_file_of_another_purpose_is_not_taken_for_an_exercise(tmp_path: Path, name: str) -> None:
    found = read(folder(tmp_path, {name: "a = 1\n", "pooling.py": "# p\n"}))
    assert found.modules == {"pooling": "pooling"}
    assert name in found.files


def test_of_two_files_that_might_be_meant_the_one_that_defines_the_tasks_is_read(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d_old.py": "a = 1\n", "conv2d_new.py": DEFINES_CONV2D}))
    assert found.modules == {"conv2d": "conv2d"}
    assert [part.label for part in found.graded.code["conv2d.py"]] == ["conv2d_new.py"]
    assert problems(found) == [
        "conv2d_old.py: is left out: conv2d_new.py was read for conv2d",
        "conv2d_new.py: was read as conv2d.py",
    ]


def test_a_missing_module_is_simply_absent(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": CONV}))
    assert found.modules == {"conv2d": "conv2d"}
    assert found.problems == ()


def test_exercises_in_two_folders_are_both_found(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"week1/conv2d.py": CONV, "week2/pooling.py": "# p\n"}))
    assert set(found.modules) == {"conv2d", "pooling"}
    assert found.files == {"conv2d.py": CONV, "week2/pooling.py": "# p\n"}
    assert found.problems == ()


def test_a_stray_copy_does_not_replace_the_file_beside_the_others(tmp_path: Path) -> None:
    found = read(
        folder(tmp_path, {**{f"final/{name}": text for name, text in FIVE.items()}, "conv2d.py": "# stray\n"})
    )
    assert found.files["conv2d.py"] == "# conv2d\n"
    assert "conv2d.py" in only_problem(found) and "left out" in only_problem(found)


def test_an_empty_folder_and_an_empty_archive_are_submissions_of_nothing(tmp_path: Path) -> None:
    for path in (folder(tmp_path, {}), archive(tmp_path, {})):
        found = read(path)
        assert (found.files, found.modules, found.problems) == ({}, {}, ())


def test_what_cannot_be_a_submission_is_named(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.pdf": b"%PDF"}) / "conv2d.pdf")
    only_code = "is a document and was not read: only .py files and notebooks are graded"
    assert only_problem(found) == f"conv2d.pdf: {only_code}"
    assert "No such file" in only_problem(read(tmp_path / "gone.py"))


# ----------------------------------------------------------------------------------------- text and bytes


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    found = read(
        folder(tmp_path, {"conv2d.py": b"import torch\n\nx = 1\n# caf\xe9\n", "pooling.py": "# p\n"})
    )
    assert found.modules == {"pooling": "pooling"}
    assert only_problem(found).startswith("conv2d.py, line 4: is not UTF-8 (byte 0xe9)")


@pytest.mark.parametrize("line", [1, 2])
def test_bytes_that_are_not_utf8_at_the_top_are_named_with_their_line(tmp_path: Path, line: int) -> None:
    found = read(folder(tmp_path, {"conv2d.py": b"# first\n" * (line - 1) + b"# caf\xe9\n" + b"x = 1\n" * 3}))
    assert only_problem(found).startswith(f"conv2d.py, line {line}: is not UTF-8 (byte 0xe9)")


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": b"\xef\xbb\xbf" + CONV.encode()}))
    assert (found.files, found.problems) == ({"conv2d.py": CONV}, ())
    assert found.problems == ()


def test_utf16_as_windows_writes_it_is_named(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": CONV.encode("utf-16")}))
    assert only_problem(found).startswith("conv2d.py, line 1: is not UTF-8")


def test_an_encoding_declared_as_python_wants_it_is_respected(tmp_path: Path) -> None:
    raw = "# -*- coding: latin-1 -*-\ns = 'café'\n".encode("latin-1")
    found = read(folder(tmp_path, {"conv2d.py": raw}))
    assert found.files["conv2d.py"].endswith("s = 'café'\n")
    assert found.problems == ()


@pytest.mark.parametrize("codec", ["klingon", "rot13", "undefined", "idna", "hex", "punycode", "utf_7"])
def test_no_declared_encoding_makes_reading_raise(tmp_path: Path, codec: str) -> None:
    raw = f"# coding: {codec}\n".encode() + b"s = '\xe9..\xff" + b"x" * 80 + b"'\n"
    found = read(folder(tmp_path, {"conv2d.py": raw, "pooling.py": "# p\n"}))
    assert found.modules == {"pooling": "pooling"}
    assert "is not UTF-8" in only_problem(found)


def test_a_message_about_an_encoding_is_short_whatever_the_encoding_is_called(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": b"# coding: " + b"x" * 500_000 + b"\n\xff"}))
    assert len(only_problem(found)) < 300


@pytest.mark.parametrize(
    "source", ["x = 1\0", "(" * 5000, "x = " + "9" * 10_000, "\ufeff\ufeffx", "\r\rx = = 1"]
)
def test_no_text_makes_the_screen_raise(tmp_path: Path, source: str) -> None:
    found = read(folder(tmp_path, {"conv2d.py": source, "pooling.py": "# p\n"}))
    (problem,) = found.problems
    assert problem.file == "conv2d.py"


def test_an_empty_file_is_a_module_that_defines_nothing(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": b""}))
    assert (found.files, found.modules, found.problems) == ({"conv2d.py": ""}, {"conv2d": "conv2d"}, ())


def test_windows_line_ends_keep_their_line_numbers(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": b"import torch\r\n\r\ndef f(:\r\n"}))
    (problem,) = found.problems
    assert problem.line == 3


# ------------------------------------------------------------------------------------- sizes and attacks


def test_a_file_of_50_megabytes_is_named_and_not_read(tmp_path: Path) -> None:
    home = folder(tmp_path, {"pooling.py": "# p\n"})
    with (home / "conv2d.py").open("wb") as file:
        file.truncate(50_000_000)
    found = read(home)
    assert found.modules == {"pooling": "pooling"}
    assert only_problem(found) == "conv2d.py: is 50.0 MB; the limit is 1 MB. Is it a data file?"


def test_a_zip_bomb_is_never_unpacked(tmp_path: Path) -> None:
    bomb = archive(tmp_path, {"conv2d.py": b"\0" * 200_000_000, "pooling.py": "# p\n"})
    assert bomb.stat().st_size < 1_000_000
    found = read(bomb)
    assert found.modules == {"pooling": "pooling"}
    assert only_problem(found).startswith("conv2d.py: is 200.0 MB")


def test_an_archive_that_lies_about_its_sizes_is_cut_short(tmp_path: Path) -> None:
    path = archive(tmp_path, {"conv2d.py": b"#" * 20_000_000})
    raw = bytearray(path.read_bytes())
    true_size = (20_000_000).to_bytes(4, "little")
    assert raw.count(true_size) == 2  # in the local header and in the directory
    path.write_bytes(raw.replace(true_size, (100).to_bytes(4, "little")))
    found = read(path)
    assert sum(map(len, found.files.values())) <= MAX_FILE_BYTES
    assert found.problems


def test_many_files_are_left_out_with_one_sentence_not_thousands(tmp_path: Path) -> None:
    found = read(archive(tmp_path, {**FIVE, **{f"m{n:05}.py": "" for n in range(3000)}}))
    assert len(found.files) <= MAX_FILES
    assert found.modules == {name: name for name in NAMES}
    assert 1 <= len(found.problems) <= 50
    assert any(f"more than {MAX_FILES} files" in line for line in problems(found))


def test_many_files_that_are_too_large_do_not_fill_the_report(tmp_path: Path) -> None:
    found = read(archive(tmp_path, {f"m{n:05}.py": b"#" * (MAX_FILE_BYTES + 1) for n in range(200)}))
    assert found.files == {}
    assert 1 <= len(found.problems) <= 51


def test_many_large_files_stay_below_the_limit_for_all(tmp_path: Path) -> None:
    found = read(archive(tmp_path, {f"m{n}.py": b"#" * 1_000_000 for n in range(20)}))
    assert sum(map(len, found.files.values())) <= 8 << 20
    assert any("8 MB of Python files in all" in line for line in problems(found))


def test_a_path_that_leads_out_of_the_archive_is_left_out(tmp_path: Path) -> None:
    found = read(
        archive(
            tmp_path,
            {
                "../conv2d.py": CONV,
                "a/../../b.py": CONV,
                "/etc/c.py": CONV,
                "C:/d.py": CONV,
                "pooling.py": "",
            },
        )
    )
    assert set(found.files) == {"pooling.py"}
    assert len(found.problems) == 4
    assert all(line.endswith("is left out: its path leads outside the archive") for line in problems(found))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lin.zip"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = write_submission(tmp_path / "secret", {"lenet.py": "SECRET = 1\n", "pooling.py": "SECRET = 2\n"})
    home = folder(tmp_path, {"conv2d.py": CONV})
    (home / "lenet.py").symlink_to(secret / "lenet.py")
    (home / "more").symlink_to(secret, target_is_directory=True)
    (home / "loop").symlink_to(home, target_is_directory=True)
    found = read(home)
    assert found.files == {"conv2d.py": CONV}


def test_a_link_in_an_archive_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lin.zip"
    with zipfile.ZipFile(path, "w") as file:
        link = zipfile.ZipInfo("conv2d.py")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    found = read(path)
    assert found.files == {}
    assert only_problem(found) == "conv2d.py: is left out: it is a link"


def test_pipes_and_folders_that_look_like_modules_are_skipped(tmp_path: Path) -> None:
    home = folder(tmp_path, {"conv2d.py": CONV, "lenet.py/inside.py": "a = 1\n"})
    os.mkfifo(home / "pooling.py")
    found = read(home)
    assert found.files == {"conv2d.py": CONV, "lenet.py/inside.py": "a = 1\n"}
    assert found.modules == {"conv2d": "conv2d"}


def test_one_file_that_cannot_be_opened_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder(tmp_path, FIVE)
    (home / "kernel_learning.py").chmod(0)
    if os.access(home / "kernel_learning.py", os.R_OK):  # root may read anything: let the system refuse
        usual = Path.open

        def refusing(path: Path, *args: object, **kwargs: object) -> object:
            if path.name == "kernel_learning.py":
                raise PermissionError(13, "Permission denied")
            return usual(path, *args, **kwargs)  # type: ignore[call-overload]

        monkeypatch.setattr(Path, "open", refusing)
    found = read(home)
    assert set(found.modules) == set(NAMES) - {"kernel_learning"}
    assert only_problem(found) == "kernel_learning.py: cannot be read: Permission denied"


def test_a_file_name_that_is_not_utf8_can_be_written_down_later(tmp_path: Path) -> None:
    home = folder(tmp_path, {"conv2d.py": CONV})
    Path(os.fsdecode(os.fsencode(home) + b"/caf\xe9.py")).write_text("a = 1\n")
    Path(os.fsdecode(os.fsencode(home) + b"/th\xe9.py")).write_bytes(b"\n# \xff\n")
    found = read(home)
    json.dumps([*found.files, *problems(found)], ensure_ascii=False).encode("utf-8")
    assert found.modules == {"conv2d": "conv2d"}
    assert len(found.problems) == 1


def test_a_damaged_entry_affects_only_itself(tmp_path: Path) -> None:
    path = archive(tmp_path, {"conv2d.py": CONV * 50, "pooling.py": "# p\n"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"conv2d.py") + 12] ^= 0xFF
    path.write_bytes(raw)
    found = read(path)
    assert found.modules == {"pooling": "pooling"}
    assert only_problem(found).startswith("conv2d.py: is damaged")


def test_a_name_that_an_archive_has_twice_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "lin.zip"
    with zipfile.ZipFile(path, "w") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("conv2d.py", "# first\n")
        file.writestr("conv2d.py", "# second\n")
    found = read(path)
    assert found.files == {"conv2d.py": "# second\n"}  # as unpacking it would
    assert "twice" in only_problem(found)


def test_a_deflate_stream_of_noise_is_damaged_not_an_error(tmp_path: Path) -> None:
    path = archive(tmp_path, {"conv2d.py": CONV * 100})
    raw = path.read_bytes()
    packed = zlib.compressobj(wbits=-15)
    stream = packed.compress((CONV * 100).encode()) + packed.flush()
    assert stream in raw
    path.write_bytes(raw.replace(stream, b"\xa5" * len(stream)))
    assert only_problem(read(path)).startswith("conv2d.py: is damaged")


# --------------------------------------------------------------------------------------------- notebooks


def test_a_notebook_gives_its_code_cells_and_nothing_else(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "# words"},
        {"cell_type": "code", "source": ["def conv2d(X, K):\n", "    return X\n"]},
        {"cell_type": "raw", "source": "raw"},
        {"cell_type": "code", "source": "a = 1"},
    ]
    found = read(folder(tmp_path, {"conv2d.ipynb": json.dumps({"cells": cells, "nbformat": 4})}))
    assert found.modules == {"conv2d": "conv2d"}
    assert found.files["conv2d.ipynb"].split() == [*CONV.split(), "a", "=", "1"]
    (part,) = found.graded.code["conv2d.py"]
    assert (part.label, part.source, part.kept) == ("conv2d.ipynb, cell 2", CONV, (0,))
    assert found.problems == ()
    assert remarks(found) == ["conv2d.ipynb, cell 4, line 1: no answer uses this, so it was not run: `a = 1`"]


def test_one_notebook_may_hold_all_exercises(tmp_path: Path, reference: dict[str, str]) -> None:
    path = tmp_path / "lin.ipynb"
    path.write_text(notebook(*reference.values()), encoding="utf-8")
    found = read(path)
    assert found.student == "lin"
    assert found.modules == {name: name for name in NAMES}
    labels = {part.label.partition(",")[0] for parts in found.graded.code.values() for part in parts}
    assert labels == {"lin.ipynb"}


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nx = 1",
        "!pip install torch\nx = 1",
        "x = 1\nprint?",
        "?print\nx = 1",
        "torch.nn??\nx = 1",
        "%%time\nx = 1",
        "%time x = 1",
        "!echo it's (\n!ls \\\n  *.py [\nx = 1",
        "files = !ls {folder} (\nx = 1",
        "!echo '" + "long " * 500 + "(\nx = 1",
        ">>> x = 1",
        "%%capture out\nx = 1",
        "x = 1\n%timeit f(1)\n",
        "if True:\n    %matplotlib inline\n    x = 1",
        "%load_ext autoreload\n%autoreload 2\nx = 1\n!ls -la | wc",
    ],
)
def test_lines_of_ipython_are_left_out_and_the_rest_runs(tmp_path: Path, cell: str) -> None:
    found = read(folder(tmp_path, {"conv2d.ipynb": notebook(cell)}))
    assert found.problems == ()
    scope = run(found.files["conv2d.ipynb"])
    assert scope["x"] == 1
    assert len(found.files["conv2d.ipynb"].splitlines()) == len(cell.splitlines())


def test_a_percent_that_is_python_stays_python_beside_a_magic(tmp_path: Path) -> None:
    cell = '%matplotlib inline\nx = (17\n  % 5)\ntext = """\n%d items\n!\n"""\ny = 9 \\\n  % 4\n'
    found = read(folder(tmp_path, {"conv2d.ipynb": notebook(cell)}))
    scope = run(found.files["conv2d.ipynb"])
    assert (scope["x"], scope["text"], scope["y"]) == (2, "\n%d items\n!\n", 1)


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%writefile helpers.py", "%%javascript", "\n%%sh"])
def test_a_cell_in_another_language_is_left_out_as_a_whole(tmp_path: Path, magic: str) -> None:
    found = read(folder(tmp_path, {"conv2d.ipynb": notebook(f"{magic}\necho 'hi\nrm -rf $HOME (", "x = 1")}))
    assert found.problems == ()
    scope = run(found.files["conv2d.ipynb"])
    assert scope["x"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'{"cells": 3}',
        b'{"cells": {}}',
        b'{"cells": null}',
        b'{"cells": "abc"}',
        b'{"worksheets": 3}',
        b"\xff\xfe{}",
        b"[" * 100_000,
    ],
)
def test_a_malformed_notebook_is_named_with_what_to_do(tmp_path: Path, raw: bytes) -> None:
    found = read(folder(tmp_path, {"conv2d.ipynb": raw, "pooling.py": "# p\n"}))
    assert found.modules == {"pooling": "pooling"}
    assert only_problem(found).startswith("conv2d.ipynb: can't be read as a notebook")
    assert "save it once in Jupyter" in only_problem(found)
    assert not re.search("Error|subscriptable|unhashable", only_problem(found))


@pytest.mark.parametrize(
    "raw",
    [
        '{"cells": []}',
        '{"cells": [3]}',
        '{"cells": [{"cell_type": "code"}]}',
        '{"cells": [{"cell_type": "code", "source": [1, 2]}]}',
        '{"cells": [{"cell_type": "code", "source": {"a": 1}}]}',
        '{"cells": [{"cell_type": ["code"], "source": "x = 1"}]}',
        '{"cells": [{"cell_type": "markdown", "source": "def conv2d(X, K): return X"}]}',
        '{"worksheets": []}',
        '{"worksheets": [3, {"cells": 3}, {}]}',
    ],
)
def test_a_notebook_without_code_is_named_with_what_to_do(tmp_path: Path, raw: str) -> None:
    found = read(folder(tmp_path, {"conv2d.ipynb": raw, "pooling.py": "# p\n"}))
    assert found.modules == {"pooling": "pooling"}
    assert only_problem(found) == "conv2d.ipynb: has no code in it. Open and save it once in Jupyter"


def test_a_notebook_of_a_format_before_4_is_read(tmp_path: Path) -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": CONV}]}], "nbformat": 3}
    found = read(folder(tmp_path, {"conv2d.ipynb": json.dumps(old)}))
    assert (found.files, found.problems) == ({"conv2d.ipynb": CONV}, ())


def test_no_cell_of_a_notebook_is_left_out_silently(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.ipynb": notebook(*["x = 1"] * MAX_CELLS, CONV)}))
    assert only_problem(found) == "conv2d.ipynb: has 1,001 cells; the limit is 1,000"


def test_notebook_commands_are_shown_as_they_were_written(tmp_path: Path) -> None:
    cells = ("%matplotlib inline", "!pip install einops", "%pip install einops", CONV)
    found = read(folder(tmp_path, {"conv2d.ipynb": notebook(*cells)}))
    shown = [line.partition("run: ")[2] for line in remarks(found)]
    assert shown == ["`!pip install einops`", "`%pip install einops`"]


def test_a_lone_surrogate_in_a_notebook_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    home = folder(
        tmp_path, {"conv2d.ipynb": '{"cells": [{"cell_type": "code", "source": "s = \'\\ud800\'"}]}'}
    )
    found = read(home)
    every = [*found.files.values(), *problems(found)]
    json.dumps(every, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("order", [("conv2d.py", "conv2d.ipynb"), ("conv2d.ipynb", "conv2d.py")])
def test_a_notebook_next_to_its_module_is_left_out_and_named(
    tmp_path: Path, zipped: bool, order: tuple[str, str]
) -> None:
    sources = {name: CONV if name.endswith(".py") else notebook("x = 1") for name in order}
    found = read(archive(tmp_path, sources) if zipped else folder(tmp_path, sources))
    assert [part.label for part in found.graded.code["conv2d.py"]] == ["conv2d.py"]
    assert only_problem(found) == "conv2d.ipynb: is left out: conv2d.py was read for conv2d"


def test_of_a_module_and_a_notebook_the_one_with_the_answer_is_read(tmp_path: Path) -> None:
    found = read(folder(tmp_path, {"conv2d.py": "x = 1\n", "conv2d.ipynb": notebook(CONV)}))
    assert [part.label for part in found.graded.code["conv2d.py"]] == ["conv2d.ipynb, cell 1"]
    assert only_problem(found) == "conv2d.py: is left out: conv2d.ipynb was read for conv2d"

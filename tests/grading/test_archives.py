"""Archives of every kind, intact and hostile, are read under limits, and files that aren't used are named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import signal
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.grading import collected as limits_of
from graders.grading.archives import unpack
from graders.grading.collected import Collecting
from graders.grading.file_kinds import Kind, code_name, kind_of, stem_of
from graders.grading.hand_in import HandIn, read
from graders.grading.limits import ReadingFailed, read_under_limits
from tests.conftest import write_submission
from tests.grading.exports import CODE, notebook, zipped
from tests.readings import die, echo, fail, leave, loaded, own_pid, spin, swallow

CONV, POOL = CODE["conv2d"], CODE["pooling"]
Files = Mapping[str, str | bytes]


def tarred(files: Files, mode: str = "w:gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            raw = data if isinstance(data, bytes) else data.encode()
            about = tarfile.TarInfo(name)
            about.size = len(raw)
            archive.addfile(about, io.BytesIO(raw))
    return made.getvalue()


def seven_zipped(files: Files, password: str | None = None) -> bytes:
    made = io.BytesIO()
    with py7zr.SevenZipFile(made, "w", password=password) as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return made.getvalue()


MAKERS: dict[str, Callable[[Files], bytes]] = {
    ".zip": zipped,
    ".tar": lambda files: tarred(files, "w"),
    ".tar.gz": tarred,
    ".tgz": tarred,
    ".tar.bz2": lambda files: tarred(files, "w:bz2"),
    ".tar.xz": lambda files: tarred(files, "w:xz"),
    ".7z": seven_zipped,
}


def problems(hand_in: HandIn) -> list[str]:
    return [str(problem) for problem in hand_in.problems]


def handed_in(tmp_path: Path, name: str, raw: bytes) -> HandIn:
    path = tmp_path / name
    path.write_bytes(raw)
    return read(path)


# --------------------------------------------------------------------------------------- every kind of them


@pytest.mark.parametrize("suffix", MAKERS)
def test_an_archive_reads_like_the_folder_in_it(tmp_path: Path, suffix: str) -> None:
    files = {"hw/conv2d.py": CONV, "hw/sub/helpers.py": "a = 1\n", "hw/pooling.ipynb": notebook(POOL)}
    found = handed_in(tmp_path, f"lin{suffix}", MAKERS[suffix](files))
    assert (found.student, set(found.modules)) == ("lin", {"conv2d", "pooling"})
    assert found.files["conv2d.py"] == CONV
    assert found.files["sub/helpers.py"] == "a = 1\n"
    assert found.problems == ()


@pytest.mark.parametrize("suffix", MAKERS)
def test_an_archive_in_a_students_folder_is_read_too(tmp_path: Path, suffix: str) -> None:
    files = {f"my hand-in{suffix}": MAKERS[suffix]({"conv2d.py": CONV})}
    found = read(write_submission(tmp_path / "lin", files))
    assert found.files == {"conv2d.py": CONV}


@pytest.mark.parametrize("suffix", MAKERS)
def test_in_every_kind_of_archive_what_is_not_used_is_named(tmp_path: Path, suffix: str) -> None:
    files = {
        "conv2d.py": CONV,
        "essay.pdf": b"%PDF",
        "data.npy": b"x",
        "__MACOSX/._conv2d.py": b"x",
        "__pycache__/conv2d.pyc": b"x",
        ".DS_Store": b"x",
        "conftest.py": "import os",
        "a/b/c/d/e/f/g/h/i/deep.py": "x = 1\n",
        "big.py": "#" * (limits_of.MAX_FILE_BYTES + 1),
    }
    found = handed_in(tmp_path, f"lin{suffix}", MAKERS[suffix](files))
    assert found.files == {"conv2d.py": CONV}
    assert {problem.file for problem in found.problems} == set(files) - {
        "conv2d.py",
        "__MACOSX/._conv2d.py",
        "__pycache__/conv2d.pyc",
        ".DS_Store",
    }


@pytest.mark.parametrize("inner", MAKERS)
@pytest.mark.parametrize("outer", [".zip", ".tgz", ".7z"])
def test_archives_in_archives_are_read(tmp_path: Path, outer: str, inner: str) -> None:
    raw = MAKERS[outer]({f"sub/inner{inner}": MAKERS[inner]({"conv2d.py": CONV, "essay.docx": b"x"})})
    found = handed_in(tmp_path, f"lin{outer}", raw)
    assert found.files == {"conv2d.py": CONV}
    (line,) = problems(found)
    assert line.startswith(f"sub/inner{inner}/essay.docx: is a document and was not read")


def test_a_single_file_that_was_packed_is_read(tmp_path: Path) -> None:
    found = handed_in(tmp_path, "conv2d.py.gz", gzip.compress(CONV.encode()))
    assert found.files == {"conv2d.py": CONV}


def test_archives_nested_too_deeply_are_named(tmp_path: Path) -> None:
    raw = zipped({"conv2d.py": CONV})
    for depth in range(limits_of.MAX_NESTING + 1):
        raw = zipped({f"{depth}.zip": raw})
    found = handed_in(tmp_path, "lin.zip", raw)
    (line,) = problems(found)
    assert line == "3.zip/2.zip/1.zip/0.zip: is left out: archives are nested more than 3 deep"


@pytest.mark.parametrize("name", ["lin.rar", "lin.zip", "lin.7z"])
def test_rar_is_named_by_what_it_is_and_with_what_to_do(tmp_path: Path, name: str) -> None:
    (line,) = problems(handed_in(tmp_path, name, b"Rar!\x1a\x07\x01\x00" + bytes(50)))
    assert line.startswith(f"{name}: is a RAR archive, which can't be read here. Hand in a .zip")


def test_an_archive_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    for name, raw in (
        ("a.zip", tarred({"conv2d.py": CONV})),
        ("b.tar.gz", zipped({"conv2d.py": CONV})),
        ("c.zip", seven_zipped({"conv2d.py": CONV})),
        ("d.rar", zipped({"conv2d.py": CONV})),
        ("e.tgz", tarred({"conv2d.py": CONV}, "w")),
    ):
        assert handed_in(tmp_path, name, raw).files == {"conv2d.py": CONV}, name


@pytest.mark.parametrize("suffix", MAKERS)
def test_a_file_that_is_not_an_archive_is_named(tmp_path: Path, suffix: str) -> None:
    for raw in (b"", b"no archive at all", MAKERS[suffix]({"conv2d.py": CONV})[:20]):
        found = handed_in(tmp_path, f"lin{suffix}", raw)
        assert found.files == {}
        assert len(found.problems) == 1
        assert str(found.problems[0]).startswith(f"lin{suffix}: ")


def test_an_archive_with_a_password_is_named(tmp_path: Path) -> None:
    (line,) = problems(handed_in(tmp_path, "lin.7z", seven_zipped({"conv2d.py": CONV}, password="x")))
    assert line == "lin.7z: is encrypted; hand in an archive without a password"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_left_out(tmp_path: Path, kind: bytes) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        about = tarfile.TarInfo("conv2d.py")
        about.type, about.linkname = kind, "/etc/passwd"
        archive.addfile(about)
    found = handed_in(tmp_path, "lin.tar", made.getvalue())
    assert found.files == {}
    assert problems(found)[0].startswith("conv2d.py: is left out")


def test_a_path_out_of_a_tar_is_left_out(tmp_path: Path) -> None:
    files = {"../conv2d.py": CONV, "/etc/x.py": CONV, "pooling.py": POOL}
    found = handed_in(tmp_path, "lin.tgz", tarred(files))
    assert found.files == {"pooling.py": POOL}
    assert len(found.problems) == 2


def test_the_same_file_beside_an_archive_comes_first_and_the_other_is_named(tmp_path: Path) -> None:
    found = read(
        write_submission(
            tmp_path / "lin",
            {"a.zip": zipped({"conv2d.py": "old = 1\n", "pooling.py": POOL}), "conv2d.py": CONV},
        )
    )
    assert found.files == {"conv2d.py": CONV, "pooling.py": POOL}
    assert problems(found) == ["a.zip/conv2d.py: is left out: conv2d.py was read"]


def test_of_two_archives_with_one_file_the_second_is_named(tmp_path: Path) -> None:
    two = {"a.zip": zipped({"conv2d.py": CONV}), "b.zip": zipped({"conv2d.py": "x = 1\n"})}
    found = read(write_submission(tmp_path / "lin", two))
    assert found.files == {"conv2d.py": CONV}
    assert problems(found) == ["b.zip/conv2d.py: is left out: conv2d.py from a.zip was read"]


# ------------------------------------------------------------------------- files, by names and by their kind


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("conv2d.py.txt", "conv2d.py"),
        ("conv2d.PY.TXT", "conv2d.PY"),
        ("conv2d.ipynb.json", "conv2d.ipynb"),
        ("conv2d.ipynb.txt", "conv2d.ipynb"),
        ("sub/conv2d.py.html", "sub/conv2d.py"),
    ],
)
def test_code_saved_as_text_is_read_and_reported(tmp_path: Path, name: str, meant: str) -> None:
    text = notebook(CONV) if "ipynb" in name else CONV
    found = read(write_submission(tmp_path / "lin", {name: text}))
    assert set(found.modules) == {"conv2d"}
    line = f"{name}: looks like {meant} saved under another name; it was read as {meant}"
    assert line in problems(found)


def test_code_saved_as_text_beside_the_code_itself_is_left_out_and_named(tmp_path: Path) -> None:
    for files in (
        {"conv2d.py.txt": "x = 1\n", "conv2d.py": CONV},
        {"a.zip": zipped({"conv2d.py.txt": "x", "conv2d.py": CONV})},
    ):
        found = read(write_submission(tmp_path / f"lin{len(files)}", files))
        assert found.files == {"conv2d.py": CONV}
        assert problems(found) == ["conv2d.py.txt: is left out: conv2d.py was read"]


@pytest.mark.parametrize("copy", ["conv2d (1).py", "conv2d - Copy.py", "conv2d-1.py", "conv2d copy.py"])
def test_a_second_copy_beside_the_first_is_named(tmp_path: Path, copy: str) -> None:
    found = read(write_submission(tmp_path / "lin", {"conv2d.py": CONV, copy: "x = 1\n"}))
    assert found.modules == {"conv2d": "conv2d"}
    assert problems(found) == [f"{copy}: is left out: conv2d.py was read for conv2d"]


def test_every_file_that_is_not_used_is_named_with_a_reason(tmp_path: Path) -> None:
    home = write_submission(
        tmp_path / "lin",
        {
            "conv2d.py": CONV,
            "essay.pdf": b"%PDF",
            "report.docx": b"PK",
            "plot.png": b"x",
            "notes.txt": "x",
            "weights.pt": b"x",
            "venv/lib/torch/x.py": "x",
            ".git/HEAD": "x",
            ".ipynb_checkpoints/conv2d-checkpoint.py": "x",
            "1/2/3/4/5/6/7/8/9/pooling.py": POOL,
        },
    )
    (home / "link.py").symlink_to(home / "conv2d.py")
    said = "\n".join(problems(read(home)))
    for name in (
        "essay.pdf",
        "report.docx",
        "plot.png",
        "notes.txt",
        "weights.pt",
        "venv/",
        "link.py",
        "1/2/3/4",
    ):
        assert name in said
    assert ".git" not in said and "checkpoint" not in said


def test_handing_in_the_whole_kit_is_fine_except_for_its_instructions(tmp_path: Path, kit: Path) -> None:
    assert problems(read(kit)) == [
        "README.md: is not code and was not read; the same goes for requirements.txt"
    ]


def test_a_notebook_with_pictures_of_20_megabytes_is_read(tmp_path: Path) -> None:
    raw = notebook(CONV)[:-1] + ', "pictures": "' + "x" * 20_000_000 + '"}'
    assert read(write_submission(tmp_path / "lin", {"conv2d.ipynb": raw})).modules == {"conv2d": "conv2d"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv2d.py", Kind.CODE),
        ("A/B.IPYNB", Kind.CODE),
        ("hw.TAR.GZ", Kind.ARCHIVE),
        ("conv2d.py.txt", Kind.AS_TEXT),
        ("essay.PDF", Kind.DOCUMENT),
        ("setup.py", Kind.STARTS_BY_ITSELF),
        ("venv/lib/x.py", Kind.INSTALLED),
        ("notes.txt", Kind.OTHER),
        ("__MACOSX/a.py", Kind.JUNK),
        ("a/.git/x.py", Kind.JUNK),
        ("Thumbs.db", Kind.JUNK),
    ],
)
def test_a_files_kind_is_in_its_name(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


def test_stems_and_meant_names() -> None:
    assert [stem_of(n) for n in ("hw.tar.gz", "v1.2.ipynb", "a.py.txt", "J. Doe")] == [
        "hw",
        "v1.2",
        "a",
        "J. Doe",
    ]
    assert code_name("conv2d.py.txt") == "conv2d.py" and code_name("notes.txt") == "notes.txt"


# ------------------------------------------------------------------------------- limits, counted in bytes


def job(path: Path, name: str) -> dict[str, Any]:
    return {"path": str(path), "name": name, "total": 0, "entries": 0}


NAMES = [f"{folder}{name}" for folder in ("", "a/") for name in ("x.py", "y.ipynb", "z.zip", "w.bin")]
MEMBERS = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 5000), max_size=8)


@settings(max_examples=60, deadline=None)
@given(members=MEMBERS, suffix=st.sampled_from([".zip", ".tar", ".tgz", ".7z"]), factor=st.integers(1, 40))
def test_no_more_is_read_than_the_limits_allow(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, int], suffix: str, factor: int
) -> None:
    small = {"MAX_FILE_BYTES": 700, "MAX_NOTEBOOK_BYTES": 2500, "MAX_TOTAL_BYTES": 6000, "MAX_FILES": 4}
    path = tmp_path_factory.mktemp("made") / f"lin{suffix}"
    path.write_bytes(MAKERS[suffix]({name: b"#" * (size * factor // 10) for name, size in members.items()}))
    counted: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in small.items():
            patch.setattr(limits_of, name, value)
        spend = Collecting.spend
        patch.setattr(Collecting, "spend", lambda self, size: (counted.append(size), spend(self, size))[1])
        found = unpack(job(path, path.name))
    # What is read is at most the limit for all and the one part that went over it.
    assert sum(counted) <= small["MAX_TOTAL_BYTES"] + (1 << 16)
    assert len(found["files"]) <= small["MAX_FILES"]
    for name, data, _ in found["files"]:
        assert len(data) <= small["MAX_NOTEBOOK_BYTES" if name.endswith("ipynb") else "MAX_FILE_BYTES"]
    # And nothing is lost without a word.
    said = " ".join(f"{name} {why}" for name, why in found["problems"])
    read_names = {name for name, _, _ in found["files"]}
    named = read_names | set(found["others"])
    assert "is where reading stopped" in said or all(name in named or name in said for name in members)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_damaged_archive_makes_reading_raise_or_grow(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from(sorted(MAKERS)))
    raw = bytearray(MAKERS[suffix]({"conv2d.py": CONV * 20, "a/pooling.ipynb": notebook(POOL)}))
    places = st.integers(0, 10_000)  # an archive's length varies with the time at which it was made
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)):
        raw[place % len(raw)] = value
    kept = data.draw(st.none() | places)
    raw = raw if kept is None else raw[: kept % len(raw)]
    found = handed_in(tmp_path_factory.mktemp("hurt"), f"lin{suffix}", bytes(raw))
    assert sum(map(len, found.files.values())) < 100_000


@pytest.mark.parametrize(
    ("suffix", "packed"), [(".tar.gz", gzip.compress), (".tar.bz2", bz2.compress), (".tar.xz", lzma.compress)]
)
def test_a_tar_that_grows_without_end_is_read_no_further_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, packed: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr("graders.grading.archives.MAX_STREAM_BYTES", 1 << 20)
    files = {"conv2d.py": CONV, "weights.bin": bytes(4 << 20), "pooling.py": POOL}
    path = tmp_path / f"lin{suffix}"
    path.write_bytes(packed(tarred(files, "w")))
    found = unpack(job(path, path.name))
    assert [name for name, _, _ in found["files"]] == ["conv2d.py"]
    assert found["problems"] == [[path.name, "is where reading stopped: more than 1 MB when unpacked"]]


def test_an_archive_that_exceeds_its_limits_is_a_problem_and_affects_no_other_file(
    tmp_path: Path,
) -> None:
    bomb = seven_zipped({"a.bin": bytes(400 << 20), "b.py": CONV})
    files = {"bomb.7z": bomb, "conv2d.py": CONV, "p.zip": zipped({"pooling.py": POOL})}
    found = read(write_submission(tmp_path / "lin", files))
    assert set(found.files) >= {"conv2d.py", "pooling.py"}
    assert any(line.startswith("bomb.7z: needs more than 256 MB of memory") for line in problems(found))


def test_if_a_nested_archive_is_too_much_the_rest_is_still_read(tmp_path: Path) -> None:
    bomb = seven_zipped({"a.bin": bytes(400 << 20), "b.py": CONV})
    found = handed_in(tmp_path, "lin.zip", zipped({"bomb.7z": bomb, "conv2d.py": CONV}))
    assert found.files == {"conv2d.py": CONV}
    assert problems(found) == ["bomb.7z: is left out: reading it takes too much time or memory"]


def test_only_a_limited_number_of_archives_is_opened(tmp_path: Path) -> None:
    files = {f"{n:02}.zip": zipped({f"m{n}.py": "x = 1\n"}) for n in range(limits_of.MAX_ARCHIVES + 3)}
    found = read(write_submission(tmp_path / "lin", files))
    assert len(found.files) == limits_of.MAX_ARCHIVES
    assert problems(found) == [f"{name}: is left out: more than 20 archives" for name in sorted(files)[-3:]]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zips_with_another_compression_than_deflate_are_named(tmp_path: Path, method: int) -> None:
    path = tmp_path / "lin.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("conv2d.py", CONV)
    (line,) = problems(read(path))
    assert line == "conv2d.py: is compressed in a way that can't be read here; make an ordinary .zip"


# ---------------------------------------------------------------------- the process that does the reading


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(PLAIN)
def test_plain_data_come_back_unchanged(value: Any) -> None:
    assert read_under_limits(echo, value, value) == [value, value]


def test_large_data_come_back_too() -> None:
    data = os.urandom(1 << 20) * 20
    assert read_under_limits(echo, data) == [data]


@pytest.mark.parametrize(
    ("function", "arguments", "why"),
    [
        (spin, (), "takes more than 1 s to read"),
        (swallow, (), "needs more than 256 MB of memory to read"),
        (die, (int(signal.SIGSEGV),), "cannot be read: it crashed the process that was reading it"),
        (leave, (), "needs more than 256 MB"),
        (fail, (), r"^cannot be read \(KeyError\)$"),
    ],
)
def test_what_dies_is_a_failed_reading_that_says_why(
    function: Callable[..., Any], arguments: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(ReadingFailed, match=why):
        read_under_limits(function, *arguments, cpu_seconds=1)
    assert read_under_limits(echo, 1) == [1]  # and costs no other


def test_every_reading_has_a_process_of_its_own_and_none_is_left() -> None:
    import psutil

    pids = {read_under_limits(own_pid) for _ in range(5)}
    assert len(pids) == 5 and os.getpid() not in pids
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_the_reading_process_has_not_loaded_torch(tmp_path: Path) -> None:
    assert handed_in(tmp_path, "lin.7z", seven_zipped({"conv2d.py": CONV})).files
    assert read_under_limits(loaded, "graders.grading.archives")
    assert not read_under_limits(loaded, "torch")


def test_a_helper_that_was_killed_is_restarted() -> None:
    import psutil

    read_under_limits(echo, 1)
    for child in psutil.Process().children():
        if "graders.grading.limits" in " ".join(child.cmdline()):
            child.kill()
            child.wait()
    assert read_under_limits(echo, 2) == [2]

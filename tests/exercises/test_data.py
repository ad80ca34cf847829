"""Where the images come from: the search order, the message of each failure, and the bundled images."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import Tensor
from torchvision import datasets

from exercises import data
from exercises.data import NoImages
from graders.course.bundle import bundle

DOWNLOAD = datasets.MNIST.download
PACKAGE = Path("/usr/share/datasets/fashion-mnist")
FILES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]
debian = pytest.mark.skipif(
    not PACKAGE.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed on this machine"
)


@pytest.fixture(autouse=True)
def an_empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, no package, nothing downloaded, and no network."""
    monkeypatch.delenv(data.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    install_package_at(tmp_path / "package", monkeypatch)

    def offline(*arguments: Any, **options: Any) -> None:
        raise URLError("no route to host")

    for published in (datasets.FashionMNIST, datasets.MNIST):
        monkeypatch.setattr(published, "download", offline)


def install_package_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = data.SOURCES["fashion-mnist"]
    moved = data.Source(**{**vars(source), "package": ("dataset-fashion-mnist", folder)})
    monkeypatch.setitem(data.SOURCES, "fashion-mnist", moved)


def files_in(folder: Path, *, plain: bool = False) -> Path:
    """The four files, copied from the bundle."""
    folder.mkdir(parents=True)
    for name in FILES:
        packed = data.BUNDLED / f"{name}.gz"
        if plain:
            (folder / name).write_bytes(gzip.decompress(packed.read_bytes()))
        else:
            shutil.copyfile(packed, folder / packed.name)
    return folder


def idx(values: Tensor) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.dim()]) + sizes + values.to(torch.uint8).numpy().tobytes()


def refused(root: Path | str | None = None, name: str = "fashion-mnist") -> str:
    with pytest.raises(NoImages) as caught:
        data.load(name, root)
    return str(caught.value)


# -------------------------------------------------------------------------------------- order of search


def test_a_folder_given_comes_before_the_variable_the_package_and_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = files_in(data.cache() / "FashionMNIST" / "raw")
    assert data.find("fashion-mnist") == cached
    package = files_in(tmp_path / "package")
    assert data.find("fashion-mnist") == package
    named = files_in(tmp_path / "named")
    monkeypatch.setenv(data.VARIABLE, str(named))
    assert data.find("fashion-mnist") == named
    given = files_in(tmp_path / "given")
    assert data.find("fashion-mnist", given) == given


def test_a_folder_given_without_files_is_an_error_even_if_there_are_some_elsewhere(tmp_path: Path) -> None:
    files_in(tmp_path / "package")
    (tmp_path / "given").mkdir()
    assert "--data gave" in refused(tmp_path / "given")


def test_a_package_that_lacks_a_file_is_skipped(tmp_path: Path) -> None:
    cached = files_in(data.cache() / "FashionMNIST" / "raw")
    (files_in(tmp_path / "package") / f"{FILES[3]}.gz").unlink()
    assert data.find("fashion-mnist") == cached


def test_mnist_is_not_taken_from_the_package_of_fashion_mnist(tmp_path: Path) -> None:
    files_in(tmp_path / "package")
    assert "MNIST is not on this machine" in refused(name="mnist")


@pytest.mark.parametrize("below", ["", "FashionMNIST/raw", "FashionMNIST", "raw"])
@pytest.mark.parametrize("plain", [False, True], ids=["gzipped", "plain"])
def test_files_are_found_in_the_folder_itself_and_where_torchvision_puts_them(
    tmp_path: Path, below: str, plain: bool
) -> None:
    where = files_in(tmp_path / "given" / below, plain=plain)
    train, test = data.load(root=tmp_path / "given")
    assert (train.folder, len(train), len(test)) == (where, 400, 200)


def test_files_of_both_data_sets_in_one_folder_are_kept_apart(tmp_path: Path) -> None:
    fashion = files_in(tmp_path / "FashionMNIST" / "raw")
    digits = files_in(tmp_path / "MNIST" / "raw")
    assert data.find("fashion-mnist", tmp_path) == fashion
    assert data.find("mnist", tmp_path) == digits


@dataclass
class Mirror:
    """A local server that torchvision's own code downloads from."""

    folder: Path
    asked: list[str]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror with the bundled files and their checksums."""
    found = Mirror(files_in(tmp_path / "served"), [])

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_: object) -> None:
            found.asked.append(self.path.removeprefix("/"))

        def log_error(self, *_: object) -> None:
            pass

    handler = partial(Handler, directory=str(found.folder))
    checksums = [
        (f"{name}.gz", hashlib.md5((found.folder / f"{name}.gz").read_bytes()).hexdigest()) for name in FILES
    ]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        for published in (datasets.FashionMNIST, datasets.MNIST):
            monkeypatch.setattr(published, "download", DOWNLOAD)
            monkeypatch.setattr(published, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
            monkeypatch.setattr(published, "resources", checksums)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.mark.parametrize(("name", "third"), [("mnist", "3 - three"), ("fashion-mnist", "Dress")])
def test_what_torchvision_downloads_is_used_and_not_downloaded_again(
    mirror: Mirror, name: str, third: str
) -> None:
    assert not data.is_here(name)
    for asked in ({f"{file}.gz" for file in FILES}, set()):
        train, test = data.load(name)
        assert train.classes[3] == third
        assert (len(train), len(test)) == (400, 200)
        assert set(mirror.asked) == asked
        mirror.asked.clear()
        assert data.is_here(name)


def test_a_download_that_breaks_off_is_an_error_that_names_the_file_and_the_next_step(mirror: Mirror) -> None:
    labels = mirror.folder / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(labels.read_bytes()[:-20])
    said = refused()
    assert "the download to" in said and "failed" in said
    assert "--data FOLDER" in said
    assert not data.is_here("fashion-mnist")


def test_a_server_without_the_files_is_an_error_that_says_so(mirror: Mirror) -> None:
    for file in mirror.folder.iterdir():
        file.unlink()
    said = refused(name="mnist")
    assert "404" in said or "Error downloading" in said
    assert "--data FOLDER" in said


@debian
def test_the_files_of_the_package_are_all_of_fashion_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    install_package_at(PACKAGE, monkeypatch)
    train, test = data.load()
    assert train.folder == PACKAGE
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.targets.bincount().tolist() == [6_000] * 10
    assert test.targets.bincount().tolist() == [1_000] * 10
    pixels = train.data.double() / 255
    assert pixels.mean().item() == pytest.approx(data.SOURCES["fashion-mnist"].mean, abs=5e-5)
    assert pixels.std().item() == pytest.approx(data.SOURCES["fashion-mnist"].deviation, abs=5e-5)


# ------------------------------------------------------------------------------------- what failures say


def test_without_images_and_network_the_message_names_three_ways_on() -> None:
    said = refused()
    assert "no route to host" in said
    assert "apt install dataset-fashion-mnist" in said
    assert "--data FOLDER" in said
    assert "--data bundled" in said


def test_for_mnist_nothing_is_proposed_that_holds_fashion_mnist() -> None:
    said = refused(name="mnist")
    assert "--data FOLDER" in said
    assert "apt" not in said and "bundled" not in said


def test_an_unknown_data_set_is_answered_with_those_there_are() -> None:
    assert "The data sets are: fashion-mnist, mnist" in refused(name="cifar")


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path / "nowhere")
    assert f"{tmp_path / 'nowhere'}, given by --data, is not a folder" in said
    assert "bundled" in said


def test_a_variable_with_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path / "nowhere"))
    assert f"the environment variable {data.VARIABLE}" in refused()


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path, missing: str) -> None:
    folder = files_in(tmp_path / "given")
    (folder / f"{missing}.gz").unlink()
    said = refused(folder)
    assert said.startswith(f"{missing} (or {missing}.gz) is not in {folder}")
    assert "--data FOLDER" in said


def test_the_bundled_images_are_not_passed_off_as_mnist() -> None:
    assert "are Fashion-MNIST, not MNIST" in refused("bundled", name="mnist")


IMAGES, LABELS = torch.zeros(400, 28, 28), torch.zeros(400)
DAMAGED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "images cut short": (
        FILES[0],
        lambda raw: raw[:-1000],
        "should contain 313600 bytes of data, but contains 312600",
    ),
    "images too long": (
        FILES[0],
        lambda raw: raw + b"\0",
        "should contain 313600 bytes of data, but contains 313601",
    ),
    "labels cut short": (
        FILES[1],
        lambda raw: raw[:100],
        "should contain 400 bytes of data, but contains 92",
    ),
    "a header cut short": (FILES[2], lambda raw: raw[:9], "doesn't start like a file of images"),
    "nothing at all": (FILES[3], lambda raw: b"", "doesn't start like a file of labels"),
    "a web page": (FILES[1], lambda raw: b"<!DOCTYPE html>" + raw, "doesn't start like a file of labels"),
    "labels for images": (FILES[0], lambda raw: idx(LABELS), "doesn't start like a file of images"),
    "other images": (FILES[0], lambda raw: idx(torch.zeros(400, 32, 32)), "32 × 32; they must be 28 × 28"),
    "fewer images than labels": (FILES[0], lambda raw: idx(IMAGES[:7]), "contains 7 images, but"),
    "an eleventh class": (
        FILES[1],
        lambda raw: idx(LABELS + 10),
        "contains the label 10; labels must be 0 to 9",
    ),
}


@pytest.mark.parametrize("plain", [False, True], ids=["gzipped", "plain"])
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: str, plain: bool) -> None:
    name, change, message = DAMAGED[damage]
    folder = files_in(tmp_path / "given", plain=plain)
    path = folder / (name if plain else f"{name}.gz")
    raw = change(path.read_bytes() if plain else unpacked(path))
    path.write_bytes(raw if plain else gzip.compress(raw))
    said = refused(folder)
    assert said.startswith(str(path)) and message in said
    assert "again" in said or "must be" in said


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def test_no_images_at_all_are_refused(tmp_path: Path) -> None:
    folder = files_in(tmp_path / "given")
    (folder / f"{FILES[0]}.gz").write_bytes(gzip.compress(idx(IMAGES[:0])))
    (folder / f"{FILES[1]}.gz").write_bytes(gzip.compress(idx(LABELS[:0])))
    assert "contains no images" in refused(folder)


@pytest.mark.parametrize("damage", ["cut short", "one bit", "no gzip"])
def test_a_damaged_archive_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    folder = files_in(tmp_path / "given")
    path = folder / f"{FILES[0]}.gz"
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2] ^= 1
    changed = {"cut short": path.read_bytes()[:50_000], "one bit": bytes(packed), "no gzip": b"not found\n"}
    path.write_bytes(changed[damage])
    said = refused(folder)
    assert said.startswith(f"{path} is damaged")
    assert "Delete it and download it again" in said


def test_a_file_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = files_in(tmp_path / "given")

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert re.match(rf"{folder / FILES[0]}\.gz can't be read \(Permission denied\)", refused(folder))


# --------------------------------------------------------------------------------------- what is handed out


def test_an_image_is_float32_between_0_and_1_with_one_channel() -> None:
    train, _ = data.load(root="bundled")
    image, label = train[0]
    assert (image.shape, image.dtype, type(label)) == ((1, 28, 28), torch.float32, int)
    assert image.min() == 0 and image.max() <= 1
    torch.testing.assert_close(image[0].as_subclass(Tensor) * 255, train.data[0].float())


@pytest.mark.parametrize("standardised", [False, True])
def test_all_images_at_once_are_the_same_as_one_by_one(standardised: bool) -> None:
    train, _ = data.load(root="bundled", transform=data.scaled("fashion-mnist", standardised=standardised))
    X, y = train.tensors()
    assert type(X) is Tensor and X.shape == (400, 1, 28, 28)
    torch.testing.assert_close(X, torch.stack([train[place][0] for place in range(400)]))
    assert y.tolist() == [train[place][1] for place in range(400)]


def test_standardised_pixels_have_about_mean_0_and_variance_1() -> None:
    train, _ = data.load(root="bundled", transform=data.scaled("fashion-mnist", standardised=True))
    X, _ = train.tensors()
    assert abs(X.mean().item()) < 0.05 and abs(X.std().item() - 1) < 0.05


def test_a_custom_transform_is_applied() -> None:
    train, _ = data.load(root="bundled", transform=lambda image: 255 - image)
    assert torch.equal(train[5][0][0], 255 - train.data[5])


# ------------------------------------------------------------------------------------------- the bundle


def test_the_bundle_is_balanced_and_small() -> None:
    train, test = data.load(root="bundled")
    assert train.targets.bincount().tolist() == [40] * 10
    assert test.targets.bincount().tolist() == [20] * 10
    assert train.data.min() == test.data.min() == 0
    assert train.data.max() == test.data.max() == 255
    assert train.data.float().mean().item() / 255 == pytest.approx(0.286, abs=0.01)
    assert sum(path.stat().st_size for path in data.BUNDLED.iterdir()) < 400_000


def test_no_image_is_in_the_bundle_twice() -> None:
    train, test = data.load(root="bundled")
    images = torch.cat([train.data, test.data]).flatten(1)
    assert len(torch.unique(images, dim=0)) == len(images)


def test_the_bundle_is_what_its_provenance_says() -> None:
    text = (data.BUNDLED / "README.txt").read_text(encoding="utf-8")
    for name in FILES:
        digest = hashlib.sha256(unpacked(data.BUNDLED / f"{name}.gz")).hexdigest()
        assert re.search(rf"{name} +{digest}", text), name
    for word in ("seed 1998", "MIT", "Zalando SE", "https://github.com/zalandoresearch/fashion-mnist"):
        assert word in text


@debian
def test_the_bundle_is_drawn_again_from_its_seed(tmp_path: Path) -> None:
    bundle(tmp_path / "drawn", PACKAGE)
    for name in FILES:
        assert unpacked(tmp_path / "drawn" / f"{name}.gz") == unpacked(data.BUNDLED / f"{name}.gz")


def test_the_kit_has_the_bundle_with_its_provenance(kit: Path) -> None:
    shipped = kit / "exercises" / "images"
    assert {path.name for path in shipped.iterdir()} == {f"{name}.gz" for name in FILES} | {"README.txt"}
    for path in shipped.iterdir():
        assert path.read_bytes() == (data.BUNDLED / path.name).read_bytes()

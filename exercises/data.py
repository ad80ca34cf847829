"""Load Fashion-MNIST or MNIST: from a folder, from Debian's package, or by download.

>>> train, test = load("fashion-mnist", root="bundled")
>>> len(train), len(test), train.classes[train[0][1]]
(400, 200, 'Shirt')
>>> train[0][0].shape, train[0][0].dtype
(torch.Size([1, 28, 28]), torch.float32)
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor
from torchvision import datasets, tv_tensors
from torchvision.transforms import v2

BUNDLED = Path(__file__).parent / "images"
VARIABLE = "CNN_DATA"
"""The environment variable that names the folder with the images if no argument does."""
SIDE = 28
CLASSES = 10


class NoImages(Exception):
    """The images couldn't be loaded; the message says why, and what to do next."""


@dataclass(frozen=True)
class Source:
    """One of the data sets.

    Attributes:
        title: its usual name.
        published: torchvision's class for it, which knows the names of the classes and how to download it.
        package: Debian's package for it, if there is one, and the folder that the package installs.
        mean, deviation: mean and standard deviation of the training images' pixels, scaled to 0 to 1.
    """

    title: str
    published: type[datasets.MNIST]
    package: tuple[str, Path] | None
    mean: float
    deviation: float


SOURCES = {
    "fashion-mnist": Source(
        title="Fashion-MNIST",
        published=datasets.FashionMNIST,
        package=("dataset-fashion-mnist", Path("/usr/share/datasets/fashion-mnist")),
        mean=0.2860,
        deviation=0.3530,
    ),
    "mnist": Source(title="MNIST", published=datasets.MNIST, package=None, mean=0.1307, deviation=0.3081),
}


class Images(datasets.VisionDataset):  # type: ignore[misc]
    """Images and labels from a pair of files in MNIST format, plain or gzipped.

    Attributes:
        folder: the folder that contains the files.
        data: all images as stored, `(N, 28, 28)`, uint8.
        targets: their classes, `(N,)`, int64.
        classes: the names of the ten classes.
    """

    def __init__(
        self, folder: Path, train: bool, classes: list[str], transform: Callable[..., Any] | None = None
    ) -> None:
        super().__init__(folder, transform=transform)
        part = "train" if train else "t10k"
        self.folder = folder
        self.classes = classes
        images, labels = (
            _file(folder, f"{part}-images-idx3-ubyte"),
            _file(folder, f"{part}-labels-idx1-ubyte"),
        )
        self.data = _read(images, dimensions=3)
        self.targets = _read(labels, dimensions=1).long()
        if self.data.shape[1:] != (SIDE, SIDE):
            height, width = self.data.shape[1:]
            raise NoImages(f"{images} contains images of {height} × {width}; they must be {SIDE} × {SIDE}.")
        if len(self.data) != len(self.targets):
            raise NoImages(
                f"{images} contains {len(self.data)} images, but {labels} contains "
                f"{len(self.targets)} labels. The files don't belong together: download both again, from the "
                "same source."
            )
        if not len(self.data):
            raise NoImages(f"{images} contains no images. Download the file again.")
        if int(self.targets.max()) >= CLASSES:
            raise NoImages(
                f"{labels} contains the label {int(self.targets.max())}; labels must be 0 to 9. "
                "Download the file again."
            )

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = tv_tensors.Image(self.data[index].unsqueeze(0))
        return (image if self.transform is None else self.transform(image)), int(self.targets[index])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """All images `(N, 1, 28, 28)`, transformed in one go, and their classes `(N,)`.

        This is several hundred times faster than loading the images one by one. Use it only with transforms
        that aren't random.
        """
        stack = tv_tensors.Image(self.data.unsqueeze(1))
        images = stack if self.transform is None else self.transform(stack)
        return images.as_subclass(Tensor), self.targets


def scaled(name: str, *, standardised: bool = False) -> v2.Compose:
    """A transform to float32 values from 0 to 1, or with mean 0 and variance 1 over the training images."""
    steps: list[Any] = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    if standardised:
        steps.append(v2.Normalize([SOURCES[name].mean], [SOURCES[name].deviation]))
    return v2.Compose(steps)


def load(
    name: str = "fashion-mnist",
    root: str | Path | None = None,
    *,
    transform: Callable[..., Any] | None = None,
) -> tuple[Images, Images]:
    """Load the training images and the test images.

    Args:
        name: `"fashion-mnist"` or `"mnist"`.
        root: the folder that contains the files; `"bundled"` for the 600 images of Fashion-MNIST that come
            with the exercises. If None, the environment variable `CNN_DATA` names the folder; if that isn't
            set, the files of Debian's package are used, and otherwise torchvision downloads them to a cache
            once.
        transform: applied to each image; by default, it scales pixels to values from 0 to 1.

    Raises:
        NoImages: the images couldn't be loaded; the message says what to do next.
    """
    folder = find(name, root)
    classes = list(SOURCES[name].published.classes)
    chosen = scaled(name) if transform is None else transform
    return Images(folder, True, classes, chosen), Images(folder, False, classes, chosen)


def find(name: str, root: str | Path | None = None) -> Path:
    """Find the folder with the files of a data set; download them if they aren't on this machine.

    Raises:
        NoImages: the files couldn't be found or downloaded; the message says what to do next.
    """
    if name not in SOURCES:
        raise NoImages(f"There is no data set {name!r}. The data sets are: {', '.join(SOURCES)}.")
    source = SOURCES[name]
    if root is not None:
        return _in(Path(root), source, named_by="--data")
    if os.environ.get(VARIABLE):
        return _in(Path(os.environ[VARIABLE]), source, named_by=f"the environment variable {VARIABLE}")
    if source.package is not None and not _missing(source.package[1]):
        return source.package[1]
    return _downloaded(source)


def is_here(name: str) -> bool:
    """Whether `load` without a folder works without a download."""
    package = SOURCES[name].package
    installed = package is not None and not _missing(package[1])
    return installed or bool(os.environ.get(VARIABLE)) or not _missing(_cached(SOURCES[name]))


def cache() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnn-by-hand"


def file_names() -> list[str]:
    """The four files of a data set, without `.gz`."""
    return [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


def _in(root: Path, source: Source, named_by: str) -> Path:
    """The folder that contains the four files: `root` or one below it."""
    if str(root) == "bundled":
        if source is not SOURCES["fashion-mnist"]:
            raise NoImages(f"The images that come with the exercises are Fashion-MNIST, not {source.title}.")
        return BUNDLED
    root = root.expanduser()
    if not root.is_dir():
        raise NoImages(
            f"{root}, given by {named_by}, is not a folder. Give the folder that contains "
            f"{file_names()[0]}.gz and the other three files, or `bundled` for the 600 images that come with "
            "the exercises."
        )
    below = source.published.__name__
    places = [root, root / below / "raw", root / below, root / "raw"]
    for place in places:
        if not _missing(place):
            return place
    nearest = min(places, key=lambda place: len(_missing(place)))
    missing = _missing(nearest)
    looked = f" or in its subfolder {Path(below) / 'raw'}" if nearest == root else ", although others are"
    raise NoImages(
        f"{missing[0]} (or {missing[0]}.gz) is not in {nearest}{looked}; {named_by} gave {root}. "
        f"{source.title} has four files: {', '.join(file_names())}. {_other_ways(source)}"
    )


def _downloaded(source: Source) -> Path:
    folder = _cached(source)
    if not _missing(folder):
        return folder
    try:
        source.published(cache(), download=True)
    except (URLError, OSError, RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines()
        raise NoImages(
            f"{source.title} is not on this machine, and the download to {folder} failed "
            f"({said[-1] if said else type(error).__name__}). {_other_ways(source)}"
        ) from error
    return folder


def _cached(source: Source) -> Path:
    """Where torchvision puts what it downloads."""
    return cache() / source.published.__name__ / "raw"


def _other_ways(source: Source) -> str:
    ways = []
    if source.package is not None:
        ways.append(f"on Debian or Ubuntu, run `apt install {source.package[0]}` and omit `--data`")
    ways.append("get the four files somewhere else and pass their folder as `--data FOLDER`")
    if source is SOURCES["fashion-mnist"]:
        ways.append("work offline with the 600 images that come with the exercises: `--data bundled`")
    return "What you can do: " + "; ".join(ways) + "."


def _missing(folder: Path) -> list[str]:
    return [
        name for name in file_names() if not ((folder / f"{name}.gz").is_file() or (folder / name).is_file())
    ]


def _file(folder: Path, name: str) -> Path:
    """The gzipped file if it exists: unlike the plain one, it contains a checksum."""
    packed = folder / f"{name}.gz"
    return packed if packed.is_file() else folder / name


def _read(path: Path, dimensions: int) -> Tensor:
    """Read a file in MNIST format: magic number, sizes, and the number of bytes that the sizes give.

    Raises:
        NoImages: the file can't be read or has the wrong format; the message names the file.
    """
    again = "Delete it and download it again: it is damaged, or its download was interrupted."
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NoImages(f"{path} is damaged ({error}). {again}") from error
    except OSError as error:
        raise NoImages(f"{path} can't be read ({error.strerror or error}). Make it readable.") from error
    start = 4 * (dimensions + 1)
    if len(raw) < start or raw[:4] != bytes([0, 0, 8, dimensions]):
        kind = "images" if dimensions == 3 else "labels"
        raise NoImages(f"{path} doesn't start like a file of {kind} in MNIST format. {again}")
    sizes = [int.from_bytes(raw[place : place + 4], "big") for place in range(4, start, 4)]
    expected = 1
    for size in sizes:
        expected *= size
    if len(raw) - start != expected:
        raise NoImages(
            f"{path} should contain {expected} bytes of data, but contains {len(raw) - start}. {again}"
        )
    if not expected:
        return torch.empty(sizes, dtype=torch.uint8)
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8, offset=start).view(*sizes)

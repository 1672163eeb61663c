"""MNIST and Fashion-MNIST: 60,000 training and 10,000 test images of 28×28 grey levels.

LeCun, Bottou, Bengio & Haffner (1998), "Gradient-Based Learning Applied to Document
Recognition"; Xiao, Rasul & Vollgraf (2017), "Fashion-MNIST", arXiv 1708.07747. Both are
published as the same four IDX files with the same names, so it is easy to take one for the
other: files are compared with the published SHA-256 sums of both.

A download must match its sum. Files in a folder that the user names must be whole and of the
right format; if they are not the published ones, the data set's `source` says so.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from vae_course.checks import require
from vae_course.data.dataset import Dataset
from vae_course.data.download import cache_folder, fetch
from vae_course.data.idx import read_idx

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",  # noqa: E501
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",  # noqa: E501
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",  # noqa: E501
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",  # noqa: E501
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": "08dc20ab1689590a0bcd66e874647b6ee8464e2d501b5a3f1f78831db19a3fdc",  # noqa: E501
        "train-labels-idx1-ubyte.gz": "b0197879cbda89f3dc7b894f9fd52b858e68ea4182b6947c9d8c2b67e5f18dcc",  # noqa: E501
        "t10k-images-idx3-ubyte.gz": "78dcbbfb5a27efaf1b6c1d616caca68560be8766c5bffcb2791df9273a534229",  # noqa: E501
        "t10k-labels-idx1-ubyte.gz": "42bd18137a62d5998cdeae52bf3a0676ac6b706f5cf8439b47bb5b151ae3dccf",  # noqa: E501
    },
}
MIRRORS = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion_mnist": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
}
CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top", "trouser", "pullover", "dress", "coat",
        "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ),
}  # fmt: skip


def load_mnist(split: str = "train", folder=None, mirrors: Sequence[str] | None = None) -> Dataset:
    """Handwritten digits. See `load_fashion_mnist` for the options."""
    return _load("mnist", split, folder, mirrors)


def load_fashion_mnist(
    split: str = "train", folder=None, mirrors: Sequence[str] | None = None
) -> Dataset:
    """Pictures of clothes, made to replace MNIST file for file.

    folder   holds the IDX files, gzipped or not, or has a subfolder of the data set's name that
             does. Without it: the same for the folder in VAE_COURSE_DATA, then the cache
             (VAE_COURSE_CACHE), then a download into the cache.
    mirrors  addresses that the names of the files are appended to, tried in order
    """
    return _load("fashion_mnist", split, folder, mirrors)


def _load(name: str, split: str, folder, mirrors) -> Dataset:
    paths, source = _folder_files(name, split, folder)
    if not paths:
        mirrors = MIRRORS[name] if mirrors is None else mirrors
        require(
            not isinstance(mirrors, str), f"mirrors must be a list of addresses, got {mirrors!r}"
        )
        cache = cache_folder() / name
        files = [f"{stem}.gz" for stem in FILES[split]]
        paths = [fetch(file, SHA256[name][file], mirrors, cache) for file in files]
        source = "published files, SHA-256 checked"
    pixels, labels = read_idx(paths[0], dimensions=3), read_idx(paths[1], dimensions=1)
    require(
        pixels.shape[1:] == (28, 28),
        f"{paths[0]}: needs images of 28 × 28, has {pixels.shape[1]} × {pixels.shape[2]}",
    )
    require(
        len(pixels) == len(labels) >= 1,
        f"{paths[0]} has {len(pixels)} images, {paths[1]} has {len(labels)} labels: "
        "needs equally many, and at least one",
    )
    require(labels.max() <= 9, f"{paths[1]}: needs labels 0 to 9, has {labels.max()}")
    return Dataset(
        name=name,
        split=split,
        images=torch.from_numpy(pixels.copy()).float().div_(255).unsqueeze(1),
        labels=torch.from_numpy(labels.copy()).long(),
        class_names=CLASS_NAMES[name],
        source=source,
    )


def _folder_files(name: str, split: str, folder) -> tuple[list[Path], str]:
    """The two files in the user's folder and what to say of them; nothing if there are none."""
    origin = "folder" if folder is not None else "VAE_COURSE_DATA"
    named = folder if folder is not None else os.environ.get("VAE_COURSE_DATA")
    if not named and folder is None:
        return [], ""
    root = Path(named).expanduser()
    require(root.is_dir(), f"{origin} must be a folder; there is none at {root}")
    for place in (root / name, root):
        found = [_find(place, stem) for stem in FILES[split]]
        if not any(found):
            continue
        for path, stem in zip(found, FILES[split], strict=True):
            require(path is not None, f"{origin}: {place} needs {stem}.gz (or without .gz) as well")
        return found, f"IDX files in {place}" + _compare(name, found)
    require(
        folder is None,
        f"folder: neither {root} nor its subfolder {name} has {FILES[split][0]}.gz "
        f"(or without .gz) and {FILES[split][1]}.gz",
    )
    return [], ""


def _find(place: Path, stem: str) -> Path | None:
    # Some archives spell it train-images.idx3-ubyte.
    for file in (f"{stem}.gz", stem, stem.replace("-idx", ".idx")):
        if (place / file).is_file():
            return place / file
    return None


def _compare(name: str, paths: list[Path]) -> str:
    """Refuse the files of the other data set; say which files are not the published ones."""
    different = []
    for path in paths:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for other, sums in SHA256.items():
            require(
                other == name or digest not in sums.values(),
                f"{path}: needs to be a file of {name}, is the published file of {other}; "
                f"put that into a subfolder {other}",
            )
        if digest not in SHA256[name].values():
            different.append(path.name)
    if not different:
        return ", as published"
    return f"; not byte for byte the published archive: {', '.join(different)}"

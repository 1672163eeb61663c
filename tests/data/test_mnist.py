"""MNIST and Fashion-MNIST, on small files of the same format."""

import gzip
import hashlib

import numpy as np
import pytest
import torch

from tests.data.small_idx import idx, small_mnist
from vae_course.data import load, mnist

BOTH = ["mnist", "fashion_mnist"]
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.fixture
def published(monkeypatch, server, files):
    """Pretend that the small files are the published ones, and serve them."""
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(mnist.SHA256, "mnist", sums)
    server.files.update({f"mirror/{name}": content for name, content in files.items()})
    monkeypatch.setitem(mnist.MIRRORS, "mnist", (server.address + "mirror",))
    return server


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("split", ["train", "test"])
def test_reads_a_folder(folder, files, name, split):
    data = load(name, split, folder=folder)
    prefix, count = {"train": ("train", 30), "test": ("t10k", 20)}[split]
    pixels = gzip.decompress(files[f"{prefix}-images-idx3-ubyte.gz"])[16:]
    assert data.images.shape == (count, 1, 28, 28) and data.images.dtype == torch.float32
    assert (data.images * 255).round().byte().numpy().tobytes() == pixels
    assert data.images.min() == 0 and data.images.max() == 1
    assert data.labels.dtype == torch.int64 and data.labels.tolist() == [
        i % 10 for i in range(count)
    ]
    assert len(data.class_names) == 10 and data.factors == {} and data.name == name


def test_the_folder_can_be_the_one_above_and_come_from_the_environment(
    folder, monkeypatch, tmp_path, files
):
    folder.rename(tmp_path / "mnist")
    expected = load("mnist", folder=tmp_path / "mnist").images
    assert torch.equal(load("mnist", folder=str(tmp_path)).images, expected)
    for place in (tmp_path, tmp_path / "mnist"):
        monkeypatch.setenv("VAE_COURSE_DATA", str(place))
        assert torch.equal(load("mnist").images, expected)
    other = tmp_path / "other"
    other.mkdir()
    for name, content in small_mnist(seed=1).items():
        (other / name).write_bytes(content)
    assert not torch.equal(load("mnist", folder=other).images, expected)  # the argument wins


@pytest.mark.parametrize("spelling", ["{}", "dotted"])
def test_reads_plain_files(folder, spelling):
    expected = load("mnist", folder=folder)
    for packed in list(folder.iterdir()):
        name = packed.name.removesuffix(".gz")
        name = name.replace("-idx", ".idx") if spelling == "dotted" else name
        (folder / name).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    data = load("mnist", folder=folder)
    assert torch.equal(data.images, expected.images) and torch.equal(data.labels, expected.labels)


def test_the_source_says_whether_the_files_are_the_published_ones(folder, published):
    assert load("mnist", folder=folder).source == f"IDX files in {folder}, as published"
    path = folder / f"{IMAGES}.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1))
    assert load("mnist", folder=folder).source == (
        f"IDX files in {folder}; not byte for byte the published archive: {IMAGES}.gz"
    )


def test_refuses_the_published_files_of_the_other_data_set(folder, published, monkeypatch):
    with pytest.raises(ValueError, match="a file of fashion_mnist, is the published file of mnist"):
        load("fashion_mnist", folder=folder)
    monkeypatch.setenv("VAE_COURSE_DATA", str(folder))
    with pytest.raises(ValueError, match="put that into a subfolder mnist"):
        load("fashion_mnist")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (IMAGES, idx(np.zeros(30)), "3 dimensions"),
        (LABELS, idx(np.zeros((30, 28, 28))), "1 dimensions"),
        (IMAGES, idx(np.zeros((30, 28, 27))), "needs images of 28 × 28, has 28 × 27"),
        (IMAGES, idx(np.zeros((29, 28, 28))), "29 images, .* has 30 labels: needs equally many"),
        (LABELS, idx(np.full(30, 10)), "needs labels 0 to 9, has 10"),
        (IMAGES, b"\x89PNG\r\n\x1a\n", "PNG"),
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else value,
)
def test_refuses_a_file_that_is_something_else(folder, file, content, message):
    path = folder / f"{file}.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        load("mnist", folder=folder)
    assert str(path) in str(error.value)


def test_refuses_empty_files(folder):
    (folder / f"{IMAGES}.gz").write_bytes(idx(np.zeros((0, 28, 28))))
    (folder / f"{LABELS}.gz").write_bytes(idx(np.zeros(0)))
    with pytest.raises(ValueError, match="at least one"):
        load("mnist", folder=folder)


def test_says_what_a_folder_lacks(folder, tmp_path, monkeypatch):
    (folder / f"{LABELS}.gz").unlink()
    with pytest.raises(ValueError, match=f"{folder} needs {LABELS}.gz"):
        load("mnist", folder=folder)
    assert len(load("mnist", "test", folder=folder)) == 20  # the other split is whole
    (folder / f"{IMAGES}.gz").unlink()
    with pytest.raises(ValueError, match=f"neither {folder} nor its subfolder mnist has {IMAGES}"):
        load("mnist", folder=folder)
    with pytest.raises(ValueError, match=f"folder must be a folder; there is none at {tmp_path}/x"):
        load("mnist", folder=tmp_path / "x")
    monkeypatch.setenv("VAE_COURSE_DATA", str(tmp_path / "x"))
    with pytest.raises(ValueError, match=f"VAE_COURSE_DATA must be a folder; .* {tmp_path}/x"):
        load("mnist")


def test_downloads_into_the_cache_once(published, files, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_COURSE_DATA", str(tmp_path))  # a folder without MNIST is passed over
    first, second = load("mnist"), load("mnist")
    assert torch.equal(first.images, second.images)
    assert published.asked == [f"mirror/{IMAGES}.gz", f"mirror/{LABELS}.gz"]
    assert (tmp_path / "cache/mnist" / f"{IMAGES}.gz").read_bytes() == files[f"{IMAGES}.gz"]
    assert first.source == "published files, SHA-256 checked"
    assert len(load("mnist", "test")) == 20 and len(published.asked) == 4


def test_other_mirrors_can_be_given(published, files):
    published.files[f"other/{IMAGES}.gz"] = files[f"{IMAGES}.gz"]
    published.files[f"other/{LABELS}.gz"] = files[f"{LABELS}.gz"]
    load("mnist", mirrors=[published.address + "other/"])
    assert published.asked == [f"other/{IMAGES}.gz", f"other/{LABELS}.gz"]
    with pytest.raises(ValueError, match="mirrors must be a list of addresses"):
        load("mnist", "test", mirrors=published.address)


def test_a_download_must_have_the_published_sum(server, tmp_path, files):
    """The real sums are in force here, so the small files are refused."""
    server.files.update(files)
    for name in BOTH:
        with pytest.raises(ConnectionError) as error:
            load(name, mirrors=[server.address])
        assert mnist.SHA256[name][f"{IMAGES}.gz"] in str(error.value)
        assert str(tmp_path / "cache" / name / f"{IMAGES}.gz") in str(error.value)


@pytest.mark.parametrize("name", BOTH)
def test_every_file_has_a_sum_and_every_data_set_two_mirrors(name):
    expected = {f"{stem}.gz" for stems in mnist.FILES.values() for stem in stems}
    assert set(mnist.SHA256[name]) == expected
    sums = [digest for sums in mnist.SHA256.values() for digest in sums.values()]
    assert len(set(sums)) == 8 and all(len(bytes.fromhex(digest)) == 32 for digest in sums)
    assert len(mnist.MIRRORS[name]) >= 2
    assert len(set(mnist.CLASS_NAMES[name])) == 10

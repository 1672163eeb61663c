"""What every data set has in common, and the digits."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
import torch

from vae_course.data import Dataset, load, names

ROOT = Path(__file__).parents[2]


@pytest.fixture
def options(folder):
    """The options with which each data set loads quickly and without a network."""
    return {
        "digits": {},
        "glyphs": {"count": 40},
        "sprites": {"count": 40},
        "mnist": {"folder": folder},
        "fashion_mnist": {"folder": folder},
    }


ALL = ["digits", "glyphs", "sprites", "mnist", "fashion_mnist"]


def test_names():
    assert list(names()) == ALL


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", ALL)
def test_the_same_return_type_for_all(name, split, options):
    data = load(name, split, **options[name])
    size = {"digits": 8, "sprites": 32}.get(name, 28)
    assert type(data) is Dataset and data.name == name and data.split == split
    assert data.images.shape == (len(data), 1, size, size) and data.images.dtype == torch.float32
    assert data.images.min() == 0 and data.images.max() == 1
    assert data.labels.shape == (len(data),) and data.labels.dtype == torch.int64
    assert 0 <= data.labels.min() and data.labels.max() < len(data.class_names)
    assert data.source and data.source in repr(data) and "\n" not in repr(data)
    for values in data.factors.values():
        assert values.shape == (len(data),)
    assert data.images.is_contiguous() and not data.images.requires_grad
    data.images.zero_()  # the caller's own memory: a second call is not affected
    assert load(name, split, **options[name]).images.max() == 1


@pytest.mark.parametrize("name", ALL)
def test_loading_neither_reads_nor_changes_the_global_random_state(name, options):
    def state():
        numpy_state = np.random.get_state()  # noqa: NPY002
        return random.getstate(), str(numpy_state), torch.get_rng_state().tolist()

    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = state()
        results.append(load(name, **options[name]).images)
        assert state() == before
    assert torch.equal(*results)


def test_nothing_heavy_is_imported_before_it_is_needed():
    code = (
        "import sys; from vae_course.data import load, binarise\n"
        "try: load('x')\n"
        "except ValueError: print(sorted({'sklearn', 'matplotlib'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout == "[]\n", result.stderr


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown data set 'mnits'; known are: digits, glyphs, sp"):
        load("mnits")


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_split_or_option_says_what_there_is(name, options):
    with pytest.raises(ValueError, match="unknown split 'valid'; known are: train, test"):
        load(name, "valid", **options[name])
    takes = {
        "digits": "none",
        "glyphs": "count, seed, characters, fonts",
        "sprites": "size, count, seed",
    }
    takes = takes.get(name, "folder, mirrors")
    with pytest.raises(ValueError, match=f"{name} has no option 'sead'; it takes: {takes}$"):
        load(name, sead=3, **options[name])


def test_a_part_of_the_data_and_another_device(options):
    data = load("glyphs", **options["glyphs"])
    for index in (slice(3, 9), torch.arange(3, 9), torch.arange(40) // 3 == 1):
        part = data[index]
        assert torch.equal(part.images, data.images[index])
        assert torch.equal(part.labels, data.labels[index])
        assert torch.equal(part.factors["slant"], data.factors["slant"][index])
        assert part.source == data.source
    with pytest.raises(ValueError, match="index"):
        data[3]
    moved = data.to("meta")
    assert {t.device.type for t in (moved.images, moved.labels, *moved.factors.values())} == {
        "meta"
    }
    with pytest.raises(AttributeError):
        data.images = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"images": torch.zeros(3, 8, 8)},
            r"images must be \(N, 1, H, W\) float32, got \(3, 8",
        ),
        ({"images": torch.zeros(3, 1, 8, 8).double()}, "float64"),
        ({"labels": torch.zeros(2)}, r"labels has shape \(2,\), needs \(3,\)"),
        ({"factors": {"x": torch.zeros(3, 1)}}, r"x has shape \(3, 1\), needs \(3,\)"),
    ],
)
def test_a_data_set_that_does_not_fit_together_is_refused(change, message):
    whole = {
        "images": torch.zeros(3, 1, 8, 8),
        "labels": torch.zeros(3).long(),
        "factors": {},
    }
    with pytest.raises(ValueError, match=message):
        Dataset(name="", split="train", class_names=("a",), source="", **(whole | change))


def test_digits_are_scikit_learns_split_once_and_for_all():
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    train, test = load("digits", "train"), load("digits", "test")
    assert (len(train), len(test)) == (1442, 355)

    def rows(images, labels):
        return sorted((*row, label) for row, label in zip(images, labels, strict=True))

    both = rows(
        torch.cat([train.images, test.images]).mul(16).flatten(1).tolist(),
        torch.cat([train.labels, test.labels]).tolist(),
    )
    assert both == rows(pixels.tolist(), labels.tolist())  # nothing lost, nothing twice
    # The first example of each class trains, the fifth tests; a picture is not on its side.
    for label in range(10):
        members = pixels[labels == label].reshape(-1, 8, 8) / 16
        mine = train.images[train.labels == label][:, 0].numpy()
        np.testing.assert_array_equal(mine[:4], members[:4])
        np.testing.assert_array_equal(test.images[test.labels == label][0, 0], members[4])
        share = (test.labels == label).sum() / len(members)
        assert 0.19 < share <= 0.2

"""IDX files: what is read is what was written, and nothing else is read."""

import gzip

import numpy as np
import pytest

from tests.data.small_idx import idx
from vae_course.data.idx import read_idx

IMAGES = np.arange(5 * 4 * 3).reshape(5, 4, 3)
LABELS = np.arange(7)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("values", [IMAGES, LABELS], ids=["images", "labels"])
def test_reads_what_was_written(tmp_path, values, pack):
    path = tmp_path / "file"  # the content decides, not the ending
    path.write_bytes(pack(idx(values)))
    result = read_idx(path, dimensions=values.ndim)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, values)


def refused(path, dimensions=3) -> str:
    with pytest.raises(ValueError) as error:
        read_idx(path, dimensions)
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "looks_like"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "looks like a PNG image"),
        (b"\n <!DOCTYPE html><title>403 Forbidden</title>", "looks like an HTML or XML page"),
        (gzip.compress(b"<html>no such bucket</html>"), "looks like an HTML or XML page"),
        (b"PK\x03\x04" + bytes(99), "looks like a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "looks like a Git LFS pointer"),
        (b"\x93NUMPY" + bytes(99), "starts with 93 4e 55 4d"),
        (b"", "this is empty"),
        (idx(LABELS), "this one says 1"),
        (gzip.compress(idx(LABELS)), "this one says 1"),
        (b"\0\0\x0d\x03" + bytes(99), "starts with 00 00 0d 03"),  # floats
    ],
    ids=lambda value: "content" if isinstance(value, bytes) else value,
)
def test_refuses_a_foreign_file(tmp_path, content, looks_like):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    message = refused(path)
    assert "unsigned bytes with 3 dimensions" in message and "00 00 08 03" in message
    assert looks_like in message


@pytest.mark.parametrize("missing", [1, 4, 8, 40, 70])
def test_refuses_a_truncated_gzip_file(tmp_path, missing):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(idx(IMAGES))[:-missing])
    assert "whole gzip file, is truncated or corrupt" in refused(path)


@pytest.mark.parametrize("missing", [1, 59, 60])
def test_refuses_a_truncated_plain_file(tmp_path, missing):
    path = tmp_path / "file"
    path.write_bytes(idx(IMAGES)[:-missing])
    message = refused(path)
    assert f"5 × 4 × 3, which needs 60 bytes of values; has {60 - missing}" in message


def test_refuses_a_truncated_header_and_bytes_too_many(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(idx(IMAGES)[:15])
    assert "within its header of 16 bytes" in refused(path)
    path.write_bytes(idx(IMAGES) + b"\0")
    assert "needs 60 bytes of values; has 61" in refused(path)


def test_refuses_every_flipped_bit_of_the_gzipped_content(tmp_path):
    """The stored (uncompressed) form still decodes after a flip: only the CRC can notice."""
    path = tmp_path / "file.gz"
    packed = gzip.compress(idx(IMAGES), compresslevel=0, mtime=0)
    values = packed.index(idx(IMAGES)) + 16
    for position in range(values, values + IMAGES.size):
        flipped = bytearray(packed)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        assert "CRC check failed" in refused(path)


def test_refuses_a_missing_file(tmp_path):
    assert "no such file" in refused(tmp_path / "absent")

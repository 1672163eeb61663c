"""Read the IDX format, in which MNIST and its relatives are published.

    bytes 0-1  zero
    byte  2    the type; 0x08 is unsigned bytes
    byte  3    the number of dimensions d
    then d sizes, big-endian 32-bit, and the values with the last index fastest; often gzipped

Source: the description on the MNIST page (LeCun, Cortes & Burges). A gzip file ends with the
CRC-32 and the length of its content, so a flipped bit or a missing end is noticed.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from vae_course.checks import require

_FOREIGN = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"PK\x03\x04": "a zip archive",
    b"<": "an HTML or XML page",
    b"version https://git-lfs": "a Git LFS pointer",
}


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Return the unsigned bytes of an IDX file with so many dimensions, gzipped or plain.

    Raises `ValueError` with the path, what was expected and what is there.
    """
    require(path.is_file(), f"{path}: no such file")
    content = path.read_bytes()
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(
                f"{path}: needs to be a whole gzip file, is truncated or corrupt ({error})"
            ) from error
    magic = bytes([0, 0, 8, dimensions])
    require(
        content.startswith(magic),
        f"{path}: needs to be an IDX file of unsigned bytes with {dimensions} dimensions, which "
        f"starts with the bytes {magic.hex(' ')}; {_describe(content)}",
    )
    header = 4 + 4 * dimensions
    require(len(content) >= header, f"{path}: truncated within its header of {header} bytes")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    require(
        len(content) - header == math.prod(shape),
        f"{path}: its header says {' × '.join(map(str, shape))}, which needs {math.prod(shape):,} "
        f"bytes of values; has {len(content) - header:,}",
    )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _describe(content: bytes) -> str:
    if not content:
        return "this is empty"
    if content[:3] == b"\0\0\x08":
        return f"this one says {content[3]}" if content[3:] else "this ends after 3 bytes"
    for start, kind in _FOREIGN.items():
        if content.lstrip().startswith(start):
            return f"this looks like {kind}"
    return f"this starts with {content[:4].hex(' ')}"

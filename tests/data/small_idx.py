"""IDX files like those of MNIST, but small."""

import gzip
import struct

import numpy as np


def idx(values: np.ndarray) -> bytes:
    """The IDX file of an array of unsigned bytes, written from the format's description."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return header + values.astype(np.uint8).tobytes()


def small_mnist(train: int = 30, test: int = 20, seed: int = 0) -> dict[str, bytes]:
    """File name -> content of a data set like MNIST, gzipped, but small."""
    random = np.random.default_rng(seed)
    files = {}
    for prefix, count in (("train", train), ("t10k", test)):
        images = random.integers(0, 256, (count, 28, 28))
        labels = np.arange(count) % 10
        files[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(idx(images), mtime=0)
        files[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(idx(labels), mtime=0)
    return files

"""The 1,797 handwritten digits that come with scikit-learn: 8×8 pixels, 17 grey levels.

They are the test half of "Optical Recognition of Handwritten Digits" (Alpaydin & Kaynak 1998,
UCI Machine Learning Repository): 32×32 bitmaps, of which every 4×4 block was counted, so a
pixel is k / 16 with k = 0 … 16.
"""

import numpy as np
import sklearn.datasets
import torch

from vae_course.data.dataset import Dataset


def load_digits(split: str = "train") -> Dataset:
    """Real digits of shape (1, 8, 8): 1,442 for training, 355 for testing.

    Every fifth example of each class is a test example. The file is in the order of collection,
    so the writers are spread over both splits, and no random number is involved.
    """
    pixels, labels = sklearn.datasets.load_digits(return_X_y=True)
    rank_in_class = np.zeros(len(labels), dtype=np.int64)
    for label in range(10):
        members = labels == label
        rank_in_class[members] = np.arange(members.sum())
    is_test = rank_in_class % 5 == 4
    chosen = is_test if split == "test" else ~is_test
    return Dataset(
        name="digits",
        split=split,
        images=torch.from_numpy(pixels[chosen] / 16).float().reshape(-1, 1, 8, 8),
        labels=torch.from_numpy(labels[chosen]).long(),
        class_names=tuple("0123456789"),
        source="scikit-learn's load_digits (Alpaydin & Kaynak 1998)",
    )

"""The digits that come with scikit-learn: 1,797 images of 8 x 8 pixels, each 0 to 16."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping import Input
from mapping.value import Brief

from .dataset import Arrays, DataSet

#: Bits of a pixel, and what the integer 1 is worth: pixels are 0..16, networks see 0..1.
BITS, UNIT = 5, 1 / 16
SHAPE = (64,)
CLASSES = 10
#: Seed of the split. It is not the seed of training: every training meets the same held-out part.
SPLIT_SEED = 0
HELD_OUT = 0.2


@dataclass(frozen=True, eq=False, repr=False)
class Split(Brief):
    """Images and labels; the held-out part must never be used to choose anything.

    Attributes
    ----------
        train, held_out: (samples, 64) uint8, 0..16.
        train_labels, held_out_labels: (samples,) int64, 0..9.
    """

    train: np.ndarray
    train_labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray


def read() -> Split:
    """Read the digits and hold out a stratified fifth (360 images), always the same.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998, as
    bundled with scikit-learn; nothing is downloaded.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    train, held_out, train_labels, held_out_labels = train_test_split(
        pixels.astype(np.uint8),
        labels.astype(np.int64),
        test_size=HELD_OUT,
        stratify=labels,
        random_state=SPLIT_SEED,
    )
    return Split(train, train_labels, held_out, held_out_labels)


def digits(*, flat: bool = False) -> DataSet:
    """Return the digits, shape (1, 8, 8), or (64,) if flat; ``test`` is what ``read`` holds out."""
    split = read()
    shape = SHAPE if flat else (1, 8, 8)
    return DataSet(
        "digits",
        Input(shape, bits=BITS, coding="direct", unit=UNIT),
        CLASSES,
        Arrays(split.train.reshape(-1, *shape), split.train_labels),
        Arrays(split.held_out.reshape(-1, *shape), split.held_out_labels),
    )

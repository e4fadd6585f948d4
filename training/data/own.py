"""Pictures of one's own: a folder per class, of any size and number of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapping import Input

from .dataset import DataSet
from .images import Pictures, Whole, listed, size

#: Folders that hold the part that is held out; the first that is there counts.
TESTS = ("test", "val")
#: Most pixels of a picture whose size is taken as it is.
PIXELS = 1 << 20


def images(
    folder: Path,
    *,
    rows: int = 0,
    cols: int = 0,
    colour: bool = False,
    flat: bool = False,
    held_out: float = 0.2,
    split_seed: int = 0,
) -> DataSet:
    """Read ``train/<class>/*.png`` and ``test/<class>/*.png``, or ``<class>/*.png`` alone.

    Labels go by the sorted names of the classes' folders. Without folders train and test (or
    val), a share of every class, at least one picture, is held out at random, always the same.

    Args:
        folder: holds them; names that begin with a point are passed over.
        rows, cols: every picture is resized to these, its proportions given up; 0: pictures are
            taken as they are, and must all have one size.
        colour: shape (3, rows, cols) instead of (1, rows, cols) in grey.
        flat: shape (n,).
        held_out: share of every class. split_seed: of that choice; it is not the seed of training.

    Raises
    ------
        ValueError: no folder, a class without pictures or in one part only, pictures of several
            sizes; one sentence.
    """
    parts = _parts(folder, held_out, split_seed)
    names = [name for part in parts for name, _ in part]
    rows, cols = _size(folder, names, rows, cols)
    channels = 3 if colour else 1
    shape = (channels * rows * cols,) if flat else (channels, rows, cols)
    view = Whole(rows, cols, "RGB" if colour else "L")
    train, test = (
        Pictures(folder, tuple(n for n, _ in part), np.array([k for _, k in part]), view, flat)
        for part in parts
    )
    enter = Input(shape, bits=8, coding="direct", unit=1 / 255)
    return DataSet("images", enter, int(train.labels.max()) + 1, train, test)


def folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, hidden ones left out."""
    if not folder.is_dir():
        raise ValueError(f"{folder} does not exist, or is no folder")
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] not in "._")


Part = list[tuple[str, int]]


def _parts(folder: Path, held_out: float, split_seed: int) -> tuple[Part, Part]:
    """Return the paths and labels of both parts."""
    inside = folders(folder)
    test = next((name for name in TESTS if name in inside), None)
    if "train" in inside and test is not None:
        classes, others = folders(folder / "train"), folders(folder / test)
        odd = sorted(set(classes) ^ set(others))
        if odd:
            raise ValueError(f"{folder} has the class {odd[0]!r} in one of train and {test} only")
        _several(folder / "train", classes)
        return _named(folder, "train/", classes), _named(folder, f"{test}/", classes)
    if set(inside) <= {"train", *TESTS}:
        raise ValueError(
            f"{folder} must hold a folder of pictures for every class, or the folders train and "
            "test of such folders"
        )
    _several(folder, inside)
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must lie between 0 and 1, not {held_out}")
    rng = np.random.default_rng(split_seed)
    learnt, held = [], []
    for label, name in enumerate(inside):
        files = [f"{name}/{file}" for file in listed(folder / name)]
        count = max(1, round(held_out * len(files)))
        if count >= len(files):
            raise ValueError(
                f"{folder / name} holds {len(files)} pictures: too few to hold out {held_out:g}"
            )
        chosen = set(rng.permutation(len(files))[:count].tolist())
        for i, file in enumerate(files):
            (held if i in chosen else learnt).append((file, label))
    return learnt, held


def _several(folder: Path, classes: list[str]) -> None:
    if len(classes) < 2:
        what = f"only the class {classes[0]!r}" if classes else "no folder of a class"
        raise ValueError(f"{folder} holds {what}: a folder of pictures for each of two or more")


def _named(folder: Path, above: str, classes: list[str]) -> Part:
    return [
        (f"{above}{name}/{file}", label)
        for label, name in enumerate(classes)
        for file in listed(folder / above / name)
    ]


def _size(folder: Path, names: list[str], rows: int, cols: int) -> tuple[int, int]:
    """Return the size that was asked for, or the one that all pictures have."""
    if rows < 0 or cols < 0 or (rows > 0) != (cols > 0):
        raise ValueError(f"rows and cols must both be given, not {rows} and {cols}")
    if rows:
        return rows, cols
    sizes = {size(folder / name): name for name in names}
    if len(sizes) > 1:
        examples = (
            f"{height} x {width} is {name}"
            for (height, width), name in (min(sizes.items()), max(sizes.items()))
        )
        raise ValueError(
            f"the pictures in {folder} have several sizes ({', '.join(examples)}): "
            "give rows and cols, to which all are resized"
        )
    (shared,) = sizes
    if shared[0] * shared[1] > PIXELS:
        raise ValueError(
            f"the pictures in {folder} have {shared[0]} x {shared[1]} pixels: give rows and cols, "
            "to which they are resized"
        )
    return shared

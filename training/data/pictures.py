"""Caltech101's faces and motorcycles, and ImageNet."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapping import Input

from .augment import Flip
from .dataset import DataSet
from .folder import located
from .images import Centre, Pictures, Whole, listed

#: Of each of the two classes of Caltech101, as many pictures are learnt from.
LEARNT = 200
#: Seed of that choice. It is not the seed of training: every training meets the same parts.
SPLIT_SEED = 0
#: Shorter side of an ImageNet picture before its middle is cut out, per pixel of the cut.
MARGIN = (256, 224)


def caltech(
    folder: Path, *, rows: int = 160, cols: int = 250, flat: bool = False, faces: str = "Faces"
) -> DataSet:
    """Read the folders Faces and Motorbikes of Caltech101 as two classes, 0 and 1, in grey.

    There are no official parts. Of each class 200 pictures, drawn with seed 0 from the names in
    order, are learnt from; the rest (235 and 598 of the original) is held out. Size and number
    follow S. R. Kheradpisheh, T. Masquelier, "Temporal backpropagation for spiking neural
    networks with one spike per neuron", 2020; which pictures they drew is not known.

    Args:
        folder: holds both, or the folder 101_ObjectCategories that does.
        rows, cols: every picture is resized to these.
        flat: shape (rows * cols,) instead of (1, rows, cols).
        faces: "Faces", or "Faces_easy", whose pictures are cut closer.

    Raises
    ------
        ValueError: a folder is missing, or has too few pictures; one sentence.
    """
    if faces not in ("Faces", "Faces_easy"):
        raise ValueError(f"faces must be 'Faces' or 'Faces_easy', not {faces!r}")
    wants = (faces, "Motorbikes")
    at = located(folder, wants, "Caltech101, unpacked,", "101_ObjectCategories")
    shape = (rows * cols,) if flat else (1, rows, cols)
    enter = Input(shape, bits=8, coding="direct", unit=1 / 255)
    view = Whole(rows, cols)
    rng = np.random.default_rng(SPLIT_SEED)
    sides: tuple[list, list] = ([], [])
    for label, name in enumerate(wants):
        names = listed(at / name)
        if len(names) <= LEARNT:
            raise ValueError(
                f"{at / name} holds {len(names)} pictures; {LEARNT} are learnt from, and some "
                "must be left"
            )
        drawn = set(rng.permutation(len(names))[:LEARNT].tolist())
        for i, file in enumerate(names):
            sides[i not in drawn].append((f"{name}/{file}", label))
    train, test = (_part(at, side, view, flat) for side in sides)
    return DataSet("caltech-face-motorcycle", enter, 2, train, test)


def imagenet(folder: Path, *, size: int = 224) -> DataSet:
    """Read train/<wnid>/*.JPEG and val/<wnid>/*.JPEG; labels go by the sorted wnids.

    The shorter side becomes 256 pixels for a size of 224, and the middle is cut out, in both
    parts: the random crops and scales of published trainings are not built. The official
    validation pictures come in one folder; they must be sorted into one per class first.

    Args:
        folder: holds both.
        size: rows and columns.

    Raises
    ------
        ValueError: a folder is missing, without pictures, or of one part only; one sentence.
    """
    enter = Input((3, size, size), bits=8, coding="direct", unit=1 / 255)
    view = Centre(size, size, size * MARGIN[0] // MARGIN[1])
    at = located(folder, ("train", "val"), "ImageNet, a folder per class in each,")
    wnids = [_wnids(at / part) for part in ("train", "val")]
    odd = sorted(set(wnids[0]) ^ set(wnids[1]))
    if odd:
        raise ValueError(f"{at} has the class {odd[0]} in one of train and val only")
    parts = []
    for part in ("train", "val"):
        files = [
            (f"{part}/{wnid}/{name}", label)
            for label, wnid in enumerate(wnids[0])
            for name in listed(at / part / wnid)
        ]
        parts.append(_part(at, files, view, False))
    return DataSet("imagenet", enter, len(wnids[0]), *parts, augment=(Flip(),))


def _wnids(folder: Path) -> list[str]:
    names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    if not names:
        raise ValueError(f"{folder} holds no folder of a class")
    return names


def _part(root: Path, files: list[tuple[str, int]], view: Whole | Centre, flat: bool) -> Pictures:
    names, labels = zip(*files, strict=True)
    return Pictures(root, names, np.array(labels, np.int64), view, flat)

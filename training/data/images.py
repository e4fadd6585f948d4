"""Folders of pictures, through Pillow: decoded when asked for, cut to a square or a given size."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Unsupported
from mapping.extras import install
from mapping.value import Brief

from .dataset import place
from .folder import size_of

#: File names that are taken for pictures, in lower case; others in a folder are passed over.
SUFFIXES = (".jpeg", ".jpg", ".png")
#: What Pillow may take a file for: each further format is a further parser.
FORMATS = ("JPEG", "PNG")


@dataclass(frozen=True)
class Whole:
    """The whole picture, its proportions given up, as (channels, rows, cols)."""

    rows: int
    cols: int
    mode: str = "L"

    def region(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return what is taken of a picture: left, upper, right, lower."""
        return (0, 0, width, height)


@dataclass(frozen=True)
class Centre:
    """The square of ``rows`` = ``cols`` pixels in the middle, the shorter side made ``short``.

    Only the square is resized: a picture of one row would otherwise become a huge one. Against
    resizing all and cutting then, one pixel in thousands differs, by 1, as positions are rounded.
    """

    rows: int
    cols: int
    short: int
    mode: str = "RGB"

    def region(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return what is taken of a picture: left, upper, right, lower."""
        least = min(width, height)
        wide, high = (self.short * n // least for n in (width, height))
        left, upper = round((wide - self.cols) / 2), round((high - self.rows) / 2)
        across, down = width / wide, height / high
        right, lower = (left + self.cols) * across, (upper + self.rows) * down
        return (left * across, upper * down, min(right, width), min(lower, height))


@dataclass(frozen=True, eq=False, repr=False)
class Pictures(Brief):
    """Samples that are files of pictures.

    Attributes
    ----------
        root: the folder. names: paths below it.
        labels: (n,) int64.
        view: Whole or Centre.
        flat: whether samples are (n,) instead of (channels, rows, cols).
    """

    root: Path
    names: tuple[str, ...]
    labels: np.ndarray
    view: Whole | Centre
    flat: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        pixels = decode(self.root / self.names[place(index, len(self))], self.view)
        return pixels.ravel() if self.flat else pixels


def decode(path: Path, view: Whole | Centre) -> np.ndarray:
    """Return one picture as (channels, rows, cols), uint8; resized bilinearly.

    Raises
    ------
        ValueError: missing, broken, no JPEG or PNG, or of more pixels than Pillow takes for an
            attack; one sentence with the path. Unsupported: Pillow is missing.
    """
    image = _pillow()
    size_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", image.DecompressionBombWarning)
            with image.open(path, formats=FORMATS) as file:
                if file.mode[0] in "IF":  # Pillow would cut values off
                    raise ValueError("it holds more than 8 bits a pixel")
                box = view.region(*file.size)
                picture = file.convert(view.mode)
        resample = image.Resampling.BILINEAR
        pixels = np.asarray(picture.resize((view.cols, view.rows), resample, box))
    except _broken(image) as error:
        raise _unreadable(path, error) from None
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def size(path: Path) -> tuple[int, int]:
    """Return a picture's rows and columns, from its head alone.

    Raises
    ------
        ValueError, Unsupported: as of ``decode``.
    """
    image = _pillow()
    size_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", image.DecompressionBombWarning)
            with image.open(path, formats=FORMATS) as file:
                return file.height, file.width
    except _broken(image) as error:
        raise _unreadable(path, error) from None


def listed(folder: Path) -> list[str]:
    """Return the names of a folder's pictures, sorted.

    Raises
    ------
        ValueError: no folder, or without pictures.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} does not exist, or is no folder")
    names = [p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES]
    if not names:
        raise ValueError(f"{folder} holds no picture ({', '.join(SUFFIXES)})")
    return sorted(names)


def _unreadable(path: Path, error: Exception) -> ValueError:
    why = " ".join(str(error).split()).replace(str(path), "it")[:200]
    return ValueError(f"{path} is no picture that can be read: {why}")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise Unsupported(f"pictures are read with Pillow: {install('data')}") from None
    return Image


def _broken(image: Any) -> tuple[type[Exception], ...]:
    """Return what Pillow raises for a file that is at fault."""
    bomb = (image.DecompressionBombWarning, image.DecompressionBombError)
    return (*bomb, OSError, ValueError, SyntaxError, EOFError, ZeroDivisionError, IndexError)

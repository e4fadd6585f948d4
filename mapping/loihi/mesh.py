"""The mesh of tiles: chips side by side, four cores to a tile, and orders to fill it in.

Chips stand in rows. Loihi's mesh goes on over their borders (Davies 2018, p. 86), so that a hop is
a hop; how much more one between chips costs is not published, and they are counted beside.
"""

from __future__ import annotations

import math

import numpy as np

from ..value import Unsupported
from .chips import Chip


def arrangement(cores: int, chip: Chip) -> tuple[int, int]:
    """Return the columns and rows of chips that hold so many cores, nearly a square of tiles.

    Raises
    ------
        Unsupported: more chips than a system can address.
    """
    chips = max(1, -(-cores // (chip.cores.value or 1)))
    if not chip.chips.holds(chips):
        raise Unsupported(f"{chips} chips are needed; a system of {chip.name} has at most "
                          f"{chip.chips.value}")  # fmt: skip
    shape = (chip.columns.value or 1) / (chip.rows.value or 1)
    columns = max(1, min(chips, round(math.sqrt(chips / shape))))
    return columns, -(-chips // columns)


def curve(width: int, height: int) -> list[tuple[int, int]]:
    """Return all (x, y) of a rectangle along a generalised Hilbert curve, from (0, 0) to x = end.

    Neighbours on the curve are neighbours on the mesh, but for a diagonal step where both sides
    are odd. The curve is D. Hilbert's, 1891, cut for rectangles.
    """
    found: list[tuple[int, int]] = []

    def fill(x: int, y: int, ax: int, ay: int, bx: int, by: int) -> None:
        long, short = abs(ax + ay), abs(bx + by)
        dax, day = _sign(ax), _sign(ay)
        dbx, dby = _sign(bx), _sign(by)
        if short == 1 or long == 1:
            dx, dy = (dax, day) if short == 1 else (dbx, dby)
            for k in range(max(long, short)):
                found.append((x + k * dx, y + k * dy))
            return
        ax2, ay2 = int(ax / 2), int(ay / 2)
        bx2, by2 = int(bx / 2), int(by / 2)
        if 2 * long > 3 * short:
            if abs(ax2 + ay2) % 2 and long > 2:
                ax2, ay2 = ax2 + dax, ay2 + day
            fill(x, y, ax2, ay2, bx, by)
            fill(x + ax2, y + ay2, ax - ax2, ay - ay2, bx, by)
            return
        if abs(bx2 + by2) % 2 and short > 2:
            bx2, by2 = bx2 + dbx, by2 + dby
        fill(x, y, bx2, by2, ax2, ay2)
        fill(x + bx2, y + by2, ax, ay, bx - bx2, by - by2)
        fill(x + (ax - dax) + (bx2 - dbx), y + (ay - day) + (by2 - dby),
             -bx2, -by2, -(ax - ax2), -(ay - ay2))  # fmt: skip

    if width >= height:
        fill(0, 0, width, 0, 0, height)
    else:
        fill(0, 0, 0, height, width, 0)
    return found


def _sign(n: int) -> int:
    return (n > 0) - (n < 0)


def chips_in_turn(cores: int, chip: Chip, chips: tuple[int, int], hilbert: bool) -> np.ndarray:
    """Return the first places, (cores, 3) of x, y and core, chip after chip.

    Args:
        hilbert: along a Hilbert curve in every chip, chips back and forth; else row by row, chips
            row by row, as they are numbered.
    """
    width, height = chip.columns.value or 1, chip.rows.value or 1
    each, most = chip.cores_per_tile.value or 1, chip.cores.value or 1
    inside = curve(width, height) if hilbert else [(x, y) for y in range(height)
                                                   for x in range(width)]  # fmt: skip
    found: list[tuple[int, int, int]] = []
    for row in range(chips[1]):
        back = hilbert and row % 2 == 1
        columns = reversed(range(chips[0])) if back else range(chips[0])
        for column in columns:
            slots = [
                (column * width + (width - 1 - x if back else x), row * height + y, k)
                for x, y in inside
                for k in range(each)
            ]
            found += slots[:most]
            if len(found) >= cores:
                return np.array(found[:cores], np.int64).reshape(-1, 3)
    raise ValueError(f"{cores} cores do not fit {chips} chips")


def row_by_row(cores: int, chip: Chip, chips: tuple[int, int]) -> np.ndarray:
    """Return the first places, (cores, 3), along rows of the whole mesh, over borders of chips."""
    width, height = (chip.columns.value or 1) * chips[0], (chip.rows.value or 1) * chips[1]
    each = chip.cores_per_tile.value or 1
    y, x, k = np.unravel_index(np.arange(cores), (height, width, each))
    return np.stack([x, y, k], axis=1).astype(np.int64)

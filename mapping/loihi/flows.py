"""Packets over every link of the mesh, along x first and then along y: what a picture shows."""

from __future__ import annotations

import numpy as np

from .values import Placement


def flows(placement: Placement) -> tuple[np.ndarray, np.ndarray]:
    """Return packets of a sample over links, both ways together.

    Returns
    -------
        (columns - 1, rows) between tiles (x, y) and (x + 1, y); (columns, rows - 1) between
        (x, y) and (x, y + 1); float64.
    """
    chip = placement.chip
    width = placement.chips[0] * (chip.columns.value or 1)
    height = placement.chips[1] * (chip.rows.value or 1)
    along = np.zeros((width + 1, height))
    up = np.zeros((width, height + 1))
    if len(placement.traffic):
        start, end = (placement.places[placement.traffic[:, k], :2] for k in (0, 1))
        low, high = np.minimum(start, end), np.maximum(start, end)
        np.add.at(along, (low[:, 0], start[:, 1]), placement.packets)
        np.add.at(along, (high[:, 0], start[:, 1]), -placement.packets)
        np.add.at(up, (end[:, 0], low[:, 1]), placement.packets)
        np.add.at(up, (end[:, 0], high[:, 1]), -placement.packets)
    across, rising = np.cumsum(along, axis=0)[: width - 1], np.cumsum(up, axis=1)[:, : height - 1]
    least = 1e-9 * float(placement.packets.sum())  # what rounding leaves of nothing
    return np.where(across > least, across, 0), np.where(rising > least, rising, 0)

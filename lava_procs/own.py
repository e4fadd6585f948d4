"""A Network as the project's own Lava Processes: exact, membranes included; one run of them."""

from __future__ import annotations

import numpy as np

from mapping import Network

from .session import ROWS, Arrays, LavaSession


def run(
    network: Network,
    x: np.ndarray,
    spikes: tuple[str, ...] | None = None,
    v: tuple[str, ...] | None = None,
    rows: int = ROWS,
    split: bool = False,
) -> tuple[Arrays, Arrays]:
    """Run encoded inputs through Lava, and end it.

    Args:
        x: (samples, T', *shape) integers, as ``mapping.coding.encode`` returns them.
        network, spikes, v, rows, split: as of LavaSession.

    Returns
    -------
        spikes (bool) and v (int64) by population name, (samples, T', *shape).

    Raises
    ------
        ValueError: widths beyond proof. watching.LavaFailed: a Lava process failed.
    """
    with LavaSession(network, spikes, v, min(rows, len(x)), x.shape[1], split) as session:
        return session.run(x)

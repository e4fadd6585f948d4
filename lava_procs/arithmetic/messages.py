"""What arrives at a port, without the copies that Lava makes of it."""

from __future__ import annotations

from typing import Any

import numpy as np


def received(port: Any) -> np.ndarray:
    """Receive from a PyInPort; several that are connected to it are summed, none gives zeros.

    Lava's own ``recv`` begins with zeros, and adds: for one connection, by far the most, that is
    two more passes over memory.
    """
    ports = port.csp_ports
    if len(ports) != 1:
        return port.recv()
    return port._transformer.transform(ports[0].recv(), ports[0])


def within(source: np.ndarray, span: tuple[int, int]) -> np.ndarray:
    """Return what arrived, if it lies in the range that the sums are made for.

    Raises
    ------
        ValueError: it does not.
    """
    low, high = int(source.min()), int(source.max())
    if low < span[0] or high > span[1]:
        odd = low if low < span[0] else high
        raise ValueError(f"received {odd}, and span says {span[0]} to {span[1]}")
    return source

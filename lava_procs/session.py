"""A Network compiled once on Lava, for as many batches as there are.

Inputs and recordings stand in anonymous shared memory, which processes inherit by fork: it has no
name, and is gone with the last of them. A session of any length holds one batch.
"""

from __future__ import annotations

from types import TracebackType

import numpy as np

from mapping import Network

from . import shim
from .arithmetic import kernels
from .running import Running
from .sharing import shared
from .takes import OWN

#: Samples side by side.
ROWS = 64
#: Bytes that one tensor between two Processes may take, and that all recordings of a batch may;
#: wide populations get fewer rows.
TENSOR, RECORDED = 1 << 22, 1 << 28

Arrays = dict[str, np.ndarray]


class LavaSession:
    """Own Processes of a network, running; a context manager.

    Args:
        network: every one whose widths are proved is taken.
        spikes, v: populations to record; by default all that have it.
        rows: most samples side by side; fewer where populations are wide.
        steps: of a sample, by default the network's T.
        split: every connection is a Process of its own; see NetworkProcess.

    Raises
    ------
        ValueError: widths beyond proof, or steps that the network does not have.
        LavaFailed: a process could not be built.
    """

    def __init__(
        self,
        network: Network,
        spikes: tuple[str, ...] | None = None,
        v: tuple[str, ...] | None = None,
        rows: int = ROWS,
        steps: int | None = None,
        split: bool = False,
    ) -> None:
        OWN.refuse(network)
        network.facts  # noqa: B018  refuses widths beyond what is proved
        shim.load()
        kernels.load()  # here, or each child would
        from .processes.network import NetworkProcess
        from .processes.source import ByteSource, Source

        self.network, self.steps = network, network.timesteps if steps is None else steps
        if spikes is None:
            spikes = tuple(p.name for p in network.populations if p.spiking)
        if v is None:
            v = tuple(p.name for p in network.populations)
        self.rows = rows = _rows(network, self.steps, rows, spikes, v)
        enter = network.input
        byte = enter.span[1] < 256
        side = (self.steps, rows)
        self.data = shared((*side, *enter.shape), np.uint8 if byte else np.int32)
        shapes = network.shapes
        self.spikes = {n: shared((*side, *shapes[n]), bool) for n in spikes}
        self.v = {n: shared((*side, *shapes[n]), np.int64) for n in v}
        progress = _progress(network)
        source = (ByteSource if byte else Source)(self.data, progress["the input"], "the input")
        whole = NetworkProcess(
            network,
            rows,
            self.steps,
            split=split,
            trusted=True,
            record={
                p.name: {
                    what: kept[p.name]
                    for what, kept in (("spikes", self.spikes), ("v", self.v))
                    if p.name in kept
                }
                for p in network.populations
            },
            progress=progress,
        )
        source.s_out.connect(whole.s_in)
        self.running = Running(source, progress=progress)

    def run(self, x: np.ndarray) -> tuple[Arrays, Arrays]:
        """Run encoded inputs.

        Args:
            x: (samples, steps, *shape) integers, as ``mapping.coding.encode`` returns them.

        Returns
        -------
            spikes (bool) and v (int64) by population name, (samples, steps, *shape).

        Raises
        ------
            ValueError: another shape. LavaFailed: a process failed, which ends the session; or
            it has ended before.
        """
        if x.ndim < 2 or x.shape[1:] != (self.steps, *self.network.input.shape):
            want = ", ".join(map(str, ("samples", self.steps, *self.network.input.shape)))
            raise ValueError(f"this session takes inputs of shape ({want}), not {x.shape}")
        kept = (self.spikes, self.v)
        found = self._room(self.spikes, len(x)), self._room(self.v, len(x))
        for first in range(0, len(x), self.rows):
            batch = x[first : first + self.rows]
            self.data[:, : len(batch)] = batch.swapaxes(0, 1)
            self.data[:, len(batch) :] = 0
            self.running.steps(self.steps)
            for arrays, out in zip(kept, found, strict=True):
                for name, array in arrays.items():
                    part = array[:, : len(batch)].swapaxes(0, 1)
                    out[name][first : first + self.rows] = part
        return found

    def _room(self, kept: Arrays, samples: int) -> Arrays:
        return {n: np.empty((samples, self.steps, *a.shape[2:]), a.dtype) for n, a in kept.items()}

    def close(self) -> None:
        """End every process."""
        self.running.close()

    def __enter__(self) -> LavaSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self.running.__exit__(kind)


def _rows(
    network: Network, steps: int, rows: int, spikes: tuple[str, ...], v: tuple[str, ...]
) -> int:
    sizes = {name: int(np.prod(shape)) for name, shape in network.shapes.items()}
    recorded = steps * (sum(sizes[n] for n in spikes) + 8 * sum(sizes[n] for n in v))
    return max(1, min(rows, TENSOR // (8 * max(sizes.values())), RECORDED // max(1, recorded)))


def _progress(network: Network) -> Arrays:
    """Return counters for every name that a Process may have, from the input on."""
    names = ["the input"]
    for p in network.populations:
        edges = (f", connection {k} from {c.source!r}" for k, c in enumerate(p.connections))
        names += [f"population {p.name!r}{edge}" for edge in (*edges, "")]
    table = shared((len(names), 2), np.int64)
    return {name: table[k] for k, name in enumerate(names)}

"""What a run leaves behind, the same for every backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mapping import Network

Record = tuple[str, ...]
RECORDS = ("spikes", "v")


@dataclass(frozen=True, eq=False)
class Trace:
    """Spikes and membranes of a run.

    Attributes
    ----------
        backend: who ran it.
        spikes: population name (in order; those with a threshold) to bool (samples, T, *shape).
        v: population name to int64 (samples, T, *shape): the value that was compared with the
            threshold, before reset.
        thresholds: every population's name, in the network's order, to its (C,) thresholds, or
            None where it has none.
        scores: (samples, classes) int64 by the network's read-out, or None if the backend did
            not give what it needs.
        info: what else the backend measured (cycles, seconds), JSON values only.
    """

    backend: str
    spikes: dict[str, np.ndarray]
    v: dict[str, np.ndarray]
    thresholds: dict[str, np.ndarray | None]
    scores: np.ndarray | None
    info: dict[str, object] = field(default_factory=dict)

    @property
    def classes(self) -> np.ndarray:
        """(samples,) int64: the highest score; ties go to the lowest class index."""
        if self.scores is None:
            raise ValueError(f"backend {self.backend!r} did not record what the read-out needs")
        return self.scores.argmax(axis=1)

    def save(self, path: Path | str) -> None:
        """Write an .npz: ``spikes/NAME``, ``v/NAME``, ``scores``, ``backend``; renamed."""
        from mapping.files import beside

        arrays = {f"spikes/{n}": a for n, a in self.spikes.items()}
        arrays |= {f"v/{n}": a for n, a in self.v.items()}
        if self.scores is not None:
            arrays["scores"] = self.scores
        with beside(Path(path)) as part, part.open("wb") as file:
            np.savez_compressed(file, backend=np.array(self.backend), **arrays)


class Recorder:
    """Collects a run timestep by timestep, and reads out its scores."""

    def __init__(
        self, network: Network, samples: int, steps: int, record: Record, backend: str
    ) -> None:
        for word in record:
            if word not in RECORDS:
                raise ValueError(f"record must hold 'spikes' and 'v', not {word!r}")
        self._network, self._backend = network, backend
        shape = {p.name: (samples, steps, *network.shapes[p.name]) for p in network.populations}
        spiking = {p.name for p in network.populations if p.spiking}
        spikes, membranes = needed(network)
        want_s = spiking if "spikes" in record else spikes
        want_v = set(shape) if "v" in record else membranes
        self._spikes = {n: np.zeros(s, bool) for n, s in shape.items() if n in want_s}
        self._v = {n: np.zeros(s, np.int64) for n, s in shape.items() if n in want_v}

    def put(self, name: str, t: int, out: np.ndarray, v: np.ndarray) -> None:
        """Take one population's output and membrane at timestep t, (samples, neurons)."""
        if name in self._spikes:
            self._spikes[name][:, t] = out.reshape(self._spikes[name][:, t].shape)
        if name in self._v:
            self._v[name][:, t] = v.reshape(self._v[name][:, t].shape)

    def trace(self, **info: object) -> Trace:
        """Return the finished Trace."""
        return finish(self._network, self._backend, self._spikes, self._v, **info)


def finish(
    network: Network,
    backend: str,
    spikes: dict[str, np.ndarray],
    v: dict[str, np.ndarray],
    **info: object,
) -> Trace:
    """Make a Trace of a backend's arrays: populations in order, scores by the read-out.

    Args:
        spikes, v: (samples, T, *shape) by population name; what a backend does not give is
            left out.
    """
    order = [p.name for p in network.populations]
    spikes = {n: np.asarray(spikes[n], bool) for n in order if n in spikes}
    v = {n: np.asarray(v[n], np.int64) for n in order if n in v}
    thresholds = {p.name: p.neuron.threshold for p in network.populations}
    return Trace(backend, spikes, v, thresholds, _scores(network, spikes, v), dict(info))


def needed(network: Network) -> tuple[set[str], set[str]]:
    """Return the populations whose spikes, and whose membranes, the read-out reads."""
    readout = network.readout
    spiking = network[readout.source].spiking
    spikes = {readout.source} if readout.reads_spikes and spiking else set()
    membranes = {readout.source} if readout.reads_membrane or not spiking else set()
    return spikes, membranes


def _scores(
    network: Network, spikes: dict[str, np.ndarray], v: dict[str, np.ndarray]
) -> np.ndarray | None:
    readout = network.readout
    wanted = needed(network)
    if not (wanted[0] <= set(spikes) and wanted[1] <= set(v)):
        return None
    source = readout.source
    membranes = v.get(source)
    if readout.reads_membrane:
        assert membranes is not None
        last = membranes.shape[1] - 1
        read = membranes[:, last if readout.step is None else min(readout.step, last)]
        read = read.reshape(len(read), -1)
        if readout.kind == "membrane":
            return read
    given = spikes[source] if source in wanted[0] else membranes
    assert given is not None
    given = given.reshape(*given.shape[:2], -1)
    if readout.kind == "count":  # of a population without a threshold: the sum of its outputs
        return given.sum(axis=1, dtype=np.int64)
    fired = given != 0
    first = np.where(fired.any(axis=1), given.shape[1] - fired.argmax(axis=1), 0).astype(np.int64)
    if readout.fallback is None:
        return first
    return np.where(fired.any(axis=(1, 2))[:, None], first, read)

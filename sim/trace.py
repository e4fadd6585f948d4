"""What a run leaves behind, the same for every backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mapping import Network

Record = tuple[str, ...]
RECORDS = ("spikes", "v")
#: Populations that a printed trace names.
POPULATIONS = 12


@dataclass(frozen=True, eq=False, repr=False)
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
        ran: (samples,) int64 timesteps that each sample ran, of a device that stops early; what
            lies behind them is 0 and is not compared. None: all.
    """

    backend: str
    spikes: dict[str, np.ndarray]
    v: dict[str, np.ndarray]
    thresholds: dict[str, np.ndarray | None]
    scores: np.ndarray | None
    info: dict[str, object] = field(default_factory=dict)
    ran: np.ndarray | None = None

    @property
    def classes(self) -> np.ndarray:
        """(samples,) int64: the highest score; ties go to the lowest class index."""
        if self.scores is None:
            raise ValueError(f"backend {self.backend!r} did not record what the read-out needs")
        return self.scores.argmax(axis=1)

    @property
    def samples(self) -> int | None:
        """Samples run; None where nothing was recorded."""
        some = next(iter((*self.v.values(), *self.spikes.values())), self.scores)
        return None if some is None else len(some)

    @property
    def timesteps(self) -> int | None:
        """Timesteps of a sample; None where nothing was recorded."""
        some = next(iter((*self.v.values(), *self.spikes.values())), None)
        return None if some is None else some.shape[1]

    def __repr__(self) -> str:
        lines = [self._population(name) for name in self.thresholds]
        if len(lines) > POPULATIONS:
            rest = len(lines) - POPULATIONS
            lines[POPULATIONS:] = [f"and {rest} more populations"]
        scores = "not given" if self.scores is None else f"of {self.scores.shape[1]} classes"
        lines.append(f"scores {scores}" + (f"; info {', '.join(self.info)}" if self.info else ""))
        head = f"Trace of {self.backend!r}: {self.samples} samples of {self.timesteps} timesteps"
        return "\n  ".join([head, *lines])

    def _population(self, name: str) -> str:
        spikes, v = self.spikes.get(name), self.v.get(name)
        some = v if spikes is None else spikes
        if some is None:
            return f"{name}: not recorded"
        parts = [f"{name} ({'x'.join(map(str, some.shape[2:]))})"]
        if spikes is not None:
            parts.append(f"spikes, {np.count_nonzero(spikes) / max(spikes.size, 1):.1%} fire")
        if v is not None and v.size:
            parts.append(f"v {v.min()}..{v.max()}")
        return ": ".join([parts[0], "; ".join(parts[1:])])

    def save(self, path: Path | str) -> None:
        """Write an .npz of plain arrays, beside and renamed; see ``sim.trace_file``."""
        from .trace_file import write

        write(Path(path), vars(self))

    @classmethod
    def load(cls, path: Path | str) -> Trace:
        """Read what ``save`` wrote, without pickle.

        Raises
        ------
            ValueError: missing, damaged, of another format, or no trace; one sentence.
        """
        from .trace_file import read

        return cls(**read(Path(path)))


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
    return Trace(backend, spikes, v, thresholds, scores(network, spikes, v), dict(info))


def needed(network: Network) -> tuple[set[str], set[str]]:
    """Return the populations whose spikes, and whose membranes, the read-out reads."""
    readout = network.readout
    spiking = network[readout.source].spiking
    spikes = {readout.source} if readout.reads_spikes and spiking else set()
    membranes = {readout.source} if readout.reads_membrane or not spiking else set()
    return spikes, membranes


def scores(
    network: Network, spikes: dict[str, np.ndarray], v: dict[str, np.ndarray]
) -> np.ndarray | None:
    """Return the scores by the read-out, (samples, classes); None where something is missing.

    Args:
        spikes, v: (samples, T', *shape) of the read-out's population, by name.
    """
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

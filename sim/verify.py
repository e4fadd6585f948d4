"""Verification: many backends against one reference, counted, in chunks of bounded memory."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import check
from mapping.coding import digest as inputs_digest
from mapping.files import digest

from .ability import require
from .backends.rows import BACKENDS
from .compare import Divergence, agreement
from .counts import Count
from .run import backend_module, run
from .tools import ProtocolError
from .trace import RECORDS, Record, Trace
from .vectors import read_manifest

#: Bytes that the traces of one chunk may take.
MEMORY = 256 << 20
#: Backends that run the Verilog of a folder.
READ_RTL = tuple(row.name for row in BACKENDS.values() if row.verilog)

#: Called with (backend, samples done, samples in all) before and after every chunk of a backend.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Cell:
    """Spikes and membranes of one population in one backend, against the reference."""

    spikes: Count | None
    v: Count

    def __add__(self, other: Cell) -> Cell:
        spikes = None if self.spikes is None else _sum(self.spikes, other.spikes)
        return Cell(spikes, _sum(self.v, other.v))


@dataclass(frozen=True)
class Check:
    """What one backend came to.

    Attributes
    ----------
        cells: population name to its Cell; ``Count(None)`` reads "not compared".
        samples: compared.
        divergence: the first place at which it differs from the reference, or None.
        failure: one sentence if the device broke its protocol (a hang, a dropped beat), or gave
            another class, or None.
        seconds: spent in the backend.
        info: of the backend's last chunk (simulator, cycles, ...).
    """

    cells: dict[str, Cell]
    samples: int
    divergence: Divergence | None
    failure: str | None
    seconds: float
    info: dict[str, object] = field(default_factory=dict)

    @property
    def counts(self) -> list[Count]:
        """Every count of the row, spikes and membranes; populations without spikes have one."""
        both = [c for cell in self.cells.values() for c in (cell.spikes, cell.v)]
        return [c for c in both if c is not None]

    @property
    def compared(self) -> int:
        """Neuron-values compared."""
        return sum(c.compared or 0 for c in self.counts)

    @property
    def mismatches(self) -> int:
        """Neuron-values that differ."""
        return sum(c.mismatches for c in self.counts)

    @property
    def ok(self) -> bool:
        """Whether something was compared, all of it equal, and the protocol held."""
        return self.failure is None and self.compared > 0 and self.mismatches == 0

    def __repr__(self) -> str:
        return (
            f"<Check: {'ok' if self.ok else 'NOT ok'}, {self.samples} samples, "
            f"{len(self.cells)} populations, {self.compared:,} neuron-values compared, "
            f"{self.mismatches:,} mismatches, {self.seconds:.3g} s>"
        )


@dataclass(frozen=True)
class Verification:
    """The agreement matrix.

    Attributes
    ----------
        reference: backend that the others were compared with.
        samples, timesteps: of the inputs.
        checks: backend name to its Check, in the order asked for.
        threshold_hits: membranes of the reference that equal their threshold.
        network_sha256, inputs_sha256: of what was run; see ``mapping.files.digest`` and
            ``mapping.coding.digest``.
        verilog_sha256: of the Verilog in a folder that was checked as it is, or None.
    """

    reference: str
    samples: int
    timesteps: int
    checks: dict[str, Check]
    threshold_hits: int
    network_sha256: str
    inputs_sha256: str
    verilog_sha256: str | None = None

    @property
    def compared(self) -> int:
        """Neuron-values compared, all backends together."""
        return sum(c.compared for c in self.checks.values())

    @property
    def mismatches(self) -> int:
        """Neuron-values that differ."""
        return sum(c.mismatches for c in self.checks.values())

    @property
    def ok(self) -> bool:
        """Whether every backend compared something and agreed; nothing compared is not ok."""
        return bool(self.checks) and all(c.ok for c in self.checks.values())

    @property
    def divergence(self) -> Divergence | None:
        """The first divergence of the first backend that has one."""
        return next((c.divergence for c in self.checks.values() if c.divergence), None)

    @property
    def problems(self) -> list[str]:
        """One sentence for everything that keeps ``ok`` from being True."""
        sentences = []
        for name, result in self.checks.items():
            if result.failure is not None:
                sentences.append(f"{name}: {result.failure}")
            if result.divergence is not None:
                sentences.append(f"{name}: {result.divergence}")
            if result.failure is None and result.compared == 0:
                sentences.append(f"{name}: nothing was compared with {self.reference}")
        if not self.checks:
            sentences.append(f"nothing was compared: no backend besides {self.reference}")
        return sentences

    def __repr__(self) -> str:
        names = ", ".join(self.checks) or "nothing"
        return (
            f"<Verification of {names} against {self.reference}: {'ok' if self.ok else 'NOT ok'}, "
            f"{self.samples} samples of {self.timesteps} timesteps, {self.compared:,} "
            f"neuron-values compared, {self.mismatches:,} mismatches>"
        )

    def _repr_html_(self) -> str:
        from .show import failed, page, row

        rows: list[dict[str, Any]] = []
        for name, result in self.checks.items():
            for k, (population, cell) in enumerate(result.cells.items()):
                counts = row(population, cell.spikes, cell.v)
                rows.append({"backend": "" if k else name, **counts})
            if result.failure is not None or not result.cells:
                rows.append({"backend": name, **failed()})
        title = (
            f"against {self.reference}, {self.samples} samples of {self.timesteps} timesteps: "
            f"{self.compared:,} neuron-values compared, {self.mismatches:,} mismatches; "
            f"{self.threshold_hits:,} membranes exactly at their threshold"
        )
        return page(title, rows, self.problems)

    def __str__(self) -> str:
        rows = [
            f"{name}: {c.mismatches:,} of {c.compared:,} neuron-values differ"
            for name, c in self.checks.items()
        ]
        return "\n".join([*rows, *self.problems])


def verify(
    network: Network,
    inputs: np.ndarray,
    backends: Sequence[str],
    reference: str = "reference",
    rtl: Path | str | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    record: Record = RECORDS,
    memory: int = MEMORY,
    progress: Progress | None = None,
) -> Verification:
    """Run backends on the same inputs and compare each with the reference.

    Args:
        network, inputs: as of ``sim.run``.
        backends: names; the reference's own is left out, as it proves nothing.
        reference: backend to compare with.
        rtl: folder whose Verilog the backends of READ_RTL check as it is.
        options: backend name to options of its ``run``.
        record: what to compare, of "spikes" and "v".
        memory: bytes that the traces of a chunk may take; sets the samples of a chunk.
        progress: called before and after each chunk of each backend.

    Raises
    ------
        TypeError, ValueError: bad inputs, an unknown backend, ``rtl`` that nobody reads.
        Unsupported: a backend does not run this network. MissingTool: it lacks a tool. Both are
            asked of every backend before the first one runs.
    """
    names = [name for name in dict.fromkeys(backends) if name != reference]
    for name in (reference, *names):
        backend_module(name)
    options = {name: dict(o) for name, o in (options or {}).items()}
    for name in options:
        if name not in BACKENDS:
            raise ValueError(f"options are for one of {', '.join(BACKENDS)}, not {name!r}")
    verilog = None
    if rtl is not None:
        if not set(names) & set(READ_RTL):
            raise ValueError(f"Verilog in a folder is read by {' and '.join(READ_RTL)} only")
        verilog = _verilog(Path(rtl), network)
        for name in READ_RTL:
            options.setdefault(name, {})["rtl"] = rtl
    inputs = check(network.input, inputs, network.timesteps)
    total = len(inputs)
    steps = inputs.shape[1] if network.input.coding == "steps" else network.timesteps
    require(network, (reference, *names), READ_RTL if rtl is not None else (), steps)
    chunk = chunk_samples(network, steps, memory)
    rows = {name: _Row(network) for name in names}
    hits = 0
    for start in range(0, total, chunk):
        part = inputs[start : start + chunk]

        def tell(name: str, done: int) -> None:
            if progress is not None:
                progress(name, done, total)

        tell(reference, start)
        expected = run(network, part, reference, record, **options.get(reference, {}))
        hits += threshold_hits(expected)
        tell(reference, start + len(part))
        for name, row in rows.items():
            if row.failure is None:
                tell(name, start)
                row.take(expected, network, part, start, name, record, options.get(name, {}))
                tell(name, start + len(part))
    emitted = {row.info["verilog_sha256"] for row in rows.values() if "verilog_sha256" in row.info}
    if len(emitted) == 1:  # emitted anew, the same for all
        (verilog,) = emitted
    return Verification(
        reference, total, steps, {name: row.check() for name, row in rows.items()}, hits,
        digest(network), inputs_digest(inputs), verilog,
    )  # fmt: skip


def _verilog(folder: Path, network: Network) -> str:
    """Return the SHA-256 of a folder's Verilog; of another network's it is refused, before work."""
    path = folder / str(read_manifest(folder, network)["verilog"])
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise ValueError(f"{folder} holds no readable {path.name!r}") from None


def chunk_samples(network: Network, steps: int, memory: int) -> int:
    """Return how many samples' traces fit the memory: two traces, and one in the making."""
    neurons = sum(math.prod(network.shapes[p.name]) for p in network.populations)
    return max(1, memory // (3 * neurons * steps * (8 + 1)))


def threshold_hits(trace: Trace) -> int:
    """Count the membranes that equal their threshold exactly."""
    hits = 0
    for name, threshold in trace.thresholds.items():
        if threshold is not None and name in trace.v:
            v = trace.v[name]
            per_channel = threshold.reshape(-1, *[1] * (v.ndim - 3))
            hits += int((v == per_channel).sum())
    return hits


class _Row:
    """One backend's counts in the making."""

    def __init__(self, network: Network) -> None:
        self.cells = {
            p.name: Cell(Count(None) if p.spiking else None, Count(None))
            for p in network.populations
        }
        self.samples, self.seconds = 0, 0.0
        self.divergence: Divergence | None = None
        self.failure: str | None = None
        self.info: dict[str, object] = {}

    def take(
        self,
        expected: Trace,
        network: Network,
        inputs: np.ndarray,
        start: int,
        name: str,
        record: Record,
        options: Mapping[str, Any],
    ) -> None:
        began = time.perf_counter()
        try:
            actual = run(network, inputs, name, record, **options)
        except ProtocolError as error:
            self.failure = " ".join(str(error).split())
            return
        finally:
            self.seconds += time.perf_counter() - began
        result = agreement(expected, actual)
        self.info = actual.info
        self.samples += len(inputs)
        for population in self.cells:
            self.cells[population] += Cell(result.spikes.get(population), result.v[population])
        if self.divergence is None and result.divergence is not None:
            first = result.divergence
            self.divergence = dataclasses.replace(first, sample=first.sample + start)
        self.failure = _other_class(expected, actual, start)

    def check(self) -> Check:
        return Check(
            self.cells, self.samples, self.divergence, self.failure, self.seconds, self.info
        )


def _other_class(expected: Trace, actual: Trace, start: int) -> str | None:
    """Say which class that a device gave is not the reference's, or nothing."""
    given = actual.info.get("classes")
    if given is None or expected.scores is None:
        return None
    wrong = np.flatnonzero(np.asarray(given) != expected.classes)
    if not len(wrong):
        return None
    at = int(wrong[0])
    return (
        f"class {np.asarray(given)[at]} of sample {start + at}, and {expected.backend} says "
        f"{expected.classes[at]}; {len(wrong)} of {len(expected.classes)} classes differ"
    )


def _sum(a: Count, b: Count | None) -> Count:
    if b is None or b.compared is None:
        return a
    return Count((a.compared or 0) + b.compared, a.mismatches + b.mismatches)

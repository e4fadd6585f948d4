"""Chunks of a data set: each is run by itself, here or on a cluster, and kept in a journal."""

from __future__ import annotations

import functools
import hashlib
import itertools
import pickle
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mapping import Network
from mapping.coding import Digest, digest

from . import journal_file
from .cluster import opened
from .run import run
from .trace import Record

#: Samples of one chunk.
CHUNK = 256
#: What a sentence calls a journal.
KIND = "an evaluation's"


class Sliced(Protocol):
    """What gives samples when they are asked for: an array does, and so may a reader of files."""

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Any, /) -> Any:
        """Return the samples of a slice, or of an array of indices, as of ``sim.run``."""
        ...


@dataclass(frozen=True)
class Part:
    """What one chunk came to; see ``Evaluation``.

    Attributes
    ----------
        of: SHA-256 of the chunk's inputs and labels. silent: 0 where nothing is read that fires.
    """

    start: int
    of: str
    samples: int
    correct: int
    correct_if_tied: int
    silent: int


def run_part(
    network: Network, start: int, x: np.ndarray, y: np.ndarray, backend: str, of: str,
    **options: Any,
) -> Part:  # fmt: skip
    """Run one chunk; options are of the backend.

    Raises
    ------
        ValueError: the backend does not give what the read-out needs.
    """
    source = network[network.readout.source]
    record: Record = ("spikes",) if source.spiking and not network.readout.reads_spikes else ()
    trace = run(network, x, backend, record=record, **options)
    if trace.scores is None:
        raise ValueError(f"backend {backend!r} does not give what the read-out needs")
    top, silent = trace.scores.max(axis=1), 0
    spikes = trace.spikes.get(source.name)
    if spikes is not None:
        silent = int((~spikes.reshape(len(x), -1).any(axis=1)).sum())
    tied = int((trace.scores[np.arange(len(y)), y] == top).sum())
    return Part(start, of, len(x), int((trace.classes == y).sum()), tied, silent)


def parts(
    network: Network,
    inputs: np.ndarray | Sliced,
    labels: np.ndarray,
    backend: str,
    seen: Digest,
    sha256: str,
    cluster: str | None,
    journal: Path | None,
) -> Iterator[Part]:
    """Yield every chunk's Part, in order.

    Args:
        seen: takes all inputs. sha256: the network's. Others as of ``evaluate``.
    """
    head = {"evaluation": 1, "network_sha256": sha256, "backend": backend, "samples": len(inputs)}
    done: dict[tuple[int, str], Part] = {}
    if journal is not None:
        done = {(p.start, p.of): p for p in journal_file.read(journal, head, KIND, _part)}
    known: list[Part | None] = []

    def chunks() -> Iterator[tuple[int, np.ndarray, np.ndarray, str, str]]:
        """Yield what is not done yet, and note in ``known`` what comes in between."""
        for start in range(0, len(inputs), CHUNK):
            x, y = inputs[start : start + CHUNK], labels[start : start + CHUNK]
            seen.add(x)
            of = _name(x, y) if journal is not None else ""
            known.append(done.get((start, of)))
            if known[-1] is None:
                yield start, x, y, backend, of

    def results() -> Iterator[Part]:
        if cluster is None:
            yield from (run_part(network, *chunk) for chunk in chunks())
            return
        left, sent = chunks(), pickle.dumps(network)
        first = next(left, None)
        if first is None:  # nothing to do, and no cluster to be there
            return
        with opened(cluster) as workers:
            rest = ((sent, *chunk) for chunk in itertools.chain([first], left))
            yield from workers.in_order(_remote, rest)

    at = 0
    for part in results():
        while known[at] is not None:
            yield known[at]  # type: ignore[misc]
            at += 1
        if journal is not None:
            journal_file.append(journal, asdict(part), KIND)
        at += 1
        yield part
    yield from (part for part in known[at:] if part is not None)


def _name(x: np.ndarray, y: np.ndarray) -> str:
    labels = hashlib.sha256(np.asarray(y, np.int64).tobytes()).hexdigest()
    return hashlib.sha256(f"{digest(x)} {labels}".encode()).hexdigest()


def _part(line: dict[str, Any]) -> Part:
    part = Part(**line)
    for key, value in vars(part).items():
        if type(value) is not (str if key == "of" else int):
            raise ValueError(f"{key} is {value!r}")
    return part


@functools.lru_cache(maxsize=2)
def _network(sent: bytes) -> Network:
    """Return the network that was sent: read once by a worker, and so compiled once."""
    network = pickle.loads(sent)
    if not isinstance(network, Network):
        raise TypeError(f"a worker was sent {network!r}, which is no Network")
    return network


def _remote(sent: bytes, start: int, x: np.ndarray, y: np.ndarray, backend: str, of: str) -> Part:
    options = {"threads": 1} if backend == "fast" else {}  # as many workers as processors
    return run_part(_network(sent), start, x, y, backend, of, **options)

"""Accuracy and agreement over a data set, in chunks of bounded memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import Digest, check
from mapping.cost import Activity
from mapping.files import digest

from .ability import require
from .compare import Divergence, agreement
from .evaluate_parts import CHUNK, Sliced, parts
from .run import row_of, run
from .trace import needed

#: Of accuracy.json.
FORMAT = 1


@dataclass
class Evaluation:
    """What a data set came to.

    Attributes
    ----------
        samples: run. correct: whose class is the label; ties go to the lowest class.
        correct_if_tied: whose label has the highest score, as some authors count.
        silent: samples in which nothing of the read-out's population fired; None if it never does.
        compared, mismatches, divergence: against the reference, of the samples checked.
        cost: operations, energy and firing rates of the samples checked (``mapping.cost``), mean
            of a sample; None if none was.
        backend: that ran all of it. network_sha256, inputs_sha256: of what was run.
    """

    samples: int = 0
    correct: int = 0
    correct_if_tied: int = 0
    silent: int | None = None
    compared: int = 0
    mismatches: int = 0
    divergence: Divergence | None = field(default=None)
    cost: dict[str, Any] | None = field(default=None, repr=False)
    backend: str = ""
    network_sha256: str = ""
    inputs_sha256: str = ""

    @property
    def accuracy(self) -> float:
        """Share of samples whose class is the label."""
        return self.correct / self.samples

    @property
    def accuracy_if_tied(self) -> float:
        """Share of samples whose label is among the classes with the highest score."""
        return self.correct_if_tied / self.samples

    def to_json(self) -> dict[str, Any]:
        """Return JSON values: what accuracy.json holds."""
        return {
            "format": FORMAT,
            "network_sha256": self.network_sha256,
            "inputs_sha256": self.inputs_sha256,
            "samples": self.samples,
            "backend": self.backend,
            "accuracy": round(self.accuracy, 6),
            "accuracy_if_tied": round(self.accuracy_if_tied, 6),
            "silent_samples": self.silent,
            "compared": self.compared,
            "mismatches": self.mismatches,
            "divergence": None if self.divergence is None else str(self.divergence),
            "cost": self.cost,
        }


def evaluate(
    network: Network,
    inputs: np.ndarray | Sliced,
    labels: np.ndarray,
    backend: str = "fast",
    checked: int = 64,
    progress: Callable[[int, int], None] | None = None,
    cluster: str | None = None,
    journal: Path | None = None,
) -> Evaluation:
    """Run a labelled data set.

    Args:
        inputs: as of ``sim.run``, or what gives them a chunk at a time.
        labels: (samples,) classes.
        backend: that runs all of it.
        checked: samples, spread over the data set, that the reference runs as well; every spike
            and membrane is compared, and what a sample costs is counted from these.
        progress: called with (samples done, samples in all).
        cluster: where chunks are run, see ``sim.cluster.opened``; None: here. What comes out is
            the same.
        journal: a JSON-lines file of finished chunks; one that is there is gone on with.

    Raises
    ------
        ValueError, TypeError: bad inputs, labels that do not fit them, a journal of other work.
        ClusterLost: the cluster went away.
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.shape != (len(inputs),):
        raise ValueError(
            f"labels must be {len(inputs)} integers, one per sample, not {labels.dtype} of shape "
            f"{labels.shape}"
        )
    if not len(labels):
        raise ValueError("there is no sample to evaluate")
    classes = math.prod(network.shapes[network.readout.source])
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        odd = int(labels.min()) if int(labels.min()) < 0 else int(labels.max())
        raise ValueError(f"the network's classes are 0..{classes - 1}, but a label is {odd}")
    first = check(network.input, inputs[:1], network.timesteps)
    steps = first.shape[1] if network.input.coding == "steps" else network.timesteps
    require(network, [backend], steps=steps)
    if needed(network)[1] and "membranes" not in row_of(backend).gives:
        raise ValueError(f"backend {backend!r} does not give what the read-out needs")
    found = Evaluation(backend=backend, network_sha256=digest(network))
    seen = Digest()
    if network[network.readout.source].spiking:
        found.silent = 0
    for part in parts(
        network, inputs, labels, backend, seen, found.network_sha256, cluster, journal
    ):
        found.samples += part.samples
        found.correct += part.correct
        found.correct_if_tied += part.correct_if_tied
        if found.silent is not None:
            found.silent += part.silent
        if progress is not None:
            progress(found.samples, len(inputs))
    found.inputs_sha256 = seen.sha256
    if checked:
        _check(found, network, inputs, backend, checked)
    return found


def _check(
    found: Evaluation, network: Network, inputs: np.ndarray | Sliced, backend: str, checked: int
) -> None:
    """Run samples spread over the data set in the reference too: compare, and count the cost."""
    chosen = np.unique(np.linspace(0, len(inputs) - 1, min(checked, len(inputs))).astype(int))
    activity = Activity(network)
    for start in range(0, len(chosen), CHUNK):
        where = chosen[start : start + CHUNK]
        x = inputs[where]
        expected = run(network, x)
        activity.add(x, expected)
        if backend == "reference":
            continue
        same = agreement(expected, run(network, x, backend))
        found.compared += same.compared
        found.mismatches += same.mismatches
        if found.divergence is None and same.divergence is not None:
            sample = int(where[same.divergence.sample])
            found.divergence = replace(same.divergence, sample=sample)
    found.cost = activity.to_json()

"""Agreement of two traces: equal, complete, and if not, where they first part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .counts import Count
from .trace import Trace


@dataclass(frozen=True)
class Divergence:
    """The first place at which two traces differ: earliest sample, then timestep, then population.

    Attributes
    ----------
        sample, timestep, population, neuron: where; neuron is an index tuple.
        what: ``"spike"`` or ``"v"``.
        expected, actual: (spike, v) on both sides; None where a side does not give it.
        threshold: of the neuron on both sides, or None.
    """

    sample: int
    timestep: int
    population: str
    neuron: tuple[int, ...]
    what: str
    expected: tuple[int | None, int | None]
    actual: tuple[int | None, int | None]
    threshold: tuple[int | None, int | None]
    backends: tuple[str, str]

    def __str__(self) -> str:
        def side(which: int, pair: tuple[int | None, int | None]) -> str:
            spike = "" if pair[0] is None else f"spike {pair[0]}, "
            v = "v not given" if pair[1] is None else f"v {pair[1]}"
            return f"{self.backends[which]}: {spike}{v}, threshold {self.threshold[which]}"

        neuron = self.neuron[0] if len(self.neuron) == 1 else self.neuron
        return (
            f"first divergence in {self.what} at sample {self.sample}, timestep {self.timestep}, "
            f"population {self.population!r}, neuron {neuron} "
            f"({side(0, self.expected)}; {side(1, self.actual)})"
        )


class Disagreement(AssertionError):
    """Two traces differ; ``divergence`` tells where, ``agreement`` how much."""

    def __init__(self, agreement: Agreement) -> None:
        super().__init__(str(agreement.divergence))
        self.agreement, self.divergence = agreement, agreement.divergence


@dataclass(frozen=True)
class Agreement:
    """The comparison of two traces, population by population."""

    spikes: dict[str, Count]
    v: dict[str, Count]
    divergence: Divergence | None

    @property
    def compared(self) -> int:
        """Neuron-values compared, spikes and membranes together."""
        return sum(c.compared or 0 for c in (*self.spikes.values(), *self.v.values()))

    @property
    def mismatches(self) -> int:
        """Neuron-values that differ."""
        return sum(c.mismatches for c in (*self.spikes.values(), *self.v.values()))

    def __repr__(self) -> str:
        return f"<Agreement: {self}>"

    def _repr_html_(self) -> str:
        from .show import page, row

        rows = [row(name, self.spikes.get(name), v) for name, v in self.v.items()]
        title = f"{self.compared:,} neuron-values compared, {self.mismatches:,} mismatches"
        return page(title, rows, [] if self.divergence is None else [str(self.divergence)])

    def __str__(self) -> str:
        first = "" if self.divergence is None else f"; {self.divergence}"
        return f"{self.compared:,} neuron-values compared, {self.mismatches:,} mismatches{first}"


def agreement(expected: Trace, actual: Trace) -> Agreement:
    """Compare two traces of one network and count.

    Raises
    ------
        ValueError: traces of different samples, timesteps or populations.
    """
    if list(expected.thresholds) != list(actual.thresholds):
        raise ValueError("the traces are of networks with different populations")
    counts: dict[str, dict[str, Count]] = {"spikes": {}, "v": {}}
    first = first_difference(_differing(expected, actual, counts))
    divergence = None
    if first is not None:
        (name, what), place = first
        divergence = _divergence(expected, actual, name, what, place)
    return Agreement(counts["spikes"], counts["v"], divergence)


Label = TypeVar("Label")


def first_difference(
    differing: Iterable[tuple[Label, np.ndarray]],
) -> tuple[Label, tuple[int, ...]] | None:
    """Return where arrays first differ: earliest sample, then timestep, then array, then neuron.

    Args:
        differing: a label and (samples, T, *shape) bool, True where two arrays differ.

    Returns
    -------
        The label and the index into its array; None where nothing differs.
    """
    first: tuple[Label, tuple[int, ...]] | None = None
    for label, wrong in differing:
        if wrong.any():
            place = tuple(map(int, np.argwhere(wrong)[0]))
            if first is None or place[:2] < first[1][:2]:
                first = label, place
    return first


def _differing(
    expected: Trace, actual: Trace, counts: dict[str, dict[str, Count]]
) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    """Yield where populations differ, spikes before membranes, one array at a time; and count."""
    ran = _ran(expected, actual)
    for name, threshold in expected.thresholds.items():
        for what in ("spikes", "v"):
            if what == "spikes" and threshold is None:
                continue
            a, b = getattr(expected, what).get(name), getattr(actual, what).get(name)
            if a is None or b is None:
                counts[what][name] = Count(None)
                continue
            if a.shape != b.shape:
                raise ValueError(
                    f"{what} of {name!r} have shape {a.shape} in {expected.backend} and "
                    f"{b.shape} in {actual.backend}: traces of different runs"
                )
            wrong, compared = a != b, a.size
            if ran is not None:
                wrong &= ran.reshape(ran.shape + (1,) * (a.ndim - 2))
                compared = int(ran.sum()) * math.prod(a.shape[2:])
            counts[what][name] = Count(compared, int(wrong.sum()))
            yield (name, what), wrong


def _ran(*traces: Trace) -> np.ndarray | None:
    """Return where all of several traces ran, (samples, T) bool; None: everywhere."""
    found = None
    for trace in traces:
        if trace.ran is not None and trace.timesteps is not None:
            here = np.arange(trace.timesteps) < trace.ran[:, None]
            found = here if found is None else found & here
    return found


def _divergence(a: Trace, b: Trace, name: str, what: str, at: tuple[int, ...]) -> Divergence:
    sample, step, *rest = at

    def pair(trace: Trace) -> tuple[int | None, int | None]:
        spikes, v = trace.spikes.get(name), trace.v.get(name)
        return (
            None if spikes is None else int(spikes[at]),
            None if v is None else int(v[at]),
        )

    def threshold(trace: Trace) -> int | None:
        values = trace.thresholds[name]
        return None if values is None else int(values[rest[0]])

    return Divergence(
        sample,
        step,
        name,
        tuple(rest),
        "spike" if what == "spikes" else "v",
        pair(a),
        pair(b),
        (threshold(a), threshold(b)),
        (a.backend, b.backend),
    )


def compare(expected: Trace, actual: Trace) -> Agreement:
    """Compare two traces and raise at the first divergence.

    Raises
    ------
        Disagreement: they differ somewhere. ValueError: nothing could be compared.
    """
    result = agreement(expected, actual)
    if result.divergence is not None:
        raise Disagreement(result)
    if result.compared == 0:
        raise ValueError(
            f"nothing to compare: {expected.backend} and {actual.backend} share no values"
        )
    return result

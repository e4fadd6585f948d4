"""What a network does: the spikes of its first population that fires, and one membrane of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import sim
from mapping import Network
from sim.campaign.stimuli import stimuli
from sim.trace import Trace

from .drawing import BAD, INK, LINE, MARK, Drawing, svg

#: Timesteps and neurons of a figure at most, and samples, one after the other.
MOST, SAMPLES = 256, 8
#: Share of a neuron's row that the mark of a spike fills.
FILLED = 0.9


@dataclass(frozen=True)
class Activity:
    """A part of a trace.

    Attributes
    ----------
        neurons: of the population. shown: numbers of those in ``spikes``.
        spikes: bool, (timesteps of all samples, shown).
        neuron, threshold: whose membrane ``v`` is, (timesteps of all samples,), before reset.
    """

    population: str
    backend: str
    samples: int
    timesteps: int
    neurons: int
    shown: np.ndarray
    spikes: np.ndarray
    neuron: int
    threshold: int
    v: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Return what report.json says of it."""
        return {
            "population": self.population,
            "backend": self.backend,
            "samples": self.samples,
            "timesteps": self.timesteps,
            "neurons": self.neurons,
            "shown": len(self.shown),
            "spikes": int(self.spikes.sum()),
            "neuron": self.neuron,
            "threshold": self.threshold,
            "v_min": int(self.v.min()),
            "v_max": int(self.v.max()),
        }


def activity(network: Network, trace: Trace | None = None) -> Activity | None:
    """Return a part of a trace that can be drawn; None if no population fires.

    Args:
        trace: of the network; of fresh stimuli, by the fast backend, if None.
    """
    if trace is None:
        trace = sim.run(network, stimuli(network, SAMPLES), "fast")
    name = next(iter(trace.spikes), None)
    if name is None:
        return None
    spikes = trace.spikes[name]
    timesteps, neurons = spikes.shape[1], spikes[0, 0].size
    samples = max(1, min(SAMPLES, MOST // timesteps, len(spikes)))
    spikes = spikes[:samples].reshape(samples * timesteps, neurons)
    v = trace.v[name][:samples].reshape(spikes.shape)
    busiest = int(np.argmax(spikes.any(axis=0) * v.std(axis=0)))
    thresholds = network[name].neuron.threshold
    shown = np.unique(np.linspace(0, neurons - 1, MOST).astype(int))
    return Activity(
        population=name,
        backend=trace.backend,
        samples=samples,
        timesteps=timesteps,
        neurons=neurons,
        shown=shown,
        spikes=spikes[:MOST, shown],
        neuron=busiest,
        threshold=int(thresholds[busiest // (neurons // len(thresholds))]),  # one for each channel
        v=v[:MOST, busiest],
    )


def drawings(part: Activity) -> list[Drawing]:
    """Draw a raster of the spikes, and the membrane with its threshold; in ``drawing.styled``."""
    return [_raster(part), _membrane(part)]


def _raster(part: Activity) -> Drawing:
    figure, axes = _figure(part, 3.1, "neuron")
    spacing = part.neurons / len(part.shown)
    columns, rows = np.nonzero(part.spikes)
    middle, half = part.shown[rows], FILLED * spacing / 2
    # One line, broken by NaN, is one path of the SVG, and as many bytes as its marks need.
    x = np.stack([columns + 0.5, columns + 0.5, np.full(len(columns), np.nan)], axis=1)
    y = np.stack([middle - half, middle + half, np.full(len(columns), np.nan)], axis=1)
    axes.plot(x.ravel(), y.ravel(), color=MARK, linewidth=min(4, 250 / len(part.spikes)))
    axes.set_ylim(-spacing / 2, part.neurons - 1 + spacing / 2)
    few = len(part.shown) < part.neurons
    some = f"{len(part.shown)} of {part.neurons} neurons" if few else f"{part.neurons} neurons"
    return Drawing(
        "activity-spikes",
        svg(
            figure,
            "activity-spikes",
            f"Raster: {len(columns):,} spikes over {len(part.spikes)} timesteps; neurons upwards, "
            "time to the right.",
        ),
        f"spikes of {part.population!r}, {some}: {_samples(part)}, one after the other",
    )


def _membrane(part: Activity) -> Drawing:
    figure, axes = _figure(part, 2.6, "v")
    axes.stairs(part.v, baseline=None, color=MARK, linewidth=1.4)
    axes.axhline(part.threshold, color=BAD, linestyle="--", linewidth=1)
    axes.annotate(
        f"threshold {part.threshold}", (1, part.threshold), xycoords=("axes fraction", "data"),
        xytext=(-3, 3), textcoords="offset points", horizontalalignment="right", color=INK,
    )  # fmt: skip
    axes.margins(y=0.12)
    return Drawing(
        "activity-membrane",
        svg(
            figure,
            "activity-membrane",
            f"Line: the membrane lies between {part.v.min()} and {part.v.max()} over "
            f"{len(part.v)} timesteps; its threshold is {part.threshold}.",
        ),
        f"membrane of {part.population!r}, neuron {part.neuron}, before reset",
    )


def _figure(part: Activity, height: float, label: str) -> tuple[Any, Any]:
    """Return a figure, and its axes with the timesteps of all samples to the right."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure((7.2, height), layout="constrained")
    axes = figure.subplots()
    axes.grid(False)
    axes.set_xlim(0, len(part.spikes))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("timestep")
    axes.set_ylabel(label)
    for start in range(part.timesteps, len(part.spikes), part.timesteps):
        axes.axvline(start, color=LINE, linewidth=0.8, zorder=0)  # where a sample begins
    return figure, axes


def _samples(part: Activity) -> str:
    return f"{part.samples} sample{'s' if part.samples > 1 else ''}"

"""Pictures of a trace with matplotlib: a spike raster, and a neuron's membrane.

Both draw into ``ax``, or into new axes, and return them, so that titles and colours can be changed.
Neurons of maps are numbered in the order of their arrays: channel, row, column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mapping.value import integer

from .tools import package
from .trace import Trace


def plot_raster(
    trace: Trace,
    population: str | Sequence[str] | None = None,
    sample: int = 0,
    ax: Any = None,
) -> Any:
    """Draw a mark for every spike: timesteps to the right, neurons upwards.

    Args:
        trace: of any backend that records spikes.
        population: a name, or several, drawn above each other; all with spikes unless given.
        sample: which.
        ax: matplotlib axes; new ones unless given.

    Returns
    -------
        The axes.

    Raises
    ------
        ValueError: no such population or sample, or its spikes were not recorded; one sentence.
        sim.MissingTool: matplotlib is not installed.
    """
    if population is None:
        names = list(trace.spikes)
    else:
        names = [population] if isinstance(population, str) else list(population)
    if not names and not any(t is not None for t in trace.thresholds.values()):
        raise ValueError("no population has a threshold, so that none fires: draw a membrane")
    if population is not None and not names:
        raise ValueError("population must name one population or more, not none")
    if not names:
        raise ValueError(f"the trace of {trace.backend!r} holds no spikes: record them")
    shown = [_recorded(trace, "spikes", name) for name in names]
    sample = _index(sample, "sample", len(shown[0]))
    axes = _axes(ax)
    ticks, start = [], 0
    for k, (name, spikes) in enumerate(zip(names, shown, strict=True)):
        of_sample = spikes[sample].reshape(spikes.shape[1], -1)
        times, neurons = np.nonzero(of_sample)
        axes.plot(times, start + neurons, "|", color=f"C{k % 10}", label=name)
        ticks.append(start + (of_sample.shape[1] - 1) / 2)
        start += of_sample.shape[1]
        if k < len(names) - 1:
            axes.axhline(start - 0.5, color="0.8", linewidth=0.8)
    _timesteps(axes, shown[0].shape[1])
    axes.set_ylim(-0.5, start - 0.5)
    if len(names) == 1:
        axes.set_ylabel(f"neuron of {names[0]!r}")
    else:
        axes.set_yticks(ticks, names)
    axes.set_title(f"spikes of sample {sample} ({trace.backend})")
    return axes


def plot_membrane(
    trace: Trace,
    population: str | None = None,
    neuron: int | tuple[int, ...] = 0,
    sample: int = 0,
    ax: Any = None,
) -> Any:
    """Draw a neuron's membrane, as it is compared with the threshold, the threshold, its spikes.

    Args:
        trace: of any backend that records membranes.
        population: its name; the last one that was recorded unless given.
        neuron: its number, or its place in the population's shape: ``(channel, row, column)``.
        sample: which.
        ax: matplotlib axes; new ones unless given. Several neurons go into the same ones.

    Returns
    -------
        The axes.

    Raises
    ------
        ValueError: no such population, neuron or sample, or its membranes were not recorded; one
            sentence. sim.MissingTool: matplotlib is not installed.
    """
    if population is None:
        if not trace.v:
            raise ValueError(f"the trace of {trace.backend!r} holds no membranes: record them")
        population = next(reversed(trace.v))
    v = _recorded(trace, "v", population)
    sample = _index(sample, "sample", len(v))
    place = _place(neuron, v.shape[2:], population)
    values = v[(sample, slice(None), *place)]
    axes = _axes(ax)
    steps = np.arange(len(values))
    shown = place[0] if len(place) == 1 else place
    (line,) = axes.plot(
        steps, values, drawstyle="steps-mid", marker=".", label=f"v of {population!r}, {shown}"
    )
    thresholds = trace.thresholds[population]
    if thresholds is not None:
        threshold = int(thresholds[place[0]])
        axes.axhline(
            threshold, color=line.get_color(), linestyle="--", linewidth=1,
            label=f"threshold {threshold}",
        )  # fmt: skip
    if population in trace.spikes:
        fired = trace.spikes[population][(sample, slice(None), *place)]
        axes.plot(
            steps[fired], values[fired], "^", color=line.get_color(), markersize=8, label="spike"
        )
    _timesteps(axes, len(values))
    axes.set_ylabel("v before reset")
    axes.set_title(f"membrane of sample {sample} ({trace.backend})")
    axes.legend()
    return axes


def _axes(ax: Any) -> Any:
    package("matplotlib", "plotting a trace", "report")
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots()[1]


def _timesteps(axes: Any, count: int) -> None:
    """Let whole timesteps run to the right."""
    axes.set_xlim(-0.5, count - 0.5)
    from matplotlib.ticker import MaxNLocator

    locator = axes.xaxis.get_major_locator()
    if isinstance(locator, MaxNLocator):  # the caller's own ticks stay
        locator.set_params(integer=True)
    axes.set_xlabel("timestep")


def _recorded(trace: Trace, what: str, name: str) -> np.ndarray:
    """Return one population's spikes or membranes, (samples, T, *shape)."""
    if name not in trace.thresholds:
        known = ", ".join(map(repr, trace.thresholds))
        raise ValueError(f"population must be one of {known}, not {name!r}")
    recorded = getattr(trace, what).get(name)
    if recorded is not None:
        return recorded
    if what == "spikes" and trace.thresholds[name] is None:
        raise ValueError(f"population {name!r} has no threshold and never fires")
    word = "spikes" if what == "spikes" else "membranes"
    raise ValueError(
        f"the trace of {trace.backend!r} holds no {word} of {name!r}: record {what!r}, or run "
        "another backend"
    )


def _index(value: int, what: str, count: int) -> int:
    return integer(value, what, 0, count - 1)


def _place(neuron: Any, shape: tuple[int, ...], population: str) -> tuple[int, ...]:
    what = f"neuron of {population!r}"
    if not isinstance(neuron, tuple):
        number = _index(neuron, what, int(np.prod(shape)))
        return tuple(int(i) for i in np.unravel_index(number, shape))
    if len(neuron) != len(shape):
        raise ValueError(f"{what} must be a number, or a place in its shape {shape}, not {neuron}")
    return tuple(_index(i, what, n) for i, n in zip(neuron, shape, strict=True))

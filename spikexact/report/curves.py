"""What a training measured, over its epochs: the lines of trained.jsonl as figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .drawing import INK, Drawing, svg

#: Rows of trained.jsonl, one an epoch.
Rows = list[dict[str, Any]]
Series = dict[str, list[float]]

FEW = ("#2456c8", "#c2571a", "#0a7d4f", "#8a3ab0", "#b3261e", "#5b6675")
#: Epochs at most that are marked one by one, and layers whose values are told one by one.
MARKED, TOLD = 12, 6


@dataclass(frozen=True)
class Panel:
    """Lines over the epochs, in one pair of axes."""

    title: str
    lines: Series
    logarithmic: bool = False


@dataclass(frozen=True)
class Curves:
    """One figure: panels side by side.

    Attributes
    ----------
        name: of what was measured. epochs: how many.
        tuned: epochs before the hardware's arithmetic came in; None if it never did.
    """

    name: str
    panels: tuple[Panel, ...]
    epochs: int
    tuned: int | None


def measured(rows: Rows) -> list[Curves]:
    """Return what the lines of a training have numbers for.

    Raises
    ------
        ValueError: something else than numbers. LookupError: a number is not there.
    """
    loss = series(rows, "loss")
    accuracy = {"training": "accuracy", "held out": "held_out_accuracy"}
    reached = {name: series(rows, key).get(key) for name, key in accuracy.items()}
    shares = {name: values for name, values in reached.items() if values is not None}
    learning = [Panel("loss", loss)] * bool(loss) + [Panel("accuracy", shares)] * bool(shares)
    gradients = {
        name: [value if value > 0 else math.nan for value in values]
        for name, values in series(rows, "gradients", 1).items()
    }
    flips, rates = series(rows, "flips"), series(rows, "rates")
    figures = {
        "learning": learning,
        "flips": [Panel("flip ratio: signs that an epoch changed", flips)] * bool(flips),
        "gradients": [Panel("variance of the gradient", gradients, True)] * bool(gradients),
        "rates": [Panel("firing rate: spikes per neuron and timestep", rates)] * bool(rates),
    }
    tuned = next((epoch for epoch, row in enumerate(rows) if row.get("tuned")), None)
    return [
        Curves(name, tuple(panels), len(rows), tuned) for name, panels in figures.items() if panels
    ]


def series(rows: Rows, key: str, place: int | None = None) -> Series:
    """Return a measure of every layer, or of the whole as ``{key: ..}``, over the epochs.

    Args:
        place: index into each number that is a list. Where a line lacks a layer stands NaN.

    Raises
    ------
        ValueError: something else than numbers.
    """
    by_layer: Series = {}
    for epoch, row in enumerate(rows):
        given = row.get(key, {})
        values = given if isinstance(given, dict) else {key: given}
        for name, value in values.items():
            number = value[place] if place is not None and isinstance(value, list) else value
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"{key} of line {epoch + 1} is no number")
            by_layer.setdefault(name, [math.nan] * len(rows))[epoch] = float(number)
    return by_layer


def drawings(figures: list[Curves]) -> list[Drawing]:
    """Draw ``measured`` figures, within ``drawing.styled``."""
    return [
        Drawing(f"curve-{curves.name}", svg(_figure(curves), f"curve-{curves.name}", text(curves)))
        for curves in figures
    ]


def text(curves: Curves) -> str:
    """Return what a figure shows, for those who do not see it."""
    panels = []
    epochs = f"{curves.epochs} epoch{'s' if curves.epochs > 1 else ''}"
    for panel in curves.panels:
        said = f"{panel.title}, over {epochs}: "
        if len(panel.lines) > TOLD:
            said += f"{len(panel.lines)} layers"
        else:
            said += ", ".join(
                f"{name} from {values[0]:.3g} to {values[-1]:.3g}"
                for name, values in panel.lines.items()
            )
        panels.append(said)
    return f"Lines: {'; '.join(panels)}."


def _figure(curves: Curves) -> Any:
    from matplotlib.figure import Figure

    figure = Figure((7.2, 2.6 if curves.name == "learning" else 3.0), layout="constrained")
    every = figure.subplots(1, len(curves.panels), squeeze=False)[0]
    for axes, panel in zip(every, curves.panels, strict=True):
        if panel.logarithmic:
            axes.set_yscale("log")
        _draw(axes, panel, curves)
    if curves.name != "learning":
        columns = 1 + len(curves.panels[0].lines) // 18
        figure.legend(loc="outside right upper", ncols=columns)
    elif len(curves.panels[-1].lines) > 1:
        every[-1].legend(loc="lower right")
    return figure


def _draw(axes: Any, panel: Panel, curves: Curves) -> None:
    """Draw lines over the epochs; a dashed one where the hardware's arithmetic came in."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, curves.epochs + 1)
    shades = colormaps["viridis"]
    for k, (name, values) in enumerate(panel.lines.items()):
        few = len(panel.lines) <= len(FEW)
        colour = FEW[k] if few else shades(0.92 * k / max(len(panel.lines) - 1, 1))
        axes.plot(
            epochs, values, color=colour, label=name.replace("$", r"\$"), linewidth=1.4,
            marker="o" if curves.epochs < MARKED else None, markersize=3,
        )  # fmt: skip
    if curves.tuned:
        axes.axvline(curves.tuned + 0.5, color=INK, linestyle="--", linewidth=0.8)
    axes.set_title(panel.title)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

"""What a training measured, over its epochs: figures for the report, as inline SVG.

The same lines give the same bytes: ids are hashed with a fixed salt and carry the figure's name, so
that several figures stand in one page.
"""

from __future__ import annotations

import io
import math
import re
from typing import Any

from sim.tools import package

#: Rows of FILE.jsonl, one an epoch.
Rows = list[dict[str, Any]]
Series = dict[str, list[float]]

SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spikexact",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#889",
    "axes.labelcolor": "#5b6675",
    "xtick.color": "#5b6675",
    "ytick.color": "#5b6675",
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.grid": True,
    "grid.color": "#e4e8ee",
    "legend.frameon": False,
    "legend.fontsize": 8,
}
FEW = ("#2456c8", "#c2571a", "#0a7d4f", "#8a3ab0", "#b3261e", "#5b6675")


def series(rows: Rows, key: str, place: int | None = None) -> Series:
    """Return a measure of every layer, or of the whole as ``{key: ..}``, over the epochs.

    Args:
        place: index into each number that is a list. Where a line lacks a layer stands NaN.

    Raises
    ------
        ValueError: something else than numbers.
    """
    found: Series = {}
    for epoch, row in enumerate(rows):
        given = row.get(key, {})
        values = given if isinstance(given, dict) else {key: given}
        for name, value in values.items():
            number = value[place] if place is not None and isinstance(value, list) else value
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"{key} of line {epoch + 1} is no number")
            found.setdefault(name, [math.nan] * len(rows))[epoch] = float(number)
    return found


def figures(rows: Rows) -> dict[str, Any]:
    """Return the figures that the lines of a training have numbers for, by name.

    Raises
    ------
        MissingTool: matplotlib is not installed. ValueError: see ``series``.
    """
    package("matplotlib", "drawing a training's curves", "report")
    import matplotlib
    from matplotlib.figure import Figure

    found = {}
    with matplotlib.rc_context(SETTINGS):
        loss = series(rows, "loss")
        right = series(rows, "accuracy") | series(rows, "held_out_accuracy")
        named = {"accuracy": "training", "held_out_accuracy": "held out"}
        if loss or right:
            figure = Figure((7.2, 2.6), layout="constrained")
            left, other = figure.subplots(1, 2)
            _draw(left, loss, rows, "loss")
            _draw(other, {named[k]: v for k, v in right.items()}, rows, "accuracy")
            if len(right) > 1:
                other.legend(loc="lower right")
            found["learning"] = figure
        for key, place, title in (
            ("flips", None, "flip ratio: signs that an epoch changed"),
            ("gradients", 1, "variance of the gradient"),
            ("rates", None, "firing rate: spikes per neuron and timestep"),
        ):
            layers = series(rows, key, place)
            if not layers:
                continue
            figure = Figure((7.2, 3.0), layout="constrained")
            axes = figure.subplots()
            if key == "gradients":
                layers = {n: [v if v > 0 else math.nan for v in s] for n, s in layers.items()}
                axes.set_yscale("log")
            _draw(axes, layers, rows, title)
            figure.legend(loc="outside right upper", ncols=1 + len(layers) // 18)
            found[key] = figure
    return found


def svg(figure: Any, name: str) -> str:
    """Return a figure as an SVG element whose ids begin with its name."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context(SETTINGS | {"svg.hashsalt": f"spikexact {name}"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    for mark in (' id="', 'href="#', "url(#"):
        text = text.replace(mark, f"{mark}{name}-")
    text = text.replace(">*{", f">#{name} *{{", 1)  # its style is for itself, not for the page
    tag, rest = text.split(">", 1)
    tag = re.sub(r'\s(width|height)="[^"]*"', "", tag)  # as wide as the page; viewBox stays
    return f'{tag} id="{name}" role="img">{rest}'


def _draw(axes: Any, lines: Series, rows: Rows, title: str) -> None:
    """Draw lines over the epochs; a dashed one where the hardware's arithmetic came in."""
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    epochs = range(1, len(rows) + 1)
    shades = colormaps["viridis"]
    for k, (name, values) in enumerate(lines.items()):
        few = len(lines) <= len(FEW)
        colour = FEW[k] if few else shades(0.92 * k / max(len(lines) - 1, 1))
        label = name.replace("$", r"\$")
        axes.plot(
            epochs, values, color=colour, label=label, linewidth=1.4,
            marker="o" if len(rows) < 12 else None, markersize=3,
        )  # fmt: skip
    tuned = next((k for k, row in enumerate(rows) if row.get("tuned")), None)
    if tuned:
        axes.axvline(tuned + 0.5, color="#5b6675", linestyle="--", linewidth=0.8)
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

"""Two pictures as inline SVG: a spike raster, and one neuron's membrane with its threshold."""

from __future__ import annotations

import html

import numpy as np

_AXIS = 'stroke="#889" stroke-width="1"'


def raster(spikes: np.ndarray, title: str, width: int = 640, height: int = 300) -> str:
    """Return a raster of bool (columns, neurons): a mark for every spike."""
    columns, neurons = spikes.shape
    left, low = 46, 34
    dx, dy = (width - left - 10) / columns, (height - low - 24) / neurons
    marks = "".join(
        f'<rect x="{left + t * dx:.1f}" y="{22 + n * dy:.1f}" width="{max(dx * 0.8, 1):.1f}" '
        f'height="{max(dy * 0.9, 0.8):.1f}"/>'
        for t, n in np.argwhere(spikes)
    )
    return _frame(
        title, width, height, f'<g class="mark">{marks}</g>', left, low, "timestep", "neuron"
    )


def membrane(v: np.ndarray, threshold: int, title: str, width: int = 640, height: int = 260) -> str:
    """Return v over time as steps, with the threshold as a dashed line."""
    left, low = 70, 34
    values = np.append(v, threshold).astype(float)
    bottom, top = values.min(), values.max()
    span = max(top - bottom, 1.0)

    def place(t: float, value: float) -> tuple[float, float]:
        x = left + t * (width - left - 10) / max(len(v), 1)
        return x, 22 + (top - value) / span * (height - low - 30)

    steps = []
    for t, value in enumerate(v):
        for end in (t, t + 1):
            x, y = place(end, float(value))
            steps.append(f"{x:.1f},{y:.1f}")
    (x1, y), (x2, _) = place(0, threshold), place(len(v), threshold)
    body = (
        f'<polyline class="line" points="{" ".join(steps)}"/>'
        f'<line class="threshold" x1="{x1}" y1="{y:.1f}" x2="{x2}" y2="{y:.1f}"/>'
        f'<text x="{x2 - 4}" y="{y - 5:.1f}" text-anchor="end">threshold {threshold}</text>'
    )
    for value in (bottom, top):
        at = f'x="{left - 6}" y="{place(0, value)[1] + 4:.1f}"'
        body += f'<text {at} text-anchor="end">{int(value)}</text>'
    return _frame(title, width, height, body, left, low, "timestep", "v")


def _frame(
    title: str, width: int, height: int, body: str, left: int, low: int, x: str, y: str
) -> str:
    bottom = height - low + 2
    return (
        f'<svg class="drawn" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(title)}">'
        f'<text x="{left}" y="14" class="title">{html.escape(title)}</text>'
        f'<line x1="{left - 3}" y1="18" x2="{left - 3}" y2="{bottom}" {_AXIS}/>'
        f'<line x1="{left - 3}" y1="{bottom}" x2="{width - 8}" y2="{bottom}" {_AXIS}/>'
        f'<text x="{width - 8}" y="{height - 12}" text-anchor="end">{x}</text>'
        f'<text x="10" y="{height / 2:.0f}" transform="rotate(-90 14 {height / 2:.0f})">{y}</text>'
        f"{body}</svg>"
    )

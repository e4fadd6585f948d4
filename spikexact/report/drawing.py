"""A figure of matplotlib as inline SVG: the same figure gives the same bytes.

Ids are hashed with a fixed salt and carry the figure's name, so that several stand in one page; no
date and no version is kept.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

from sim.tools import package

#: Colours, as in templates/style.css.
INK, LINE, MARK, BAD = "#5b6675", "#d9dee6", "#2456c8", "#b3261e"
SETTINGS = {
    "svg.fonttype": "none",
    "path.simplify": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#889",
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.grid": True,
    "grid.color": "#e4e8ee",
    "legend.frameon": False,
    "legend.fontsize": 8,
}


@dataclass(frozen=True)
class Drawing:
    """A figure of the page.

    Attributes
    ----------
        name: its id. svg: the element. caption: below it; may be empty.
    """

    name: str
    svg: str
    caption: str = ""


@contextmanager
def styled() -> Iterator[None]:
    """Draw within this: figures look alike, whatever a user's matplotlibrc says.

    Raises
    ------
        sim.MissingTool: matplotlib is not installed.
    """
    package("matplotlib", "drawing the figures", "report")
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def svg(figure: Any, name: str, text: str) -> str:
    """Return a figure as an SVG element whose ids begin with its name; within ``styled``.

    Args:
        text: what it shows, for those who do not see it.
    """
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": f"spikexact {name}"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :].strip()
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    for mark in (' id="', 'href="#', "url(#"):
        drawn = drawn.replace(mark, f"{mark}{name}-")
    drawn = drawn.replace(">*{", f">#{name} *{{", 1)  # its style is for itself, not for the page
    tag, rest = drawn.split(">", 1)
    tag = re.sub(r'\s(width|height)="[^"]*"', "", tag)  # as wide as the page; viewBox stays
    return f'{tag} id="{name}" role="img" aria-label="{escape(text)}">{rest}'

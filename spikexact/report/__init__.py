"""The report of a folder: one self-contained HTML file, and the same facts as report.json.

The folder holds a network; every other file is a section if it is there, and one line that says
how to come by it if it is not. A file of another network is said to be one, and shows nothing of
this one; the headline is the worst of what the page holds.

What is read (``sources``) becomes one value (``model.Report``); report.json is that value, to
``schema.json``, and the page is its rendering: ``templates`` and the figures of ``curves`` and
``activity``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapping.files import beside
from sim.tools import MissingTool, installed

from .. import files
from .model import FORMAT, Report, build, schema
from .page import Figures, html
from .sources import read

if TYPE_CHECKING:
    from sim import Trace

__all__ = ["FORMAT", "Report", "schema", "write"]


def write(folder: Path, trace: Trace | None = None) -> dict[str, Any]:
    """Write report.html and report.json into a folder.

    Args:
        folder: with network.safetensors, and any of accuracy.json, trained.json, trained.jsonl,
            verify.json and rtl/manifest.json.
        trace: a run to plot; of fresh stimuli if None.

    Returns
    -------
        ``report`` (where the page is), ``status``, ``headline``, ``parameter_bits``, ``verilog``
        and ``missing``, as report.json has them.

    Raises
    ------
        ValueError: there is no network, or a file is damaged; it is named.
        sim.MissingTool: Jinja2 is not installed. (Without matplotlib a line stands for figures.)
    """
    folder = Path(folder)
    installed("jinja2", "writing report.html")
    report = build(read(folder), trace)
    try:
        figures = Figures.of(report)
    except MissingTool as error:
        figures, report = Figures(), replace(report, undrawn=str(error))
    text = html(report, figures)
    files.write_json(folder / "report.json", report.to_json())
    with beside(folder / "report.html") as part:
        part.write_text(text, encoding="utf-8")
    return {
        "report": str(folder / "report.html"),
        "status": report.status,
        "headline": report.headline,
        "parameter_bits": sum(row["parameters"] for row in report.size),
        "verilog": report.verilog,
        "missing": list(report.absent.values()),
    }

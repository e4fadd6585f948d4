"""Running a Network on any backend, and comparing what comes out."""

from .ability import abilities, refusal
from .backends.rows import BACKENDS
from .compare import Agreement, Disagreement, agreement, compare
from .plot import plot_membrane, plot_raster
from .run import run
from .tools import MissingTool
from .trace import Trace

__all__ = [
    "BACKENDS",
    "Agreement",
    "Disagreement",
    "MissingTool",
    "Trace",
    "abilities",
    "agreement",
    "compare",
    "plot_membrane",
    "plot_raster",
    "refusal",
    "run",
]

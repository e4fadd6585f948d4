"""Readers of data sets, free of torch: ``open_set(name, folder)``; see docs/data.md."""

from .dataset import Arrays, DataSet, Part, Subset, batch, gathered, hold_back
from .sets import SETS, open_set

__all__ = [
    "SETS",
    "Arrays",
    "DataSet",
    "Part",
    "Subset",
    "batch",
    "gathered",
    "hold_back",
    "open_set",
]

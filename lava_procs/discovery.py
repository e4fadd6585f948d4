"""Models of Processes, found once.

Lava looks for the models of each Process by executing every file of its folder, as often as there
are files, for every Process anew: with one file an op that takes longer than all the rest of a
start. Within ``remembered()`` it does so once for each class, and not at all for ours, whose
models stand beside them, and for Lava's own, whose models stand in the next file.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

#: The packages whose Processes have their models in their own file, and in ``models`` beside it.
OURS, LAVAS = "lava_procs.processes.", "lava.proc."

_known: dict[type, list[type]] = {}


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Have Lava's compiler find models in this way within the block."""
    from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs

    search = ProcGroupDiGraphs._find_proc_models

    def find(proc: Any) -> list[type]:
        kind = type(proc)
        if kind not in _known:
            found = []
            place = _place(kind.__module__)
            if place is not None:
                module = importlib.import_module(place)
                found = ProcGroupDiGraphs._find_proc_models_in_module(proc, module)
            _known[kind] = found or search(proc)
        return list(_known[kind])

    ProcGroupDiGraphs._find_proc_models = staticmethod(find)
    try:
        yield
    finally:
        ProcGroupDiGraphs._find_proc_models = staticmethod(search)


def _place(module: str) -> str | None:
    """Return the module that holds the models of a Process's module, if that is known."""
    if module.startswith(OURS):
        return module
    if module.startswith(LAVAS) and module.endswith(".process"):
        return f"{module.removesuffix('.process')}.models"
    return None

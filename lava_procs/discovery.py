"""Models of Processes, found once.

Lava looks for the models of each Process by executing every file of its folder, as often as there
are files, for every Process anew: with one file an op that takes longer than all the rest of a
start. Within ``remembered()`` it does so once for each class, and not at all for ours, whose
models stand beside them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

#: The package whose Processes have their models in their own file.
OURS = "lava_procs.processes."

_known: dict[type, list[type]] = {}


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Have Lava's compiler find models in this way within the block."""
    from lava.magma.compiler.compiler_graphs import ProcGroupDiGraphs

    search = ProcGroupDiGraphs._find_proc_models

    def find(proc: Any) -> list[type]:
        kind = type(proc)
        if kind not in _known:
            if kind.__module__.startswith(OURS):
                module = sys.modules[kind.__module__]
                found = ProcGroupDiGraphs._find_proc_models_in_module(proc, module)
            else:
                found = search(proc)
            _known[kind] = found
        return list(_known[kind])

    ProcGroupDiGraphs._find_proc_models = staticmethod(find)
    try:
        yield
    finally:
        ProcGroupDiGraphs._find_proc_models = staticmethod(search)

"""Which networks of a family share a build, of which kind it is, and what came of running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping import Network

from ..run import backend_module, row_of, run
from ..trace import Trace
from . import parallelism

#: What a build can be: exactly what ``verilog`` emits unasked; with parallelism that was drawn; one
#: into which networks are loaded. A backend that emits nothing has none.
KINDS = DEFAULT, DRAWN, LOADABLE = ("default", "drawn", "loadable")


@dataclass(frozen=True)
class Build:
    """Networks of a family that run on one backend together.

    Attributes
    ----------
        kind: one of KINDS, or "" where nothing is emitted.
        members: places of its networks in the family.
        options: parallelism.
    """

    kind: str
    members: range
    options: dict[str, Any]

    @property
    def told(self) -> str:
        """What it is, in words."""
        loadable = "one loadable design, " if self.kind == LOADABLE else ""
        return loadable + parallelism.told(self.options)


def builds(name: str, count: int, options: dict[str, Any], plain: dict[str, Any]) -> list[Build]:
    """Return the builds that a backend makes of a family of so many networks.

    A backend that loads networks has one of all but the last, and a plain one of the last.

    Args:
        options: parallelism that was drawn. plain: that of the network with a build of its own.
    """
    if not row_of(name).verilog:
        return [Build("", range(count), {})]
    if count > 1 and hasattr(backend_module(name), "run_many"):
        loaded = Build(LOADABLE, range(count - 1), options)
        return [loaded, Build(_kind(plain), range(count - 1, count), plain)]
    return [Build(_kind(options), range(k, k + 1), options) for k in range(count)]


def _kind(options: dict[str, Any]) -> str:
    return DRAWN if options else DEFAULT


def traces(
    name: str, build: Build, networks: Sequence[Network], inputs: Sequence[np.ndarray]
) -> list[Trace]:
    """Run the members of a build.

    Args:
        networks, inputs: of the family.
    """
    if build.kind == LOADABLE:
        mine = slice(build.members.start, build.members.stop)
        return backend_module(name).run_many(networks[mine], inputs[mine], **build.options)
    return [run(networks[k], inputs[k], name, **build.options) for k in build.members]

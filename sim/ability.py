"""What each backend makes of a network, asked before anything is run.

Its row is asked first (``sim.backends.row``). Its module may have more to say: ``refuse`` raises
Unsupported, ``tools`` raises MissingTool, where its ``run`` would. Both are cheap: nothing is
emitted, compiled or imported that would not fit into a second.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mapping import Network, Unsupported

from .backends.rows import BACKENDS
from .run import backend_module, row_of
from .tools import MissingTool


@dataclass(frozen=True)
class Ability:
    """Whether one backend runs one network, here.

    Attributes
    ----------
        backend: its name.
        refused: why it does not run this network, one sentence, or None.
        missing: what it lacks on this machine and how to get it, one sentence, or None.
    """

    backend: str
    refused: str | None
    missing: str | None

    @property
    def yes(self) -> bool:
        """Whether it runs, here and now."""
        return self.refused is None and self.missing is None

    def __str__(self) -> str:
        if self.refused is not None:
            return f"{self.backend}: no: {self.refused}"
        if self.missing is not None:
            return f"{self.backend}: not installed: {self.missing}"
        return f"{self.backend}: yes"

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "backend": self.backend,
            "runs": self.refused is None,
            "installed": self.missing is None,
            "why": self.refused or self.missing,
        }


def refusal(network: Network, backend: str) -> str | None:
    """Return why a backend does not run a network, one sentence that names the node, or None.

    Raises
    ------
        ValueError: no such backend.
    """
    refuse = getattr(backend_module(backend), "refuse", None)
    try:
        row_of(backend).takes.refuse(network)
        if refuse is not None:
            refuse(network)
    except ValueError as error:  # Unsupported, or a width beyond what is proved
        return " ".join(str(error).split()).removeprefix(f"{backend}: ")
    return None


def missing(backend: str) -> str | None:
    """Return what a backend lacks on this machine, one sentence with how to get it, or None.

    Raises
    ------
        ValueError: no such backend.
    """
    tools = getattr(backend_module(backend), "tools", None)
    try:
        row_of(backend).require()
        if tools is not None:
            tools()
    except MissingTool as error:
        return " ".join(str(error).split())
    return None


def abilities(network: Network) -> list[Ability]:
    """Return what every backend makes of a network, in the order of BACKENDS."""
    return [Ability(name, refusal(network, name), missing(name)) for name in BACKENDS]


def require(
    network: Network,
    backends: Sequence[str],
    emitted: Collection[str] = (),
    steps: int | None = None,
) -> None:
    """Make sure that every one of these backends can run a network, before the first one does.

    Args:
        emitted: of these, those that read Verilog which is there already.
        steps: timesteps of the inputs, where they have fewer than the network runs.

    Raises
    ------
        Unsupported: a backend refuses the network. MissingTool: one lacks a tool. One sentence for
            all of them; it says which would run.
    """
    if steps is not None and steps != network.timesteps:
        network = replace(network, timesteps=steps)
    names = list(dict.fromkeys(backends))
    asked = [
        Ability(name, None if name in emitted else refusal(network, name), missing(name))
        for name in names
    ]
    bad = [str(ability) for ability in asked if not ability.yes]
    if not bad:
        return
    good = [ability.backend for ability in asked if ability.yes and ability.backend != "reference"]
    what_else = f"; it can be run with {','.join(good)}" if good else ""
    kind = Unsupported if any(ability.refused for ability in asked) else MissingTool
    raise kind("; ".join(bad) + what_else)

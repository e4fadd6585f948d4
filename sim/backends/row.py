"""What a backend's row says of it; who may run what, and what that needs, is read from there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mapping.capabilities import Takes

from ..tools import Need

#: What a run may give, as ``gives`` names it.
GIVES = ("spikes", "membranes", "cycles")


@dataclass(frozen=True)
class Backend:
    """One way of running a network.

    Attributes
    ----------
        name: by which it is asked for. what: what runs, in a few words.
        module: imported when it is first used. It has ``run``, see ``sim.run``; it may have
            ``refuse(network)``, which raises Unsupported for what no row can say, ``tools()``,
            which raises MissingTool for what no row can say, and ``run_many``, see ``rtl``.
            None of these three loads what the backend needs.
        takes: what it takes of a network.
        gives: of GIVES. Without "membranes" only spikes are compared.
        needs: packages and programs that it needs, all of them.
        needs_one: name of a way to the packages and programs that it needs, for one of which all
            must be there; its ``tools`` says which.
        verilog: it runs the Verilog of ``hdl``; its ``run`` takes ``rtl``, ``pe``, ``simd``.
        bulk: it is fast enough for a whole data set.
        named: it runs only where it is named, as its builds take minutes; the demo is without it.
    """

    name: str
    what: str
    module: str
    takes: Takes
    gives: tuple[str, ...] = ("spikes", "membranes")
    needs: tuple[Need, ...] = ()
    needs_one: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    verilog: bool = False
    bulk: bool = False
    named: bool = False

    def require(self) -> None:
        """Raise MissingTool for the first of its needs that is not there."""
        for need in self.needs:
            need.require(f"the {self.name} backend")

    def all_needs(self) -> Iterator[tuple[Need, str]]:
        """Yield every package and program that it may need, and for what: its name, and the way."""
        for need in self.needs:
            yield need, self.name
        for way, needs in self.needs_one.items():
            for need in needs:
                yield need, f"{self.name} under {way}"

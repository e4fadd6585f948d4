"""Rewriting: the loader of a loadable plan in its top, and the memories that it writes."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .cores.buffer import BlockBuffer
from .cores.entry import Entry
from .cores.loader import Loader
from .cores.rows import WORD, Rows
from .loading import drain, places
from .planned import Plan

#: Ports of a top through which another network is written; see ``cores.loader``.
PORTS = {
    "w_valid": In(1), "w_ready": Out(1), "w_data": In(WORD), "w_first": In(1), "w_last": In(1),
    "w_good": Out(1), "w_crc": Out(32),
}  # fmt: skip


class Rewriting:
    """Adds the loader to a top, joined to its ports; then its memories, and what keeps it waiting.

    Args:
        m, top, plan: the top's module, itself, and its plan.
    """

    def __init__(self, m: Module, top: wiring.Component, plan: Plan) -> None:
        memories = places(plan)
        self.loader = loader = Loader([(p.bits, p.rows) for p in memories], drain(plan))
        self._places = {place.name: k for k, place in enumerate(memories)}
        m.submodules.loader = loader
        m.d.comb += [
            loader.w.valid.eq(top.w_valid),
            loader.w.p.data.eq(top.w_data),
            loader.w.p.first.eq(top.w_first),
            loader.w.p.last.eq(top.w_last),
            top.w_ready.eq(loader.w.ready),
            top.w_good.eq(loader.good),
            top.w_crc.eq(loader.crc),
        ]

    def may_begin(self, entry: Entry) -> Value:
        """Return whether a block may come in: while a network is loaded, no sample begins."""
        return entry.open | (self.loader.good & ~self.loader.hold)

    def waits(self, m: Module, entry: Entry, buffers: Iterable[BlockBuffer]) -> None:
        """Let the loader wait until no sample is in flight."""
        still = functools.reduce(operator.and_, [buffer.rest for buffer in buffers])
        m.d.comb += self.loader.rest.eq(still & ~entry.open)

    def rows(
        self, m: Module, rows: list[int], width: int, name: str, address: Value,
        attrs: dict[str, str],
    ) -> Value:  # fmt: skip
        """Add a memory that a population reads; return its word, one cycle after the address."""
        loader, k = self.loader, self._places[name]
        m.submodules[name] = core = Rows(name, width, rows, attrs)
        m.d.comb += [
            core.row.eq(address),
            core.loading.eq(loader.loading[k]),
            core.place.eq(loader.place),
            core.write.eq(getattr(loader, f"write_{k}")),
            core.word.eq(loader.word),
            getattr(loader, f"rows_{k}").eq(core.data),
        ]
        return core.data

"""Wrapper: a network's top between AXI4-Stream and AXI4-Lite; ``network_axis`` in Verilog."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    Const,
    DomainRenamer,
    Instance,
    Module,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Member, Out

from ..cores.entry import ERRORS
from ..leaving import ports as leaving_ports
from ..planned import Plan
from ..rewriting import PORTS
from . import lite
from .block import RegisterBlock
from .bridge import Bridge
from .framing import Framing
from .pack import Pack
from .registers import ADDRESS, MAGIC, VERSION
from .transfers import entering, fields, leaving
from .unpack import Unpack

#: Ports of one AXI4-Stream, but TDATA; and whether the receiver drives them.
_FLAGS = {"tvalid": False, "tready": True, "tlast": False, "tuser": False}


def _stream(prefix: str, width: int, comes: bool) -> dict[str, Member]:
    """Return the ports of a stream that comes, or goes."""
    drives, takes = (Out, In) if comes else (In, Out)
    made = {f"{prefix}_{name}": (drives if by else takes)(1) for name, by in _FLAGS.items()}
    return {**made, f"{prefix}_tdata": takes(width)}


class AxisWrapper(wiring.Component):
    """A core, its streams in whole bytes, and its registers.

    Parameters
    ----------
    plan : Plan
    top : name of the core's module
    hashes : ``design`` and ``network``, SHA-256 in hexadecimal
    size : bytes of TDATA, both ways; None: see ``axi.transfers.transfers``
    weights : CRC of the network with which a loadable core begins

    Members
    -------
    aclk, aresetn : clock, and reset that is low
    s_axis_tvalid, s_axis_tready, s_axis_tdata, s_axis_tlast, s_axis_tuser : samples
    m_axis_tvalid, .. : what leaves
    s_axil_awvalid, .. : registers
    """

    def __init__(
        self, plan: Plan, top: str, hashes: Mapping[str, str], size: int | None = None,
        weights: int = 0,
    ) -> None:  # fmt: skip
        self.plan, self.top, self.hashes, self.weights = plan, top, dict(hashes), weights
        self.enter, self.leave = entering(plan, size), leaving(plan, size)
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                **_stream("s_axis", self.enter.width, comes=True),
                **_stream("m_axis", self.leave.width, comes=False),
                **{f"s_axil_{name}": member for name, member in lite.ports(ADDRESS).items()},
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Join the streams to the core, and let the registers see all of it."""
        m = Module()
        plan = self.plan
        soft = Signal(name="soft")
        for name, reset in (("sync", ~self.aresetn), ("core", ~self.aresetn | soft)):
            m.domains += ClockDomain(name, local=True)
            m.d.comb += [ClockSignal(name).eq(self.aclk), ResetSignal(name).eq(reset)]
        core = {
            f"i_{name}": Signal(bits, name=f"i_{name}")
            for name, bits in {"valid": 1, "ready": 1, "data": self.enter.bits, "first": 1,
                               "last": 1}.items()
        }  # fmt: skip
        core |= {name: Signal(p.shape, name=name) for name, p in leaving_ports(plan).items()}
        core |= {name: Signal(p.shape, name=name) for name, p in PORTS.items() if plan.loadable}
        out = {"i_ready", *(n for n, p in leaving_ports(plan).items() if p.flow is Out)}
        out |= {name for name, p in PORTS.items() if plan.loadable and p.flow is Out}
        m.submodules.core = Instance(
            self.top,
            ("i", "clk", ClockSignal("core")), ("i", "rst", ResetSignal("core")),
            *(("o" if name in out else "i", name, signal) for name, signal in core.items()),
        )  # fmt: skip
        m.submodules.registers = block = RegisterBlock(
            self.constants(), plan.loadable, self.weights
        )
        for name, member in lite.ports(ADDRESS).items():
            mine, its = getattr(self, f"s_axil_{name}"), getattr(block, name)
            m.d.comb += its.eq(mine) if member.flow is In else mine.eq(its)
        m.d.comb += [soft.eq(block.reset), block.cycles.eq(1)]
        wrong = self._in(m, core, block)
        self._out(m, core, block)
        wrong.append(self._loads(m, core, block))
        m.d.comb += block.wrong.eq(Cat(*wrong))
        return m

    def constants(self) -> dict[str, int]:
        """Return the registers that never change, by name."""
        plan = self.plan
        made = {"magic": MAGIC, "version": VERSION}
        for name, digest in self.hashes.items():
            words = bytes.fromhex(digest)[:8]
            made[f"{name}_low"] = int.from_bytes(words[:4], "big")
            made[f"{name}_high"] = int.from_bytes(words[4:], "big")
        enter, leaves = plan.enter, plan.leaves
        beats = (enter.blocks.count - 1) * enter.beats + enter.beats_first
        made["transfers_in"] = beats * plan.rows * self.enter.count
        beats = (leaves.blocks.count - 1) * leaves.beats + leaves.beats_first
        made["transfers_out"] = (1 if plan.answer else beats) * self.leave.count
        return made

    def _in(self, m: Module, core: dict[str, Signal], block: RegisterBlock) -> list[Value]:
        """Bring samples to the core; return what is wrong with them, as of ``STICKY``."""
        plan = self.plan
        in_core = DomainRenamer("core")
        unpack, framing = Unpack(self.enter), Framing(
            beats=plan.enter.beats * plan.rows, beats_first=plan.enter.beats_first * plan.rows,
            blocks=plan.enter.blocks.count,
        )  # fmt: skip
        m.submodules.unpack, m.submodules.framing = in_core(unpack), in_core(framing)
        begins = Signal(name="begins", init=1)  # a sample, by the TLAST before
        taken = self.s_axis_tvalid & self.s_axis_tready
        with m.If(taken):
            m.d.sync += begins.eq(self.s_axis_tlast)
        m.d.comb += [
            unpack.tvalid.eq(self.s_axis_tvalid),
            unpack.tdata.eq(self.s_axis_tdata),
            unpack.tuser.eq((self.s_axis_tuser & ~block.by_last) | (begins & block.by_last)),
            unpack.tlast.eq(self.s_axis_tlast),
            self.s_axis_tready.eq(unpack.tready),
            core["i_valid"].eq(unpack.valid),
            core["i_data"].eq(unpack.data),
            core["i_first"].eq(unpack.first),
            core["i_last"].eq(unpack.last),
            unpack.ready.eq(core["i_ready"]),
            framing.beat.eq(core["i_valid"] & core["i_ready"]),
            framing.first.eq(core["i_first"]),
            framing.last.eq(core["i_last"]),
            block.open.eq(framing.open),
            block.samples_in.eq(framing.ended),
            block.stalls_in.eq(self.s_axis_tvalid & ~self.s_axis_tready),
        ]
        return [*(framing.wrong[k] for k in range(len(ERRORS))), unpack.partial]

    def _out(self, m: Module, core: dict[str, Signal], block: RegisterBlock) -> None:
        """Bring beats, or answers, out."""
        answer = self.plan.answer
        m.submodules.pack = pack = Pack(self.leave)
        if answer is None:
            m.d.comb += [
                pack.data.eq(core["o_data"]),
                pack.first.eq(core["o_first"]),
                pack.last.eq(core["o_last"]),
            ]
        else:
            m.d.comb += [pack.first.eq(1), pack.last.eq(1)]
            for f in fields(answer.ports):
                value = core[f"c_{f.name}"]
                at = slice(8 * f.at, 8 * (f.at + f.size))
                m.d.comb += pack.data[at].eq(value.as_signed() if f.signed else value)
        stream = "o" if answer is None else "c"
        m.d.comb += [
            pack.valid.eq(core[f"{stream}_valid"]),
            core[f"{stream}_ready"].eq(pack.ready),
            self.m_axis_tvalid.eq(pack.tvalid),
            self.m_axis_tdata.eq(pack.tdata),
            self.m_axis_tuser.eq(pack.tuser),
            self.m_axis_tlast.eq(pack.tlast),
            pack.tready.eq(self.m_axis_tready),
            block.waits.eq(self.m_axis_tvalid),
            block.samples_out.eq(self.m_axis_tvalid & self.m_axis_tready & self.m_axis_tlast),
            block.stalls_out.eq(self.m_axis_tvalid & ~self.m_axis_tready),
        ]

    def _loads(self, m: Module, core: dict[str, Signal], block: RegisterBlock) -> Value:
        """Bring words of another network to the core; return whether a load has failed."""
        if not self.plan.loadable:
            m.d.comb += block.good.eq(1)
            return Const(0, 1)
        bridge = Bridge()
        m.submodules.bridge = DomainRenamer("core")(bridge)
        m.d.comb += [
            bridge.put.eq(block.put),
            bridge.data.eq(block.data),
            bridge.first.eq(block.first),
            bridge.last.eq(block.last),
            core["w_valid"].eq(bridge.w_valid),
            core["w_data"].eq(bridge.w_data),
            core["w_first"].eq(bridge.w_first),
            core["w_last"].eq(bridge.w_last),
            bridge.w_ready.eq(core["w_ready"]),
            bridge.good.eq(core["w_good"]),
            block.good.eq(core["w_good"]),
            block.loading.eq(bridge.loading),
            block.room.eq(bridge.room),
            block.done.eq(bridge.done),
            block.crc.eq(core["w_crc"]),
        ]
        return bridge.failed

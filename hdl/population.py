"""Population core: raw sums in, one neuron a cycle out.

With c the merged constant ``sum_k (bias_k - gain_k * (2**bits_k - 1) * n_neg_k)``::

    drive = sum_k gain_k * raw_k + c
    v     = ((v * num) >> q) + drive                           (v_reset where held)
    spike = v >= threshold                                     (never, without a threshold)
    v     = v_reset where spike                                (reset "zero"; "subtract": v - rho)

A neuron is held, or fires whatever its membrane, as its History says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from . import layouts
from .history import History
from .tables import Table, times


@dataclass(frozen=True)
class Widths:
    """Bits of a population core's signals, all from ``network.facts``; signed but for raw."""

    raw: tuple[int, ...]
    drive: int
    scaled: int
    v: int
    state: int


@dataclass(frozen=True)
class Parameters:
    """Numbers of a population, one per neuron; gain has one list per connection.

    ``threshold`` is None for a population that never fires. ``v_reset`` is needed for reset
    "zero" and where a neuron may be held, ``rho`` for reset "subtract".
    ``memory`` names the columns that are kept in the ROM even if uniform, with their widths.
    """

    num: int
    q: int
    gain: tuple[list[int], ...]
    constant: list[int]
    v_init: list[int]
    threshold: list[int] | None = None
    v_reset: list[int] | None = None
    memory: dict[str, int] = field(default_factory=dict)
    reset: str = "zero"
    rho: list[int] | None = None
    history: History = History()

    def columns(self) -> dict[str, list[int]]:
        """Return the columns of the parameter table."""
        named = {f"gain_{k}": gain for k, gain in enumerate(self.gain)}
        named |= {"constant": self.constant, "v_init": self.v_init}
        if self.threshold is not None:
            named["threshold"] = self.threshold
            if self.reset == "zero" or self.history.holds:
                named["v_reset"] = self.v_reset
            if self.reset == "subtract":
                named["rho"] = self.rho
        return named


class PopulationCore(wiring.Component):
    """LIF, IF, single-spike and integrator neurons, time-multiplexed: one per cycle.

    Throughput, without back-pressure: one timestep every ``neurons`` cycles. Latency: ``latency``
    cycles from an input beat to its output beat, from idle. Back-pressure stops all stages.

    Parameters
    ----------
    parameters : Parameters. widths : Widths.

    Members
    -------
    i_0, i_1, .. : :py:`In(stream.Signature(layouts.accumulates(raw_bits)))`, one per connection
    o : :py:`Out(stream.Signature(layouts.neurons(count, v_bits)))`
    trace : the same payload, never stalling: one beat for every neuron and timestep
    """

    latency = 3

    def __init__(self, parameters: Parameters, widths: Widths) -> None:
        self.parameters, self.widths = parameters, widths
        self.table = Table(parameters.columns(), parameters.memory)
        self.neurons = self.table.depth
        payload = layouts.neurons(self.neurons, widths.v)
        super().__init__(
            {
                **{
                    f"i_{k}": In(stream.Signature(layouts.accumulates(bits)))
                    for k, bits in enumerate(widths.raw)
                },
                "o": Out(stream.Signature(payload)),
                "trace": Out(stream.Signature(payload, always_ready=True)),
            }
        )

    @property
    def cycles_per_timestep(self) -> int:
        """Cycles from one timestep to the next, at full rate."""
        return self.neurons

    def elaborate(self, platform: object) -> Module:
        """Three stages: read parameters; sum the drive; update the membrane.

        The membrane is read as a beat leaves the second stage and written as it leaves the third,
        so that a neuron must not come again within one cycle: with a single neuron its membrane is
        a register instead of a memory.
        """
        m = Module()
        p, widths = self.parameters, self.widths
        ins = [getattr(self, f"i_{k}") for k in range(len(widths.raw))]
        advance = Signal(name="advance")
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)

        # Stage 1: join the streams, count neurons, read parameters.
        present: Value = Const(1)
        for i in ins:
            present = present & i.valid
        index = Signal(range(self.neurons), name="index")
        take = Signal(name="take")
        m.d.comb += take.eq(present & advance)
        m.d.comb += [i.ready.eq(take) for i in ins]
        with m.If(take):
            m.d.sync += index.eq(index + 1)
            with m.If(ins[0].p.last | (index == self.neurons - 1)):
                m.d.sync += index.eq(0)
        number = self.table.elaborate(m, index, advance)

        # Stage 2: drive.
        two = {n: Signal(name=f"drive_{n}") for n in ("valid", "first", "last")}
        two_index = Signal(range(self.neurons), name="drive_index")
        raws = [Signal(bits, name=f"drive_raw_{k}") for k, bits in enumerate(widths.raw)]
        with m.If(advance):
            m.d.sync += [
                two["valid"].eq(present),
                two["first"].eq(ins[0].p.first),
                two["last"].eq(ins[0].p.last),
                two_index.eq(index),
            ]
            m.d.sync += [raw.eq(i.p.raw) for raw, i in zip(raws, ins, strict=True)]
        total: Value = number["constant"]
        for k, raw in enumerate(raws):
            total = total + times(raw, number[f"gain_{k}"], signed(widths.drive), m, f"term_{k}")

        # Stage 3: membrane.
        three = {n: Signal(name=f"update_{n}") for n in ("valid", "first", "last")}
        three_index = Signal(range(self.neurons), name="update_index")
        drive = Signal(signed(widths.drive), name="drive")
        held = {n: self._held(m, number[n], advance, n) for n in self._late()}
        with m.If(advance):
            m.d.sync += [three[n].eq(two[n]) for n in three]
            m.d.sync += [three_index.eq(two_index), drive.eq(total)]
        write = Signal(name="write")
        after = Signal(signed(widths.state), name="after")
        m.d.comb += write.eq(three["valid"] & advance)
        word, kept, stored = self._state(m, two_index, three, three_index, after, advance, write)
        before = Signal(signed(widths.state), name="before")
        m.d.comb += before.eq(Mux(three["first"], held["v_init"], stored))
        scaled = times(before, p.num, signed(widths.scaled), m, "scaled")
        v = Signal(signed(widths.v), name="v")
        spike = Signal(name="spike")
        m.d.comb += [v.eq((scaled >> p.q) + drive), after.eq(v)]
        if p.threshold is not None:
            ended = write & three["last"]
            m.d.comb += spike.eq(self._fires(m, v, held, kept, three["first"], ended))
            if p.reset != "none":
                with m.If(spike):
                    m.d.comb += after.eq(held["v_reset"] if p.reset == "zero" else v - held["rho"])
            m.d.comb += [word[name].eq(x) for name, x in p.history.after(kept, spike).items()]

        # Out.
        fields = {"index": three_index, "v": v, "spike": spike}
        fields |= {n: three[n] for n in ("first", "last")}
        with m.If(advance):
            m.d.sync += self.o.valid.eq(three["valid"])
            m.d.sync += [self.o.payload[n].eq(value) for n, value in fields.items()]
        m.d.sync += self.trace.valid.eq(write)
        m.d.sync += [self.trace.payload[n].eq(value) for n, value in fields.items()]
        return m

    def _late(self) -> list[str]:
        """Parameters that the third stage needs."""
        late = ("v_init", "threshold", "v_reset", "rho")
        return [n for n in late if n in self.parameters.columns()]

    def _held(self, m: Module, value: Value, advance: Signal, name: str) -> Value:
        """Delay a parameter by one stage, unless it is a constant."""
        if isinstance(value, Const):
            return value
        late = Signal(value.shape(), name=f"held_{name}")
        with m.If(advance):
            m.d.sync += late.eq(value)
        return late

    def _fires(
        self, m: Module, v: Signal, held: dict[str, Value], kept: dict[str, Value],
        first: Value, ended: Value,
    ) -> Value:  # fmt: skip
        """Return whether a neuron fires; v of a held one is v_reset."""
        history = self.parameters.history
        fires = v >= held["threshold"]
        if history.fire_by is not None:
            fires = fires | history.due(m, kept, first, ended)
        if history.holds:
            resting = Signal(name="resting")
            m.d.comb += resting.eq(history.held(kept))
            with m.If(resting):
                m.d.comb += v.eq(held["v_reset"])
            fires = fires & ~resting
        return fires

    def _state(
        self, m: Module, index: Signal, three: dict[str, Signal], three_index: Signal,
        after: Signal, advance: Signal, write: Signal,
    ) -> tuple[dict[str, Signal], dict[str, Value], Value]:  # fmt: skip
        """Add the membranes with the history beside them, in one memory.

        Returns the history's bits to be written, those that were kept, and the membrane.
        """
        bits = self.parameters.history.fields
        word = {name: Signal(width, name=f"{name}_after") for name, width in bits.items()}
        into: Value = after
        if bits:
            into = Signal(len(after) + sum(bits.values()), name="word")
            m.d.comb += into.eq(Cat(after, *word.values()))
        stored = self._membrane(m, index, three_index, into, write, advance)
        if not bits:
            return word, {}, stored
        kept, low = {}, len(after)
        for name, width in bits.items():
            kept[name] = Signal(width, name=f"{name}_kept")
            m.d.comb += kept[name].eq(Mux(three["first"], 0, stored[low : low + width]))
            low += width
        return word, kept, stored[: len(after)].as_signed()

    def _membrane(
        self, m: Module, read: Signal, write: Signal, after: Signal, enable: Signal, advance: Signal
    ) -> Value:
        """Add the membrane memory; return what it holds of the neuron in stage 3."""
        if self.neurons == 1:
            only = Signal(after.shape(), name="membrane")
            with m.If(enable):
                m.d.sync += only.eq(after)
            return only
        m.submodules.membranes = memory = Memory(shape=after.shape(), depth=self.neurons, init=[])
        out, into = memory.read_port(), memory.write_port()
        m.d.comb += [
            out.addr.eq(read),
            out.en.eq(advance),
            into.addr.eq(write),
            into.data.eq(after),
            into.en.eq(enable),
        ]
        return out.data

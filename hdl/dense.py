"""Dense core: words in, raw XNOR popcount sums out.

For output o of a fully connected layer with weights w in {-1, +1} (bit 1 is +1)::

    raw_o = sum_b 2**b * popcount(xnor(x_b, w_o))           x_b: bit plane b of the inputs

which is ``sum_i w_oi x_i`` plus ``(2**bits - 1) * n_neg_o``; the population core subtracts that
constant with its bias. ``pe`` outputs and ``simd`` inputs are taken per cycle.
"""

from __future__ import annotations

import operator

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from . import layouts

#: Bits of a word that are counted together: simulators hold as many in one machine word, and a
#: bit taken out of a wider one costs them far more.
CHUNK = 32


def popcount(bits: Value) -> Value:
    """Return the number of ones as a balanced tree of adders."""
    return total([bits[i] for i in range(len(bits))])


def total(level: list[Value]) -> Value:
    """Return a sum as a balanced tree of adders."""
    while len(level) > 1:
        pairs = [level[i] + level[i + 1] for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]


class DenseCore(wiring.Component):
    """XNOR-accumulate over weights in a ROM.

    The inputs of a timestep are loaded into one of two banks while the other is being read, bit
    plane by bit plane from the highest: the sums are doubled before each further plane. A finished
    group of ``pe`` sums is handed over one a cycle while the next group accumulates.

    Throughput, without back-pressure: one timestep every ``cycles_per_timestep`` cycles. Latency:
    ``latency`` cycles from the first input beat to the first output beat, both counted when they
    are transferred, from idle. Back-pressure stops the accumulation and loses nothing.

    Parameters
    ----------
    rom : words of :func:`hdl.packing.pack`
    fan_in, neurons : inputs and outputs of the layer
    bits : unsigned bits of each input, 1 for spikes
    pe, simd : outputs and inputs per cycle
    raw_bits : unsigned bits that hold every sum (``Facts.raw``)

    Members
    -------
    i : :py:`In(stream.Signature(layouts.words(simd, bits)))`, ``words`` beats a timestep
    o : :py:`Out(stream.Signature(layouts.accumulates(raw_bits)))`, ``neurons`` beats a timestep
    """

    def __init__(
        self, rom: list[int], *, fan_in: int, neurons: int, bits: int, pe: int, simd: int,
        raw_bits: int,
    ) -> None:  # fmt: skip
        sizes = {"fan_in": fan_in, "neurons": neurons, "bits": bits, "pe": pe, "simd": simd}
        for name, size in sizes.items():
            if operator.index(size) < 1:
                raise ValueError(f"{name} of a dense core must be positive, not {size!r}")
        self.fan_in, self.neurons, self.bits, self.pe, self.simd = sizes.values()
        self.raw_bits = raw_bits
        self.words, self.groups = -(-fan_in // simd), -(-neurons // pe)
        self.rom = rom
        if len(rom) != self.words * self.groups:
            raise ValueError(f"rom must have {self.words * self.groups} words, not {len(rom)}")
        super().__init__(
            {
                "i": In(stream.Signature(layouts.words(simd, bits))),
                "o": Out(stream.Signature(layouts.accumulates(raw_bits))),
            }
        )

    @property
    def cycles_per_timestep(self) -> int:
        """Cycles from one timestep to the next, at full rate."""
        sizes = [min(self.pe, self.neurons - g * self.pe) for g in range(self.groups)]
        return max(self.words, sum(max(self.words * self.bits, size) for size in sizes))

    @property
    def latency(self) -> int:
        """Cycles from the first input beat to the first output beat, from idle."""
        return self.words + self.words * self.bits + 2

    def elaborate(self, platform: object) -> Module:
        """Three stages: read input word and weights; popcount; accumulate.

        ``advance`` stops all three while a finished group has no place to go. Memories hold their
        outputs meanwhile (their read enable is ``advance``).
        """
        m = Module()
        width = self.simd * self.bits
        m.submodules.inputs = inputs = Memory(shape=unsigned(width), depth=2 * self.words, init=[])
        m.submodules.weights = weights = Memory(
            shape=unsigned(self.pe * self.simd), depth=len(self.rom), init=self.rom
        )
        write, read, rom = inputs.write_port(), inputs.read_port(), weights.read_port()
        advance = Signal(name="advance")

        # Load: into the bank that is not full.
        full = [Signal(name=f"full_{b}") for b in range(2)]
        begins = [Signal(name=f"begins_{b}") for b in range(2)]
        load_bank, load_word = (
            Signal(name="load_bank"),
            Signal(range(self.words + 1), name="load_word"),
        )
        m.d.comb += [
            self.i.ready.eq(~Mux(load_bank, full[1], full[0]) & (load_word != self.words)),
            write.addr.eq(Mux(load_bank, self.words, 0) + load_word),
            write.data.eq(self.i.p.data),
            write.en.eq(self.i.valid & self.i.ready),
        ]
        with m.If(write.en):
            m.d.sync += load_word.eq(load_word + 1)
            with m.If(self.i.p.last):
                m.d.sync += [load_word.eq(0), load_bank.eq(~load_bank)]
                for b in range(2):
                    with m.If(load_bank == b):
                        m.d.sync += [full[b].eq(1), begins[b].eq(self.i.p.first)]

        # Issue: group by group, plane by plane, word by word.
        bank = Signal(name="bank")
        word = Signal(range(self.words), name="word")
        plane = Signal(range(self.bits), name="plane")
        group = Signal(range(self.groups), name="group")
        row = Signal(range(len(self.rom)), name="row")  # group * words + word
        base = Signal(range(len(self.rom)), name="base")  # group * words
        running = Mux(bank, full[1], full[0])
        end_word, end_plane = word == self.words - 1, plane == self.bits - 1
        end_group = group == self.groups - 1
        m.d.comb += [
            read.addr.eq(Mux(bank, self.words, 0) + word),
            rom.addr.eq(row),
            read.en.eq(advance),
            rom.en.eq(advance),
        ]
        with m.If(running & advance):
            m.d.sync += [word.eq(word + 1), row.eq(row + 1)]
            with m.If(end_word):
                m.d.sync += [word.eq(0), plane.eq(plane + 1), row.eq(base)]
                with m.If(end_plane):
                    m.d.sync += [
                        plane.eq(0),
                        group.eq(group + 1),
                        row.eq(row + 1),
                        base.eq(row + 1),
                    ]
                    with m.If(end_group):
                        m.d.sync += [group.eq(0), row.eq(0), base.eq(0), bank.eq(~bank)]
                        for b in range(2):
                            with m.If(bank == b):
                                m.d.sync += full[b].eq(0)

        # Popcount, of the plane that was asked for.
        flags = {
            "valid": running,
            "begin": (word == 0) & (plane == 0),
            "double": (word == 0) & (plane != 0),
            "finish": end_word & end_plane,
            "final": end_group,
            "first": Mux(bank, begins[1], begins[0]),
        }
        one = {name: Signal(name=f"popcount_{name}") for name in flags}
        two = {name: Signal(name=f"accumulate_{name}") for name in flags}
        selected = Signal(range(self.bits), name="popcount_plane")
        with m.If(advance):
            m.d.sync += [one[name].eq(flag) for name, flag in flags.items()]
            m.d.sync += [two[name].eq(one[name]) for name in flags]
            m.d.sync += selected.eq(plane)
        x = Signal(self.simd, name="x")
        with m.Switch(selected):
            for p in range(self.bits):
                with m.Case(p):
                    top_first = self.bits - 1 - p
                    m.d.comb += x.eq(
                        Cat(read.data[j * self.bits + top_first] for j in range(self.simd))
                    )
        sums = []
        for lane in range(self.pe):
            w = rom.data[lane * self.simd : (lane + 1) * self.simd]
            ones = Signal(range(self.simd + 1), name=f"ones_{lane}")
            parts = []
            for at in range(0, self.simd, CHUNK):
                agree = Signal(min(CHUNK, self.simd - at), name=f"agree_{lane}_{at}")
                m.d.comb += agree.eq(~(x[at : at + CHUNK] ^ w[at : at + CHUNK]))
                count = Signal(range(len(agree) + 1), name=f"count_{lane}_{at}")
                m.d.comb += count.eq(popcount(agree))
                parts.append(count)
            with m.If(advance):
                m.d.sync += ones.eq(total(parts))
            sums.append(ones)

        # Accumulate, and hand a finished group over.
        remaining = Signal(range(self.pe + 1), name="remaining")
        held = [Signal(self.raw_bits, name=f"held_{lane}") for lane in range(self.pe)]
        held_first, held_final = Signal(name="held_first"), Signal(name="held_final")
        m.d.comb += [
            self.o.valid.eq(remaining != 0),
            self.o.p.raw.eq(held[0]),
            self.o.p.first.eq(held_first),
            self.o.p.last.eq(held_final & (remaining == 1)),
        ]
        free = (remaining == 0) | ((remaining == 1) & self.o.ready)
        finished = two["valid"] & two["finish"]
        m.d.comb += advance.eq(~finished | free)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += remaining.eq(remaining - 1)
            m.d.sync += [a.eq(b) for a, b in zip(held[:-1], held[1:], strict=True)]
        rest = self.neurons - (self.groups - 1) * self.pe
        for lane, ones in enumerate(sums):
            raw = Signal(self.raw_bits, name=f"raw_{lane}")
            grown = Signal(self.raw_bits, name=f"grown_{lane}")
            kept = Mux(two["double"], raw << 1, raw) if self.bits > 1 else raw
            m.d.comb += grown.eq(Mux(two["begin"], 0, kept) + ones)
            with m.If(two["valid"] & advance):
                m.d.sync += raw.eq(grown)
                with m.If(two["finish"]):
                    m.d.sync += held[lane].eq(grown)
        with m.If(finished & advance):
            m.d.sync += [
                remaining.eq(Mux(two["final"], rest, self.pe)),
                held_first.eq(two["first"]),
                held_final.eq(two["final"]),
            ]
        return m

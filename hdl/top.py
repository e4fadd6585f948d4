"""Network top: a chain of dense and population cores, streams between them."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from . import layouts
from .design import Layer
from .gather import Gather


class NetworkTop(wiring.Component):
    """A chain of layers.

    Throughput: one timestep every ``cycles_per_timestep`` cycles, the slowest core's. Latency:
    ``latency`` cycles from the first input beat of a timestep to the last output beat, from idle.

    Members
    -------
    i : :py:`In`, input words (``layouts.words``) of the first layer
    o : :py:`Out`, the neurons of the last population
    trace_0, trace_1, .. : :py:`Out`, the neurons of every population; never stalling
    """

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.dense = [layer.dense() for layer in layers]
        self.cores = [layer.core() for layer in layers]
        payloads = [layouts.neurons(layer.neurons, layer.widths.v) for layer in layers]
        self.gathers = [
            Gather(layer.simd, payload)
            for layer, payload in zip(layers[1:], payloads[:-1], strict=True)
        ]
        self.payloads = payloads
        self.input_payload = layouts.words(layers[0].simd, layers[0].bits)
        super().__init__(
            {
                "i": In(stream.Signature(self.input_payload)),
                "o": Out(stream.Signature(payloads[-1])),
                **{
                    f"trace_{k}": Out(stream.Signature(payload, always_ready=True))
                    for k, payload in enumerate(payloads)
                },
            }
        )

    @property
    def cycles_per_timestep(self) -> int:
        """Cycles from one timestep to the next, at full rate."""
        return max(core.cycles_per_timestep for core in (*self.dense, *self.cores))

    @property
    def latency(self) -> int:
        """Cycles from a timestep's first input beat to its last output beat, from idle.

        A layer's neurons leave in groups, one group every max(words * bits, pe) cycles; the next
        layer starts when it has them all.
        """
        total = 0
        for k, (dense, core) in enumerate(zip(self.dense, self.cores, strict=True)):
            load = dense.words if k == 0 else 1  # later words arrive as they are gathered
            total += load + dense.words * dense.bits + 2  # first sum handed over
            sizes = [min(dense.pe, dense.neurons - g * dense.pe) for g in range(dense.groups)]
            total += sum(max(dense.words * dense.bits, size) for size in sizes[:-1])
            total += sizes[-1] - 1 + core.latency
            if k + 1 < len(self.dense):
                total += self.gathers[k].latency
        return total

    def elaborate(self, platform: object) -> Module:
        """Connect neighbours; every population's trace is a port of the top."""
        m = Module()
        words = flipped(self.i)
        for k, (dense, core) in enumerate(zip(self.dense, self.cores, strict=True)):
            setattr(m.submodules, f"dense_{k}", dense)
            setattr(m.submodules, f"population_{k}", core)
            connect(m, words, dense.i)
            connect(m, dense.o, core.i_0)
            trace = getattr(self, f"trace_{k}")
            m.d.comb += [
                trace.valid.eq(core.trace.valid),
                trace.payload.eq(core.trace.payload),
            ]
            if k + 1 == len(self.dense):
                connect(m, core.o, flipped(self.o))
            else:
                gather = self.gathers[k]
                setattr(m.submodules, f"gather_{k}", gather)
                connect(m, core.o, gather.i)
                words = gather.o
        return m

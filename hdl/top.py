"""Network top: dense and population cores, streams between them."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from . import layouts
from .buffer import Buffer
from .delay import Delay
from .design import Layer
from .fork import Fork
from .gather import Gather
from .schedule import schedule


class NetworkTop(wiring.Component):
    """Layers, each with one dense core per connection, that read the input or earlier layers.

    A stream that several connections read is forked. On its way a connection has a gather (behind
    a population), a delay and a buffer (where it needs them), and its dense core.

    Throughput: one timestep every ``cycles_per_timestep`` cycles, the slowest core's. Latency:
    ``latency`` cycles from the first input beat of a timestep to the last output beat, from idle.

    Members
    -------
    i : :py:`In`, input words (``layouts.words``) of the connections that read the input
    o : :py:`Out`, the neurons of the last population
    trace_0, trace_1, .. : :py:`Out`, the neurons of every population; never stalling
    """

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.dense = [layer.dense() for layer in layers]
        self.cores = [layer.core() for layer in layers]
        self.schedule = schedule(layers, max(map(max, self.layer_cycles)))
        self.payloads = [layouts.neurons(layer.neurons, layer.widths.v) for layer in layers]
        first = layers[0].edges[0]
        self.input_words, self.input_payload = first.words, layouts.words(first.simd, first.bits)
        super().__init__(
            {
                "i": In(stream.Signature(self.input_payload)),
                "o": Out(stream.Signature(self.payloads[-1])),
                **{
                    f"trace_{k}": Out(stream.Signature(payload, always_ready=True))
                    for k, payload in enumerate(self.payloads)
                },
            }
        )

    @property
    def layer_cycles(self) -> list[list[int]]:
        """Cycles from one timestep to the next, at full rate, of every core of every layer."""
        return [
            [c.cycles_per_timestep for c in (*dense, core)]
            for dense, core in zip(self.dense, self.cores, strict=True)
        ]

    @property
    def cycles_per_timestep(self) -> int:
        """Cycles from one timestep to the next, at full rate."""
        return self.schedule.period

    @property
    def latency(self) -> int:
        """Cycles from a timestep's first input beat to its last output beat, from idle."""
        return self.schedule.latency

    def elaborate(self, platform: object) -> Module:
        """Add layer after layer, and what carries its output to its readers behind each."""
        m = Module()
        ways: dict[tuple[int, int], wiring.PureInterface] = {}
        self._spread(m, -1, flipped(self.i), ways)
        for k, (cores, core) in enumerate(zip(self.dense, self.cores, strict=True)):
            for j, dense in enumerate(cores):
                words = self._wait(m, k, j, ways[k, j])
                m.submodules[f"dense_{self.label(k, j)}"] = dense
                connect(m, words, dense.i)
            m.submodules[f"population_{k}"] = core
            for j, dense in enumerate(cores):
                connect(m, dense.o, getattr(core, f"i_{j}"))
            trace = getattr(self, f"trace_{k}")
            m.d.comb += [
                trace.valid.eq(core.trace.valid),
                trace.payload.eq(core.trace.payload),
            ]
            if k + 1 == len(self.cores):
                connect(m, core.o, flipped(self.o))
            else:
                self._spread(m, k, core.o, ways)
        return m

    def label(self, k: int, j: int) -> str:
        """Return how the parts of connection j into population k are called: k, or k_j."""
        return f"{k}_{j}" if len(self.dense[k]) > 1 else str(k)

    def _spread(
        self, m: Module, source: int, out: wiring.PureInterface,
        ways: dict[tuple[int, int], wiring.PureInterface],
    ) -> None:  # fmt: skip
        """Carry an output to every connection that reads it, as words."""
        readers = [
            (k, j)
            for k, layer in enumerate(self.layers)
            for j, edge in enumerate(layer.edges)
            if edge.source == source
        ]
        outs = [out]
        if not readers:
            m.d.comb += out.ready.eq(1)
        elif len(readers) > 1:
            payload = self.input_payload if source < 0 else self.payloads[source]
            fork = Fork(len(readers), payload)
            m.submodules["fork_input" if source < 0 else f"fork_{source}"] = fork
            connect(m, out, fork.i)
            outs = [getattr(fork, f"o_{r}") for r in range(len(readers))]
        for r, ((k, j), one) in enumerate(zip(readers, outs, strict=False)):
            ways[k, j] = one
            if source >= 0:
                gather = Gather(self.layers[k].edges[j].simd, self.payloads[source])
                name = f"gather_{source}_{r}" if len(readers) > 1 else f"gather_{source}"
                m.submodules[name] = gather
                connect(m, one, gather.i)
                ways[k, j] = gather.o

    def _wait(self, m: Module, k: int, j: int, words: wiring.PureInterface) -> wiring.PureInterface:
        """Put the delay and the buffer that a connection needs behind its words."""
        edge, depth = self.layers[k].edges[j], self.schedule.buffers[k][j]
        if edge.delay:
            delay = Delay(words=edge.words, steps=edge.delay, simd=edge.simd, bits=edge.bits)
            m.submodules[f"delay_{self.label(k, j)}"] = delay
            connect(m, words, delay.i)
            words = delay.o
        if depth:
            buffer = Buffer(layouts.words(edge.simd, edge.bits), depth)
            m.submodules[f"buffer_{self.label(k, j)}"] = buffer
            connect(m, words, buffer.i)
            words = buffer.o
        return words

"""Board: a network and its end of the link, between two streams of bytes; and the same on wires.

The core is the network top as it is. It is held as a whole while the line takes what it shows
(``Collector``), and reset as a whole before every batch: so a batch depends on nothing before it.
"""

from __future__ import annotations

from amaranth.hdl import Cat, EnableInserter, Module, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..loading import WORD, places
from ..planned import Plan
from ..top import NetworkTop
from .collector import Collector
from .endpoint import Endpoint
from .facts import Core, beats_of_sample, items, weights_crc
from .feed import Feed
from .protocol import SILENCE, Hello, Want
from .uart import Uart, byte_cycles


class Board(wiring.Component):
    """A network behind bytes: whatever carries them is joined here.

    Parameters
    ----------
    plan : Plan
    hello : what it says of itself; its limit is the size of the store
    silence : cycles of silence that end a frame

    Members
    -------
    rx : :py:`In(stream.Signature(8))`, what a host sends; taken at any time
    tx : :py:`Out(stream.Signature(8))`, what it gets
    """

    def __init__(self, plan: Plan, hello: Hello, silence: int) -> None:
        self.plan, self.hello, self.silence = plan, hello, silence
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        """Join endpoint, feeds, core and collector."""
        m = Module()
        plan, hello = self.plan, self.hello
        network = NetworkTop(plan)
        clear, enable = Signal(name="clear"), Signal(name="enable")
        m.submodules.network = ResetInserter(clear)(EnableInserter(enable)(network))
        words = places(plan)[-1].first + places(plan)[-1].words * places(plan)[-1].rows
        facts = Core(
            hello.encode(), hello.limit, hello.sample_bytes,
            (hello.output_bytes, hello.spikes_bytes, hello.traces_bytes), weights_crc(plan),
            plan.loadable,
            8 * (hello.cycles + hello.latency) + 4 * hello.limit + 16 * words + 1000,
        )  # fmt: skip
        m.submodules.endpoint = end = Endpoint(facts, self.silence)
        m.submodules.feed = feed = Feed(plan.enter.beat_bits)
        wiring.connect(m, wiring.flipped(self.rx), end.rx)
        wiring.connect(m, wiring.flipped(self.tx), end.tx)
        wiring.connect(m, end.beats, feed.i)
        collector = self._collect(m, network, end)
        m.d.comb += [
            clear.eq(end.clear),
            enable.eq(end.clear | (end.runs & ~collector.hold)),
            collector.clear.eq(end.clear),
            feed.clear.eq(end.clear),
            feed.size.eq(beats_of_sample(plan)),
            network.i_valid.eq(feed.o.valid),
            network.i_data.eq(feed.o.p.data),
            network.i_first.eq(feed.o.p.first),
            network.i_last.eq(feed.o.p.last),
            feed.o.ready.eq(network.i_ready & enable & ~clear),
            end.error.eq(network.error),
            end.moved.eq(enable),
        ]
        if plan.loadable:
            self._load(m, network, end, enable)
        else:
            m.d.comb += end.good.eq(1)
        return m

    def _collect(self, m: Module, network: NetworkTop, end: Endpoint) -> Collector:
        """Join what the core shows to the endpoint."""
        shown = items(self.plan)
        sizes = [
            (item.ports.get("spike", sum(item.ports.values())), sum(item.ports.values()))
            for item in shown
        ]
        m.submodules.collector = collector = Collector(sizes)
        wiring.connect(m, collector.o, end.body)
        wanted: list[Value] = []
        for item, k in zip(shown, range(len(shown)), strict=True):
            ports = {name: getattr(network, f"{item.stream}_{name}") for name in item.ports}
            whole = Cat(*ports.values())
            some = ports.get("spike", whole)
            m.d.comb += [
                getattr(collector, f"data_{k}_0").eq(whole if k == 0 else some),
                getattr(collector, f"data_{k}_1").eq(whole),
                collector.valid[k].eq(getattr(network, f"{item.stream}_valid")),
            ]
            bits = Want.OUTPUT if k == 0 else Want.TRACES
            if k and "spike" in ports:
                bits |= Want.SPIKES
            wanted.append((end.want & int(bits)).any())
        ready = getattr(network, f"{shown[0].stream}_ready")
        m.d.comb += [
            ready.eq(1),  # it is taken in the cycle in which the core goes on
            collector.wanted.eq(Cat(*wanted)),
            collector.form.eq((end.want & int(Want.TRACES)).any()),
        ]
        return collector

    def _load(self, m: Module, network: NetworkTop, end: Endpoint, enable: Value) -> None:
        """Join the words of a LOAD to the loader."""
        m.submodules.words = words = Feed(WORD)
        wiring.connect(m, end.words, words.i)
        m.d.comb += [
            words.clear.eq(end.load),
            words.size.eq(end.count),
            network.w_valid.eq(words.o.valid & ~words.whole),
            network.w_data.eq(words.o.p.data),
            network.w_first.eq(words.o.p.first & end.begins),
            network.w_last.eq(words.o.p.last & end.final),
            words.o.ready.eq(network.w_ready & enable),
            end.fed.eq(words.whole),
            end.good.eq(network.w_good),
            end.crc.eq(network.w_crc),
        ]


class SerialBoard(wiring.Component):
    """A Board behind a UART.

    Parameters
    ----------
    plan, hello : see Board; clock and baud are those of hello

    Members
    -------
    rx_pin, tx_pin : the wires
    """

    def __init__(self, plan: Plan, hello: Hello) -> None:
        self.plan, self.hello = plan, hello
        super().__init__({"rx_pin": In(1), "tx_pin": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        """Join them; a wire at rest for SILENCE bytes ends a frame."""
        m = Module()
        m.submodules.uart = uart = Uart(self.hello.clock, self.hello.baud)
        silence = SILENCE * byte_cycles(self.hello.clock, self.hello.baud)
        m.submodules.board = board = Board(self.plan, self.hello, silence)
        wiring.connect(m, uart.rx, board.rx)
        wiring.connect(m, board.tx, uart.tx)
        m.d.comb += [uart.rx_pin.eq(self.rx_pin), self.tx_pin.eq(uart.tx_pin)]
        return m

"""Endpoint: a board's end of the link: it judges a request, has it done, and replies.

A request is stored, and its CRC judged, before anything is done of it. A RUN clears the core, and
what it returns goes out as it is computed; nothing is kept from one request to the next but the
session, the network, and how much of a network has been loaded. So a request may be repeated.
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .bodies import Bodies, Body
from .counters import Counters
from .facts import Core
from .measure import Measure
from .protocol import ERROR, LOAD, LONGEST, NEXT, REPLY, RUN, STATUS, Code, Kind
from .reader import Reader
from .receiver import Receiver
from .sender import Sender


class Endpoint(wiring.Component):
    """Judges and replies; one request at a time. What comes meanwhile is dropped.

    Parameters
    ----------
    core : Core. silence : cycles of silence that end a frame

    Members
    -------
    rx : :py:`In(stream.Signature(8))`; tx : :py:`Out(stream.Signature(8))`
    clear : the core is reset. runs : it may run
    want : of a RUN, see ``protocol.Want``
    beats : :py:`Out(stream.Signature(8))`, the bytes of a RUN's samples
    words : :py:`Out(stream.Signature(8))`, the bytes of a LOAD's words
    load : a LOAD's words come from the next cycle on, ``count`` of them
    begins, final : of a LOAD: it is the first part, the last
    fed : all of them have been taken by the loader
    good, crc : of the core's loader; 1 and anything without one
    body : :py:`In(stream.Signature(8))`, what a RUN returns
    error : sticky bits of the core
    moved : the core goes on at the end of this cycle
    """

    def __init__(self, core: Core, silence: int) -> None:
        self.core, self.silence = core, silence
        byte = stream.Signature(8)
        super().__init__(
            {
                "rx": In(byte),
                "tx": Out(byte),
                "clear": Out(1),
                "runs": Out(1),
                "want": Out(3),
                "beats": Out(byte),
                "words": Out(byte),
                "load": Out(1),
                "count": Out(22),
                "begins": Out(1),
                "final": Out(1),
                "fed": In(1),
                "good": In(1),
                "crc": In(32),
                "body": In(byte),
                "error": In(8),
                "moved": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """One state for each thing that is waited for."""
        m = Module()
        core = self.core
        m.submodules.receiver = rx = Receiver(core.limit, self.silence)
        m.submodules.store = store = Memory(shape=8, depth=core.limit, init=[])
        write, read = store.write_port(), store.read_port()
        m.submodules.hello = hello = Memory(shape=8, depth=len(core.hello), init=core.hello)
        told = hello.read_port()
        m.submodules.reader = reader = Reader(core.limit)
        m.submodules.teller = teller = Reader(len(core.hello))
        m.submodules.measure = measure = Measure(core.sample_bytes, core.returned)
        m.submodules.counters = counters = Counters(core.weights)
        m.submodules.bodies = bodies = Bodies()
        stop = Signal(name="stop")
        sender = Sender()
        m.submodules.sender = ResetInserter(stop)(sender)
        wiring.connect(m, wiring.flipped(self.rx), rx.i)
        wiring.connect(m, sender.o, wiring.flipped(self.tx))
        m.d.comb += [
            write.en.eq(rx.write), write.addr.eq(rx.at), write.data.eq(rx.data),
            read.addr.eq(reader.at), reader.data.eq(read.data),
            told.addr.eq(teller.at), teller.data.eq(told.data),
        ]  # fmt: skip

        session = Signal(32, name="session_now")
        part = Signal(16, name="part")  # of a network, that comes next
        code = Signal(8, name="code")
        body = Signal(2, name="body_is")
        answer = Signal(16, name="answer", reset_less=True)  # the body where it is short
        want, samples = rx.first[: len(self.want)], rx.first[16:]
        number, last = rx.first[:16], rx.first[16:24]
        quiet = Signal(range(core.patience + 1), name="quiet")
        m.d.comb += [
            self.want.eq(Mux(rx.kind == Kind.RUN, want, 0)),
            self.count.eq((rx.length - LOAD.size)[2:]),
            counters.loading.eq(self.load),
            self.begins.eq(number == 0),
            self.final.eq(last == 1),
            measure.want.eq(want), measure.samples.eq(samples),
            sender.session.eq(rx.session), sender.sequence.eq(rx.sequence),
            counters.damaged.eq(rx.damaged), counters.late.eq(rx.late),
            counters.clear.eq(self.clear), counters.moved.eq(self.moved),
            counters.error.eq(self.error), counters.good.eq(self.good),
            sender.status.eq(counters.status),
            bodies.source.eq(body), bodies.short.eq(answer), bodies.rest.eq(~sender.busy),
        ]  # fmt: skip
        wiring.connect(m, wiring.flipped(self.body), bodies.core)
        wiring.connect(m, reader.o, bodies.store)
        wiring.connect(m, teller.o, bodies.hello)
        wiring.connect(m, bodies.o, sender.body)
        with m.If(self.runs):  # the store's bytes go to the core, not into a reply
            m.d.comb += reader.o.ready.eq(
                (self.beats.valid & self.beats.ready) | (self.words.valid & self.words.ready)
            )

        def fails(value: Value | Code) -> None:
            m.d.sync += code.eq(value)
            m.next = "FAIL"

        def reply(kind: Value, length: Value | int, source: Body) -> None:
            m.d.comb += [sender.kind.eq(kind), sender.length.eq(length), sender.start.eq(1)]
            m.d.sync += body.eq(source)

        with m.FSM(name="state"):
            with m.State("IDLE"):
                with m.If(rx.valid):
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                with m.If(~rx.fits):
                    fails(Code.TOO_LONG)
                with m.Elif(~rx.intact):
                    fails(Code.DAMAGED)
                with m.Elif((rx.kind == Kind.HELLO) & (rx.session != 0)):
                    m.d.sync += [session.eq(rx.session), part.eq(0)]
                    m.d.comb += [teller.start.eq(1), teller.count.eq(len(core.hello))]
                    reply(rx.kind | REPLY, len(core.hello), Body.HELLO)
                    m.next = "REPLY"
                with m.Elif((rx.session != session) | (rx.session == 0)):
                    fails(Code.SESSION)
                with m.Elif(rx.kind == Kind.ECHO):
                    m.d.comb += [reader.start.eq(1), reader.count.eq(rx.length)]
                    reply(rx.kind | REPLY, rx.length, Body.STORE)
                    m.next = "REPLY"
                with m.Elif(rx.kind == Kind.RUN):
                    m.d.comb += measure.start.eq(1)
                    m.next = "MEASURE"
                with m.Elif(rx.kind == Kind.LOAD):
                    m.next = "LOAD"
                with m.Else():
                    fails(Code.UNKNOWN)
            with m.State("MEASURE"):
                bad = (rx.length < RUN.size) | (samples == 0) | (want == 0) | want[1:].all()
                bad |= rx.first[len(want) : 16].any()
                with m.If(bad):
                    fails(Code.MALFORMED)
                with m.Elif(~self.good):
                    fails(Code.NO_NETWORK)
                with m.Elif(measure.taken + RUN.size > rx.length):  # at once, whatever samples is
                    fails(Code.MALFORMED)
                with m.Elif(measure.done):
                    longest = LONGEST - STATUS.size
                    with m.If(
                        (measure.taken + RUN.size != rx.length) | (measure.returned > longest)
                    ):
                        fails(Code.MALFORMED)
                    with m.Else():
                        m.d.comb += self.clear.eq(1)
                        m.d.comb += [
                            reader.start.eq(1), reader.begin.eq(RUN.size),
                            reader.count.eq(rx.length - RUN.size),
                        ]  # fmt: skip
                        reply(rx.kind | REPLY, measure.returned, Body.CORE)
                        m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self.runs.eq(1)
                m.d.sync += quiet.eq(Mux(sender.starved, quiet + 1, 0))
                with m.If(~sender.busy):
                    m.next = "DONE"
                with m.Elif(quiet == core.patience):
                    m.d.comb += stop.eq(1)
                    fails(Code.STALLED)
            with m.State("LOAD"):
                if not core.loadable:
                    fails(Code.FIXED)
                else:
                    fresh = (number == 0) | (number == part)
                    bad = (rx.length <= LOAD.size) | rx.length[:2].any() | rx.first[17:].any()
                    with m.If(bad):
                        fails(Code.MALFORMED)
                    with m.Elif(fresh):
                        m.d.comb += [
                            reader.start.eq(1), reader.begin.eq(LOAD.size),
                            reader.count.eq(rx.length - LOAD.size), self.load.eq(1),
                        ]  # fmt: skip
                        m.d.sync += part.eq(number + 1)
                        m.next = "FEED"
                    with m.Elif(number + 1 == part):  # once more: it is done
                        m.next = "FED"
                    with m.Else():
                        fails(Code.ORDER)
            with m.State("FEED"):
                m.d.comb += self.runs.eq(1)
                m.d.sync += quiet.eq(quiet + 1)
                with m.If(self.fed):
                    m.next = "SETTLE"
                with m.Elif(quiet == core.patience):
                    fails(Code.STALLED)
            with m.State("SETTLE"):  # the last word is taken: now the loader knows
                m.d.comb += self.runs.eq(1)
                with m.If(self.final & self.good):
                    m.d.comb += counters.loaded.eq(1)
                m.next = "FED"
            with m.State("FED"):
                m.d.sync += answer.eq(part)
                reply(rx.kind | REPLY, NEXT.size, Body.SHORT)
                m.next = "REPLY"
            with m.State("FAIL"):
                m.d.comb += counters.refused.eq(1)
                m.d.sync += answer.eq(code)
                reply(Const(ERROR, 8), 1, Body.SHORT)
                m.next = "REPLY"
            with m.State("REPLY"):
                with m.If(~sender.busy):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += rx.take.eq(1)
                m.d.sync += quiet.eq(0)
                m.next = "IDLE"
        m.d.comb += counters.crc.eq(self.crc)
        is_run = rx.kind == Kind.RUN
        for source, mine in ((self.beats, is_run), (self.words, rx.kind == Kind.LOAD)):
            m.d.comb += [
                source.payload.eq(reader.o.payload),
                source.valid.eq(reader.o.valid & mine & self.runs),
            ]
        return m

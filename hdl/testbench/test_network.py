"""cocotb tests of the network beside this file, against its vectors; started by run.py.

The clock is driven here, a cycle at a time: inputs change while it is low, everything settles, and
what is read just before it rises is what a synchronous receiver takes, in any simulator.
"""

import os
import random
from pathlib import Path

import cocotb
from cocotb.triggers import Timer
from device import Device, StreamError
from hexfiles import write_sampled

DEVICE = Device(Path(__file__).resolve().parent)
HALF_NS = 5
#: Nanoseconds of simulated time after which a test has failed.
LIMIT_NS = 2 * HALF_NS * DEVICE.limit
#: A handshake of either side is put off with one of these odds, drawn anew every few cycles.
ODDS = (0.0, 0.0, 0.3, 0.7, 0.95)


class Stall:
    """Random pauses of one side of a stream: bursts, trickles and long silences."""

    def __init__(self, rng):
        self.rng, self.odds, self.left = rng, 0.0, 0

    def __call__(self):
        if self.left == 0:
            self.odds, self.left = self.rng.choice(ODDS), self.rng.randint(1, 40)
            if self.rng.random() < 1 / 12:  # long enough for every core behind to stand still
                self.odds, self.left = 1.0, self.rng.randint(1, 2 * DEVICE.period)
        self.left -= 1
        return self.rng.random() < self.odds


def flowing():
    """Never pause."""
    return False


class Bench:
    """One run of the device: the vectors in, and every beat that comes out."""

    def __init__(self, dut, name, stall_in, stall_out):
        self.dut, self.name = dut, name
        self.stall_in, self.stall_out = stall_in, stall_out
        self.rng = random.Random(1)
        self.beats = {stream: [] for stream in DEVICE.streams}
        self.cycle = 0
        self.first_in = self.last_out = 0
        self.last_cycles = []

    async def tick(self):
        """Let one rising edge pass; the clock is low before and after."""
        clock = getattr(self.dut, DEVICE.clock)
        clock.value = 1
        await Timer(HALF_NS, "ns")
        clock.value = 0
        self.cycle += 1

    async def reset(self):
        """Hold reset for a few cycles, with the streams at rest."""
        dut = self.dut
        getattr(dut, DEVICE.clock).value = 0
        DEVICE.port(dut, DEVICE.enter, "valid").value = 0
        DEVICE.port(dut, DEVICE.enter, "payload").value = 0
        DEVICE.port(dut, DEVICE.leave, "ready").value = 0
        getattr(dut, DEVICE.reset).value = 1
        for _ in range(4):
            await Timer(HALF_NS, "ns")
            await self.tick()
        getattr(dut, DEVICE.reset).value = 0

    async def interrupt(self, payloads):
        """Send half a timestep and leave it at that: a reset must make the device forget it."""
        valid = DEVICE.port(self.dut, DEVICE.enter, "valid")
        payload = DEVICE.port(self.dut, DEVICE.enter, "payload")
        ready = DEVICE.port(self.dut, DEVICE.enter, "ready")
        valid.value = 1
        for one in payloads[: DEVICE.beats + DEVICE.beats // 2]:
            payload.value = one
            for _ in range(DEVICE.silence):
                await Timer(HALF_NS, "ns")
                taken = self.bit(ready, "i ready")
                await self.tick()
                if taken:
                    break

    async def play(self, payloads, wanted):
        """Send payloads and collect until every stream has given its ``wanted`` beats.

        Raises StreamError where a rule of the streams is broken, or where nothing moves for
        longer than the device may take: it hangs, or has lost a beat.
        """
        half = Timer(HALF_NS, "ns")
        valid = DEVICE.port(self.dut, DEVICE.enter, "valid")
        payload = DEVICE.port(self.dut, DEVICE.enter, "payload")
        ready = DEVICE.port(self.dut, DEVICE.enter, "ready")
        taken = DEVICE.port(self.dut, DEVICE.leave, "ready")
        taps = [
            (
                name,
                DEVICE.port(self.dut, name, "valid"),
                DEVICE.port(self.dut, name, "payload"),
                self.beats[name],
            )
            for name in DEVICE.streams
        ]
        clock = getattr(self.dut, DEVICE.clock)
        missing = sum(wanted.values()) - sum(map(len, self.beats.values()))
        sent, offering, accepting, held = 0, False, None, None
        quiet, silence = 0, DEVICE.silence
        while sent < len(payloads) or missing > 0:
            if not offering and sent < len(payloads):
                offering = not self.stall_in()
                valid.value = int(offering)
                # Between beats the payload is noise: nobody may look at it.
                payload.value = payloads[sent] if offering else self.rng.getrandbits(DEVICE.width)
            elif not offering:
                valid.value = 0
            accept = not self.stall_out()
            if accept != accepting:
                taken.value, accepting = int(accept), accept
            await half
            moved = False
            if offering and self.bit(ready, "i ready"):
                self.first_in = self.first_in or self.cycle
                sent, offering, moved = sent + 1, False, True
            for name, tap_valid, tap_payload, beats in taps:
                there = self.bit(tap_valid, name)
                if name == DEVICE.leave:
                    now = self.word(tap_payload, name) if there else None
                    if held is not None and now != held:
                        raise StreamError(
                            f"{name}: a beat that waited was "
                            f"{'withdrawn' if now is None else 'changed'} in cycle {self.cycle}"
                        )
                    held = now if there and not accept else None
                    if not (there and accept):
                        continue
                    self.last_out = self.cycle
                    if DEVICE.is_last(now):
                        self.last_cycles.append(self.cycle)
                    beats.append(now)
                elif there:
                    beats.append(self.word(tap_payload, name))
                else:
                    continue
                moved = True
                missing -= 1
                if len(beats) > wanted[name]:
                    raise StreamError(f"{name}: more beats than the {wanted[name]} expected")
            clock.value = 1
            await half
            clock.value = 0
            self.cycle += 1
            quiet = 0 if moved else quiet + 1
            if quiet > silence:
                raise StreamError(self.hang(sent, len(payloads), wanted, silence))
        valid.value, taken.value = 0, 1
        for _ in range(DEVICE.period + DEVICE.latency):  # nothing more may come
            await half
            for name, tap_valid, _, _ in taps:
                if self.bit(tap_valid, name):
                    raise StreamError(f"{name}: more beats than the {wanted[name]} expected")
            await self.tick()

    def hang(self, sent, total, wanted, silence):
        """Describe a device that has gone silent."""
        counts = ", ".join(f"{n} {len(b)} of {wanted[n]}" for n, b in self.beats.items())
        return (
            f"no beat for {silence} cycles: the device hangs or has dropped a beat "
            f"(in {sent} of {total}; out {counts})"
        )

    def bit(self, handle, what):
        """Read one bit; X is an error."""
        try:
            return int(handle.value)
        except ValueError:
            raise StreamError(f"{what} is {handle.value} in cycle {self.cycle}") from None

    word = bit


async def check(dut, name, stall_in, stall_out):
    """Play the vectors, write what was sampled, and only then compare."""
    bench = Bench(dut, name, stall_in, stall_out)
    await bench.reset()
    await bench.interrupt(DEVICE.payloads())
    await bench.reset()
    try:
        await bench.play(DEVICE.payloads(), DEVICE.wanted())
    finally:
        cycles = bench.last_out - bench.first_in + 1
        path = Path(os.environ.get("SPIKEXACT_SAMPLED", ".")) / f"sampled_{name}.hex"
        write_sampled(path, DEVICE.samples, DEVICE.steps, cycles, bench.beats)
    total, wrong = DEVICE.mismatches(bench.beats)
    for sentence in wrong:
        dut._log.error(sentence)
    assert total == 0, f"{total} mismatches; the first: {wrong[0]}"
    return bench


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def stalled(dut):
    """Every spike and membrane is right while both streams stall at random."""
    seed = cocotb.RANDOM_SEED
    dut._log.info("stalls of seed %d", seed)
    await check(
        dut, "stalled", Stall(random.Random(seed * 2 + 1)), Stall(random.Random(seed * 2 + 2))
    )


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def full_rate(dut):
    """Every spike and membrane is right, and a timestep takes the cycles that are published."""
    bench = await check(dut, "full_rate", flowing, flowing)
    ends = bench.last_cycles[DEVICE.settles :]
    periods = {b - a for a, b in zip(ends, ends[1:], strict=False)}
    assert periods <= {DEVICE.period}, f"cycles per timestep {periods}, not {DEVICE.period}"
    first = bench.last_cycles[0] - bench.first_in
    assert first == DEVICE.latency, f"latency {first} cycles, not {DEVICE.latency}"

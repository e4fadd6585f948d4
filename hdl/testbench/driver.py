"""One run of the device: beats in, and every beat that comes out, a cycle at a time.

The clock is driven here: inputs change while it is low, everything settles, and what is read just
before it rises is what a synchronous receiver takes, in any simulator.
"""

import random

from cocotb.triggers import Timer
from device import StreamError

HALF_NS = 5
#: A handshake of either side is put off with one of these odds, drawn anew every few cycles.
ODDS = (0.0, 0.0, 0.3, 0.7, 0.95)


class Stall:
    """Random pauses of one side of a stream: bursts, trickles and long silences."""

    def __init__(self, seed, pace):
        """pace: cycles of a block, for silences in which every core behind stands still."""
        self.rng, self.pace = random.Random(seed), pace
        self.odds, self.left = 0.0, 0

    def __call__(self):
        if self.left == 0:
            self.odds, self.left = self.rng.choice(ODDS), self.rng.randint(1, 40)
            if self.rng.random() < min(1 / 12, 10 / self.pace):
                self.odds, self.left = 1.0, self.rng.randint(1, 4 * self.pace)
        self.left -= 1
        return self.rng.random() < self.odds


def flowing():
    """Never pause."""
    return False


class Bench:
    """Drives the device and collects its streams; ``beats`` are those since the last reset."""

    def __init__(self, device, dut, stall_in=flowing, stall_out=flowing):
        self.device, self.dut = device, dut
        self.stall_in, self.stall_out = stall_in, stall_out
        self.rng = random.Random(1)
        self.half = Timer(HALF_NS, "ns")
        self.clock, self.rst = getattr(dut, device.clock), getattr(dut, device.reset)
        enter, leave = device.enter, device.leave
        names = ("valid", "ready", "data", "first", "last")
        self.into = {part: device.port(dut, enter, part) for part in names}
        self.ready = device.port(dut, leave, "ready")
        self.error = dut.error
        self.taps = [
            (name, device.port(dut, name, "valid"), [device.port(dut, name, p) for p in ports])
            for name, ports in device.ports.items()
        ]
        self.cycle = 0
        self.clock.value = 0
        self.forget()

    def forget(self):
        """Begin anew."""
        self.beats = {name: [] for name in self.device.ports}
        self.held, self.offered = None, False
        self.first_in = self.last_out = None
        self.ends = []
        self.raised = 0

    async def tick(self):
        """Let one rising edge pass; the clock is low before and after."""
        self.clock.value = 1
        await self.half
        self.clock.value = 0
        self.cycle += 1

    async def reset(self):
        """Hold reset for one cycle, a beat offered meanwhile or not; nothing may be taken."""
        self.rst.value = 1
        self.offer(None)
        self.into["valid"].value = self.rng.getrandbits(1)
        self.ready.value = self.rng.getrandbits(1)
        await self.half
        if self.bit(self.into["ready"], f"{self.device.enter}_ready"):
            raise StreamError(f"the input is ready during reset, in cycle {self.cycle}")
        await self.tick()
        self.rst.value = 0
        self.into["valid"].value = 0
        self.forget()
        await self.half
        if self.bit(self.error, "error"):
            raise StreamError(f"a reset leaves error bits {self.named(self.bit(self.error, ''))}")

    def offer(self, beat):
        """Offer a beat; where there is none, all but valid is noise that nobody may look at."""
        self.into["valid"].value = int(beat is not None)
        data = self.rng.getrandbits(self.device.width) if beat is None else beat.data
        self.into["data"].value = data
        for flag in ("first", "last"):
            value = self.rng.getrandbits(1) if beat is None else int(getattr(beat, flag))
            self.into[flag].value = value
        self.offered = beat is not None

    async def play(self, beats, wanted, errors=frozenset(), cycles=None):
        """Send beats and collect until every stream has given its ``wanted`` beats.

        Args:
            errors: names of the error bits that must be raised in the end, and no others.
            cycles: after which all is left as it is.

        Raises
        ------
            StreamError: a rule of the streams is broken, or nothing moves for longer than the
                device may take: it hangs, or has lost a beat.
        """
        device = self.device
        allowed = sum(1 << k for k, name in enumerate(device.errors) if name in errors)
        known = not device.stops  # how many beats come
        missing = sum(wanted.values()) if known else 0
        sent, quiet, after = 0, 0, 0
        # Each stall puts everything off by its own cycles at most; twice that is no accident.
        limit = sum(beat.first for beat in beats) * device.period + device.latency + len(beats)
        begun = self.cycle
        # When all has come, nothing more may; where the data decide what comes, all is quiet.
        rest = 2 * device.pace + device.latency
        while cycles is None or self.cycle - begun < cycles:
            done = sent == len(beats) and (missing == 0 if known else quiet > rest)
            if done:
                if after > device.pace + device.latency:
                    break
                after += 1
            if not self.offered:
                stall = sent < len(beats) and self.stall_in()
                self.offer(None if stall or sent == len(beats) else beats[sent])
                limit += stall
            accept = done or not self.stall_out()
            limit += not accept
            self.ready.value = int(accept)
            await self.half
            moved = False
            if self.bit(self.into["ready"], f"{device.enter}_ready") and self.offered:
                self.first_in = self.cycle if self.first_in is None else self.first_in
                sent, self.offered, moved = sent + 1, False, True
            for name, valid, ports in self.taps:
                if self.sample(name, valid, ports, accept):
                    missing, moved = missing - 1, True
                    if known and len(self.beats[name]) > wanted[name]:
                        raise StreamError(f"{name}: more beats than the {wanted[name]} expected")
            self.watch(allowed)
            await self.tick()
            quiet = 0 if moved else quiet + 1
            if not done and (
                quiet > device.silence or self.cycle - begun > 2 * limit + device.silence
            ):
                raise StreamError(self.hang(sent, len(beats), wanted, quiet))
        if cycles is None and self.raised != allowed:
            raise StreamError(
                f"error bits that must be raised: {self.named(allowed)}; that are: "
                f"{self.named(self.raised)}"
            )

    def sample(self, name, valid, ports, accept):
        """Keep the beat of one stream, if one is there; return whether it was handed over."""
        there = self.bit(valid, f"{name}_valid")
        if name != self.device.leave:
            if there:
                self.beats[name].append(self.words(name, ports))
            return there
        now = self.words(name, ports) if there else None
        if self.held is not None and now != self.held:
            raise StreamError(
                f"{name}: a beat that waited was {'withdrawn' if now is None else 'changed'} in "
                f"cycle {self.cycle}"
            )
        self.held = now if there and not accept else None
        if not (there and accept):
            return False
        self.beats[name].append(now)
        self.last_out = self.cycle
        if self.device.answers or now[self.device.ports[name].index("last")]:
            self.ends.append(self.cycle)
        return True

    def watch(self, allowed):
        """Check that error bits are the right ones, and stay."""
        raised = self.bit(self.error, "error")
        if raised & ~allowed:
            raise StreamError(
                f"error bit {self.named(raised & ~allowed)} is raised without a reason in cycle "
                f"{self.cycle}"
            )
        if self.raised & ~raised:
            raise StreamError(
                f"error bit {self.named(self.raised & ~raised)} is gone without a reset in cycle "
                f"{self.cycle}"
            )
        self.raised = raised

    def named(self, bits):
        """Return the names of error bits."""
        names = [name for k, name in enumerate(self.device.errors) if bits >> k & 1]
        names += [f"number {k}" for k in range(len(self.device.errors), bits.bit_length())]
        return ", ".join(names) or "none"

    def hang(self, sent, total, wanted, quiet):
        """Describe a device that has gone silent, or comes to no end."""
        counts = ", ".join(
            f"{n} {len(b)}" + ("" if wanted[n] is None else f" of {wanted[n]}")
            for n, b in self.beats.items()
        )
        where = f"(in {sent} of {total}; out {counts})"
        if quiet > self.device.silence:
            return f"no beat for {quiet} cycles: the device hangs or has dropped a beat {where}"
        return f"the device takes far longer than its plan says: cycle {self.cycle} {where}"

    def words(self, name, ports):
        """Return the ports of a beat."""
        return tuple(
            self.bit(port, f"{name}_{part}")
            for port, part in zip(ports, self.device.ports[name], strict=True)
        )

    def bit(self, handle, what):
        """Read a port as a number; X is an error."""
        try:
            return int(handle.value)
        except ValueError:
            raise StreamError(f"{what} is {handle.value} in cycle {self.cycle}") from None

"""cocotb tests of the AXI wrapper of the network beside this file; started by run.py --axis."""

import os
import random
from pathlib import Path

import cocotb
from axis_bus import Bus
from axis_model import Wrapped
from driver import Stall, flowing
from loads import corrupted
from malformed import KINDS

DEVICE = Wrapped(Path(__file__).resolve().parent)
SEED = cocotb.RANDOM_SEED
#: Samples that are sent through, again and again if there are fewer vectors.
SAMPLES = int(os.environ.get("SPIKEXACT_SAMPLES", "0")) or DEVICE.samples
#: Networks that are written wrongly, and rounds of malformed samples.
WRONG, ROUNDS = 4, len(KINDS) + 6


def bus(dut, number, traffic=0.0, paused=True):
    """Return a bus whose channels all stall by themselves."""

    def stall(name):
        return Stall(f"{SEED} {number} {name}", DEVICE.pace) if paused else flowing

    return Bus(DEVICE, dut, stall, traffic)


def limit(samples):
    """Return cycles after which a device hangs, however it is stalled."""
    return (
        40 * (samples + 2) * (DEVICE.period + DEVICE.latency) * DEVICE.axis["input"]["transfers"]
        + 20_000
    )


async def ready(bench):
    """Reset, and write the network into a device that is loadable."""
    await bench.reset()
    if DEVICE.loads:
        assert await bench.load(DEVICE.image), "the device refuses its network"
        weights = await bench.done(bench.read("weights"))
        assert weights == DEVICE.image[-1], f"the weights are {weights:08x}"


async def gone(bench, count, what):
    """Let everything go, until the output has been quiet for long."""
    await bench.until(
        lambda: not (bench.queue["in"] or bench.offered["in"])
        and (count is None or len(bench.left) >= count),
        limit(len(bench.queue["in"])), what,
    )  # fmt: skip
    # What was malformed may leave something behind; of whole samples nothing more may come.
    for _ in range((DEVICE.latency + DEVICE.period) * (1 if count else 2)):
        await bench.step()
    await bench.until(lambda: not bench.pin["m_axis_tvalid"].value, limit(1), what)


async def quiet(bench):
    """Let accesses come to their end; none may lack its response."""
    bench.traffic = 0
    await bench.until(
        lambda: not any(bench.waiting.values()) and not bench.queue["ar"]
        and not bench.offered["ar"], 20_000, "an access",
    )  # fmt: skip
    bench.lite.finish()


async def agrees(bench, samples, after_cut=False):
    """Send whole samples, and compare what leaves with the vectors.

    after_cut: a sample was left open; where a block of it is filled up, that comes out first.
    """
    beats = [beat for sample in samples for beat in DEVICE.beats(sample)[0]]
    runs = [DEVICE.whole(sample) for sample in samples]
    bench.left = []
    bench.queue["in"] += DEVICE.transfers(beats)
    count = len(runs) if DEVICE.answers else DEVICE.wanted(runs)[DEVICE.leave]
    await gone(bench, count * DEVICE.axis["output"]["transfers"], "a sample")
    if after_cut and DEVICE.fills:
        bench.left = bench.left[-count * DEVICE.axis["output"]["transfers"] :]
    compared, wrong, told = DEVICE.compared(runs, bench.left)
    assert compared and not wrong, f"{wrong} mismatches of {compared}; the first: {told[0]}"
    return compared


@cocotb.test()
async def traffic(dut):
    """Every sample is right while all channels stall and registers are read and written."""
    dut._log.info("stalls of seed %d", SEED)
    bench = bus(dut, 1, 0.15)
    await ready(bench)
    await bench.done(bench.write("control", 2))  # all counters begin at 0
    compared = 0
    for at in range(0, SAMPLES, 50):
        batch = [k % DEVICE.samples for k in range(at, min(at + 50, SAMPLES))]
        compared += await agrees(bench, batch)
    await quiet(bench)
    shown = {name: await bench.done(bench.read(name)) for name in DEVICE.registers
             if DEVICE.registers[name]["access"] != "w"}  # fmt: skip
    assert (shown["samples_in"], shown["samples_out"], shown["errors"]) == (SAMPLES, SAMPLES, 0)
    # Few samples may meet no stall; of more there must be some, or nothing was shown.
    assert SAMPLES < 20 or min(shown["stalls_in"], shown["stalls_out"]) > 0
    dut._log.info(
        "%d samples, %d values compared, 0 mismatches; %d accesses in %d cycles, %d and %d stalls",
        SAMPLES, compared, bench.accesses, shown["cycles"], shown["stalls_in"],
        shown["stalls_out"],
    )  # fmt: skip


@cocotb.test()
async def flows(dut):
    """Without a stall the wrapper keeps the core's rate, where a beat is one transfer."""
    bench = bus(dut, 2, paused=False)
    await ready(bench)
    await bench.done(bench.write("framing", 1))  # whatever TUSER is
    samples = [k % DEVICE.samples for k in range(DEVICE.settles + 6)]
    beats = [b for s in samples for b in DEVICE.beats(s)[0]]
    transfers = [(d, 0, last, b, k) for d, _, last, b, k in DEVICE.transfers(beats)]
    bench.queue["in"] += transfers
    ends = []
    for _ in range(limit(len(samples))):
        before = bench.model.count["samples_out"]
        await bench.step()
        ends += [bench.cycle] * (bench.model.count["samples_out"] - before)
        if len(ends) == len(samples):
            break
    assert len(ends) == len(samples), f"{len(ends)} samples left of {len(samples)}"
    compared, wrong, told = DEVICE.compared([DEVICE.whole(s) for s in samples], bench.left)
    assert compared and not wrong, f"{wrong} mismatches; the first: {told[0]}"
    axis = DEVICE.axis
    if not DEVICE.bound and axis["input"]["transfers"] == axis["output"]["transfers"] == 1:
        ends = ends[DEVICE.settles :]
        periods = {b - a for a, b in zip(ends, ends[1:], strict=False)}
        assert periods == {DEVICE.period}, f"cycles per sample {periods}, not {DEVICE.period}"
    await quiet(bench)


def mistaken(rng, kind):
    """Return transfers of a malformed sample; None where this device has none of its kind."""
    if kind == "transfers":
        sent = DEVICE.transfers(DEVICE.beats(rng.randrange(DEVICE.samples))[0])
        at = rng.randrange(len(sent))
        return sent[:at] + sent[at + 1 :] if rng.random() < 0.5 else sent[: at + 1] + sent[at:]
    beats = kind(rng, *DEVICE.beats(rng.randrange(DEVICE.samples)))
    return None if beats is None else DEVICE.transfers(beats)


@cocotb.test()
async def mistakes(dut):
    """Errors are told and cleared one by one; a soft reset breaks no rule; whole samples go on."""
    dut._log.info("mistakes of seed %d", SEED)
    rng = random.Random(SEED + 7)
    bench = bus(dut, 3, 0.1)
    await ready(bench)
    kinds = [*KINDS, "transfers"]
    once, softly = len(kinds), 0
    kinds += rng.choices(kinds, k=ROUNDS - once)
    for number, kind in enumerate(kinds):
        sent = mistaken(rng, kind)
        if sent is None:
            continue
        bench.queue["in"] += sent
        if number >= once:  # within a sample, whose rest then comes, and while a transfer waits
            for sample in rng.choices(range(DEVICE.samples), k=3):
                bench.queue["in"] += DEVICE.transfers(DEVICE.beats(sample)[0])
            left = rng.randrange(len(bench.queue["in"]))
            await bench.until(lambda n=left: len(bench.queue["in"]) <= n, limit(4), "a sample")
            softly += 1
            await bench.done(bench.write("control", 1))
        await gone(bench, None, "a malformed sample")
        await bench.done(bench.write("errors", await bench.done(bench.read("errors"))))
        # Whatever came of it, the next sample begins by TUSER; one that is open is cut by it.
        await agrees(bench, [rng.randrange(DEVICE.samples)], bench.model.rules.open)
        await bench.done(bench.write("errors", await bench.done(bench.read("errors"))))
    await quiet(bench)
    raised = {n for k, n in enumerate(DEVICE.axis["errors"]) if bench.model.raised >> k & 1}
    dut._log.info("raised: %s; %d soft resets within samples", ", ".join(sorted(raised)), softly)
    missed = possible() - raised
    assert not missed, f"no {' and no '.join(sorted(missed))} was raised"


def possible():
    """Return the errors that the shape of the input lets happen."""
    partial = {"partial"} if DEVICE.axis["input"]["transfers"] > 1 else set()
    return partial | DEVICE.errors_possible()


@cocotb.test()
async def loads(dut):
    """Words that are changed on their way are refused, and said so; the right ones are taken."""
    bench = bus(dut, 4, 0.05)
    await bench.reset()
    if not DEVICE.loads:
        access = bench.write("load_first", 1, address=0x44)
        await bench.done(access)
        assert access.response == 2, "a word is taken, and there is nothing to write it to"
        return
    rng = random.Random(SEED + 8)
    at = 1 << DEVICE.axis["errors"].index("load")
    for _ in range(WRONG):
        words, kind = corrupted(rng, DEVICE)
        assert not await bench.load(words), f"{kind}: the CRC does not see it"
        assert await bench.done(bench.read("errors")) & at, f"{kind}: no error"
        await bench.done(bench.write("errors", at))
        assert await bench.done(bench.read("weights")) == 0
    assert await bench.load(DEVICE.image), "the device refuses its network"
    await agrees(bench, range(min(3, DEVICE.samples)))
    await quiet(bench)


@cocotb.test()
async def wakes(dut):
    """Nothing is left behind by a reset at any moment."""
    rng = random.Random(SEED + 9)
    bench = bus(dut, 5, 0.3)
    await ready(bench)
    for _ in range(6):
        beats = [b for _ in range(3) for b in DEVICE.beats(rng.randrange(DEVICE.samples))[0]]
        bench.queue["in"] += DEVICE.transfers(beats)
        for _ in range(rng.randint(1, 2 * (DEVICE.latency + DEVICE.period))):
            await bench.step()
        await bench.reset(rng.randint(2, 4))
    await agrees(bench, [0])
    assert await bench.done(bench.read("samples_in")) == 1
    await quiet(bench)

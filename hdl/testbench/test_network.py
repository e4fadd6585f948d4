"""cocotb tests of the network beside this file, against its vectors; started by run.py."""

import os
import random
from pathlib import Path

import cocotb
from device import Device, StreamError
from driver import Bench, Stall
from hexfiles import write_sampled
from loads import corrupted, load, refuses
from malformed import KINDS, early

DEVICE = Device(Path(__file__).resolve().parent)
#: As given; cocotb derives others of it while a test runs.
SEED = cocotb.RANDOM_SEED
#: Cycles that go into resets at random moments, about, before a test begins.
CUTS = 4000
#: Corrupted networks that are written.
WRONG = 12
#: Rounds of ``broken``, each after a reset: every kind of mistake once, and some at random.
ROUNDS = len(KINDS) + 4


async def ready(bench):
    """Reset the device, and write the network into one that is loadable."""
    await bench.reset()
    if DEVICE.loads:
        assert await load(bench, DEVICE.image, bench.stall_in), "the device refuses its network"


async def cuts(bench, rng):
    """Begin samples and reset in the midst, for one cycle; the device must forget them."""
    longest = DEVICE.latency + DEVICE.period
    beats, runs = together(range(DEVICE.samples))
    for _ in range(max(2, min(16, CUTS // longest))):
        cycles = rng.randint(1, longest)
        await bench.play(beats, DEVICE.wanted(runs), cycles=cycles)
        await bench.reset()


def together(samples):
    """Return the beats of whole samples, and what comes of them."""
    beats = [beat for sample in samples for beat in DEVICE.beats(sample)[0]]
    return beats, [DEVICE.whole(sample) for sample in samples]


async def played(bench, name, samples):
    """Play whole samples, write what was sampled, and only then compare."""
    beats, runs = together(samples)
    try:
        await bench.play(beats, DEVICE.wanted(runs))
    finally:
        cycles = 0 if None in (bench.first_in, bench.last_out) else span(bench)
        path = Path(os.environ.get("SPIKEXACT_SAMPLED", ".")) / f"sampled_{name}.hex"
        streams = {n: (DEVICE.ports[n], found) for n, found in bench.beats.items()}
        write_sampled(path, len(runs), DEVICE.steps, cycles, streams)
    compare(bench, runs)


def span(bench):
    """Return the cycles from the first input beat to the last output beat."""
    return bench.last_out - bench.first_in + 1


def compare(bench, runs):
    """Compare what was sampled."""
    if DEVICE.stops:
        runs = DEVICE.answers.went(runs, bench.beats)
    compared, total, wrong = DEVICE.mismatches(runs, bench.beats)
    for sentence in wrong:
        bench.dut._log.error(sentence)
    assert total == 0, f"{total} mismatches; the first: {wrong[0]}"
    return compared


def stalls(number):
    """Return stalls of both streams."""
    return [Stall(f"{SEED} {number} {side}", DEVICE.pace) for side in ("in", "out")]


@cocotb.test()
async def stalled(dut):
    """Every spike and membrane is right while both streams stall at random."""
    dut._log.info("stalls of seed %d", SEED)
    bench = Bench(DEVICE, dut, *stalls(1))
    await ready(bench)
    await cuts(bench, random.Random(SEED))
    await played(bench, "stalled", range(DEVICE.samples))


@cocotb.test()
async def full_rate(dut):
    """Every spike and membrane is right, and a sample takes the cycles that are published.

    Where these are a bound, sample n has come after the latency and n samples' cycles.
    """
    steps = DEVICE.timesteps(DEVICE.blocks)
    assert steps == DEVICE.total, (
        f"cycles are published of samples of {DEVICE.total} timesteps, and these are of {steps}"
    )
    bench = Bench(DEVICE, dut)
    await ready(bench)
    await cuts(bench, random.Random(SEED + 1))
    # As many samples as it takes to settle, and some to see the rate.
    count = max(DEVICE.samples, DEVICE.settles + 4)
    await played(bench, "full_rate", [k % DEVICE.samples for k in range(count)])
    first = bench.ends[0] - bench.first_in
    if DEVICE.bound and not DEVICE.stops:
        for n, end in enumerate(bench.ends):
            most = DEVICE.latency + n * DEVICE.period
            took = end - bench.first_in
            assert took <= most, f"sample {n} had come after {took} cycles, not {most} at most"
        return
    if DEVICE.stops:  # cycles depend on the data, and what is published are the most
        assert first <= DEVICE.latency, f"latency {first} cycles, above {DEVICE.latency}"
        return
    assert first == DEVICE.latency, f"latency {first} cycles, not {DEVICE.latency}"
    ends = bench.ends[DEVICE.settles :]
    periods = {b - a for a, b in zip(ends, ends[1:], strict=False)}
    assert periods == {DEVICE.period}, f"cycles per sample {periods}, not {DEVICE.period}"


@cocotb.test()
async def broken(dut):
    """After a malformed sample the error bit is right, and the next whole sample is exact."""
    dut._log.info("mistakes of seed %d", SEED)
    rng = random.Random(SEED + 2)
    bench = Bench(DEVICE, dut, *stalls(2))
    kinds = [*KINDS, *rng.choices(KINDS, k=ROUNDS - len(KINDS))]
    rng.shuffle(kinds)
    raised, compared = set(), 0
    await ready(bench)
    for kind in kinds:
        beats, told = [], []
        for _ in range(rng.choice((0, 1, 2))):
            beats += sound(rng)
        for mistake in (kind, *rng.choices(KINDS, k=rng.choice((0, 0, 1)))):
            sent = mistake(rng, *DEVICE.beats(rng.randrange(DEVICE.samples)))
            if sent is not None:
                beats, told = beats + sent, [*told, mistake.__name__]
        beats += sound(rng) if rng.random() < 0.3 else []
        beats += DEVICE.beats(rng.randrange(DEVICE.samples))[0]
        rules = DEVICE.rules()
        for beat in beats:
            rules.take(beat)
        dut._log.info("%s: error bits %s", ", ".join(told), sorted(rules.errors))
        try:
            await bench.play(beats, DEVICE.wanted(rules.runs), rules.errors)
            compared += compare(bench, rules.runs)
        except (StreamError, AssertionError) as error:
            raise StreamError(f"after a malformed sample ({', '.join(told)}): {error}") from None
        raised |= rules.errors
        if rng.random() < 0.5:  # the reset that clears the errors comes in the midst of a sample
            whole, runs = together([rng.randrange(DEVICE.samples)])
            bench.forget()
            bench.raised = 0
            await bench.play(
                whole, DEVICE.wanted(runs), rules.errors, cycles=rng.randint(1, DEVICE.latency)
            )
        await bench.reset()
    dut._log.info("%d values compared; raised: %s", compared, ", ".join(sorted(raised)))
    missed = DEVICE.errors_possible() - raised
    assert not missed, f"no {' and no '.join(sorted(missed))} was raised"


@cocotb.test()
async def loaded(dut):
    """Every corrupted network is refused by its CRC, until the right one has been written."""
    dut._log.info("words of seed %d", SEED)
    rng = random.Random(SEED + 3)
    bench = Bench(DEVICE, dut, *stalls(3))
    await bench.reset()
    done = []
    for _ in range(WRONG):
        words, kind = corrupted(rng, DEVICE)
        assert not await load(bench, words, bench.stall_in), f"{kind}: the CRC does not see it"
        await refuses(bench)
        done.append(kind)
        if rng.random() < 0.5:
            await bench.reset()
            await refuses(bench)
    dut._log.info("refused: %s", ", ".join(done))
    await ready(bench)
    beats, runs = together(range(DEVICE.samples))
    await bench.play(beats, DEVICE.wanted(runs))
    compare(bench, runs)


def sound(rng):
    """Return a sample that is well-formed, often of fewer blocks than it could have."""
    whole, ends = DEVICE.beats(rng.randrange(DEVICE.samples))
    return (rng.random() < 0.6 and early(rng, whole, ends)) or whole

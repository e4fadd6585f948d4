# amaranth: UnusedElaboratable=no
"""The neuron unit against its equation, in every order of neurons and timesteps; its latency."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from blocks import order
from clocked import Bench, clocked, joined, lanes

from hdl.cores.history import History
from hdl.cores.neuron import REVISIT, NeuronUnit, Order, Parameters, Widths, latency
from hdl.cores.placing import Placing
from hdl.numbers import history
from hdl.streams import Blocks
from mapping import Neuron
from mapping.intervals import bits

RAW_BITS = (5, 3)
NOTHING = History()


def ordered(
    neurons: int, at_once: int = 1, tile: int | None = None, blocks=None, period=0, channels=None
):
    """Return an order, and the cycles of a pass: at least period, and what its memory needs."""
    blocks, tile = blocks or Blocks(20), tile or neurons
    passes = -(-neurons // tile)
    period = max(period, blocks.parallel * tile // at_once)
    if blocks.block == 1:
        again = passes * period
    elif blocks.parallel > 1:
        again = (neurons - (passes - 1) * tile) // at_once
    else:
        period = again = max(REVISIT, period)
    return Order(neurons, at_once, tile, blocks, again, channels), period


#: One neuron and more than one, several lanes; passes without a gap, and with; blocks, the first
#: one shorter, one for the whole sample; timesteps in parallel. Membranes in registers or memory.
ORDERS = {
    "one": ordered(1),
    "two": ordered(2),
    "three": ordered(3),
    "four": ordered(4),
    "seventeen": ordered(17),
    "one, a pass in five cycles": ordered(1, period=5),
    "two, a pass in nine cycles": ordered(2, period=9),
    "tiles": ordered(7, tile=3),
    "lanes": ordered(8, 2, 4, period=3),
    "all lanes": ordered(6, 6),
    "lanes, the last tile short": ordered(10, 2, 4, period=5),
    "blocks": ordered(5, tile=2, blocks=Blocks(9, 3)),
    "blocks, first short": ordered(6, 2, 4, Blocks(10, 4)),
    "blocks of one tile": ordered(4, 2, 4, Blocks(10, 4)),
    "one neuron in blocks": ordered(1, blocks=Blocks(8, 4)),
    "whole": ordered(5, tile=2, blocks=Blocks(6, 6)),
    "whole, one neuron": ordered(1, blocks=Blocks(5, 5)),
    "whole, lanes": ordered(12, 2, 6, Blocks(5, 5)),
    "parallel": ordered(6, tile=3, blocks=Blocks(8, 4, 2)),
    "parallel, first short": ordered(7, tile=3, blocks=Blocks(14, 6, 2), period=9),
    "parallel, a memory": ordered(12, tile=6, blocks=Blocks(8, 4, 2)),
    "parallel, lanes": ordered(12, 3, 6, Blocks(6, 3, 3)),
    "parallel, whole": ordered(6, tile=6, blocks=Blocks(6, 6, 3)),
    "parallel, whole, in one pass": ordered(9, tile=3, blocks=Blocks(4, 4, 4), period=20),
}

#: Maps: one row of channels, a power of two of rows, and other numbers, in every kind of block.
MAPS = {
    "a row of channels": ordered(12, 2, 2, channels=2),
    "four rows": ordered(24, 2, 4, period=4, channels=8),
    "three rows": ordered(12, 1, 3, channels=3),
    "tiles": ordered(36, 2, 4, period=3, channels=12),
    "one place": ordered(6, 1, 3, channels=6),
    "one channel": ordered(9, channels=1, tile=1),
    "blocks, four rows": ordered(16, 1, 2, Blocks(9, 3), channels=4),
    "blocks, six rows": ordered(24, 2, 6, Blocks(9, 3), channels=12),
    "blocks, first short": ordered(27, 1, 3, Blocks(10, 4), channels=9),
    "parallel": ordered(18, 1, 3, Blocks(8, 4, 2), channels=6),
    "parallel, first short": ordered(24, 2, 4, Blocks(10, 4, 2), period=9, channels=12),
    "whole": ordered(30, 1, 5, Blocks(5, 5), channels=10),
    "parallel, whole": ordered(18, 3, 3, Blocks(4, 4, 4), period=20, channels=9),
}  # fmt: skip


def draw(rng, neurons: int, streams: int, kind: str, uniform: bool, past=NOTHING) -> Parameters:
    """Draw the numbers of a population; kind: its reset, or "silent" (it never fires)."""

    def column(low: int, high: int) -> list[int]:
        count = 1 if uniform else neurons
        return rng.integers(low, high, count).repeat(neurons // count).tolist()

    num, q = [(1, 0), (1, 1), (7, 3), (0, 0), (3, 2)][int(rng.integers(5))]
    return Parameters(
        num, q,
        tuple(column(-4, 9) for _ in range(streams)),
        column(-90, 20), column(-30, 31),
        None if kind == "silent" else column(-20, 90),
        column(-25, 26), reset="none" if kind == "silent" else kind, rho=column(-5, 60),
        history=past,
    )  # fmt: skip


def everywhere(p: Parameters, places: int) -> Parameters:
    """Return the numbers of every neuron of a map of so many places, channels innermost."""

    def wide(column: list[int] | None) -> list[int] | None:
        return column and column * places

    return replace(
        p, gain=tuple(map(wide, p.gain)), constant=wide(p.constant), v_init=wide(p.v_init),
        threshold=wide(p.threshold), v_reset=wide(p.v_reset), rho=wide(p.rho),
    )  # fmt: skip


def expected(p: Parameters, raws: list[np.ndarray], first: list[bool]) -> dict[str, np.ndarray]:
    """Run the equation: v, spike, and what widths need, (timesteps, neurons) each."""
    rows: dict[str, list[np.ndarray]] = {}
    past = p.history
    for t, begins in enumerate(first):
        if begins:
            state, step = np.array(p.v_init), 0
            fired, rest = np.zeros_like(state), np.zeros_like(state)
        drive = sum(np.array(g) * raw[t] for g, raw in zip(p.gain, raws, strict=True))
        drive = drive + np.array(p.constant)
        before, scaled = state, state * p.num
        v = (scaled >> p.q) + drive
        spike = np.zeros(len(v), bool)
        if p.threshold is not None:
            held = rest > 0
            if past.max_spikes is not None:
                held |= fired >= past.max_spikes
            v = np.where(held, p.v_reset, v)
            spike = v >= np.array(p.threshold)
            if step == past.fire_by:
                spike |= fired == 0
            spike &= ~held
        state = v
        if p.threshold is not None and p.reset != "none":
            after = p.v_reset if p.reset == "zero" else v - np.array(p.rho)
            state = np.where(spike, after, v)
        fired, step = fired + spike, step + 1
        rest = np.where(spike, past.refractory, np.maximum(rest - 1, 0))
        for name, row in (
            ("v", v), ("spike", spike), ("state", state), ("drive", drive), ("scaled", scaled),
            ("before", before),
        ):  # fmt: skip
            rows.setdefault(name, []).append(row)
    return {name: np.array(row) for name, row in rows.items()}


def widths(p: Parameters, want: dict[str, np.ndarray]) -> Widths:
    """Return widths as narrow as these values allow; what is given, kept too."""

    def need(*arrays: np.ndarray) -> int:
        return bits(int(min(a.min() for a in arrays)), int(max(a.max() for a in arrays)))

    return Widths(
        RAW_BITS[: len(p.gain)], need(want["drive"]), need(want["scaled"]), need(want["v"]),
        need(want["state"], want["before"]),
    )  # fmt: skip


@dataclass(frozen=True)
class Beat:
    """What must come out, and from which cycle's selection."""

    at: int
    row: int
    t: int
    selects: tuple[int, int]
    flags: tuple[bool, ...]  # end, starts, final, first, last


def run(
    p: Parameters, o: Order, period: int, raws: list[np.ndarray], samples: list[int],
    gaps: list[int],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Give a unit the sums of samples of so many blocks; return (v, spike) of all timesteps.

    gaps: cycles before a block, in turn.
    """
    o, blocks = replace(o, remembers=p.remembers), o.blocks
    first = [t == 0 for n in samples for t in range(blocks.first + (n - 1) * blocks.block)]
    want = expected(everywhere(p, o.neurons // (o.channels or o.neurons)), raws, first)
    unit = NeuronUnit(p, widths(p, want), o)
    stream = Placing(o.neurons, o.lanes, 1, blocks, o.lanes, o.tile)
    groups = o.tile // o.lanes
    beats: list[Beat] = []
    loads: dict[int, tuple[bool, bool]] = {}
    now, at, done, serial = 2, 2, 0, 0
    for n in samples:
        for block in range(n):
            now += gaps[serial % len(gaps)]
            serial += 1
            begins, ends = block == 0, block == n - 1
            came = order(stream, begins)
            start = min(t for _, t in came)
            at, inside, last_pass = now, 0, None
            for row, t in came:
                this = (row // groups, t // blocks.parallel)
                if this != last_pass:
                    if last_pass is not None:
                        at += period
                    loads[at], inside, last_pass = (begins, ends), 0, this
                flags = (
                    row == o.neurons // o.lanes - 1, begins and t == start,
                    ends and t == blocks.block - 1, begins, ends,
                )  # fmt: skip
                group = row % groups
                selects = t % blocks.parallel * groups + group, group
                beats.append(Beat(at + 1 + inside, row, done + t - start, selects, flags))
                inside += 1
            assert inside <= groups * blocks.parallel <= period
            now, done = at + period, done + blocks.block - start
    asked = {beat.at: beat for beat in beats}
    rows = unit.table.rows() if unit.table.row_bits else []
    late = latency(p, o)

    def bench() -> Bench[list[tuple[int, ...]]]:
        found, before = [], None
        numbers = select = shared = 0
        rng = np.random.default_rng(3)
        for c in range(beats[-1].at + late + 4):
            given = {f"raw_{k}": int(rng.integers(1 << w * o.lanes))
                     for k, w in enumerate(RAW_BITS[: len(raws)])}  # fmt: skip
            if before is not None:
                assert (select, shared) == before.selects
                here = slice(before.row * o.lanes, (before.row + 1) * o.lanes)
                for k, raw in enumerate(raws):
                    given[f"raw_{k}"] = joined(raw[before.t, here].tolist(), RAW_BITS[k])
            if rows:
                given["numbers"] = numbers
            if c in loads:
                given |= {"loaded": 1, "begins": loads[c][0], "ends": loads[c][1]}
            else:
                given |= {"begins": int(rng.integers(2)), "ends": int(rng.integers(2))}
            seen = yield given
            select, shared = seen["select"], seen["shared"]
            before = asked.get(c)
            if rows:
                numbers = rows[seen["row"]] if seen["row"] < len(rows) else 0
            if seen["valid"]:
                flags = [seen[n] for n in ("end", "starts", "final", "first", "last")]
                v = lanes(seen["v"], unit.widths.v, o.lanes, signed=True)
                found.append((c, seen["index"], *flags, v, lanes(seen["spike"], 1, o.lanes)))
        return found

    found = clocked(unit, bench())
    assert [f[0] for f in found] == [b.at + late for b in beats]
    assert [f[1] for f in found] == [b.row for b in beats]
    assert [tuple(map(bool, f[2:7])) for f in found] == [b.flags for b in beats]
    v, spike = np.zeros_like(want["v"]), np.zeros_like(want["spike"])
    for beat, (*_, vs, spikes) in zip(beats, found, strict=True):
        here = slice(beat.row * o.lanes, (beat.row + 1) * o.lanes)
        v[beat.t, here], spike[beat.t, here] = vs, spikes
    assert (v == want["v"]).all()
    assert (spike == want["spike"]).all()
    return v, spike


def sums(rng, p: Parameters, o: Order, samples: list[int]) -> list[np.ndarray]:
    """Draw the sums of every connection."""
    blocks = o.blocks
    count = sum(blocks.first + (n - 1) * blocks.block for n in samples)
    return [rng.integers(0, 1 << w, (count, o.neurons)) for w in RAW_BITS[: len(p.gain)]]


def lengths(rng, o: Order) -> list[int]:
    """Draw the blocks of samples: the longest first and last."""
    count = min(o.blocks.count, 4)
    return [count, 1, int(rng.integers(1, count + 1)), count]


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("kind", ["zero", "none", "subtract", "silent"])
def test_spikes_and_membranes_follow_the_equation(name, kind, rng) -> None:
    o, period = ORDERS[name]
    streams, uniform = int(rng.integers(1, 3)), bool(rng.integers(2))
    p, samples = draw(rng, o.neurons, streams, kind, uniform), lengths(rng, o)
    run(p, o, period, sums(rng, p, o, samples), samples, [0, 0, 3, 0, 1])


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("kind", ["zero", "none", "subtract", "silent"])
def test_numbers_of_a_map_come_again_with_its_channels(name, kind, rng) -> None:
    o, period = MAPS[name]
    p, samples = draw(rng, o.channels, int(rng.integers(1, 3)), kind, False), lengths(rng, o)
    run(p, o, period, sums(rng, p, o, samples), samples, [0, 0, 3, 0, 1])


def test_the_table_of_a_map_has_a_row_for_its_channels_alone(rng) -> None:
    o, _ = MAPS["tiles"]
    p = draw(rng, o.channels, 1, "zero", False)
    unit = NeuronUnit(p, Widths((5,), 9, 9, 9, 9), o)
    assert len(unit.table.rows()) == unit.table.depth == o.channel_rows == 6
    assert (len(unit.row), len(unit.index)) == (3, 5)


@pytest.mark.parametrize(("neurons", "tile", "channels"), [(12, 2, 5), (12, 4, 6), (12, 12, 6)])
def test_tiles_must_divide_the_channels_and_these_the_map(neurons, tile, channels) -> None:
    with pytest.raises(ValueError, match=f"; {channels} does not fit"):
        Order(neurons, 1, tile, Blocks(4), 5, channels)


PASTS = [
    History(max_spikes=1), History(max_spikes=3), History(refractory=1), History(refractory=4),
    History(fire_by=0), History(fire_by=2), History(1, 0, 3), History(2, 3), History(5, 2, 1),
]  # fmt: skip


@pytest.mark.parametrize("past", PASTS, ids=str)
@pytest.mark.parametrize(
    "name", ["one", "two", "lanes, the last tile short", "blocks, first short", "whole",
             "parallel, first short", "parallel, whole"]
)  # fmt: skip
def test_held_neurons_rest_and_late_ones_fire(past, name, rng) -> None:
    o, period = ORDERS[name]
    kind = ("zero", "none", "subtract")[int(rng.integers(3))]
    p = draw(rng, o.neurons, 1, kind, bool(rng.integers(2)), past)
    p, samples = replace(p, threshold=[x // 3 for x in p.threshold]), lengths(rng, o)
    run(p, o, period, sums(rng, p, o, samples), samples, [0, 0, 2])


@pytest.mark.parametrize("name", ["one", "seventeen", "lanes, the last tile short", "whole"])
def test_held_neurons_without_a_leak_keep_what_holds_them(name, rng) -> None:
    o, period = ORDERS[name]
    for past in (History(max_spikes=1), History(refractory=2), History(fire_by=2)):
        p = replace(draw(rng, o.neurons, 1, "zero", False, past), num=0, q=0)
        samples = lengths(rng, o)
        assert p.remembers
        run(p, o, period, sums(rng, p, o, samples), samples, [0])


#: One neuron, T = 9, its membrane in a register; one that is read from a memory, beside another.
PLACES = {
    "register": ordered(1, blocks=Blocks(9)),
    "memory": ordered(2, blocks=Blocks(9), period=9),
}


def single(p: Parameters, place: str, raw: np.ndarray) -> list[tuple[int, int]]:
    """Return (v, spike) of a neuron in every timestep; in a memory, of the second of two alike."""
    o, period = PLACES[place]
    assert o.in_memory == (place == "memory")

    p = everywhere(p, o.neurons)
    raws = [np.repeat(np.array(raw)[:, None], o.neurons, 1)]
    v, spike = run(p, o, period, raws, [len(raw)], [0])
    return list(zip(v[:, -1].tolist(), spike[:, -1].astype(int).tolist(), strict=True))


@pytest.mark.parametrize("place", PLACES)
def test_a_neuron_that_always_would_fires_as_often_as_it_may(place) -> None:
    for past, times in [
        (NOTHING, range(9)), (History(refractory=2), (0, 3, 6)), (History(max_spikes=2), (0, 1)),
        (History(2, 3), (0, 4)), (History(fire_by=4), range(9)),
    ]:  # fmt: skip
        p = Parameters(1, 0, ([1],), [0], [0], [5], [-7], history=past)
        seen = single(p, place, np.full(9, 31))
        assert [t for t, (_, spike) in enumerate(seen) if spike] == list(times)
        assert {v for t, (v, _) in enumerate(seen) if t not in times} <= {-7}
    p = Parameters(1, 0, ([0],), [-1], [0], [5], [-7], history=History(1, fire_by=4))
    seen = single(p, place, np.full(9, 31))  # its membrane never gets there
    assert [spike for _, spike in seen] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert [v for v, _ in seen] == [-1, -2, -3, -4, -5, -7, -7, -7, -7]


@pytest.mark.parametrize("place", PLACES)
def test_soft_reset_keeps_what_is_above_the_threshold(place) -> None:
    p = Parameters(1, 0, ([1],), [0], [0], [10], reset="subtract", rho=[10])
    assert single(p, place, np.full(4, 7)) == [(7, 0), (14, 1), (11, 1), (8, 0)]


@pytest.mark.parametrize("place", PLACES)
def test_a_membrane_on_the_threshold_fires_and_one_below_does_not(place) -> None:
    p = Parameters(0, 0, ([1],), [-10], [0], [5], [0])
    assert single(p, place, np.array([15, 14, 15])) == [(5, 1), (4, 0), (5, 1)]


@pytest.mark.parametrize("place", PLACES)
def test_a_term_may_be_larger_than_the_drive(place) -> None:
    # Half of 8 weights are -1: raw sums of 0 to 8 make drives of -4 to 4, which take 4 bits.
    p = Parameters(0, 0, ([1],), [-4], [0], [1], [0])
    raw = np.array([8, 4, 5, 0, 8])
    assert single(p, place, raw) == [(4, 1), (0, 0), (1, 1), (-4, 0), (4, 1)]


@pytest.mark.parametrize("place", PLACES)
def test_the_leak_rounds_toward_minus_infinity(place) -> None:
    p = Parameters(1, 1, ([0],), [0], [-5], None, reset="none")
    assert [v for v, _ in single(p, place, np.zeros(4, int))] == [-3, -2, -1, -1]


def test_an_order_remembers_what_its_numbers_do() -> None:
    p = Parameters(0, 0, ([1],), [0], [0])
    with pytest.raises(ValueError, match=r"order\.remembers must be False, as of its numbers"):
        NeuronUnit(p, Widths((5,), 9, 9, 9, 9), Order(1, 1, 1, Blocks(4), 1))


def test_membranes_stand_where_their_order_allows() -> None:
    memory = {name for name, (o, _) in ORDERS.items() if o.in_memory}
    assert memory == {
        "seventeen", "two, a pass in nine cycles", "tiles", "lanes", "lanes, the last tile short",
        "blocks", "blocks, first short", "blocks of one tile", "whole", "whole, lanes",
        "parallel, a memory", "parallel, whole",
    }  # fmt: skip
    assert ORDERS["whole"][0].states == 2 and ORDERS["blocks"][0].states == 5


@pytest.mark.parametrize(("uniform", "cycles"), [(True, 4), (False, 5)])
def test_latency_is_a_stage_more_for_products_and_for_a_memory(uniform, cycles, rng) -> None:
    for name, more in (("three", 0), ("seventeen", 1)):  # that it is kept to, ``run`` measures
        o, _ = ORDERS[name]
        p = replace(draw(rng, o.neurons, 1, "zero", uniform), num=1)
        assert latency(p, o) == cycles + more


def test_what_is_not_used_takes_no_bits() -> None:
    assert NOTHING.fields == {} and History(fire_by=0).fields == {}
    assert History(fire_by=3).fields == {"fired": 1} == History(1, fire_by=3).fields
    assert History(4, 5).fields == {"fired": 3, "rest": 3}
    neuron = Neuron(threshold=1, max_spikes=9, refractory=30, fire_by=8)
    assert history(neuron, spikes=1, timesteps=8) == History(None, 7, None)
    assert history(neuron, spikes=9, timesteps=40) == History(9, 30, 8)
    assert history(Neuron(), spikes=0, timesteps=8) == NOTHING


def test_uniform_numbers_take_no_table() -> None:
    p = Parameters(1, 1, ([8] * 6,), [3] * 6, [0] * 6, [1, 2, 3, 4, 5, 6], [0] * 6)
    o = Order(6, 2, 6, Blocks(4), 6)
    table = NeuronUnit(p, Widths((5,), 9, 9, 9, 9), o).table
    assert list(table.columns) == ["threshold"] and table.row_bits == 2 * 4
    assert table.rows() == [0x21, 0x43, 0x65]
    same = replace(p, threshold=[4] * 6)
    assert "numbers" not in NeuronUnit(same, Widths((5,), 9, 9, 9, 9), o).signature.members
    kept = replace(same, memory={"v_init": 3})
    assert NeuronUnit(kept, Widths((5,), 9, 9, 9, 9), o).table.row_bits == 2 * 3

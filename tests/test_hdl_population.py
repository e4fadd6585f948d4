# amaranth: UnusedElaboratable=no
"""The population core against its equation, with two streams joined, under stalls everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from streams import Played, play

from hdl.design import history
from hdl.history import History
from hdl.population import Parameters, PopulationCore, Widths
from mapping import Neuron
from mapping.intervals import bits

RAW_BITS = (5, 3)
NOTHING = History()


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
        column(-25, 26), reset=kind, rho=column(-5, 60), history=past,
    )  # fmt: skip


def expected(p: Parameters, raws: list[np.ndarray], first: list[bool]):
    """Run the equation: (v, spike, state after, drive, ..) of every timestep and neuron."""
    rows = []
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
        after = p.v_reset if p.reset == "zero" else v
        state = np.where(spike, v - np.array(p.rho) if p.reset == "subtract" else after, v)
        fired, step = fired + spike, step + 1
        rest = np.where(spike, past.refractory, np.maximum(rest - 1, 0))
        rows.append((v, spike, state, drive, scaled, before))
    return [np.array(x) for x in zip(*rows, strict=True)]


def run(p: Parameters, raws: list[np.ndarray], first: list[bool], stalls, seed=0):
    """Return the core, what it sent, and what it should have; widths as narrow as these values."""
    v, spike, after, drive, scaled, before = expected(p, raws, first)

    def need(*arrays: np.ndarray) -> int:
        return bits(int(min(a.min() for a in arrays)), int(max(a.max() for a in arrays)))

    widths = Widths(RAW_BITS[: len(raws)], need(drive), need(scaled), need(v), need(after, before))
    core = PopulationCore(p, widths)
    inputs = {
        f"i_{k}": [
            {"raw": int(raw[t, n]), "first": first[t], "last": n == core.neurons - 1}
            for t in range(len(first))
            for n in range(core.neurons)
        ]
        for k, raw in enumerate(raws)
    }
    count = len(first) * core.neurons
    return core, play(core, inputs, {"o": count, "trace": count}, stalls, seed), v, spike


@pytest.mark.parametrize("neurons", [1, 2, 3, 17])
@pytest.mark.parametrize("kind", ["zero", "none", "subtract", "silent"])
@pytest.mark.parametrize("uniform", [False, True])
def test_spikes_and_membranes_follow_the_equation(neurons, kind, uniform, rng) -> None:
    first = [True, False, False, True, True, False, False, False]  # samples of 3, 1 and 4 steps
    for streams, stalls in ((1, (0, 0)), (1, (50, 50)), (2, (60, 30)), (2, (0, 80))):
        follows(draw(rng, neurons, streams, kind, uniform), first, stalls, rng)


def follows(p: Parameters, first: list[bool], stalls: tuple[int, int], rng) -> np.ndarray:
    """Check a core on random sums, every field of every beat; return the spikes."""
    neurons, widths = len(p.constant), RAW_BITS[: len(p.gain)]
    raws = [rng.integers(0, 1 << width, (len(first), neurons)) for width in widths]
    _, seen, v, spike = run(p, raws, first, stalls, seed=neurons)
    for stream in ("o", "trace"):
        found = seen.beats[stream]
        assert [b["v"] for b in found] == v.ravel().tolist()
        assert [b["spike"] for b in found] == spike.ravel().tolist()
        assert [b["index"] for b in found] == list(range(neurons)) * len(first)
        assert [b["first"] for b in found] == [f for f in first for _ in range(neurons)]
        assert [b["last"] for b in found] == ([0] * (neurons - 1) + [1]) * len(first)
    return spike


PASTS = [
    History(max_spikes=1), History(max_spikes=3), History(refractory=1), History(refractory=4),
    History(fire_by=0), History(fire_by=2), History(1, 0, 3), History(2, 3), History(5, 2, 1),
]  # fmt: skip


@pytest.mark.parametrize("past", PASTS, ids=str)
@pytest.mark.parametrize("kind", ["zero", "none", "subtract"])
@pytest.mark.parametrize("neurons", [1, 2, 5])
def test_held_neurons_rest_and_late_ones_fire(past, kind, neurons, rng) -> None:
    first = [t in (0, 7, 8, 10) for t in range(16)]  # samples of 7, 1, 2 and 6 steps
    for uniform, stalls in ((False, (0, 0)), (True, (40, 60))):
        p = draw(rng, neurons, 1, kind, uniform, past)
        p = replace(p, threshold=[x // 3 for x in p.threshold])
        follows(p, first, stalls, rng)


def test_a_neuron_that_always_would_fires_as_often_as_it_may() -> None:
    raws, first = [np.full((9, 1), 31)], [True] + [False] * 8
    for past, times in [
        (NOTHING, range(9)), (History(refractory=2), (0, 3, 6)), (History(max_spikes=2), (0, 1)),
        (History(2, 3), (0, 4)), (History(fire_by=4), range(9)),
    ]:  # fmt: skip
        p = Parameters(1, 0, ([1],), [0], [0], [5], [-7], history=past)
        seen = run(p, raws, first, (0, 0))[1].beats["o"]
        assert [t for t, b in enumerate(seen) if b["spike"]] == list(times)
        held = [b["v"] for t, b in enumerate(seen) if t not in times]
        assert set(held) <= {-7}
    p = Parameters(1, 0, ([0],), [-1], [0], [5], [-7], history=History(1, fire_by=4))
    seen = run(p, raws, first, (0, 0))[1].beats["o"]  # its membrane never gets there
    assert [b["spike"] for b in seen] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert [b["v"] for b in seen] == [-1, -2, -3, -4, -5, -7, -7, -7, -7]


def test_soft_reset_keeps_what_is_above_the_threshold() -> None:
    p = Parameters(1, 0, ([1],), [0], [0], [10], reset="subtract", rho=[10])
    seen = run(p, [np.full((4, 1), 7)], [True, False, False, False], (0, 0))[1].beats["o"]
    assert [(b["v"], b["spike"]) for b in seen] == [(7, 0), (14, 1), (11, 1), (8, 0)]


def test_what_is_not_used_takes_no_bits() -> None:
    assert NOTHING.fields == {} and History(fire_by=0).fields == {}
    assert History(fire_by=3).fields == {"fired": 1} == History(1, fire_by=3).fields
    assert History(4, 5).fields == {"fired": 3, "rest": 3}
    neuron = Neuron(threshold=1, max_spikes=9, refractory=30, fire_by=8)
    assert history(neuron, spikes=1, timesteps=8) == History(None, 7, None)
    assert history(neuron, spikes=9, timesteps=40) == History(9, 30, 8)
    assert history(Neuron(), spikes=0, timesteps=8) == NOTHING


def test_a_membrane_on_the_threshold_fires_and_one_below_does_not() -> None:
    p = Parameters(1, 0, ([1, 1],), [-10, -10], [0, 0], [5, 5], [0, 0])
    raws = [np.array([[15, 14]])]
    seen = run(p, raws, [True], (0, 0))[1].beats["o"]
    assert [(b["v"], b["spike"]) for b in seen] == [(5, 1), (4, 0)]


def test_the_leak_rounds_toward_minus_infinity() -> None:
    p = Parameters(1, 1, ([0],), [0], [-5], None)
    raws = [np.zeros((4, 1), int)]
    seen = run(p, raws, [True, False, False, False], (0, 0))[1].beats["o"]
    assert [b["v"] for b in seen] == [-3, -2, -1, -1]


@pytest.mark.parametrize("neurons", [1, 2, 9])
def test_latency_and_cycles_are_as_published(neurons, rng) -> None:
    p = draw(rng, neurons, 1, "zero", False)
    p = replace(p, history=History(2, 1, 2))
    raws = [rng.integers(0, 32, (6, neurons))]
    core, seen, _, _ = run(p, raws, [True] * 6, (0, 0))
    delays = np.array(seen.cycles["o"]) - np.array(seen.cycles["i_0"])
    assert set(delays.tolist()) == {core.latency}
    assert set(np.diff(seen.cycles["o"][neurons - 1 :: neurons]).tolist()) == {
        core.cycles_per_timestep
    }


def test_an_output_that_waits_does_not_double_trace_beats(rng) -> None:
    p = draw(rng, 5, 1, "zero", False)
    raws = [rng.integers(0, 32, (6, 5))]
    _, seen, _, _ = run(p, raws, [True] * 6, (0, 95), seed=1)
    assert isinstance(seen, Played) and seen.beats["trace"] == seen.beats["o"]
    assert all(t <= o for t, o in zip(seen.cycles["trace"], seen.cycles["o"], strict=True))


def test_uniform_numbers_take_no_table() -> None:
    p = Parameters(1, 1, ([8] * 6,), [3] * 6, [0] * 6, [1, 2, 3, 4, 5, 6], [0] * 6)
    table = PopulationCore(p, Widths((5,), 9, 9, 9, 9)).table
    assert list(table.columns) == ["threshold"] and table.layout.size == 4
    assert table.rows() == [1, 2, 3, 4, 5, 6]

# amaranth: UnusedElaboratable=no
"""The population core against its equation, with two streams joined, under stalls everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from streams import Played, play

from hdl.population import Parameters, PopulationCore, Widths
from mapping.intervals import bits

RAW_BITS = (5, 3)


def draw(rng, neurons: int, streams: int, kind: str, uniform: bool) -> Parameters:
    """Draw the numbers of a population; kind: "zero", "none" or "silent" (never fires)."""

    def column(low: int, high: int) -> list[int]:
        count = 1 if uniform else neurons
        return rng.integers(low, high, count).repeat(neurons // count).tolist()

    num, q = [(1, 0), (1, 1), (7, 3), (0, 0), (3, 2)][int(rng.integers(5))]
    return Parameters(
        num, q,
        tuple(column(-4, 9) for _ in range(streams)),
        column(-90, 20), column(-30, 31),
        None if kind == "silent" else column(-20, 90),
        column(-25, 26) if kind == "zero" else None,
    )  # fmt: skip


def expected(p: Parameters, raws: list[np.ndarray], first: list[bool]):
    """Run the equation: (v, spike, state after, drive) of every timestep, (timesteps, neurons)."""
    state, rows = None, []
    for t, begins in enumerate(first):
        state = np.array(p.v_init) if begins else state
        drive = sum(np.array(g) * raw[t] for g, raw in zip(p.gain, raws, strict=True))
        drive = drive + np.array(p.constant)
        scaled = state * p.num
        v = (scaled >> p.q) + drive
        spike = np.zeros(len(v), bool) if p.threshold is None else v >= np.array(p.threshold)
        before = state
        state = v if p.v_reset is None else np.where(spike, p.v_reset, v)
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
@pytest.mark.parametrize("kind", ["zero", "none", "silent"])
@pytest.mark.parametrize("uniform", [False, True])
def test_spikes_and_membranes_follow_the_equation(neurons, kind, uniform, rng) -> None:
    first = [True, False, False, True, True, False, False, False]  # samples of 3, 1 and 4 steps
    for streams, stalls in ((1, (0, 0)), (1, (50, 50)), (2, (60, 30)), (2, (0, 80))):
        p = draw(rng, neurons, streams, kind, uniform)
        raws = [rng.integers(0, 1 << width, (len(first), neurons)) for width in RAW_BITS[:streams]]
        _, seen, v, spike = run(p, raws, first, stalls, seed=neurons)
        for stream in ("o", "trace"):
            found = seen.beats[stream]
            assert [b["v"] for b in found] == v.ravel().tolist()
            assert [b["spike"] for b in found] == spike.ravel().tolist()
            assert [b["index"] for b in found] == list(range(neurons)) * len(first)
            assert [b["first"] for b in found] == [f for f in first for _ in range(neurons)]
            assert [b["last"] for b in found] == ([0] * (neurons - 1) + [1]) * len(first)


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

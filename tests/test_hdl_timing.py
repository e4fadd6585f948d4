# amaranth: UnusedElaboratable=no
"""The timing of a plan: every bank is needed, and the hardware keeps to it cycle by cycle."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from clocked import Bench, clocked
from hypothesis import given, settings
from hypothesis import strategies as st
from maps import draw_maps
from planned import BACK, CHAIN, LATE, SELF, SKIPS, network

from hdl.execution import Standstill
from hdl.listing import busy
from hdl.plan import plan
from hdl.planned import Plan
from hdl.timing import Timing, Uneven, schedule
from hdl.top import NetworkTop
from mapping import Input

DIRECT = {"input": Input((20,), 3, coding="direct")}
#: Networks and how they are planned: populations that limit the rate, skips, blocks, ways back.
PLANS = {
    "chain": (network([20, 12, 5], CHAIN), {}),
    "chain, words": (network([20, 12, 5], CHAIN), {"pe": 4, "simd": 5}),
    "chain, the last is slow": (network([20, 12, 5], CHAIN), {"pe": [12, 1], "simd": [20, 2]}),
    "chain, lanes": (network([20, 12, 6], CHAIN), {"pe": 6, "lanes": [3, 2]}),
    "chain, blocks": (network([20, 12, 5], CHAIN, 7), {"pe": 4, "simd": 5, "block": 3}),
    "chain, parallel": (
        network([20, 12, 6], CHAIN, 6), {"pe": 3, "simd": 8, "block": 4, "parallel": 2}
    ),
    "skips": (network([20, 12, 12, 8, 5], SKIPS), {"pe": 4, "simd": 5}),
    "skips, blocks": (network([20, 12, 12, 8], SKIPS[:3]), {"pe": 4, "simd": 5, "block": 4}),
    "skips, one block": (network([20, 12, 12, 8], SKIPS[:3]), {"pe": 4, "simd": 5, "block": 6}),
    "delays": (network([20, 12, 8], LATE), {"pe": 4, "simd": 5}),
    "itself": (network([20, 12, 8], SELF), {}),
    "back": (network([20, 12, 8], BACK), {"pe": 4, "simd": 5}),
    "back, blocks": (network([20, 12, 8], BACK), {"block": 2}),
    "direct": (network([20, 12, 5], CHAIN, **DIRECT), {}),
    "direct, one block": (network([20, 12, 5], CHAIN, **DIRECT), {"block": 6}),
}  # fmt: skip


def planned(name: str) -> Plan:
    """Return a plan."""
    built, options = PLANS[name]
    return plan(built, **options)


def slowest(made: Plan) -> int:
    """Return the cycles a sample of the slowest population, or of the input's words."""
    later, enter = made.blocks.count - 1, made.enter
    words = enter.beats_first + (0 if made.constant else later * enter.beats)
    return max(words, *(p.cycles(True) + later * p.cycles(False) for p in made.populations))


def fewer(made: Plan) -> list[tuple[int, int, tuple[tuple[int, ...], ...]]]:
    """Return, for every buffer of more than one bank, the banks of all with one there fewer."""
    found = []
    for k, mine in enumerate(made.timing.banks):
        for j, count in enumerate(mine):
            if count > 1:
                less = (*mine[:j], count - 1, *mine[j + 1 :])
                found.append((k, j, (*made.timing.banks[:k], less, *made.timing.banks[k + 1 :])))
    return found


@pytest.mark.parametrize("name", PLANS)
def test_every_bank_is_needed(name) -> None:
    made = planned(name)
    for k, j, banks in fewer(made):
        try:
            slower = schedule(made, banks, made.timing.output_banks).cycles
        except (Standstill, Uneven):
            continue
        assert slower > made.timing.cycles, (k, j)


@pytest.mark.parametrize("name", [n for n in PLANS if "back" not in n and n != "itself"])
def test_banks_let_the_slowest_population_set_the_rate(name) -> None:
    made = planned(name)
    assert made.timing.cycles == slowest(made)


@pytest.mark.parametrize(
    ("sizes", "ways", "steps", "pe", "simd", "block"),
    [
        ([3, 3], [[(-1, 0)]], 5, 3, 3, 4),
        ([24, 6, 11], [[(-1, 0)], [(-1, 1), (0, 2)]], 3, [8, 21], 4, 2),
        ([3, 2, 3, 1], [[(-1, 0)], [(0, 1)], [(-1, 1), (1, 1)]], 5, 3, [3, 1, 1], 3),
        ([1, 2, 2, 2, 1], [[(-1, 0)], [(-1, 2), (0, 2)], [(0, 0), (1, 0)], [(-1, 2), (2, 2)]],
         3, [3, 2, 3, 3], [3, 3, 3, 2], 2),
    ],
)  # fmt: skip
def test_blocks_of_which_the_last_is_short_keep_the_rate(
    sizes, ways, steps, pe, simd, block
) -> None:
    # Paced by whole cycles a block, the first took 26 cycles for 25, the others turns.
    made = plan(network(sizes, ways, steps), pe=pe, simd=simd, block=block)
    assert made.timing.cycles == slowest(made)


@pytest.mark.parametrize("name", PLANS)
def test_more_banks_change_nothing(name) -> None:
    made, timing = planned(name), planned(name).timing
    more = tuple(tuple(2 * b for b in mine) for mine in timing.banks)
    later = schedule(made, more, timing.output_banks + 2)
    assert (later.cycles, later.latency) == (timing.cycles, timing.latency)


def test_samples_by_turns_are_uneven_and_not_a_standstill() -> None:
    words = r"2 samples by turns take \d+ cycles, and not each as many: there are banks too few"
    with pytest.raises(Uneven, match=words):
        schedule(planned("skips, one block"), ((2,), (2,), (4, 2)), 1)


def test_a_population_may_gain_on_a_slower_one_for_many_samples() -> None:
    made = plan(network([28, 1, 12], CHAIN, 8, input=Input((28,), 1, coding="direct")),
                pe=1, simd=[10, 29])  # fmt: skip
    assert (made.timing.cycles, made.timing.settles) == (8 * 12, 0)
    made = plan(network([1, 99, 100], CHAIN, 1), pe=1, simd=100)  # one, of a cycle a sample
    assert (made.timing.cycles, made.timing.settles) == (100, 0)


@settings(max_examples=40)
@given(st.data())
def test_any_network_runs_evenly_at_the_rate_of_its_slowest_population(data) -> None:
    draw, small = data.draw, st.integers(1, 24)
    count, steps = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    sizes = draw(st.lists(small, min_size=count + 1, max_size=count + 1))
    ways = []
    for k in range(count):
        sources = sorted({k - 1, *draw(st.lists(st.integers(-1, k - 1), max_size=2))})
        ways.append([(source, draw(st.sampled_from([0, 0, 1, 2]))) for source in sources])
    given_input = {}
    if draw(st.booleans()):
        given_input["input"] = Input((sizes[0],), draw(st.integers(1, 3)), coding="direct")
    made = plan(
        network(sizes, ways, steps, **given_input),
        pe=[draw(small) for _ in range(count)], simd=[draw(small) for _ in range(count)],
        block=draw(st.integers(1, steps)),
    )  # fmt: skip
    assert made.timing.cycles == slowest(made)


def test_a_way_back_whose_banks_are_halved_stands_still() -> None:
    made = planned("itself")
    assert made.timing.banks[0] == (1, 2)
    words = (
        "a block of the source of connection 1 into population 'p0' waits for one that can only "
        "come after it: 1 banks are too few"
    )
    with pytest.raises(Standstill, match=words):
        schedule(made, ((1, 1), made.timing.banks[1]), made.timing.output_banks)


class Run:
    """Samples back to back through a network's hardware, every output taken at once."""

    def __init__(self, made: Plan, samples: int, limit: int) -> None:
        self.ends: list[int] = []  # cycles of last output beats
        clocked(NetworkTop(made), self.bench(made, samples, limit))

    def bench(self, made: Plan, samples: int, limit: int) -> Bench[None]:
        rng, enter = random.Random(7), made.enter
        blocks = 1 if made.constant else made.blocks.count
        length = enter.beats_first + (blocks - 1) * enter.beats
        place = 0
        for cycle in range(limit):
            waits = place < samples * length
            seen = yield {
                "i_valid": waits, "i_data": rng.getrandbits(enter.beat_bits), "o_ready": 1,
                "i_first": place % length == 0, "i_last": place % length == length - 1,
            }  # fmt: skip
            place += waits and seen["i_ready"]
            if seen["o_valid"] and seen["o_last"]:
                self.ends.append(cycle)
            assert seen["error"] == 0
            if len(self.ends) == samples:
                return


def measured(made: Plan, timing: Timing) -> None:
    """Compare hardware with a timing; its first input beat is taken in cycle 0."""
    samples = timing.settles + 3
    ends = Run(made, samples, timing.latency + (samples + 4) * timing.cycles + 50).ends
    assert len(ends) == samples
    assert ends[0] == timing.latency
    spans = [b - a for a, b in zip(ends, ends[1:], strict=False)]
    assert set(spans[timing.settles :]) == {timing.cycles}
    if timing.settles:
        assert spans[timing.settles - 1] != timing.cycles


@pytest.mark.parametrize("name", PLANS)
def test_cycles_latency_and_what_settles_are_as_published(name) -> None:
    made = planned(name)
    measured(made, made.timing)


@pytest.mark.parametrize("name", ["chain, words", "skips, one block", "itself"])
def test_the_hardware_slows_or_stands_still_as_the_schedule_says(name) -> None:
    made = planned(name)
    for k, j, banks in fewer(made):
        p = made.populations[k]
        connections = list(p.connections)
        connections[j] = replace(connections[j], banks=banks[k][j])
        populations = list(made.populations)
        populations[k] = replace(p, connections=tuple(connections))
        smaller = replace(made, populations=tuple(populations))
        try:
            timing = schedule(made, banks, made.timing.output_banks)
        except Standstill:
            t = made.timing
            assert len(Run(smaller, 3, t.latency + 5 * t.cycles).ends) < 3
        except Uneven:
            t = made.timing
            ends = Run(smaller, 9, t.latency + 20 * t.cycles).ends
            spans = [b - a for a, b in zip(ends, ends[1:], strict=False)][1:]
            assert sum(spans) > len(spans) * t.cycles and len(set(spans)) > 1
        else:
            measured(smaller, timing)


def test_a_pipe_that_fills_does_not_set_the_pace() -> None:
    """The second sample leaves this network later than the pace; no later one does."""
    made = plan(draw_maps(297), block=1)
    assert made.timing.cycles == max(busy(made, p) for p in made.populations) == 80

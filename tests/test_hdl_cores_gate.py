# amaranth: UnusedElaboratable=no
"""Gates, shifts and signed sums: the neuron unit with its gates against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gated import Case, Gated, Sums, play

from hdl.cores.gate import GateUnit
from hdl.cores.history import History
from hdl.gates import gating
from hdl.numbers import parameters, term_bits
from hdl.streams import Blocks
from mapping import (
    Connection,
    Conv,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    intervals,
)

#: Channels, places, lanes, tile, blocks, cycles of a pass.
SHAPES = {
    "one neuron": (1, (1, 1), 1, 1, Blocks(5), 1),
    "one channel": (1, (2, 3), 1, 1, Blocks(5), 1),
    "lanes are all channels": (3, (2, 2), 3, 3, Blocks(4), 1),
    "tiles": (6, (2, 2), 1, 2, Blocks(3), 4),
    "four rows": (8, (1, 2), 2, 4, Blocks(3), 2),
    "blocks": (4, (2, 2), 1, 2, Blocks(6, 2), 1),
    "blocks, first short": (6, (2, 1), 2, 2, Blocks(7, 3), 1),
    "parallel": (4, (2, 2), 1, 2, Blocks(8, 4, 2), 1),
    "parallel, first short": (6, (1, 2), 2, 2, Blocks(10, 4, 2), 9),
    "whole": (4, (2, 2), 2, 4, Blocks(4, 4), 1),
    "whole, parallel": (6, (1, 3), 1, 3, Blocks(3, 3, 3), 1),
    "whole, one place": (6, (1, 1), 2, 2, Blocks(4, 4, 4), 1),
}  # fmt: skip


def column(rng, low: int, high: int, channels: int, uniform: bool) -> np.ndarray:
    """Draw one number per channel."""
    return np.broadcast_to(rng.integers(low, high, 1 if uniform else channels), (channels,))


def drawn_gate(rng, channels: int, steps: int, each: bool, entries: int, uniform=False) -> Gate:
    """Draw a gate whose totals meet all of its table and lie beyond both of its ends."""
    offset = column(rng, -30, 30, channels, uniform) if each else int(rng.integers(-30, 30))
    return Gate(
        weights=column(rng, -9, 10, channels, uniform), offset=offset,
        shift=int(rng.integers(0, 4)), table=rng.integers(-20, 256, (steps, entries)),
        per_channel=each,
    )  # fmt: skip


def drawn_neuron(rng, channels: int, uniform: bool = False) -> Neuron:
    """Draw a neuron: of any reset, a stream, or one that keeps nothing."""
    kind = int(rng.integers(6))
    num, q = [(1, 0), (1, 1), (3, 2), (0, 0)][int(rng.integers(4))]
    if kind == 0:
        return Neuron(0, 0, reset="none")
    return Neuron(
        num, q, threshold=None if kind == 1 else column(rng, -2000, 3000, channels, uniform),
        reset=("zero", "none", "subtract")[kind % 3] if kind > 1 else "none",
        v_reset=column(rng, -50, 50, channels, uniform), rho=column(rng, 0, 900, channels, uniform),
        v_init=column(rng, -99, 99, channels, uniform), refractory=int(kind == 5),
    )  # fmt: skip


def made(
    rng, shape: str, gates: list[Gate | None], shifts: list[int], sums: list[Sums],
    neuron: Neuron | None = None, uniform: bool = False, delays: list[int] | None = None,
) -> Case:  # fmt: skip
    """Return a case: a convolution of the input for every gate; sums of 0 bits read it as it is."""
    channels, places, lanes, tile, blocks, _ = SHAPES[shape]
    bits = max(1, *(size for size, _ in sums))
    connections = tuple(
        Connection(
            "input",
            Identity() if size == 0 else Conv(rng.choice([-1, 1], (channels, channels, 1, 1))),
            gain=column(rng, -6, 9, channels, uniform),
            bias=column(rng, -40, 40, channels, uniform),
            shift=shift, gate=gate, delay=0 if delays is None else delays[k],
        )
        for k, (gate, shift, (size, _)) in enumerate(zip(gates, shifts, sums, strict=True))
    )  # fmt: skip
    neuron = neuron or drawn_neuron(rng, channels, uniform)
    network = Network(
        Input((channels, *places), bits=bits), (Population("p", connections, neuron),),
        Readout("p", "membrane"), blocks.timesteps,
    )  # fmt: skip
    return Case(network, tuple(sums), lanes, tile, blocks)


def samples(rng, case: Case) -> list[np.ndarray]:
    """Draw samples of any number of blocks: at random, and of least and greatest inputs."""
    blocks, enter = case.blocks, case.network.input
    count = min(blocks.count, 4)
    found = []
    for n, kind in ((count, 0), (1, 1), (int(rng.integers(1, count + 1)), 2), (count, 0)):
        steps = blocks.first + (n - 1) * blocks.block
        x = rng.integers(0, enter.top + 1, (steps, *enter.shape))
        if kind == 1:
            x[:] = enter.top
        elif kind == 2:
            x[:] = rng.integers(0, 2, (steps, 1, 1, 1)) * enter.top
        found.append(x)
    return found


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gate_multiplies_as_the_reference_does(shape, each, uniform, rng) -> None:
    channels, _, _, _, blocks, period = SHAPES[shape]
    steps = blocks.timesteps
    for entries in (int(rng.choice([2, 5, 8, 16])), 512):
        gate = drawn_gate(rng, channels, steps, each, entries, uniform)
        if entries == 512:  # each total has a factor of its own
            table = np.stack([rng.permutation(entries) for _ in range(steps)])
            gate = replace(gate, offset=gate.offset + entries // 2, shift=0, table=table)
        case = made(rng, shape, [gate], [int(rng.integers(0, 5))], [(1, False)], uniform=uniform)
        play(case, samples(rng, case), (0, 0, 3, 0, 1), period)


@pytest.mark.parametrize("shape", SHAPES)
def test_joins_of_gates_shifts_and_sums_of_any_kind(shape, rng) -> None:
    channels, _, _, _, blocks, period = SHAPES[shape]
    steps = blocks.timesteps
    for uniform in (False, True):
        kinds: list[Sums] = [(2, False), (2, True), (0, False), (1, False), (1, False)]
        gates = [
            drawn_gate(rng, channels, steps, False, 8), drawn_gate(rng, channels, steps, True, 4),
            None, None, None,
        ]  # fmt: skip
        shifts, delays = [2, 0, 3, 0, 5], [0, 1, 0, 2, 0]
        keep = rng.permutation(5)[: int(rng.integers(2, 6))]

        def of(values, keep=keep):
            return [values[k] for k in keep]

        case = made(rng, shape, of(gates), of(shifts), of(kinds), uniform=uniform,
                    delays=of(delays))  # fmt: skip
        play(case, samples(rng, case), (0, 2), period)


@pytest.mark.parametrize("shape", ["one neuron", "tiles", "blocks, first short", "whole, parallel"])
def test_streams_shift_signed_sums_and_keep_nothing(shape, rng) -> None:
    channels, _, _, _, _, period = SHAPES[shape]
    stream = Neuron(0, 0, reset="none")
    kinds: list[Sums] = [(0, False), (2, True)]
    case = made(rng, shape, [None, None], [3, 1], kinds, stream)
    dut = play(case, samples(rng, case), period=period)
    assert (dut.order.states, dut.order.in_memory) == (0, False)
    assert not {"v_init", "v_reset", "rho"} & dut.unit.table.constants.keys()
    assert not {"v_init", "v_reset", "rho"} & dut.unit.table.columns.keys()


@pytest.mark.parametrize("shape", ["tiles", "blocks, first short", "parallel", "whole"])
def test_a_gate_by_the_timestep_alone_needs_no_counting(shape, rng) -> None:
    channels, _, _, _, blocks, period = SHAPES[shape]
    numbers = rng.permutation(300)[: blocks.timesteps, None] - 40
    numbers[:2] = [[-7], [300]]
    gate = Gate(weights=3, offset=1, shift=0, table=np.repeat(numbers, 4, 1))
    case = made(rng, shape, [gate, None], [1, 0], [(1, False), (1, False)])
    dut = play(case, samples(rng, case), period=period)
    assert not dut.counts and dut.gap == 0
    assert set(dut.gates[0].signature.members) == {"gate", "time", "place_0", "entry_0"}


@pytest.mark.parametrize("shift", [0, 2])
def test_a_gate_that_is_always_the_same_number_is_part_of_the_gain(shift, rng) -> None:
    gate = Gate(weights=3, offset=1, shift=0, table=np.full((5, 3), 64))
    case = made(rng, "one channel", [gate], [shift], [(1, False)])
    dut = play(case, samples(rng, case))
    c = case.population.connections[0]
    assert not dut.gates and dut.unit.parameters.gain == ((c.gain * 64).tolist(),)
    assert set(dut.unit.parameters.apart) == ({0} if shift else set())


def extreme(low: bool, each: bool, channels: int = 4) -> Case:
    """Return a case whose totals, currents and membranes meet one end of their bits."""
    gate = Gate(
        weights=np.array([31, -32, 31, -32]), offset=np.full(4, -3) if each else -3, shift=0,
        table=np.array([[0, 255], [255, 1]] * 2), per_channel=each,
    )  # fmt: skip
    weights = np.where(np.arange(channels)[:, None] % 2 == low, 1, -1) * np.ones((4, 4), int)
    edge = Connection(
        "input", Conv(weights.reshape(4, 4, 1, 1)), gain=[32767, -32768, 32767, -32768],
        bias=[-1, 1, 0, -7], gate=gate,
    )  # fmt: skip
    population = Population("p", (edge,), Neuron(1, 0, threshold=1 << 30, reset="none"))
    network = Network(Input((4, 3, 3), bits=4), (population,), Readout("p", "membrane"), 4)
    return Case(network, ((4, False),), 2, 2, Blocks(4, 2))


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("low", [False, True])
def test_extremes_of_all_widths(low, each, rng) -> None:
    case = extreme(low, each)
    full = np.full((4, 4, 3, 3), 15)
    play(case, [full, np.zeros_like(full), full, rng.integers(0, 16, full.shape)])


def gapped(each: bool, lanes: int, rng) -> Case:
    """Return a case of one place whose totals decide: a sum too early is another factor."""
    gate = Gate(weights=rng.integers(1, 9, 4), offset=np.zeros(4, int) if each else 0, shift=0,
                table=np.tile(np.arange(200), (2, 1)), per_channel=each)  # fmt: skip
    weights = np.ones((4, 4, 1, 1), int)
    edge = Connection("input", Conv(weights), gain=1, bias=1, gate=gate)
    population = Population("p", (edge,), Neuron(0, 0, reset="none"))
    network = Network(Input((4, 1, 1)), (population,), Readout("p", "membrane"), 2)
    return Case(network, ((1, False),), lanes, lanes, Blocks(2))


@pytest.mark.parametrize(("each", "lanes", "gap"), [(False, 1, 3), (False, 4, 4), (True, 4, 3)])
def test_the_second_run_may_come_after_the_gap_and_not_before(each, lanes, gap, rng) -> None:
    case = gapped(each, lanes, rng)
    given = [np.ones((2, 4, 1, 1), int), np.zeros((2, 4, 1, 1), int)] * 2
    assert play(case, given).gap == gap
    with pytest.raises(AssertionError):
        play(case, given, early=1)


@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("entries", [2, 3, 4])
def test_totals_beyond_the_table_take_its_ends(entries, each) -> None:
    gate = Gate(weights=1, offset=-3, shift=0, table=[list(range(7, 7 + entries))] * 16,
                per_channel=each)  # fmt: skip
    edge = Connection("input", Identity(), gain=1, bias=1, gate=gate)
    population = Population("p", (edge,), Neuron(0, 0, reset="none"))
    network = Network(Input((1, 1, 1), 4), (population,), Readout("p", "membrane"), 16)
    x = np.arange(16).reshape(16, 1, 1, 1)  # totals of -3 .. 12
    play(Case(network, ((0, False),), 1, 1, Blocks(16)), [x, x[::-1]])


def test_a_shift_takes_its_bits_of_the_product(rng) -> None:
    gate = Gate(weights=1, offset=0, shift=0, table=[[256, 255, 256]] * 2)
    edge = Connection("input", Identity(), gain=1000, bias=3, shift=9, gate=gate)
    population = Population("p", (edge,), Neuron(0, 0, reset="none"))
    network = Network(Input((1, 2, 2), 4), (population,), Readout("p", "membrane"), 2)
    case = Case(network, ((0, False),), 1, 1, Blocks(2))
    play(case, [np.full((2, 1, 2, 2), 15), rng.integers(0, 16, (2, 1, 2, 2))])


def test_a_term_holds_what_comes_before_a_delayed_source(rng) -> None:
    edge = Connection("input", Identity(), gain=[-8], bias=[20], shift=1, delay=1)
    assert term_bits(edge, intervals.uniform(3, 4, 1)) == 6  # -12 .. 20, and not -12 .. -4
    gate = Gate(weights=1, offset=0, shift=0, table=[[-3, -3]])
    edge = Connection("input", Identity(), gain=[-8], bias=[20], shift=1, gate=gate)
    assert term_bits(edge, intervals.uniform(3, 4, 1)) == 7  # 12 .. 36


@pytest.mark.parametrize("each", [False, True])
def test_a_gate_hears_signed_sums(each, rng) -> None:
    gate = drawn_gate(rng, 6, 3, each, 8)
    case = made(rng, "tiles", [gate], [1], [(2, True)])
    assert case.raw_bits()[1] == [True]
    play(case, samples(rng, case), period=4)


def test_totals_stand_where_their_rows_allow(rng) -> None:
    def unit(shape: str, each: bool) -> GateUnit:
        channels, *_, blocks, _ = SHAPES[shape]
        gate = drawn_gate(rng, channels, blocks.timesteps, each, 4)
        return Gated(made(rng, shape, [gate], [0], [(1, False)])).gates[0]

    assert (unit("tiles", True).in_memory, unit("tiles", True).depth_of_totals) == (True, 6)
    assert (unit("tiles", False).in_memory, unit("tiles", False).depth_of_totals) == (False, 1)
    assert not unit("lanes are all channels", True).in_memory
    assert unit("parallel", False).depth_of_totals == 4
    assert unit("parallel", True).depth_of_totals == 16


def test_the_table_of_a_gate_begins_where_the_first_block_does(rng) -> None:
    channels, _, _, _, blocks, _ = SHAPES["blocks, first short"]
    gate = Gate(weights=1, offset=0, shift=0, table=np.arange(21).reshape(7, 3) + 1)
    case = made(rng, "blocks, first short", [gate], [0], [(1, False)])
    unit = Gated(case).gates[0]
    rows = unit.gating.rows(unit.order, 8)
    assert blocks.block - blocks.first == 2 and rows[:8] == [0] * 8
    assert rows[8:15] == [1, 2, 3, 0, 4, 5, 6] and rows[-3:] == [19, 20, 21]
    same = Gate(weights=1, offset=0, shift=0, table=np.tile(np.arange(3), (7, 1)))
    case = made(rng, "blocks, first short", [same], [0], [(1, False)])
    unit = Gated(case).gates[0]
    assert unit.gating.rows(unit.order, 3) == [0, 1, 2]
    assert "time" not in unit.signature.members


def test_constants_are_merged_but_for_connections_that_stand_apart(rng) -> None:
    signs = np.array([[-1, -1], [1, -1]]).reshape(2, 2, 1, 1)
    gate = Gate(weights=1, offset=0, shift=0, table=[[1, 2]])
    edges = (
        Connection("input", Conv(signs), gain=3, bias=5),
        Connection("input", Conv(signs), gain=3, bias=5),
        Connection("input", Conv(signs), gain=4, bias=7, shift=1),
        Connection("input", Conv(signs), gain=4, bias=[7, 8], gate=gate),
        Connection("input", Identity(), gain=1, bias=100),
    )
    network = Network(
        Input((2, 1, 1), bits=2), (Population("p", edges, Neuron(threshold=1)),), Readout("p"), 1
    )
    n_neg = np.array([2, 1])
    lacks = [-3 * n_neg, n_neg - 4, -3 * n_neg, -n_neg, 0]
    found = parameters(network.populations[0], lacks, {}, History())
    assert found.constant == [5 - 3 * 3 * 2 + 5 + 3 * (2 - 4) + 100, 5 - 9 + 5 + 3 * (1 - 4) + 100]
    assert {k: a.constant for k, a in found.apart.items()} == {
        2: [7 - 4 * 3 * 2, 7 - 4 * 3], 3: [7 - 4 * 2, 8 - 4]
    }  # fmt: skip
    assert [(a.shift, a.gated, a.each, a.counts) for a in found.apart.values()] == [
        (1, False, False, False), (0, True, False, True)
    ]  # fmt: skip


def test_what_a_whole_map_lacks_is_in_the_offset_of_its_gate() -> None:
    gate = Gate(weights=[2, -3], offset=10, shift=0, table=[[1, 2]])
    c = Connection("input", Identity(), gain=[1, 1], bias=[0, 0], gate=gate)
    lack = -np.array([5, 7])
    assert gating(c, lack, 6, {}).offset == [10 - 6 * (2 * 5 - 3 * 7)] * 2
    each = Gate(weights=[2, -3], offset=[1, 2], shift=0, table=[[1, 2]], per_channel=True)
    c = Connection("input", Identity(), gain=[1, 1], bias=[0, 0], gate=each)
    assert gating(c, lack, 6, {}).offset == [1 - 6 * 10, 2 + 6 * 21]

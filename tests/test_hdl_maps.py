# amaranth: UnusedElaboratable=no
"""Networks of every kind of layer as RTL: in Amaranth's simulator, and as Verilog."""

from __future__ import annotations

import needs
import numpy as np
import pytest
from maps import draw_maps
from simulated import agrees

from hdl.plan import plan
from mapping import (
    Connection,
    Conv,
    Dense,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
)  # fmt: skip
from mapping.coding import encode
from sim.campaign import parallelism
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.group import run_group
from sim.campaign.stimuli import stimuli
from sim.verify import verify


def run(network: Network, options: dict, seed: int, stalls: tuple[int, int]) -> None:
    """Compare a network in Amaranth's simulator with the reference, cycles included."""
    x = encode(network.input, stimuli(network, 3, seed), network.timesteps)
    if network.input.coding == "latency":  # what is simulated takes spikes
        network = Network(
            Input(network.input.shape), network.populations, network.readout, network.timesteps
        )
    agrees(network, plan(network, **options), list(x), stalls, seed)


@pytest.mark.parametrize("seed", range(14))
def test_windows_over_maps_equal_the_reference(seed) -> None:
    network = draw_maps(seed)
    rng = np.random.default_rng([seed, 22])
    block = int(rng.choice([1, 1, network.timesteps]))
    options = {
        "pe": int(rng.integers(1, 5)), "simd": int(rng.integers(1, 5)), "block": block,
        "parallel": int(rng.choice([1, block])),
    }  # fmt: skip
    run(network, options, seed, (0, 0))
    run(network, options, seed, (40, 40))


@pytest.mark.parametrize("seed", range(14))
def test_every_kind_of_layer_equals_the_reference(seed) -> None:
    network = draw_whole(seed + 2000)
    options = parallelism.draw(network, np.random.default_rng([seed, 23]))
    options = {n: v for n, v in options.items() if n not in ("classes", "stop")}
    run(network, options, seed, (0, 0))


def small(*connections: Connection, shape=(2, 5, 4), bits: int = 1, steps: int = 2) -> Network:
    """Return a network of one population, of these connections."""
    neuron = Neuron(1, 1, threshold=3)
    return Network(Input(shape, bits), (Population("a", connections, neuron),), Readout("a"), steps)


def test_a_line_is_ready_as_soon_as_its_window_is(rng) -> None:
    """A padded window of 3 rows keeps few lines, and the first result comes after two of them."""
    signs = rng.choice([-1, 1], (2, 2, 3, 3))
    made = plan(small(Connection("input", Conv(signs, padding=1)), shape=(2, 40, 3)), 2, 2, block=1)
    connection = made.populations[0].connections[0]
    assert connection.sweep is not None and connection.sweep.most == 3
    assert connection.banks <= 5
    line = made.populations[0].line_cycles(False)
    assert made.timing.cycles == 2 * 40 * line  # T samples of 40 lines, nothing in between


def test_parallelism_of_maps_is_rounded_to_divisors(rng) -> None:
    signs = rng.choice([-1, 1], (6, 4, 1, 1))
    made = plan(small(Connection("input", Conv(signs)), shape=(4, 3, 3)), 4, 3)
    shape = made.populations[0].connections[0].shape
    assert (shape.pe, shape.simd) == (3, 2)
    with pytest.raises(ValueError, match="lanes of 'a' must divide its 6 channels and its PE"):
        plan(small(Connection("input", Conv(signs)), shape=(4, 3, 3)), 4, 3, 4)


@pytest.mark.parametrize("bias", [0, -1])
@pytest.mark.parametrize("block", [1, 2])
def test_membranes_that_are_never_negative_bear_no_sign(rng, block, bias) -> None:
    """A maximum of spikes is read as they are: in one bit, in half the cycles."""
    a = Population(
        "a", (Connection("input", Conv(rng.choice([-1, 1], (4, 2, 3, 3)))),), Neuron(1, 1, 1)
    )
    edge = Connection("a", Pool(2, kind="max"), gain=1 - bias, bias=bias)  # 0 or 1; -1 or 1
    pool = Population("pool", (edge,), Neuron(0, 0))
    b = Population(
        "b", (Connection("pool", Conv(rng.choice([-1, 1], (3, 4, 2, 2)))),), Neuron(1, 1, 1)
    )
    network = Network(Input((2, 8, 6)), (a, pool, b), Readout("b"), 2)
    pe = {"a": 4, "pool": 2, "b": 3}
    options = {"pe": pe, "simd": 2, "lanes": {"pool": 2}, "block": block}
    shape = plan(network, **options).populations[2].connections[0].shape
    assert (shape.bits, shape.signed_x) == ((2, True) if bias else (1, False))
    run(network, options, 0, (0, 0))
    run(network, options, 1, (40, 40))


def test_a_gate_hears_a_whole_block_before_it_is_used(rng) -> None:
    signs = rng.choice([-1, 1], (3, 2, 3, 3))
    gate = Gate(weights=[1, 2, 1], offset=3, shift=1, table=rng.integers(1, 9, (2, 16)))
    op = Conv(signs, padding=1)
    made = plan(small(Connection("input", op, gate=gate)), 3, 2)
    p = made.populations[0]
    assert p.runs == 2 and p.rounds == 2 * p.lines
    fixed = Gate(weights=[1, 2, 1], offset=3, shift=1, table=np.array([[2] * 16, [3] * 16]))
    assert plan(small(Connection("input", op, gate=fixed)), 3, 2).populations[0].runs == 1


def test_what_does_not_go_together_is_one_sentence(rng) -> None:
    signs = rng.choice([-1, 1], (3, 2, 3, 3))
    network = small(Connection("input", Conv(signs)))
    with pytest.raises(ValueError, match="classes are read of a vector, and 'a' is a map of 3 x 3"):
        plan(network, classes=True)
    with pytest.raises(ValueError, match="'a' reads lines of a map, where zero words are not"):
        plan(network, simd=1, skip_zeros=True)
    gate = Gate(weights=1, offset=0, shift=0, table=np.arange(8).reshape(2, 4))
    gated = small(Connection("input", Conv(signs), gate=gate))
    with pytest.raises(ValueError, match="gates are not run by a loadable design yet"):
        plan(gated, loadable=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_verilog_of_maps_bears_stalls_resets_and_malformed_input(seed) -> None:
    needs.backend("rtl")
    network = draw_maps(seed + 300)
    assert verify(network, stimuli(network, 6, seed), ["fast", "rtl"]).ok


@pytest.mark.slow
@pytest.mark.parametrize("group", [1, 29, 34])
def test_what_a_campaign_once_found_does_not_come_back(group) -> None:
    """A direct-coded map that is filled up was not given back where others say where it ends."""
    needs.backend("rtl")
    found = run_group(group, 1, "all", ["rtl"], 20261201, 12, None)
    assert found.compared["rtl"] and not found.problems


def joined(rng) -> Network:
    """Return a network of every core: windows, pools, joins, a stream, a gate, wide weights."""

    def signs(*shape: int) -> np.ndarray:
        return rng.choice([-1, 1], shape)

    gate = Gate(weights=[1, 1, 2, 1], offset=2, shift=2, table=rng.integers(1, 5, (3, 8)))
    neuron = Neuron(1, 1, threshold=3)
    populations = (
        Population(
            "first", (Connection("input", Conv(rng.integers(-7, 8, (4, 2, 3, 3)), 1, 1, bits=4)),),
            Neuron(1, 1, threshold=rng.integers(1, 9, 4)),
        ),
        Population("sum", (Connection("first", Pool(2)),), Neuron(0, 0)),
        Population(
            "gated",
            (
                Connection("sum", Conv(signs(4, 4, 3, 3), 1, 1), gate=gate, shift=1),
                Connection("sum", Identity(), gain=2),
            ),
            neuron,
        ),
        Population("max", (Connection("gated", Pool(2, kind="max")),), Neuron(0, 0, threshold=1)),
        Population("out", (Connection("max", Dense(signs(3, 8))),), neuron),
    )  # fmt: skip
    return Network(Input((2, 4, 8), 2, "direct"), populations, Readout("out"), 3)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 3])
def test_a_network_of_every_core_as_verilog(rng, block) -> None:
    needs.backend("rtl")
    network = joined(rng)
    options = {"rtl": {"block": block, "pe": 4, "simd": 4}}
    assert verify(network, stimuli(network, 8, 1), ["fast", "rtl"], options=options).ok

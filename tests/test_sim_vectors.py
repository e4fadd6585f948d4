"""Vectors beside the Verilog: exact text, strict readers, folders that are swapped whole."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import runs

import hdl
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.coding import encode
from mapping.files import digest
from sim import vectors
from sim.backends import beats, reference
from sim.tools import ProtocolError


def load(name: str):
    """Load a module of the testbench, which the package itself never imports."""
    path = Path(hdl.__file__).parent / "testbench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hexfiles():
    yield load("hexfiles")
    sys.modules.pop("hexfiles")


def tiny() -> Network:
    """Two bits in, one leaky neuron pair, an integrator: small enough to write out by hand."""
    return Network(
        timesteps=2,
        input=Input((3,), bits=2),
        populations=(
            Population(
                "a-b.c",
                (Connection("input", Dense([[1, 1, 1], [-1, 1, -1]]), gain=2),),
                Neuron(num=1, q=1, threshold=6),
            ),
            Population("out", (Connection("a-b.c", Dense([[-1, 1]]), bias=-1),), Neuron()),
        ),
        readout=Readout("out", "membrane"),
    )


INPUTS = np.array([[[1, 2, 3], [0, 0, 0]]])


def test_text_by_hand():
    manifest = {"input": {"simd": 2, "beats_per_timestep": 2}}
    assert vectors.input_text(tiny(), INPUTS, manifest) == (
        "spikexact input 1\nsamples 1\ntimesteps 2\nbeats 2\nwidth 4\n9 3\n0 0\nend\n"
    )
    # v: 12 and -4, then (12 fired, so 0) 0 and -2; out: -1 * 1 + -1 = -2, then -3
    assert vectors.expected_text(tiny(), reference.run(tiny(), INPUTS)) == (
        "spikexact expected 1\nsamples 1\ntimesteps 2\npopulations 2\n"
        "population a-b.c\nneurons 2\nspiking 1\nwidth 6\n1 0c 3c\n0 00 3e\n"
        "population out\nneurons 1\nspiking 0\nwidth 3\n- 6\n- 5\nend\n"
    )


@given(runs(), st.integers(1, 9))
def test_what_is_written_is_read(tmp_path_factory, hexfiles, drawn, simd):
    network, inputs = drawn
    trace = reference.run(network, inputs)
    samples, steps = trace.v[network.populations[0].name].shape[:2]
    path = tmp_path_factory.mktemp("vectors") / "vectors.hex"
    path.write_text(vectors.expected_text(network, trace), "ascii")
    named = [(p.name, trace.v[p.name][0, 0].size, p.spiking) for p in network.populations]
    expected = hexfiles.read_expected(path, samples, steps, named)
    for p, read in zip(network.populations, expected, strict=True):
        assert (np.ravel(read.v) == trace.v[p.name].ravel()).all()
        if p.spiking:
            assert (np.ravel(read.spikes) == trace.spikes[p.name].ravel()).all()
    encoded = encode(network.input, inputs, network.timesteps).reshape(samples, steps, -1)
    top, neurons = network.input.span[1], encoded.shape[2]
    bits, beats = top.bit_length(), -(-neurons // simd)
    layout = {"input": {"simd": simd, "beats_per_timestep": beats}}
    path.write_text(vectors.input_text(network, inputs, layout))
    read = hexfiles.read_input(path, beats, simd * bits)
    assert read[:2] == (samples, steps)
    words = [word for row in read[2] for word in row]
    values = [word >> (bits * k) & top for word in words for k in range(simd)]
    assert (np.reshape(values, (samples, steps, -1))[:, :, :neurons] == encoded).all()


def damages(text: str):
    """Every truncation, every line missing, doubled or changed, as (what, text)."""
    for n in range(len(text)):
        yield f"cut to {n} characters", text[:n]
    lines = text.splitlines(keepends=True)
    for k, line in enumerate(lines):
        yield f"line {k + 1} missing", "".join(lines[:k] + lines[k + 1 :])
        yield f"line {k + 1} twice", "".join([*lines[:k], line, *lines[k:]])
        for other in (line.upper(), "0" + line, line[:-1] + " 0\n", "-" + line, "é\n", "\n"):
            if other != line:
                yield f"line {k + 1} is {other!r}", "".join([*lines[:k], other, *lines[k + 1 :]])


def test_a_damaged_file_is_refused(tmp_path, hexfiles):
    network, path = tiny(), tmp_path / "x.hex"
    readers = {
        vectors.input_text(network, INPUTS, {"input": {"simd": 2, "beats_per_timestep": 2}}): (
            lambda: hexfiles.read_input(path, 2, 4)
        ),
        vectors.expected_text(network, reference.run(network, INPUTS)): (
            lambda: hexfiles.read_expected(path, 1, 2, [("a-b.c", 2, True), ("out", 1, False)])
        ),
    }
    for text, read in readers.items():
        path.write_text(text)
        read()
        count = 0
        for what, damaged in damages(text):
            path.write_bytes(damaged.encode("utf-8"))
            with pytest.raises(hexfiles.VectorError, match="^x.hex"):
                read()
                pytest.fail(f"accepted: {what}")
            count += 1
        assert count > 100
        path.unlink()
        with pytest.raises(hexfiles.VectorError, match="No such file"):
            read()


def test_other_counts_than_the_manifest_says_are_refused(tmp_path, hexfiles):
    path = tmp_path / "expected.hex"
    path.write_text(vectors.expected_text(tiny(), reference.run(tiny(), INPUTS)))
    right = [("a-b.c", 2, True), ("out", 1, False)]
    hexfiles.read_expected(path, 1, 2, right)
    for samples, steps, named in [
        (2, 2, right),
        (1, 1, right),
        (1, 2, right[:1]),
        (1, 2, [right[1], right[0]]),
        (1, 2, [("a-b.c", 3, True), right[1]]),
        (1, 2, [("a-b.c", 2, False), right[1]]),
    ]:
        with pytest.raises(hexfiles.VectorError):
            hexfiles.read_expected(path, samples, steps, named)


def test_samples_come_back(tmp_path, hexfiles):
    path = tmp_path / "sampled.hex"
    beats = {"o": [1, 2 << 80], "trace_0": []}
    hexfiles.write_sampled(path, 3, 4, 99, beats)
    found = vectors.read_sampled(path)
    assert (found.samples, found.timesteps, found.cycles, found.beats) == (3, 4, 99, beats)
    text = path.read_text()
    for damaged in (text[:-4], text.replace("beats 2", "beats 3"), text + "0\n", "", "é"):
        path.write_bytes(damaged.encode("utf-8"))
        with pytest.raises(ValueError, match="sampled.hex of the testbench is missing or damaged"):
            vectors.read_sampled(path)


def test_a_bundle_is_complete_and_swapped(tmp_path):
    folder = tmp_path / "rtl"
    network = tiny()
    manifest = vectors.write_bundle(network, folder, samples=7)
    names = {path.name for path in folder.iterdir()}
    assert {"network.v", "manifest.json", "input.hex", "expected.hex"} < names
    assert {"run.py", "test_network.py", "device.py", "hexfiles.py", "README.md"} < names
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    assert manifest["network_sha256"] == digest(network)
    text = (folder / "network.v").read_bytes()
    assert manifest["verilog_sha256"] == hashlib.sha256(text).hexdigest()
    assert "samples 7\n" in (folder / "input.hex").read_text()
    (folder / "old").touch()
    vectors.write_bundle(network, folder)
    assert "samples 20\n" in (folder / "input.hex").read_text()
    assert not (folder / "old").exists() and list(tmp_path.iterdir()) == [folder]


def test_a_foreign_folder_is_left_alone(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in (("notes.txt", "keep"), ("manifest.json", '["of another program"]')):
        (folder / name).write_text(text)
        with pytest.raises(FileExistsError, match="holds no manifest.json of ours"):
            vectors.write_bundle(tiny(), folder)
    assert (folder / "notes.txt").read_text() == "keep"
    with pytest.raises(FileNotFoundError, match="create it first"):
        vectors.write_bundle(tiny(), tmp_path / "no" / "where")
    vectors.write_bundle(tiny(), folder, samples=1, force=True)
    assert not (folder / "notes.txt").exists()
    monkeypatch.setattr(vectors, "write_testbench", lambda folder: 1 / 0)
    before = (folder / "network.v").read_bytes()
    with pytest.raises(ZeroDivisionError):
        vectors.write_bundle(tiny(), folder, force=True)
    assert (folder / "network.v").read_bytes() == before and list(tmp_path.iterdir()) == [folder]


def test_a_manifest_is_read_strictly(tmp_path):
    network = tiny()
    manifest = vectors.write_bundle(network, tmp_path / "rtl", samples=1)
    path = tmp_path / "rtl" / "manifest.json"
    assert vectors.read_manifest(path.parent, network) == manifest

    def changed(*keys, value):
        copy = json.loads(json.dumps(manifest))
        inner = copy
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        return json.dumps(copy)

    older = {k: v for k, v in manifest.items() if not k.endswith("sha256")} | {"format": 1}
    path.write_text(json.dumps(older))
    assert vectors.read_manifest(path.parent, network) == older
    for text, sentence in [
        ("", "is damaged"),
        ("[]", "is damaged"),
        (json.dumps(older | {"format": 2}), "is damaged (KeyError: 'network_sha256')"),
        (changed("network_sha256", value="0" * 64), "is of another network: its Verilog was"),
        (changed("network_sha256", value=None), "is of another network: its Verilog was"),
        (changed("format", value=3), "has format 3; this program reads 1 and 2"),
        (changed("timesteps", value=1), "is of 1 timesteps; the network runs 2"),
        (changed("timesteps", value="2"), "sizes and cycles must be positive integers"),
        (changed("latency", value=-1), "sizes and cycles must be positive integers"),
        (changed("populations", 0, "name", value="b"), "describes another network"),
        (changed("input", "bits", value=1), "an input word is not simd values of its bits"),
        (changed("input", "simd", value=0), "sizes and cycles must be positive"),
        (changed("verilog", value="../network.v"), "verilog must name a file of this folder"),
        (changed("clock", value=None), "must be strings"),
        (changed("output", "payload", "v", value=[900, 4]), "'v' of a payload lies outside of it"),
        (changed("populations", 1, "payload", value={}), "is damaged"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match="manifest.json") as error:
            vectors.read_manifest(path.parent, network)
        assert sentence in str(error.value) and "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(ValueError, match="holds no manifest.json: write it with 'verilog'"):
        vectors.read_manifest(path.parent, network)


def test_flags_out_of_order_break_the_protocol() -> None:
    population = {"neurons": 2, "name": "a"}
    fields = {"index": [0, 1], "first": [1, 1], "last": [2, 1], "spike": [3, 1], "v": [4, 3]}
    sound = np.array([[0b1110010], [0b0011111], [0b0000000], [0b1111101]], np.uint32)
    spikes, v = beats.neurons(sound, population, fields, 1, 2)
    assert spikes.tolist() == [[[False, True], [False, True]]]
    assert v.tolist() == [[[-1, 1], [0, -1]]]
    for flag in (1, 2, 4):
        wrong = sound.copy()
        wrong[2] ^= flag
        with pytest.raises(ProtocolError, match="sent a wrong '.*' flag at sample 0, timestep 1"):
            beats.neurons(wrong, population, fields, 1, 2)

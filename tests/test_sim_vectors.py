"""Vectors beside the Verilog: exact text, strict readers, folders that are swapped whole."""

import hashlib
import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import runs

import hdl
from hdl.verilog import emit
from mapping import (
    Connection,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
)
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


def layout(network: Network, **options) -> dict:
    """Return the manifest of a network."""
    return emit(network, **options).manifest


def test_text_by_hand():
    head = "spikexact input 2\nsamples 1\ntimesteps 2\n"
    for options, text in [
        ({}, "blocks 2\nbeats 2\nfirst 2\nwidth 4\n9 3\n0 0\nend\n"),
        # of a block of two timesteps, each word comes for both, then the next
        ({"block": 2}, "blocks 1\nbeats 4\nfirst 4\nwidth 4\n9 0 3 0\nend\n"),
        ({"block": 2, "parallel": 2}, "blocks 1\nbeats 2\nfirst 2\nwidth 8\n09 03\nend\n"),
    ]:
        manifest = layout(tiny(), pe=2, simd=2, **options)
        assert vectors.input_text(tiny(), INPUTS, manifest) == head + text
    # a sample of one timestep is filled up with zeros to a block of two
    manifest = layout(tiny(), pe=2, simd=2, block=2)
    assert vectors.input_text(tiny(), INPUTS[:, :1], manifest) == (
        "spikexact input 2\nsamples 1\ntimesteps 1\nblocks 1\nbeats 4\nfirst 4\nwidth 4\n"
        "9 0 3 0\nend\n"
    )
    # v: 12 and -4, then (12 fired, so 0) 0 and -2; out: -1 * 1 + -1 = -2, then -3
    assert vectors.expected_text(tiny(), reference.run(tiny(), INPUTS)) == (
        "spikexact expected 2\nsamples 1\ntimesteps 2\npopulations 2\n"
        "population a-b.c\nneurons 2\nspiking 1\nwidth 6\n1 0c 3c\n0 00 3e\n"
        "population out\nneurons 1\nspiking 0\nwidth 3\n- 6\n- 5\nend\n"
    )


@settings(max_examples=40)
@given(runs(), st.integers(1, 9), st.data())
def test_what_is_written_is_read(tmp_path_factory, hexfiles, drawn, simd, draw):
    network, inputs = drawn
    trace = reference.run(network, inputs)
    samples, steps = trace.v[network.populations[0].name].shape[:2]
    path = tmp_path_factory.mktemp("vectors") / "vectors.hex"
    path.write_text(vectors.expected_text(network, trace), "ascii")
    named = [(p.name, trace.v[p.name][0, 0].size, p.spiking) for p in network.populations]
    expected = hexfiles.read_expected(path, samples, steps, named)
    for p, read in zip(network.populations, expected, strict=True):
        order = beats.MAPS if len(network.shapes[p.name]) == 3 else ""
        assert (np.ravel(read.v) == beats.streamed(trace.v[p.name], order).ravel()).all()
        if p.spiking:
            sent = beats.streamed(trace.spikes[p.name], order)
            assert (np.ravel(read.spikes) == sent.ravel()).all()
    block = draw.draw(st.integers(1, network.timesteps))
    manifest = cut(network, simd, block)
    path.write_text(vectors.input_text(network, inputs, manifest))
    stream = manifest["input"]
    sizes = stream["beats_per_block"], stream["beats_of_first_block"]
    found = hexfiles.read_input(path, *sizes, stream["beat_bits"])
    assert found[:2] == (samples, steps)
    encoded = encode(network.input, inputs, network.timesteps).reshape(samples, steps, -1)
    if stream["constant"]:
        encoded = encoded[:, :1]
    got = unpacked(found[3], samples, stream)
    ends = got.shape[1]
    assert (got[:, :steps] == encoded).all() and not got[:, steps:].any()
    assert ends == encoded.shape[1] or ends == beats.whole(steps, manifest)


def cut(network: Network, simd: int, block: int) -> dict:
    """Return what a manifest says of the input, in blocks of so many timesteps."""
    constant = network.input.coding == "direct"
    first = (network.timesteps - 1) % block + 1
    words = -(-int(np.prod(network.input.shape)) // simd)
    bits = network.input.span[1].bit_length()
    here = (1, 1) if constant else (block, first)
    return {
        "timesteps": network.timesteps, "block": block, "block_first": first,
        "input": {
            "shape": network.input.shape, "order": "as the shape", "constant": constant,
            "simd": simd, "words": words,
            "bits": bits, "parallel": 1, "beat_bits": simd * bits,
            "beats_per_block": words * here[0], "beats_of_first_block": words * here[1],
        },
    }  # fmt: skip


def unpacked(blocks: list[list[int]], samples: int, stream: dict) -> np.ndarray:
    """Return inputs (samples, timesteps, elements) of the words of input.hex, block by block."""
    simd, words, bits, elements = (stream[k] for k in ("simd", "words", "bits", "shape"))
    out = [[] for _ in range(samples)]
    for k, block in enumerate(blocks):
        together = len(block) // words  # timesteps, as parallel is 1
        values = np.zeros((together, words * simd), np.int64)
        for at, word in enumerate(block):
            w, t = divmod(at, together)
            for j in range(simd):
                values[t, w * simd + j] = word >> (bits * j) & ((1 << bits) - 1)
        out[k * samples // len(blocks)].append(values[:, : int(np.prod(elements))])
    return np.stack([np.concatenate(sample) for sample in out])


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
        vectors.input_text(network, INPUTS, layout(network, pe=2, simd=2)): (
            lambda: hexfiles.read_input(path, 2, 2, 4)
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
    streams = {"o": (("data", "last"), [(1, 0), (2 << 80, 1)]), "trace_0": (("v",), [])}
    hexfiles.write_sampled(path, 3, 4, 99, streams)
    found = vectors.read_sampled(path)
    assert (found.samples, found.timesteps, found.cycles) == (3, 4, 99)
    assert found.beats == {"o": {"data": [1, 2 << 80], "last": [0, 1]}, "trace_0": {"v": []}}
    text = path.read_text()
    for damaged in (text[:-4], text.replace("beats 2", "beats 3"), text + "0\n", "", "é",
                    text.replace("data last", "data"), text.replace("trace_0", "o")):  # fmt: skip
        path.write_bytes(damaged.encode("utf-8"))
        with pytest.raises(ValueError, match="sampled.hex of the testbench is missing or damaged"):
            vectors.read_sampled(path)


def test_a_bundle_is_complete_and_swapped(tmp_path):
    folder = tmp_path / "rtl"
    network = tiny()
    manifest = vectors.write_bundle(network, folder, samples=7)
    names = {path.name for path in folder.iterdir()}
    assert {"network.v", "manifest.json", "input.hex", "expected.hex"} < names
    assert {"run.py", "test_network.py", "device.py", "hexfiles.py", "driver.py"} < names
    assert {"protocol.py", "malformed.py", "TESTBENCH.md", "README.md"} < names
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

    one, two = manifest["populations"]
    for text, sentence in [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ("[" * 100_000, "is damaged"),
        (json.dumps({k: v for k, v in manifest.items() if k != "network_sha256"}), "is damaged"),
        (changed("network_sha256", value="0" * 64), "is of another network: its Verilog was"),
        (changed("network_sha256", value=None), "is of another network: its Verilog was"),
        (changed("format", value=2), "has format 2; this program reads 3: write it anew with"),
        (changed("format", value=4), "has format 4; this program reads 3"),
        (changed("timesteps", value=1), "is of 1 timesteps; the network runs 2"),
        (changed("timesteps", value="2"), "timesteps must be an integer of 1 or more"),
        (changed("timesteps", value=True), "timesteps must be an integer of 1 or more"),
        (changed("block", value=0), "block must be an integer of 1 or more"),
        (changed("block", value=3), "block and block_first do not cut 2 timesteps"),
        (changed("block_first", value=2), "block and block_first do not cut 2 timesteps"),
        (changed("latency", value=-1), "latency must be an integer of 1 or more"),
        (changed("cycles_are", value="few"), "cycles_are must be 'exact' or 'at most'"),
        (changed("settles", value=-1), "settles must be an integer of 0 or more"),
        (changed("cycles_per_sample", value=1 << 40), "cycles_per_sample must be an integer"),
        (changed("populations", 0, "name", value="b"), "describes another network"),
        (changed("populations", 0, "name", value="out"), "a name stands twice among"),
        (changed("populations", 0, "trace", value="trace_1"), "a name stands twice among"),
        (changed("populations", 0, "trace", value="a b"), "must be a name of letters"),
        (changed("populations", 0, "tile", value=1), "lanes or tile do not divide the neurons"),
        (changed("populations", 0, "lanes", value=3), "lanes or tile do not divide the neurons"),
        (changed("populations", 0, "lanes", value=2), "the ports of 'a-b.c' are not those of"),
        (changed("populations", 0, "neurons", value=3), "do not fill its shape"),
        (changed("populations", 0, "v_bits", value=65), "membranes of 'a-b.c' are too wide"),
        (changed("populations", 0, "ports", "v", value=900), "the ports of 'a-b.c' are not"),
        (changed("populations", 1, "ports", value={}), "the ports of 'out' are not"),
        (changed("populations", 1, "spiking", value=1), "spiking must be a bool"),
        (changed("populations", value=[one]), "the output is of 'out', which is no population"),
        (changed("populations", value=[two, one]), "describes another network"),
        (changed("input", "bits", value=1), "an input beat is not simd values of its bits"),
        (changed("input", "simd", value=0), "simd must be an integer of 1 or more"),
        (changed("input", "words", value=9), "the words of the input do not hold its shape"),
        (changed("input", "shape", value=[3, -1]), "a shape's size must be an integer"),
        (changed("input", "parallel", value=2), "timesteps of a beat must divide those of a"),
        (changed("input", "constant", value=True), "must be constant where it is coded directly"),
        (changed("input", "beats_per_block", value=9), "stream 'i' has 1 beats a block, 1 at"),
        (changed("output", "population", value="a-b.c"), "the output's values or bits are not"),
        (changed("output", "values", value="spikes"), "the output's values or bits are not"),
        (changed("output", "lanes", value=2), "the output's lanes, tile or beat_bits are not"),
        (changed("output", "beats_of_first_block", value=4), "stream 'o' has 1 beats a block"),
        (changed("verilog", value="../network.v"), "must name a file of this folder"),
        (changed("files", value={"../x": ""}), "must name a file of this folder"),
        (changed("files", value=["x"]), "files must be a dict"),
        (changed("errors", value=[1]), "errors must be names"),
        (changed("clock", value=None), "clock must be a name of letters, digits and _"),
        (changed("top", value="network; x"), "top must be a name of letters, digits and _"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match="manifest.json") as error:
            vectors.read_manifest(path.parent, network)
        assert sentence in str(error.value) and "\n" not in str(error.value), str(error.value)
    path.unlink()
    with pytest.raises(ValueError, match="holds no manifest.json: write it with 'verilog'"):
        vectors.read_manifest(path.parent, network)


def test_the_wrapper_in_a_manifest_is_read_strictly(tmp_path):
    network = tiny()
    manifest = vectors.write_bundle(network, tmp_path / "rtl", samples=1, axis_bytes=1)
    path = tmp_path / "rtl" / "manifest.json"
    for change, says in (
        (lambda axis: axis.update(verilog="../x.v"), "must name a file of this folder"),
        (lambda axis: axis.update(clock="a b"), "clock of the wrapper must be a name"),
        (
            lambda axis: axis["input"].update(transfers=7),
            "transfers of 's_axis' do not hold a beat",
        ),
        (lambda axis: axis["output"].update(bytes=0), "bytes must be an integer of 1 or more"),
        (lambda axis: axis["registers"]["words"][1].update(address=0), "share an address"),
        (lambda axis: axis["registers"]["words"][1].update(address=3), "or stand within a word"),
    ):
        copy = json.loads(json.dumps(manifest))
        change(copy["axis"])
        path.write_text(json.dumps(copy))
        with pytest.raises(ValueError, match=re.escape(says)):
            vectors.read_manifest(path.parent, network)


@pytest.mark.parametrize("loadable", [False, True])
def test_every_field_of_a_manifest_that_is_missing_or_of_another_type_is_a_sentence(
    tmp_path, loadable
):
    from hdl.loading import planned

    network = tiny()
    manifest = vectors.write_bundle(network, tmp_path / "rtl", samples=1, loadable=loadable)
    path = tmp_path / "rtl" / "manifest.json"
    count = 0

    def places(value, where=()):
        yield where
        if isinstance(value, (dict, list)):
            # Registers are of one form: two of them are enough.
            many = value[:2] if where[:1] == ("axis",) and isinstance(value, list) else value
            for key, one in many.items() if isinstance(many, dict) else enumerate(many):
                yield from places(one, (*where, key))

    for where in list(places(manifest))[1:]:
        for other in (None, [], {}, "x", -1, 1.5, [[]]):
            copy = json.loads(json.dumps(manifest))
            inner = copy
            for key in where[:-1]:
                inner = inner[key]
            inner[where[-1]] = other
            path.write_text(json.dumps(copy))
            try:
                read = vectors.read_manifest(path.parent, network)
                if loadable and where[0] != "axis":
                    planned(read["loading"], network)
            except ValueError as error:
                assert "\n" not in str(error) and "manifest.json" in str(error)
                count += 1
    assert count > 300


def test_beats_out_of_order_break_the_protocol() -> None:
    network = tiny()
    manifest = layout(network, pe=2, simd=2)
    population = manifest["populations"][0]
    ports = {
        name: np.array(column, np.uint32)[:, None]
        for name, column in {
            "index": [0, 1, 0, 1],
            "starts": [1, 1, 0, 0],
            "v": [12, 60, 0, 62],
            "spike": [1, 0, 0, 0],
        }.items()
    }
    [(spikes, v)] = beats.neurons(ports, population, [2], manifest)
    assert spikes.tolist() == [[True, False], [False, False]]
    assert v.tolist() == [[12, -4], [0, -2]]
    for name in ("index", "starts"):
        wrong = {**ports, name: ports[name] ^ np.array([[0], [0], [1], [0]], np.uint32)}
        with pytest.raises(ProtocolError, match=f"sent a wrong '{name}' in beat 2 of its trace"):
            beats.neurons(wrong, population, [2], manifest)
    with pytest.raises(ProtocolError, match="'a-b.c' sent 4 beats, not 8"):
        beats.neurons(ports, population, [2, 2], manifest)


@pytest.fixture(scope="module")
def protocol():
    yield load("protocol")
    sys.modules.pop("protocol")


def sample(protocol, number: int, flags: str) -> list:
    """Return beats of a sample: ``f`` first, ``l`` last, ``b`` both, ``.`` neither."""
    return [protocol.Beat(0, flag in "fb", flag in "lb", number, k) for k, flag in enumerate(flags)]


@pytest.mark.parametrize(
    ("sent", "errors", "runs"),
    [  # blocks of two beats, the first of one; at most three; a run: blocks, sound, ended
        (["f...l"], "", [(3, 3, True)]),
        (["b", "f.l", "f...l"], "", [(1, 1, True), (2, 2, True), (3, 3, True)]),
        (["f.", "f...l"], "cut", [(1, 1, False), (3, 3, True)]),
        (["f..", "f...l"], "cut", [(2, 2, False), (3, 3, True)]),
        (["fl", "f...l"], "short", [(1, 1, False), (3, 3, True)]),
        (["f....", "..", "f...l"], "long", [(3, 3, True), (3, 3, True)]),
        (["f...l", ".", "f...l"], "stray", [(3, 3, True), (3, 3, True)]),
        (["....l", "f...l"], "stray", [(3, 3, True)]),
        (["f.ll", "f...l"], "stray", [(2, 2, True), (3, 3, True)]),
        (["f", "...l", "f...l"], "", [(3, 1, True), (3, 3, True)]),
        (["f.", "f", "."], "cut", [(1, 1, False), (1, 1, False)]),
    ],
)
def test_the_rules_of_the_input_stream(protocol, sent, errors, runs):
    rules = protocol.Rules(2, 1, 3)
    for number, flags in enumerate(sent):
        for beat in sample(protocol, number, flags):
            rules.take(beat)
    assert rules.errors == set(errors.split())
    assert [(run.blocks, run.sound, run.ended) for run in rules.runs] == runs

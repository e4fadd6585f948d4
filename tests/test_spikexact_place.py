"""``spikexact place`` and ``spikexact nir``: what they print, write and refuse, and the report."""

from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import needs
import numpy as np
import pytest
from loihi_nets import drawn, mlp, residual
from test_spikexact_json import problems, undocumented
from test_spikexact_report import Tags

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, load, save
from sim.campaign.generate.trained_all_kinds import draw_trained_whole
from spikexact.cli import status
from spikexact.report import schema
from spikexact.report.placement import placed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    network = residual()
    save(network, "network.safetensors")
    np.save("x.npy", drawn(network, 3, 0).astype(np.uint8))
    return tmp_path


def told(line: str, capsys: pytest.CaptureFixture) -> dict:
    assert status([*line.split(), "--json"]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert problems(out, line) == [] and undocumented(out) == set()
    return json.loads(out)


def test_place_by_data(folder: Path, capsys: pytest.CaptureFixture) -> None:
    found = told("place network.safetensors --data x.npy -o place.json", capsys)
    assert found == json.loads(Path("place.json").read_text())
    assert found["measured"] and found["broken"] == [] and found["chip"] == "loihi1"
    assert found == told("place network.safetensors --data x.npy", capsys)  # the same again
    assert sum(row["neurons"] for row in found["populations"]) == 12 * 81 * 2 + 300 + 48 + 12 + 10
    assert {one["profile"] for one in found["estimates"]} == {"davies2018", "sanafe-nahuku"}
    for one in found["estimates"]:
        assert one["energy_pj"] > 0 and len(one["timestep_ns"]) == 5
        assert sum(row["pj"] for row in one["cores"]) == pytest.approx(one["energy_pj"])


def test_links_carry_every_packet_as_far_as_it_goes(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    save(mlp(hidden=256), "wide.safetensors")
    found = told("place wide.safetensors", capsys)
    ways = sum(row["spike_hops"] for row in found["layers"])
    assert ways == pytest.approx(found["spike_hops"]) and ways > 0
    assert sum(link[4] for link in found["links"]) == pytest.approx(ways)


def test_place_as_text(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert status("place network.safetensors --chip loihi2".split()) == 0
    out = capsys.readouterr().out
    assert "cores of loihi2" in out and "not checked" in out and "rules broken: 0" in out
    assert "energy and time: none for loihi2" in out
    assert status("place network.safetensors --data x.npy".split()) == 0
    assert "sanafe-nahuku" in capsys.readouterr().out


MISUSES = {
    "place network.safetensors --chip loihi3": "chip must be one of 'loihi1', 'loihi2'",
    "place nothing.safetensors": "nothing.safetensors does not exist",
    "place cut.safetensors": "cut.safetensors is not a safetensors file, or is truncated",
    "place network.safetensors --data no.npy": "no.npy does not exist",
    "place network.safetensors --data y.npy": "y.npy has shape (2, 5, 3), and must have",
    "place network.safetensors --data two.npy": "two.npy holds values 2..3",
    "place network.safetensors --data nan.npy": "nan.npy holds float64",
    "place network.safetensors --data none.npy": "none.npy has shape (0,",
    "place network.safetensors --data x.npy --samples 0": "'--samples'",
    "place network.safetensors --seed -1": "'--seed'",
    "place network.safetensors -o network.safetensors": "is read by this command",
    "place network.safetensors -o gone/place.json": "gone does not exist",
    "place trained.safetensors": "trained.safetensors holds a TrainedNetwork",
    "place late.safetensors": "'late' has a delay of 63 timesteps; a synapse of loihi1 has",
    "place wide.safetensors": "population 'wide' does not fit loihi1: one neuron alone "
    "needs 6400 axons_in, and a core has 4096; of loihi2 no such limit is published",
    "nir x.nir -o y.safetensors": "x.nir",
}


@pytest.mark.parametrize("line", MISUSES)
def test_a_misuse_is_one_sentence(folder: Path, line: str, capsys: pytest.CaptureFixture) -> None:
    if line.startswith("nir"):
        needs.package("h5py")
    misused(np.load("x.npy"))
    before = sorted(folder.iterdir())
    assert status(line.split()) == 2
    captured = capsys.readouterr()
    assert MISUSES[line] in captured.err and captured.err.count("\n") == 1
    assert captured.out == "" and sorted(folder.iterdir()) == before


def misused(inputs: np.ndarray) -> None:
    """Write what the misuses name: inputs that do not fit, networks that no core holds."""
    for name, array in (
        ("y", np.zeros((2, 5, 3), np.uint8)),
        ("two", inputs + 2),
        ("nan", np.full(inputs.shape, np.nan)),
        ("none", inputs[:0]),
    ):
        np.save(f"{name}.npy", array)
    Path("cut.safetensors").write_bytes(Path("network.safetensors").read_bytes()[:300])
    save(draw_trained_whole(0), "trained.safetensors")
    save(one_neuron("late", (4,), delay=63), "late.safetensors")
    save(one_neuron("wide", (1, 80, 80)), "wide.safetensors")


def one_neuron(name: str, shape: tuple[int, ...], delay: int = 0) -> Network:
    """Return one neuron that reads every input."""
    edge = Connection("input", Dense(np.ones((1, math.prod(shape)), np.int8)), delay=delay)
    only = Population(name, (edge,), Neuron(threshold=1))
    return Network(Input(shape), (only,), Readout(name), 70)


def test_a_network_goes_to_nir_and_comes_back(folder: Path, capsys: pytest.CaptureFixture) -> None:
    needs.package("nir")
    there = told("nir network.safetensors -o net.nir", capsys)
    back = told("nir net.nir -o again.safetensors", capsys)
    assert there["network_sha256"] == back["network_sha256"]
    assert load("again.safetensors") == load("network.safetensors")


def test_the_report_shows_the_mesh(folder: Path, capsys: pytest.CaptureFixture) -> None:
    needs.package("matplotlib")
    told("place network.safetensors --data x.npy -o place.json", capsys)
    assert status(["report", "."]) == 0
    page = Tags(Path("report.html").read_text(encoding="utf-8"))
    assert "Placement on neurocores" in page.heads and "placement-mesh" in page.figures
    facts = json.loads(Path("report.json").read_text())
    jsonschema.validate(facts, schema())
    assert facts["placement"]["chip"] == "loihi1" and facts["placement"]["broken"] == []
    assert len(facts["placement"]["populations"]) == 6
    drawn = placed(json.loads(Path("place.json").read_text())).tiles
    assert {name for held in drawn.values() for name in held} == {
        row["population"] for row in facts["placement"]["populations"]
    }


def test_a_placement_of_another_network_is_foreign(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    save(mlp(), "other.safetensors")
    told("place other.safetensors -o place.json", capsys)
    assert status(["report", "."]) == 0
    facts = json.loads(Path("report.json").read_text())
    assert facts["status"] == "foreign" and facts["placement"] is None
    assert facts["findings"][0]["file"] == "place.json"


def test_a_broken_rule_heads_the_report(folder: Path, capsys: pytest.CaptureFixture) -> None:
    found = told("place network.safetensors -o place.json", capsys)
    found["broken"] = ["core 0: compartments is 2000; loihi1 has 1024"]
    Path("place.json").write_text(json.dumps(found))
    assert status(["report", "."]) == 0
    facts = json.loads(Path("report.json").read_text())
    assert facts["status"] == "failed" and "breaks 1 rules" in facts["headline"]
    del found["cores"]
    Path("place.json").write_text(json.dumps(found))
    assert status(["report", "."]) == 2
    assert "place.json is damaged" in capsys.readouterr().err

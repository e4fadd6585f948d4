"""Verification: the matrix, its counts, chunks, and everything that must not read OK."""

import json
import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.capabilities import Takes
from mapping.coding import digest as inputs_digest
from mapping.files import digest
from sim import vectors, written
from sim.backends import reference
from sim.backends.row import Backend
from sim.backends.rows import BACKENDS
from sim.campaign.stimuli import stimuli
from sim.compare import Count
from sim.tools import MissingTool, ProtocolError
from sim.trace import Trace
from sim.verify import chunk_samples, threshold_hits, verify


def network(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    first, second = (rng.choice([-1, 1], shape).astype(np.int8) for shape in ((6, 9), (4, 6)))
    lif = Neuron(num=1, q=1, threshold=8)
    return Network(
        timesteps=3,
        input=Input((9,)),
        populations=(
            Population("hidden", (Connection("input", Dense(first), gain=4, bias=3),), lif),
            Population("out", (Connection("hidden", Dense(second), gain=4),), Neuron()),
        ),
        readout=Readout("out", "membrane"),
    )


@pytest.fixture
def fake(monkeypatch):
    """Add a backend ``fake`` that passes the reference's Trace through ``change``."""

    def add(change):
        module = types.ModuleType("fake_backend_of_a_test")
        calls = []

        def run(network, inputs, record=("spikes", "v")):
            calls.append(len(inputs))
            return change(replace(reference.run(network, inputs), backend="fake"), len(calls))

        module.run = run
        monkeypatch.setitem(sys.modules, module.__name__, module)
        row = Backend("fake", "of a test", module.__name__, Takes("fake"))
        monkeypatch.setitem(BACKENDS, "fake", row)
        return calls

    return add


def test_agreement_is_counted(fake):
    net = network()
    fake(lambda trace, call: trace)
    found = verify(net, stimuli(net, 20), ["reference", "fake"])
    assert found.ok and found.divergence is None and found.problems == []
    assert list(found.checks) == ["fake"]
    cells = found.checks["fake"].cells
    assert cells["hidden"].spikes == cells["hidden"].v == Count(20 * 3 * 6)
    assert cells["out"].spikes is None and cells["out"].v == Count(20 * 3 * 4)
    assert found.compared == 20 * 3 * (6 + 6 + 4) and found.mismatches == 0
    assert found.threshold_hits > 0


@pytest.mark.parametrize("memory", [1, 3 * 10 * 3 * 9 * 7, 1 << 28])
def test_divergence_keeps_its_sample_in_any_chunk(fake, memory):
    net = network()
    inputs = stimuli(net, 20)
    size = chunk_samples(net, 3, memory)

    def change(trace: Trace, call: int) -> Trace:
        if (call - 1) * size <= 13 < call * size:
            trace.v["hidden"][13 - (call - 1) * size, 2, 5] += 1
        return trace

    calls = fake(change)
    found = verify(net, inputs, ["fake"], memory=memory)
    assert sum(calls) == 20 and max(calls) <= size
    first = found.divergence
    assert (first.sample, first.timestep, first.population, first.neuron) == (13, 2, "hidden", (5,))
    assert first.what == "v" and first.actual[1] == first.expected[1] + 1
    assert not found.ok and found.mismatches == 1
    assert "sample 13, timestep 2, population 'hidden', neuron 5" in found.problems[0]


def test_what_is_not_given_reads_not_compared(fake):
    net = network()
    fake(lambda trace, call: replace(trace, v={}))
    found = verify(net, stimuli(net, 5), ["fake"])
    assert found.ok and found.compared == 5 * 3 * 6
    assert str(found.checks["fake"].cells["out"].v) == "not compared"
    fake(lambda trace, call: replace(trace, v={}, spikes={}))
    found = verify(net, stimuli(net, 5), ["fake"])
    assert not found.ok and found.problems == ["fake: nothing was compared with reference"]


def test_the_reference_alone_proves_nothing():
    net = network()
    found = verify(net, stimuli(net, 5), ["reference"])
    assert not found.ok and found.compared == 0
    assert found.problems == ["nothing was compared: no backend besides reference"]


def test_a_broken_protocol_is_a_failed_check(fake):
    def change(trace: Trace, call: int) -> Trace:
        if call == 2:
            raise ProtocolError("no beat\nfor 9 cycles")
        return trace

    net = network()
    calls = fake(change)
    memory = 3 * 10 * 3 * 9 * 2
    found = verify(net, stimuli(net, 20), ["fake"], memory=memory)
    assert calls == [2, 2] and not found.ok
    assert found.problems == ["fake: no beat for 9 cycles"]
    assert found.checks["fake"].samples == 2


def test_json_and_progress(fake):
    net = network()
    fake(lambda trace, call: trace)
    seen = []
    found = verify(net, stimuli(net, 4), ["fake"], memory=1, progress=lambda *a: seen.append(a))
    assert seen[0] == ("reference", 0, 4) and seen[-1] == ("fake", 4, 4)
    value = json.loads(json.dumps(written.document([written.entry(found, title="four", seed=0)])))
    assert value["format"] == 2 and value["ok"] is True
    (one,) = value["checks"]
    assert (one["title"], one["seed"], one["about"], one["reference"]) == (
        "four", 0, None, "reference"
    )  # fmt: skip
    assert one["network_sha256"] == digest(net) and one["verilog_sha256"] is None
    assert one["inputs_sha256"] == inputs_digest(stimuli(net, 4))
    (backend,) = one["backends"]
    assert backend["name"] == "fake" and backend["populations"][1] == {
        "name": "out",
        "spikes": None,
        "v": {"compared": 4 * 3 * 4, "mismatches": 0},
    }
    assert written.document([]) == {"format": 2, "ok": False, "checks": [], "left_out": []}
    fake(lambda trace, call: replace(trace, v={n: v + 1 for n, v in trace.v.items()}))
    bad = verify(net, stimuli(net, 4), ["fake"])
    value = json.loads(json.dumps(written.document([one, written.entry(bad)])))
    assert [value["ok"], *(check["ok"] for check in value["checks"])] == [False, True, False]
    one = value["checks"][1]
    assert one["backends"][0]["divergence"]["text"] in one["problems"][0]


def test_errors_are_sentences(fake):
    net = network()
    inputs = stimuli(net, 4)
    with pytest.raises(ValueError, match="backend must be one of reference, fast"):
        verify(net, inputs, ["fats"])
    with pytest.raises(
        ValueError,
        match="Verilog in a folder is read by rtl, cocotb, netlist-ecp5, netlist-ice40 only",
    ):
        verify(net, inputs, ["fast"], rtl="somewhere")
    with pytest.raises(ValueError, match="inputs must have shape"):
        verify(net, inputs[:, :, :5], ["fast"])
    with pytest.raises(ValueError, match="options are for one of"):
        verify(net, inputs, ["fast"], options={"fats": {}})

    def change(trace: Trace, call: int) -> Trace:
        raise MissingTool("it needs a tool")

    fake(change)
    with pytest.raises(MissingTool, match="it needs a tool"):
        verify(net, inputs, ["fake"])


def test_verilog_of_another_network_is_refused_before_anything_runs(fake, tmp_path):
    """Of the same ports: else it would end in a first divergence that explains nothing."""
    net, other = network(), network(1)
    vectors.write_bundle(other, tmp_path / "rtl", samples=1)
    calls = fake(lambda trace, call: trace)
    with pytest.raises(ValueError, match=f"written from {digest(other)[:12]}, this network is"):
        verify(net, stimuli(net, 4), ["fake", "rtl"], rtl=tmp_path / "rtl")
    assert calls == []
    (tmp_path / "rtl" / "network.v").unlink()
    with pytest.raises(ValueError, match="holds no readable 'network.v'"):
        verify(other, stimuli(other, 4), ["fake", "rtl"], rtl=tmp_path / "rtl")


def test_threshold_hits_counts_by_channel():
    net = network()
    trace = reference.run(net, stimuli(net, 20))
    assert threshold_hits(trace) == int((trace.v["hidden"] == 8).sum()) > 0
    v = trace.v["hidden"]
    thresholds = v[-1, 0]  # of its own for each channel
    assert len(set(thresholds.tolist())) > 1
    other = replace(trace, thresholds={**trace.thresholds, "hidden": thresholds})
    assert threshold_hits(other) == int((v == thresholds).sum())

"""Size, operations and energy, against counts made by hand and by other means."""

# ruff: noqa: E402  (torch is looked for before what imports it)
from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import needs
import numpy as np
import pytest

needs.package("torch")
import torch
from torch.nn import functional

import mapping
import mapping.cost
import mapping.real
from mapping import Input
from mapping.cost import CONSTANTS, lines, storage, totals
from training import ops
from training.cost import cost, count, flows
from training.export import export
from training.graph import SpikingNetwork
from training.methods import style_of
from training.networks import NETWORKS
from training.size import size
from training.style import Builder, Style, out_shape
from training.weights import Bipolar

pytestmark = pytest.mark.torch
ROOT = Path(__file__).resolve().parent.parent
ENDS = {"first": "float", "last": "float", "downsample": "float"}


def resnet19(method: str, **style: str) -> SpikingNetwork:
    enter = Input((3, 32, 32), bits=8, coding="direct", unit=1 / 255)
    return NETWORKS["resnet19"](enter, 100, 2, style_of(method, "resnet19", **style))


def test_resnet19_has_the_papers_sizes() -> None:
    gated = size(resnet19("agmm", **ENDS))
    assert gated.total_bytes == 2_464_656 and gated.parameters == 12_615_396
    assert gated.gates == 16 * 2 * 32  # one alpha a timestep, apart
    assert gated.one_bit == 12_386_304 and gated.scales == 0
    assert size(resnet19("ste", **ENDS)).total_bytes == 2_464_656
    assert size(resnet19("ste", **ENDS | {"last": "8bit"})).total_bytes == 2_310_756
    full = size(resnet19("fp"))
    assert (full.parameters, full.total_bytes) == (12_615_396, 50_461_584)


def test_what_resnet19_computes_follows_from_its_structure() -> None:
    model = resnet19("agmm", **ENDS)
    shapes = Builder(model.enter, 2, Style()).shapes
    for p in model.populations:
        shapes[p.name] = out_shape(p.connections[0].op, shapes[p.connections[0].source])
    silent = {n: np.zeros((1 if n == "input" else 2, *s)) for n, s in shapes.items()}
    rows = count(model, silent)
    first = rows[0]
    assert first.padded == 32 * 32 * 27 * 128
    assert first.dense == first.macs == 94**2 * 3 * 128 and first.every == 2 * first.macs
    down = [w for w in rows if w.what == "conv 1x1"]
    assert [w.padded for w in down] == [256 * 128 * 256, 512 * 256 * 64]
    spiking = [w for w in rows if w.what == "conv 3x3" and w.reads == "spikes"]
    assert sum(w.padded for w in spiking) == 2_264_924_160
    sums = totals(rows)
    assert sums["sops"] == 0
    assert sums["macs_of_gates"] == 2 * (6 * 128 * 1024 + 6 * 256 * 256 + 4 * 512 * 64)
    assert sums["macs_of_average_pools"] == 2 * 512
    assert sums["normed_values"] == 2 * 1_540_096
    assert sums["dense_operations_of_real_weights"] == 2 * sum(w.dense for w in down)
    pooled = rows[-1]
    assert (pooled.reads, pooled.every) == ("values", 2 * 51_200)


def hand() -> tuple[SpikingNetwork, torch.Tensor]:
    """Return conv 3x3 -> LIF, beside a skip, -> mean pool -> dense, and two samples of spikes."""
    b = Builder(Input((1, 3, 3)), 2, Style(norm=False, last="8bit", gates=True))
    first = b.lif("a", b.conv("input", 1))
    second = b.lif("b", b.conv(first, 1, gate=True), b.skip(first))
    model = b.finish(b.pool("pool", second, 3), 2)
    for p in model.populations[:2]:
        p.connections[0].op.weight.data.fill_(2.0)  # +1 at a scale of 2: any spike fires
    x = torch.zeros(2, 2, 1, 3, 3)
    x[0, 0, 0, 0, 0] = 1  # a corner: 4 windows
    x[0, 1, 0, 1, 1] = 1  # the middle: 9
    x[1, 1, 0, 0, 1] = 1  # an edge: 6
    return model, x


def test_a_network_counted_by_hand() -> None:
    model, x = hand()
    found = flows(model, [x[:1], x[1:]])
    a, b, skip, pool, out = count(model, found)
    assert a.sops == (4 / 2, (9 + 6) / 2)
    assert (a.dense, a.padded, a.reads, a.bits) == (49, 81, "spikes", 1)
    # a fires at every place that a spike reaches: 2x2, then 3x3; of the second sample 2x3
    fired = found["a"] * 2
    corner, edge = np.zeros((3, 3)), np.zeros((3, 3))
    corner[:2, :2], edge[:2] = 1, 1
    assert (fired[0, 0] == corner).all()
    assert (fired[1, 0] == 1 + edge).all()
    windows = np.array([[4, 6, 4], [6, 9, 6], [4, 6, 4]])
    assert b.sops == ((4 + 6 + 6 + 9) / 2, (49 + windows[:2].sum()) / 2)
    assert skip.sops == (4 / 2, (9 + 6) / 2) and skip.what == "skip"
    assert (b.gated, skip.gated, a.gated) == (2 * 9, 0, 0)
    spikes = float((found["b"] * 2).sum())
    assert sum(pool.sops) * 2 == spikes and pool.scaled == 2 and pool.macs == 0
    assert (out.reads, out.macs, out.every, sum(out.sops)) == ("values", 4, 4, 0)
    sums = totals([a, b, skip, pool, out])
    assert sums["macs"] == 18 + 2 + 4
    assert sums["sops"] == pytest.approx(sum(sum(w.sops) for w in (a, b, skip, pool)))
    assert a.rate == pytest.approx(3 / 36) and out.rate is None


def test_a_direct_coded_layer_is_counted_once_and_at_every_timestep() -> None:
    b = Builder(Input((5,), bits=8, coding="direct"), 4, Style())
    model = b.finish(b.lif("a", b.dense("input", 3, "8bit")), 2)
    first, out = count(model, flows(model, [torch.full((2, 5), 255)]))
    assert (first.macs, first.every, first.reads) == (15, 60, "values")
    assert out.reads == "spikes" and len(out.sops) == 4


def test_streams_and_max_pools() -> None:
    """A stream is values; the maximum of spikes is spikes, and costs no accumulate."""
    enter = Input((1, 4, 4))
    b = Builder(enter, 2, Style(norm=False))
    source = b.pool("max", b.lif("a", b.conv("input", 1)), 2, "max")
    model = b.finish(b.lif("c", b.skip(b.stream("s", b.conv(source, 1)))), 2)
    a, most, s, c, out = count(model, flows(model, [torch.ones(1, 2, 1, 4, 4)]))
    assert sum(most.sops) == most.dense == 0
    assert s.reads == "spikes" and c.reads == "values" and c.macs == 0
    assert out.reads == "spikes"


@pytest.mark.parametrize(
    ("size_", "stride", "padding", "groups"),
    [(3, 1, 1, 1), (3, 2, 1, 2), (1, 2, 0, 1), (7, 2, 3, 1)],
)
def test_accumulates_equal_a_convolution_of_ones(
    size_: int, stride: int, padding: int, groups: int
) -> None:
    torch.manual_seed(0)
    op = ops.Conv(4, 6, size_, Bipolar(), stride, padding, groups)
    spikes = (torch.rand(1, 4, 9, 11) < 0.3).double()
    touched = functional.conv2d(
        spikes, torch.ones(op.weight.shape).double(), None, stride, padding, 1, groups
    )
    counted = (spikes.numpy() * op.geometry().fan_out((4, 9, 11))).sum()
    assert counted == touched.sum()
    pool = ops.Pool(size_, stride, padding if size_ > 1 else 0)
    ones = torch.ones(4, 1, size_, size_).double()
    touched = functional.conv2d(spikes, ones, None, stride, pool.padding, 1, 4)
    counted = (spikes.numpy() * pool.geometry().fan_out((4, 9, 11))).sum()
    assert counted == touched.sum()


def test_energy_follows_the_constants() -> None:
    fitted, usual = CONSTANTS["fitted"], CONSTANTS["45 nm"]
    rows = [(0.028e9, 0.045e9, 0.064), (0.027e9, 0.056e9, 0.066), (0.027e9, 0.750e9, 0.330)]
    for macs, sops, published in rows:  # table 2 of the paper
        assert fitted.energy(macs, sops) == pytest.approx(published, abs=0.0006)
    assert [round(usual.energy(m, s), 3) for m, s, _ in rows] == [0.169, 0.175, 0.799]
    assert usual.energy(1e9, 0) == pytest.approx(4.6) and usual.energy(0, 1e9) == pytest.approx(0.9)


def test_cost_is_json_and_leaves_the_model_as_it_was() -> None:
    model, x = hand()
    model.train()
    found = json.loads(json.dumps(cost(model, [x])))
    assert model.training
    assert found["size_bytes"] == size(model).total_bytes
    k = found["energies"][0]
    assert (k["name"], k["pj_per_mac"], k["pj_per_sop"]) == ("45 nm", 4.6, 0.9)
    wanted = (found["macs"] * 4.6 + found["sops"] * 0.9) * 1e-9
    assert k["millijoules"] == pytest.approx(wanted)
    assert [w["into"] for w in found["layers"]] == ["a", "b", "b", "pool", "out"]
    assert found["firing_rates"][0] == {"name": "a", "rate": pytest.approx((4 + 9 + 6) / 36)}
    assert set(lines(found)) == {"SOPs a sample", "MACs a sample", "energy a sample, mJ"}
    with pytest.raises(ValueError, match="at least one sample"):
        cost(model, [])


def test_storage_of_a_folded_model() -> None:
    torch.manual_seed(0)
    enter = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
    model = NETWORKS["cnn"](enter, 10, 2, style_of("ste", "cnn"), width=4)
    network = mapping.fold(export(model.eval()))
    rows = storage(network)
    counted = size(model)
    assert sum(m.weights for m in rows) == counted.one_bit + counted.fixed
    for m in rows:
        p = network[m.population]
        lasts = p.neuron.num > 0
        state = math.prod(network.shapes[p.name]) * network.facts[p.name].state.bits
        assert m.membranes == lasts * state


@pytest.mark.parametrize("method", ["agmm", "ste"])
def test_what_is_exported_costs_what_the_model_does(method: str) -> None:
    """As a TrainedNetwork in float64; and folded, but for what a fold takes away."""
    torch.manual_seed(0)
    enter = Input((1, 8, 8), bits=5, coding="direct", unit=1 / 16)
    model = NETWORKS["cnn"](enter, 10, 2, style_of(method, "cnn"), width=4)
    model.populations[-1].connections[0].op.bias.data.fill_(0.25)
    value = export(model.eval())
    assert mapping.cost.size(value) == size(model)
    x = torch.randint(0, 32, (5, 1, 8, 8))
    inputs = x.numpy().astype(np.uint8)
    want = cost(model, [x.float()])
    trace = mapping.real.run(value, inputs)
    spikes = {name: trace.spikes[name].mean() for name in trace.spikes}
    found = mapping.cost.cost(value, inputs, trace)
    assert found["firing_rates"] == [
        {"name": n, "rate": pytest.approx(r)} for n, r in spikes.items()
    ]
    assert set(want) - set(found) == {"size_bytes", "size_bits"}
    same = [
        {**w, "sops": pytest.approx(w["sops"]), "rate": pytest.approx(w["rate"])}
        for w in want["layers"]
    ]
    assert found["layers"] == same
    assert found["macs"] == want["macs"] and found["sops"] == pytest.approx(want["sops"])


@pytest.mark.slow
def test_the_benchmark_runs_and_states_the_papers_sizes() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "cost.py"), "--quick", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    agmm, ste, fp = json.loads(ran.stdout)["methods"]
    assert agmm["size in MB"] == ste["size in MB"] == 2.464656
    assert fp["size in MB"] == pytest.approx(50.461584)
    assert agmm["firing rate that the published SOPs need"] == pytest.approx(0.0107, abs=1e-4)
    assert 0 < agmm["SOPs in G"] < ste["SOPs in G"]

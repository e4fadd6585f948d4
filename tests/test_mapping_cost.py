"""What a network costs, from the network and a run of it, without torch."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from strategies import runs
from strategies_trained import folds

from mapping import (
    Connection,
    Conv,
    Dense,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
    TrainedNetwork,
    fold,
    real,
    trained,
)
from mapping.coding import encode
from mapping.cost import Activity, cost, lines, size, storage, summary, totals
from mapping.cost.storage import table
from mapping.network import Gate
from sim import run


def test_storage_by_hand() -> None:
    w = np.ones((3, 4), np.int8)
    gate = Gate(np.array(1), np.array(0), 0, np.array([[0, 255], [3, 7]]))
    a = Connection("input", Dense(w), gain=8, bias=[1, -5, 3], gate=gate)
    b = Connection("a", Dense(3 * w[:2, :3], bits=4), delay=2)
    network = Network(
        Input((4,)),
        (
            Population("a", (a,), Neuron(1, 1, threshold=[40, 41, 300], v_reset=-1)),
            Population("b", (b,), Neuron(0, 0)),
        ),
        Readout("b", "membrane"),
        2,
    )
    first, second = storage(network)
    assert first.weights == 12
    assert first.gains == 5  # 8, once, with a sign
    assert first.biases == 3 * 4  # -5 needs four bits
    assert first.thresholds == 3 * 10 + 1  # 300 in ten bits; -1 in one
    assert first.gates == 4 * 9 + 2 + 1
    assert first.membranes == 3 * network.facts["a"].state.bits
    assert (second.weights, second.gains, second.biases, second.thresholds) == (24, 0, 0, 0)
    assert second.membranes == 0  # it forgets
    assert second.delays == 2 * 3
    assert first.parameters == 12 + 5 + 12 + 31 + 39 and second.state == 6
    at_zero = replace(network["a"], neuron=replace(network["a"].neuron, v_reset=np.zeros(3, int)))
    assert storage(replace(network, populations=(at_zero, network["b"])))[0].thresholds == 3 * 10
    assert table(np.zeros(4, int)) == 1 and table(np.zeros(4, int), 0) == 0
    assert summary(network) == {
        "weight_bits": 36,
        "parameter_bits": first.parameters + second.parameters,
        "state_bits": first.state + second.state,
    }


def test_size_by_hand() -> None:
    """One-bit weights with a norm, 8-bit ones with biases and a scale; a gate apart."""
    norm = trained.Norm(gamma=np.ones(3), beta=np.zeros(3), mean=np.zeros(3), var=np.ones(3))
    a = trained.Connection(
        "input", Dense(np.ones((3, 4), np.int8)), norm=norm, gate=trained.Gate(np.ones(2))
    )
    b = trained.Connection("a", Dense(np.ones((2, 3), int), bits=8), scale=0.5, bias=[1.0, 0.0])
    value = TrainedNetwork(
        Input((4,)),
        (
            trained.Population("a", (a,), trained.Neuron(threshold=1.0)),
            trained.Population("b", (b,), trained.Neuron()),
        ),
        Readout("b", "membrane"),
        2,
    )
    bits = size(value)
    assert (bits.one_bit, bits.fixed, bits.real) == (12, 48, 0)
    assert (bits.biases, bits.norms, bits.gates, bits.scales) == (16, 192, 64, 32)
    assert bits.parameters == 12 + 6 + 2 + 6 and bits.total_bytes == -(-(12 + 48 + 16 + 192) // 8)
    assert summary(value) == {"size_bytes": bits.total_bytes, "parameters": bits.parameters}


def touched(connection: Connection, source: np.ndarray) -> np.ndarray:
    """Return how many sums each timestep's non-zero values enter, (samples, T), by running them."""
    op = connection.op
    if op.bits:
        op = replace(op, weights=np.ones_like(op.weights), bits=1)
    flat = (source != 0).astype(np.int64).reshape(-1, *source.shape[2:])
    return op.apply(flat).reshape(*source.shape[:2], -1).sum(axis=2)


@given(runs())
def test_operations_of_a_network_are_those_of_its_run(drawn: tuple[Network, np.ndarray]) -> None:
    """SOPs: spikes pushed through weights of 1; MACs: ones pushed through them."""
    network, inputs = drawn
    trace = run(network, inputs)
    outs = {"input": encode(network.input, inputs, network.timesteps)}
    outs |= {p.name: trace.spikes[p.name] if p.spiking else trace.v[p.name]
             for p in network.populations}  # fmt: skip
    activity = Activity(network)
    for batch in (inputs[:1], inputs[1:]):
        if len(batch):
            activity.add(batch, run(network, batch))
    assert activity.samples == len(inputs)
    rows = iter(activity.work())
    for p in network.populations:
        for c in p.connections:
            row, source = next(rows), outs[c.source]
            steps = source.shape[1]
            assert row.reads == "values" or set(np.unique(source)) <= {0, 1}
            counts = np.zeros((len(inputs), steps))
            if row.reads == "spikes" and c.op.linear and c.delay < steps:
                counts[:, c.delay :] = touched(c, source[:, : steps - c.delay])
            np.testing.assert_allclose(row.sops, counts.mean(axis=0), rtol=1e-12)
            whole = touched(c, np.ones_like(source[:1, :1]))[0, 0] if c.op.linear else 0
            assert row.dense == whole
            once = c.source == "input" and network.input.coding == "direct"
            multiplies = row.reads == "values" and (c.op.bits or c.op.fan_in > 1)
            assert row.every == whole * steps * bool(multiplies)
            assert row.macs == (whole if once else whole * steps) * bool(multiplies)
            size = int(np.prod(network.shapes[p.name]))
            assert row.gated == (size * steps if c.gate is not None else 0)
            assert (row.scaled, row.normed) == (0, 0)
            assert (row.into, row.source) == (p.name, c.source)
    assert next(rows, None) is None


@given(folds())
def test_what_passes_spikes_on_gives_zeros_and_ones(drawn: tuple) -> None:
    value, _, inputs = drawn
    trace = real.run(value, inputs)
    rows = {w.source: w.reads for w in _counted(value, inputs, trace)}
    for name, reads in rows.items():
        if name != "input" and reads == "spikes":
            out = trace.spikes[name] if value[name].spiking else trace.u[name]
            assert set(np.unique(out)) <= {0, 1}


def _counted(value: TrainedNetwork, inputs: np.ndarray, trace: real.RealTrace) -> list:
    activity = Activity(value)
    activity.add(inputs, trace)
    return activity.work()


def test_a_join_of_spikes_is_no_spike() -> None:
    """It may be 2; the reader of one skip alone reads spikes."""
    skip = trained.Connection("input", Identity())
    for edges, reads in (((skip,), "spikes"), ((skip, skip), "values")):
        stream = trained.Population("s", edges, trained.Neuron(leak=0.0))
        out = trained.Connection("s", Dense(np.ones((1, 2), int)))
        value = TrainedNetwork(
            Input((2,)),
            (stream, trained.Population("out", (out,), trained.Neuron(threshold=1.0))),
            Readout("out"),
            1,
        )
        x = np.ones((1, 1, 2), int)
        assert _counted(value, x, real.run(value, x))[-1].reads == reads


def small() -> TrainedNetwork:
    """Return conv -> LIF -> max pool of its spikes -> dense, and a mean pool of them beside."""
    rng = np.random.default_rng(0)
    signs = rng.choice(np.array([-1, 1], np.int8), (2, 1, 3, 3))
    norm = trained.Norm(np.ones(2), np.zeros(2), np.zeros(2), np.ones(2), 0.0)
    out = Dense(rng.choice(np.array([-1, 1], np.int8), (3, 8)))
    still = trained.Neuron(leak=0.0)
    return TrainedNetwork(
        Input((1, 4, 4)),
        (
            trained.Population(
                "a",
                (trained.Connection("input", Conv(signs, padding=1), norm=norm),),
                trained.Neuron(leak=0.5, threshold=1.0),
            ),
            trained.Population("max", (trained.Connection("a", Pool(2, kind="max")),), still),
            trained.Population("mean", (trained.Connection("a", Pool(2), scale=0.25),), still),
            trained.Population(
                "out",
                (
                    trained.Connection("max", out),
                    trained.Connection("mean", out, delay=1),
                    trained.Connection("mean", Dense(out.weights * 3, bits=3)),
                ),
                trained.Neuron(),
            ),
        ),
        Readout("out", "membrane"),
        3,
    )


def test_a_trained_network_and_its_integers_cost_the_same() -> None:
    """But for norms and the factors of average pools, which the fold takes into thresholds."""
    value = small()
    network = fold(value)
    assert network.exact
    x = np.random.default_rng(1).integers(0, 2, (6, 3, 1, 4, 4))
    before, after = Activity(value), Activity(network)
    before.add(x, real.run(value, x))
    after.add(x, run(network, x))
    first, second = before.work(), after.work()
    pairs = [(replace(w, scaled=0, normed=0), v) for w, v in zip(first, second, strict=True)]
    assert all(a == b for a, b in pairs)
    assert [w.scaled for w in first] == [0, 0, 3 * 8, 0, 0, 0]
    assert [w.normed for w in first] == [3 * 32, 0, 0, 0, 0, 0]
    assert [w.reads for w in second] == ["spikes"] * 4 + ["values"] * 2
    assert [w.what for w in second] == ["conv 3x3", "pool", "pool", "dense", "dense", "dense"]
    assert [w.every for w in second] == [0, 0, 0, 0, 3 * 24, 3 * 24]
    assert sum(second[1].sops) == second[1].dense == 0  # an OR
    assert sum(second[3].sops) > 0
    told = json.loads(json.dumps(cost(network, x, run(network, x))))
    assert told["samples"] == 6 and told["timesteps"] == 3
    sums = totals(second)
    assert {k: told[k] for k in sums} == sums
    joules = (sums["macs"] * 4.6 + sums["sops"] * 0.9) * 1e-9
    assert told["energies"][0]["millijoules"] == pytest.approx(joules)
    rate = run(network, x).spikes["a"].mean()
    assert told["firing_rates"] == [{"name": "a", "rate": pytest.approx(rate)}]
    assert list(lines(told)) == ["SOPs a sample", "MACs a sample", "energy a sample, mJ"]


def test_a_skip_of_values_is_no_operation_and_of_spikes_an_accumulate() -> None:
    edges = Connection("input", Identity()), Connection("input", Dense(np.ones((2, 2), int)))
    x = np.array([[[1, 0], [3, 0]]])
    for bits, x_, sops in ((1, x > 0, [1.0, 1.0]), (2, x, [0.0, 0.0])):
        network = Network(
            Input((2,), bits), (Population("a", edges, Neuron()),), Readout("a", "membrane"), 2
        )
        activity = Activity(network)
        activity.add(x_, run(network, x_))
        skip, dense = activity.work()
        assert (list(skip.sops), skip.macs) == (sops, 0)
        assert dense.macs == (8 if bits == 2 else 0)


OTHER_SAMPLES = "the trace holds 6 samples of 3 timesteps of 'a', and the inputs 5 of 3"


@pytest.mark.parametrize(
    ("record", "inputs", "sentence"),
    [
        (("v",), slice(0, 6), "the trace holds no spikes of population 'a'"),
        (("spikes",), slice(0, 6), "the trace holds no membranes of population 'max'"),
        (("spikes", "v"), slice(0, 5), OTHER_SAMPLES),
    ],
)
def test_a_trace_that_does_not_fit_is_refused(
    record: tuple[str, ...], inputs: slice, sentence: str
) -> None:
    network = fold(small())
    x = np.random.default_rng(1).integers(0, 2, (6, 3, 1, 4, 4))
    with pytest.raises(ValueError, match=sentence):
        cost(network, x[inputs], run(network, x, record=record))


def test_no_sample_and_samples_of_other_lengths_are_refused() -> None:
    network = fold(small())
    activity = Activity(network)
    with pytest.raises(ValueError, match="at least one sample"):
        activity.to_json()
    x = np.ones((2, 3, 1, 4, 4), int)
    activity.add(x, run(network, x))
    with pytest.raises(ValueError, match="samples must have 3 timesteps each, not 2"):
        activity.add(x[:, :2], run(network, x[:, :2]))

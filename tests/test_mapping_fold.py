"""Fold: whole trained networks against the exact judge and the float64 run."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from judge import Judge

from mapping import (
    Cause,
    Dense,
    Identity,
    Input,
    Kind,
    Readout,
    TrainedNetwork,
    Unsupported,
    fold,
    real,
)
from mapping.trained import Connection, Neuron, Norm, Population
from sim import run


def draw(seed: int, steps: int = 4, leak: float = 0.5) -> TrainedNetwork:
    """Two spiking layers with batch norm and a membrane read-out under one scale."""
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.choice([5, 17, 40], 3)]

    def hidden(source: str, n: int, m: int) -> tuple[Connection]:
        norm = Norm(
            gamma=rng.normal(0.8, 0.6, m).astype(np.float32),
            beta=rng.normal(0, 0.3, m).astype(np.float32),
            mean=rng.normal(0, n**0.5 / 3, m).astype(np.float32),
            var=rng.uniform(0.3, 2, m).astype(np.float32) * n,
        )
        return (Connection(source, Dense(rng.choice([-1, 1], (m, n))), norm=norm),)

    out = Connection(
        "b",
        Dense(rng.choice([-1, 1], (4, sizes[2]))),
        scale=float(np.float32(rng.uniform(0.1, 1))),
        bias=rng.normal(0, 1, 4).astype(np.float32),
    )
    neuron = Neuron(leak=leak, threshold=0.5, compare=str(rng.choice([">", ">="])))
    return TrainedNetwork(
        Input((sizes[0],), bits=3, unit=0.125),
        (
            Population("a", hidden("input", sizes[0], sizes[1]), neuron),
            Population("b", hidden("a", sizes[1], sizes[2]), replace(neuron, v_reset=0.125)),
            Population("out", (out,), Neuron()),
        ),
        Readout("out", "membrane"),
        steps,
    )


@pytest.mark.parametrize("number", range(6))
def test_an_exact_network_fires_and_decides_as_the_judge(number: int) -> None:
    value = draw(number, 1 + number, [0.5, 0.75, 1.0][number % 3])
    network = fold(value)
    assert network.exact, str(network)
    rng = np.random.default_rng(number)
    x = rng.integers(0, 8, (25, value.timesteps, *value.input.shape))
    trace = run(network, x)
    sources = {"a": ("input", x), "b": ("a", trace.spikes["a"]), "out": ("b", trace.spikes["b"])}
    for name, (source, values) in sources.items():
        p = value[name]
        acc = values.astype(np.int64) @ p.connections[0].op.weights.T.astype(np.int64)
        unit = value.input.unit if source == "input" else 1.0
        judges = [Judge(p, i, unit) for i in range(acc.shape[2])]
        for sample in range(len(x)):
            for judge in judges:
                judge.start()
            for t in range(acc.shape[1]):
                fired = [j.step(int(acc[sample, t, i])) for i, j in enumerate(judges)]
                if p.spiking:
                    assert fired == trace.spikes[name][sample, t].tolist(), (name, sample, t)
            if not p.spiking:  # one root-free scale: the judges' x are in one common unit
                totals = [Fraction(j.x, j.unit) for j in judges]
                best = max(range(len(judges)), key=lambda i: (totals[i], -i))
                assert trace.classes[sample] == best


def test_float64_agrees_on_networks_without_near_ties() -> None:
    for number in range(4):
        value = draw(100 + number)
        x = np.random.default_rng(number).integers(0, 8, (50, 4, *value.input.shape))
        want, got = real.run(value, x), run(fold(value), x)
        for name in want.spikes:
            near = np.abs(want.u[name] - 0.5) < 1e-9
            assert (want.spikes[name] == got.spikes[name])[~near].all()
        assert (want.classes == got.classes).mean() > 0.99


def test_fewer_timesteps_and_more() -> None:
    value = draw(1)
    for steps in (1, 2, 9):
        network = fold(value, timesteps=steps)
        assert network.timesteps == steps and network.exact
    with pytest.raises(ValueError, match="timesteps must be between 1 and 65536, not 0"):
        fold(value, timesteps=0)


def test_a_leak_that_is_not_dyadic_is_snapped_and_says_so() -> None:
    network = fold(draw(2, 2, leak=0.9))
    certificate = network["a"].certificate
    assert not certificate.exact and not network.exact
    assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.LEAK)
    assert certificate.reason == "leak 0.9 is not dyadic: snapped to 115/128"
    assert (network["a"].neuron.num, network["a"].neuron.q) == (115, 7)


def test_at_one_timestep_any_leak_is_exact() -> None:
    value = draw(3, 1, leak=0.9)
    a = value["a"]
    value = replace(
        value,
        populations=(replace(a, neuron=replace(a.neuron, v_init=0.3)), *value.populations[1:]),
    )
    assert fold(value).exact


def test_classes_with_different_scales_are_bounded_and_say_so() -> None:
    value = draw(4)
    out = value["out"]
    connection = replace(out.connections[0], scale=np.array([0.5, 0.25, 0.3, 0.7]))
    value = replace(
        value, populations=(*value.populations[:2], replace(out, connections=(connection,)))
    )
    certificate = fold(value)["out"].certificate
    assert not certificate.exact
    assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.SCALES)
    x = np.random.default_rng(0).integers(0, 8, (200, 4, *value.input.shape))
    assert (run(fold(value), x).classes == real.run(value, x).classes).mean() > 0.98


def test_bounded_for_want_of_width_still_runs() -> None:
    network = fold(draw(5, 16, leak=15 / 16))
    certificate = network["a"].certificate
    assert not certificate.exact and certificate.cause is Cause.WIDTH
    x = np.random.default_rng(0).integers(0, 8, (10, 16, *network.input.shape))
    want = real.run(draw(5, 16, leak=15 / 16), x)
    assert (run(network, x).spikes["a"] == want.spikes["a"]).mean() > 0.99


def test_gamma_of_both_signs_and_zero() -> None:
    """A negative gamma flips weights, a zero one leaves the bias alone to fire."""
    norm = Norm(gamma=[1, -1, 0, 0], beta=[0, 0, 1, -1], mean=0, var=1, eps=0)
    op = Dense(np.ones((4, 2)))
    value = TrainedNetwork(
        Input((2,)),
        (Population("a", (Connection("input", op, norm=norm),), Neuron(threshold=1)),),
        Readout("a"),
        2,
    )
    network = fold(value)
    assert network.exact
    assert network["a"].connections[0].op.weights.tolist() == [[1, 1], [-1, -1], [1, 1], [1, 1]]
    x = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 1]]])
    want = real.run(value, x).spikes["a"]
    assert (run(network, x).spikes["a"] == want).all()
    assert want[:, 0].tolist() == [[True, False, True, False], [False, False, True, False]]


def alone(neuron: Neuron, steps: int, kind: str = "count", **fields: object) -> TrainedNetwork:
    """Return one population of four channels that reads six spikes."""
    weights = np.random.default_rng(0).choice([-1, 1], (4, 6))
    p = Population("a", (Connection("input", Dense(weights), **fields),), neuron)
    return TrainedNetwork(Input((6,)), (p,), Readout("a", kind), steps)


def test_where_no_data_arrives_a_long_lattice_is_bounded_and_runs() -> None:
    norm = Norm(gamma=0, beta=0.6, mean=0, var=1)
    for reset in ("zero", "subtract"):
        value = alone(Neuron(leak=255 / 256, threshold=1, reset=reset), 10, norm=norm)
        network = fold(value)
        assert network["a"].certificate.cause is Cause.WIDTH
        x = np.zeros((1, 10, 6), int)
        assert (run(network, x).spikes["a"] == real.run(value, x).spikes["a"]).all()


def test_a_membrane_held_elsewhere_than_at_rest_does_not_prove_an_order() -> None:
    neuron = Neuron(leak=0.5, threshold=2, reset="none", max_spikes=1)
    assert fold(alone(neuron, 4, "membrane")).exact
    for held in (replace(neuron, v_reset=-3), replace(neuron, v_rest=-1, v_init=-1)):
        certificate = fold(alone(held, 4, "membrane"))["a"].certificate
        assert (certificate.kind, certificate.cause) == (Kind.SPIKES, Cause.ORDER)
        assert fold(alone(held, 4)).exact


def test_a_delayed_subtract_with_leak_0_is_refused() -> None:
    neuron = Neuron(leak=0, threshold=1, reset="subtract", reset_delay=1)
    with pytest.raises(Unsupported, match="population 'a': a delayed subtract reset with leak 0"):
        fold(alone(neuron, 2))
    assert fold(alone(neuron, 1)).exact


def test_a_stream_of_biases_far_above_its_scales_keeps_its_bound() -> None:
    scale, bias = [1e-10, 1.1e-10, 1.37e-10, 1e-10], [1, 0, 1e-9, -0.3]
    value = alone(Neuron(leak=0), 4, scale=scale, bias=bias)
    reader = Neuron(leak=0.5, threshold=[0.9, 1.6e-10, 1.7e-9, 0.1])
    b = Population("b", (Connection("a", Identity()),), reader)
    value = replace(value, populations=(*value.populations, b), readout=Readout("b"))
    network = fold(value)
    x = np.random.default_rng(1).integers(0, 2, (50, 4, 6))
    trace, want = run(network, x), real.run(value, x)
    certificate = network["a"].certificate
    assert np.abs(trace.v["a"] * certificate.unit - want.u["a"]).max() <= certificate.bound
    assert (trace.spikes["b"] == want.spikes["b"]).all()


def test_only_a_trained_network_is_folded() -> None:
    with pytest.raises(TypeError, match="fold needs a TrainedNetwork"):
        fold(fold(draw(0)))


def test_folding_is_quick_enough_for_wide_layers() -> None:
    """A 784-1000 layer at T = 8 folds, and every channel is certified."""
    rng = np.random.default_rng(0)
    norm = Norm(rng.normal(1, 0.3, 1000), rng.normal(0, 1, 1000), rng.normal(0, 9, 1000), 300.0)
    op = Dense(rng.choice([-1, 1], (1000, 784)))
    neuron = Neuron(leak=0.5, threshold=1.0)
    p = Population("a", (Connection("input", op, norm=norm),), neuron)
    assert fold(TrainedNetwork(Input((784,)), (p,), Readout("a"), 8)).exact

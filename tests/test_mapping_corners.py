"""Corners of the fold: every option of a trained network with any other, against the judge."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from judge_campaign import judged
from judge_network import judge
from strategies_trained import folds

from mapping import (
    Cause,
    Connection,
    Dense,
    Identity,
    Input,
    Kind,
    Network,
    Neuron,
    Population,
    Readout,
    TrainedNetwork,
    fold,
    real,
    trained,
)
from mapping.certificate.neurons import Proof, TrainedNeurons
from mapping.coding import encode
from mapping.folding import gate, lattice
from sim import run
from sim.campaign.generate.corners import draw_corner


def alone(
    neuron: trained.Neuron, steps: int, fan: int = 6, kind: str = "count", **fields: object
) -> TrainedNetwork:
    """Return one population of four channels that reads spikes."""
    weights = np.random.default_rng(0).choice([-1, 1], (4, fan))
    edge = trained.Connection("input", Dense(weights), **fields)
    p = trained.Population("a", (edge,), neuron)
    return TrainedNetwork(Input((fan,)), (p,), Readout("a", kind), steps)


def check(value: TrainedNetwork, samples: int = 20) -> Network:
    """Fold, judge random and full inputs, and return the folded network."""
    network = fold(value)
    rng = np.random.default_rng(0)
    steps = (value.timesteps,) if value.input.coding == "steps" else ()
    x = rng.integers(0, value.input.top + 1, (samples, *steps, *value.input.shape))
    x[0], x[1] = 0, value.input.top
    found = judge(value, network, encode(value.input, x, value.timesteps), run(network, x))
    assert not found["wrong"], found["problems"]
    assert found["populations"] + found["bounded"]
    return network


@settings(max_examples=150)
@given(folds())
def test_what_is_folded_does_as_trained(drawn: tuple[TrainedNetwork, Network, np.ndarray]) -> None:
    """In exact arithmetic: spikes, values, orders and classes of exact ones, bounds of others."""
    value, network, x = drawn
    steps = encode(network.input, x, network.timesteps)
    found = judge(value, network, steps, run(network, x))
    assert not found["wrong"], found["problems"]


@pytest.mark.slow
def test_forty_networks_of_odd_corners(seed: int) -> None:
    first = 1_000_003 * seed + 700_000
    total = judged(range(first, first + 40), samples=3, kind="corners")
    print(total)
    assert total["exact"] > 20 and total["bounded"] > 20 and total["ties"] > 20


@pytest.mark.parametrize("compare", [">", ">="])
@pytest.mark.parametrize("leak", [0.9, 0.5])
def test_a_drive_on_the_threshold_fires_as_its_compare_says(leak: float, compare: str) -> None:
    """The root of a variance of 16 is rational, and acc = 2 meets the threshold exactly."""
    norm = trained.Norm(gamma=1.0, beta=0.0, mean=0.0, var=16.0, eps=0.0)
    neuron = trained.Neuron(leak=leak, threshold=0.5, compare=compare)
    value = alone(neuron, 3, norm=norm)
    value = replace(value, input=replace(value.input, coding="direct"))
    network = check(value)
    assert network.exact
    x = np.array(list(np.ndindex(*[2] * value.input.shape[0])))
    acc = x @ value["a"].connections[0].op.weights.T.astype(np.int64)
    fires = acc > 2 if compare == ">" else acc >= 2
    assert (acc == 2).any()
    np.testing.assert_array_equal(run(network, x).spikes["a"][:, 0], fires)


@pytest.mark.parametrize(
    ("leak", "threshold", "bias", "scale", "steps"),
    [(0.3, 1.85, 0.11, 0.45, 3), (0.7, 1.69, -0.5, 0.52, 4), (0.7, 1.81, 0.43, 0.25, 3)],
)
def test_a_constant_drive_just_below_its_threshold_stays_silent(
    leak: float, threshold: float, bias: float, scale: float, steps: int
) -> None:
    """With the fewest bits that seem to do, the last silent membrane is the first that fires."""
    value = alone(trained.Neuron(leak=leak, threshold=threshold), steps, scale=scale, bias=bias)
    value = replace(value, input=replace(value.input, coding="direct", bits=2))
    assert check(value, samples=60).exact


@pytest.mark.parametrize(
    ("leak", "threshold", "bias", "scale", "steps", "v_reset", "v_init"),
    [
        (0.3, 0.87, -0.11, 0.54, 3, -0.27, 0.12),
        (0.9, 1.55, 0.21, 0.56, 3, -0.39, 0.23),
        (0.3, 1.95, -0.49, 0.53, 4, 0.48, 0.46),
    ],
)
def test_a_constant_drive_is_proved_from_where_membranes_start(
    leak: float, threshold: float, bias: float, scale: float, steps: int, v_reset: float,
    v_init: float,
) -> None:  # fmt: skip
    """In these, one leak less of the start makes another breakpoint."""
    neuron = trained.Neuron(leak=leak, threshold=threshold, v_reset=v_reset, v_init=v_init)
    value = alone(neuron, steps, scale=scale, bias=bias)
    value = replace(value, input=replace(value.input, coding="direct", bits=2))
    assert check(value, samples=60).exact


@pytest.mark.parametrize("compare", [">", ">="])
def test_a_rounded_threshold_is_the_first_membrane_that_reaches_it(compare: str) -> None:
    """Of scales of 1/4 and 1/8 the threshold is a whole number of units."""
    neuron = trained.Neuron(leak=0.9, threshold=0.5, compare=compare)
    network = check(alone(neuron, 3, scale=[0.25, 0.3, 0.125, 0.7]))
    assert network["a"].certificate.kind is Kind.ROUNDED
    units = map(Fraction, network["a"].certificate.unit)
    for first, unit in zip(network["a"].neuron.threshold.tolist(), units, strict=True):
        reaches = [
            v * unit > Fraction(1, 2) if compare == ">" else v * unit >= Fraction(1, 2)
            for v in (first - 1, first)
        ]
        assert reaches == [False, True], unit


@pytest.mark.parametrize(("budget", "few"), [("ENTRIES", 8), ("MEAN_BITS", 3)])
@pytest.mark.parametrize("per_channel", [False, True])
def test_a_coarse_gate_keeps_its_bound(
    monkeypatch: pytest.MonkeyPatch, budget: str, few: int, per_channel: bool
) -> None:
    """With few bins, or few bits of its mean, what they lose is more than a factor's rounding."""
    monkeypatch.setattr(gate, budget, few)
    sigmoid = trained.Gate(np.full(3, 4.0), per_channel)
    neuron = trained.Neuron(leak=0.0, v_rest=0.0)
    value = alone(neuron, 3, scale=[0.9, 0.31, 0.17, 0.53], bias=[0.2, 0, -0.1, 0], gate=sigmoid)
    bound = check(value, samples=200)["a"].certificate.bound
    assert 0.01 < bound < 3


def test_a_neuron_of_gain_0_has_no_unit_and_no_place_in_an_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such is what a search finds of one that fires by its bias alone; its scale is free."""
    norm = trained.Norm(gamma=1.0, beta=0.0, mean=0.0, var=2.0, eps=0.0)
    value = alone(trained.Neuron(leak=0.5, threshold=1.0), 3, kind="membrane", norm=norm)
    assert fold(value).exact
    certify = lattice.certify

    def silenced(neurons: TrainedNeurons) -> Proof:
        proof = certify(neurons)
        *others, last = proof.integers
        return proof._replace(integers=[*others, replace(last, gain=0)])

    monkeypatch.setattr(lattice, "certify", silenced)
    certificate = fold(value)["a"].certificate
    assert (certificate.unit > 0).tolist() == [True, True, True, False]
    assert certificate.cause is Cause.ORDER


@pytest.mark.parametrize("threshold", [0.7, 1.3, -0.4])
def test_a_gated_neuron_fires_at_the_first_sum_that_reaches_its_threshold(threshold: float) -> None:
    """Of one timestep every sum is met."""
    norm = trained.Norm(gamma=1.0, beta=0.1, mean=0.0, var=2.0, eps=0.0)
    factor = trained.Gate([1.0], constant=[0.75])
    neuron = trained.Neuron(leak=0.5, threshold=threshold)
    certificate = check(alone(neuron, 1, norm=norm, gate=factor), samples=300)["a"].certificate
    assert certificate.exact and certificate.kind is Kind.TABLE


def test_every_option_is_drawn() -> None:
    seen = set()
    for k in range(250):
        value = draw_corner(k)
        seen |= {value.input.coding, f"T {value.timesteps}", f"read {value.readout.kind}"}
        seen |= {f"fallback {value.readout.fallback}", f"step {value.readout.step is not None}"}
        readers = [c.source for p in value.populations for c in p.connections]
        for p in value.populations:
            n = p.neuron
            seen |= {f"leak {n.leak}", f"joins {len(p.connections)}"}
            if not p.spiking:
                seen |= {"stream", f"readers {readers.count(p.name)}"}
                continue
            seen |= {n.compare, f"{n.reset} {n.reset_delay}", f"max_spikes {n.max_spikes}"}
            seen |= {f"refractory {n.refractory}", f"fire_by {n.fire_by is not None}"}
            seen |= {f"rest {n.v_rest != 0}", f"init {n.v_init != n.v_reset}"}
            seen |= {"start beyond"} if (n.v_init > n.threshold).any() else set()
            seen |= {"negative"} if (n.threshold < 0).any() else set()
            seen |= {"zero"} if (n.threshold == 0).any() else set()
            for c in p.connections:
                seen |= {"back"} if c.source == p.name else set()
                seen |= {f"delay {min(c.delay, 1)}", f"bits {c.op.bits}"}
                seen |= {f"pool {c.op.kind}"} if hasattr(c.op, "kind") else set()
                if c.norm is not None:
                    seen |= {f"gamma {s}" for s in np.sign(c.norm.gamma).astype(int)}
                if c.gate is not None:
                    seen |= {f"gate {c.gate.constant is None} {c.gate.per_channel}"}
    wanted = {"steps", "direct", "latency", "stream", "negative", "zero", "start beyond", "back"}
    wanted |= {f"T {t}" for t in range(1, 9)} | {f"leak {x}" for x in (0.0, 0.25, 0.75, 1.0, 0.9)}
    wanted |= {f"read {kind}" for kind in ("count", "membrane", "first_spike")}
    wanted |= {"fallback membrane", "step True", ">", ">="} | {f"joins {k}" for k in (1, 2, 3)}
    wanted |= {f"{r} {d}" for r in ("zero", "subtract", "none") for d in (0, 1)}
    wanted |= {f"max_spikes {k}" for k in (None, 1, 2, 3)} | {f"refractory {k}" for k in range(4)}
    wanted |= {f"{what} {yes}" for what in ("fire_by", "rest", "init") for yes in (True, False)}
    wanted |= {"delay 1", "pool max", "pool sum"} | {f"bits {b}" for b in (1, 2, 4, 8)}
    wanted |= {f"gamma {s}" for s in (-1, 0, 1)} | {f"readers {k}" for k in (1, 2)}
    wanted |= {f"gate {a} {b}" for a in (True, False) for b in (True, False)}
    assert wanted <= seen, wanted - seen


@pytest.mark.parametrize(
    ("leak", "steps", "drives"), [(0.3, 2, (13, 10)), (0.6, 3, (9, 5))], ids=["unlike", "one gain"]
)
def test_breakpoints_of_constant_inputs_prove_no_order_of_membranes(
    leak: float, steps: int, drives: tuple[int, int]
) -> None:
    """13 of a neuron that has just fired, 10 * 1.3 of one that has not: a leak of 0.3 decides.

    With a leak of 0.6 both channels have one gain and no bias, and nothing else forbids an order.
    """
    p = trained.Population(
        "a",
        (trained.Connection("input", Dense(np.array([[1, 0], [0, 1]]), 2)),),
        trained.Neuron(leak=leak, threshold=[13, 30]),
    )
    value = TrainedNetwork(Input((2,), 5, "direct"), (p,), Readout("a", "membrane"), steps)
    network = fold(value)
    x = np.array([drives])
    assert real.run(value, x).classes != run(network, x).classes
    certificate = network["a"].certificate
    assert (certificate.kind, certificate.cause) == (Kind.SPIKES, Cause.ORDER)
    assert fold(replace(value, readout=Readout("a"))).exact


def test_a_neuron_that_fires_by_its_bias_alone_has_no_place_in_an_order() -> None:
    """Its source is a stream that is never zero: its gain is 0, and its membrane always 0."""
    assert judged(range(1_001_016, 1_001_017), kind="corners")["networks"] == 1


def test_the_bound_counts_what_every_spike_takes_off_wrongly() -> None:
    neuron = trained.Neuron(threshold=-0.7, reset="subtract")
    value = alone(neuron, 8)
    (p,) = value.populations
    fine = replace(p.connections[0], scale=np.full(4, 1 / 512))
    value = replace(value, populations=(replace(p, connections=(*p.connections, fine)),))
    assert not check(value).exact


def test_the_bound_counts_what_spikes_add_to_a_membrane_that_leaks_otherwise() -> None:
    neuron = trained.Neuron(leak=0.9, threshold=-5, reset="subtract")
    assert not check(alone(neuron, 8, 1, scale=0.01)).exact


def test_one_timestep_has_no_leak_to_be_wrong_about() -> None:
    gate = trained.Gate([1.0], constant=[0.75])
    neuron = trained.Neuron(leak=0.9, threshold=1, v_init=0.5, reset="subtract")
    network = check(alone(neuron, 1, gate=gate, bias=0.1))
    assert network["a"].certificate.bound < 1e-3


def test_v_times_unit_is_the_membrane_in_every_channel() -> None:
    """Channels of large biases have fewer fractional bits."""
    neuron = trained.Neuron(leak=0.9, threshold=1, v_rest=0.25)
    bias = np.array([0, 0.1, 1e6, -1e9])
    value = alone(neuron, 3, scale=[1, 1e-3, 1e-3, 0.3], bias=bias)
    network = check(value)
    x = np.random.default_rng(0).integers(0, 2, (9, 3, 6))
    certificate, u = network["a"].certificate, real.run(value, x).u["a"] - 0.25
    assert not certificate.exact and len(set(certificate.unit.tolist())) == 4
    error = np.abs(run(network, x).v["a"] * certificate.unit - u)
    assert (error[:, 0] <= 1e-3 * np.maximum(1, np.abs(bias))).all()
    exact = alone(replace(neuron, leak=0.5, threshold=1e9, v_rest=0), 3, scale=0.3, bias=[0.1] * 4)
    network, want = check(exact), real.run(exact, x).u["a"]
    unit = network["a"].certificate.unit
    assert np.abs(run(network, x).v["a"] * unit - want).max() < 0.3


@pytest.mark.parametrize("rest", [1e30, -3e-30])
def test_a_stream_far_from_zero_at_rest_keeps_its_bound(rest: float) -> None:
    neuron = trained.Neuron(leak=0.5, v_rest=rest)
    network = check(alone(neuron, 4, scale=[0.1, 0.2, 1 / 3, 0]))
    assert 0 < network["a"].certificate.bound


def test_a_stream_of_nothing_but_small_biases_has_a_unit_for_them() -> None:
    value = alone(trained.Neuron(leak=0), 2, scale=0, bias=[1e-9, 1.7e-9, 0, -1e-12])
    assert check(value)["a"].certificate.bound < 1e-12


@pytest.mark.parametrize("reset", ["none", "subtract"])
@pytest.mark.parametrize("scale", [0.3, 0.0])
def test_a_neuron_is_held_where_the_trained_one_is(reset: str, scale: float) -> None:
    neuron = trained.Neuron(
        leak=0.5, threshold=0.2, reset=reset, v_reset=0.7, v_rest=0.1, max_spikes=1
    )
    value = alone(neuron, 4, scale=scale, bias=0.25)
    network = check(value)
    assert network.exact
    x = np.ones((1, 4, 6), int)
    trace, want = run(network, x), real.run(value, x)
    held = want.spikes["a"].cumsum(axis=1) - want.spikes["a"] > 0
    unit = network["a"].certificate.unit
    assert held.any()
    assert (np.abs(trace.v["a"] * unit - 0.6 * (unit > 0))[held] <= unit.max()).all()
    assert (trace.v["a"] >= network["a"].neuron.threshold)[held].all()


@pytest.mark.parametrize(("scale", "kind", "proved"), [
    (0.75, "membrane", Kind.CLASSES),
    (0.0, "membrane", Kind.WHOLE),
    (0.75, "count", None),  # numbers, not their order: no unit holds them
    (0.0, "count", Kind.WHOLE),
])  # fmt: skip
def test_a_leaky_read_out_is_exact_until_it_is_too_wide(
    scale: float, kind: str, proved: Kind | None
) -> None:
    """255/256 over T timesteps takes 8 (T - 1) fractional bits, and 8 more for v * num.

    Of a membrane read-out the order of its classes is enough.
    """
    neuron = trained.Neuron(leak=255 / 256)
    for steps in (5, 6, 7, 8):
        certificate = check(alone(neuron, steps, kind=kind, scale=scale, bias=0.5))["a"].certificate
        if steps < 7 and proved is not None:
            assert certificate.exact and certificate.kind is proved
        else:
            assert (certificate.kind, certificate.cause) == (Kind.ROUNDED, Cause.WIDTH)
            assert 0 < certificate.bound < 0.05


@pytest.mark.parametrize("threshold", [None, 0.0])
@pytest.mark.parametrize("gate", [None, trained.Gate(np.ones(10), constant=np.full(10, 0.5))])
def test_what_is_always_zero_needs_no_bits(
    threshold: float | None, gate: trained.Gate | None
) -> None:
    """Ten leaks of 255/256 took 80 fractional bits, although there is nothing to round."""
    neuron = trained.Neuron(leak=255 / 256, threshold=threshold)
    network = check(alone(neuron, 10, scale=0.0, gate=gate))
    assert network.exact and network["a"].certificate.fraction_bits <= 8


def test_gains_beyond_machine_words_are_not_tried() -> None:
    """q(T-1) = 48 and 24 bits more would pass 62."""
    rng = np.random.default_rng(3)
    neuron = trained.Neuron(leak=255 / 256, threshold=rng.normal(size=4), v_init=0.3, v_reset=-0.1)
    value = alone(neuron, 7, scale=rng.normal(size=4), bias=rng.normal(size=4) * 1e-6)
    check(value)


def test_a_gate_of_offsets_far_above_its_slopes_keeps_its_bound() -> None:
    gate = trained.Gate(np.ones(3), per_channel=True)
    neuron = trained.Neuron(leak=0.5, threshold=1)
    check(alone(neuron, 3, scale=1e-20, bias=[1, 2, -1, 0], gate=gate))


def test_a_gated_sum_of_a_wide_stream_is_rounded_to_what_fits() -> None:
    """Gains, a source of 40 bits and a gate took 65 bits; leaky sums of large biases, 63."""
    for seed in (7000315, 7000853, 7001093):
        assert judged(range(seed, seed + 1), kind="corners")["networks"] == 1


def test_every_product_and_partial_sum_has_a_proven_width() -> None:
    def network(*edges: tuple[int, int]) -> Network:
        connections = tuple(Connection("input", Identity(), gain=g, bias=b) for g, b in edges)
        p = Population("a", connections, Neuron(num=0))
        return Network(Input((1,), 2), (p,), Readout("a"), 1)

    most = (1 << 61) - 1
    assert network((most // 3, 0), (1, -most)).facts
    with pytest.raises(ValueError, match="population 'a': gain . acc needs 63 bits"):
        _ = network((most // 2, -most)).facts
    with pytest.raises(ValueError, match="population 'a': drive needs 63 bits"):
        _ = network((most // 3, 0), (most // 3, 0), (1, -most)).facts

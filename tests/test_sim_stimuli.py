"""Stimuli: what they hold, that they repeat, and that they find the faults random ones miss."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.coding import check
from sim.backends import reference
from sim.campaign.generate.dense import draw_network
from sim.campaign.stimuli import directed_inputs, random_inputs, stimuli, threshold_hits


def signs(rng: np.random.Generator, out: int, fan: int) -> np.ndarray:
    return rng.choice(np.array([-1, 1], np.int8), (out, fan))


def digits_like(coding: str = "direct", bits: int = 5) -> Network:
    """Return a 64-128-10 whose thresholds are multiples of its gains."""
    rng = np.random.default_rng(0)
    hidden = Population(
        "hidden",
        (Connection("input", Dense(signs(rng, 128, 64)), gain=16, bias=16),),
        Neuron(1, 1, threshold=rng.integers(10, 100 if bits == 5 else 20, 128) * 16),
    )
    out = Population(
        "out",
        (Connection("hidden", Dense(signs(rng, 10, 128)), gain=16),),
        Neuron(1, 1, threshold=32),
    )
    return Network(Input((64,), bits, coding), (hidden, out), Readout("out"), 4)


def met(network: Network, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return, per spiking population, the neurons whose v was exactly at the threshold."""
    trace = reference.run(network, inputs)
    return {
        p.name: (trace.v[p.name] == p.neuron.threshold).any(axis=(0, 1))
        for p in network.populations
        if p.spiking
    }


@pytest.mark.parametrize("case", range(12))
@pytest.mark.parametrize("samples", [1, 2, 3, 4, pytest.param(20, marks=pytest.mark.slow)])
def test_stimuli_are_valid_repeatable_and_as_many_as_asked(case, samples):
    network = draw_network(case)
    inputs = stimuli(network, samples, seed=case)
    assert len(inputs) == samples
    assert np.array_equal(check(network.input, inputs, network.timesteps), inputs)
    assert np.array_equal(stimuli(network, samples, seed=case), inputs)
    if samples >= 4:
        assert (inputs[0] == 0).all() and (inputs[1] == network.input.top).all()
    if samples == 20 and inputs[0].size > 60:
        assert not np.array_equal(stimuli(network, samples, seed=case + 1), inputs)
        assert not np.array_equal(inputs[2:7], stimuli(network, samples, seed=case + 1)[2:7])


def test_no_samples_is_refused():
    with pytest.raises(ValueError, match="samples must be at least 1, not 0"):
        stimuli(digits_like(), 0)


@pytest.mark.parametrize(("coding", "bits"), [("direct", 5), ("direct", 1), ("steps", 1)])
def test_directed_inputs_meet_far_more_thresholds_than_random_ones(coding, bits):
    network = digits_like(coding, bits)
    began = time.process_time()
    directed = met(network, directed_inputs(network, 20))
    seconds = time.process_time() - began
    drawn = met(network, random_inputs(network, 20))
    print(
        f"{coding}, {bits} bits: thresholds met in {directed['hidden'].sum()} of 128 hidden "
        f"neurons, {drawn['hidden'].sum()} by random inputs, in {seconds:.2f} s"
    )
    assert directed["hidden"].sum() >= min(96, 2 * drawn["hidden"].sum())
    assert directed["hidden"].sum() >= 40
    assert directed["out"].sum() >= 9


def every_input(network: Network) -> np.ndarray:
    steps = (network.timesteps,) if network.input.coding == "steps" else ()
    shape = (*steps, *network.input.shape)
    values = itertools.product(range(network.input.top + 1), repeat=int(np.prod(shape)))
    return np.array(list(values), np.uint8).reshape(-1, *shape)


@pytest.mark.parametrize("case", range(24))
def test_in_a_small_network_whatever_can_be_met_is_met(case):
    """All inputs are enumerated: 20 samples meet nearly every threshold that any input meets."""
    rng = np.random.default_rng([case, 77])
    coding, bits = [("steps", 1), ("direct", 1), ("direct", 2)][case % 3]
    fan, steps = (5, 2) if coding == "steps" else (10 // bits, 3)
    layers, source, size = [], "input", fan
    for name, neurons in (("a", 7), ("b", 4)):
        top = 3 if source == "input" and bits == 2 else 1
        layers.append(
            Population(
                name,
                (Connection(source, Dense(signs(rng, neurons, size)), gain=8, bias=case % 3 * 4),),
                Neuron(1, case % 2, threshold=rng.integers(-1, 3 * top, neurons) * 4),
            )
        )
        source, size = name, neurons
    network = Network(Input((fan,), bits, coding), layers, Readout("b"), steps)
    possible = met(network, every_input(network))
    found = met(network, stimuli(network, 20))
    for name, reachable in possible.items():
        assert not (found[name] & ~reachable).any()
        print(f"{name}: {found[name].sum()} of {reachable.sum()} reachable")
        assert found[name].sum() >= 0.8 * reachable.sum()
        assert found[name].any() or not reachable.any()


def faults(network: Network, population: Population) -> list[tuple[str, Network, bool]]:
    """Return faulty networks: every threshold off by one, as ``>`` for ``>=``, flipped weights."""

    def put(**fields: object) -> Network:
        changed = replace(population, **fields)
        rest = tuple(changed if p is population else p for p in network.populations)
        return replace(network, populations=rest)

    neuron, edge = population.neuron, population.connections[0]
    made = [("> for >=", put(neuron=replace(neuron, threshold=neuron.threshold + 1)))]
    for n in range(len(neuron.threshold)):
        for off in (-1, 1):
            threshold = neuron.threshold.copy()
            threshold[n] += off
            made.append(
                (
                    f"threshold of {n} off by {off}",
                    put(neuron=replace(neuron, threshold=threshold)),
                )
            )
    for n, k in np.ndindex(edge.op.weights.shape):
        weights = edge.op.weights.copy()
        weights[n, k] *= -1
        made.append((f"weight {n}, {k}", put(connections=(replace(edge, op=Dense(weights)),))))
    return made


@pytest.mark.parametrize("case", range(6))
def test_twenty_samples_find_every_fault_that_can_be_found(case):
    """A fault that changes any input's trace changes the trace of the 20 stimuli."""
    rng = np.random.default_rng([case, 78])
    first = Population(
        "a",
        (Connection("input", Dense(signs(rng, 6, 5)), gain=4, bias=4),),
        Neuron(1, 1, threshold=rng.integers(0, 4, 6) * 4),
    )
    second = Population(
        "b",
        (Connection("a", Dense(signs(rng, 3, 6)), gain=4),),
        Neuron(1, 1, threshold=rng.integers(0, 2, 3) * 4),
    )
    network = Network(Input((5,)), (first, second), Readout("b"), 2)
    inputs, everything = stimuli(network, 20), every_input(network)
    small, whole = reference.run(network, inputs), reference.run(network, everything)

    def differ(a: object, b: object) -> bool:
        return any(not np.array_equal(a.v[n], b.v[n]) for n in a.v) or any(
            not np.array_equal(a.spikes[n], b.spikes[n]) for n in a.spikes
        )

    found = missed = 0
    for population in network.populations:
        for name, faulty in faults(network, population):
            if differ(whole, reference.run(faulty, everything)):
                seen = differ(small, reference.run(faulty, inputs))
                found, missed = found + seen, missed + (not seen)
                assert seen or "off by" in name, f"{name} of {population.name}"
    print(f"{found} of {found + missed} faults found")
    assert found >= 0.95 * (found + missed) and found > 40


def test_threshold_hits_knows_the_lattice():
    """Gain 8: at rest v is a multiple of 8; one step later, with tau = 1/2, of 4."""
    edge = Connection("input", Dense(np.ones((1, 4), np.int8)), gain=8)
    layer = Population("a", (edge,), Neuron(1, 1, threshold=24))
    network = Network(Input((4,)), (layer,), Readout("a"), 2)
    inputs = np.zeros((4, 2, 4), np.uint8)
    inputs[0, 0, :3] = 1  # v = 24: at the threshold
    inputs[1, 0, :2] = 1  # v = 16: one step of 8 below, and then 8
    inputs[2, 0, :1], inputs[2, 1, :2] = 1, 1  # v = 8, then 4 + 16 = 20: one step of 4 below
    inputs[3, 0, :1], inputs[3, 1, :1] = 1, 1  # v = 8, then 12: two steps of 4 and more
    hits = threshold_hits(network, reference.run(network, inputs))
    assert hits == {"a": (1, 2)}


def test_a_network_without_thresholds_gets_inputs_too():
    edge = Connection("input", Dense(np.ones((2, 3), np.int8)))
    network = Network(Input((3,)), (Population("a", (edge,), Neuron()),), Readout("a", "count"), 2)
    assert stimuli(network, 9).shape == (9, 2, 3)
    assert threshold_hits(network, reference.run(network, stimuli(network, 9))) == {}

"""Widths: every value lies in its interval for every input, and the bounds are reached."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdl.cores.sums import raw_bits
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, Unsupported
from mapping.intervals import bits
from sim import run


@given(st.integers(-(1 << 61), 1 << 61), st.integers(-(1 << 61), 1 << 61))
def test_bits_is_the_least_signed_width(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    width = bits(low, high)
    assert -(1 << (width - 1)) <= low and high < 1 << (width - 1)
    if width > 1:
        assert low < -(1 << (width - 2)) or high >= 1 << (width - 2)


def one(neuron: Neuron, weights: np.ndarray, steps: int, bits_in: int = 1, **edge) -> Network:
    """One population over three inputs."""
    p = Population("a", (Connection("input", Dense(weights), **edge),), neuron)
    kind = "count" if neuron.threshold is not None else "membrane"
    return Network(Input((weights.shape[1],), bits=bits_in), (p,), Readout("a", kind), steps)


NEURONS = [
    Neuron(1, 1, threshold=3, v_reset=-2),
    Neuron(1, 0, threshold=-1, v_reset=7, v_init=5),
    Neuron(3, 2, threshold=4, reset="none"),
    Neuron(1, 0),
    Neuron(0, 0, threshold=2),
]


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("edge", [{"gain": 3, "bias": -1}, {"gain": [-2, 5], "bias": [4, 0]}])
def test_every_input_sequence_stays_inside(neuron: Neuron, edge: dict) -> None:
    """All 4 ** 3 sequences of two inputs over three steps, against every interval."""
    net = one(neuron, np.array([[1, -1], [1, 1]]), 3, **edge)
    fact = net.facts["a"]
    x = np.array(list(itertools.product([0, 1], repeat=6))).reshape(-1, 3, 2)
    v = run(net, x).v["a"]  # the reference itself raises if anything leaves its interval
    low, high = v.min(axis=(0, 1)), v.max(axis=(0, 1))
    assert (low >= fact.v.low).all() and (high <= fact.v.high).all()
    if neuron.reset == "none" or neuron.threshold is None:  # nothing is lost: bounds are met
        assert (low == fact.v.low).all() and (high == fact.v.high).all()


def test_popcounts_acc_and_static() -> None:
    weights = np.array([[1, -1, -1], [1, 1, 1]])
    net = one(Neuron(threshold=1), weights, 2, bits_in=3)
    fact = net.facts["a"]
    assert fact.acc[0].low.tolist() == [-14, 0] and fact.acc[0].high.tolist() == [7, 21]
    assert raw_bits(weights, 3) == 5  # 0..21
    assert fact.out.span == (0, 1) and fact.depth == 1 and not fact.static
    direct = Network(
        Input((3,), bits=3, coding="direct"), net.populations, net.readout, net.timesteps
    )
    assert direct.facts["a"].static


def test_many_timesteps_end_at_a_fixed_point() -> None:
    """65,536 steps of a leaky neuron take no longer than a few; of an integrator, they widen."""
    leaky = one(Neuron(1, 1, threshold=9), np.ones((1, 4)), 1 << 16)
    assert leaky.facts["a"].v.span == (0, 7)  # 7 >> 1 = 3, and 4 more
    summed = one(Neuron(1, 0), np.ones((1, 4)), 1 << 10)
    assert summed.facts["a"].v.span == (0, 4 << 10)


def test_recurrence_counts_on_spikes_only() -> None:
    op, back = Dense(np.ones((2, 3))), Dense(-np.ones((2, 2)))
    edges = (Connection("input", op), Connection("a", back, gain=2, delay=1))
    spiking = Population("a", edges, Neuron(threshold=2))
    net = Network(Input((3,)), (spiking,), Readout("a"), 4)
    assert net.facts["a"].drive.span == (-4, 3)
    silent = Population("a", edges, Neuron())
    with pytest.raises(Unsupported, match="back from 'a', which has no threshold, has no"):
        _ = Network(Input((3,)), (silent,), Readout("a"), 4).facts


def test_what_has_not_arrived_is_zero_though_its_source_never_is() -> None:
    """The reference raises where a value leaves its interval."""
    never_zero = Population("a", (Connection("input", Dense([[1]]), bias=5),), Neuron(0, 0))
    late = Population("b", (Connection("a", Dense([[1]]), delay=1),), Neuron(1, 0, threshold=99))
    network = Network(Input((1,)), (never_zero, late), Readout("b"), 3)
    assert run(network, np.zeros((1, 3, 1), int)).v["b"].ravel().tolist() == [0, 5, 10]
    assert network.facts["b"].drive.span == (0, 6)


@pytest.mark.parametrize(("refractory", "spikes"), [(1, 2), (2, 1), (0, 3)])
def test_held_neurons_are_at_v_reset_and_fire_so_much_less(refractory: int, spikes: int) -> None:
    neuron = Neuron(0, 0, threshold=1, v_reset=-7, refractory=refractory)
    p = Population("a", (Connection("input", Dense([[1]])),), neuron)
    network = Network(Input((1,)), (p,), Readout("a"), 3)
    trace = run(network, np.ones((1, 3, 1), int))
    assert trace.spikes["a"].sum() == network.facts["a"].spikes == spikes
    assert network.facts["a"].v.span == (-7 if refractory else 0, 1)

"""What is said to hold on Loihi 1 does: its own equations, with those numbers, spike for spike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from loihi_nets import drawn, mlp, residual, signs

import sim
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, loihi
from mapping.loihi.events import outputs_of
from sim.campaign.generate.all_kinds import draw_whole


def chip(network: Network, name: str, numbers: dict, outputs: dict) -> np.ndarray:
    """Run a population by the chip's equations (u, v in 2**-6) on its sources' spikes."""
    p = network[name]
    samples, steps = outputs[name].shape[:2]
    shape = network.shapes[name]
    wide = (-1, *(1 for _ in shape[1:]))
    v = np.zeros((samples, *shape), np.int64)
    held = np.zeros_like(v)
    bias = (numbers["bias"] << numbers["bias_exp"]).reshape(wide)
    vth = numbers["vth"].reshape(wide)
    assert (np.abs(numbers["bias"]) <= 4095).all() and (numbers["bias_exp"] < 8).all()
    assert (vth >= 0).all() and (vth < 1 << 17).all()
    found = []
    for t in range(steps):
        u = np.zeros_like(v)
        for c, exponent in zip(p.connections, numbers["weight_exp"], strict=True):
            if t < c.delay:
                continue
            sent = outputs[c.source][:, t - c.delay].astype(np.int64)
            gain = (c.gain // numbers["unit"]).reshape(wide)
            mantissa = gain * 2.0**-exponent
            total = c.op.apply(sent)
            scaled = total * mantissa * 2.0 ** (6 + exponent)
            assert (scaled == np.rint(scaled)).all()
            u += scaled.astype(np.int64)
        assert (np.abs(u) < 1 << 21).all()
        v = np.sign(v) * ((np.abs(v) * (4096 - numbers["decay"])) >> 12) + u + bias
        assert (np.abs(v) < 1 << 23).all()
        v = np.where(held > 0, 0, v)
        fires = (v > 64 * vth) & (held == 0)
        v = np.where(fires, 0, v)
        held = np.where(fires, p.neuron.refractory, np.maximum(held - 1, 0))
        found.append(fires)
    return np.stack(found, axis=1)


def held_network(number: int) -> Network:
    rng = np.random.default_rng(5)

    def one(**neuron: object) -> Network:
        gain = neuron.pop("gain", 1)
        bias = neuron.pop("bias", 0)
        edge = Connection("input", Dense(signs(rng, 6, 9)), gain=gain, bias=bias)
        last = Population("a", (edge,), Neuron(**neuron))  # type: ignore[arg-type]
        return Network(Input((9,)), (last,), Readout("a"), 4)

    made = (
        residual,
        mlp,
        lambda: one(threshold=3, bias=np.array([1, -2, 3, 4095, 0, 63])),
        lambda: one(threshold=np.arange(1, 7) * 32, gain=32, bias=64),
        lambda: one(threshold=17, gain=16, num=1, q=1),
        lambda: one(threshold=4, num=0),
        lambda: one(threshold=2, refractory=2),
        lambda: one(threshold=np.array([16, 17, 31, 32, 33, 100]), gain=16),
    )
    return made[number]() if number < len(made) else draw_whole(number)


MADE = 8


@pytest.mark.parametrize("number", range(32))
def test_populations_that_hold_fire_as_the_reference(number: int) -> None:
    network = held_network(number)
    inputs = drawn(network, 4, number)
    trace = sim.run(network, inputs, "reference")
    outputs = outputs_of(network, inputs, trace)
    for hold in loihi.holds(network, "loihi1"):
        assert hold.as_is == (not hold.reasons)
        if hold.as_is and hold.numbers is not None:
            fires = chip(network, hold.population, hold.numbers, outputs)
            assert (fires == (outputs[hold.population] != 0)).all(), hold


def test_those_made_to_hold_do() -> None:
    for number in range(MADE):
        network = held_network(number)
        assert all(hold.as_is for hold in loihi.holds(network, "loihi1")), network


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reset": "subtract", "rho": 3}, "reset 'subtract'"),
        ({"v_reset": 1}, "v_reset is not 0"),
        ({"v_init": 1}, "v_init is not 0"),
        ({"max_spikes": 1}, "no counter of a sample"),
        ({"fire_by": 2}, "no counter of a sample"),
        ({"refractory": 64}, "64 refractory timesteps"),
        ({"threshold": 0}, "vth has no sign"),
        ({"threshold": 1 << 18}, "beyond 17 bits"),
        ({"num": 1, "q": 1}, "rounds toward zero"),
    ],
)
def test_what_does_not_hold_is_named(changes: dict, reason: str) -> None:
    network = mlp()
    hidden = network["hidden"]
    other = replace(hidden, neuron=replace(hidden.neuron, **changes))
    value = replace(network, populations=(other, network["out"]))
    first, second = loihi.holds(value, "loihi1")
    assert not first.as_is and any(reason in text for text in first.reasons), first
    assert second.as_is


def test_values_are_no_spikes() -> None:
    network = mlp()
    streams = replace(network["hidden"], neuron=Neuron(num=0))
    value = replace(network, populations=(streams, network["out"]))
    first, second = loihi.holds(value, "loihi1")
    assert "outputs its membrane" in first.reasons[0]
    assert "sends values" in second.reasons[0]
    assert all(hold.as_is for hold in loihi.holds(value, "loihi2"))  # graded spikes


@pytest.mark.parametrize(
    ("edge", "reason"),
    [
        ({"gain": np.r_[np.full(127, 1), 3]}, None),
        ({"gain": np.r_[np.full(127, 1), 300]}, "more than 8 bits"),
        ({"bias": 4096 * 128}, "a bias needs more"),
        ({"shift": 1}, "shifted"),
    ],
)
def test_edges_off_the_grid_are_named(edge: dict, reason: str | None) -> None:
    network = mlp()
    hidden = network["hidden"]
    other = replace(hidden, connections=(replace(hidden.connections[0], **edge),))
    first = loihi.holds(replace(network, populations=(other, network["out"])), "loihi1")[0]
    assert first.as_is == (reason is None), first
    assert reason is None or any(reason in text for text in first.reasons)

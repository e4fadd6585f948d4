"""Gates that are one constant factor per timestep: folded, exact; against the judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judge_network import judge

from mapping import TrainedNetwork, fold, real
from mapping.coding import encode
from mapping.trained import Gate
from sim import compare, run
from sim.campaign.generate.papers import vggsnn
from sim.campaign.stimuli import random_inputs


def constant_gates(value: TrainedNetwork, seed: int) -> TrainedNetwork:
    """Give every gate a drawn factor per timestep, a multiple of 1/256."""
    rng = np.random.default_rng(seed)
    populations = []
    for p in value.populations:
        edges = [
            c
            if c.gate is None
            else replace(
                c,
                gate=replace(c.gate, constant=rng.integers(60, 256, len(c.gate.alpha)) / 256),
            )
            for c in p.connections
        ]
        populations.append(replace(p, connections=tuple(edges)))
    return replace(value, populations=tuple(populations))


@pytest.mark.slow
def test_a_gated_network_with_constant_gates_is_exact() -> None:
    value = vggsnn(2, 0, 16, gates=True)
    network = fold(value)
    assert not network.exact and network["conv2"].certificate.bound > 0
    inputs = random_inputs(network, 4, 1)
    plain = constant_gates(value, 2)
    assert sum(c.gate is not None for p in plain.populations for c in p.connections) == 7
    folded = fold(plain)
    assert folded.exact, [p.certificate.reason for p in folded.populations]
    trace = run(folded, inputs)
    compare(trace, run(folded, inputs, "fast"))
    meant = real.run(plain, inputs)
    assert all((meant.spikes[n] == trace.spikes[n]).all() for n in meant.spikes)


def test_the_judge_agrees_with_constant_gates() -> None:
    from sim.campaign.generate.trained_all_kinds import draw_trained_whole

    judged = 0
    for number in range(400):
        value = draw_trained_whole(number)
        gates = [c.gate for p in value.populations for c in p.connections if c.gate is not None]
        if not any(gate.constant is not None for gate in gates):
            continue
        network = fold(value)
        x = random_inputs(network, 2, number)
        found = judge(value, network, encode(network.input, x, network.timesteps), run(network, x))
        assert not found["wrong"], (number, found)
        judged += 1
    assert judged > 5


def test_constants_are_checked_at_the_door() -> None:
    with pytest.raises(ValueError, match="must lie within 0..1"):
        Gate(np.ones(2), constant=[0.5, 1.5])
    with pytest.raises(ValueError, match="one number per timestep"):
        Gate(np.ones(2), constant=[0.5])

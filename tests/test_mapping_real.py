"""The meaning of a TrainedNetwork, against its equation written out in a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mapping import Dense, Input, Readout, TrainedNetwork, real
from mapping.trained import Connection, Neuron, Norm, Population


@pytest.mark.parametrize("compare", [">", ">="])
@pytest.mark.parametrize("reset", ["zero", "none"])
def test_one_neuron_by_hand(compare: str, reset: str) -> None:
    norm = Norm(gamma=2.0, beta=-0.5, mean=1.0, var=3.75, eps=0.25)
    edge = Connection("input", Dense([[1, -1, 1]]), scale=0.5, bias=0.25, norm=norm)
    neuron = Neuron(
        leak=0.75, threshold=0.5, compare=compare, reset=reset, v_reset=-0.25, v_rest=0.125,
        v_init=0.5, input_gain=0.5,
    )  # fmt: skip
    value = TrainedNetwork(
        Input((3,), bits=2, unit=0.5), (Population("a", (edge,), neuron),), Readout("a"), 4
    )
    x = np.random.default_rng(0).integers(0, 4, (20, 4, 3))
    trace = real.run(value, x)
    ties = 0
    for sample in range(20):
        u = 0.5
        for t in range(4):
            a, b, c = (float(k) * 0.5 for k in x[sample, t])
            current = 2 * ((0.5 * (a - b + c) + 0.25) - 1) / math.sqrt(4) - 0.5
            u = 0.125 + 0.75 * (u - 0.125) + 0.5 * current
            assert trace.u["a"][sample, t, 0] == u
            fires = u >= 0.5 if compare == ">=" else u > 0.5
            ties += u == 0.5
            assert trace.spikes["a"][sample, t, 0] == fires
            if fires and reset == "zero":
                u = -0.25
    assert trace.scores[:, 0].tolist() == trace.spikes["a"].sum(axis=(1, 2)).tolist()


def test_delay_and_integrator() -> None:
    late = Connection("input", Dense([[1, 1]]), bias=1.0, delay=2)
    value = TrainedNetwork(
        Input((2,)), (Population("a", (late,), Neuron(leak=1.0)),), Readout("a", "membrane"), 4
    )
    x = np.ones((1, 4, 2), int)
    trace = real.run(value, x)
    assert trace.u["a"].ravel().tolist() == [1, 2, 5, 8]
    assert trace.scores.tolist() == [[8]] and trace.classes.tolist() == [0]

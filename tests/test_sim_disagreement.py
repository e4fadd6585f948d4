"""Float64 and integers on data: exact ones differ at near-ties only, wrong ones are counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from strategies_trained import folds

from mapping import fold, real
from sim import run
from sim.campaign.generate.trained_dense import draw_trained
from sim.campaign.stimuli import random_inputs
from sim.disagreement import disagreement


@given(folds())
def test_exact_networks_differ_at_near_ties_only(drawn: tuple) -> None:
    value, network, x = drawn
    assume(network.exact)
    found = disagreement(value, network, x)
    assert found.samples == len(x) and found.differing == found.near_ties
    assert sum(c.compared or 0 for c in found.spikes.values()) == sum(
        spikes.size for spikes in run(network, x).spikes.values()
    )


def test_a_wrong_threshold_is_counted() -> None:
    values = (v for v in map(draw_trained, range(50)) if v.populations[0].spiking)
    value = next(v for v in values if real.run(v, random_inputs(fold(v), 50, 1)).spikes["p0"].any())
    network = fold(value)
    first = network.populations[0]
    off = replace(first.neuron, threshold=first.neuron.threshold + (1 << 30))
    wrong = replace(network, populations=(replace(first, neuron=off), *network.populations[1:]))
    x = random_inputs(network, 50, 1)
    right = disagreement(value, network, x)
    found = disagreement(value, wrong, x, memory=1)
    assert found.spikes[first.name].mismatches > right.spikes[first.name].mismatches
    assert found.differing > 0 and found.near_ties < found.differing


def test_networks_of_other_populations_are_refused() -> None:
    value = draw_trained(6)
    with pytest.raises(ValueError, match="have different populations"):
        disagreement(value, fold(draw_trained(7)), np.zeros((1, 1, 1), np.uint8))

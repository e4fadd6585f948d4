"""Where two traces first part: one rule, whoever asks."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from strategies import arrays, runs

from mapping import Network
from sim import agreement, run
from sim.compare import first_difference


@given(st.integers(1, 3).flatmap(lambda n: st.lists(arrays((2, 2, n), st.booleans(), bool))))
def test_the_first_is_earliest_and_then_of_the_first_array(wrong: list[np.ndarray]) -> None:
    places = [
        (*place[:2], order, *place[2:])
        for order, array in enumerate(wrong)
        for place in np.argwhere(array).tolist()
    ]
    want = None
    if places:
        sample, step, order, neuron = min(places)
        want = order, (sample, step, neuron)
    assert first_difference(enumerate(wrong)) == want


@given(runs(), st.data())
def test_one_changed_value_is_where_traces_part(
    drawn: tuple[Network, np.ndarray], data: st.DataObject
) -> None:
    network, inputs = drawn
    expected, actual = run(network, inputs), run(network, inputs)
    p = data.draw(st.sampled_from(network.populations))
    what = data.draw(st.sampled_from(["spikes", "v"] if p.spiking else ["v"]))
    array = getattr(actual, what)[p.name]
    at = tuple(data.draw(st.integers(0, n - 1)) for n in array.shape)
    array[at] ^= True
    found = agreement(expected, actual)
    first = found.divergence
    assert (found.mismatches, getattr(found, what)[p.name].mismatches) == (1, 1)
    assert (first.sample, first.timestep, first.population, *first.neuron) == (
        *at[:2], p.name, *at[2:],
    )  # fmt: skip
    assert first.what == what.removesuffix("s")
    assert first.actual[what == "v"] == array[at] != first.expected[what == "v"]

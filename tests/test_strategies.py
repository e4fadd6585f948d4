"""What Hypothesis draws: every kind and option, and small networks where something fails."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, settings
from strategies import OF_KIND, networks, runs
from strategies_trained import folds, trained_networks

from mapping import Connection, Network, Population, TrainedNetwork
from mapping.ops import OPS
from sim import run
from sim.compare import agreement

#: The same examples every time; without shrinking where only the drawing matters.
FIXED = settings(
    max_examples=2000, derandomize=True, database=None, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
DRAWN = settings(FIXED, phases=[Phase.generate])


def test_every_kind_of_op_is_drawn() -> None:
    assert set(OF_KIND) == set(OPS), "an op needs its strategy in tests/strategies.py"


def later(network: Network | TrainedNetwork, source: str, name: str) -> bool:
    """Whether a source comes after the population that reads it."""
    names = [p.name for p in network.populations]
    return source in names and names.index(source) > names.index(name)


OPTIONS = {
    "a join": lambda n, p, c: len(p.connections) == 3,
    "a gate": lambda n, p, c: c.gate is not None,
    "a gate of each channel": lambda n, p, c: c.gate is not None and c.gate.per_channel,
    "a delay": lambda n, p, c: c.delay > 1,
    "recurrence": lambda n, p, c: c.source == p.name,
    "a stream": lambda n, p, c: not p.spiking and c.source != "input",
    "soft reset": lambda n, p, c: p.spiking and p.neuron.reset == "subtract",
    "held neurons": lambda n, p, c: p.neuron.holds,
    "a last moment": lambda n, p, c: p.neuron.fire_by is not None,
    "groups": lambda n, p, c: getattr(c.op, "groups", 1) > 1,
    "a maximum": lambda n, p, c: getattr(c.op, "kind", "") == "max",
    "more than a word": lambda n, p, c: c.op.fan_in > 64,
    "wide weights": lambda n, p, c: c.op.bits == 8,
    "latency": lambda n, p, c: n.input.coding == "latency",
    "a silent class": lambda n, p, c: n.readout.fallback is not None,
}
OF_INTEGERS = {
    "a way back": lambda n, p, c: later(n, c.source, p.name),
    "a shift": lambda n, p, c: c.shift > 0,
}
OF_REALS = {
    "a norm": lambda n, p, c: c.norm is not None and c.norm.eps > 0,
    "a late reset": lambda n, p, c: p.neuron.reset_delay == 1,
    "a constant gate": lambda n, p, c: c.gate is not None and c.gate.constant is not None,
    "a strict threshold": lambda n, p, c: p.spiking and p.neuron.compare == ">",
    "a leak that is not dyadic": lambda n, p, c: p.neuron.leak == 0.9,
}


@pytest.mark.parametrize(
    ("what", "trained"),
    [*((w, False) for w in OPTIONS | OF_INTEGERS), *((w, True) for w in OPTIONS | OF_REALS)],
)
def test_every_option_is_drawn(what: str, trained: bool) -> None:
    has = (OPTIONS | OF_INTEGERS | OF_REALS)[what]

    def holds(network: Network | TrainedNetwork) -> bool:
        return any(has(network, p, c) for p in network.populations for c in p.connections)

    find(trained_networks() if trained else networks(), holds, settings=DRAWN)


def smallest(network: Network, inputs: np.ndarray) -> tuple[Population, Connection]:
    """Assert that a failure was shrunk to one population of next to nothing, and return it."""
    print(network, *network.populations, inputs, sep="\n")
    (p,) = network.populations
    (c,) = p.connections
    assert len(inputs) == 1 and network.timesteps <= 2
    assert all(np.prod(shape) <= 2 for shape in network.shapes.values())
    assert c.gate is None and not c.delay and not c.shift
    return p, c


@pytest.mark.slow
def test_a_comparison_that_is_off_by_one_shrinks_to_one_neuron(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted in fast: v > threshold. What remains is one membrane that meets its threshold."""
    from sim.backends import fast

    right = fast.run

    def wrong(network: Network, inputs: np.ndarray, **options: object) -> object:
        trace = right(network, inputs, **options)
        for p in network.populations:
            if p.spiking:
                v = np.moveaxis(trace.v[p.name], 2, -1)
                np.moveaxis(trace.spikes[p.name], 2, -1)[v == p.neuron.threshold] = False
        return trace

    monkeypatch.setattr(fast, "run", wrong)

    def differs(pair: tuple[Network, np.ndarray]) -> bool:
        return agreement(run(*pair), run(*pair, "fast")).mismatches > 0

    network, inputs = find(runs(), differs, settings=FIXED)
    p, _ = smallest(network, inputs)
    assert run(network, inputs).v[p.name].ravel()[-1] == p.neuron.threshold[0]


@pytest.mark.slow
def test_an_interval_whose_edge_is_off_by_one_shrinks_to_one_neuron(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted in facts: the upper end of gain * acc. What remains is one sum at that end."""
    from mapping import facts

    right = facts._weighed

    def wrong(c: Connection, acc: object, delayed: bool) -> tuple[np.ndarray, np.ndarray]:
        low, high = right(c, acc, delayed)
        return low, np.maximum(low, high - 1)

    monkeypatch.setattr(facts, "_weighed", wrong)

    def leaves(pair: tuple[Network, np.ndarray]) -> bool:
        try:
            run(*pair)
        except OverflowError:
            return True
        return False

    smallest(*find(runs(), leaves, settings=FIXED))


@pytest.mark.slow
def test_a_fold_that_ignores_a_strict_threshold_shrinks_to_a_tie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Planted before fold: every compare is >=. What remains is a membrane at its threshold."""
    from dataclasses import replace

    import strategies_trained
    from judge_network import judge

    from mapping import fold
    from mapping.coding import encode

    def wrong(value: TrainedNetwork) -> Network:
        loose = [replace(p, neuron=replace(p.neuron, compare=">=")) for p in value.populations]
        return fold(replace(value, populations=tuple(loose)))

    monkeypatch.setattr(strategies_trained, "fold", wrong)

    def differs(drawn: tuple[TrainedNetwork, Network, np.ndarray]) -> bool:
        value, network, x = drawn
        steps = encode(network.input, x, network.timesteps)
        return judge(value, network, steps, run(network, x))["wrong"] > 0

    value, network, inputs = find(folds(), differs, settings=FIXED)
    p, _ = smallest(network, inputs)
    assert value[p.name].neuron.compare == ">"


def test_in_ci_the_examples_are_always_the_same(pytestconfig: pytest.Config) -> None:
    import os

    chosen = pytestconfig.getoption("--hypothesis-profile")
    name = chosen or ("fixed" if os.environ.get("CI") else "random")
    assert hypothesis.settings.default.derandomize == (name == "fixed")

"""What a network asks is compared with what a backend takes; the sentence names what is not run."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import numpy as np
import pytest

import hdl.plan
import hdl.takes
from lava_procs import own, stock_plan, takes
from mapping import (
    Connection,
    Dense,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    Unsupported,
)
from mapping.capabilities import Takes, asks
from sim import BACKENDS, run
from sim.backends.table import FEATURES
from sim.campaign.generate.all_kinds import draw_whole

SIGNS = Dense(np.array([[1, -1, 1], [1, 1, -1], [-1, 1, 1]], np.int8))
FIRES = Neuron(threshold=1)
GATE = Gate(weights=1, offset=0, shift=0, table=np.ones((2, 2), np.int64))


def network(*populations: Population) -> Network:
    """Return three values through these populations, read from the last one."""
    last = populations[-1]
    kind = "count" if last.spiking else "membrane"
    return Network(Input((3,)), populations, Readout(last.name, kind), 2)


def one(neuron: Neuron = FIRES, **changes: object) -> Network:
    """Return a network of one population, its connection changed."""
    edge = Connection(**{"source": "input", "op": SIGNS, **changes})
    return network(Population("a", (edge,), neuron))


def two(first: Neuron, *more: Connection) -> Network:
    """Return a network of two populations; the first one has more connections."""
    enter = Connection("input", SIGNS)
    edge = Connection("a", SIGNS)
    return network(Population("a", (enter, *more), first), Population("b", (edge,), FIRES))


HERE = "population 'a', connection from 'input': "
#: Of each feature: what takes too little of it, a network that asks it, and the sentence.
ASKS = {
    "ops": (("Conv",), one(), f"{HERE}Dense connections are not run by X yet"),
    "weight_bits": (
        3,
        one(op=Dense(SIGNS.weights, bits=4)),
        f"{HERE}weights of 4 bits are not run by X yet",
    ),
    "gates": (False, one(gate=GATE), f"{HERE}gates are not run by X yet"),
    "shifts": (False, one(shift=1), f"{HERE}shifted connections are not run by X yet"),
    "streams": (
        False,
        two(Neuron()),
        (
            "population 'b', connection from 'a': connections from a population without a "
            "threshold are not run by X yet"
        ),
    ),
    "delays": (False, one(delay=2), f"{HERE}connections with a delay of 2 are not run by X yet"),
    "recurrence": (
        False,
        two(FIRES, Connection("b", SIGNS, delay=1)),
        "population 'a', connection from 'b': recurrent connections are not run by X yet",
    ),
    "held": (
        False,
        one(Neuron(threshold=1, fire_by=1)),
        "population 'a': neurons with max_spikes, refractory or fire_by are not run by X yet",
    ),
}
LEFT_OUT = "without_threshold"


def test_every_feature_is_tried_and_stands_in_the_table() -> None:
    features = [f.name for f in fields(Takes) if f.name not in ("who", "why")]
    assert features == [*ASKS, LEFT_OUT] == list(FEATURES)
    drawn = {ask.feature for seed in range(40) for ask in asks(draw_whole(seed))}
    assert drawn == set(ASKS)


@pytest.mark.parametrize("feature", ASKS)
def test_what_is_not_taken_is_refused_by_name(feature: str) -> None:
    too_little, net, sentence = ASKS[feature]
    assert Takes("X").refusal(net) is None
    takes = replace(Takes("X"), **{feature: too_little})
    assert takes.refusal(net) == sentence
    with pytest.raises(Unsupported, match=f"^{re.escape(sentence)}$"):
        takes.refuse(net)
    why = replace(takes, why={feature: "as Y"})
    assert why.refusal(net) == sentence.removesuffix(" yet") + ", as Y"


def test_the_last_thing_that_is_taken_is_taken() -> None:
    net = one(op=Dense(SIGNS.weights, bits=4))
    assert Takes("X", weight_bits=4).refusal(net) is None
    assert Takes("X", ops=("Conv", "Dense")).refusal(net) is None
    assert Takes("X", weight_bits=1).refusal(one(op=Identity())) is None  # it has no weights


def test_of_a_population_that_is_left_out_nothing_is_asked() -> None:
    last = Population("c", (Connection("b", Identity(), delay=1),), Neuron())
    net = two(FIRES)
    net = replace(net, populations=(*net.populations, last), readout=Readout("c", "membrane"))
    strict = Takes("X", ops=("Dense",), delays=False)
    assert "population 'c'" in strict.refusal(net)
    assert replace(strict, without_threshold=False).refusal(net) is None
    assert replace(strict, streams=False, without_threshold=False).refusal(two(Neuron()))


@pytest.mark.parametrize("feature", ASKS)
def test_hardware_and_lava_refuse_by_the_value_of_their_row(feature: str) -> None:
    """Whoever is called without ``sim.run`` has the same sentence."""
    net = ASKS[feature][1]
    x = np.zeros((1, 2, 3), np.int64)
    calls = {
        "rtl": lambda: hdl.plan.plan(net),
        "cocotb": lambda: hdl.plan.plan(net),
        "lava": lambda: own.run(net, x),
        "lava-stock": lambda: stock_plan.plan(net),
    }
    assert [BACKENDS[name].takes for name in calls] == [
        hdl.takes.TAKES, hdl.takes.TAKES, takes.OWN, takes.STOCK
    ]  # fmt: skip
    for name, call in calls.items():
        sentence = BACKENDS[name].takes.refusal(net)
        if sentence is not None:
            for tried in (call, lambda name=name: run(net, x, name)):
                with pytest.raises(Unsupported, match=f"^{re.escape(sentence)}$"):
                    tried()

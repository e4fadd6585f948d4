"""Both network values: checked once at the door, frozen, equal by content, printable."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from mapping import (
    Connection,
    Conv,
    Dense,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
    TrainedNetwork,
    bipolar,
    trained,
)
from mapping.network import Gate

SIGNS = np.array([[1, -1, 1], [1, 1, -1]], np.int8)


def small(**changes: object) -> Network:
    """Two populations, three inputs, two classes."""
    fields = {
        "input": Input((3,)),
        "populations": (
            Population("a", (Connection("input", Dense(SIGNS), gain=4, bias=1),), Neuron(1, 1, 5)),
            Population("b", (Connection("a", Dense([[1, -1], [-1, 1]])),), Neuron(threshold=1)),
        ),
        "readout": Readout("b"),
        "timesteps": 3,
    }
    return Network(**{**fields, **changes})


def test_arrays_are_private_read_only_and_broadcast_once() -> None:
    weights = SIGNS.copy()
    op = Dense(weights)
    weights[0, 0] = -1
    assert op.weights[0, 0] == 1
    p = small()["a"]
    with pytest.raises(ValueError, match="read-only"):
        p.connections[0].op.weights[0, 0] = -1
    with pytest.raises(FrozenInstanceError):
        p.name = "c"
    assert p.connections[0].gain.tolist() == [4, 4]
    assert p.neuron.threshold.tolist() == [5, 5] and p.neuron.v_reset.tolist() == [0, 0]


def test_equal_by_content_and_different_in_any_field() -> None:
    assert small() == small()
    assert small() != small(timesteps=2)
    assert small() != small(readout=Readout("b", "membrane"))
    other = replace(small()["a"], neuron=replace(small()["a"].neuron, v_reset=1))
    assert small() != small(populations=(other, small()["b"]))
    assert (small() == 3) is False
    with pytest.raises(TypeError, match="unhashable"):
        hash(small())


def test_prints_on_one_line_and_as_a_table() -> None:
    line = repr(small())
    assert "\n" not in line and "2 populations; typed by hand" in line
    line = repr(small()["a"])
    assert "\n" not in line and "int8 2x3" in line and "threshold=5" in line
    text = str(small())
    assert "a " in text and "Dense 2x3" in text and "typed by hand" in text


def test_every_node_kind_of_later_networks_can_be_built() -> None:
    """Convolution, pools, joins, gates, delays and recurrence are values today."""
    kernel = np.ones((2, 1, 3, 3), np.int8)
    gate = Gate(weights=[1, 1], offset=0, shift=2, table=np.ones((2, 4), np.int64))
    net = Network(
        Input((1, 8, 8), bits=8, coding="direct", unit=1 / 255),
        (
            Population("c", (Connection("input", Conv(kernel, padding=1)),), Neuron(1, 1, 9)),
            Population(
                "d",
                (
                    Connection("c", Conv(np.ones((2, 2, 3, 3)), padding=1), gain=2, gate=gate),
                    Connection("c", Identity(), gain=3),
                    Connection("d", Identity(), delay=1),
                ),
                Neuron(1, 1, 9, reset="subtract", rho=9, max_spikes=1, refractory=2),
            ),
            Population("p", (Connection("d", Pool(2, kind="max")),), Neuron(0, 0)),
            Population("o", (Connection("p", Dense(np.ones((4, 32)))),), Neuron(threshold=3)),
        ),
        Readout("o", "first_spike", "membrane"),
        2,
    )
    assert net.shapes == {
        "input": (1, 8, 8), "c": (2, 8, 8), "d": (2, 8, 8), "p": (2, 4, 4), "o": (4,),
    }  # fmt: skip
    assert [f.out.span for f in net.facts.values()] == [(0, 1)] * 4
    assert net.facts["d"].totals[0].span == (0, 2304)


BAD = [
    (lambda: Dense([[1, 0]]), ValueError, "must be two-valued, -1 or +1, but hold 0"),
    (lambda: Dense([[0.5, 1]]), TypeError, "must be integers (bipolar() splits real weights)"),
    (lambda: Dense([1, 1]), ValueError, "must have 2 axes"),
    (lambda: Dense([[np.nan, 1]]), ValueError, "must be finite; they hold nan at (0, 0)"),
    (lambda: bipolar(np.array([[1.0, np.inf]])), ValueError, "must be finite"),
    (lambda: bipolar(np.array([[0.5, -0.5], [0.5, 0.25]])), ValueError, "channel 1 holds"),
    (lambda: bipolar(np.zeros((2, 2))), ValueError, "channel 0 holds [0.0]"),
    (lambda: Input((3,), bits=0), ValueError, "input bits must be between 1 and 16, not 0"),
    (lambda: Input((0,)), ValueError, "input shape must be at least 1, not 0"),
    (lambda: Input((3,), coding="rate"), ValueError, "coding must be one of 'steps', 'direct'"),
    (lambda: Neuron(num=3, q=1), ValueError, "num of a neuron must be between 0 and 2, not 3"),
    (lambda: Neuron(num=1, q=9), ValueError, "q of a neuron must be between 0 and 8, not 9"),
    (lambda: Neuron(threshold=1.5), TypeError, "threshold must be integers"),
    (lambda: Neuron(threshold=1 << 62), ValueError, "threshold must fit 62 signed bits"),
    (lambda: Neuron(fire_by=1), ValueError, "fire_by needs a threshold"),
    (lambda: Input((3,), t_max=2), ValueError, "t_max is of input coding 'latency', not 'steps'"),
    (
        lambda: small(input=Input((3,), coding="latency", t_max=4), timesteps=4),
        ValueError,
        "t_max of the input must lie below the 4 timesteps, not at 4",
    ),
    (lambda: Readout("b", step=1), ValueError, "step is of a read-out that reads a membrane"),
    (lambda: Neuron(reset="hard"), ValueError, "reset must be one of 'zero'"),
    (lambda: Connection("input", SIGNS), TypeError, "op of a connection must be Dense"),
    (lambda: Connection("input", Dense(SIGNS), delay=-1), ValueError, "must be between 0 and"),
    (lambda: Population("1a", (), Neuron()), ValueError, "must start with a letter"),
    (lambda: Population("a", (), Neuron()), TypeError, "must be a tuple of Connection"),
    (lambda: small(timesteps=0), ValueError, "timesteps must be between 1 and 65536, not 0"),
    (lambda: small(timesteps=True), TypeError, "timesteps must be an integer, not True"),
    (lambda: small(input=Input((4,))), ValueError, "need a source of 3 values, not 4"),
    (lambda: small(readout=Readout("c")), ValueError, "read-out source 'c' is not a population"),
    (lambda: small(populations=(small()["b"],)), ValueError, "there is no population 'a'"),
    (lambda: small(populations=(small()["a"],) * 2), ValueError, "name 'a' is used twice"),
    (
        lambda: small(populations=(small()["b"], small()["a"])),
        ValueError,
        "points backwards: it needs a delay of at least 1",
    ),
    (
        lambda: small(
            populations=(
                Population("a", (Connection("input", Dense(SIGNS), gain=[1, 2, 3]),), Neuron()),
            ),
            readout=Readout("a"),
        ),
        ValueError,
        "gain of 'a' must have one number per output channel (2), not 3",
    ),
    (lambda: trained.Neuron(leak=2), ValueError, "leak must be between 0 and 1 (it is the factor)"),
    (lambda: trained.Neuron(threshold=np.nan), ValueError, "threshold must be finite"),
    (lambda: trained.Neuron(compare="="), ValueError, "compare must be one of '>=', '>'"),
    (lambda: trained.Norm(1, 0, 0, -1.0), ValueError, "var of a Norm must be at least 0"),
    (lambda: trained.Connection("input", Dense(SIGNS), scale=np.inf), ValueError, "finite"),
    (
        lambda: TrainedNetwork(Input((3,)), small().populations, Readout("b"), 1),
        TypeError,
        "must be a tuple of trained Populations",
    ),
]


@pytest.mark.parametrize(("build", "error", "sentence"), BAD)
def test_the_door_says_in_one_sentence_what_is_wrong(build, error, sentence: str) -> None:
    with pytest.raises(error, match=re.escape(sentence)) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_a_value_that_needs_too_many_bits_is_refused_with_its_width() -> None:
    big = Population(
        "a", (Connection("input", Dense(SIGNS), gain=1 << 60),), Neuron(threshold=1 << 60)
    )
    with pytest.raises(ValueError, match="population 'a': gain . acc needs 63 bits; .* 62"):
        _ = small(populations=(big,), readout=Readout("a")).facts

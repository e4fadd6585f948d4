"""SpikingJelly models: spikes of what is read are the framework's own; the rest is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from importing import agree, binarise, by_population, framework, own_spikes, spikes_in

import mapping
from mapping.importers import examine

torch = framework("torch")
sj = framework("spikingjelly.activation_based.neuron")
layer = framework("spikingjelly.activation_based.layer")
functional = framework("spikingjelly.activation_based.functional")
surrogate = framework("spikingjelly.activation_based.surrogate")
nn = torch.nn

pytestmark = pytest.mark.torch
T = 6


def dense(*nodes: Any, norm: bool = False, mode: str = "s") -> Any:
    first, second = nodes
    parts = [layer.Linear(12, 20), *([layer.BatchNorm1d(20)] if norm else []), first,
             layer.Dropout(0.5), layer.Linear(20, 5, bias=False), second]  # fmt: skip
    model = nn.Sequential(*parts)
    functional.set_step_mode(model, mode)
    return model


def conv(*nodes: Any, mode: str = "m", pool: Any = None) -> Any:
    first, second = nodes
    model = nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4), first,
        pool or layer.MaxPool2d(2), layer.Flatten(), layer.Linear(36, 5), second,
    )  # fmt: skip
    functional.set_step_mode(model, mode)
    return model


def lif(**options: Any) -> Any:
    return sj.LIFNode(**{"tau": 2.0, **options})


NETWORKS = {  # name: model, input shape, dyadic
    "hard, decay_input": (lambda: dense(lif(), lif(v_threshold=0.5)), (12,), True),
    "hard, no decay_input": (
        lambda: dense(lif(decay_input=False, v_threshold=2.0), lif(decay_input=False)), (12,), True,
    ),
    "soft": (lambda: dense(lif(v_reset=None), lif(v_reset=None), mode="m"), (12,), True),
    "v_reset": (
        lambda: dense(lif(v_reset=0.25), lif(v_reset=-0.5, decay_input=False, tau=4.0)),
        (12,),
        True,
    ),
    "IF": (lambda: dense(sj.IFNode(v_threshold=2.0), sj.IFNode(v_reset=None)), (12,), True),
    "half threshold": (
        lambda: dense(sj.HalfThresholdIFNode(3.0), sj.SimpleIFNode(2.0)), (12,), True,
    ),
    "batch norm": (lambda: dense(lif(), lif(v_threshold=0.25), norm=True), (12,), True),
    "parametric": (
        lambda: dense(sj.ParametricLIFNode(4.0, decay_input=False), sj.ParametricLIFNode(2.0)),
        (12,), True,
    ),
    "conv": (lambda: conv(lif(), lif(v_reset=None)), (2, 6, 6), True),
    "conv, average pool, single step": (
        lambda: conv(lif(decay_input=False), sj.IFNode(), mode="s", pool=layer.AvgPool2d(2)),
        (2, 6, 6), True,
    ),
    "float": (lambda: dense(lif(tau=3.0), lif(tau=1.7, v_reset=0.1), norm=True), (12,), False),
    "float conv": (lambda: conv(lif(tau=1.3), lif(tau=5.0, decay_input=False)), (2, 6, 6), False),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_is_spikingjellys(name: str, seed: int) -> None:
    make, shape, exact = NETWORKS[name]
    model = binarise(make(), seed, norm="dyadic" if exact else "float")
    found = examine(model, "spikingjelly", input_shape=shape, timesteps=T)
    inputs = spikes_in(shape, T, seed + 1)
    nodes = (sj.BaseNode, sj.SimpleBaseNode)
    mode = next(m.step_mode for m in model.modules() if isinstance(m, nodes))
    axes = {"s": "N", "m": "TN"}[mode]
    theirs = own_spikes(
        model,
        inputs,
        {"s": "step", "m": "TN"}[mode],
        lambda m: axes if isinstance(m, nodes) else None,
    )
    ties = agree(found.network, inputs, by_population(theirs), exact)
    rates = [float(a.mean()) for a in theirs.values()]
    assert 0.01 < min(rates) and max(rates) < 0.99, rates
    print(f"{name}: {len(inputs)} samples, {ties} near-ties, rates {np.round(rates, 2).tolist()}")


def test_decay_input_is_read_not_assumed() -> None:
    """methods.md's line: v += (x - (v - v_reset)) / tau, >=, reset at once."""
    model = binarise(dense(lif(tau=4.0, v_reset=0.5), lif(tau=4.0, decay_input=False)))
    network = mapping.import_model(model, "spikingjelly", input_shape=12, timesteps=T)
    first, second = network["m1"].neuron, network["m4"].neuron
    assert (first.leak, first.input_gain, first.v_rest, first.v_reset) == (0.75, 0.25, 0.5, 0.5)
    assert (second.leak, second.input_gain, second.compare) == (0.75, 1.0, ">=")


class Psn(nn.Module):
    """A neuron of the library's, but changed."""


class Changed(sj.LIFNode):
    """A subclass may compute anything."""


REFUSED = {
    "adaptive": (lambda: dense(sj.QIFNode(), lif()), r"module '1' \(QIFNode\) keeps a state"),
    "subclass": (lambda: dense(Changed(), lif()), r"module '1' \(Changed\) keeps a state"),
    "Izhikevich": (
        lambda: dense(lif(), sj.IzhikevichNode()), r"module '4' \(IzhikevichNode\) keeps a state",
    ),
    "not spiking": (
        lambda: dense(lif(surrogate_function=surrogate.ATan(spiking=False)), lif()),
        r"module '1' \(LIFNode\): its spike function gives",
    ),
    "synapse filter": (
        lambda: nn.Sequential(layer.Linear(12, 5), layer.SynapseFilter()),
        r"module '1' \(SynapseFilter\) keeps a state",
    ),
    "time and samples mixed": (
        lambda: nn.Sequential(nn.Linear(12, 5), sj.IFNode(step_mode="m"), nn.Flatten(), lif()),
        r"module '2' \(Flatten\) reshapes",
    ),
    "both modes": (
        lambda: nn.Sequential(nn.Linear(12, 5), sj.IFNode(step_mode="m"), sj.IFNode()),
        r"module '2' \(IFNode\) takes axes \(samples\), but gets \(time, samples\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(mapping.Unsupported, match=sentence) as found:
        examine(binarise(make()), "spikingjelly", input_shape=12, timesteps=T)
    assert "\n" not in str(found.value)

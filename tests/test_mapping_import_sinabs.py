"""sinabs models: spikes of what is read are the framework's own; the rest is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from importing import agree, binarise, by_population, framework, own_spikes, spikes_in

import mapping
from mapping.importers import examine

torch = framework("torch")
layers = framework("sinabs.layers")
activation = framework("sinabs.activation")
nn = torch.nn

pytestmark = pytest.mark.torch
T = 6
HALF = -1 / math.log(0.5)


def neuron(kind: str, **options: Any) -> Any:
    fields = {"spike_fn": activation.SingleSpike, **options}
    if "spike_threshold" in fields:
        fields["spike_threshold"] = torch.as_tensor(fields["spike_threshold"])
    return getattr(layers, kind)(**fields)


def exact_half(**options: Any) -> Any:
    """Make a LIF whose alpha is 1/2 exactly: trained as alphas, and set."""
    made = neuron("LIF", tau_mem=HALF, train_alphas=True, **options)
    made.alpha_mem.data = torch.tensor(0.5)
    return made


def dense(first: Any, second: Any) -> Any:
    return nn.Sequential(nn.Linear(12, 20), first, nn.Linear(20, 5, bias=False), second)


def squeezed(first: dict, second: dict, norm: bool = True, pool: Any = None) -> Any:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4) if norm else nn.Identity(),
        neuron("IAFSqueeze", batch_size=1, **first), pool or nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(36, 5), neuron("IAFSqueeze", batch_size=1, **second),
    )  # fmt: skip


def with_repeat() -> Any:
    return nn.Sequential(
        layers.Repeat(nn.Conv2d(2, 4, 3)), neuron("IAF", spike_threshold=2.0),
        layers.FlattenTime(), layers.SumPool2d(2), nn.Flatten(), nn.Linear(16, 5),
        layers.UnflattenTime(batch_size=1), neuron("IAF"),
    )  # fmt: skip


HARD = {"reset_fn": activation.MembraneReset()}
NETWORKS = {  # name: model, input shape, dyadic
    "IAF, soft": (lambda: dense(neuron("IAF"), neuron("IAF", spike_threshold=3.0)), (12,), True),
    "IAF, hard": (
        lambda: dense(neuron("IAF", **HARD), neuron("IAF", spike_threshold=2.0, **HARD)),
        (12,),
        True,
    ),
    "LIF, norm_input": (lambda: dense(exact_half(), exact_half(spike_threshold=0.5)), (12,), True),
    "LIF, no norm_input": (
        lambda: dense(exact_half(norm_input=False), exact_half(norm_input=False, **HARD)), (12,),
        True,
    ),
    "conv, batch norm": (lambda: squeezed({}, {"spike_threshold": 2.0}), (2, 6, 6), True),
    "conv, hard, max pool": (
        lambda: squeezed(HARD, HARD, norm=False, pool=nn.MaxPool2d(2)), (2, 6, 6), True,
    ),
    "repeat and sum pool": (with_repeat, (2, 6, 6), True),
    "float": (
        lambda: dense(neuron("LIF", tau_mem=3.0), neuron("LIF", tau_mem=7.0, norm_input=False)),
        (12,), None,
    ),
    "float conv": (lambda: squeezed({}, {"spike_threshold": 1.37}), (2, 6, 6), False),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_is_sinabs(name: str, seed: int) -> None:
    make, shape, exact = NETWORKS[name]
    model = binarise(make(), seed, scale=1.0 if exact else 0.7, norm="dyadic" if exact else "float")
    found = examine(model, "sinabs", input_shape=shape, timesteps=T)
    inputs = spikes_in(shape, T, seed + 1)
    flat = any(type(m).__name__ == "IAFSqueeze" for m in model.modules())
    for module in model.modules():
        if hasattr(module, "batch_size"):
            module.batch_size = len(inputs)
    axes = "N*T" if flat else "NT"
    theirs = own_spikes(
        model, inputs, axes, lambda m: axes if isinstance(m, layers.StatefulLayer) else None
    )
    ties = agree(found.network, inputs, by_population(theirs), bool(exact))
    rates = [float(a.mean()) for a in theirs.values()]
    assert 0.01 < min(rates) and max(rates) < 0.99, rates
    print(f"{name}: {len(inputs)} samples, {ties} near-ties, rates {np.round(rates, 2).tolist()}")


REFUSED = {
    "several spikes a timestep, the default": (
        lambda: dense(layers.IAF(), layers.IAF()), r"module '1' \(IAF\) fires by MultiSpike",
    ),
    "limited multi-spike": (
        lambda: dense(neuron("IAF"), layers.IAF(spike_fn=activation.MaxSpike(2))),
        r"module '3' \(IAF\) fires by MaxSpike",
    ),
    "min_v_mem": (
        lambda: dense(neuron("IAF", min_v_mem=-1.0), neuron("IAF")),
        r"module '1' \(IAF\) clips its membrane at min_v_mem",
    ),
    "synaptic current": (
        lambda: dense(neuron("LIF", tau_mem=2.0, tau_syn=2.0), neuron("IAF")),
        r"module '1' \(LIF\) has a synaptic current",
    ),
    "adaptive threshold": (
        lambda: dense(layers.ALIF(tau_mem=2.0, tau_adapt=2.0), neuron("IAF")),
        r"module '1' \(ALIF\) keeps a state and is no LIF or IAF",
    ),
    "recurrent": (
        lambda: dense(layers.LIFRecurrent(tau_mem=2.0, rec_connect=nn.Linear(20, 20)),
                      neuron("IAF")),
        r"module '1' \(LIFRecurrent\) keeps a state",
    ),
    "reset value": (
        lambda: dense(neuron("IAF", reset_fn=activation.MembraneReset(0.5)), neuron("IAF")),
        r"module '1' \(IAF\) has MembraneReset\(reset_value=0.5\), which sinabs adds to every",
    ),
    "subtracts something else": (
        lambda: dense(neuron("IAF", reset_fn=activation.MembraneSubtract(0.5)), neuron("IAF")),
        r"module '1' \(IAF\) subtracts 0.5, not its threshold",
    ),
    "tau for each neuron": (
        lambda: dense(neuron("LIF", tau_mem=torch.arange(2.0, 22.0)), neuron("IAF")),
        r"module '1' \(LIF\) has a tau_mem for each neuron",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(mapping.Unsupported, match=sentence) as found:
        examine(binarise(make()), "sinabs", input_shape=12, timesteps=T)
    assert "\n" not in str(found.value)

"""snnTorch models: spikes of what is read are the framework's own; the rest is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from importing import agree, binarise, by_population, framework, own_spikes, spikes_in

import mapping
from mapping.importers import examine

torch, snn = framework("torch"), framework("snntorch")
nn = torch.nn

pytestmark = pytest.mark.torch
T = 6


def leaky(**options: Any) -> Any:
    return snn.Leaky(**{"beta": 0.5, "init_hidden": True, **options})


def dense(bias: bool = True, norm: bool = False, **options: Any) -> Any:
    layers = [nn.Linear(12, 20, bias=bias), *([nn.BatchNorm1d(20)] if norm else []),
              leaky(**options), nn.Linear(20, 5, bias=bias), leaky(**options)]  # fmt: skip
    return nn.Sequential(*layers)


class Positive(nn.Sequential):
    """Weights of +1, so that a threshold above half of the largest current is still reached."""

    def __init__(self, *thresholds: float) -> None:
        first, second = (leaky(threshold=t, reset_delay=False) for t in thresholds)
        super().__init__(Ones(12, 20), first, Ones(20, 5), second)


class Ones(nn.Linear):
    """A binary layer of one's own: the weight is computed as it is called."""

    def __init__(self, fan: int, out: int) -> None:
        super().__init__(fan, out, bias=False)

    def forward(self, x: Any) -> Any:
        return nn.functional.linear(x, self.weight.abs())


class Conv(nn.Module):
    """Named modules and a loop over time, as the tutorials write it."""

    def __init__(self, norm: bool = False, pool: Any = nn.AvgPool2d, **options: Any) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.lif1 = snn.Leaky(**{"beta": 0.75, **options})
        self.pool = pool(2)
        self.fc = nn.Linear(4 * 3 * 3, 5)
        self.lif2 = snn.Leaky(**{"beta": 0.75, **options})

    def forward(self, x: Any) -> Any:
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        found = []
        for step in range(x.size(0)):
            spikes, mem1 = self.lif1(self.norm(self.conv1(x[step])), mem1)
            spikes, mem2 = self.lif2(self.fc(torch.flatten(self.pool(spikes), 1)), mem2)
            found.append(spikes)
        return torch.stack(found, dim=0), mem2


NETWORKS = {  # name: model, call, input shape, whether every parameter is dyadic
    "soft, delayed": (lambda: dense(threshold=2.0), "step", (12,), True),
    "zero, delayed": (lambda: dense(threshold=2.0, reset_mechanism="zero"), "step", (12,), True),
    "zero, at once": (
        lambda: dense(threshold=1.0, reset_mechanism="zero", reset_delay=False),
        "step",
        (12,),
        True,
    ),
    "soft, at once, no overshoot": (
        lambda: Positive(8.0, 14.0),
        "step",
        (12,),
        True,
    ),
    "batch norm": (lambda: dense(norm=True), "step", (12,), True),
    "IF": (lambda: dense(beta=1.0, threshold=3.0), "step", (12,), True),
    "no reset": (lambda: dense(reset_mechanism="none", threshold=3.0), "step", (12,), True),
    "threshold per neuron": (
        lambda: nn.Sequential(nn.Linear(12, 20), leaky(threshold=torch.arange(20.0) / 4)),
        "step",
        (12,),
        True,
    ),
    "learnt": (
        lambda: dense(learn_beta=True, learn_threshold=True, threshold=1.5), "step", (12,), True,
    ),
    "conv": (lambda: Conv(threshold=1.5), "TN", (2, 6, 6), True),
    "conv, hard, norm, max pool": (
        lambda: Conv(True, nn.MaxPool2d, reset_mechanism="zero"), "TN", (2, 6, 6), True,
    ),
    "conv, threshold per channel": (
        lambda: Conv(threshold=1.0, beta=0.5), "TN", (2, 6, 6), True,
    ),
    "float": (lambda: dense(norm=True, beta=0.9, threshold=1.1), "step", (12,), False),
    "float conv": (lambda: Conv(norm=True, beta=0.85), "TN", (2, 6, 6), False),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_is_snntorchs(name: str, seed: int) -> None:
    make, call, shape, exact = NETWORKS[name]
    model = binarise(make(), seed, norm="dyadic" if exact else "float")
    if "per channel" in name:
        model.lif1.threshold = torch.tensor([0.5, 1.0, 2.0, 4.0]).reshape(4, 1, 1)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    found = examine(model, "snntorch", input_shape=shape, timesteps=T)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    inputs = spikes_in(shape, T, seed + 1)
    theirs = own_spikes(
        model, inputs, call, lambda m: "N" if isinstance(m, snn.SpikingNeuron) else None
    )
    ties = agree(found.network, inputs, by_population(theirs), exact)
    rates = [float(a.mean()) for a in theirs.values()]
    assert 0.01 < min(rates) and max(rates) < 0.99, rates
    print(f"{name}: {len(inputs)} samples, {ties} near-ties, rates {np.round(rates, 2).tolist()}")


def test_findings_say_what_was_read() -> None:
    model = binarise(dense(threshold=2.0))
    lines = str(examine(model, "snntorch", input_shape=12, timesteps=T))
    assert (
        "module '1' (Leaky): u = 0.5 * u + current; fires at u > 2; then u - threshold, one"
        in lines
    )
    assert "module '0' (Linear): Dense 20x12, two-valued times 1" in lines
    assert "0 differences" in lines and "every spike of m1, m3 as in the source" in lines
    network = mapping.import_model(model, framework="snntorch", input_shape=12, timesteps=T)
    assert network["m1"].neuron.reset_delay == 1 and network["m1"].neuron.compare == ">"


def test_a_membrane_read_out() -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(12, 5), snn.Leaky(0.5, reset_mechanism="none")

        def forward(self, x: Any) -> Any:
            mem = self.lif.reset_mem()
            for now in x:
                _, mem = self.lif(self.fc(now), mem)
            return mem

    model = binarise(Reads())
    network = mapping.import_model(model, "snntorch", input_shape=12, timesteps=T)
    assert network.readout.kind == "membrane" and network.readout.source == "lif"
    inputs = spikes_in((12,), T, 3)
    with torch.no_grad():
        theirs = model(torch.tensor(inputs, dtype=torch.float32).swapaxes(0, 1)).numpy()
    assert np.array_equal(mapping.real.run(network, inputs).scores, theirs)


def recurrent() -> Any:
    return nn.Sequential(nn.Linear(12, 5), snn.RLeaky(0.5, linear_features=5, init_hidden=True))


REFUSED = {
    "synaptic": (
        lambda: nn.Sequential(nn.Linear(12, 5), snn.Synaptic(0.5, 0.5, init_hidden=True)),
        r"module '1' \(Synaptic\) is not a Leaky neuron",
    ),
    "recurrent": (recurrent, r"module '1' \(RLeaky\) is not a Leaky neuron"),
    "lapicque": (
        lambda: nn.Sequential(nn.Linear(12, 5), snn.Lapicque(0.5, init_hidden=True)),
        r"module '1' \(Lapicque\) is not a Leaky",
    ),
    "overshoot": (
        lambda: dense(threshold=1.0, reset_delay=False),
        r"module '1' \(Leaky\) has reset_delay=False, which adds the threshold back",
    ),
    "beta per neuron": (
        lambda: nn.Sequential(nn.Linear(12, 5), leaky(beta=torch.arange(5) / 8)),
        r"module '1' \(Leaky\) has a beta for each neuron",
    ),
    "graded": (
        lambda: nn.Sequential(nn.Linear(12, 5), leaky(graded_spikes_factor=2.0)),
        r"module '1' \(Leaky\) has graded_spikes_factor",
    ),
    "inhibition": (
        lambda: nn.Sequential(nn.Linear(12, 5), leaky(inhibition=True)),
        r"module '1' \(Leaky\) has inhibition",
    ),
    "quantised state": (
        lambda: nn.Sequential(nn.Linear(12, 5), leaky(state_quant=lambda mem: mem.round())),
        r"module '1' \(Leaky\) has state_quant",
    ),
    "negative threshold": (
        lambda: nn.Sequential(nn.Linear(12, 5), leaky(threshold=-1.0)),
        r"module '1' \(Leaky\) has a negative threshold",
    ),
    "random spikes": (
        lambda: nn.Sequential(
            nn.Linear(12, 5), leaky(spike_grad=lambda x: torch.bernoulli(torch.sigmoid(x)))
        ),
        r"module '1' \(Leaky\): its spike function",
    ),
    "relu": (
        lambda: nn.Sequential(nn.Linear(12, 5), nn.ReLU(), leaky()),
        r"module '1' \(ReLU\) calls torch function 'relu', which an importer does not know",
    ),
}


@pytest.mark.filterwarnings("ignore:Inhibition is an unstable feature")
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(mapping.Unsupported, match=sentence) as found:
        examine(binarise(make()), "snntorch", input_shape=12, timesteps=T)
    assert "\n" not in str(found.value)


def test_float_weights_are_refused() -> None:
    with pytest.raises(mapping.Unsupported, match=r"module '0' \(Linear\): weights are not two-va"):
        examine(dense(), "snntorch", input_shape=12, timesteps=T)


def test_a_wrong_reader_is_caught_by_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read >= where snnTorch fires at >: the neuron driven alone shows it."""
    from mapping.importers import from_snntorch

    monkeypatch.setattr(from_snntorch, "compare_of", lambda *_: ">=")
    with pytest.raises(mapping.Unsupported, match=r"'1' \(Leaky\), driven alone, does not do what"):
        examine(binarise(dense(threshold=2.0)), "snntorch", input_shape=12, timesteps=T)

"""Norse models: spikes of what is read are the framework's own; the rest is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from importing import agree, binarise, by_population, framework, own_spikes, spikes_in

import mapping
from mapping.importers import examine

torch = framework("torch")
norse = framework("norse.torch")
nn = torch.nn

pytestmark = pytest.mark.torch
T = 6


def box(k: float = 0.5, **options: float) -> Any:
    """Make a LIFBoxCell of dt * tau_mem_inv = k (dt 1/1024 so that k stays dyadic)."""
    reset = {"reset_method": norse.reset_subtract} if options.pop("soft", False) else {}
    fields = {name: torch.as_tensor(value) for name, value in options.items()}
    p = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(1024 * k), **fields, **reset)
    return norse.LIFBoxCell(p, dt=1 / 1024)


def iaf(cell: bool = True, **options: float) -> Any:
    p = norse.IAFParameters(**{name: torch.as_tensor(value) for name, value in options.items()})
    return (norse.IAFCell if cell else norse.IAF)(p)


def dense(first: Any, second: Any, norm: bool = False) -> Any:
    norms = [nn.BatchNorm1d(20)] if norm else []
    return norse.SequentialState(
        nn.Linear(12, 20), *norms, first, nn.Linear(20, 5, bias=False), second
    )


def conv(first: Any, second: Any) -> Any:
    return norse.SequentialState(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), first,
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5), second,
    )  # fmt: skip


def lifted() -> Any:
    return norse.SequentialState(
        norse.Lift(nn.Conv2d(2, 4, 3)), iaf(cell=False, v_th=2.0), norse.Lift(nn.AvgPool2d(2)),
        nn.Flatten(2), nn.Linear(16, 5), norse.Lift(box(0.25)),
    )  # fmt: skip


NETWORKS = {  # name: model, input shape, dyadic
    "box": (lambda: dense(box(), box(0.25, v_th=0.5)), (12,), True),
    "box, rest and reset": (
        lambda: dense(box(v_leak=0.25, v_reset=-0.5), box(v_leak=-0.5, v_th=0.25)), (12,), True,
    ),
    "box, soft reset": (lambda: dense(box(soft=True), box(0.25, soft=True)), (12,), True),
    "IAF": (lambda: dense(iaf(v_th=2.0), iaf(v_reset=0.5)), (12,), True),
    "batch norm": (lambda: dense(box(), box(v_th=0.5), norm=True), (12,), True),
    "conv": (lambda: conv(box(), iaf(v_th=2.0)), (2, 6, 6), True),
    "conv, lifted over time": (lifted, (2, 6, 6), True),
    "threshold per channel": (
        lambda: conv(box(v_th=np.float32([[[0.5]], [[1.0]], [[2.0]], [[0.25]]])), box()),
        (2, 6, 6), True,
    ),
    "float": (lambda: dense(box(0.3), box(0.17, v_th=0.4), norm=True), (12,), False),
    "float conv": (lambda: conv(box(0.4), box(0.6)), (2, 6, 6), None),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spike_is_norses(name: str, seed: int) -> None:
    make, shape, exact = NETWORKS[name]
    model = binarise(make(), seed, norm="dyadic" if exact else "float")
    found = examine(model, "norse", input_shape=shape, timesteps=T)
    inputs = spikes_in(shape, T, seed + 1)
    cells = (norse.LIFBoxCell, norse.IAFCell)

    def axes(module: Any) -> str | None:
        return "N" if isinstance(module, cells) else "TN" if isinstance(module, norse.IAF) else None

    call = "TN" if "lifted" in name else "step"
    theirs = own_spikes(model, inputs, call, axes, stateful=call == "step")
    ties = agree(found.network, inputs, by_population(theirs), bool(exact))
    rates = [float(a.mean()) for a in theirs.values()]
    assert 0.01 < min(rates) and max(rates) < 0.99, rates
    print(f"{name}: {len(inputs)} samples, {ties} near-ties, rates {np.round(rates, 2).tolist()}")


def test_the_default_box_scales_input_and_leak_by_a_tenth() -> None:
    """methods.md's line: dt * tau_mem_inv scales input and leak, >, reset at once."""
    model = binarise(norse.SequentialState(nn.Linear(12, 5), norse.LIFBoxCell()), scale=1.7)
    network = mapping.import_model(model, "norse", input_shape=12, timesteps=T)
    neuron = network["m1"].neuron
    assert abs(neuron.leak - 0.9) < 1e-7 and abs(neuron.input_gain - 0.1) < 1e-7
    assert (neuron.compare, neuron.reset) == (">", "zero")


REFUSED = {
    "current": (
        lambda: norse.SequentialState(nn.Linear(12, 5), norse.LIFCell()),
        r"module '1' \(LIFCell\) keeps a state and is no LIFBoxCell",
    ),
    "refractory": (
        lambda: norse.SequentialState(nn.Linear(12, 5), norse.LIFRefracCell()),
        r"module '1' \(LIFRefracCell\) keeps a state",
    ),
    "recurrent": (
        lambda: norse.SequentialState(norse.LIFRecurrentCell(12, 5)),
        r"module '0' \(LIFRecurrentCell\) keeps a state",
    ),
    "adaptive": (
        lambda: norse.SequentialState(nn.Linear(12, 5), norse.LSNNCell()),
        r"module '1' \(LSNNCell\) keeps a state",
    ),
    "decay for each neuron": (
        lambda: norse.SequentialState(
            nn.Linear(12, 5),
            norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.arange(1.0, 6) * 100)),
        ),
        r"module '1' \(LIFBoxCell\) has dt \* tau_mem_inv",
    ),
    "too fast": (
        lambda: norse.SequentialState(nn.Linear(12, 5), box(1.5)),
        r"module '1' \(LIFBoxCell\) has dt \* tau_mem_inv",
    ),
    "a reset of one's own": (
        lambda: norse.SequentialState(
            nn.Linear(12, 5),
            norse.LIFBoxCell(norse.LIFBoxParameters(reset_method=lambda z, v, r, th: v * 0)),
        ),
        r"module '1' \(LIFBoxCell\) resets by a function of its own",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, sentence = REFUSED[name]
    with pytest.raises(mapping.Unsupported, match=sentence) as found:
        examine(binarise(make()), "norse", input_shape=12, timesteps=T)
    assert "\n" not in str(found.value)

"""Shared by the importers' tests: nets with two-valued weights, and the framework's own spikes.

The source is run here by its own forward hooks, without the importers' code; what it fires is
compared with ``mapping.real`` of what was imported, on a thousand samples.
"""

from __future__ import annotations

import copy
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import needs
import numpy as np

from mapping import TrainedNetwork, fold, real
from sim import run
from sim.verify import verify

SAMPLES = 1000


def framework(name: str) -> Any:
    """Import a framework, or skip the test module that calls; what it warns of is its own."""
    needs.package(name.partition(".")[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def binarise(model: Any, seed: int = 0, scale: float = 1.0, norm: str = "dyadic") -> Any:
    """Make every weight -scale or +scale and every bias dyadic; give batch norms statistics.

    Norms are "dyadic" (gamma / sqrt(var + eps) and the rest are, with eps 0), or "float".
    """
    import torch
    from torch import nn

    rng = np.random.default_rng(seed)

    def draw(tensor: Any, values: tuple[float, ...]) -> None:
        tensor.data = torch.tensor(rng.choice(values, tuple(tensor.shape)), dtype=tensor.dtype)

    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            draw(module.weight, (-scale, scale))
            if module.bias is not None:
                draw(module.bias, (-0.5, 0.0, 0.25, 1.0))
        elif isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            if module.running_var is None:
                continue
            if norm == "dyadic":
                module.eps = 0.0
                draw(module.running_var, (1.0, 4.0, 16.0))
                draw(module.running_mean, (-1.0, 0.0, 2.0))
                draw(module.weight, (-1.0, 0.5, 1.0, 2.0))
                draw(module.bias, (-0.5, 0.0, 0.5))
            else:
                shape = tuple(module.weight.shape)
                for tensor, values in (
                    (module.running_var, rng.uniform(1, 9, shape)),
                    (module.running_mean, rng.normal(0, 1, shape)),
                    (module.weight, rng.normal(0, 1.5, shape)),
                    (module.bias, rng.normal(0, 0.5, shape)),
                ):
                    tensor.data = torch.tensor(values, dtype=torch.float32)
    return model.eval()


def spikes_in(shape: tuple[int, ...], timesteps: int, seed: int, top: int = 1) -> np.ndarray:
    """Draw SAMPLES inputs of varied density, (N, T, *shape)."""
    rng = np.random.default_rng(seed)
    full = (SAMPLES, timesteps, *shape)
    share = rng.uniform(0.05, 0.95, (SAMPLES, *(1 for _ in full[1:])))
    return np.where(rng.random(full) < share, rng.integers(1, top, full, endpoint=True), 0)


def own_spikes(
    model: Any,
    inputs: np.ndarray,
    call: str,
    is_neuron: Callable[[Any], str | None],
    stateful: bool = False,
) -> dict[str, np.ndarray]:
    """Run a model as its framework does, and keep what its neurons give.

    Args:
        inputs: (N, T, *shape) numbers.
        call: "step", "TN", "NT" or "N*T".
        is_neuron: a module to the axes of what it takes ("N" one timestep), or None.
        stateful: the model takes and returns its state.

    Returns
    -------
        Module path to (N, T, *shape).
    """
    import torch

    model = copy.deepcopy(model)
    samples, timesteps = inputs.shape[:2]
    x = torch.tensor(inputs, dtype=torch.float32)
    kept: dict[str, tuple[str, list]] = {}
    for path, module in model.named_modules():
        axes = is_neuron(module)
        if axes is not None:
            kept[path] = (axes, [])

            def hook(_m: Any, _a: Any, out: Any, parts: list = kept[path][1]) -> None:
                parts.append((out[0] if isinstance(out, tuple) else out).detach().numpy())

            module.register_forward_hook(hook)
    with torch.no_grad():
        if call == "step":
            state: tuple = ()
            for t in range(timesteps):
                out = model(x[:, t], *state)
                state = (out[1],) if stateful else ()
        elif call == "TN":
            model(x.swapaxes(0, 1))
        elif call == "NT":
            model(x)
        else:
            model(x.flatten(0, 1))
    found = {}
    for path, (axes, parts) in kept.items():
        if axes == "N":
            found[path] = np.stack(parts, axis=1)
        elif axes == "TN":
            found[path] = parts[0].swapaxes(0, 1)
        elif axes == "NT":
            found[path] = parts[0]
        else:
            found[path] = parts[0].reshape(samples, timesteps, *parts[0].shape[1:])
    return found


def agree(
    network: TrainedNetwork, inputs: np.ndarray, theirs: dict[str, np.ndarray], exact: bool
) -> int:
    """Assert that every spike is the source's; return how many samples hold a near-tie.

    Args:
        theirs: by population name. exact: no difference of any kind is allowed.
    """
    trace = real.run(network, inputs)
    spiking = [p.name for p in network.populations if p.spiking]
    assert sorted(theirs) == sorted(spiking)
    if exact:
        for name in spiking:
            assert np.array_equal(trace.spikes[name], theirs[name])
        folded(network, inputs[:200], theirs)
        return 0
    ties = 0
    for sample in range(len(inputs)):
        odd = {n: trace.spikes[n][sample] != theirs[n][sample] for n in spiking}
        when = [(int(o.reshape(len(o), -1).any(1).argmax()), n) for n, o in odd.items() if o.any()]
        if not when:
            continue
        t = min(when)[0]
        name = next(n for n in spiking if (t, n) in when)
        u = trace.u[name][sample, t]
        theta = network[name].neuron.threshold.reshape(-1, *(1 for _ in u.shape[1:]))
        near = np.abs(u - theta) <= 1e-5 * np.maximum(1, np.abs(theta))
        assert (near | ~odd[name][t]).all(), (sample, t, name)
        ties += 1
    assert ties <= 0.01 * len(inputs)
    return ties


def folded(network: TrainedNetwork, inputs: np.ndarray, theirs: dict[str, np.ndarray]) -> None:
    """Fold, verify, and assert that certified integers fire as the source does."""
    integers = fold(network)
    assert verify(integers, inputs[:20], ["fast"]).ok
    if all(p.certificate.exact for p in integers.populations):
        trace = run(integers, inputs)
        for name, spikes in theirs.items():
            assert np.array_equal(trace.spikes[name], spikes[: len(inputs)])
        print("folded exactly")


def by_population(theirs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Name module paths as populations are: a digit at the front gets an m."""
    return {(p if p[0].isalpha() else f"m{p}"): a for p, a in theirs.items()}

"""The way every torch framework goes: read, build, probe each neuron alone, probe the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .. import real
from ..coding import encode
from ..ports import Input
from ..trained import TrainedNetwork
from ..value import Unsupported, choice
from . import bounds, calls, copies, models, probe
from .chain import build
from .layers import Layer
from .models import CALLS, Framework, Source


def bring(
    model: Any,
    framework: Framework,
    enter: Input,
    timesteps: int,
    *,
    call: str | None = None,
    readout: str | None = None,
    probes: int = 256,
    near_ties: float = probe.SHARE,
    seed: int = 0,
) -> tuple[TrainedNetwork, list[str]]:
    """Read a torch model and prove on probes that it was read right.

    Returns
    -------
        The network, and what was found, one line per layer and probe.

    Raises
    ------
        Unsupported, ValueError: one sentence that names the module.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    if call is not None:
        choice(call, "call", CALLS)
    if call == "once" and enter.coding != "direct":
        raise ValueError("call 'once' gives the model one tensor: it needs coding 'direct'")
    models.leaves(model, framework)  # what is refused for its kind need not be copied
    model = copies.private(model)
    source = Source(model, framework, enter, timesteps, framework.call(model))
    try:
        source, last = calls.find_call(source, call)
    except ValueError as error:  # Unsupported is one
        kind = Unsupported if isinstance(error, Unsupported) else ValueError
        raise kind("; ".join((str(error), *framework.notes))) from error
    if last.data.get("output") == "state":
        readout = readout or "membrane"
    network, layer_findings, names = build(last, enter, timesteps, readout)
    _no_overshoot(source, network, names)
    findings = [f"{framework.name}: called {_called(source.call)}", *layer_findings]
    for path, name in names.items():
        findings.append(_alone(source, network, path, name, seed))
    findings += _whole(source, network, names, last, (probes, near_ties, seed))
    return network, findings


def _called(call: str) -> str:
    words = {"step": "once a timestep", "once": "once, with one tensor for every timestep"}
    return words.get(call, f"with every timestep at once, axes {call}")


def _no_overshoot(source: Source, network: TrainedNetwork, names: dict[str, str]) -> None:
    """Refuse neurons that reset otherwise beyond twice their threshold, if any can get there.

    After a reset u <= threshold, so that the next one is at most leak * threshold + the largest
    current; it stays within twice the threshold iff that current is at most (2 - leak) of it.
    """
    for path, name in names.items():
        neuron = network[name].neuron
        if not source.leaves[path].overshoot or neuron.reset != "subtract":
            continue
        most = np.broadcast_to(bounds.currents(network)[name][1], neuron.threshold.shape)
        odd = np.flatnonzero(most > (2 - neuron.leak) * neuron.threshold)
        if odd.size or (neuron.v_init > neuron.threshold).any():
            kind = type(source.model.get_submodule(path)).__name__
            at = int(odd[0]) if odd.size else 0
            raise Unsupported(
                f"module {path!r} ({kind}) has reset_delay=False, which adds the threshold back "
                f"to a membrane beyond twice of it; the current of channel {at} can reach "
                f"{most[at]:g} against threshold {neuron.threshold[at]:g}"
            )


def _alone(source: Source, network: TrainedNetwork, path: str, name: str, seed: int) -> str:
    label = f"module {path!r} ({type(source.model.get_submodule(path)).__name__})"
    leaf = source.leaves[path]
    neuron = replace(network[name].neuron, v_init=leaf.neuron.v_init)
    calm = leaf.overshoot and neuron.reset == "subtract"
    given = probe.currents(neuron, network.shapes[name], source.timesteps, seed, calm)
    theirs = models.guarded(lambda: models.drive(source, path, given), given.shape)
    ties = probe.check_neuron(neuron, given, theirs, label)
    return (
        f"{label}: driven alone with {given.size} currents at, below and beyond the threshold: "
        f"0 differences" + (f" but {ties} near-ties" if ties else "")
    )


def _whole(
    source: Source,
    network: TrainedNetwork,
    names: dict[str, str],
    last: Layer,
    options: tuple[int, float, int],
) -> list[str]:
    probes, near_ties, seed = options
    inputs = probe.draw(source.enter, source.timesteps, probes, seed)
    compared = [names[path] for path in source.leaves if path in names]

    def theirs(part: np.ndarray, trace: real.RealTrace) -> dict[str, np.ndarray]:
        steps = encode(source.enter, part, source.timesteps)
        spikes, outputs = models.spikes(source, steps.astype(np.float64))
        by_name = {names[path]: array for path, array in spikes.items() if path in names}
        if last.does != "fire":
            odd = probe.first_divergences(network, trace, by_name)
            _sums(source, network, trace, outputs, skip=[d.sample for d in odd])
        return by_name

    ties = probe.check(network, inputs, theirs, near_ties)
    what = f"every spike of {', '.join(compared)}" if compared else "the output"
    return probe.said(probes, f"{what} as in the source", ties)


def _sums(
    source: Source,
    network: TrainedNetwork,
    trace: real.RealTrace,
    outputs: list[np.ndarray],
    skip: list[int],
) -> None:
    """Compare what a layer without neurons gives, summed over time, with the read-out's."""
    ours = trace.u[network.readout.source][:, -1]
    ours = ours.reshape(len(ours), -1)
    theirs = _summed(source, outputs, *ours.shape)
    kept = np.setdiff1d(np.arange(len(ours)), skip)
    limit = 1e-4 * (1 + np.abs(ours).max(initial=0))
    for scale in (1.0, float(source.timesteps)):  # a mean is as good as a sum
        if np.abs(theirs * scale - ours)[kept].max(initial=0) <= limit:
            return
    raise Unsupported(
        f"the output, summed over time, is not the read-out {network.readout.source!r} of what "
        f"was read: {theirs[kept[0]][:4].tolist()} in the source, "
        f"{ours[kept[0]][:4].tolist()} here, in sample {int(kept[0])}"
    )


def _summed(source: Source, outputs: list[np.ndarray], samples: int, classes: int) -> np.ndarray:
    if len(outputs) == source.timesteps and source.call == "step":
        return sum(o.reshape(samples, -1) for o in outputs)  # type: ignore[return-value]
    (array,) = outputs
    if array.size == samples * classes:
        return array.reshape(samples, classes)
    if source.call == "TN" or source.call == "T*N" or source.call == "once":
        array = array.reshape(source.timesteps, samples, -1).swapaxes(0, 1)
    return array.reshape(samples, source.timesteps, -1).sum(axis=1)

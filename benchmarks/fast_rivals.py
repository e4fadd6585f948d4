"""The same inference in torch, snnTorch and SpikingJelly: forms of it, by name.

A dense chain of neurons without leak is exact in float32 everywhere, so that scores are compared;
of a folded convolutional network float32 rounds, and only its time is meant. Conversion from uint8
is part of every form, as packing is of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

from mapping import INPUT, Network

Form = Callable[[torch.Tensor], torch.Tensor]


def dense_forms(network: Network) -> Iterator[tuple[str, Form]]:
    """Yield (name, form) of a chain of dense populations: uint8 (samples, T, n) to counts."""
    layers, thresholds = [], []
    for p in network.populations:
        (edge,) = p.connections
        layer = nn.Linear(edge.op.weights.shape[1], edge.op.weights.shape[0])
        gain = torch.tensor(edge.gain, dtype=torch.float32)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(edge.op.weights, dtype=torch.float32) * gain[:, None])
            layer.bias.copy_(torch.tensor(edge.bias, dtype=torch.float32))
        layers.append(layer)
        thresholds.append(float(p.neuron.threshold[0]))

    def loop(x: torch.Tensor, whole: bool) -> torch.Tensor:
        x, steps = x.float(), x.shape[1]
        if whole:  # one product for all timesteps
            x = layers[0](x.flatten(0, 1)).unflatten(0, (-1, steps))
        v = [torch.zeros(len(x), layer.out_features) for layer in layers]
        total = torch.zeros_like(v[-1])
        for t in range(steps):
            s = x[:, t]
            for k, layer in enumerate(layers):
                v[k] = v[k] + (s if whole and k == 0 else layer(s))
                s = (v[k] >= thresholds[k]).float()
                v[k] = v[k] * (1 - s)
            total += s
        return total

    yield "torch, a step at a time", lambda x: loop(x, False)
    yield "torch, first layer at once", lambda x: loop(x, True)
    yield from _snntorch(layers, thresholds)
    yield from _spikingjelly(layers, thresholds)


def _snntorch(layers: list[nn.Linear], thresholds: list[float]) -> Iterator[tuple[str, Form]]:
    import snntorch

    cells = [  # fires strictly above: half below the integer threshold is the same
        snntorch.Leaky(beta=1.0, threshold=threshold - 0.5, reset_mechanism="zero")
        for threshold in thresholds
    ]

    def form(x: torch.Tensor) -> torch.Tensor:
        x = x.float()
        memory = [cell.init_leaky() for cell in cells]
        total = torch.zeros(len(x), layers[-1].out_features)
        for t in range(x.shape[1]):
            s = x[:, t]
            for k, (layer, cell) in enumerate(zip(layers, cells, strict=True)):
                s, memory[k] = cell(layer(s), memory[k])
            total += s
        return total

    yield "snnTorch", form


def _spikingjelly(layers: list[nn.Linear], thresholds: list[float]) -> Iterator[tuple[str, Form]]:
    from spikingjelly.activation_based import functional, neuron

    nodes = [
        neuron.IFNode(v_threshold=threshold, v_reset=0.0, step_mode="m").eval()
        for threshold in thresholds
    ]

    def form(x: torch.Tensor) -> torch.Tensor:
        s = x.float().transpose(0, 1).contiguous()
        for layer, node in zip(layers, nodes, strict=True):
            s = node(layer(s))
        for node in nodes:
            functional.reset_net(node)
        return s.sum(dim=0)

    yield "SpikingJelly, multi-step", form


def network_form(network: Network) -> Form:
    """Return any network of dense layers, convolutions, pools and joins, in float32.

    Operations run over all timesteps at once; only the neurons go one after the other.
    """
    channels_last = torch.channels_last

    def operation(op: object) -> Form:
        if op.name == "Identity":
            return lambda x: x
        if op.name == "Pool":
            pool = nn.functional.avg_pool2d if op.kind == "sum" else nn.functional.max_pool2d
            times = op.kernel[0] * op.kernel[1] if op.kind == "sum" else 1
            return lambda x: pool(x, op.kernel, op.stride, op.padding) * times
        weights = torch.tensor(op.weights, dtype=torch.float32)
        if op.name == "Dense":
            return lambda x: nn.functional.linear(x.flatten(1), weights)
        weights = weights.to(memory_format=channels_last)
        return lambda x: nn.functional.conv2d(
            x, weights, None, op.stride, op.padding, op.dilation, op.groups
        )

    plan = [
        (p, [(c, operation(c.op), torch.tensor(c.gain, dtype=torch.float32),
              torch.tensor(c.bias, dtype=torch.float32)) for c in p.connections])
        for p in network.populations
    ]  # fmt: skip
    direct, steps = network.input.coding == "direct", network.timesteps

    def form(x: torch.Tensor) -> torch.Tensor:
        samples = len(x)
        x = x.float() if direct else x.float().flatten(0, 1)
        if x.ndim == 4:
            x = x.contiguous(memory_format=channels_last)
        flow, still = {INPUT: x}, {INPUT: direct}
        for p, edges in plan:
            drive = 0
            for c, run, gain, bias in edges:
                acc = run(flow[c.source])
                lead = (-1, *(1 for _ in acc.shape[2:]))
                acc = acc * gain.view(lead) + bias.view(lead)
                if still[c.source]:
                    acc = acc.repeat_interleave(steps, 0)
                drive = drive + acc
            n = p.neuron
            drive = drive.unflatten(0, (samples, steps))
            leak, v, out = n.num / (1 << n.q), torch.zeros(1), []
            if n.threshold is not None:
                threshold = torch.tensor(n.threshold, dtype=torch.float32)
                threshold = threshold.view(-1, *(1 for _ in drive.shape[3:]))
            for t in range(steps):
                v = v * leak + drive[:, t]
                if n.threshold is None:
                    out.append(v)
                    continue
                s = (v >= threshold).float()
                out.append(s)
                v = v * (1 - s)
            flow[p.name], still[p.name] = torch.stack(out, 1).flatten(0, 1), False
        return flow[network.readout.source].unflatten(0, (samples, steps))[:, -1]

    return form


def times(form: Form, x: np.ndarray, repeats: int, clock: Callable[[], float]) -> float:
    """Return the least seconds of some runs."""
    tensor, best = torch.from_numpy(x), float("inf")
    with torch.no_grad():
        for _ in range(repeats):
            began = clock()
            form(tensor)
            best = min(best, clock() - began)
    return best

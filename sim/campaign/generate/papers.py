"""The networks of the papers, VGGSNN and ResNet-19, with trained-like random parameters.

Weights are random signs with a scale per channel; batch norm gets the mean and variance of a
forward pass on random inputs, population after population, as training would have left them.
Structures: Liang et al., AAAI-25 (arXiv 2502.14344), section 5; first and last layers of 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from mapping import (
    INPUT,
    Conv,
    Dense,
    Identity,
    Input,
    Pool,
    Readout,
    TrainedNetwork,
    trained,
)
from mapping.coding import encode
from mapping.real import Membranes, current

#: LIF of the papers: tau = 0.5, fires strictly above 1, hard reset to 0.
LIF = trained.Neuron(leak=0.5, threshold=1.0, compare=">")
STREAM = trained.Neuron(leak=0.0)


class Sketch:
    """A network that grows population by population, with what flows through it.

    Attributes
    ----------
        flows: population name to (samples, T, *shape) float64.
    """

    def __init__(self, seed: int, enter: Input, steps: int, samples: int) -> None:
        self.rng = np.random.default_rng([seed, 8])
        self.input, self.steps = enter, steps
        self.populations: list[trained.Population] = []
        shape = (
            (samples, *enter.shape) if enter.coding == "direct" else (samples, steps, *enter.shape)
        )
        x = self.rng.integers(0, enter.top + 1, shape)
        if enter.bits == 1:
            x = (self.rng.random(shape) < 0.3).astype(np.uint8)
        self.flows = {INPUT: encode(enter, x, steps) * enter.unit}

    def conv(
        self, source: str, out: int, size: int = 3, stride: int = 1, bits: int = 1,
        gate: Any = None, padding: int | None = None,
    ) -> trained.Connection:  # fmt: skip
        """Return a convolution with batch norm whose statistics are those of its sums.

        Args:
            padding: on each side; half the kernel unless told.
        """
        fan = self.flows[source].shape[2]
        weights = self._weights((out, fan, size, size), bits)
        op = Conv(weights, stride, size // 2 if padding is None else padding, bits=bits)
        scale = self.rng.lognormal(0, 0.2, out) / np.sqrt(fan * size * size) / (1 << (bits - 1))
        scale = scale.astype(np.float32)
        sums = np.stack([op.apply(self.flows[source][:, t]) for t in range(self.steps)], axis=1)
        sums = sums * scale.reshape(-1, 1, 1)
        norm = trained.Norm(
            gamma=self.rng.normal(1, 0.3, out).astype(np.float32),
            beta=self.rng.normal(0, 0.3, out).astype(np.float32),
            mean=sums.mean(axis=(0, 1, 3, 4)).astype(np.float32),
            var=(sums.var(axis=(0, 1, 3, 4)) + 1e-3).astype(np.float32),
        )
        return trained.Connection(source, op, scale=scale, norm=norm, gate=gate)

    def _weights(self, shape: tuple[int, ...], bits: int) -> np.ndarray:
        if bits == 1:
            return self.rng.choice(np.array([-1, 1], np.int8), shape)
        top = (1 << (bits - 1)) - 1
        return np.clip(np.rint(self.rng.normal(0, top / 3, shape)), -top, top).astype(np.int64)

    def add(self, name: str, neuron: trained.Neuron, *edges: trained.Connection) -> str:
        """Add a population and run it on what flows; return its name."""
        self.populations.append(trained.Population(name, edges, neuron))
        shape = edges[0].op.out_shape(self.flows[edges[0].source].shape[2:])
        if neuron.threshold is not None:
            neuron = replace(neuron, threshold=np.broadcast_to(neuron.threshold, (shape[0],)))
        state = Membranes(trained.Population(name, edges, neuron), (len(self.flows[INPUT]), *shape))
        out = []
        for t in range(self.steps):
            total = sum(
                current(_wide(c, shape[0]), c.op.apply(self.flows[c.source][:, t]), t)
                for c in edges
            )
            out.append(state.step(total, t)[0])
        self.flows[name] = np.stack(out, axis=1)
        return name

    def dense(self, source: str, out: int) -> trained.Connection:
        """Return one-bit weights with batch norm whose statistics are those of its sums."""
        fan = int(np.prod(self.flows[source].shape[2:]))
        op = Dense(self._weights((out, fan), 1))
        sums = np.stack([op.apply(self.flows[source][:, t]) for t in range(self.steps)], axis=1)
        norm = trained.Norm(
            gamma=self.rng.normal(1, 0.3, out).astype(np.float32),
            beta=self.rng.normal(0, 0.3, out).astype(np.float32),
            mean=sums.mean(axis=(0, 1)).astype(np.float32),
            var=(sums.var(axis=(0, 1)) + 1e-3).astype(np.float32),
        )
        return trained.Connection(source, op, norm=norm)

    def finish(self, source: str, classes: int, bits: int = 8) -> TrainedNetwork:
        """Add the last layer, of 8 bits unless told, whose membrane sum is read out."""
        fan = int(np.prod(self.flows[source].shape[2:]))
        op = Dense(self._weights((classes, fan), bits), bits)
        scale = float(np.float32(1 / max((1 << (bits - 1)) - 1, 1) / np.sqrt(fan)))
        bias = self.rng.normal(0, 0.05, classes).astype(np.float32)
        edge = trained.Connection(source, op, scale=scale, bias=bias)
        self.add("out", trained.Neuron(leak=1.0), edge)
        return TrainedNetwork(
            self.input, tuple(self.populations), Readout("out", "membrane"), self.steps
        )


def _wide(c: trained.Connection, channels: int) -> trained.Connection:
    return replace(
        c, scale=np.broadcast_to(c.scale, (channels,)), bias=np.broadcast_to(c.bias, (channels,))
    )


def vggsnn(
    steps: int, seed: int = 0, size: int = 48, classes: int = 10, samples: int = 2,
    gates: bool = False, share: int = 1,
) -> TrainedNetwork:  # fmt: skip
    """Return VGGSNN: 64C3-128C3-AP2-256C3-256C3-AP2-(512C3-512C3-AP2) twice-FC.

    Args:
        steps: T. size: of the event frames, (2, size, size). gates: adaptive ones on the binary
            convolutions. share: the channels are divided by it.
    """
    s = Sketch(seed, Input((2, size, size)), steps, samples)
    gate = _gates(s, gates)
    source, number = s.add("conv1", LIF, s.conv(INPUT, 64 // share, bits=8)), 1
    for channels in ((128,), (256, 256), (512, 512), (512, 512)):
        for out in channels:
            number += 1
            conv = s.conv(source, out // share, gate=gate())
            source = s.add(f"conv{number}", LIF, conv)
        pool = trained.Connection(source, Pool(2, kind="sum"), scale=0.25)
        source = s.add(f"pool{number}", STREAM, pool)
    return s.finish(source, classes)


def resnet19(
    steps: int, seed: int = 0, size: int = 32, classes: int = 100, samples: int = 2,
    skips: str = "spikes", gates: bool = False, share: int = 1,
) -> TrainedNetwork:  # fmt: skip
    """Return ResNet-19 with a skip around every 3x3 convolution.

    Args:
        steps: T. size: of the images, (3, size, size) of 8 bits, presented at every timestep.
        skips: "spikes", LIF(BN(conv(s)) + s), or "stream", x + BN(conv(LIF(x))).
        gates: adaptive ones on the binary 3x3 convolutions. share: channels are divided by it.
    """
    s = Sketch(seed, Input((3, size, size), 8, "direct", 1 / 255), steps, samples)
    gate = _gates(s, gates)
    stream = skips == "stream"
    source = s.add("conv1", STREAM if stream else LIF, s.conv(INPUT, 128 // share, bits=8))
    number = 1
    for wide, blocks in ((128, 3), (256, 3), (512, 2)):
        out = wide // share
        for k in range(2 * blocks):
            number += 1
            stride = 2 if k == 0 and wide > 128 else 1
            spikes = source
            if stream:
                spikes = s.add(f"lif{number}", LIF, trained.Connection(source, Identity()))
            main = s.conv(spikes, out, stride=stride, gate=gate())
            skip = trained.Connection(source, Identity())
            if stride == 2:
                skip = s.conv(spikes, out, 1, stride)
            source = s.add(f"conv{number}", STREAM if stream else LIF, main, skip)
    if stream:
        source = s.add("lif", LIF, trained.Connection(source, Identity()))
    side = s.flows[source].shape[-1]
    pool = trained.Connection(source, Pool(side, kind="sum"), scale=1 / side**2)
    return s.finish(s.add("pool", STREAM, pool), classes)


def cnv(seed: int = 0, classes: int = 10, samples: int = 2, share: int = 1) -> TrainedNetwork:
    """Return the shape of FINN's CNV as a network of one timestep, all weights of one bit.

    Umuroglu et al., FPGA '17 (arXiv 1612.07119), section 4: 64C3-64C3-MP2-128C3-128C3-MP2-256C3-
    256C3-512-512-10 on 3 x 32 x 32 pixels of 8 bits, nothing padded. Spikes of 0 and 1 stand in
    for its activations of -1 and 1.

    Args:
        share: the channels are divided by it.
    """
    s = Sketch(seed, Input((3, 32, 32), 8, "direct", 1 / 255), 1, samples)
    source, number = INPUT, 0
    for channels in (64, 128, 256):
        for _ in range(2):
            number += 1
            conv = s.conv(source, channels // share, padding=0)
            source = s.add(f"conv{number}", LIF, conv)
        if channels < 256:
            pool = trained.Connection(source, Pool(2, kind="max"))
            source = s.add(f"pool{number}", STREAM, pool)
    for name in ("fc1", "fc2"):
        source = s.add(name, LIF, s.dense(source, 512 // share))
    return s.finish(source, classes, bits=1)


def _gates(s: Sketch, wanted: bool) -> Callable[[], Any]:
    def gate() -> Any:
        return trained.Gate(s.rng.normal(1, 0.3, s.steps)) if wanted else None

    return gate

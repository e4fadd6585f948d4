"""Random networks of windows over small maps, for tests of what is emitted of them."""

from __future__ import annotations

import numpy as np

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
)  # fmt: skip


def draw_maps(seed: int) -> Network:
    """Draw a network of 1 to 4 populations: convolutions, pools, joins, then a dense layer."""
    rng = np.random.default_rng([seed, 21])
    steps = int(rng.integers(1, 4))
    shape = tuple(int(n) for n in (rng.integers(1, 5), rng.integers(1, 7), rng.integers(1, 7)))
    bits = int(rng.choice([1, 1, 3]))
    enter = Input(shape, bits, str(rng.choice(["steps", "direct"])))
    populations: list[Population] = []
    source = "input"
    for k in range(int(rng.integers(1, 4))):
        op = _op(rng, shape)
        try:
            out = op.out_shape(shape)
        except ValueError:  # the window does not fit
            continue
        edges = [Connection(source, op, bias=rng.integers(-1, 2, out[0]))]
        if out == shape and rng.random() < 0.3:
            edges.append(Connection(source, Identity(), gain=2))
        reset = str(rng.choice(["zero", "subtract"]))
        neuron = Neuron(1, 1, threshold=rng.integers(0, 3, out[0]), reset=reset, rho=1)
        populations.append(Population(f"p{k}", tuple(edges), neuron))
        source, shape = f"p{k}", out
    if not populations or rng.random() < 0.5:
        weights = rng.choice([-1, 1], (int(rng.integers(1, 6)), int(np.prod(shape))))
        edge = Connection(source, Dense(weights), bias=1)
        populations.append(Population("d", (edge,), Neuron(1, 1, threshold=1)))
    return Network(enter, tuple(populations), Readout(populations[-1].name), steps)


def _op(rng: np.random.Generator, shape: tuple[int, ...]) -> Conv | Pool:
    kind = str(rng.choice(["conv", "conv", "group", "depthwise", "sum", "max"]))
    kernel = tuple(int(rng.integers(1, min(4, n) + 1)) for n in shape[1:])
    stride = tuple(int(n) for n in rng.integers(1, 3, 2))
    padding = tuple(int(rng.integers(0, n + 1)) for n in kernel)
    if kind in ("sum", "max"):
        return Pool(kernel, stride, tuple(p // 2 for p in padding), kind)
    groups = {"conv": 1, "group": 2 if shape[0] % 2 == 0 else 1, "depthwise": shape[0]}[kind]
    out = int(rng.integers(1, 7)) if kind == "conv" else shape[0]
    weights = rng.choice([-1, 1], (out, shape[0] // groups, *kernel))
    return Conv(weights, stride, padding, groups=groups)

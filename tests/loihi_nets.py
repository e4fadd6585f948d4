"""Small networks for the tests of neurocores, and neurons counted one by one."""

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
)
from mapping.loihi.reach import as_map
from mapping.loihi.values import Tile


def signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Draw -1 and +1."""
    return rng.choice(np.array([-1, 1], np.int8), shape)


def residual(seed: int = 0, steps: int = 5) -> Network:
    """Return a network with a convolution, a skip, pools of both kinds, groups, and a dense end."""
    rng = np.random.default_rng(seed)
    fires = Neuron(threshold=rng.integers(1, 4, 12))
    populations = (
        Population("a", (Connection("input", Conv(signs(rng, 12, 2, 3, 3), padding=1)),), fires),
        Population(
            "b",
            (Connection("a", Conv(signs(rng, 12, 12, 3, 3), padding=1)),
             Connection("a", Identity())),
            Neuron(threshold=rng.integers(1, 30, 12)),
        ),
        Population("g", (Connection("b", Conv(signs(rng, 12, 4, 3, 3), 2, 1, groups=3)),),
                   Neuron(threshold=2)),
        Population("m", (Connection("g", Pool(2, kind="max")),), Neuron(num=0)),
        Population("s", (Connection("m", Pool(2, kind="sum")),), Neuron(threshold=2)),
        Population("out", (Connection("s", Dense(signs(rng, 10, 12))),), Neuron(threshold=1)),
    )  # fmt: skip
    return Network(Input((2, 9, 9)), populations, Readout("out"), steps)


def mlp(seed: int = 0, hidden: int = 128, steps: int = 6) -> Network:
    """Return 784-hidden-10."""
    rng = np.random.default_rng(seed)
    populations = (
        Population("hidden", (Connection("input", Dense(signs(rng, hidden, 784))),),
                   Neuron(threshold=rng.integers(1, 40, hidden))),
        Population("out", (Connection("hidden", Dense(signs(rng, 10, hidden))),),
                   Neuron(threshold=rng.integers(1, 12, 10))),
    )  # fmt: skip
    return Network(Input((784,)), populations, Readout("out"), steps)


def convolutions(seed: int = 0, steps: int = 4) -> Network:
    """Return six convolutions with two pools between, as VGG is built, and a dense end."""
    rng = np.random.default_rng(seed)
    populations, source, fan = [], "input", 2
    for k, (channels, pool) in enumerate(
        [(8, False), (8, True), (16, False), (16, True), (24, False), (24, False)]
    ):
        op = Conv(signs(rng, channels, fan, 3, 3), padding=1)
        fires = Neuron(threshold=rng.integers(1, 4, channels))
        populations.append(Population(f"conv{k}", (Connection(source, op),), fires))
        source, fan = f"conv{k}", channels
        if pool:
            edge = Connection(source, Pool(2, kind="max"))
            populations.append(Population(f"pool{k}", (edge,), Neuron(num=0, threshold=1)))
            source = f"pool{k}"
    end = Connection(source, Dense(signs(rng, 10, 24 * 16)))
    populations.append(Population("out", (end,), Neuron(threshold=3)))
    return Network(Input((2, 16, 16)), tuple(populations), Readout("out"), steps)


def neurons_of(tile: Tile, shape: tuple[int, ...]) -> np.ndarray:
    """Return the flat numbers of a tile's neurons."""
    wide = as_map(shape)
    index = np.arange(np.prod(wide)).reshape(wide)
    return index[tile.channels, slice(*tile.rows), slice(*tile.cols)].ravel()


def reaches(connection: Connection, shape: tuple[int, ...], out: tuple[int, ...]) -> np.ndarray:
    """Return (source neurons, neurons) whether there is a synapse, from one impulse at a time."""
    op = connection.op
    size = int(np.prod(shape))
    impulses = np.eye(size, dtype=np.int64).reshape(size, *shape)
    if hasattr(op, "weights"):  # every weight as 1: zeros are stored too
        found = op.weigh(np.ones_like(op.weights, np.int64), impulses)
    else:
        found = op.apply(impulses)
    return found.reshape(size, int(np.prod(out))) != 0


def drawn(network: Network, samples: int, seed: int) -> np.ndarray:
    """Draw inputs of a network."""
    rng = np.random.default_rng(seed)
    enter = network.input
    steps = (network.timesteps,) if enter.coding == "steps" else ()
    if enter.bits == 1:
        return (rng.random((samples, *steps, *enter.shape)) < 0.3).astype(np.int64)
    return rng.integers(0, enter.top + 1, (samples, *steps, *enter.shape))

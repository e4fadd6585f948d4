"""Networks of maps whose mutants are tried: windows, wide weights, pools, a join, a gate.

Each is made by a seed; ``mutation`` says what they must do, and which seeds do.
"""

from __future__ import annotations

import numpy as np

from mapping import (
    Connection,
    Conv,
    Dense,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
)
from mapping.ops.op import Op


def signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return random weights of one bit."""
    return rng.choice([-1, 1], shape)


def whole(rng: np.random.Generator, bits: int, *shape: int) -> np.ndarray:
    """Return random weights of several bits, none of them 0."""
    top = (1 << bits - 1) - 1
    return rng.integers(1, top + 1, shape) * rng.choice([-1, 1], shape)


def biased(
    rng: np.random.Generator, source: str, op: Op, low: int, high: int, **more: object
) -> Connection:
    """Return a connection with a bias for each of its channels, from low to below high."""
    return Connection(source, op, bias=rng.integers(low, high, len(op.weights)), **more)


def window(seed: int) -> tuple[Network, dict]:
    """Return padded, strided, dilated and grouped convolutions, and the options of its design."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (biased(rng, "input", Conv(signs(rng, 4, 4, 3, 3), padding=1), -2, 3),),
        Neuron(1, 1, rng.integers(2, 8, 4)),
    )  # fmt: skip
    grouped = Conv(signs(rng, 4, 2, 2, 2), (2, 1), groups=2, dilation=(1, 2))
    b = Population(
        "b", (biased(rng, "a", grouped, -1, 2),),
        Neuron(3, 2, rng.integers(1, 4, 4), v_reset=rng.integers(-1, 2, 4)),
    )  # fmt: skip
    return Network(Input((4, 5, 4)), (a, b), Readout("b"), 3), {"pe": 2, "simd": 2, "block": 1}


def wide(seed: int) -> tuple[Network, dict]:
    """Return weights of four bits before spikes, several bits and signed values."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (biased(rng, "input", Dense(whole(rng, 4, 6, 7), 4), -3, 4),),
        Neuron(1, 1, rng.integers(4, 20, 6)),
    )  # fmt: skip
    s = Population("s", (Connection("a", Dense(whole(rng, 4, 5, 6), 4)),), Neuron(0, 0))
    b = Population(
        "b", (biased(rng, "s", Dense(whole(rng, 4, 4, 5), 4), -3, 4),),
        Neuron(1, 1, rng.integers(4, 60, 4)),
    )  # fmt: skip
    options = {"pe": [3, 2, 2], "simd": [4, 4, 3], "block": 1}
    return Network(Input((7,), bits=2), (a, s, b), Readout("b"), 4), options


def pool(seed: int) -> tuple[Network, dict]:
    """Return an OR of spikes, a maximum of values and a sum, in one block of timesteps."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (biased(rng, "input", Conv(signs(rng, 4, 2, 2, 2)), 0, 3),),
        Neuron(1, 1, rng.integers(1, 4, 4)),
    )  # fmt: skip
    p = Population(
        "p", (Connection("a", Pool(2, 1), gain=2, bias=-1),
              Connection("a", Pool(2, 1, kind="max"), bias=rng.integers(-1, 2, 4))),
        Neuron(0, 0),
    )  # fmt: skip
    b = Population(
        "b", (Connection("p", Pool(2, kind="max"), bias=rng.integers(-3, 3, 4)),),
        Neuron(1, 1, rng.integers(2, 9, 4), reset="subtract", rho=rng.integers(2, 9, 4)),
    )  # fmt: skip
    options = {"pe": 2, "simd": 2, "block": 3}
    return Network(Input((2, 6, 6)), (a, p, b), Readout("b"), 3), options


def join(seed: int) -> tuple[Network, dict]:
    """Return a skip around a convolution, delayed, and a residual sum of values."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (biased(rng, "input", Conv(signs(rng, 4, 2, 3, 3), padding=1), -1, 2),),
        Neuron(1, 1, rng.integers(1, 5, 4)),
    )  # fmt: skip
    s = Population(
        "s", (Connection("a", Conv(signs(rng, 4, 4, 1, 1)), gain=2),
              Connection("a", Identity(), delay=1, gain=rng.integers(1, 4, 4))),
        Neuron(0, 0),
    )  # fmt: skip
    b = Population(
        "b", (Connection("s", Identity()),
              Connection("a", Conv(signs(rng, 4, 4, 3, 3), padding=1))),
        Neuron(1, 1, rng.integers(2, 9, 4), refractory=1),
    )  # fmt: skip
    return Network(Input((2, 4, 3)), (a, s, b), Readout("b"), 4), {"pe": 2, "simd": 2, "block": 1}


def gate(seed: int) -> tuple[Network, dict]:
    """Return a gate over a map, whose table the data choose from."""
    rng = np.random.default_rng(seed)
    a = Population(
        "a", (biased(rng, "input", Conv(signs(rng, 4, 2, 2, 2)), -1, 2),),
        Neuron(1, 1, rng.integers(1, 4, 4)),
    )  # fmt: skip
    chosen = Gate(
        weights=rng.integers(1, 4, 4) * rng.choice([-1, 1], 4), offset=16, shift=3,
        table=rng.integers(1, 9, (3, 8)), per_channel=False,
    )  # fmt: skip
    gained = Connection("a", Conv(signs(rng, 4, 4, 2, 2)), gain=rng.integers(1, 4, 4), gate=chosen)
    b = Population(
        "b", (gained,),
        Neuron(1, 1, rng.integers(2, 30, 4)),
    )  # fmt: skip
    return Network(Input((2, 4, 4)), (a, b), Readout("b"), 3), {"pe": 2, "simd": 2, "block": 1}


#: By name.
MAPS = {made.__name__: made for made in (window, wide, pool, join, gate)}

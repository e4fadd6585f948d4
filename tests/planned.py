"""Small networks for tests of the Plan, by the ways between their populations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout

#: Populations in their order, each with the (source, delay) of what it reads; -1 is the input.
Ways = Sequence[Sequence[tuple[int, int]]]


def network(sizes: Sequence[int], ways: Ways, steps: int = 6, seed: int = 0, **given) -> Network:
    """Return a network; sizes: of the input, and of every population."""
    rng = np.random.default_rng(seed)
    names = ["input", *(f"p{k}" for k in range(len(ways)))]
    populations = []
    for k, mine in enumerate(ways):
        m = sizes[k + 1]
        edges = tuple(
            Connection(
                names[s + 1], Dense(rng.choice([-1, 1], (m, sizes[s + 1]))),
                gain=1, bias=0, delay=d,
            )
            for s, d in mine
        )  # fmt: skip
        populations.append(Population(names[k + 1], edges, Neuron(1, 1, threshold=2)))
    given = {"input": Input((sizes[0],)), **given}
    return Network(given["input"], tuple(populations), Readout(names[-1]), steps)


CHAIN: Ways = [[(-1, 0)], [(0, 0)]]
SKIPS: Ways = [[(-1, 0)], [(0, 0)], [(0, 0), (1, 0)], [(-1, 0), (2, 0)]]
SELF: Ways = [[(-1, 0), (0, 1)], [(0, 0)]]
BACK: Ways = [[(-1, 0), (1, 2)], [(0, 0)]]
LATE: Ways = [[(-1, 3)], [(0, 2)]]

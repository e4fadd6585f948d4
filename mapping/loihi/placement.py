"""A network on the neurocores of a chip: split, put on the mesh, moved until ways are short."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..network import Network
from ..value import integer
from .chips import Chip, chip_named
from .mesh import arrangement, chips_in_turn, row_by_row
from .moves import refined
from .partition import cores, links_of
from .traffic import counts_of, traffic
from .values import Placement

#: How much the ways of single connections weigh at first beside the sum of all.
SHARE = 0.3
#: Shares of the way row by row: what a connection is pulled to, and below which rounds end.
WANTED, DONE = 0.7, 0.75
#: A share that is good enough: of rounds that bring every connection below it, the one with the
#: shortest sum of ways is taken.
ENOUGH = 0.78
#: Rounds at most, fewer where cores times places are many.
ROUNDS, WORK = 20, 110_000_000


def place(
    network: Network,
    chip: Chip | str,
    spikes: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
    order: str = "hilbert",
) -> Placement:
    """Place a network on the cores of a chip, or of as many as it needs.

    Args:
        chip: ``"loihi1"``, ``"loihi2"``, or limits of one's own.
        spikes: mean spikes of a sample, (timesteps, \\*shape) by population, as
            ``mapping.cost.Activity(..).means`` has them; None: one a neuron.
        seed: of what ties are broken by; the same seed gives the same placement.
        order: ``"hilbert"``: along a Hilbert curve, then refined; ``"row_major"``: cores as they
            are numbered, row by row, to compare with.

    Raises
    ------
        Unsupported: a population does not fit: the limit that it breaks is named.
        ValueError: spikes of another shape.
    """
    named = chip_named(chip)
    integer(seed, "seed", 0)
    if order not in ("hilbert", "row_major"):
        raise ValueError(f"order must be 'hilbert' or 'row_major', not {order!r}")
    counts = counts_of(network, spikes)
    filled = cores(network, named)
    edges, packets, groups, names = traffic(network, links_of(network), filled, counts)
    chips = arrangement(len(filled), named)
    places = chips_in_turn(len(filled), named, chips, order == "hilbert")
    if order == "hilbert":
        slots = chips_in_turn(_slots(len(filled), named), named, chips, True)
        naive = np.minimum(
            _ways(chips_in_turn(len(filled), named, chips, False), edges, packets, groups),
            _ways(row_by_row(len(filled), named, chips), edges, packets, groups),
        )
        places = _nearer(places, naive, slots, edges, packets, groups, seed)
    return Placement(
        chip=named,
        cores=tuple(filled),
        places=places,
        chips=chips,
        traffic=edges,
        packets=packets,
        edge_groups=groups,
        connections=tuple(names),
        measured=spikes is not None,
        seed=seed,
    )


def _nearer(
    places: np.ndarray, naive: np.ndarray, slots: np.ndarray, edges: np.ndarray,
    packets: np.ndarray, groups: np.ndarray, seed: int,
) -> np.ndarray:  # fmt: skip
    """Return better places, in rounds that pull harder at connections whose ways stayed long.

    A connection's way is long against ``naive``, what it is when cores are numbered row by row,
    chip by chip or over the whole mesh: those with few packets would else be left behind.
    """
    naive = np.maximum(naive, np.bincount(groups, packets) / 4)  # in one tile as it is
    there = naive > 0
    first = 1 + SHARE * naive.sum() / max(1, there.sum()) / np.where(there, naive, np.inf)
    rounds = max(2, min(ROUNDS, WORK // (len(places) * len(slots))))
    weights, best, least = first, places, (np.inf, np.inf)
    for k in range(rounds):
        places = refined(places, slots, edges, packets * weights[groups], seed)
        ways = _ways(places, edges, packets, groups)
        share = ways / np.where(there, naive, np.inf)
        longest = float(share.max(initial=0))
        score = max(longest, ENOUGH), float(ways.sum())
        if score < least:
            best, least = places, score
        if longest <= DONE:
            break
        pull = np.clip(share / WANTED, 0.5, 4) ** (2 / (1 + k / 3))  # ever gentler: no swinging
        weights = np.maximum(first, weights * pull)
    return best


def _ways(
    places: np.ndarray, edges: np.ndarray, packets: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Return packets times tiles passed, by connection."""
    ends = places[edges][:, :, :2]
    return np.bincount(groups, packets * np.abs(ends[:, 0] - ends[:, 1]).sum(axis=1))


def _slots(count: int, chip: Chip) -> int:
    """Return the places of all chips that are needed."""
    each = chip.cores.value or 1
    return -(-count // each) * each

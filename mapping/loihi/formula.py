"""Bits of synaptic memory, and axons, of one tile's synapses: nengo-loihi's documented formula.

Synapses of an input axon lie in blocks of at most 64; a block has 10 bits of its own, and ends at
a multiple of 64 bits. Each synapse holds its weight, its delay (6 bits, where there are delays),
and the index of its compartment, unless the axon reaches every compartment in order. A population
axon stands for a place of the source's map: its atoms are the channels. Axons whose weights are
the same up to the base compartment share them; a base names a compartment below ``base_reach``,
and what lies beyond is in the indices, which are then other ones (``bits_per_axon`` in its
``block.py``, ``conv2d_loihi_weights`` in ``conv.py``).
"""

from __future__ import annotations

import functools

import numpy as np

from .chips import Chip
from .reach import Link, seen
from .values import Span

#: Widths of an index that Loihi 1 has.
INDEX_BITS = (0, 6, 7, 8, 9, 10, 11, 12)
#: Slots of a population axon with 32 bits among output axons.
SLOTS = {"discrete": 1, "population": 2}
DELAY_BITS, BLOCK, OWN, WORD = 6, 64, 10, 64


def axon_bits(synapses: np.ndarray | int, each: int) -> np.ndarray:
    """Return the bits of axons with so many synapses, of ``each`` bits."""
    many = np.asarray(synapses, np.int64)
    full, rest = many // BLOCK, many % BLOCK
    block = -(-(BLOCK * each + OWN) // WORD) * WORD
    tail = -(-(rest * each + OWN) // WORD) * WORD
    return full * block + np.where(rest > 0, tail, 0)


def index_bits(most: int) -> int:
    """Return the width of indices up to ``most``; wider ones than Loihi 1 has are as they are."""
    need = int(most).bit_length()
    return next((bits for bits in INDEX_BITS if bits >= need), need)


def atom_groups(channels: int, chip: Chip) -> list[int]:
    """Return how many channels each of a place's population axons stands for."""
    most = chip.atoms.value or channels
    full, rest = divmod(channels, most)
    return [most] * full + ([rest] if rest else [])


def dense_synapses(link: Link, targets: int, axons: str, chip: Chip) -> tuple[int, int]:
    """Return bits and input axons of a dense link into a tile of so many neurons."""
    each = link.weight_bits + (DELAY_BITS if link.delay else 0)
    channels, places = link.source[0], link.source[1] * link.source[2]
    if axons == "discrete":
        return int(axon_bits(targets, each)) * channels * places, channels * places
    groups = atom_groups(channels, chip)
    bits = sum(int(axon_bits(atoms * targets, each)) for atoms in groups)
    return bits * places, len(groups) * places


@functools.lru_cache(maxsize=1 << 16)
def window_synapses(
    link: Link, channels: int, pairs: tuple[int, ...], rows: Span, cols: Span, base: int,
    reach: int | None,
) -> tuple[int, int]:  # fmt: skip
    """Return bits and input axons of a window's population axons into a tile.

    Args:
        channels: of the tile. pairs: (source channel, tile channel) pairs of each axon of a place.
        base: the tile's first compartment on its core. reach: ``base_reach`` of the chip.
    """
    assert link.rows is not None and link.cols is not None
    down, across = seen(link.rows, *rows), seen(link.cols, *cols)
    if not len(down.sources) or not len(across.sources) or not sum(pairs):
        return 0, 0
    width = cols[1] - cols[0]
    first = base + (down.first[:, None] * width + across.first) * channels
    span = (down.last - down.first)[:, None] * width + (across.last - across.first)
    far = np.zeros_like(first) if reach is None else first // reach
    most = int((far * (reach or 0) + (span + 1) * channels - 1).max())
    each = link.weight_bits + index_bits(most) + (DELAY_BITS if link.delay else 0)
    key = (down.pattern[:, None] * (int(across.pattern.max()) + 1) + across.pattern) * (
        int(far.max()) + 1
    ) + far
    taps = down.taps[:, None] * across.taps
    _, where = np.unique(key, return_index=True)
    shared = taps.ravel()[where]
    bits = sum(int(axon_bits(shared * n, each).sum()) for n in pairs if n)
    return bits, taps.size * sum(1 for n in pairs if n)

"""The order of a stream, written down once more: which element, of which timestep, comes when.

``hdl.streams`` says it: tiles of elements; within a tile, chunks of timesteps; within a chunk, its
timesteps one after the other, or side by side in one beat; within those, the elements. A sample's
first block may be shorter, and its chunks are then the last ones of a block.
"""

from __future__ import annotations

from hdl.cores.placing import Placing
from hdl.streams import Blocks


def order(p: Placing, first: bool) -> list[tuple[int, int]]:
    """Return (granule, timestep) of every beat of a block; timesteps count from a whole block's.

    Where a beat holds all timesteps of a chunk, the timestep is the chunk's first.
    """
    blocks = p.blocks
    start = blocks.block - (blocks.timesteps - 1) % blocks.block - 1 if first else 0
    granules = -(-p.elements // p.granule)
    width = p.granule if p.tile is None else p.tile
    found = []
    for tile in range(0, p.elements, width):
        inside = [g for g in range(granules) if tile <= g * p.granule < tile + width]
        for chunk in range(start, blocks.block, blocks.parallel):
            steps = [chunk] if p.tile is None else range(chunk, chunk + blocks.parallel)
            found += [(g, t) for t in steps for g in inside]
    return found


def sample_blocks(blocks: Blocks, count: int) -> list[tuple[bool, bool]]:
    """Return (first, last) of every block of a sample of so many."""
    return [(n == 0, n == count - 1) for n in range(count)]

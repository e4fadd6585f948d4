"""Streams: the one description of what moves between cores.

A stream carries the elements of one population, or of the input, block by block of ``block``
timesteps. Within a block its order is: tiles of ``tile`` elements; within a tile its chunks of
``steps`` timesteps; within a chunk the elements (of a stream whose beats hold one timestep: first
the timesteps, then the elements). With a block of one timestep that is the order of the elements.

The first block of a sample holds ``steps_first`` timesteps, all later ones ``block``: a T that the
block does not divide is short at its beginning, so that a delay is the same shift everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import unsigned
from amaranth.lib import data


@dataclass(frozen=True)
class Blocks:
    """How the T timesteps of a sample are cut.

    Attributes
    ----------
        timesteps: T, the most of a sample. block: timesteps of a block, B.
        parallel: timesteps that are summed at once, TP; divides B, and what the first block holds.
    """

    timesteps: int
    block: int = 1
    parallel: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.block <= self.timesteps:
            raise ValueError(f"a block holds 1 to {self.timesteps} timesteps, not {self.block}")
        if self.block % self.parallel or self.first % self.parallel:
            raise ValueError(
                f"timesteps in parallel must divide those of a block ({self.block}) and of the "
                f"first block ({self.first}): {self.parallel} does not"
            )

    @property
    def count(self) -> int:
        """Blocks of a whole sample."""
        return -(-self.timesteps // self.block)

    @property
    def first(self) -> int:
        """Timesteps of a sample's first block."""
        return self.timesteps - (self.count - 1) * self.block

    @property
    def chunks(self) -> int:
        """Chunks of ``parallel`` timesteps of a block."""
        return self.block // self.parallel

    @property
    def skipped(self) -> int:
        """Chunks that the first block lacks."""
        return (self.block - self.first) // self.parallel

    @property
    def whole(self) -> bool:
        """Whether one block is the whole sample: then no state outlives a tile."""
        return self.count == 1


def word(bits: int) -> data.StructLayout:
    """Return the payload of a beat: its data, and whether its block is a sample's first, last."""
    return data.StructLayout({"data": unsigned(bits), "first": unsigned(1), "last": unsigned(1)})

"""Order: in which order a neuron unit takes the neurons of a population, or of a map.

A map is a vector of rows * columns * channels neurons, channels innermost: what a population has
per channel comes again with their period, and its membranes do not.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..streams import Blocks

#: Cycles after which a membrane that was read from the memory may be read again.
REVISIT = 5


@dataclass(frozen=True)
class Order:
    """In which order a neuron unit takes its neurons.

    Attributes
    ----------
        neurons: of the population. lanes: at once; divides tile and neurons. tile: neurons of a
            pass. blocks: how timesteps come.
        revisit: least cycles between two timesteps of one neuron.
        channels: of a map; tile divides them, and they divide neurons. None: every neuron is one.
        remembers: whether anything is kept of a neuron from one timestep to the next.
    """

    neurons: int
    lanes: int
    tile: int
    blocks: Blocks
    revisit: int
    channels: int | None = None
    remembers: bool = True

    def __post_init__(self) -> None:
        channels = self.channels
        if channels not in (None, self.neurons) and (
            self.neurons % channels or channels % self.tile
        ):
            raise ValueError(
                f"channels of a map must divide its {self.neurons} neurons, and a tile of "
                f"{self.tile} the channels; {channels} does not fit"
            )

    @property
    def repeats(self) -> bool:
        """Whether a tile comes more than once in a block."""
        return self.blocks.block > 1

    @property
    def rows(self) -> int:
        """Beats of all neurons."""
        return self.neurons // self.lanes

    @property
    def channel_rows(self) -> int:
        """Rows of the parameter ROM: beats of all channels."""
        return (self.channels or self.neurons) // self.lanes

    @property
    def groups(self) -> int:
        """Beats of a tile."""
        return self.tile // self.lanes

    @property
    def states(self) -> int:
        """Membranes that are kept at a time, in rows of ``lanes``."""
        if not self.remembers:
            return 0
        return min(self.groups, self.rows) if self.blocks.whole else self.rows

    @property
    def in_memory(self) -> bool:
        """Whether membranes stand in a memory, not in registers."""
        return self.revisit >= REVISIT and self.states > 1

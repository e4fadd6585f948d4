"""Sweeps: how a window goes over a map, line by line; which lines it needs, and until when.

A map comes row by row, column by column, channel by channel: a *line* is a row of it. What reads it
makes its own map line by line, and a line of that can begin when the window has its lowest source
line. Then nothing waits until it ends. A vector is a map of one place. A dense layer over a map is
a window that is as large as the map, in which a column is a whole line.
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True)
class Sweep:
    """Place (r, c) of the outputs sees ``(r, c) * stride - padding + tap * dilation``.

    Attributes
    ----------
        source, places: rows and columns of the map that is read, and of the one that is made.
        kernel, stride, padding, dilation: of the window, by rows and columns.
        column: words of a place of the source. seen: of these, the words that one tile sees.
        turns: tiles, one after the other, that see the same words of a place; the next ones see
            the next.
        runs: how often all lines of outputs are made of a block: twice where a gate hears them
            before they are used.
    """

    source: Pair
    places: Pair
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    column: int = 1
    seen: int = 1
    turns: int = 1
    runs: int = 1

    @property
    def rounds(self) -> int:
        """Lines of outputs of a block, of all runs."""
        return self.runs * self.places[0]

    @property
    def words(self) -> int:
        """Words of a window."""
        return self.kernel[0] * self.kernel[1] * self.seen

    @property
    def line(self) -> int:
        """Words of a line of the source."""
        return self.source[1] * self.column

    @property
    def pads(self) -> bool:
        """Whether a window can reach beyond the source."""
        return any(
            p > 0 or (n - 1) * s + (k - 1) * d - p >= size
            for p, n, s, k, d, size in zip(
                self.padding, self.places, self.stride, self.kernel, self.dilation, self.source,
                strict=True,
            )
        )  # fmt: skip

    @property
    def needs(self) -> tuple[int, ...]:
        """Of each line of outputs, how many lines of the source must be there.

        The first needs one at least, which says whose block it is; the last of a run needs all.
        """
        (rows, _), (s, _), (p, _), (d, _) = self.source, self.stride, self.padding, self.dilation
        reach = d * (self.kernel[0] - 1) + 1 - p
        last = self.places[0] - 1
        once = [min(rows, max(1, y * s + reach)) for y in range(last)]
        return (*once, *(rows for _ in range(self.rounds - last)))

    @property
    def done(self) -> tuple[int, ...]:
        """Of each line of outputs, how many lines of the source are not needed after it.

        The last one stays to the end, whatever the window sees: its flags are the block's.
        """
        s, p, count, rows = self.stride[0], self.padding[0], self.places[0], self.source[0]
        before = self.rounds - count
        needs = self.needs[before:]
        usual = [min(needs[y], rows - 1, max(0, (y + 1) * s - p)) for y in range(count - 1)]
        return (*(0 for _ in range(before)), *usual, rows)

    @property
    def most(self) -> int:
        """Lines that a line of outputs needs at a time, at most."""
        return max(n - d for n, d in zip(self.needs, (0, *self.done), strict=False))

    @property
    def takes(self) -> tuple[int, ...]:
        """Of each line of outputs, how many lines of the source it is the first to need."""
        return _steps(self.needs)

    @property
    def frees(self) -> tuple[int, ...]:
        """Of each line of outputs, how many lines of the source it is the last to need."""
        return _steps(self.done)


def _steps(total: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(b - a for a, b in zip((0, *total), total, strict=False))

"""How far a design runs ahead while nobody takes its output: as far as its banks go, exactly.

A bank too few makes a design slower, and no result wrong; a bank too many is written over. Neither
shows at full rate. So the output is left alone until nothing moves any more, and the blocks that
have come by then are counted, of the input and of every population. What they must be follows from
the banks of the manifest alone: a block comes as soon as its sources have come and all readers of
it have a bank left. Designs that read lines of maps are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from ..tools import ProtocolError
from . import beats


@dataclass(frozen=True)
class Reader:
    """A connection: it reads blocks of ``source`` (-1: the input) for ``population``.

    ``tokens`` are blocks of zeros that it holds at first; one block of a constant source lasts for
    a whole sample.
    """

    source: int
    population: int
    banks: int
    tokens: int
    constant: bool


def readers(manifest: dict[str, Any]) -> list[Reader]:
    """Return every connection of a design."""
    names = [p["name"] for p in manifest["populations"]]
    found = []
    for k, p in enumerate(manifest["populations"]):
        for c in p["connections"]:
            source = names.index(c["source"]) if c["source"] in names else -1
            constant = source < 0 and manifest["input"]["constant"]
            found.append(Reader(source, k, int(c["banks"]), int(source >= k), constant))
    return found


def by_lines(manifest: dict[str, Any]) -> bool:
    """Whether a connection reads lines of a map, of which this file does not know the banks."""
    return any(c["bank_is"] == "line" for p in manifest["populations"] for c in p["connections"])


def ahead(taken: int, samples: Sequence[int], manifest: dict[str, Any]) -> list[int]:
    """Return the blocks of the input and of every population that come while the output waits.

    Args:
        taken: blocks of output, or answers, that have been taken. samples: blocks of each sample.
    """
    edges, banks = readers(manifest), int(manifest["output"]["banks"])
    names = [p["name"] for p in manifest["populations"]]
    output = names.index(manifest["output"]["population"])
    ends = list(accumulate(samples))
    answers = manifest["output"]["values"] == "classes"
    whole = samples[0]  # of a constant input all samples are
    constant = manifest["input"]["constant"]
    all_blocks = [len(samples) if constant else ends[-1], *[ends[-1]] * len(names)]
    done = [0] * (1 + len(names))  # the input's first

    def free(edge: Reader, n: int) -> bool:
        freed = n + edge.tokens - edge.banks  # the block that must have been read by then
        if edge.constant:
            freed = (freed + 1) * whole - 1
        return freed < done[1 + edge.population]

    def there(edge: Reader, n: int) -> bool:
        return done[1 + edge.source] > (n // whole if edge.constant else n - edge.tokens)

    # Blocks without an answer wait behind an answer, and go of themselves before it.
    left = (*ends, ends[-1] + 1)[taken] - 1 if answers else taken

    moved = True
    while moved:
        moved = False
        for k in range(-1, len(names)):
            n = done[1 + k]
            if (
                n < all_blocks[1 + k]
                and all(there(e, n) for e in edges if e.population == k)
                and all(free(e, n) for e in edges if e.source == k)
                and (k != output or n - left < banks)
            ):
                done[1 + k], moved = n + 1, True
    return done


def check(full: np.ndarray, lengths: Sequence[int], manifest: dict[str, Any]) -> None:
    """Compare with the banks how far a design ran ahead.

    Args:
        full: as of ``Streams``. lengths: timesteps of each sample.

    Raises
    ------
        ProtocolError: it is not as far.
    """
    first, block = int(manifest["block_first"]), int(manifest["block"])
    totals = [beats.whole(n, manifest) for n in lengths]
    samples = [1 + (total - first) // block for total in totals]
    enter, leaves = manifest["input"], manifest["output"]
    sizes = [(int(enter["beats_of_first_block"]), int(enter["beats_per_block"]))]
    for p in manifest["populations"]:
        rows = int(p["neurons"]) // int(p["lanes"])
        sizes.append((rows * first, rows * block))
    answers = leaves["values"] == "classes"
    out = (1, 1) if answers else (leaves["beats_of_first_block"], leaves["beats_per_block"])
    one = [1] * len(samples)
    given = one if enter["constant"] else samples
    sums = [_sums(given, *sizes[0]), *(_sums(samples, *size) for size in sizes[1:])]
    left = _sums(one if answers else samples, *out)
    names = ["the input", *(repr(p["name"]) for p in manifest["populations"])]
    for row in full:
        taken = int(np.searchsorted(left, row[1], side="right"))
        blocks = ahead(taken, samples, manifest)
        for name, at, n, came in zip(names, sums, blocks, (row[0], *row[2:]), strict=True):
            right = int(at[n - 1]) if n else 0
            if came != right:
                raise ProtocolError(
                    f"while the output waits, {name} comes to a stop after {int(came):,} beats, "
                    f"and by the plan's banks after {right:,}"
                )


def _sums(samples: Sequence[int], first: int, size: int) -> np.ndarray:
    """Return the beats up to the end of every block."""
    return np.cumsum([first if k == 0 else size for n in samples for k in range(n)])

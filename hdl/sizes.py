"""Sizes: parallelism as it is built: asked for, and rounded to what a network's shapes allow.

Of vectors PE and SIMD need not divide anything: the last tile, the last word is partly empty. Of
maps they do, so that each place begins with a tile and with a word: PE divides the channels of a
group of outputs, SIMD those of a group of inputs. What is asked for is rounded to such a divisor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mapping import INPUT, Connection, Network

from .choices import PE, SIMD, Choice, chosen
from .gates import counts


@dataclass(frozen=True)
class Sizes:
    """What is built of each population, and of the words of the input.

    Attributes
    ----------
        names: of the populations. channels: of each.
        pe, simd, lanes: outputs, inputs and neurons a cycle; SIMD before it is rounded.
        rows: lines in which the input comes: 1 where nobody looks at its rows.
        enter: inputs of a word of the input, which all its readers share.
    """

    names: tuple[str, ...]
    channels: tuple[int, ...]
    pe: tuple[int, ...]
    simd: tuple[int, ...]
    lanes: tuple[int, ...]
    rows: int
    enter: int


def sizes(network: Network, pe: Choice, simd: Choice, lanes: Choice) -> Sizes:
    """Return what is built where so much is asked for; see ``hdl.plan.plan``.

    Raises
    ------
        TypeError, ValueError: a number that cannot be; the sentence names the population.
    """
    names = [p.name for p in network.populations]
    channels = [network.shapes[name][0] for name in names]
    wanted = chosen(pe, names, PE, "PE")
    simds = chosen(simd, names, SIMD, "SIMD")
    laned = chosen(lanes, names, 1, "lanes")
    pes = []
    for k, p in enumerate(network.populations):
        limit = tiled(network, k)
        if limit is None:
            pes.append(min(wanted[k], channels[k]))
        else:
            steps = [laned[k]] if limit % laned[k] == 0 else []
            steps += [
                laned[names.index(c.source)]
                for c in p.connections
                if c.source != INPUT and lanewise(network, p.name, c)
            ]
            step = math.lcm(*steps) if steps else 1
            if limit % step:
                raise ValueError(
                    f"PE of {names[k]!r} must divide {limit} channels, and its lanes and those of "
                    f"its sources, {steps}, must divide PE: nothing does"
                )
            pes.append(near(limit, wanted[k], step))
        if channels[k] % laned[k] or pes[k] % laned[k]:
            raise ValueError(
                f"lanes of {names[k]!r} must divide its {channels[k]} "
                f"{'neurons' if limit is None else 'channels'} and its PE of {pes[k]}, and "
                f"{laned[k]} does not"
            )
    for p in network.populations:
        for c in p.connections:
            _words(network, p.name, c, dict(zip(names, laned, strict=True)))
    rows = mapped(network, INPUT)[1]
    return Sizes(
        tuple(names), tuple(channels), tuple(pes), tuple(simds), tuple(laned), rows,
        _enter(network, pes, simds, rows),
    )  # fmt: skip


def _words(network: Network, name: str, c: Connection, lanes: dict[str, int]) -> None:
    """Raise ValueError where no word of a window holds all lanes of its source."""
    if c.source == INPUT or c.op.window is None or lanewise(network, name, c):
        return
    shape = network.shapes[c.source]
    channels = shape[0] // c.op.groups_of(shape)
    if channels % lanes[c.source]:
        raise ValueError(
            f"lanes of {c.source!r} must divide the {channels} channels that a group of "
            f"{name!r} reads, and {lanes[c.source]} does not"
        )


def lanewise(network: Network, name: str, c: Connection) -> bool:
    """Return whether each channel of a connection's sums is of one channel of its source alone."""
    source = network.shapes[c.source]
    groups = c.op.groups_of(source)
    return c.op.window is not None and groups == source[0] == network.shapes[name][0]


def tiled(network: Network, k: int) -> int | None:
    """Return what PE of a population must divide; None: anything goes, as of dense layers."""
    p = network.populations[k]
    channels = network.shapes[p.name][0]
    limits = [
        channels if lanewise(network, p.name, c)
        else channels // c.op.groups_of(network.shapes[c.source])
        for c in p.connections
        if c.op.window is not None
    ]  # fmt: skip
    return math.gcd(*limits) if limits else None


def mapped(network: Network, source: str) -> tuple[int, int, int]:
    """Return channels, rows and columns in which a source comes; a vector has one place.

    So has an input whose rows nobody looks at: it comes in C order.
    """
    shape = network.shapes[source]
    if len(shape) != 3 or (source == INPUT and not _windows(network)):
        return math.prod(shape), 1, 1
    return shape[0], shape[1], shape[2]


def _windows(network: Network) -> bool:
    return any(
        c.op.window is not None for p in network.populations for c in p.connections
        if c.source == INPUT
    )  # fmt: skip


def near(limit: int, wanted: int, step: int = 1) -> int:
    """Return the largest divisor of a limit that is a multiple of step and at most what is wanted.

    Where there is none, the smallest above it.
    """
    fits = [d for d in range(step, limit + 1, step) if limit % d == 0]
    if not fits:
        return limit
    return max((d for d in fits if d <= wanted), default=fits[0])


def _enter(network: Network, pes: Sequence[int], simds: Sequence[int], rows: int) -> int:
    """Return the inputs of a word of the input."""
    shape = network.input.shape
    elements = math.prod(shape)
    readers = [
        (k, p, c)
        for k, p in enumerate(network.populations)
        for c in p.connections
        if c.source == INPUT
    ]
    wanted = simds[readers[0][0]] if readers else simds[0]
    if all(c.op.window is None and not counts(p) for _, p, c in readers):
        return min(wanted, elements)
    limits = []
    for k, p, c in readers:
        if lanewise(network, p.name, c):
            limits.append(pes[k])
        elif c.op.window is None:
            limits.append(elements // rows)
        else:
            limits.append(shape[0] // c.op.groups_of(shape))
    return near(math.gcd(*limits), wanted)

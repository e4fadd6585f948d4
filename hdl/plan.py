"""Plan: what will be emitted of a network; everything about the hardware is computed here, once.

``plan(network, ..)`` chooses parallelism and block, and derives every width, depth and cycle from
them and from ``network.facts``. Cores, manifest, testbench and reports read the Plan. ``drafted``
leaves the schedule out, which takes longest: who compares many forms compares drafts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from mapping import Network
from mapping.value import integer

from .answers import reading
from .blocking import usual
from .choices import Choice, skipped
from .maker import Maker
from .planned import Bits, Plan
from .sizes import sizes
from .streams import Blocks
from .structure import difference, stated
from .takes import LOADABLE, TAKES
from .timing import Timing, timed


def plan(
    network: Network, pe: Choice = None, simd: Choice = None, lanes: Choice = None,
    block: int | None = None, parallel: int = 1, others: Sequence[Network] = (),
    loadable: bool | Bits = False, classes: bool = False, stop: bool = False,
    skip_zeros: bool | Sequence[str] = False,
) -> Plan:  # fmt: skip
    """Plan a network.

    Args:
        pe, simd: outputs and inputs a cycle. lanes: neurons a cycle.
        block: timesteps of a block, B; ``blocking.usual`` unless told, which is 1 of a loadable
            design and where zero words are skipped or samples stop. parallel: of them summed at
            once.
        others: networks of the same structure that the design must hold as well: it is loadable.
        loadable: whether everything that differs from network to network of the structure stands in
            memories that can be written. Its widths are those that the networks given need, or,
            where a mapping is given, those.
        skip_zeros: whether words of inputs that are zero are not read; or the names of the
            populations that do not. Cycles are then the most that there can be.
        classes: whether the read-out is computed on chip: a class and a score leave, a sample
            each, and no spikes. stop: the same, and a sample ends at its first output spike.

    Raises
    ------
        Unsupported: a node that is not emitted as RTL yet. ValueError: bad parallelism, or a
            network of another structure.
    """
    return scheduled(
        drafted(
            network, pe, simd, lanes, block, parallel, others, loadable, classes, stop, skip_zeros
        )
    )


def drafted(
    network: Network, pe: Choice = None, simd: Choice = None, lanes: Choice = None,
    block: int | None = None, parallel: int = 1, others: Sequence[Network] = (),
    loadable: bool | Bits = False, classes: bool = False, stop: bool = False,
    skip_zeros: bool | Sequence[str] = False,
) -> Plan:  # fmt: skip
    """Return a plan without its schedule: as ``plan``, but buffers are as small as can be."""
    TAKES.refuse(network)
    for other in others:
        if (differs := difference(stated(network), other)) is not None:
            raise ValueError(f"networks that share a design have one structure: {differs}")
    shape = network.shapes[network.readout.source]
    if (classes or stop) and math.prod(shape[1:]) > 1:
        raise ValueError(
            f"classes are read of a vector, and {network.readout.source!r} is a map of "
            f"{' x '.join(map(str, shape))}"
        )
    if skip_zeros and (classes or stop):
        raise ValueError("skip_zeros does not go together with classes or stop yet")
    if loadable or others:
        for each in (network, *others):
            LOADABLE.refuse(each)
    if block is None:
        alone = loadable or others or stop or skip_zeros
        block = 1 if alone else usual(network)
    block = integer(block, "block", 1, network.timesteps)
    parallel = integer(parallel, "parallel", 1, block)
    blocks = Blocks(network.timesteps, block, parallel)
    built = sizes(network, pe, simd, lanes)
    names = built.names
    skips = skipped(skip_zeros, names, blocks)
    maker = Maker(network, blocks, built, tuple(skips), tuple(others), loadable)
    populations = tuple(maker.population(k) for k in range(len(names)))
    output = names.index(network.readout.source)
    leaves = maker.leaves(populations[output])
    answer = reading((network, *others), blocks, stop) if classes or stop else None
    return Plan(
        network, blocks, maker.links.enter, maker.links.constant, populations, output, leaves, 1,
        Timing(0, 0, 0, (), 1), maker.loads, answer, built.rows,
    )  # fmt: skip


def scheduled(draft: Plan) -> Plan:
    """Return a draft with its schedule, and with the buffers that it needs."""
    timing = timed(draft)
    return replace(
        draft,
        populations=tuple(
            replace(
                p,
                connections=tuple(
                    replace(c, banks=banks)
                    for c, banks in zip(p.connections, timing.banks[k], strict=True)
                ),
            )
            for k, p in enumerate(draft.populations)
        ),
        output_banks=timing.output_banks,
        timing=timing,
    )

"""How many cores nengo-loihi's automatic split takes for the same layers: its rules, restated.

nengo-loihi 1.1 (Apache-2.0; ``builder/split_blocks.py``, ``block.py``, ``conv.py``) needs an old
nengo and numpy and does not install beside this project. Its rule is short: a population is one
block; the block is cut, in the order of its compartments, into as many equal parts as the worst of
four quotients says: compartments / 1024, input axons / 4096, slots of output axons / 4096, bits of
weights / 2**20. All four are of the whole block, before its readers are cut; what each part then
has is not looked at again. Weights take 8 bits. A dense layer has an axon for each source neuron;
a convolution one for each source pixel, whose weights are shared among pixels of the same border
and the same 256 compartments; its indices reach over the whole block, channels innermost.
"""

from __future__ import annotations

import math

from mapping import Conv, Dense, Network, Pool

COMPARTMENTS, AXONS, BITS = 1024, 4096, 1 << 20
WEIGHT, INDEX, SLOTS = 8, 12, 2


def cores(network: Network) -> dict[str, int]:
    """Return how many blocks each population becomes."""
    found = {}
    for p in network.populations:
        shape = network.shapes[p.name]
        neurons = math.prod(shape)
        into = bits = out = 0
        for c in p.connections:
            source = network.shapes[c.source]
            axons, memory = synapse(c.op, source, shape)
            into, bits = into + axons, bits + memory
        for reader in network.populations:
            for c in reader.connections:
                if c.source == p.name:
                    out += neurons if isinstance(c.op, Dense) else SLOTS * math.prod(shape[1:])
        parts = max(
            math.ceil(neurons / COMPARTMENTS), math.ceil(into / AXONS), math.ceil(out / AXONS),
            math.ceil(bits / BITS),
        )  # fmt: skip
        found[p.name] = math.ceil(neurons / math.ceil(neurons / parts))
    return found


def synapse(op: object, source: tuple[int, ...], out: tuple[int, ...]) -> tuple[int, int]:
    """Return axons and bits of a connection into a block that is not cut yet."""
    if isinstance(op, Dense):
        n = math.prod(source)
        return n, n * axon_bits(math.prod(out), WEIGHT)
    if not isinstance(op, (Conv, Pool)):  # a skip: one synapse for each neuron
        n = math.prod(source)
        return n, n * axon_bits(1, WEIGHT + index_bits(n - 1))
    if isinstance(op, Conv):
        kernel, pairs = op.weights.shape[2:], source[0] * out[0] // op.groups
        dilation = op.dilation
    else:
        kernel, pairs, dilation = op.kernel, source[0], (1, 1)
    taps = []
    for n, o, k, s, p, d in zip(
        source[1:], out[1:], kernel, op.stride, op.padding, dilation, strict=True
    ):
        rows = []
        for i in range(n):
            seen = [(i + p - t * d, t) for t in range(k)]
            rows.append([(at // s, t) for at, t in seen if at % s == 0 and 0 <= at // s < o])
        taps.append(rows)
    sets: dict[tuple, int] = {}
    used = 0
    for rows in taps[0]:
        for cols in taps[1]:
            if rows and cols:
                used += 1
                first = min(r for r, _ in rows) * out[2] + min(c for c, _ in cols)
                offset = first * out[0] // 256
                key = (tuple(t for _, t in rows), tuple(t for _, t in cols), offset)
                sets[key] = len(rows) * len(cols) * pairs
    wide = WEIGHT + index_bits(math.prod(out) - 1)
    return used, sum(axon_bits(n, wide) for n in sets.values())


def index_bits(most: int) -> int:
    """Return the width of an index; wider ones than there are count as the widest."""
    return next((b for b in (0, 6, 7, 8, 9, 10, 11) if 1 << b > most), INDEX)


def axon_bits(synapses: int, each: int) -> int:
    """Return the bits of an axon with so many synapses."""
    full, rest = divmod(synapses, 64)
    total = full * (-(-(64 * each + 10) // 64) * 64)
    return total + (-(-(rest * each + 10) // 64) * 64 if rest else 0)

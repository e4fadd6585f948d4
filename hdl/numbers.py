"""Weights and numbers of a network as the cores hold them: pure functions of its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapping import Connection, Neuron, Population
from mapping.intervals import Interval, bits, product
from mapping.ops import Op

from .cores import pairs, popcount
from .cores.history import History
from .cores.matvec_shape import Shape
from .cores.parameters import Apart, Parameters
from .gates import fixed, hears


def history(neuron: Neuron, spikes: int, timesteps: int) -> History:
    """Return what its spikes can leave behind within a sample.

    Args:
        spikes: the most that one neuron sends (``Facts.spikes``). timesteps: of a sample, at most.
    """
    if neuron.threshold is None:
        return History()
    limit, by = neuron.max_spikes, neuron.fire_by
    return History(
        None if limit is None or limit > spikes else limit,
        min(neuron.refractory, timesteps - 1),
        None if by is None or by >= timesteps else by,
    )


def parameters(
    population: Population, lacks: Sequence[np.ndarray | int], memory: dict[str, int],
    past: History,
) -> Parameters:  # fmt: skip
    """Return a population's numbers.

    Biases, and what sums lack, of all connections without shift and gate are one constant; a gate
    that is always the same number is part of gain and constant.

    Args:
        lacks: of each connection, what is to be added to its raw sums: one per channel, or 0.
    """
    neuron, connections = population.neuron, population.connections
    merged = np.zeros(len(connections[0].gain), np.int64)
    gains, apart = [], {}
    for k, c in enumerate(connections):
        gain, constant = c.gain, c.bias + c.gain * lacks[k]
        gate = c.gate
        if gate is not None and (factor := fixed(gate)) is not None:
            gain, constant, gate = gain * factor, constant * factor, None
        gains.append(gain.tolist())
        if gate is None and c.shift == 0:
            merged = merged + constant
            continue
        counts = gate is not None and hears(gate)
        each = counts and gate.per_channel
        apart[k] = Apart(constant.tolist(), c.shift, gate is not None, each, counts)
    threshold = neuron.threshold
    return Parameters(
        neuron.num,
        neuron.q,
        tuple(gains),
        merged.tolist(),
        neuron.v_init.tolist(),
        None if threshold is None else threshold.tolist(),
        neuron.v_reset.tolist(),
        memory,
        neuron.reset,
        neuron.rho.tolist(),
        past,
        apart,
    )


def term_bits(c: Connection, acc: Interval) -> int:
    """Return the signed bits of ``term``."""
    return bits(*term(c, acc))


def term(c: Connection, acc: Interval) -> tuple[int, int]:
    """Return the least and the largest ``gain * acc + bias`` of a connection that stands apart.

    Args:
        acc: its Interval, of ``Facts.acc``.
    """
    acc = acc.with_zero() if c.delay else acc
    gain, bias = c.gain.astype(object), c.bias.astype(object)
    low, high = product((gain, gain), (acc.low.astype(object), acc.high.astype(object)))
    ends = [min(low + bias), max(high + bias)]
    factor = 1 if c.gate is None else fixed(c.gate)
    ends = [end * (1 if factor is None else factor) for end in ends]
    return min(ends), max(ends)


def streamed(op: Op, mapped: tuple[int, int, int]) -> np.ndarray:
    """Return an op's weights in the order in which a window is read, (out, places).

    Rows of the window, columns, channels. A dense op over a map sees all of it.

    Args:
        mapped: channels, rows and columns in which its source comes.
    """
    weights = op.weights
    if op.window is None:
        weights = weights.reshape(len(weights), *mapped)
    return weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)


def packed(weights: np.ndarray, shape: Shape, places: Sequence[int]) -> list[int]:
    """Return the ROM words of weights, tile by tile, word by word.

    Those of more than one bit stand there as ``pairs`` says. Of one-bit weights
    Bit ``lane * simd + j`` of word ``tile * words + w`` is the weight (1 for +1) of output
    ``tile * pe + lane`` and of the input that stands in bit j of word w. Places without a weight
    hold 1: there x is 0, and xnor(0, 1) adds nothing to a popcount. Tiles begin ``shape.stride``
    rows apart, and where ``shape.coded`` is set, a group of weights stands there as its prefix
    parities (``popcount``). Where ``shape.skips`` is set, the number of -1 weights of each output's
    word follows them.

    Args:
        weights: (out, in). places: the bit of each input, over all words.
    """
    out = len(weights)
    if shape.wide:
        wide = np.zeros((out, shape.words * shape.simd), np.int64)
        wide[:, np.asarray(places)] = weights
        return pairs.packed(wide, shape.rows_of, shape.pe, shape.weight_bits)
    full = np.ones((shape.tiles * shape.pe, shape.words * shape.simd), np.uint8)
    full[:out, np.asarray(places)] = weights > 0
    cube = full.reshape(shape.tiles, shape.pe, shape.words, shape.simd).transpose(0, 2, 1, 3)
    minus = (1 - cube).sum(axis=-1, dtype=np.int64)[..., None] >> np.arange(shape.minus_bits) & 1
    if shape.coded:
        cube = cube.copy()
        apart = popcount.groups(shape.simd)
        for at in range(apart):
            cube[..., at::apart] = (1 - cube[..., at::apart]).cumsum(axis=-1) % 2
    table = np.zeros((shape.tiles, shape.stride, shape.rom_bits), np.uint8)
    for at, part in ((0, cube), (shape.pe * shape.simd, minus)):
        flat = part.reshape(shape.tiles, shape.words, -1)
        table[:, : shape.words, at : at + flat.shape[-1]] = flat
    rows = np.packbits(table.reshape(-1, shape.rom_bits), 1, bitorder="little")
    return [int.from_bytes(r.tobytes(), "little") for r in rows[: shape.rows]]

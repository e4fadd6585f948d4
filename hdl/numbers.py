"""Weights and numbers of a network as the cores hold them: pure functions of its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapping import Neuron, Population
from mapping.ops import Op

from .cores import popcount
from .cores.history import History
from .cores.matvec import Shape
from .cores.neuron import Parameters


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


def n_neg(op: Op) -> np.ndarray:
    """Return the number of -1 weights of each output, (out,) int64."""
    return (op.weights < 0).reshape(len(op.weights), -1).sum(axis=1).astype(np.int64)


def parameters(
    population: Population, input_bits: Sequence[int], memory: dict[str, int], past: History
) -> Parameters:
    """Return a population's numbers, biases and n_neg of all connections in one constant.

    Args:
        input_bits: of each connection; 0 where its sums are without n_neg (``matvec``).
    """
    neuron, connections = population.neuron, population.connections
    merged = sum(
        c.bias - (c.gain * ((1 << p) - 1) * n_neg(c.op) if p else 0)
        for c, p in zip(connections, input_bits, strict=True)
    )
    threshold = neuron.threshold
    return Parameters(
        neuron.num,
        neuron.q,
        tuple(c.gain.tolist() for c in connections),
        merged.tolist(),
        neuron.v_init.tolist(),
        None if threshold is None else threshold.tolist(),
        neuron.v_reset.tolist(),
        memory,
        neuron.reset,
        neuron.rho.tolist(),
        past,
    )


def signed_bits(op: Op, planes: int) -> int:
    """Return the bits of the sums ``sum_i w_i x_i``, signed, partial sums included."""
    return raw_bits(op, planes) + 1


def raw_bits(op: Op, planes: int) -> int:
    """Return the bits of the XNOR popcount sums of unsigned inputs, partial sums included.

    That is ``sum_b 2**b * popcount(xnor(x_b, w))``, b below ``planes``.
    """
    return (op.fan_in * ((1 << planes) - 1)).bit_length()


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
    """Return the ROM words of bipolar weights, tile by tile, word by word.

    Bit ``lane * simd + j`` of word ``tile * words + w`` is the weight (1 for +1) of output
    ``tile * pe + lane`` and of the input that stands in bit j of word w. Places without a weight
    hold 1: there x is 0, and xnor(0, 1) adds nothing to a popcount. Tiles begin ``shape.stride``
    rows apart, and where ``shape.coded`` is set, a group of weights stands there as its prefix
    parities (``popcount``). Where ``shape.skips`` is set, the number of -1 weights of each output's
    word follows them.

    Args:
        weights: bipolar, (out, in). places: the bit of each input, over all words.
    """
    out = len(weights)
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

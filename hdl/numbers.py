"""Weights and numbers of a network as the cores hold them: pure functions of its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mapping import Connection, Conv, Dense, Neuron, Population
from mapping.intervals import Interval, bits, product

from .cores import popcount
from .cores.history import History
from .cores.matvec import Shape
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


def n_neg(op: Dense | Conv) -> np.ndarray:
    """Return the number of -1 weights of each output, (out,) int64, over all that is streamed."""
    return (op.weights < 0).reshape(len(op.weights), -1).sum(axis=1).astype(np.int64)


def surplus(bits: int, signed: bool = False) -> int:
    """Return m of ``raw = acc + m * n_neg``, for XNORs of the bit planes of an input.

    They weigh ``2**bits - 1`` together, and -1 in two's complement; 0 bits are sums without it.
    """
    return (-1 if signed else (1 << bits) - 1) if bits else 0


def parameters(
    population: Population, input_bits: Sequence[int], memory: dict[str, int], past: History,
    signed: Sequence[bool] = (),
) -> Parameters:  # fmt: skip
    """Return a population's numbers.

    Biases and n_neg of all connections without shift and gate are one constant; a gate that is
    always the same number is part of gain and constant.

    Args:
        input_bits: of each connection; 0 where its sums are without n_neg (``matvec``).
        signed: of each connection, whether they are in two's complement; they are not where it is
            empty.
    """
    neuron, connections = population.neuron, population.connections
    merged = np.zeros(len(connections[0].gain), np.int64)
    gains, apart = [], {}
    for k, c in enumerate(connections):
        gain, constant = c.gain, c.bias
        if more := surplus(input_bits[k], bool(signed) and signed[k]):
            constant = constant - gain * (more * n_neg(c.op))
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
    """Return the signed bits of ``gain * acc + bias`` of a connection that stands apart.

    Args:
        acc: its Interval, of ``Facts.acc``.
    """
    acc = acc.with_zero() if c.delay else acc
    gain, bias = c.gain.astype(object), c.bias.astype(object)
    low, high = product((gain, gain), (acc.low.astype(object), acc.high.astype(object)))
    ends = [min(low + bias), max(high + bias)]
    factor = 1 if c.gate is None else fixed(c.gate)
    ends = [end * (1 if factor is None else factor) for end in ends]
    return bits(min(ends), max(ends))


def signed_bits(op: Dense, planes: int) -> int:
    """Return the bits of the sums ``sum_i w_i x_i``, signed, partial sums included."""
    return raw_bits(op, planes) + 1


def raw_bits(op: Dense, planes: int) -> int:
    """Return the bits of the XNOR popcount sums of unsigned inputs, partial sums included.

    That is ``sum_b 2**b * popcount(xnor(x_b, w))``, b below ``planes``.
    """
    return (op.fan_in * ((1 << planes) - 1)).bit_length()


def packed(op: Dense, shape: Shape, places: Sequence[int]) -> list[int]:
    """Return the ROM words of a dense op, tile by tile, word by word.

    Bit ``lane * simd + j`` of word ``tile * words + w`` is the weight (1 for +1) of output
    ``tile * pe + lane`` and of the input that stands in bit j of word w. Places without a weight
    hold 1: there x is 0, and xnor(0, 1) adds nothing to a popcount. Tiles begin ``shape.stride``
    rows apart, and where ``shape.coded`` is set, a group of weights stands there as its prefix
    parities (``popcount``). Where ``shape.skips`` is set, the number of -1 weights of each output's
    word follows them.

    Args:
        op: bipolar weights (out, in). places: the bit of each input, over all words.
    """
    out = op.weights.shape[0]
    full = np.ones((shape.tiles * shape.pe, shape.words * shape.simd), np.uint8)
    full[:out, np.asarray(places)] = op.weights > 0
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

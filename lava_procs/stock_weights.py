"""What stands for a connection in stock Lava: one of its Processes, and the weights it stores.

Dense and Sparse store even weights of at most 254 beside one power of two for all of them; raw +-1
would become 0 and -2. Conv stores weights as they are, and knows no power of two. What Conv can
not hold, and pools and joins, become the Sparse matrix that does the same. A maximum of spikes is
a relay: a LIF that fires when any spike arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping import Unsupported
from mapping.ops import Conv, Dense, Identity, Op, Pool
from mapping.ops.op import Shape
from mapping.ops.weighted import Weighted

#: Largest stored weight of Dense and Sparse: even (the lowest bit of mixed signs is dropped), of
#: 8 bits and sign; and of Conv.
WEIGHT_MAX, CONV_MAX = 254, 127
#: Lava keeps a Conv's groups in 8 bits.
GROUPS_MAX = 127
#: Entries, zeros included, of the largest matrix that is made of an op; and of a piece of it.
ENTRIES, PIECE = 1 << 30, 1 << 22


@dataclass(frozen=True)
class StockConnection:
    """One Process: ``input = (weights @ source) * 2**weight_exp``, exactly.

    Attributes
    ----------
        source: a population's name, or "input". shape: of the source.
        kind: "dense", "sparse" or "conv".
        weights: (out, in) int32, all even; as scipy's csr of "sparse"; of "conv" the kernel,
            (out, in / groups, rows, cols).
        message_bits: 0 for spikes, p for p-bit inputs. delay: timesteps besides Dense's own.
        op: of "conv", its geometry.
        relay: (relayed, in) csr of ones in front, whose rows fire if any of their spikes comes.
    """

    source: str
    shape: Shape
    kind: str
    weights: Any
    weight_exp: int
    message_bits: int
    delay: int
    op: Op
    relay: Any = None


def hops(op: Op) -> int:
    """Return the timesteps that a connection takes: one, and one for a relay."""
    return 2 if isinstance(op, Pool) and not op.linear else 1


def spread(factors: list[int], op: Op) -> int:
    """Return the largest stored weight that a connection with these factors per channel needs."""
    exponent = _exponent(factors)
    stored = [abs(f) >> exponent if exponent >= 0 else abs(f) << -exponent for f in factors]
    return max(s * m for s, m in zip(stored, _magnitudes(op, len(factors)), strict=True))


def stored(
    op: Op, shape: Shape, factors: list[int], where: str, source: str, bits: int, delay: int
) -> StockConnection:
    """Return the Process that multiplies an op by a factor per output channel.

    Args:
        shape: of the source. where: the population, in a sentence. bits: of its messages.

    Raises
    ------
        Unsupported: a maximum of other values than spikes, or too large a matrix.
    """
    relay = None
    if isinstance(op, Pool) and not op.linear:
        if bits:
            raise Unsupported(f"{where}: no stock process takes the maximum of {bits}-bit inputs")
        relay = _matrix(Pool(op.kernel, op.stride, op.padding), shape, where)
        op, shape = Identity(), op.out_shape(shape)
    if isinstance(op, Dense):
        weights, exponent = _even(factors, op.weights.astype(np.int64))
        return StockConnection(source, shape, "dense", weights, exponent, bits, delay, op)
    if isinstance(op, Conv) and not delay and op.groups <= GROUPS_MAX:
        kernel = op.weights * np.array(factors, object).reshape(-1, 1, 1, 1)
        if max(abs(kernel.max()), abs(kernel.min())) <= CONV_MAX:
            kernel = kernel.astype(np.int32)
            return StockConnection(source, shape, "conv", kernel, 0, bits, delay, op)
    matrix = _matrix(op, shape, where)
    area = matrix.shape[0] // len(factors)
    rows, exponent = _even(factors, np.ones((len(factors), 1), np.int64))
    matrix = matrix.multiply(np.repeat(rows, area, axis=0)).tocsr().astype(np.int32)
    return StockConnection(source, shape, "sparse", matrix, exponent, bits, delay, op, relay)


def _magnitudes(op: Op, channels: int) -> list[int]:
    """Return the largest weight of each output channel."""
    if isinstance(op, Weighted):
        flat = np.abs(op.weights.astype(np.int64)).reshape(len(op.weights), -1)
        return flat.max(axis=1).tolist()
    return [1] * channels


def _exponent(factors: list[int]) -> int:
    """Return the exponent at which all factors are even integers, the largest there is."""
    return min(((f & -f).bit_length() - 2 for f in factors if f), default=0)


def _even(factors: list[int], weights: np.ndarray) -> tuple[np.ndarray, int]:
    exponent = _exponent(factors)
    even = [f >> exponent if exponent >= 0 else f << -exponent for f in factors]
    return (np.array(even, np.int64)[:, None] * weights).astype(np.int32), exponent


def _matrix(op: Op, shape: Shape, where: str) -> Any:
    """Return a linear op as a csr matrix, by what it makes of every unit vector."""
    from scipy import sparse

    size, out = int(np.prod(shape)), int(np.prod(op.out_shape(shape)))
    if size * out > ENTRIES:
        raise Unsupported(
            f"{where}: as a Sparse matrix its {op.name} has {size * out} places, and at most "
            f"{ENTRIES} are tried"
        )
    piece, columns = max(1, PIECE // out), []
    for first in range(0, size, piece):
        unit = np.eye(min(piece, size - first), size, first, dtype=np.int64)
        made = op.apply(unit.reshape(-1, *shape)).reshape(len(unit), out)
        columns.append(sparse.csr_matrix(made))
    return sparse.vstack(columns).T.tocsr()

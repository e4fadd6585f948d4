"""One neuron of a Network, by the values at which it fires: what a stock neuron has to equal.

Let ``tau = num / 2**q`` be the leak and n the steps since the last reset, or since the start of the
sample. With ``gain = G * r`` on the connections (G their greatest common divisor) and
``acc = sum r_k acc_k``, the data part of a membrane is a multiple of
``m_n = num * m_(n-1) + 2**(q(n-1)) * acc``. With ``M_n = num * M_(n-1) + 2**(q(n-1))``, the neuron
fires iff ``m_n >= c_n``:

- where ``2**(q(n-1))`` divides G, ``c_n = ceil(2**(q(n-1)) * (threshold - beta_n) / G)``, beta_n
  being the path of the bias alone, floors included, from v_reset or v_init;
- for ``num = 1`` and any G, since nested floors are one floor,
  ``c_n = ceil((2**(q(n-1)) * (threshold - tau**n * start) - bias * M_n) / G)``.

Derived in docs/contract.md, section 6.
"""

from __future__ import annotations

from dataclasses import dataclass

#: (c_n, lo_n, hi_n) for n = 1, 2, ..: lo_n and hi_n are the least and the largest m_n of a neuron
#: that has not fired, lo_n <= c_n <= hi_n + 1. It ends with T, or when every neuron has fired.
Table = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Wanted:
    """One neuron of a Network: v = leak(v) + gain * acc + bias, and when it fires.

    Attributes
    ----------
        num, q: leak num / 2**q in lowest terms.
        gain: at least 1. bias, threshold, v_init, v_reset: as of the Network.
        acc: least and largest value of acc.
        tables: from v_init for T steps and, if there is a second one, from v_reset for T - 1.
    """

    num: int
    q: int
    gain: int
    bias: int
    threshold: int
    v_init: int
    v_reset: int
    acc: tuple[int, int]
    tables: tuple[Table, ...]

    @property
    def steps(self) -> int:
        """Most steps that a neuron can take without firing, the last one included."""
        return max(map(len, self.tables))


def wanted(
    num: int,
    q: int,
    steps: int,
    gain: int,
    bias: int,
    threshold: int,
    starts: tuple[int, int],
    acc: tuple[int, int],
) -> Wanted | str:
    """Derive the constants of a Network's neuron, or say why it has none.

    Args:
        num, q: leak in lowest terms. steps: T.
        gain: at least 1; for a neuron without inputs 1, with acc (0, 0).
        starts: v_init and v_reset.
    """
    init, reset = starts
    tables = []
    for start, length in ((init, steps), (reset, steps - 1)):
        if length and not (tables and init == reset):
            table = _table(num, q, length, gain, bias, threshold, start, acc)
            if isinstance(table, str):
                return table
            tables.append(table)
    return Wanted(
        num, q, gain, bias, threshold, init, reset if steps > 1 else init, acc, tuple(tables)
    )


def _table(
    num: int,
    q: int,
    steps: int,
    gain: int,
    bias: int,
    threshold: int,
    start: int,
    acc: tuple[int, int],
) -> Table | str:
    table = []
    low, high, beta, total, power = 0, 0, start, 0, start
    for n in range(steps):
        scale = 1 << q * n
        low, high = num * low + scale * acc[0], num * high + scale * acc[1]
        beta, total, power = ((beta * num) >> q) + bias, num * total + scale, power * num
        if gain % scale == 0 or acc == (0, 0):
            c = -((beta - threshold) * scale // gain)
        elif num == 1:  # power is tau**n * start, times 2**q * scale
            c = -((power + ((bias * total - scale * threshold) << q)) // (gain << q))
        else:
            return (
                f"gain {gain} is no multiple of 2**{q * n}, so that its leak {num}/{1 << q} rounds "
                f"within {steps} timesteps"
            )
        c = min(max(c, low), high + 1)
        table.append((c, low, high))
        high = min(high, c - 1)  # of those that have not fired
        if low > high:
            break
    return tuple(table)

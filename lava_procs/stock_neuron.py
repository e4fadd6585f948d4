"""One neuron of Lava's own LIF that fires exactly as one neuron of a Network does, or why not.

Facts of lava-nc 0.10.0, ``fixed_pt`` models. Per timestep, with ``input`` from Dense::

    v     = trunc(v * (4096 - dv) / 4096) + 64 * input + (bias_mant << bias_exp)
    spike = v > 64 * vth;    v = 0 where spike

``trunc`` rounds toward zero; v saturates and the input wraps at 24 bits; no limit is enforced.

**Both sides count in one lattice.** Let ``tau = num / 2**q`` be the leak and n the steps since the
last reset, or since the start of the sample. With ``gain = G * r`` on the connections (G their
greatest common divisor) and ``acc = sum r_k acc_k``, the data part of a membrane is a multiple of
``m_n = num * m_(n-1) + 2**(q(n-1)) * acc``, and with ``M_n = num * M_(n-1) + 2**(q(n-1))``,

- the Network's neuron fires iff ``m_n >= c_n``. Where ``2**(q(n-1))`` divides G,
  ``c_n = ceil(2**(q(n-1)) * (threshold - beta_n) / G)``, beta_n being the path of the bias alone,
  floors included, from v_reset or v_init. For ``num = 1`` and any G, since nested floors are one
  floor, ``c_n = ceil((2**(q(n-1)) * (threshold - tau**n * start) - bias * M_n) / G)``;
- the stock neuron with input ``2**k * acc`` and effective bias b rounds nothing while
  ``q(n-1) <= 6 + k`` and ``2**(q(n-1))`` divides b, and fires iff ``m_n >= c'_n``,
  ``c'_n = ceil((2**(q(n-1)) * (64 * vth + 1) - b * M_n) / (64 * 2**k))``.

They fire alike for every input if ``c_n = c'_n`` for all n <= T, both clamped to the values that
m_n can take in a neuron that has not fired yet, and one more; v_reset and v_init each give
constants, and all must be met. k, b and vth are searched. A v_reset of r that is also v_init is
no obstacle: tau**n * r is what a bias of ``-r * (1 - tau)`` and a threshold lower by r make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: Limits of the neuron (see lava.proc.lif.models): unsigned threshold, signed bias mantissa,
#: unsigned bias exponent, and the largest magnitude of a 24-bit state that never saturates.
VTH_MAX = (1 << 17) - 1
MANT_MIN, MANT_MAX = -(1 << 12), (1 << 12) - 1
EXP_MAX = 7
STATE_MAX = (1 << 23) - 1
#: Biases tried for each shift and exponent, nearest to the ideal one first.
TRIES = 64


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

    def ideal(self, k: int) -> int:
        """Return the stock bias that stands for this bias and v_reset, rounded, at shift k."""
        bias = (self.bias << self.q) - self.v_reset * ((1 << self.q) - self.num)
        return (bias << (6 + k)) // (self.gain << self.q)


@dataclass(frozen=True)
class Numbers:
    """Numbers of one stock neuron: input ``2**k * acc``, bias ``mant << exp``, threshold vth."""

    k: int
    mant: int
    exp: int
    vth: int


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


def shifts(neuron: Wanted) -> range:
    """Return the shifts k at which the leak rounds nothing and the input fits 24 bits."""
    last = neuron.steps - 1
    peak = max(map(abs, neuron.acc))
    top = 17
    while top >= 0 and (peak << (6 + top)) > STATE_MAX:
        top -= 1
    return range(max(0, neuron.q * last - 6), top + 1)


def fit(neuron: Wanted, least: int = 0) -> Numbers | str:
    """Return the numbers of a stock neuron that fires alike, of the least k, or why there are none.

    Args:
        least: k is at least this.
    """
    possible = shifts(neuron)
    for k in possible:
        if k >= least:
            for numbers in _fits(neuron, k):
                return numbers
    return why_not(neuron, possible)


def _fits(neuron: Wanted, k: int) -> Iterator[Numbers]:
    lines = _Lines(neuron, k)
    ideal = neuron.ideal(k)
    for exponent in range(EXP_MAX + 1):
        grain = max(exponent, lines.grain)
        low = max(lines.bias_low >> grain, -(-MANT_MIN >> (grain - exponent)))
        high = min(-(-lines.bias_high >> grain), MANT_MAX >> (grain - exponent))
        start = min(max(ideal >> grain, low), high)
        for j in sorted(range(max(low, start - TRIES), min(high, start + TRIES) + 1),
                        key=lambda j: (j != 0, abs((j << grain) - ideal))):  # fmt: skip
            least, most = lines.thresholds(j << grain)
            if least <= most and lines.peak(j << grain) <= STATE_MAX:
                yield Numbers(k, j << grain >> exponent, exponent, least)


class _Lines:
    """The constraints on (bias, vth) at one shift k: straight lines, in integers over D.

    Attributes
    ----------
        grain: the bias is a multiple of 2**grain.
        bias_low, bias_high: an interval outside of which no bias meets all constraints.
    """

    def __init__(self, neuron: Wanted, k: int) -> None:
        unit, self.grain = 64 << k, neuron.q * (neuron.steps - 1)
        self.one = 1 << self.grain  # D
        self.upper, self.lower, self.edges = [], [], []
        for table in neuron.tables:
            total = 0
            for n, (c, low, high) in enumerate(table):
                total = neuron.num * total + (1 << neuron.q * n)
                fine = self.one >> neuron.q * n  # D over the lattice's scale
                slope = total * fine
                if c <= high:  # c'_n <= c_n:  64 vth + 1 <= v at m_n = c_n
                    self.upper.append((unit * c * fine, slope))
                if c > low:  # c'_n >= c_n:  64 vth + 1 > v at m_n = c_n - 1
                    self.lower.append((unit * (c - 1) * fine, slope))
                self.edges += [(unit * edge * fine, slope) for edge in (low, high)]
        self.bias_low, self.bias_high = MANT_MIN << EXP_MAX, MANT_MAX << EXP_MAX
        floor, roof = self.one, self.one * (64 * VTH_MAX + 1)
        for below, slope in [*self.lower, (floor - 1, 0)]:
            for above, rise in [*self.upper, (roof, 0)]:
                self._narrow(above - below, rise - slope)  # below + slope b < above + rise b

    def _narrow(self, gap: int, slope: int) -> None:
        """Take the constraint ``gap + slope * bias > 0``."""
        if slope > 0:
            self.bias_low = max(self.bias_low, -gap // slope + 1)
        elif slope < 0:
            self.bias_high = min(self.bias_high, -(-gap // -slope) - 1)
        elif gap <= 0:
            self.bias_low, self.bias_high = 1, 0

    def thresholds(self, bias: int, limited: bool = True) -> tuple[int, int]:
        """Return the least and the largest vth at a bias; none if the first is larger."""
        least, most = (0, VTH_MAX) if limited else (-STATE_MAX, STATE_MAX)
        for value, slope in self.lower:
            least = max(least, -(-((value + slope * bias) // self.one) // 64))
        for value, slope in self.upper:
            most = min(most, ((value + slope * bias) // self.one - 1) // 64)
        return least, most

    def peak(self, bias: int) -> int:
        """Return the largest magnitude of the membrane."""
        return max(abs(value + slope * bias) // self.one for value, slope in self.edges)


def why_not(neuron: Wanted, possible: range) -> str:
    """Name the limit that keeps a neuron off stock LIF, and the value that exceeds it."""
    leak = f"{neuron.num}/{1 << neuron.q}" if neuron.q else "1"
    if not possible:
        k = possible.start
        bits = (max(map(abs, neuron.acc)) << (6 + k)).bit_length() + 1
        return (
            f"a leak of {leak} over {neuron.steps} timesteps needs inputs of {bits} bits "
            f"where nothing may be rounded, and the state has 24"
        )
    if len(neuron.tables) > 1:
        return (
            f"v_init is {neuron.v_init}, v_reset is {neuron.v_reset} and they differ in what the "
            "neuron fires on, and a stock LIF starts and restarts at 0"
        )
    for k in possible:
        lines = _Lines(neuron, k)
        ideal = neuron.ideal(k) >> lines.grain << lines.grain
        mant = ideal >> min(EXP_MAX, (ideal & -ideal).bit_length() - 1) if ideal else 0
        vth = min(lines.thresholds(ideal, limited=False))
        if not MANT_MIN <= mant <= MANT_MAX:
            return f"its bias needs a mantissa of {mant}, which must lie within -4096..4095"
        if not 0 <= vth <= VTH_MAX:
            return f"its threshold needs vth = {vth}, which must lie within 0..{VTH_MAX}"
        if lines.peak(ideal) > STATE_MAX:
            bits = lines.peak(ideal).bit_length() + 1
            return f"its membrane needs {bits} bits, and the state has 24"
    return (
        f"no threshold and bias of 24-bit arithmetic fire alike (threshold {neuron.threshold}, "
        f"bias {neuron.bias}, gain {neuron.gain}, leak {leak})"
    )

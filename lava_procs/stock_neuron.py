"""One neuron of Lava's own LIF that fires exactly as one neuron of a Network does, or why not.

Facts of lava-nc 0.10.0, ``fixed_pt`` models. Per timestep, with ``input`` from Dense::

    v     = trunc(v * (4096 - dv) / 4096) + 64 * input + (bias_mant << bias_exp)
    spike = v > 64 * vth;    v = 0 where spike

``trunc`` rounds toward zero; v saturates and the input wraps at 24 bits; no limit is enforced.

Both sides count in one lattice, m_n of ``stock_wanted``. The stock neuron with input
``2**k * acc`` and effective bias b rounds nothing while ``q(n-1) <= 6 + k`` and ``2**(q(n-1))``
divides b, and fires iff ``m_n >= c'_n``,
``c'_n = ceil((2**(q(n-1)) * (64 * vth + 1) - b * M_n) / (64 * 2**k))``.

They fire alike for every input if ``c_n = c'_n`` for all n <= T, both clamped to the values that
m_n can take in a neuron that has not fired yet, and one more; v_reset and v_init each give
constants, and all must be met. k, b and vth are searched. A v_reset of r that is also v_init is
no obstacle: tau**n * r is what a bias of ``-r * (1 - tau)`` and a threshold lower by r make.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .stock_wanted import Wanted

#: Limits of the neuron (see lava.proc.lif.models): unsigned threshold, signed bias mantissa,
#: unsigned bias exponent, and the largest magnitude of a 24-bit state that never saturates.
VTH_MAX = (1 << 17) - 1
MANT_MIN, MANT_MAX = -(1 << 12), (1 << 12) - 1
EXP_MAX = 7
STATE_MAX = (1 << 23) - 1
#: Biases tried for each shift and exponent, nearest to the ideal one first.
TRIES = 64


@dataclass(frozen=True)
class Numbers:
    """Numbers of one stock neuron: input ``2**k * acc``, bias ``mant << exp``, threshold vth."""

    k: int
    mant: int
    exp: int
    vth: int


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


def _ideal(neuron: Wanted, k: int) -> int:
    """Return the stock bias that stands for a neuron's bias and v_reset, rounded, at shift k."""
    bias = (neuron.bias << neuron.q) - neuron.v_reset * ((1 << neuron.q) - neuron.num)
    return (bias << (6 + k)) // (neuron.gain << neuron.q)


def _fits(neuron: Wanted, k: int) -> Iterator[Numbers]:
    lines = _Lines(neuron, k)
    ideal = _ideal(neuron, k)
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
        ideal = _ideal(neuron, k) >> lines.grain << lines.grain
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

"""Which populations Lava's own Dense and LIF run exactly, and with which numbers.

Facts of lava-nc 0.10.0, fixed point: LIF decays by ``sign(v) * ((|v| * (4096 - dv)) >> 12)``, adds
64 times its input and ``bias_mant << bias_exp``, and fires at ``v > 64 * vth``; it resets to 0
only and enforces none of its limits. With leak num / 2**q and an input of ``2**k * acc``, nothing
is rounded while ``q(n-1)`` is at most ``6 + k`` and at most the trailing zeros of the bias; then
the neuron fires, n steps after its reset, iff its lattice value reaches

    c_n = ceil(2**(q(n-1)) * (64 * vth + 1 - bias * S_n) / (64 * 2**k))

which must equal the constant of the Network's own integers for every n <= T (clamped to what the
lattice value can reach). k, bias and vth are searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mapping import INPUT, Network, Population, Unsupported
from mapping.certify import Leak

#: Limits of the neuron: threshold, bias mantissa and exponent, membrane.
VTH_MAX, MANT_MIN, MANT_MAX, EXP_MAX, V_MAX = 131071, -4096, 4095, 7, (1 << 23) - 2
#: Left shifts k of the synaptic input that are tried.
SHIFTS = range(0, 15)


@dataclass(frozen=True)
class StockLayer:
    """Numbers of one Dense and one LIF process.

    Attributes
    ----------
        name: of the population. weights: (out, in) of -2 and +2. weight_exp: k - 1.
        message_bits: 0 for spikes, p for p-bit inputs.
        dv: decay constant. vth, bias_mant: (out,). bias_exp: one for all.
    """

    name: str
    weights: np.ndarray
    weight_exp: int
    message_bits: int
    dv: int
    vth: np.ndarray
    bias_mant: np.ndarray
    bias_exp: int


def plan(network: Network) -> list[StockLayer]:
    """Return the layers that stock Lava runs exactly; a read-out without threshold is left out.

    Raises
    ------
        Unsupported: a population that it does not; the sentence names the limit and the value.
    """
    layers, previous = [], INPUT
    last = network.populations[-1]
    for p in network.populations:
        if p is last and not p.spiking and layers:
            break
        _refuse(p, previous)
        layers.append(_layer(network, p))
        previous = p.name
    return layers


def _refuse(p: Population, previous: str) -> None:
    def no(why: str) -> Unsupported:
        return Unsupported(f"lava-stock: population {p.name!r}: {why}")

    neuron = p.neuron
    if len(p.connections) > 1:
        raise no("several connections (a join) are not mapped to stock processes yet")
    connection = p.connections[0]
    if connection.delay:
        raise no("a delayed connection is not mapped to stock processes yet")
    if connection.source != previous:
        raise no(f"it reads {connection.source!r}, not {previous!r}: only chains are mapped yet")
    if not p.spiking:
        raise no("stock LIF always has a threshold, and this population has none")
    if neuron.reset != "zero" or neuron.v_reset.any():
        raise no("stock LIF resets to 0 only")
    if neuron.v_init.any():
        raise no("a stock LIF that is reset for each sample starts at 0, v_init does not")
    if neuron.num == 0:
        raise no("a leak of 0 would need dv = 4096; its limit is 4095")
    if (connection.gain <= 0).any():
        raise no(f"gain {int(connection.gain.min())} is not positive")


def _layer(network: Network, p: Population) -> StockLayer:
    neuron, connection = p.neuron, p.connections[0]
    steps, leak = network.timesteps, Leak(neuron.num, neuron.q)
    needed = neuron.q * (steps - 1)
    where = f"lava-stock: population {p.name!r}: "
    if (connection.gain % (1 << needed)).any():
        raise Unsupported(f"{where}its gains are no multiples of 2**{needed}, so its leak rounds")
    acc = network.facts[p.name].acc[0]
    spans = list(zip(acc.low.tolist(), acc.high.tolist(), strict=True))
    numbers = list(
        zip(
            connection.gain.tolist(), connection.bias.tolist(), neuron.threshold.tolist(), spans,
            strict=True,
        )
    )  # fmt: skip
    wants = [_constants(leak, steps, *number) for number in numbers]
    sums = leak.sums(steps)
    reason = f"its leak over {steps} steps needs {needed} fractional bits, which do not fit 24 bits"
    for k in SHIFTS:
        if 6 + k < needed:
            continue
        for exponent in range(EXP_MAX + 1):
            found, reason = [], ""
            for channel, ((gain, bias, _, span), want) in enumerate(
                zip(numbers, wants, strict=True)
            ):
                one = _search(sums, neuron.q, k, exponent, needed, gain, bias, span, want)
                if isinstance(one, str):
                    reason = f"neuron {channel}: {one}"
                    break
                found.append(one)
            if not reason:
                bits = network.input.bits if connection.source == INPUT else 1
                return StockLayer(
                    p.name,
                    connection.op.weights.astype(np.int32) * 2,
                    k - 1,
                    bits if bits > 1 else 0,
                    4096 - 4096 * neuron.num // (1 << neuron.q),
                    np.array([vth for vth, _ in found], np.int32),
                    np.array([mant for _, mant in found], np.int32),
                    exponent,
                )
    raise Unsupported(where + reason)


def _constants(
    leak: Leak, steps: int, gain: int, bias: int, threshold: int, span: tuple[int, int]
) -> list[tuple[int, int, int]]:
    """Return (c, lo, hi) of the Network's own neuron for n = 1..T, c clamped to [lo, hi + 1]."""
    out = []
    sums, path = leak.sums(steps), leak.path(0, bias, steps)
    for n, (total, beta) in enumerate(zip(sums, path, strict=True)):
        lattice = 1 << leak.q * n
        low, high = (int(edge * total * lattice) for edge in span)
        c = -((beta - threshold) * lattice // gain)
        out.append((min(max(c, low), high + 1), low, high))
    return out


def _search(
    sums: list[Fraction], q: int, k: int, exponent: int, needed: int,
    gain: int, bias: int, span: tuple[int, int], want: list[tuple[int, int, int]],
) -> tuple[int, int] | str:  # fmt: skip
    """Return (vth, bias_mant) that meet every constant, or why there are none."""
    unit = 1 << (6 + k)
    grain = 1 << max(exponent, needed)
    target = Fraction(bias * unit, gain * grain)
    always = all(c <= low for c, low, _ in want)
    never = all(c > high for c, _, high in want)
    near = target.numerator // target.denominator
    candidates = [near, near + 1, near - 1, near + 2]
    if never:
        candidates.insert(0, 0)
    if always:
        candidates.insert(0, -(-(unit * max(0, -span[0]) + 1) // grain))
    reason = "no threshold fires at the same lattice values"
    for candidate in candidates:
        b = candidate * grain
        mant = b >> exponent
        if not MANT_MIN <= mant <= MANT_MAX:
            reason = f"bias mantissa {mant} is outside {MANT_MIN}..{MANT_MAX}"
            continue
        peak = max(abs(unit * edge * sums[-1] + b * sums[-1]) for edge in span)
        if peak > V_MAX:
            return f"membrane {int(peak)} is outside 24 bits"
        above, upto = -1, VTH_MAX
        for n, ((c, low, high), total) in enumerate(zip(want, sums, strict=True)):
            step = Fraction(unit, 1 << q * n)
            if c > low:
                above = max(above, ((c - 1) * step + b * total - 1) // 64)
            if c <= high:
                upto = min(upto, (c * step + b * total - 1) // 64)
        if above < upto:
            return int(upto) if not never else int(above) + 1, mant
        if upto < 0:
            reason = "its threshold is negative; vth is 0 to 131071"
    return reason

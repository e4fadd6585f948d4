"""What of a population a real chip could compute as it is, and in which numbers.

Loihi 1 has one neuron: in units of 2**-6, u is the sum of weights ``m * 2**(6 + e)``, and then
``v = trunc(v * (4096 - decay) / 4096) + u + bias``, a spike where ``v > 64 * vth``, v to 0. It is
the contract's neuron where every number has a place on these grids and where no leak rounds; else
the first reason why not is said, one a number. Loihi 2 runs neuron programs of one's own; what is
published limits weights, delays and payloads, and nothing else is claimed of it.

Grids: Davies 2018; lava-nc 0.10.0, ``PyLifModelBitAcc``; nengo-loihi's ``discretize.py``, and its
21 bits for the sum of a timestep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import Network, Population
from ..ports import INPUT
from .chips import Chip, chip_named

#: Loihi 1: mantissas of threshold (unsigned) and bias, exponents of bias and of weights, refractory
#: timesteps, and magnitudes of v and of the sum of a timestep in units of 2**-6.
VTH, BIAS, BIAS_EXP, WEIGHT_EXP = (1 << 17) - 1, 4095, range(8), range(-7, 8)
REFRACTORY, STATE, SUM = 63, 1 << 23, 1 << 21


@dataclass(frozen=True)
class Hold:
    """What a chip could hold of a population.

    Attributes
    ----------
        as_is: whether its integers, as they are, are the chip's own.
        reasons: why not, a clause for each number; of Loihi 2 what it needs.
        numbers: of Loihi 1, where it holds them: ``unit`` (what 1 of the chip's weights is worth
            in v), ``vth``, ``bias`` (mantissas), ``bias_exp``, by channel; ``weight_exp`` by
            connection; ``decay``. Else None.
    """

    population: str
    as_is: bool
    reasons: tuple[str, ...]
    numbers: dict[str, Any] | None = None


def holds(network: Network, chip: Chip | str) -> list[Hold]:
    """Return what a chip could hold of every population."""
    named = chip_named(chip)
    one = _fixed if named.payload_bits.value == 1 else _programmed
    return [one(network, p, named) for p in network.populations]


def _spikes(network: Network, source: str) -> bool:
    """Whether a source's values are 0 and 1."""
    span = network.input.span if source == INPUT else network.facts[source].out.span
    return span[0] >= 0 and span[1] <= 1


def _programmed(network: Network, p: Population, chip: Chip) -> Hold:
    reasons = []
    for c in p.connections:
        low, high = (
            network.input.span if c.source == INPUT else network.facts[c.source].out.span
        )  # fmt: skip
        bits = max(low, high, -low).bit_length() + (1 if low < 0 else 0)
        if not chip.payload_bits.holds(bits):
            reasons.append(f"values of {c.source!r} need {bits} bits of a spike's payload")
        if not chip.delay.holds(c.delay):
            reasons.append(f"a delay of {c.delay}")
        if c.gate is not None and not _constant(c.gate):
            reasons.append(f"the gate of {c.source!r} sums over a whole map")
        if not c.op.linear and c.op.fan_in > 1:
            if not _alone(p) or not _spikes(network, c.source):
                reasons.append("a maximum of values is no sum of synapses")
    return Hold(p.name, not reasons, tuple(reasons) or ("as a neuron program of one's own",))


def _constant(gate: Any) -> bool:
    return bool((gate.table == gate.table[:, :1]).all())


def _alone(p: Population) -> bool:
    """Whether a population passes on what its one connection makes."""
    c, *more = p.connections
    plain = (c.gain == 1).all() and not c.bias.any() and not c.shift and c.gate is None
    still = p.neuron.num == 0 and p.neuron.threshold is None and not p.neuron.v_init.any()
    return not more and bool(plain) and still


def _fixed(network: Network, p: Population, chip: Chip) -> Hold:
    """Return what Loihi 1 could hold of a population."""
    n, reasons = p.neuron, []
    for c in p.connections:
        if not _spikes(network, c.source):
            reasons.append(f"{c.source!r} sends values, and a spike carries no number")
        if c.gate is not None:
            reasons.append(f"a gate on {c.source!r}")
        if c.shift:
            reasons.append("a current is shifted")
        if not chip.delay.holds(c.delay):
            reasons.append(f"a delay of {c.delay}")
        if not c.op.linear and c.op.fan_in > 1 and not _alone(p):
            reasons.append("a maximum is no sum of synapses")
    if n.threshold is None:
        if _alone(p) and _spikes(network, p.name) and not reasons:
            zeros = np.zeros(len(n.v_init), np.int64)
            fires = {"unit": 1, "vth": zeros, "bias": zeros, "bias_exp": zeros}
            return Hold(p.name, True, (), {**fires, "weight_exp": (0,), "decay": 4095})
        if network.readout.source != p.name or _read(network, p.name):
            reasons.append("it outputs its membrane, and a spike carries no number")
        else:
            reasons += _grid(network, p)[0]
            return Hold(p.name, not reasons, tuple(dict.fromkeys(reasons)))
    else:
        if n.reset != "zero":
            reasons.append(f"reset {n.reset!r}: a chip's neuron goes to zero")
        elif n.v_reset.any():
            reasons.append("v_reset is not 0")
        if n.v_init.any():
            reasons.append("v_init is not 0")
        if n.max_spikes is not None or n.fire_by is not None:
            reasons.append("max_spikes or fire_by: no counter of a sample")
        if n.refractory > REFRACTORY:
            reasons.append(f"{n.refractory} refractory timesteps; at most {REFRACTORY}")
    off_grid, numbers = _grid(network, p)
    reasons = list(dict.fromkeys([*reasons, *off_grid]))
    return Hold(p.name, not reasons, tuple(reasons), None if reasons else numbers)


def _read(network: Network, name: str) -> bool:
    return any(c.source == name for q in network.populations for c in q.connections)


def _grid(network: Network, p: Population) -> tuple[list[str], dict[str, Any]]:
    """Return which numbers of a population have no place on Loihi 1's grids, and the others'."""
    n, facts, reasons = p.neuron, network.facts[p.name], []
    bias = sum(c.bias for c in p.connections)
    gains = np.concatenate([c.gain[c.gain != 0] for c in p.connections])
    unit = int(np.gcd.reduce(np.abs(gains))) if len(gains) else 1
    unit = unit & -unit  # the largest power of two in all gains: membranes are counted in it
    grid = np.gcd.reduce([64 * int(b) for b in np.unique(bias)] or [0])
    exact = grid % unit == 0  # every bias is a whole number of 2**-6 units
    if not exact:
        reasons.append("a bias between the steps of 2**-6 weights")
    exponents = []
    for c in p.connections:
        exponent, why = _weights(c, unit)
        exponents.append(exponent)
        reasons += why
    mantissa, bias_exp = _biases(bias * 64 // unit)
    if (np.abs(mantissa) > BIAS).any():
        reasons.append(f"a bias needs more than {BIAS} * 2**{BIAS_EXP[-1]}")
    decay = 4096 - (4096 * n.num >> n.q)
    step = math.gcd(unit, *(int(b) for b in np.unique(bias)))
    if n.num and n.num != 1 << n.q and not _never_rounds(n, step, network.timesteps):
        reasons.append(
            f"leak {n.num}/{1 << n.q}: the chip rounds toward zero, the contract downward"
        )
    if not n.num:
        decay = 4095  # the least factor, 2**-12, leaves nothing of a small state
        if max(abs(x) for x in facts.state.span) * 64 >= 4096 * unit:
            reasons.append("a membrane that forgets all: the chip's strongest decay leaves 2**-12")
    elif (4096 * n.num) % (1 << n.q):
        reasons.append(f"leak {n.num}/{1 << n.q} is no multiple of 2**-12")
    vth = None
    if n.threshold is not None:
        # v >= threshold is v > 64 * vth on the grid of what v can be: multiples of ``step``.
        grain = _grain(n, step, network.timesteps)
        above = -(-n.threshold // grain) * grain  # the least v that fires
        below = 64 * (above - grain) // unit  # the largest that does not, in 2**-6
        vth = -(-below // 64)
        if (vth * 64 * unit >= 64 * above).any():
            reasons.append("a threshold between the steps of vth")
        if (vth < 0).any():
            reasons.append("a threshold of 0 or less: vth has no sign")
        if (vth > VTH).any():
            reasons.append("a threshold beyond 17 bits")
    if max(abs(x) for x in facts.v.span) * 64 >= STATE * unit:
        reasons.append("v beyond 24 bits")
    if max(abs(x) for x in facts.drive.span) * 64 >= SUM * unit:
        reasons.append("the sum of a timestep beyond 21 bits and a sign")
    numbers = {"unit": unit, "vth": vth, "bias": mantissa, "bias_exp": bias_exp,
               "weight_exp": tuple(exponents), "decay": decay}  # fmt: skip
    return reasons, numbers


def _grain(n: Any, step: int, steps: int) -> int:
    """Return a power of two that divides every v of a sample, which a leak makes finer."""
    if n.num == 1 << n.q or not n.num:
        return step & -step if step else 1
    return max(1, (step & -step) >> (n.q * (steps - 1)))


def _never_rounds(n: Any, step: int, steps: int) -> bool:
    """Whether everything that is added is a multiple of what the leak divides by in a sample."""
    return step == 0 or step % (1 << (n.q * (steps - 1))) == 0


def _weights(c: Any, unit: int) -> tuple[int, list[str]]:
    """Return the exponent at which weights have a mantissa of 8 bits and a sign, and why not."""
    if not c.op.bits:  # no weights
        each = np.array([1])
    else:
        each = np.unique(np.abs(c.op.weights.astype(np.int64)))
    products = np.unique(np.abs(np.multiply.outer(c.gain // unit, each)))
    products = products[products > 0]
    if (c.gain % unit).any():
        return 0, [f"gains of {c.source!r} have no common step"]
    if not len(products):
        return 0, []
    common = int(np.gcd.reduce(products))
    exponent = min((common & -common).bit_length() - 1, WEIGHT_EXP[-1])
    signs = getattr(c.op, "weights", np.ones(1, np.int8))
    mixed = bool((signs > 0).any() and (signs < 0).any())
    if mixed:  # the lowest bit is lost: mantissas are even
        exponent -= 1
    largest = int(products.max()) * 2.0**-exponent
    if largest > (254 if mixed else 255):
        return exponent, [f"weights of {c.source!r} need more than 8 bits"]
    return exponent, []


def _biases(bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mantissas and exponents, each neuron its own."""
    mantissa, exponent = bias.astype(np.int64).copy(), np.zeros(len(bias), np.int64)
    for _ in BIAS_EXP[1:]:
        wide = (np.abs(mantissa) > BIAS) & (mantissa % 2 == 0)
        mantissa[wide] //= 2
        exponent[wide] += 1
    return mantissa, exponent

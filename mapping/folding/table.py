"""Prove a gated population against the gate's own table.

A sigmoid has no exact integer form, but the network whose gate *is* the table (as it is trained
with the table in the loop) has: its membrane is ``A * a_n + B * sigma_n``, both sums of what the
gate has multiplied, ``a_n`` of acc and ``sigma_n`` of a constant 1. sigma's values are enumerated,
and the integer bias stands inside the gate.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .. import network
from ..budgets import DATA_BITS, ENUMERATED, FAR_APART, GATE_BITS, GATED_EXTRA_BITS
from ..certificate.exact import Real
from ..certificate.lattice import EnumeratedTerm, count_values, gate_values
from ..certificate.neurons import TrainedNeurons, Unproved
from ..certificate.search import certify
from ..claims import Cause, Kind
from ..intervals import product
from .context import Context, Folded, Obstacle, search_failed, too_many, too_wide
from .error import Bounds, bound_of
from .lattice import UNORDERED, held_resets
from .rounded import peak_of
from .scales import Group, groups
from .units import as_floats, smallest, unit_next_to


def prove_with_table(context: Context) -> Folded | Obstacle | None:
    """Find integers that fire as the table-gated neurons do, for every input."""
    gate = context.gates[0][0]
    one_gate = gate is not None and len(context.gates) == 1
    if not one_gate or not context.exact_leak or context.population.neuron.reset == "subtract":
        return None
    assert gate is not None
    (group,) = groups(context.currents, context.accs)
    neurons = _gated_neurons(context, group, gate)
    if isinstance(neurons, Obstacle):
        return neurons
    far = _far_apart(context, group, neurons)
    if far > FAR_APART:
        return Obstacle(Cause.WIDTH, f"its numbers lie up to 2**{far} times above its scale")
    try:
        bits, integers, _ = certify(neurons, GATED_EXTRA_BITS)
    except Unproved as error:
        return search_failed(error)
    numbers = {
        "threshold": [x.threshold for x in integers],
        "v_init": [x.starts[-1] for x in integers],
    }
    neuron = context.population.neuron
    if "v_reset" in context.numbers:
        numbers["v_reset"] = [x.starts[0] for x in integers]
        if neuron.reset != "zero" and not neuron.refractory:  # where it is held, no more
            units = [group] * len(integers)
            numbers["v_reset"] = held_resets(context, units, integers, 1 << GATE_BITS)
    (gains,) = group.gains([x.gain for x in integers]).values()
    (c,) = context.population.connections
    biases = [x.second for x in integers]
    edge = network.Connection(
        c.source, context.currents[0].op, gains, biases, gate=gate, delay=c.delay
    )
    worth = [unit_next_to(group.unit(i)) if a else Fraction(1) for i, a in enumerate(group.a)]
    unit = [x / (1 << bits + GATE_BITS) for x in worth]
    if min(unit) < smallest():
        return Obstacle(Cause.WIDTH, "no unit within float64 is as small as its scales")
    reason, cause = _claim(context)
    bound = None if cause is None else _bound(context, edge, numbers, unit)
    floats = as_floats(unit, bounded=cause is not None)
    return Folded(Kind.TABLE, reason, cause, (edge,), numbers, bits, floats, bound)


def _gated_neurons(context: Context, group: Group, gate: network.Gate) -> TrainedNeurons | Obstacle:
    """Return the neurons of which the proof speaks, in units of a gate's factor, if they fit."""
    leak, steps, entries = context.leak, context.steps, gate.table[: context.steps]
    least, most = int(entries.min()), int(entries.max())
    low, high = product((group.low.astype(object), group.high.astype(object)), (least, most))
    count = len(low) * count_values(leak, steps, most - least)
    peak = max(max(np.abs(low)), max(np.abs(high)), most, 1) * leak.scaled_leak_sums(steps)[-1]
    if peak.bit_length() + 1 > DATA_BITS:
        return too_wide(peak.bit_length() + 1)
    if count > ENUMERATED:
        return too_many(count, "what its gate lets through of its bias")
    scale = 1 << GATE_BITS
    theta, starts, ratio = [], [], []
    for i, threshold in enumerate(context.numbers["threshold"]):
        theta.append(group.divided(i, Real(threshold * scale)))
        starts.append(tuple(group.divided(i, Real(x * scale)) for x in context.starts))
        ratio.append(group.divided(i, Real.of(context.currents[0].b[i])))
    term = EnumeratedTerm(ratio, gate_values(leak, steps, least, most))
    return TrainedNeurons(
        leak, steps, theta, [Real()] * len(theta), starts,
        context.population.neuron.compare == ">", low.astype(np.int64), high.astype(np.int64),
        np.array([not a for a in group.a]), term, biased=False,
    )  # fmt: skip


def _far_apart(context: Context, group: Group, neurons: TrainedNeurons) -> int:
    """Return e where the largest of bias, starts and v_reset is 2**e times the scale."""
    assert neurons.term is not None
    reset = Real(context.v_reset * (1 << GATE_BITS))
    far = max(group.divided(i, reset).exponent for i in range(len(neurons)))
    starts = (x.exponent for channel in neurons.starts for x in channel)
    return max(far, *(x.exponent for x in neurons.term.ratio), *starts)


def _claim(context: Context) -> tuple[str, Cause | None]:
    """Return what is proved of a population that fires as its gate's table says, and the cause."""
    gate, (_, error) = context.population.connections[0].gate, context.gates[0]
    assert gate is not None
    what = "table" if gate.constant is None else "constants"
    reason, cause = f"exact to its gate's {what}, for every input", None
    if context.membrane_read:
        reason = f"fires as its gate's {what} says, for every input, but {UNORDERED}"
        cause = Cause.ORDER
    if error:
        sigmoid = gate.table is None and gate.constant is None
        trained_gate = "sigmoid" if sigmoid else "trained gate, which was rounded"
        reason, cause = f"{reason}; bounded to the {trained_gate}", Cause.GATE
    return reason, cause


def _bound(
    context: Context, edge: network.Connection, numbers: dict[str, list[int]], unit: list[Fraction]
) -> float:
    """Return how far from the trained membranes those may be, which fire as their table says."""
    (current,), (acc,), (_, error) = context.currents, context.accs, context.gates[0]
    bounds = Bounds(len(unit), floor=1.0 if context.leak.q else 0.0)
    gained = np.abs(edge.gain) if edge.gain.ndim else np.full(len(unit), abs(int(edge.gain)))
    for i, x in enumerate(unit):
        # both sides in integer membranes, of the unit that is stated: a gate's factor of 1 is
        # 2**GATE_BITS of them
        fine = 1 / x
        gate_unit = fine / (1 << GATE_BITS)
        slope, offset = current.slope(i) * gate_unit, Real.of(current.b[i]) * gate_unit
        peak = peak_of(acc, i)
        bounds.current(i, slope, offset, int(gained[i]), int(edge.bias[i]), peak)
        bounds.gate(i, slope, offset, peak, error)
        for name, start in (("v_init", context.v_init), ("v_reset", context.v_reset)):
            if name in numbers:
                bounds.number(name, i, Real(start) * fine, numbers[name][i], 1 << GATE_BITS)
    bounds.floor /= 1 << GATE_BITS
    worst = bounds.worst(context.leak, context.acting_leak, context.steps) * (1 << GATE_BITS)
    return bound_of(worst, unit)

"""Two ways to prove that integers fire as the trained neurons do, for every input.

``prove_on_lattice``: the leak is dyadic, so data moves membranes on a lattice, and integer neurons
whose constants are equal are searched. ``prove_constant_drive``: any leak, where the drive is the
same at every timestep, so that all a neuron does follows from one integer.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .. import network
from ..budgets import DATA_BITS, ENUMERATED, HELD_BITS, HISTORIES, LIMIT
from ..certificate.exact import Real
from ..certificate.lattice import EnumeratedTerm, branch_values, count_values, reset_values
from ..certificate.neurons import Goal, Integers, Proof, TrainedNeurons, Unproved
from ..certificate.search import certify
from ..certificate.static import certify_static
from ..claims import Cause, Kind
from ..value import WIDTH_MAX
from .affine import bias_of
from .context import Context, Folded, Obstacle, search_failed, too_many, too_wide
from .rounded import near
from .scales import Group

#: What is said where a read-out compares membranes that may stand otherwise.
UNORDERED = "the order of the membranes that are read out is not proved"


def prove_on_lattice(context: Context) -> Folded | Obstacle:
    """Search integers that meet every constant of the trained neurons."""
    obstacle = _no_lattice(context) or _too_large(context)
    if obstacle is not None:
        return obstacle
    try:
        return _proved(context, certify(_divided(context)))
    except Unproved as error:
        return search_failed(error)


def prove_constant_drive(context: Context) -> Folded | Obstacle | None:
    """Search integers that fire from the same acc on, where a sample's drive never changes."""
    many = len(context.scales.groups) > 1 or context.population.neuron.reset == "subtract"
    if context.exact_leak or not context.static or context.gated or many:
        return None
    obstacle = _too_large(context)
    if obstacle is not None:
        return obstacle
    try:
        leak = Fraction(context.population.neuron.leak)
        return _proved(context, certify_static(_divided(context), leak))
    except Unproved as error:
        return search_failed(error)


def _no_lattice(context: Context) -> Obstacle | None:
    """Name what keeps data off one lattice, or what no search goes through beside it."""
    neuron, soft, steps = context.population.neuron, context.soft, context.steps
    count = len(context.scales.groups) + soft
    if not context.exact_leak:
        return context.snapped_leak()
    if context.gated and len(context.currents) == 1 and neuron.reset != "subtract":
        what = "its gate's factor changes with the input, so data lies on no fixed lattice"
        return Obstacle(Cause.SCALES, what)
    if context.gated:
        what = "a soft reset beside a gate" if soft else "a gated connection beside others"
        cause = Cause.RESET if soft else Cause.SCALES
        return Obstacle(cause, f"{what} is proved only in whole multiples of one unit")
    if count > 2:
        what = f"{count} real scales meet in its membranes (two can be proved)"
        return Obstacle(Cause.SCALES, what)
    if soft and neuron.refractory:
        return Obstacle(Cause.RESET, "a soft reset with refractory steps")
    if soft and context.leak.q and steps > HISTORIES:
        return Obstacle(Cause.COUNT, f"a leaky soft reset has 2**{steps - 1} histories")
    return None


def _too_large(context: Context) -> Obstacle | None:
    """Say so if the lattice of the data is too wide, or that of a second scale too large."""
    scales, leak, steps = context.scales, context.leak, context.steps
    sides = [side for side in (scales.unit, scales.other) if side is not None]
    edges = [edge for side in sides for edge in (side.low, side.high)]
    peak = max(1, *(int(np.abs(edge).max()) for edge in edges))  # 1: the lattice itself
    need = (peak * leak.scaled_leak_sums(steps)[-1]).bit_length() + 1
    if need > DATA_BITS:
        return too_wide(need)
    if scales.other is None:
        return None
    span = int((scales.other.high - scales.other.low).max())
    count = len(scales.other.group) * count_values(leak, steps, span)
    return too_many(count, "its second scale") if count > ENUMERATED else None


def _divided(context: Context) -> TrainedNeurons:
    """Return the trained neurons, exactly, each divided by the unit of its channel.

    At most two real scales meet in them.
    """
    neuron, scales, leak, steps = (
        context.population.neuron, context.scales, context.leak, context.steps
    )  # fmt: skip
    other = scales.other
    assert neuron.threshold is not None
    theta, bias, starts, zero_gain, ratio = [], [], [], [], []
    for i, threshold in enumerate(map(Fraction, neuron.threshold)):
        unit = scales.unit_of(i)
        theta.append(unit.divided(i, Real(threshold - context.rest)))
        bias.append(unit.divided(i, bias_of(context.currents, i)))
        starts.append(tuple(unit.divided(i, Real(x)) for x in context.starts))
        zero_gain.append(not unit.a[i])
        if other is not None:
            ratio.append(unit.divided(i, scales.groups[int(other.group[i])].unit(i)))
        elif neuron.reset == "subtract":
            ratio.append(unit.divided(i, Real(context.numbers["rho"][i])))
    term = None
    if other is not None:
        term = EnumeratedTerm(ratio, branch_values(leak, steps, other.low, other.high))
    elif context.soft:
        term = EnumeratedTerm(ratio, [-values for values in reset_values(leak, steps)])
    return TrainedNeurons(
        leak, steps, theta, bias, starts, neuron.compare == ">",
        scales.unit.low, scales.unit.high, np.array(zero_gain), term,
    )  # fmt: skip


def _proved(context: Context, proof: Proof) -> Folded | Obstacle:
    """Put the integers of a proof in their places, unless a gain is too wide."""
    neuron, scales = context.population.neuron, context.scales
    integers = proof.integers
    gains: dict[int, list[int]] = {}
    for k, group in enumerate(scales.groups):
        pairs = zip(integers, scales.unit.group == k, strict=True)
        gains |= group.gains([x.gain if is_unit else x.second for x, is_unit in pairs])
    if max(abs(g) for column in gains.values() for g in column) >= LIMIT:
        what = f"a scale through which little arrives would need {WIDTH_MAX} bits or more"
        return Obstacle(Cause.WIDTH, what)
    resets = [0] * len(integers)
    units = [scales.unit_of(i) for i in range(len(integers))]
    if context.steps > 1 and (neuron.reset == "zero" or neuron.refractory):
        resets = [x.starts[0] for x in integers]
    elif neuron.holds:
        resets = held_resets(context, units, integers)
    numbers = {
        "threshold": [x.threshold for x in integers],
        "v_init": [x.starts[-1] for x in integers],
        "v_reset": resets,
    }
    if neuron.reset == "subtract":
        numbers["rho"] = [x.second for x in integers]
    biases = [x.bias for x in integers]
    connections = tuple(
        network.Connection(c.source, current.op, gains[k], biases if k == 0 else 0, delay=c.delay)
        for k, (c, current) in enumerate(
            zip(context.population.connections, context.currents, strict=True)
        )
    )
    reason, cause = "thresholds proved for every input", None
    if context.membrane_read and not _ordered(context, integers):
        reason, cause = f"fires exactly, but {UNORDERED}", Cause.ORDER
    pairs = zip(integers, units, strict=True)
    unit = [float(u.unit(i)) / x.gain if x.gain else 0.0 for i, (x, u) in enumerate(pairs)]
    table = _constants(proof.goals)
    return Folded(
        Kind.SPIKES, reason, cause, connections, numbers, proof.fraction_bits, np.array(unit),
        lattice=table,
    )  # fmt: skip


def held_resets(
    context: Context, units: list[Group], integers: list[Integers], times: int = 1
) -> list[int]:
    """Return v_reset of neurons that are never reset to it, but may be held there.

    A neuron that fires by its bias alone has a scale of its own: there, v is held on that side
    of the threshold on which the trained one is.

    Args:
        units: per channel. times: what all membranes are multiplied with besides.
    """
    neuron, resets = context.population.neuron, []
    assert neuron.threshold is not None
    reset = Fraction(neuron.v_reset)
    for i, (unit, channel) in enumerate(zip(units, integers, strict=True)):
        if channel.gain and unit.a[i]:
            x = unit.divided(i, Real(context.v_reset)) * channel.gain * times
            resets.append(near(x, HELD_BITS))
        else:
            theta = Fraction(neuron.threshold[i])
            reached = reset > theta if neuron.compare == ">" else reset >= theta
            resets.append(channel.threshold if reached else channel.threshold - 1)
    return resets


def _constants(goals: list[Goal]) -> np.ndarray | None:
    """Return the constants (tables, T, C) of a population with one real scale."""
    if not goals or goals[0].neurons.term is not None:
        return None
    blocks = [[[c[:, 0] for c in row] for row in goal.constants] for goal in goals]
    table = np.concatenate([np.array(block) for block in blocks], axis=2)
    return table if np.abs(table).max() < LIMIT else None


def _ordered(context: Context, integers: list[Integers]) -> bool:
    """Whether the integer membranes are ordered between classes as the trained ones."""
    if not context.exact_leak:  # proved for constant inputs: when it fires, not by how much
        return False
    first = integers[0]
    if any(x.gain != first.gain or x.bias or any(x.starts) for x in integers):
        return False  # one that fires by its bias alone has a scale of its own
    p, (group, *others) = context.population, context.scales.groups
    plain = all(not b.r and not b.s for current in context.currents for b in current.b)
    held = p.neuron.holds and p.neuron.v_reset != p.neuron.v_rest
    moved = held or any(context.starts) or p.neuron.reset == "subtract"
    return not others and group.alike and plain and not moved

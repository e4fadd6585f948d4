"""Fold a population with a threshold: integers that fire as the trained neurons do.

What cannot be proved, or has nothing to be proved against but its gate's table, is rounded.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .. import network, trained
from ..certificate.leak import Leak
from ..certificate.neurons import LIMIT, Integers, Neurons, Unproved
from ..certificate.search import certify
from ..certificate.second import ENUMERATED, HISTORIES, how_many
from ..certificate.static import certify_static
from ..claims import Cause, Kind
from ..intervals import Interval
from ..value import WIDTH_MAX, Unsupported
from .affine import Affine
from .divided import Start, divided, held, start_of
from .obstacle import DATA_BITS, Obstacle, gate_obstacle, met, too_many, too_wide
from .rounded import Rounded, rounded
from .scales import Scales
from .table import certify_table
from .units import told
from .whole import whole

#: What is said where a read-out compares membranes that may stand otherwise.
UNORDERED = "the order of the membranes that are read out is not proved"


def fold_spiking(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    static: bool,
) -> network.Population:
    """Fold a population with a threshold.

    Args:
        lines, accs: per connection, its exact line and the range of its acc.
        static: the drive is the same at every timestep of a sample.

    Raises
    ------
        Unsupported: a delayed subtract reset with leak 0, which no reset at once stands for.
    """
    neuron, steps = p.neuron, value.timesteps
    if neuron.reset == "subtract" and neuron.reset_delay and not neuron.leak and steps > 1:
        what = "a delayed subtract reset with leak 0 has no integer form"
        raise Unsupported(f"population {p.name!r}: {what}")
    start = start_of(neuron, steps)
    scales = Scales.of(lines, accs)
    obstacle = _obstacle(p, start, scales, steps, static) or _too_wide(scales, start.leak, steps)
    if obstacle is not None:
        return _bounded(value, p, lines, accs, start, obstacle)
    neurons = divided(p, lines, scales, start, steps)
    try:
        if start.exact:
            bits, integers = certify(neurons)
        else:
            bits, integers = certify_static(neurons, Fraction(neuron.leak))
    except Unproved as error:
        return _bounded(value, p, lines, accs, start, met(error))
    gains = _gains(scales, integers)
    if max(abs(g) for column in gains.values() for g in column) >= LIMIT:
        what = f"a scale through which little arrives would need {WIDTH_MAX} bits or more"
        return _bounded(value, p, lines, accs, start, Obstacle(Cause.WIDTH, what))
    reason, cause = "thresholds proved for every input", None
    if not _ordered_membranes(value, p, scales, lines, start, integers):
        reason, cause = f"fires exactly, but {UNORDERED}", Cause.ORDER
    lattice = _lattice(neurons) if start.exact else None
    worth = np.array([
        float(scales.unit_of(i).unit(i)) / one.gain if one.gain else 0.0
        for i, one in enumerate(integers)
    ])  # fmt: skip
    certificate = network.Certificate(
        cause is None, Kind.SPIKES, reason, cause, bits, lattice, None, worth
    )
    return _proved(p, lines, scales, start, integers, gains, certificate, steps)


def _obstacle(
    p: trained.Population, start: Start, scales: Scales, steps: int, static: bool
) -> Obstacle | None:
    """Name what keeps a population from being searched, or return None."""
    neuron, count = p.neuron, len(scales.groups)
    gated = any(c.gate is not None for c in p.connections)
    if not start.exact and (gated or not static or neuron.reset == "subtract" or count > 1):
        tau = f"{start.leak.num}/{1 << start.leak.q}"
        return Obstacle(Cause.LEAK, f"leak {neuron.leak!r} is not dyadic: snapped to {tau}")
    soft = neuron.reset == "subtract" and steps > 1
    if gated:
        what = "a soft reset beside a gate" if soft else "a gated connection beside others"
        cause = Cause.RESET if soft else Cause.SCALES
        return Obstacle(cause, f"{what} is proved only in whole multiples of one unit")
    if count + soft > 2:
        what = f"{count + soft} real scales meet in its membranes (two can be proved)"
        return Obstacle(Cause.SCALES, what)
    if soft and neuron.refractory:
        return Obstacle(Cause.RESET, "a soft reset with refractory steps")
    if soft and start.leak.q and steps > HISTORIES:
        return Obstacle(Cause.COUNT, f"a leaky soft reset has 2**{steps - 1} histories")
    return None


def _too_wide(scales: Scales, leak: Leak, steps: int) -> Obstacle | None:
    """Say so if the lattice of the data is too wide, or that of a second scale too large."""
    sides = [side for side in (scales.unit, scales.other) if side is not None]
    edges = [edge for side in sides for edge in (side.low, side.high)]
    peak = max(1, *(int(np.abs(edge).max()) for edge in edges))  # 1: the lattice itself
    need = (peak * leak.weights(steps)[-1]).bit_length() + 1
    if need > DATA_BITS:
        return too_wide(need)
    if scales.other is None:
        return None
    span = int((scales.other.high - scales.other.low).max())
    count = len(scales.other.group) * how_many(leak, steps, span)
    return too_many(count, "its second scale") if count > ENUMERATED else None


def _lattice(neurons: Neurons) -> np.ndarray | None:
    """Return the constants (tables, T, C) of a population with one real scale."""
    if neurons.second is not None:
        return None
    rows = np.array([[c[:, 0] for c in row] for row in neurons.constants])
    return rows if np.abs(rows).max() < 1 << (WIDTH_MAX - 1) else None


def _ordered_membranes(
    value: trained.TrainedNetwork,
    p: trained.Population,
    scales: Scales,
    lines: list[Affine],
    start: Start,
    found: list[Integers],
) -> bool:
    """Whether the membranes keep their order between classes, should the read-out compare them."""
    if value.readout.source != p.name or not value.readout.reads_membrane:
        return True
    if not start.exact:  # proved for constant inputs: when it fires, not by how much
        return False
    if any(one.gain != found[0].gain or one.bias or any(one.starts) for one in found):
        return False  # one that fires by its bias alone has a scale of its own
    group, *others = scales.groups
    plain = all(not b.r and not b.s for line in lines for b in line.b) and not any(start.values)
    held = p.neuron.holds and p.neuron.v_reset != p.neuron.v_rest
    return not others and group.alike and plain and not held and p.neuron.reset != "subtract"


def _gains(scales: Scales, found: list[Integers]) -> dict[int, list[int]]:
    """Return the gains of every connection."""
    gains: dict[int, list[int]] = {}
    for k, group in enumerate(scales.groups):
        units = scales.unit.group == k
        worth = [one.gain if unit else one.second for one, unit in zip(found, units, strict=True)]
        gains |= group.gains(worth)
    return gains


def _proved(
    p: trained.Population,
    lines: list[Affine],
    scales: Scales,
    start: Start,
    found: list[Integers],
    gains: dict[int, list[int]],
    certificate: network.Certificate,
    steps: int,
) -> network.Population:
    """Assemble the population of certified integers."""
    neuron = p.neuron
    resets = [0] * len(found)
    if steps > 1 and (neuron.reset == "zero" or neuron.refractory):
        resets = [one.starts[0] for one in found]
    elif neuron.holds:
        resets = held(p, start, [scales.unit_of(i) for i in range(len(found))], found)
    connections = tuple(
        network.Connection(
            c.source,
            line.op,
            gain=gains[k],
            bias=[one.bias for one in found] if k == 0 else 0,
            delay=c.delay,
        )
        for k, (c, line) in enumerate(zip(p.connections, lines, strict=True))
    )
    folded = network.Neuron(
        num=start.leak.num,
        q=start.leak.q,
        threshold=[one.threshold for one in found],
        reset=neuron.reset,
        v_reset=resets,
        rho=[one.second for one in found] if neuron.reset == "subtract" else 0,
        v_init=[one.starts[-1] for one in found],
        max_spikes=neuron.max_spikes,
        refractory=neuron.refractory,
        fire_by=neuron.fire_by,
    )
    return network.Population(p.name, connections, folded, certificate)


def _bounded(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    start: Start,
    obstacle: Obstacle,
) -> network.Population:
    """Assemble a population whose numbers are whole, proved against its gate's table, or rounded.

    Args:
        obstacle: what kept it from being proved as trained.
    """
    neuron, steps, shape = p.neuron, value.timesteps, value.shapes[p.name]
    assert neuron.threshold is not None
    numbers = {
        "threshold": [Fraction(x) - start.rest for x in neuron.threshold],
        "v_init": [start.values[-1]] * shape[0],
    }
    if neuron.reset == "zero" or neuron.holds:
        numbers["v_reset"] = [Fraction(neuron.v_reset) - start.rest] * shape[0]
    if neuron.reset == "subtract":
        late = Fraction(neuron.leak) if neuron.reset_delay and neuron.leak else Fraction(1)
        numbers["rho"] = [Fraction(x) / late for x in neuron.threshold]
    area = int(np.prod(shape[1:]))
    read = value.readout.source == p.name and value.readout.reads_membrane
    gates, whole_not = [c.gate for c in p.connections], None
    if start.exact:
        proved = whole(p, lines, accs, area, steps, start.leak, numbers, alike=read)
        if isinstance(proved, Rounded):
            reason = "its numbers are whole multiples of one unit"
            return _assembled(p, proved, start, Kind.WHOLE, reason, None)
        whole_not = proved
    found = rounded(p, lines, accs, area, steps, start.leak, numbers)
    gate = found.connections[0].gate
    if gate is not None and len(lines) == 1 and start.exact and neuron.reset != "subtract":
        tabled = certify_table(p, found, gate, lines[0], accs[0], start, steps)
        if isinstance(tabled, Rounded):
            return _tabled(p, tabled, start, read)
        obstacle = tabled
    elif any(gates) and whole_not is not None:
        obstacle = Obstacle(obstacle.cause, f"{obstacle.reason}: {whole_not.reason}")
    inexact = [g for g, error in zip(gates, found.errors, strict=True) if g is not None and error]
    if inexact:  # no proof would have made it exact
        rounded_gate = gate_obstacle(inexact[0])
        if obstacle.cause is Cause.LEAK:
            obstacle = Obstacle(Cause.LEAK, f"{obstacle.reason}; {rounded_gate.reason}")
        else:
            obstacle = rounded_gate
    return _assembled(p, found, start, Kind.ROUNDED, obstacle.reason, obstacle.cause)


def _tabled(p: trained.Population, found: Rounded, start: Start, read: bool) -> network.Population:
    """Assemble a population that fires as its gate's own table says."""
    (c,) = p.connections
    assert c.gate is not None
    what = "table" if c.gate.constant is None else "constants"
    reason, cause = f"exact to its gate's {what}, for every input", None
    if read:
        reason = f"fires as its gate's {what} says, for every input, but {UNORDERED}"
        cause = Cause.ORDER
    if found.errors[0]:
        trained_gate = "trained gate, which was rounded"
        if c.gate.table is None and c.gate.constant is None:
            trained_gate = "sigmoid"
        reason, cause = f"{reason}; bounded to the {trained_gate}", Cause.GATE
    return _assembled(p, found, start, Kind.TABLE, reason, cause)


def _assembled(
    p: trained.Population, found: Rounded, start: Start, kind: Kind, reason: str,
    cause: Cause | None,
) -> network.Population:  # fmt: skip
    """Put numbers into a population."""
    neuron = p.neuron
    bound = None if cause is None else found.bound
    unit = told(found.unit, bounded=bound is not None)
    certificate = network.Certificate(
        cause is None, kind, reason, cause, found.bits, None, bound, unit
    )
    integer = network.Neuron(
        num=start.leak.num, q=start.leak.q, reset=neuron.reset, max_spikes=neuron.max_spikes,
        refractory=neuron.refractory, fire_by=neuron.fire_by, **found.numbers,
    )  # fmt: skip
    return network.Population(p.name, found.connections, integer, certificate)

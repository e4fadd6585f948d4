"""Fold a population with a threshold: integers that fire as the trained neurons do.

What cannot be proved, or has nothing to be proved against but its gate's table, is rounded.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .. import network, trained
from ..certificate.leak import Leak
from ..certificate.neurons import Integers, Neurons, Undecided
from ..certificate.search import EXTRA_BITS, certify
from ..certificate.second import ENUMERATED, HISTORIES, how_many
from ..certificate.static import certify_static
from ..intervals import Interval
from ..value import WIDTH_MAX, Unsupported
from .affine import Affine
from .divided import Start, divided, held, start_of
from .rounded import Rounded, rounded
from .scales import Scales
from .table import certify_table
from .whole import whole


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
    reason = _obstacle(p, start, scales, steps, static) or _too_wide(scales, start.leak, steps)
    if reason is not None:
        return _bounded(value, p, lines, accs, start, reason)
    neurons = divided(p, lines, scales, start, steps)
    found = _certified(neurons, None if start.exact else Fraction(neuron.leak))
    if isinstance(found, str):
        return _bounded(value, p, lines, accs, start, found)
    bits, integers = found
    exact = _ordered_membranes(value, p, scales, lines, start, integers)
    reason = "thresholds proved for every input"
    if not exact:
        reason = "fires exactly, but the order of the membranes that are read out is not proved"
    lattice = _lattice(neurons) if start.exact else None
    worth = np.array([
        float(scales.unit_of(i).unit(i)) / one.gain if one.gain else 0.0
        for i, one in enumerate(integers)
    ])  # fmt: skip
    certificate = network.Certificate(exact, reason, bits, lattice, None, worth)
    return _proved(p, lines, scales, start, integers, certificate, steps)


def _obstacle(
    p: trained.Population, start: Start, scales: Scales, steps: int, static: bool
) -> str | None:
    """Name what keeps a population from being certified, or return None."""
    neuron, count = p.neuron, len(scales.groups)
    if any(c.gate is not None for c in p.connections):
        return "its gate is a table of the sigmoid"
    if not start.exact and (not static or neuron.reset == "subtract" or count > 1):
        tau = f"{start.leak.num}/{1 << start.leak.q}"
        return f"leak {neuron.leak!r} is not dyadic: snapped to {tau}"
    soft = neuron.reset == "subtract" and steps > 1
    if count + soft > 2:
        return f"{count + soft} real scales meet in its membranes (two can be proved)"
    if soft and neuron.refractory:
        return "a soft reset with refractory steps"
    if soft and start.leak.q and steps > HISTORIES:
        return f"a leaky soft reset has 2**{steps - 1} histories"
    return None


def _too_wide(scales: Scales, leak: Leak, steps: int) -> str | None:
    """Say so if the lattice of the data is too wide, or that of a second scale too large."""
    sides = [side for side in (scales.unit, scales.other) if side is not None]
    edges = [edge for side in sides for edge in (side.low, side.high)]
    peak = max(1, *(int(np.abs(edge).max()) for edge in edges))  # 1: the lattice itself
    need = (peak * leak.weights(steps)[-1]).bit_length() + 1
    if need >= WIDTH_MAX - 4:
        return f"its data alone would need more than {WIDTH_MAX} bits ({need})"
    if scales.other is None:
        return None
    span = int((scales.other.high - scales.other.low).max())
    count = len(scales.other.group) * how_many(leak, steps, span)
    if count > ENUMERATED:
        return f"{count} values of its second scale are too many to go through"
    return None


def _certified(neurons: Neurons, real_leak: Fraction | None) -> tuple[int, list[Integers]] | str:
    """Search all channels; return F and the integers, or why there are none.

    Args:
        real_leak: the trained leak of a static population, if it is not dyadic.
    """
    try:
        if real_leak is None:
            bits, tried = certify(neurons)
        else:
            bits, tried = certify_static(neurons, real_leak)
    except Undecided as error:
        return str(error)
    failed = [i for i, one in enumerate(tried) if one is None]
    if failed:
        return (
            f"{len(failed)} of {len(tried)} channels (first: {failed[0]}) would need more than "
            f"{WIDTH_MAX} bits or {EXTRA_BITS} extra fractional bits"
        )
    return bits, [one for one in tried if one is not None]


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


def _proved(
    p: trained.Population,
    lines: list[Affine],
    scales: Scales,
    start: Start,
    found: list[Integers],
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
    gains: dict[int, list[int]] = {}
    for k, group in enumerate(scales.groups):
        units = scales.unit.group == k
        worth = [one.gain if unit else one.second for one, unit in zip(found, units, strict=True)]
        gains |= group.gains(worth)
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
    reason: str,
) -> network.Population:
    """Assemble a population whose numbers are rounded, or proved against its gate's table only."""
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
    if start.exact:
        proved = whole(p, lines, accs, area, steps, start.leak, numbers, alike=read)
        if proved is not None:
            return _assembled(
                p, proved[0], start, "its numbers are whole multiples of one unit", True
            )
    found = rounded(p, lines, accs, area, steps, start.leak, numbers)
    gate, folded, exact = p.connections[0].gate, found.connections[0].gate, False
    alone = gate is not None and folded is not None and len(lines) == 1
    if alone and start.exact and neuron.reset != "subtract":
        tabled = certify_table(p, found, folded, lines[0], accs[0], start, steps)
        if tabled is not None:
            found, reason = tabled, "exact to its gate's table, for every input"
            exact = not found.errors[0]
            if not exact and gate.table is None and gate.constant is None:
                reason += "; bounded to the sigmoid"
    return _assembled(p, found, start, reason, exact and not read)


def _assembled(
    p: trained.Population, found: Rounded, start: Start, reason: str, exact: bool
) -> network.Population:
    """Put numbers into a population."""
    neuron = p.neuron
    bound = None if exact else found.bound
    certificate = network.Certificate(exact, reason, found.bits, None, bound, found.unit)
    integer = network.Neuron(
        num=start.leak.num, q=start.leak.q, reset=neuron.reset, max_spikes=neuron.max_spikes,
        refractory=neuron.refractory, fire_by=neuron.fire_by, **found.numbers,
    )  # fmt: skip
    return network.Population(p.name, found.connections, integer, certificate)

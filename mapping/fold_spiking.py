"""Fold a population with a threshold: integers that fire as the trained neurons do."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from . import certify, network, trained
from .affine import Affine, Group, groups
from .certify import Integers, Leak, Neurons, Second, Undecided
from .certify_static import certify_static
from .exact import Real
from .fold_gate import GATE_BITS
from .fold_rounded import Rounded, rounded
from .fold_table import certify_table
from .intervals import Interval
from .value import LEAK_BITS_MAX, WIDTH_MAX

#: Most timesteps of a leaky soft reset whose 2**(T-1) histories are enumerated.
HISTORIES = 14


@dataclass(frozen=True)
class Start:
    """Leak and starting membranes of a population, above its rest, exactly.

    Attributes
    ----------
        leak: dyadic. exact: whether it is the trained leak.
        rest: v_rest. values: the membranes from which steps are counted: v_reset, v_init.
    """

    leak: Leak
    exact: bool
    rest: Fraction
    values: tuple[Fraction, ...]


def dyadic(leak: float) -> tuple[Leak, bool]:
    """Return the nearest num / 2**q with q <= LEAK_BITS_MAX, and whether it is the leak itself."""
    exact = Fraction(leak)
    num = math.floor(exact * (1 << LEAK_BITS_MAX) + Fraction(1, 2))
    q = LEAK_BITS_MAX
    while q and num % 2 == 0:
        num, q = num >> 1, q - 1
    return Leak(num, q), Fraction(num, 1 << q) == exact


def start_of(neuron: trained.Neuron, steps: int) -> Start:
    """Return where a population's membranes start, and by what they leak."""
    leak, exact = dyadic(neuron.leak)
    rest = Fraction(neuron.v_rest)
    init, reset = Fraction(neuron.v_init) - rest, Fraction(neuron.v_reset) - rest
    if steps == 1:  # the leak only ever acts on the initial membrane, which is known
        return Start(Leak(1, 0), True, rest, (init * Fraction(neuron.leak),))
    hard = neuron.threshold is not None and (neuron.reset == "zero" or neuron.refractory)
    if hard and init != reset:
        return Start(leak, exact, rest, (reset, init))
    return Start(leak, exact, rest, (init,))


@dataclass(frozen=True)
class Layout:
    """Which group of connections is the unit of each channel, and which is enumerated.

    Attributes
    ----------
        unit: (C,) index of a group. low, high: (C,) range of its lattice in one step.
        other: (C,) index of the second group, or None. other_low, other_high: its range.
    """

    unit: np.ndarray
    low: np.ndarray
    high: np.ndarray
    other: np.ndarray | None = None
    other_low: np.ndarray | None = None
    other_high: np.ndarray | None = None

    @classmethod
    def of(cls, merged: list[Group]) -> Layout:
        """Take the group of the most values as unit, and the other where that one's A is 0."""
        channels = len(merged[0].a)
        if len(merged) == 1:
            return cls(np.zeros(channels, int), merged[0].low, merged[0].high)
        spans = [int((g.high - g.low).max()) for g in merged]
        most = int(np.argmax(spans))
        rest = min(k for k in range(len(merged)) if k != most)
        unit = np.array([most if merged[most].a[i] else rest for i in range(channels)])
        other = most + rest - unit

        def pick(which: np.ndarray, edge: str) -> np.ndarray:
            return np.array([getattr(merged[k], edge)[i] for i, k in enumerate(which)], np.int64)

        return cls(
            unit, pick(unit, "low"), pick(unit, "high"),
            other, pick(other, "low"), pick(other, "high"),
        )  # fmt: skip


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
    """
    steps = value.timesteps
    start = start_of(p.neuron, steps)
    merged = groups(lines, accs)
    layout = Layout.of(merged)
    reason = _too_wide(layout, start.leak, steps)
    neurons = _neurons(p, lines, merged, layout, start, steps, enumerated=reason is None)
    reason = _obstacle(p, start, merged, neurons, static) or reason
    bits, found = 0, None
    if reason is None:
        bits, found, reason = _certified(neurons, None if start.exact else Fraction(p.neuron.leak))
    if found is None:
        return _bounded(value, p, lines, accs, start, reason or "")
    exact = _ordered_membranes(value, p, merged, lines, start)
    reason = "thresholds proved for every input"
    if not exact:
        reason = "fires exactly, but the order of the membranes that are read out is not proved"
    certificate = network.Certificate(
        exact, reason, bits, _lattice(neurons) if start.exact else None, None,
        np.array([float(_unit(merged, layout, i)) for i in range(len(found))]),
    )  # fmt: skip
    return _population(p, lines, merged, layout, start, found, certificate)


def _too_wide(layout: Layout, leak: Leak, steps: int) -> str | None:
    """Say so if the lattice of the data is too wide, or that of a second scale too large."""
    edges = [layout.low, layout.high, layout.other_low, layout.other_high]
    peak = max(int(np.abs(edge).max()) for edge in edges if edge is not None)
    need = (peak * leak.weights(steps)[-1]).bit_length() + 1
    if need >= WIDTH_MAX - 4:
        return f"its data alone would need more than {WIDTH_MAX} bits ({need})"
    if layout.other_low is None or layout.other_high is None:
        return None
    span = int((layout.other_high - layout.other_low).max())
    count = len(layout.unit) * sum(span * weight + 1 for weight in leak.weights(steps))
    if count > certify.ENUMERATED:
        return f"{count} values of its second scale are too many to go through"
    return None


def _obstacle(
    p: trained.Population, start: Start, merged: list[Group], neurons: Neurons, static: bool
) -> str | None:
    """Name what keeps a population from being certified, or return None."""
    neuron = p.neuron
    if any(c.gate is not None for c in p.connections):
        return "its gate is a table of the sigmoid"
    if not start.exact and (not static or neuron.reset == "subtract" or len(merged) > 1):
        tau = f"{start.leak.num}/{1 << start.leak.q}"
        return f"leak {neuron.leak!r} is not dyadic: snapped to {tau}"
    soft = neuron.reset == "subtract" and neurons.steps > 1
    if len(merged) + soft > 2:
        return f"{len(merged) + soft} real scales meet in its membranes (two can be proved)"
    if soft and neuron.refractory:
        return "a soft reset with refractory steps"
    if soft and start.leak.q and neurons.steps > HISTORIES:
        return f"a leaky soft reset has 2**{neurons.steps - 1} histories"
    return None


def _certified(
    neurons: Neurons, real_leak: Fraction | None
) -> tuple[int, list[Integers] | None, str | None]:
    """Search all channels; return F and the integers, or why there are none.

    Args:
        real_leak: the trained leak of a static population, if it is not dyadic.
    """
    try:
        if real_leak is None:
            bits, tried = certify.certify(neurons)
        else:
            bits, tried = certify_static(neurons, real_leak)
    except Undecided as error:
        return 0, None, str(error)
    failed = [i for i, one in enumerate(tried) if one is None]
    if failed:
        return 0, None, (
            f"{len(failed)} of {len(tried)} channels (first: {failed[0]}) would need more than "
            f"{WIDTH_MAX} bits or {certify.EXTRA_BITS} extra fractional bits"
        )  # fmt: skip
    return bits, [one for one in tried if one is not None], None


def _unit(merged: list[Group], layout: Layout, i: int) -> Real:
    return merged[int(layout.unit[i])].unit(i)


def _neurons(
    p: trained.Population,
    lines: list[Affine],
    merged: list[Group],
    layout: Layout,
    start: Start,
    steps: int,
    enumerated: bool,
) -> Neurons:
    """Return the trained neurons, divided by their units.

    Args:
        enumerated: with the values of a second scale; without, they serve for rounding only.
    """
    neuron = p.neuron
    assert neuron.threshold is not None
    theta, bias, starts, deaf, ratio = [], [], [], [], []
    soft = neuron.reset == "subtract"
    for i in range(len(neuron.threshold)):
        group = merged[int(layout.unit[i])]
        silent = not group.a[i]

        def scaled(x: Real, group: Group = group, i: int = i, silent: bool = silent) -> Real:
            return x if silent else group.divided(i, x)

        threshold = Fraction(neuron.threshold[i])
        total = Real()
        for line in lines:
            total += Real.of(line.b[i])
        theta.append(scaled(Real(threshold - start.rest)))
        bias.append(scaled(total))
        starts.append(tuple(scaled(Real(x)) for x in start.values))
        deaf.append(silent)
        if layout.other is not None:
            ratio.append(scaled(merged[int(layout.other[i])].unit(i)))
        elif soft:
            late = Fraction(neuron.leak) if neuron.reset_delay else Fraction(1)
            ratio.append(scaled(Real(threshold / late if late else threshold)))
    second = None
    if layout.other_low is not None and layout.other_high is not None:
        values = [np.zeros(1, np.int64)] * steps
        if enumerated:
            values = _lattice_values(start.leak, steps, layout)
        second = Second(ratio, values)
    elif soft and steps > 1:
        values = _taken_off(start.leak, steps) if enumerated else [np.zeros(1, np.int64)] * steps
        second = Second(ratio, [-found for found in values])
    return Neurons(
        start.leak, steps, theta, bias, starts, neuron.compare == ">",
        layout.low, layout.high, np.array(deaf), second,
    )  # fmt: skip


def _lattice_values(leak: Leak, steps: int, layout: Layout) -> list[np.ndarray]:
    """Return all lattice values of the second group per step, (channels, M)."""
    assert layout.other_low is not None and layout.other_high is not None
    found = []
    for weight in leak.weights(steps):
        low, high = layout.other_low * weight, layout.other_high * weight
        count = int((high - low).max()) + 1
        found.append(np.minimum(low[:, None] + np.arange(count), high[:, None]))
    return found


def _taken_off(leak: Leak, steps: int) -> list[np.ndarray]:
    """Return per step what past spikes may have taken off, in lattice units of the reset.

    After n + 1 steps that is sum_s tau**(n - s) over the steps s < n at which it fired, times
    2**qn; for an integrator, the number of spikes.
    """
    values, found = np.zeros(1, np.int64), []
    for n in range(steps):
        found.append(values)
        if leak.q and n >= HISTORIES:
            found += [values] * (steps - n - 1)
            break
        # one more step: all leak once more, and a spike now adds 1 before that leak
        values = np.unique(np.concatenate([values, values + (1 << leak.q * n)])) * leak.num
    return found


def _lattice(neurons: Neurons) -> np.ndarray | None:
    """Return the constants (tables, T, C) of a population with one real scale."""
    if neurons.second is not None:
        return None
    rows = np.array([[c[:, 0] for c in row] for row in neurons.constants])
    return rows if np.abs(rows).max() < 1 << (WIDTH_MAX - 1) else None


def _bounded(
    value: trained.TrainedNetwork,
    p: trained.Population,
    lines: list[Affine],
    accs: list[Interval],
    start: Start,
    reason: str,
) -> network.Population:
    """Assemble a population whose numbers are rounded."""
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
    found = rounded(p, lines, accs, area, steps, start.leak, numbers)
    only, exact = found.connections[0], False
    if only.gate is not None and len(lines) == 1 and start.exact and neuron.reset != "subtract":
        tabled = certify_table(p, lines[0], accs[0], only.gate, start.leak, start.values, steps)
        if tabled is not None:
            found = _tabled(found, *tabled, resets="v_reset" in numbers)
            reason = "exact to its gate's table, for every input; bounded to the sigmoid"
            gate = p.connections[0].gate
            if gate is not None and gate.constant is not None:
                whole = gate.constant[:steps] * (1 << GATE_BITS)
                exact = bool((whole == only.gate.table[:, 0]).all())
                reason = "exact to its gate's table, for every input"
    exact &= not (value.readout.source == p.name and value.readout.reads_membrane)
    bound = None if exact else found.bound
    certificate = network.Certificate(exact, reason, found.bits, None, bound, found.unit)
    folded = network.Neuron(
        num=start.leak.num, q=start.leak.q, reset=neuron.reset, max_spikes=neuron.max_spikes,
        refractory=neuron.refractory, fire_by=neuron.fire_by, **found.numbers,
    )  # fmt: skip
    return network.Population(p.name, found.connections, folded, certificate)


def _tabled(
    found: Rounded, bits: int, integers: list[Integers], gains: list[int], *, resets: bool
) -> Rounded:
    """Put numbers that are certified against the gate's table in the place of rounded ones."""
    edge = replace(found.connections[0], gain=gains, bias=[one.second for one in integers])
    numbers = {
        "threshold": [one.threshold for one in integers],
        "v_init": [one.starts[-1] for one in integers],
    }
    if resets:
        numbers["v_reset"] = [one.starts[0] for one in integers]
    return replace(found, connections=(edge,), numbers=numbers, bits=bits)


def _ordered_membranes(
    value: trained.TrainedNetwork,
    p: trained.Population,
    merged: list[Group],
    lines: list[Affine],
    start: Start,
) -> bool:
    """Whether the membranes keep their order between classes, should the read-out compare them."""
    if value.readout.source != p.name or not value.readout.reads_membrane:
        return True
    group = merged[0]
    same = all(
        a * a * group.w[0] == group.a[0] ** 2 * w for a, w in zip(group.a, group.w, strict=True)
    )
    plain = all(not b.r and not b.s for line in lines for b in line.b) and not any(start.values)
    return len(merged) == 1 and same and plain and p.neuron.reset != "subtract"


def _population(
    p: trained.Population,
    lines: list[Affine],
    merged: list[Group],
    layout: Layout,
    start: Start,
    found: list[Integers],
    certificate: network.Certificate,
) -> network.Population:
    """Assemble the integer population."""
    neuron, count = p.neuron, len(found)
    gains: dict[int, list[int]] = {}
    for k, group in enumerate(merged):
        worth = [
            one.gain if layout.unit[i] == k else one.second if layout.other is not None else 0
            for i, one in enumerate(found)
        ]
        for member, times in zip(group.members, group.times, strict=True):
            gains[member] = [int(t) * g for t, g in zip(times, worth, strict=True)]
    bias = [one.bias for one in found]
    connections = tuple(
        network.Connection(
            c.source,
            line.op,
            gain=gains[k],
            bias=bias if k == 0 else 0,
            delay=c.delay,
        )
        for k, (c, line) in enumerate(zip(p.connections, lines, strict=True))
    )
    resets = neuron.reset == "zero" or neuron.refractory
    return network.Population(
        p.name,
        connections,
        network.Neuron(
            num=start.leak.num,
            q=start.leak.q,
            threshold=[one.threshold for one in found],
            reset=neuron.reset,
            v_reset=[one.starts[0] for one in found] if resets else 0,
            rho=[one.second for one in found] if neuron.reset == "subtract" else [0] * count,
            v_init=[one.starts[-1] for one in found],
            max_spikes=neuron.max_spikes,
            refractory=neuron.refractory,
            fire_by=neuron.fire_by,
        ),
        certificate,
    )

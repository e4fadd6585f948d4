"""From a TrainedNetwork to a Network of integers, with a certificate per population.

Three small functions: ``affine`` reads a connection as ``A * acc + B`` in exact numbers and flips
the weights of channels with A < 0; ``fold_spiking`` and ``fold_integrator`` turn one population
into integers. All rounding happens there, guided by ``mapping.certify``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from . import certify, network, trained
from .certify import Channel, Leak
from .ends import INPUT
from .exact import Surd
from .intervals import acc_interval, uniform
from .ops import Dense
from .value import LEAK_BITS_MAX, WIDTH_MAX, Unsupported

#: Signed bits that the membrane of a layer without a certificate may take.
BOUNDED_BITS = 40


@dataclass(frozen=True)
class Affine:
    """One connection as ``current_c = A_c * acc_c + B_c``, exactly, A_c = a_c / sqrt(w_c) >= 0.

    Attributes
    ----------
        op: the connection's op, weights flipped where A was negative.
        a: (C,) rationals; w: (C,) rationals > 0.
        b: (C,) Surds over w.
    """

    op: Dense
    a: list[Fraction]
    w: list[Fraction]
    b: list[Surd]

    def divided(self, channel: int, x: Surd | Fraction) -> Surd:
        """Return x / A of a channel with A > 0 (x rational, or over the channel's root)."""
        a, w = self.a[channel], self.w[channel]
        r, s = (x.r, x.s) if isinstance(x, Surd) else (x, 0)
        return Surd(Fraction(s) * w / a, Fraction(r) / a, w)  # (r + s sqrt(w)) sqrt(w) / a


def affine(connection: trained.Connection, unit: Fraction, gain: Fraction) -> Affine:
    """Read a connection exactly; the stored floats are the parameters.

    Args:
        unit: worth of the integer 1 of the source. gain: of the neuron's input.
    """
    op = connection.op
    channels = op.weights.shape[0]
    a, w, b = [], [], []
    flips = np.ones(channels, np.int8)
    for i in range(channels):
        scale, bias = Fraction(connection.scale[i]), Fraction(connection.bias[i])
        norm = connection.norm
        if norm is None:
            slope, root, offset = scale * unit * gain, Fraction(1), Surd(bias * gain)
        else:
            gamma, root = Fraction(norm.gamma[i]), Fraction(norm.var[i]) + Fraction(norm.eps)
            slope = gamma * scale * unit * gain
            shift = gamma * (bias - Fraction(norm.mean[i])) * gain
            offset = Surd(Fraction(norm.beta[i]) * gain, shift / root, root)
        if slope < 0:
            flips[i], slope = -1, -slope
        a.append(slope)
        w.append(root)
        b.append(offset)
    return Affine(replace(op, weights=op.weights * flips[:, None]), a, w, b)


def fold(value: trained.TrainedNetwork, timesteps: int | None = None) -> network.Network:
    """Fold a trained network into integers and certify every population.

    Args:
        value: the trained network.
        timesteps: T of the integer network; the trained one unless given.

    Returns
    -------
        A Network; ``population.certificate`` says exact, or bounded and why.

    Raises
    ------
        Unsupported: a node of a kind that this version does not fold; it is named.
    """
    if not isinstance(value, trained.TrainedNetwork):
        raise TypeError(f"fold needs a TrainedNetwork, not {value!r}")
    value = replace(value, timesteps=value.timesteps if timesteps is None else timesteps)
    refuse_unsupported(value)
    spans = {INPUT: (0, value.input.top)}
    populations = []
    for p in value.populations:
        (connection,) = p.connections
        unit = Fraction(value.input.unit) if connection.source == INPUT else Fraction(1)
        span = spans.get(connection.source, (0, 1))
        fold_population = fold_spiking if p.spiking else fold_integrator
        populations.append(fold_population(value, p, unit, span))
    return network.Network(value.input, tuple(populations), value.readout, value.timesteps)


def refuse_unsupported(value: trained.TrainedNetwork) -> None:
    """Raise Unsupported, naming the first node of a kind that this version does not fold."""
    if value.input.coding == "latency":
        raise Unsupported("input: latency coding is not run yet")
    if value.readout.kind == "first_spike":
        raise Unsupported("read-out: first_spike is not run yet")
    for p in value.populations:
        if reason := unsupported(value, p):
            raise Unsupported(f"population {p.name!r}: {reason} not run yet")


def unsupported(value: trained.TrainedNetwork, p: trained.Population) -> str | None:
    """Name what this version does not run of a trained population, or None."""
    neuron = p.neuron
    if len(p.connections) > 1:
        return "several connections into a trained population (joins) are"
    for c in p.connections:
        if not isinstance(c.op, Dense):
            return f"{type(c.op).__name__} connections are"
        if c.op.bits != 1:
            return f"weights of {c.op.bits} bits are"
        if c.gate is not None:
            return "a gate is"
        if c.source != INPUT and not value[c.source].spiking:
            return f"a connection from {c.source!r}, which has no threshold, is"
    if neuron.reset == "subtract":
        return "soft reset (reset='subtract') is"
    if neuron.reset_delay:
        return "a delayed reset is"
    if neuron.max_spikes is not None:
        return "max_spikes is"
    if neuron.refractory:
        return "refractory steps are"
    return None


def dyadic(leak: float) -> tuple[Leak, bool]:
    """Return the nearest num / 2**q with q <= LEAK_BITS_MAX, and whether it is the leak itself."""
    exact = Fraction(leak)
    num = math.floor(exact * (1 << LEAK_BITS_MAX) + Fraction(1, 2))
    q = LEAK_BITS_MAX
    while q and num % 2 == 0:
        num, q = num >> 1, q - 1
    return Leak(num, q), Fraction(num, 1 << q) == exact


def fold_spiking(
    value: trained.TrainedNetwork, p: trained.Population, unit: Fraction, span: tuple[int, int]
) -> network.Population:
    """Fold a population with a threshold."""
    neuron, connection = p.neuron, p.connections[0]
    lines = affine(connection, unit, Fraction(neuron.input_gain))
    leak, is_dyadic, rest, init = _leak_and_start(neuron, value.timesteps)
    reset = Fraction(neuron.v_reset) - rest
    starts = (reset,) if neuron.reset == "zero" else (init,)
    if neuron.reset == "zero" and init != reset:
        starts = (reset, init)
    acc = acc_interval(lines.op, uniform(*span, 1), (1,))
    channels = []
    for i in range(len(lines.a)):
        low, high = int(acc.low[i]), int(acc.high[i])
        if connection.delay:  # nothing has arrived yet: acc is 0
            low, high = min(low, 0), max(high, 0)
        theta = Fraction(neuron.threshold[i]) - rest
        channels.append(
            _channel(lines, i, leak, value.timesteps, theta, starts, neuron.compare, (low, high))
        )
    bits, numbers, failed = _search_all(channels)
    if failed:
        reason = f"{len(failed)} of {len(channels)} channels (first: {failed[0]}) would need more "
        reason += f"than {WIDTH_MAX} bits or {certify.EXTRA_BITS} extra fractional bits"
    else:
        reason = "thresholds proved for every input"
    if not is_dyadic:
        tau = f"{leak.num}/{1 << leak.q}"
        reason = f"leak {neuron.leak!r} is not dyadic: snapped to {tau}; " + reason
    lattice = None
    exact = is_dyadic and not failed
    if exact:
        rows = np.array([[c.constants[k] for c in channels] for k in range(len(starts))], object)
        if np.abs(rows).max() < 1 << (WIDTH_MAX - 1):
            lattice = rows.astype(np.int64).transpose(0, 2, 1)
    first, last = [n.starts[0] for n in numbers], [n.starts[-1] for n in numbers]
    return network.Population(
        p.name,
        (
            network.Connection(
                connection.source,
                lines.op,
                gain=[n.gain for n in numbers],
                bias=[n.bias for n in numbers],
                delay=connection.delay,
            ),
        ),
        network.Neuron(
            num=leak.num,
            q=leak.q,
            threshold=[n.threshold for n in numbers],
            reset=neuron.reset,
            v_reset=first if neuron.reset == "zero" else 0,
            v_init=last,
        ),
        network.Certificate(exact, reason, bits, lattice, unit=_units(lines)),
    )


def _leak_and_start(
    neuron: trained.Neuron, timesteps: int
) -> tuple[Leak, bool, Fraction, Fraction]:
    """Return the leak, whether it is exact, v_rest, and the initial membrane above rest."""
    leak, is_dyadic = dyadic(neuron.leak)
    rest = Fraction(neuron.v_rest)
    init = Fraction(neuron.v_init) - rest
    if timesteps == 1:  # the leak only ever acts on the initial membrane, which is known
        return Leak(1, 0), True, rest, init * Fraction(neuron.leak)
    return leak, is_dyadic, rest, init


def _units(lines: Affine) -> np.ndarray:
    """Return A per channel in float64."""
    return np.array([float(Surd(0, a / w, w)) for a, w in zip(lines.a, lines.w, strict=True)])


def _channel(
    lines: Affine,
    i: int,
    leak: Leak,
    steps: int,
    theta: Fraction,
    starts: tuple[Fraction, ...],
    compare: str,
    span: tuple[int, int],
) -> Channel:
    strict = compare == ">"
    if lines.a[i] == 0:  # no data: any scale will do
        raw = tuple(Surd(s) for s in starts)
        return Channel(leak, steps, Surd(theta), lines.b[i], raw, strict, *span, deaf=True)
    return Channel(
        leak,
        steps,
        lines.divided(i, theta),
        lines.divided(i, lines.b[i]),
        tuple(lines.divided(i, s) for s in starts),
        strict,
        *span,
    )


def _search_all(channels: list[Channel]) -> tuple[int, list[certify.Integers], list[int]]:
    """Find one F for all channels of a population; return F, the integers, and who failed."""
    found = [certify.least_bits(c) for c in channels]
    failed = [i for i, bits in enumerate(found) if bits is None]
    start = max((b for b in found if b is not None), default=_bounded_bits(channels))
    if failed:
        start = min(start, _bounded_bits(channels))
        return start, [_rounded(c, start) for c in channels], failed
    best: tuple[int, list[certify.Integers], list[int]] | None = None
    for bits in range(start, start + certify.EXTRA_BITS):
        tried = [certify.search(c, bits) for c in channels]
        failed = [i for i, t in enumerate(tried) if t is None]
        if not failed:
            return bits, tried, []  # type: ignore[return-value]
        if best is None or len(failed) < len(best[2]):
            best = bits, tried, failed  # type: ignore[assignment]
    bits = _bounded_bits(channels)
    return bits, [_rounded(c, bits) for c in channels], best[2]


def _bounded_bits(channels: list[Channel]) -> int:
    """Return an F that keeps a layer without a certificate within BOUNDED_BITS."""
    width = max(max(-c.low, c.high, 1) * c.steps for c in channels).bit_length()
    return max(0, min(16, BOUNDED_BITS - width))


def _rounded(channel: Channel, bits: int) -> certify.Integers:
    """Round a channel that is not certified; where no number fits, it is scaled to fit."""
    largest = max(x.exponent for x in (channel.theta, channel.bias, *channel.starts))
    factor = Fraction(2) ** min(bits, BOUNDED_BITS - 1 - largest)
    gain = math.floor(factor)

    def near(x: Surd) -> int:
        return math.floor(x * factor + Fraction(1, 2))

    threshold = channel.theta * factor
    return certify.Integers(
        gain,
        near(channel.bias),
        math.floor(threshold) + 1 if channel.strict else math.ceil(threshold),
        tuple(near(s) for s in channel.starts),
    )


def fold_integrator(
    value: trained.TrainedNetwork, p: trained.Population, unit: Fraction, span: tuple[int, int]
) -> network.Population:
    """Fold a population without a threshold: a read-out, whose classes share one scale."""
    neuron, connection = p.neuron, p.connections[0]
    lines = affine(connection, unit, Fraction(neuron.input_gain))
    leak, is_dyadic, rest, init = _leak_and_start(neuron, value.timesteps)
    count = len(lines.a)
    first = next((i for i, a in enumerate(lines.a) if a), None)
    same = first is not None and all(
        a * a * lines.w[first] == lines.a[first] ** 2 * w
        for a, w in zip(lines.a, lines.w, strict=True)
    )
    bits = leak.q * (value.timesteps - 1)
    is_readout = value.readout.source == p.name and value.readout.kind == "membrane"
    reason, exact = "classes ordered alike after every step, for every input", False
    numbers: tuple[list[int], list[int], int] | None = None
    if not is_dyadic:
        reason = f"leak {neuron.leak!r} is not dyadic: snapped to {leak.num}/{1 << leak.q}"
    elif rest:
        reason = "v_rest of a read-out is not zero"
    elif not same:
        reason = "the classes have different scales, and membranes are compared with each other"
    elif not is_readout:
        reason = "it is no membrane read-out, so its values would have to be integers"
    else:
        numbers, bits = _ordered(lines, leak, value.timesteps, init, span)
        exact = numbers is not None
        if not exact:
            reason = f"no {certify.EXTRA_BITS} extra fractional bits order every pair of classes"
    if numbers is None:
        bits = min(bits + 12, 16)
        numbers = _scaled(lines, bits, init)
    gains, biases, start = numbers
    return network.Population(
        p.name,
        (
            network.Connection(
                connection.source, lines.op, gain=gains, bias=biases, delay=connection.delay
            ),
        ),
        network.Neuron(num=leak.num, q=leak.q, v_init=[start] * count),
        network.Certificate(exact, reason, bits, unit=_units(lines)),
    )


def _ordered(
    lines: Affine, leak: Leak, steps: int, init: Fraction, span: tuple[int, int]
) -> tuple[tuple[list[int], list[int], int] | None, int]:
    """Search F and biases that keep the order of every pair of classes."""
    count = len(lines.a)
    # A is one number: B_i / A over the root of class 0, whose a and w stand for every class.
    root, a = lines.w[0], lines.a[0]
    real = [
        Surd(Fraction(b.s) * w / own, Fraction(b.r) / a, root)
        for b, own, w in zip(lines.b, lines.a, lines.w, strict=True)
    ]
    base = leak.q * (steps - 1)
    peak = max(map(abs, acc_interval(lines.op, uniform(*span, 1), (1,)).span)) * steps
    for bits in range(base, base + certify.EXTRA_BITS + 1):
        scale = 1 << bits
        start = math.floor(lines.divided(0, init) * scale)
        shifted = [(r - real[0]) * scale for r in real]
        for biases in (
            [math.floor(x + Fraction(1, 2)) for x in shifted],
            # rounded down, and class j by j more: a class never passes one before it at a tie
            [math.floor(x) - j for j, x in enumerate(shifted)],
        ):
            low = min(biases)
            biases = [b - low for b in biases]  # only differences matter: none is negative
            if (peak * scale + (max(biases) + 1) * steps + abs(start)) >> (WIDTH_MAX - 2):
                return None, base
            if certify.classes_hold(leak, steps, bits, real, biases, start) is None:
                return ([scale] * count, biases, start), bits
    return None, base


def _scaled(lines: Affine, bits: int, init: Fraction) -> tuple[list[int], list[int], int]:
    """Round the scale and bias of every class to one common unit."""
    worth = _units(lines)
    unit = max(float(worth.max()), 1e-300) / (1 << bits)
    gains = [round(float(x) / unit) for x in worth]

    def near(x: float) -> int:
        limit = float(1 << BOUNDED_BITS)
        return round(min(max(x / unit, -limit), limit))

    return gains, [near(float(b)) for b in lines.b], near(float(init))

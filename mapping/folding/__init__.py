"""From a TrainedNetwork to a Network of integers, with a certificate per population.

Populations are folded one by one, in order. What passes between them is the unit: what the
integer 1 of a source is worth in the trained network. A certificate speaks of one population,
given equal inputs; the network is exact if all of them are.

``context``   what every way to fold a population is given, and what it may answer.
``lattice``   proved to fire as trained, on the lattice of its data or for a constant drive.
``whole``     numbers that are whole multiples of one unit.
``table``     proved against the gate's own table; ``gate``: a gate as a mean and a table.
``streams``   a population without a threshold: streams, pools, joins, read-outs.
``rounded``   any population that is not proved: numbers rounded; ``error``: by how much.
``affine``    a connection as A * acc + B in exact numbers; ``scales``: which A share a lattice.
``units``     the range of what is folded, and units that float64 holds.

docs/fold.md says what each way proves, and how to add one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from .. import network, trained
from ..claims import Cause, Kind
from ..facts import Derivation, most_spikes
from ..ports import INPUT
from .affine import affine
from .context import Context, Folded, Obstacle
from .lattice import prove_constant_drive, prove_on_lattice
from .rounded import round_numbers
from .streams import order_classes, round_values, whole_values
from .table import prove_with_table
from .units import refuse_far
from .whole import whole_multiples

Way = Callable[[Context], Folded | Obstacle | None]

#: Of a population with a threshold. The last way never fails.
SPIKING: tuple[tuple[str, Way], ...] = (
    ("lattice", prove_on_lattice),
    ("static", prove_constant_drive),
    ("whole", whole_multiples),
    ("table", prove_with_table),
    ("rounded", round_numbers),
)
#: Of one without.
STREAM: tuple[tuple[str, Way], ...] = (
    ("classes", order_classes),
    ("whole", whole_values),
    ("rounded", round_values),
)


def fold(
    value: trained.TrainedNetwork,
    timesteps: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> network.Network:
    """Fold a trained network into integers and certify every population.

    Args:
        value: the trained network.
        timesteps: T of the integer network; the trained one unless given. The work grows with it.
        progress: called with (populations done, populations in all).

    Returns
    -------
        A Network; ``population.certificate`` says exact, or bounded and why.

    Raises
    ------
        Unsupported: a node that has no integer form; it is named. TooWide, which is one: a node
            that needs more than WIDTH_MAX bits.
    """
    if not isinstance(value, trained.TrainedNetwork):
        raise TypeError(f"fold needs a TrainedNetwork, not {value!r}")
    steps = value.timesteps if timesteps is None else timesteps
    value = replace(value, timesteps=steps)
    most = {p.name: most_spikes(p.neuron, steps) if p.spiking else None for p in value.populations}
    derived = Derivation(value.input, steps, value.shapes, most)
    units = {p.name: Fraction(1) for p in value.populations} | {INPUT: Fraction(value.input.unit)}
    populations = []
    for p in value.populations:
        if progress is not None:
            progress(len(populations), len(value.populations))
        context = _context(value, p, derived, units)
        folded, units[p.name] = _fold_population(context)
        derived.add(folded)  # values so far apart that no integers of 62 bits hold them: TooWide
        populations.append(folded)
    return network.Network(value.input, tuple(populations), value.readout, steps)


def _context(
    value: trained.TrainedNetwork,
    p: trained.Population,
    derived: Derivation,
    units: dict[str, Fraction],
) -> Context:
    """Read a population's connections exactly, and the range of what arrives by each."""
    currents, accs, static = [], [], True
    for c in p.connections:
        source = derived.source(c.source, p.name)
        channels, gain = value.shapes[p.name][0], Fraction(p.neuron.input_gain)
        current = affine(c, channels, units[c.source], gain)
        acc = current.op.interval(source.out, source.shape)
        currents.append(current)
        accs.append(acc.with_zero() if c.delay else acc)
        static = static and source.static and not c.delay
    refuse_far(p, currents)
    return Context.of(value, p, currents, accs, static)


def _fold_population(context: Context) -> tuple[network.Population, Fraction]:
    """Fold a population by the first way that succeeds.

    Returns
    -------
        The population of integers, certified; and what the integer 1 of its output is worth.

    Raises
    ------
        Unsupported: a gate whose sums take more bits than there are.
    """
    failed: dict[str, Obstacle] = {}
    for name, way in SPIKING if context.population.spiking else STREAM:
        answer = way(context)
        if isinstance(answer, Folded):
            break
        if answer is not None:
            failed[name] = answer
    else:
        raise AssertionError("the last way never fails")
    if answer.kind is Kind.ROUNDED:
        obstacle = _main(context, failed)
        answer = replace(answer, reason=obstacle.reason, cause=obstacle.cause)
    return _assembled(context, answer, failed), answer.worth


def _main(context: Context, failed: dict[str, Obstacle]) -> Obstacle:
    """Return the one reason that a rounded population gives: of the way that came nearest."""
    if not context.population.spiking:
        return failed.get("classes", failed["whole"])
    obstacle = failed.get("static", failed["lattice"])
    if "table" in failed:
        obstacle = failed["table"]
    elif context.gated and "whole" in failed:
        obstacle = Obstacle(obstacle.cause, f"{obstacle.reason}: {failed['whole'].reason}")
    gate = context.rounded_gate
    if gate is None:
        return obstacle
    if obstacle.cause is Cause.LEAK:
        return Obstacle(Cause.LEAK, f"{obstacle.reason}; {gate.reason}")
    return gate  # no proof would have made it exact


def _assembled(context: Context, folded: Folded, failed: dict[str, Obstacle]) -> network.Population:
    """Put connections, numbers and certificate into a population of integers."""
    p, leak = context.population, context.leak
    certificate = network.Certificate(
        folded.cause is None,
        folded.kind,
        folded.reason,
        folded.cause,
        folded.bits,
        folded.lattice,
        folded.bound,
        folded.unit,
        tuple((name, obstacle.reason) for name, obstacle in failed.items()),
    )
    neuron = network.Neuron(leak.num, leak.q, **folded.numbers)
    if p.spiking:
        neuron = replace(
            neuron,
            reset=p.neuron.reset,
            max_spikes=p.neuron.max_spikes,
            refractory=p.neuron.refractory,
            fire_by=p.neuron.fire_by,
        )
    return network.Population(p.name, folded.connections, neuron, certificate)

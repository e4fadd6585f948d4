"""From a TrainedNetwork to a Network of integers, with a certificate per population.

Populations are folded one by one, in order. What passes between them is the unit: what the
integer 1 of a source is worth in the trained network. A certificate speaks of one population,
given equal inputs; the network is exact if all of them are.

``affine``    a connection as A * acc + B in exact numbers; ``scales``: which A share a lattice.
``spiking``   a population with a threshold, proved if it can be; ``divided``: its neurons over A.
``streams``   a population without one: streams, pools, joins, read-outs.
``rounded``   any population that is not proved: numbers rounded, and the error bounded.
``gate``      the adaptive gate as a mean and a table; ``table``: a proof against that table.
``whole``     numbers that are whole multiples of one unit; ``units``: their range, and float64's.
``obstacle``  why a population is not exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from .. import network, trained
from ..ports import INPUT
from ..facts import Derivation, most_spikes
from ..intervals import Interval
from .affine import Affine, affine
from .spiking import fold_spiking
from .streams import fold_stream
from .units import refuse_far


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
        lines, accs, static = _read(p, derived, units, value.shapes[p.name][0])
        refuse_far(p, lines)
        if p.spiking:
            found = fold_spiking(value, p, lines, accs, static)
        else:
            found, units[p.name] = fold_stream(value, p, lines, accs)
        derived.add(found)  # values so far apart that no integers of 62 bits hold them: TooWide
        populations.append(found)
    return network.Network(value.input, tuple(populations), value.readout, steps)


def _read(
    p: trained.Population, derived: Derivation, units: dict[str, Fraction], channels: int
) -> tuple[list[Affine], list[Interval], bool]:
    """Return a population's connections as exact lines, their acc ranges, and if all is static."""
    lines, accs, static = [], [], True
    for c in p.connections:
        source = derived.source(c.source, p.name)
        line = affine(c, channels, units[c.source], Fraction(p.neuron.input_gain))
        acc = line.op.interval(source.out, source.shape)
        lines.append(line)
        accs.append(acc.with_zero() if c.delay else acc)
        static = static and source.static and not c.delay
    return lines, accs, static

"""The trained neurons of a population, exactly, each divided by the unit of its channel."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import trained
from ..certificate.exact import Real
from ..certificate.leak import Leak, dyadic
from ..certificate.neurons import Integers, Neurons
from ..certificate.second import Second, branch, taken_off
from .affine import Affine, bias_of
from .rounded import near
from .scales import Group, Scales

#: Bits of a membrane at which a neuron is held and from which nothing follows.
HELD_BITS = 50


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


def held(
    p: trained.Population, start: Start, units: list[Group], found: list[Integers], times: int = 1
) -> list[int]:
    """Return v_reset of neurons that are never reset to it, but may be held there.

    A neuron that fires by its bias alone has a scale of its own: there, v is held on that side
    of the threshold on which the trained one is.

    Args:
        units: per channel. times: what all membranes are multiplied with besides.
    """
    neuron, numbers = p.neuron, []
    assert neuron.threshold is not None
    reset = Fraction(neuron.v_reset)
    for i, (unit, one) in enumerate(zip(units, found, strict=True)):
        if one.gain and unit.a[i]:
            x = unit.divided(i, Real(reset - start.rest)) * one.gain * times
            numbers.append(near(x, HELD_BITS))
        else:
            theta = Fraction(neuron.threshold[i])
            reached = reset > theta if neuron.compare == ">" else reset >= theta
            numbers.append(one.threshold if reached else one.threshold - 1)
    return numbers


def divided(
    p: trained.Population, lines: list[Affine], scales: Scales, start: Start, steps: int
) -> Neurons:
    """Return the neurons with the constants of a proof; at most two real scales meet in them.

    Args:
        lines: per connection.
    """
    neuron, other = p.neuron, scales.other
    assert neuron.threshold is not None
    theta, bias, starts, deaf, ratio = [], [], [], [], []
    soft = neuron.reset == "subtract"
    for i, threshold in enumerate(map(Fraction, neuron.threshold)):
        unit = scales.unit_of(i)
        theta.append(unit.divided(i, Real(threshold - start.rest)))
        bias.append(unit.divided(i, bias_of(lines, i)))
        starts.append(tuple(unit.divided(i, Real(x)) for x in start.values))
        deaf.append(not unit.a[i])
        if other is not None:
            ratio.append(unit.divided(i, scales.groups[int(other.group[i])].unit(i)))
        elif soft:
            late = Fraction(neuron.leak) if neuron.reset_delay else Fraction(1)
            ratio.append(unit.divided(i, Real(threshold / late if late else threshold)))
    second = None
    if other is not None:
        second = Second(ratio, branch(start.leak, steps, other.low, other.high))
    elif soft and steps > 1:
        second = Second(ratio, [-values for values in taken_off(start.leak, steps)])
    return Neurons(
        start.leak, steps, theta, bias, starts, neuron.compare == ">",
        scales.unit.low, scales.unit.high, np.array(deaf), second,
    )  # fmt: skip

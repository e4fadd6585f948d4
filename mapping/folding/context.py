"""One population on its way through the fold: what every way is given, and what it may answer.

A way to fold a population takes a Context. It answers with Folded, all that a population of
integers needs; or with an Obstacle, the reason why it cannot; or with None, where it is not meant
for such a population at all.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .. import network, trained
from ..budgets import DATA_BITS, ENUMERATED
from ..certificate.lattice import Leak, dyadic
from ..certificate.neurons import Exhausted, Undecided, Unproved
from ..claims import Cause, Kind
from ..intervals import Interval
from ..value import Unsupported
from .affine import Affine
from .gate import fold_gates, why_rounded
from .scales import Scales


class Obstacle(NamedTuple):
    """Why a way to fold a population fails.

    Attributes
    ----------
        cause: for programs. reason: one sentence about this population, for people.
    """

    cause: Cause
    reason: str


def search_failed(error: Unproved) -> Obstacle:
    """Return why a search ended without a proof."""
    if isinstance(error, Undecided):
        return Obstacle(Cause.UNDECIDED, str(error))
    return Obstacle(Cause.BUDGET if isinstance(error, Exhausted) else Cause.WIDTH, str(error))


def too_wide(bits: int) -> Obstacle:
    """Say that data takes so many bits that none are left for a proof."""
    what = f"its data alone takes {bits} bits, and a proof has room for {DATA_BITS}"
    return Obstacle(Cause.WIDTH, what)


def too_many(count: int, values: str) -> Obstacle:
    """Say that so many lattice values are not gone through."""
    what = f"{count:,} values of {values} are too many to go through ({ENUMERATED:,} at most)"
    return Obstacle(Cause.COUNT, what)


@dataclass(frozen=True)
class Folded:
    """What one way has made of a population.

    Attributes
    ----------
        kind, reason, cause, bits, unit, bound, lattice: of its certificate, see there.
        connections: of integers. numbers: of the integer neuron, per name one integer a channel.
        worth: of a population without threshold, what the integer 1 of its values is worth.
    """

    kind: Kind
    reason: str
    cause: Cause | None
    connections: tuple[network.Connection, ...]
    numbers: dict[str, list[int]]
    bits: int
    unit: np.ndarray
    bound: float | None = None
    lattice: np.ndarray | None = None
    worth: Fraction = Fraction(1)


@dataclass(frozen=True)
class Context:
    """One trained population, with all that is known when its turn comes.

    Attributes
    ----------
        value: the whole network. population: this one of it.
        currents: per connection, the exact current; of a population without threshold, what keeps
            a membrane at v_rest there is in one of their biases.
        accs: per connection, the range of its acc.
        static: the drive is the same at every timestep of a sample.
    """

    value: trained.TrainedNetwork
    population: trained.Population
    currents: list[Affine]
    accs: list[Interval]
    static: bool

    @classmethod
    def of(
        cls,
        value: trained.TrainedNetwork,
        population: trained.Population,
        currents: list[Affine],
        accs: list[Interval],
        static: bool,
    ) -> Context:
        """Put a population's context together.

        Raises
        ------
            Unsupported: a population that has no integer form.
        """
        neuron, prefix = population.neuron, f"population {population.name!r}"
        late_subtract = population.spiking and neuron.reset == "subtract" and neuron.reset_delay
        if late_subtract and not neuron.leak and value.timesteps > 1:
            what = "a delayed subtract reset with leak 0 has no integer form"
            raise Unsupported(f"{prefix}: {what}")
        context = cls(value, population, currents, accs, static)
        if population.spiking or not context.rest_drive:
            return context
        for k, c in enumerate(population.connections):
            if c.gate is None:
                resting = [b + context.rest_drive for b in currents[k].b]
                changed = [*currents[:k], replace(currents[k], b=resting), *currents[k + 1 :]]
                return replace(context, currents=changed)
        what = "v_rest of a population without threshold whose connections are all gated"
        raise Unsupported(f"{prefix}: {what}")

    @property
    def steps(self) -> int:
        """T."""
        return self.value.timesteps

    @property
    def channels(self) -> int:
        """Output channels."""
        return self.value.shapes[self.population.name][0]

    @property
    def area(self) -> int:
        """Positions of a map."""
        return int(np.prod(self.value.shapes[self.population.name][1:]))

    @property
    def gated(self) -> bool:
        """Whether any connection has a gate."""
        return any(c.gate is not None for c in self.population.connections)

    @property
    def soft(self) -> bool:
        """Whether a spike takes off something that is still there at a later step."""
        return self.population.neuron.reset == "subtract" and self.steps > 1

    @property
    def membrane_read(self) -> bool:
        """Whether the read-out compares its membranes."""
        readout = self.value.readout
        return readout.source == self.population.name and readout.reads_membrane

    @property
    def acting_leak(self) -> float:
        """The trained leak; with one timestep it acts on nothing but v_init, which has it."""
        return 1.0 if self.steps == 1 else self.population.neuron.leak

    @functools.cached_property
    def _dyadic(self) -> tuple[Leak, bool]:
        # with one timestep it only acts on the initial membrane, which is known
        return (Leak(1, 0), True) if self.steps == 1 else dyadic(self.population.neuron.leak)

    @property
    def leak(self) -> Leak:
        """The leak of the integers."""
        return self._dyadic[0]

    @property
    def exact_leak(self) -> bool:
        """Whether it is the trained one."""
        return self._dyadic[1]

    def snapped_leak(self) -> Obstacle:
        """Say that the leak of the integers is another than the trained one."""
        tau = f"{self.leak.num}/{1 << self.leak.q}"
        what = f"leak {self.population.neuron.leak!r} is not dyadic: snapped to {tau}"
        return Obstacle(Cause.LEAK, what)

    @property
    def rest(self) -> Fraction:
        """v_rest, from which the membranes of a population with a threshold are counted."""
        return Fraction(self.population.neuron.v_rest)

    @property
    def rest_drive(self) -> Fraction:
        """What keeps a membrane at v_rest there: u = leak * u + this + current."""
        return self.rest * (1 - Fraction(self.population.neuron.leak))

    @property
    def v_init(self) -> Fraction:
        """The initial membrane, above rest if there is a threshold, times a leak that acts once."""
        neuron = self.population.neuron
        init = Fraction(neuron.v_init) - (self.rest if self.population.spiking else 0)
        return init * Fraction(neuron.leak) if self.steps == 1 else init

    @property
    def v_reset(self) -> Fraction:
        """v_reset above rest."""
        return Fraction(self.population.neuron.v_reset) - self.rest

    @property
    def starts(self) -> tuple[Fraction, ...]:
        """The membranes above rest from which steps are counted: v_reset, v_init."""
        neuron = self.population.neuron
        hard = neuron.threshold is not None and (neuron.reset == "zero" or neuron.refractory > 0)
        if self.steps > 1 and hard and self.v_init != self.v_reset:
            return (self.v_reset, self.v_init)
        return (self.v_init,)

    @functools.cached_property
    def numbers(self) -> dict[str, list[Fraction]]:
        """Threshold, starts and the like per name and channel, exactly, above rest."""
        neuron, count = self.population.neuron, self.channels
        if neuron.threshold is None:
            return {"v_init": [self.v_init] * count}
        numbers = {
            "threshold": [Fraction(x) - self.rest for x in neuron.threshold],
            "v_init": [self.v_init] * count,
        }
        if neuron.reset == "zero" or neuron.holds:
            numbers["v_reset"] = [self.v_reset] * count
        if neuron.reset == "subtract":
            late = Fraction(neuron.leak) if neuron.reset_delay and neuron.leak else Fraction(1)
            numbers["rho"] = [Fraction(x) / late for x in neuron.threshold]
        return numbers

    @functools.cached_property
    def gates(self) -> list[tuple[network.Gate | None, float]]:
        """Per connection the integer gate, and by how much its factor may be wrong."""
        return fold_gates(self.population, self.currents, self.accs, self.area, self.steps)

    @functools.cached_property
    def rounded_gate(self) -> Obstacle | None:
        """The first gate that no table of integers is, or None."""
        for c, (_, error) in zip(self.population.connections, self.gates, strict=True):
            if c.gate is not None and error:
                return Obstacle(Cause.GATE, why_rounded(c.gate))
        return None

    @functools.cached_property
    def scales(self) -> Scales:
        """The real scales that meet in the membranes."""
        return Scales.of(self.currents, self.accs)

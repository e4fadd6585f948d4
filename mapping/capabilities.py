"""What a network asks of whoever runs it, and what a backend takes of that.

``asks`` reads a Network. A backend writes one ``Takes``, beside what runs there; comparing the two
gives the sentence of every refusal. What no list can say (widths, a certificate of its own) a
backend refuses itself, afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from .network import Connection, Network
from .ports import INPUT
from .value import Unsupported


@dataclass(frozen=True)
class Ask:
    """One thing that a network asks.

    Attributes
    ----------
        feature: the field of Takes that decides. value: what of it.
        population: whose. where: it, and the connection if it is one's. what: in words, plural.
        spiking: whether it is of a population with a threshold.
    """

    feature: str
    value: str | int | bool
    where: str
    what: str
    spiking: bool
    population: str


@dataclass(frozen=True)
class Takes:
    """What a backend takes; the defaults take everything.

    Attributes
    ----------
        who: what its sentences call it.
        ops: names of the ops that it runs (``Op.name``), or None for all there are.
        weight_bits: most bits of one weight.
        gates, shifts: of connections.
        streams: connections from a population without a threshold.
        delays: of connections, in timesteps.
        recurrence: connections from the same or a later population.
        held: neurons with ``max_spikes``, ``refractory`` or ``fire_by``.
        without_threshold: populations without a threshold; where False they are left out of what
            is run, and nothing is asked of them.
        why: of a feature that it does not take, the end of the sentence; those without one are
            not run "yet".
    """

    who: str
    ops: Collection[str] | None = None
    weight_bits: int = 8
    gates: bool = True
    shifts: bool = True
    streams: bool = True
    delays: bool = True
    recurrence: bool = True
    held: bool = True
    without_threshold: bool = True
    why: Mapping[str, str] = field(default_factory=dict)

    def allows(self, ask: Ask) -> bool:
        """Whether it takes one thing that a network asks."""
        if not ask.spiking and not self.without_threshold:
            return True
        limit = getattr(self, ask.feature)
        if ask.feature == "ops":
            return limit is None or ask.value in limit
        if ask.feature == "weight_bits":
            return ask.value <= limit
        return bool(limit)

    def refusal(self, network: Network) -> str | None:
        """Return why it does not take a network, or None: the first thing that it does not take.

        The sentence names the population, the connection, and what is not run.
        """
        for ask in asks(network):
            if not self.allows(ask):
                return self.sentence(ask)
        return None

    def sentence(self, ask: Ask) -> str:
        """Say that it does not take one thing, and why."""
        end = self.why.get(ask.feature)
        end = " yet" if end is None else f", {end}"
        return f"{ask.where}: {ask.what} are not run by {self.who}{end}"

    def refuse(self, network: Network) -> None:
        """Raise Unsupported, with the sentence of ``refusal``, where it does not take a network."""
        sentence = self.refusal(network)
        if sentence is not None:
            raise Unsupported(sentence)


def asks(network: Network) -> Iterator[Ask]:
    """Yield everything that a network asks, population by population, connections first."""
    streams = {p.name for p in network.populations if not p.spiking}
    known = {INPUT}  # that are before a population in the network's order
    for p in network.populations:
        for c in p.connections:
            where = f"population {p.name!r}, connection from {c.source!r}"
            for feature, value, what in _of_connection(c, streams, known):
                yield Ask(feature, value, where, what, p.spiking, p.name)
        if p.neuron.holds or p.neuron.fire_by is not None:
            what = "neurons with max_spikes, refractory or fire_by"
            yield Ask("held", True, f"population {p.name!r}", what, p.spiking, p.name)
        known.add(p.name)


def _of_connection(
    c: Connection, streams: set[str], known: set[str]
) -> Iterator[tuple[str, str | int | bool, str]]:
    """Yield feature, value and words of what a connection asks."""
    yield "ops", c.op.name, f"{c.op.name} connections"
    yield "weight_bits", c.op.bits, f"weights of {c.op.bits} bits"
    if c.gate is not None:
        yield "gates", True, "gates"
    if c.shift:
        yield "shifts", True, "shifted connections"
    if c.source in streams:
        yield "streams", True, "connections from a population without a threshold"
    if c.source not in known:
        yield "recurrence", True, "recurrent connections"
    if c.delay:
        yield "delays", True, f"connections with a delay of {c.delay}"

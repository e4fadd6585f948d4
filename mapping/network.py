"""The integer network: what every backend runs, bit for bit.

One timestep of one population (all values are integers)::

    acc_k  = op_k(out of source_k at t - delay_k)  0 before the sample began
    drive  = sum_k (gate_k * (gain_k * acc_k + bias_k)) >> shift_k        gate_k = 1 without a gate
    v      = ((v * num) >> q) + drive              >> rounds toward minus infinity
    spike  = v >= threshold
    v      = v_reset where spike                   (reset "zero"; "subtract": v - rho; "none": v)

A population without a threshold outputs v itself. State is v_init at the start of every sample.
A neuron is *held* during its refractory steps, and after max_spikes spikes: v is v_reset,
whatever arrives, and it does not fire. A neuron that has not fired before timestep fire_by fires
there.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

from .claims import Certificate
from .facts import Facts, facts
from .graph import Graph
from .nodes import AnyPopulation
from .population import Connection, Gate, Neuron, Population

__all__ = ["Certificate", "Connection", "Gate", "Network", "Neuron", "Population"]


@dataclass(frozen=True, eq=False, repr=False)
class Network(Graph):
    """A network of integers; see the equation at the head of this module.

    Attributes
    ----------
        input, populations, readout: the graph, populations in an order in which they can run.
        timesteps: T. Widths and certificates hold for up to T steps a sample.

    Raises
    ------
        TypeError, ValueError: at construction, one sentence that names the field.
    """

    populations: tuple[Population, ...]

    population_class: ClassVar[type[AnyPopulation]] = Population

    @functools.cached_property
    def facts(self) -> dict[str, Facts]:
        """Everything derived: shapes, intervals, widths; one Facts per population, in order.

        Raises
        ------
            Unsupported: a node of a kind that this version does not run.
            TooWide: a value that would need more than WIDTH_MAX bits.
        """
        return facts(self)

    @property
    def exact(self) -> bool:
        """Whether every population is certified exact."""
        return all(p.certificate is not None and p.certificate.exact for p in self.populations)

    def claim(self) -> str:
        """Return how many populations are certified exact."""
        proofs = [p.certificate for p in self.populations if p.certificate is not None]
        exact = sum(certificate.exact for certificate in proofs)
        count = len(self.populations)
        return f"; {exact} of {count} certified exact" if proofs else "; typed by hand"

    def columns(self, population: Population) -> dict[str, Any]:
        """Return leak, reset, widths and certificate of a population, and which ways failed."""
        facts, certificate, neuron = (
            self.facts[population.name],
            population.certificate,
            population.neuron,
        )
        verdict = "exact" if certificate and certificate.exact else "bounded"
        return {
            "leak": f"{neuron.num}/{1 << neuron.q}",
            "reset": neuron.reset if population.spiking else "never fires",
            "fraction_bits": certificate.fraction_bits if certificate else None,
            "acc_bits": max(a.bits for a in facts.acc),
            "v_bits": facts.v.bits,
            "certificate": verdict if certificate else "none",
            "kind": certificate.kind.value if certificate else None,
            "cause": certificate.cause.value if certificate and certificate.cause else None,
            "reason": certificate.reason if certificate else "typed by hand: integers only",
            "failed": [
                {"way": way, "reason": reason}
                for way, reason in (certificate.failed if certificate else ())
            ],
        }

"""Networks as text: one line a population."""

from __future__ import annotations

from typing import Any

from . import network, trained

#: How a person reads the keys of ``rows_of`` that are not read as they are written.
HEADS = {"fraction_bits": "F", "acc_bits": "acc bits", "v_bits": "v bits"}


def table(value: network.Network | trained.TrainedNetwork) -> str:
    """Return a short table of a network: shapes, neurons, and what is certified."""
    rows = readable(rows_of(value))
    heads = list(rows[0])
    cells = [heads, *([str(row[h]) for h in heads] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
    enter = value.input
    shape = "x".join(map(str, enter.shape))
    head = (
        f"{type(value).__name__}: input {shape}, {enter.bits} bit, coding {enter.coding}; "
        f"T = {value.timesteps}; read-out {value.readout.kind} of {value.readout.source!r}"
    )
    return "\n".join([head, *(line.rstrip() for line in lines)])


def rows_of(value: network.Network | trained.TrainedNetwork) -> list[dict[str, Any]]:
    """Return one dict per population, JSON values under keys for programs; see ``readable``."""
    return [
        {
            "population": p.name,
            "shape": list(value.shapes[p.name]),
            "from": ", ".join(f"{c.source} ({_op(c.op)})" for c in p.connections),
            **(_integer(value, p) if isinstance(value, network.Network) else _real(p)),
        }
        for p in value.populations
    ]


def readable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of ``rows_of`` as a person reads them."""

    def text(value: Any) -> Any:
        if isinstance(value, list):
            return "x".join(map(str, value))
        return "-" if value is None else value

    return [{HEADS.get(k, k): text(v) for k, v in row.items()} for row in rows]


def _op(op: Any) -> str:
    weights = getattr(op, "weights", None)
    size = "" if weights is None else " " + "x".join(map(str, weights.shape))
    return type(op).__name__ + size


def _integer(value: network.Network, p: network.Population) -> dict[str, Any]:
    facts, certificate = value.facts[p.name], p.certificate
    neuron = p.neuron
    return {
        "leak": f"{neuron.num}/{1 << neuron.q}",
        "reset": neuron.reset if p.spiking else "never fires",
        "fraction_bits": certificate.fraction_bits if certificate else None,
        "acc_bits": max(a.bits for a in facts.acc),
        "v_bits": facts.v.bits,
        "certificate": "none"
        if certificate is None
        else ("exact" if certificate.exact else "bounded"),
        "reason": certificate.reason if certificate else "typed by hand: integers only",
    }


def _real(p: trained.Population) -> dict[str, Any]:
    neuron = p.neuron
    return {
        "leak": f"{neuron.leak:g}",
        "fires": f"u {neuron.compare} threshold" if p.spiking else "never",
        "reset": neuron.reset if p.spiking else None,
        "norm": "batch norm" if any(c.norm for c in p.connections) else None,
    }

"""What a network computes for one sample, and what that costs: SOPs, MACs, energy.

- A **SOP** is an accumulate that a spike triggers: spikes times fan-out, counted from the spikes of
  real samples, windows cut at borders. Layers of any weights, sum and average pools, skips. A max
  pool of spikes is an OR and counts nothing.
- A **MAC** is a weight times a value of several bits (pixels, pooled spikes, streams), zeros
  included; the factor of an average pool, one for each output; and a gate, one for each value that
  it lets through (the product, and the addition to the mean). A layer of direct-coded pixels is
  computed once for a sample; ``every`` counts it at each timestep, as most papers do.
- Neither: batch norms (they fold into thresholds; ``normed`` says how many values they see), leaks
  and thresholds, joins of streams, and the one product alpha * mean of a gate.
- Energy is ``MACs * mac + SOPs * sop``, under two named sets of constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from mapping import INPUT, Input

from .graph import Connection, SpikingNetwork
from .ops import Conv, Dense, Identity, Pool, Weighted
from .size import size
from .style import out_shape
from .weights import Real


@dataclass(frozen=True)
class Constants:
    """Picojoules of one operation."""

    mac: float
    sop: float
    source: str

    def energy(self, macs: float, sops: float) -> float:
        """Return millijoules."""
        return (macs * self.mac + sops * self.sop) * 1e-9


CONSTANTS = {
    "45 nm": Constants(4.6, 0.9, "M. Horowitz, ISSCC 2014: 32-bit float multiply-add, and add"),
    "fitted": Constants(
        1.67, 0.38, "fitted to the three rows of table 2 of C. Liang et al., AAAI-25"
    ),
}


@dataclass(frozen=True)
class Work:
    """One connection, one sample; numbers from data are means over the samples.

    Attributes
    ----------
        into, source: populations. what: ``"conv 3x3"``, ``"dense"``, ``"pool"``, ``"skip"``.
        bits: of a weight, or None.
        reads: ``"spikes"``, or ``"values"`` of several bits.
        real: whether spikes add real weights.
        rate: of the source's spikes, per neuron and timestep, or None.
        dense: operations of one timestep if nothing were zero, taps outside the map left out.
        padded: the same, those taps included: the usual formula outputs x fan-in.
        sops: of each timestep.
        macs: weights times values. every: the same, at every timestep.
        scaled: factors of an average pool. gated: values through a gate. normed: through a batch
            norm, at every timestep.
    """

    into: str
    source: str
    what: str
    bits: int | None
    reads: str
    real: bool
    rate: float | None
    dense: int
    padded: int
    sops: tuple[float, ...]
    macs: int
    every: int
    scaled: int
    gated: int
    normed: int


#: Spikes or values of every source at each timestep, (T or 1, *shape), means over the samples.
Flows = dict[str, torch.Tensor]


@torch.no_grad()
def flows(model: SpikingNetwork, batches: Iterable[torch.Tensor]) -> Flows:
    """Run a model in eval mode and return the mean output of every population, and the input's.

    Args:
        batches: inputs as ``forward`` takes them.
    """
    before, device = model.training, next(model.parameters()).device
    sums: Flows = {}
    samples = 0

    def watch(name: str, x: torch.Tensor) -> None:
        found = x.detach().sum(1, dtype=torch.float64).cpu()
        sums[name] = sums[name] + found if name in sums else found

    model.eval()
    try:
        for x in batches:
            x = x.to(device)
            samples += len(x)
            watch(INPUT, x[None] if model.enter.coding == "direct" else x.transpose(0, 1))
            model(x, watch)
    finally:
        model.train(before)
    if not samples:
        raise ValueError("cost needs at least one sample")
    return {name: total / samples for name, total in sums.items()}


def work(model: SpikingNetwork, found: Flows) -> list[Work]:
    """Count what every connection does, from the flows of a model."""
    spiking = _spiking(model)
    return [
        _work(c, p.name, found[c.source], c.source in spiking, model)
        for p, c in model.connections()
    ]


def _work(
    c: Connection, into: str, flow: torch.Tensor, spikes: bool, model: SpikingNetwork
) -> Work:
    steps, shape = model.timesteps, tuple(flow.shape[1:])
    out, fan = math.prod(out_shape(c.op, shape)), fan_out(c.op, shape)
    dense = int(fan.expand(shape).sum())
    if spikes:
        sops = tuple((flow * fan).flatten(1).sum(1).expand(steps).tolist())
    else:
        sops = (0.0,) * steps
    macs = 0 if spikes or isinstance(c.op, Identity) else dense
    mean = isinstance(c.op, Pool) and c.op.kind == "mean"
    weighted = isinstance(c.op, Weighted)
    return Work(
        into=into,
        source=c.source,
        what=_name(c.op),
        bits=c.op.kind.bits if weighted else None,
        reads="spikes" if spikes else "values",
        real=spikes and weighted and isinstance(c.op.kind, Real),
        rate=float(flow.mean()) if spikes else None,
        dense=dense,
        padded=out * _fan_in(c.op),
        sops=sops,
        macs=macs * len(flow),
        every=macs * steps,
        scaled=out * (steps if spikes else len(flow)) if mean else 0,
        gated=0 if c.gate is None else out * steps,
        normed=0 if c.norm is None else out * steps,
    )


def fan_out(op: torch.nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    """Return how many outputs each value of a source enters; it broadcasts to the shape."""
    if isinstance(op, Dense):
        return torch.tensor(float(op.weight.shape[0]), dtype=torch.float64)
    if isinstance(op, Identity):
        return torch.tensor(1.0, dtype=torch.float64)
    if isinstance(op, Pool) and op.kind == "max":
        return torch.tensor(0.0, dtype=torch.float64)
    size = op.weight.shape[2] if isinstance(op, Conv) else op.size
    rows, cols = (_windows(n, size, op.stride, op.padding) for n in shape[1:])
    each = op.weight.shape[0] // op.groups if isinstance(op, Conv) else 1
    return each * rows[:, None] * cols


def _windows(length: int, size: int, stride: int, padding: int) -> torch.Tensor:
    """Return in how many windows each place of an axis lies."""
    found = torch.zeros(length, dtype=torch.float64)
    for start in range(-padding, length + padding - size + 1, stride):
        found[max(start, 0) : max(start + size, 0)] += 1
    return found


def _fan_in(op: torch.nn.Module) -> int:
    if isinstance(op, Weighted):
        return math.prod(op.weight.shape[1:])
    if isinstance(op, Pool):
        return 0 if op.kind == "max" else op.size**2
    return 1


def _name(op: torch.nn.Module) -> str:
    if isinstance(op, Conv):
        return f"conv {op.weight.shape[2]}x{op.weight.shape[3]}"
    return {Dense: "dense", Pool: "pool", Identity: "skip"}[type(op)]


def _spiking(model: SpikingNetwork) -> set[str]:
    """Return the sources whose values are 0 or 1."""
    enter: Input = model.enter
    found = {INPUT} if enter.bits == 1 else set()
    for p in model.populations:
        only = p.connections[0]
        same = isinstance(only.op, Identity) or (
            isinstance(only.op, Pool) and only.op.kind == "max"
        )
        passes = len(p.connections) == 1 and same and only.gate is None and only.norm is None
        if p.neurons.spiking or (passes and only.source in found and enter.unit == 1):
            found.add(p.name)
    return found


def totals(rows: list[Work]) -> dict[str, float]:
    """Return the sums of a sample; ``dense_operations`` are those on spikes, were none zero.

    Three serve to compare with papers and enter no other: MACs with direct-coded layers at every
    timestep, values through batch norms, and operations of real-weight layers on spikes as if
    these were not sparse.
    """
    fixed = sum(w.scaled + w.gated for w in rows)
    fire = [w for w in rows if w.reads == "spikes"]
    possible = sum(w.dense * len(w.sops) for w in fire)
    sops = sum(sum(w.sops) for w in rows)
    return {
        "sops": sops,
        "dense_operations": possible,
        "share_of_dense": sops / possible if possible else 0.0,
        "macs": sum(w.macs for w in rows) + fixed,
        "macs_every_timestep": sum(w.every for w in rows) + fixed,
        "macs_of_average_pools": sum(w.scaled for w in rows),
        "macs_of_gates": sum(w.gated for w in rows),
        "normed_values": sum(w.normed for w in rows),
        "dense_operations_of_real_weights": sum(w.dense * len(w.sops) for w in rows if w.real),
    }


def cost(model: SpikingNetwork, batches: Iterable[torch.Tensor]) -> dict[str, Any]:
    """Return size, operations and energy of a model for one sample, as JSON."""
    found = flows(model, batches)
    rows = work(model, found)
    sums, bits = totals(rows), size(model)
    rates = [{"name": p.name, "rate": float(found[p.name].mean())} for p in model.spiking()]
    return {
        "timesteps": model.timesteps,
        "size_bytes": bits.total_bytes,
        "size_bits": vars(bits),
        **sums,
        "energies": [
            {
                "name": name,
                "pj_per_mac": k.mac,
                "pj_per_sop": k.sop,
                "millijoules": k.energy(sums["macs"], sums["sops"]),
                "millijoules_every_timestep": k.energy(sums["macs_every_timestep"], sums["sops"]),
            }
            for name, k in CONSTANTS.items()
        ],
        "firing_rates": rates,
        "layers": [{**vars(w), "sops": list(w.sops)} for w in rows],
    }


def lines(found: dict[str, Any]) -> dict[str, str]:
    """Return the totals of a cost as a person reads them."""
    energies = (f"{e['millijoules']:.3g} ({e['name']})" for e in found["energies"])
    macs, every = found["macs"], found["macs_every_timestep"]
    return {
        "size": f"{found['size_bytes']:,} bytes",
        "SOPs a sample": f"{found['sops']:,.0f}, {found['share_of_dense']:.1%} of the dense ones",
        "MACs a sample": f"{macs:,} ({every:,} at every timestep)",
        "energy a sample, mJ": ", ".join(energies),
    }

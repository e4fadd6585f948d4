"""What one connection computes for a sample, and the sums over a network.

- A **SOP** is an accumulate that a spike triggers: spikes times fan-out, counted from the spikes of
  real samples, windows cut at borders. Layers of any weights, sum and average pools, skips. A max
  pool of spikes is an OR and counts nothing.
- A **MAC** is a weight times a value of several bits (pixels, pooled spikes, streams), zeros
  included; the factor of an average pool, one for each output; and a gate, one for each value that
  it lets through (the product, and the addition to the mean). A layer of direct-coded pixels is
  computed once for a sample; ``every`` counts it at each timestep, as most papers do.
- Neither: batch norms (they fold into thresholds; ``normed`` says how many values they see), gains
  and biases, leaks and thresholds, joins of streams, and the one product alpha * mean of a gate.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..intervals import uniform
from ..ops import Op, Shape
from .energy import CONSTANTS


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


def work(
    into: str, source: str, op: Op, flow: np.ndarray, steps: int, *,
    spikes: bool, delay: int = 0, averages: bool = False, gated: bool = False,
    normed: bool = False, weight_bits: int | None = None,
) -> Work:  # fmt: skip
    """Count what one connection does.

    Args:
        into, source: populations.
        op: its geometry is what counts.
        flow: mean output of the source, (T or 1, *shape); one row where every timestep is alike.
        steps: T.
        spikes: whether the source's values are 0 or 1.
        delay: of the connection, in timesteps.
        averages: whether sums are divided, as an average pool does.
        gated, normed: whether there is a gate, a batch norm.
        weight_bits: of a weight, where they are not the op's own: 32 are real numbers.
    """
    shape: Shape = flow.shape[1:]
    out, fan = math.prod(op.out_shape(shape)), op.fan_out(shape)
    dense = int(np.broadcast_to(fan, shape).sum())
    bits = (weight_bits or op.bits) if op.bits else None
    sops = np.zeros(steps)
    if spikes:
        each = (flow * fan).reshape(len(flow), -1).sum(axis=1)
        sops[delay:] = np.broadcast_to(each, steps)[: max(0, steps - delay)]
    multiplies = not spikes and (bits is not None or op.fan_in > 1)
    macs = dense if multiplies else 0
    return Work(
        into=into,
        source=source,
        what=op.label,
        bits=bits,
        reads="spikes" if spikes else "values",
        real=spikes and bits == 32,
        rate=float(flow.mean()) if spikes else None,
        dense=dense,
        padded=out * op.fan_in if op.linear else 0,
        sops=tuple(sops.tolist()),
        macs=macs * len(flow),
        every=macs * steps,
        scaled=out * (steps if spikes else len(flow)) if averages else 0,
        gated=out * steps if gated else 0,
        normed=out * steps if normed else 0,
    )


def keeps_spikes(op: Op, shape: Shape) -> bool:
    """Return whether an op without weights makes 0 or 1 of values that are 0 or 1."""
    low, high = op.interval(uniform(0, 1, shape[0]), shape).span
    return not op.bits and low >= 0 and high <= 1


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


def operations(rows: list[Work]) -> dict[str, Any]:
    """Return sums, energy and every connection, as JSON: the part that all counts share."""
    sums = totals(rows)
    return {
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
        "layers": [{**asdict(w), "sops": list(w.sops)} for w in rows],
    }


def lines(cost: dict[str, Any]) -> dict[str, str]:
    """Return the sums of ``operations`` as a person reads them."""
    energies = (f"{e['millijoules']:.3g} ({e['name']})" for e in cost["energies"])
    macs, every = cost["macs"], cost["macs_every_timestep"]
    return {
        "SOPs a sample": f"{cost['sops']:,.0f}, {cost['share_of_dense']:.1%} of the dense ones",
        "MACs a sample": f"{macs:,} ({every:,} at every timestep)",
        "energy a sample, mJ": ", ".join(energies),
    }

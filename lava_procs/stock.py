"""A Network on Lava's own Processes, where stock_plan proves them exact.

A population of depth d takes a sample's first step at Lava's timestep d + 1, and starts anew then
(``LIFReset``): samples follow back to back, biases do not act before their sample, and what
populations do before their first sample is cut off.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mapping import INPUT, Network

from . import shim
from .running import Running
from .sharing import shared
from .stock_plan import StockPopulation, plan
from .stock_weights import StockConnection


def run(
    network: Network, x: np.ndarray, spikes: tuple[str, ...] | None = None
) -> dict[str, np.ndarray]:
    """Run encoded inputs through stock Lava.

    Args:
        network: one that ``stock_plan.plan`` accepts.
        x: (samples, T', *shape) integers, as ``mapping.coding.encode`` returns them.
        spikes: populations to record; by default all that have a threshold.

    Returns
    -------
        spikes by population name, bool (samples, T', *shape).

    Raises
    ------
        Unsupported: a population that stock processes do not run exactly; it is named.
        watching.LavaFailed: a Lava process failed.
    """
    samples, steps = x.shape[:2]
    planned = plan(network, steps)
    shim.load()
    from .processes.sink import Sink
    from .processes.source import Source

    timesteps = samples * steps + max(p.depth for p in planned)
    data = np.zeros((timesteps, int(np.prod(x.shape[2:]))), np.int32)
    data[: samples * steps] = x.reshape(samples * steps, -1)
    source = Source(data, name="the input")
    outs = {INPUT: source.s_out}
    kept = {}
    for p in planned:
        neurons = _neurons(p, steps)
        for k, c in enumerate(p.connections):
            named = f"population {p.name!r}, connection {k} from {c.source!r}"
            out = outs[c.source]
            if c.relay is not None:
                out = _relayed(out, c, named)
            _connect(out, c, neurons, named)
        if spikes is None or p.name in spikes:
            kept[p.name] = shared((timesteps, *neurons.s_out.shape), bool)
            sink = Sink(neurons.s_out.shape, kept[p.name], name=f"the sink of {p.name!r}")
            neurons.s_out.connect(sink.s_in)
        outs[p.name] = neurons.s_out
    with Running(source, "fixed_pt") as running:
        running.steps(timesteps)
    depth = {p.name: p.depth for p in planned}
    return {
        name: found[depth[name] : depth[name] + samples * steps].reshape(
            samples, steps, *network.shapes[name]
        )
        for name, found in kept.items()
    }


def _neurons(p: StockPopulation, steps: int) -> Any:
    from lava.proc.lif.process import LIFReset

    interval = steps if p.memory else 1
    return LIFReset(
        shape=p.vth.shape,
        du=4095,
        dv=p.dv,
        vth=p.vth,
        bias_mant=p.bias_mant,
        bias_exp=p.bias_exp,
        reset_interval=interval,
        reset_offset=(p.depth + 1) % interval,
        name=f"population {p.name!r}",
    )


def _relayed(out: Any, c: StockConnection, named: str) -> Any:
    """Return the port of neurons that fire when any spike of their window comes, a step later."""
    from lava.proc.lif.process import LIF
    from lava.proc.sparse.process import Sparse
    from lava.utils.weightutils import SignMode

    ones = Sparse(weights=2 * c.relay, sign_mode=SignMode.MIXED, name=f"{named}, its windows")
    relay = LIF(shape=(c.relay.shape[0],), du=4095, dv=0, vth=0, name=f"{named}, its maximum")
    out.connect(ones.s_in)
    ones.a_out.connect(relay.a_in)
    return relay.s_out


def _connect(out: Any, c: StockConnection, neurons: Any, named: str) -> None:
    from lava.proc.conv.process import Conv
    from lava.proc.dense.process import DelayDense, Dense
    from lava.proc.sparse.process import DelaySparse, Sparse
    from lava.utils.weightutils import SignMode

    if c.kind == "conv":
        channels, rows, cols = c.shape
        conv = Conv(  # it takes (rows, columns, channels), and flips its kernels
            weight=c.weights.transpose(0, 2, 3, 1)[:, ::-1, ::-1],
            input_shape=(rows, cols, channels),
            padding=c.op.padding,
            stride=c.op.stride,
            dilation=c.op.dilation,
            groups=c.op.groups,
            num_message_bits=c.message_bits,
            name=named,
        )
        out.reshape(c.shape).transpose((1, 2, 0)).connect(conv.s_in)
        conv.a_out.transpose((2, 0, 1)).reshape(neurons.a_in.shape).connect(neurons.a_in)
        return
    fields: dict[str, Any] = {
        "weights": c.weights,
        "weight_exp": c.weight_exp,
        "num_message_bits": c.message_bits,
        "sign_mode": SignMode.MIXED,
        "name": named,
    }
    if c.delay:
        fields["delays"] = c.delay
        edge = (DelayDense if c.kind == "dense" else DelaySparse)(**fields)
    else:
        edge = (Dense if c.kind == "dense" else Sparse)(**fields)
    out.connect(edge.s_in)
    edge.a_out.connect(neurons.a_in)

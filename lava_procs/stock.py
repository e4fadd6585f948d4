"""A Network on Lava's own Dense and LIFReset processes, where stock_plan proves them exact.

A population of depth d takes a sample's first step at Lava's timestep d + 1, and starts anew then
(``LIFReset``): samples follow back to back, biases do not act before their sample, and what
populations do before their first sample is cut off.
"""

from __future__ import annotations

import numpy as np

from mapping import INPUT, Network, temporary

from . import session, shim
from .stock_plan import StockConnection, StockPopulation, plan


def run(network: Network, x: np.ndarray) -> dict[str, np.ndarray]:
    """Run encoded inputs through stock Lava.

    Args:
        network: one that ``stock_plan.plan`` accepts.
        x: (samples, T', *shape) integers, as ``mapping.coding.encode`` returns them.

    Returns
    -------
        spikes by population name, bool (samples, T', *shape); a population without threshold
        gives none.

    Raises
    ------
        Unsupported: a population that stock processes do not run exactly; it is named.
        session.LavaFailed: a Lava process failed.
    """
    samples, steps = x.shape[:2]
    planned = plan(network, steps)
    shim.load()
    from .processes.sink import Sink
    from .processes.source import Source

    timesteps = samples * steps + max(p.depth for p in planned)
    data = np.zeros((timesteps, int(np.prod(x.shape[2:]))), np.int32)
    data[: samples * steps] = x.reshape(samples * steps, -1)
    source = Source(data)
    outs = {INPUT: source.s_out}
    with temporary.folder("spikexact-lava-") as folder:
        paths = {p.name: folder / f"{k}.npy" for k, p in enumerate(planned)}
        for p in planned:
            neurons = _neurons(p, steps)
            for c in p.connections:
                dense = _dense(c)
                outs[c.source].connect(dense.s_in)
                dense.a_out.connect(neurons.a_in)
            sink = Sink(neurons.s_out.shape, timesteps, spikes=str(paths[p.name]))
            neurons.s_out.connect(sink.s_in)
            outs[p.name] = neurons.s_out
        session.play(source, timesteps, "fixed_pt")
        found = {}
        for p in planned:
            spikes = session.collected(paths[p.name])[p.depth : p.depth + samples * steps]
            found[p.name] = spikes.reshape(samples, steps, *network.shapes[p.name])
    return found


def _neurons(p: StockPopulation, steps: int) -> object:
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
    )


def _dense(c: StockConnection) -> object:
    from lava.proc.dense.process import DelayDense, Dense
    from lava.utils.weightutils import SignMode

    fields = {
        "weights": c.weights,
        "weight_exp": c.weight_exp,
        "num_message_bits": c.message_bits,
        "sign_mode": SignMode.MIXED,
    }
    if c.delay:
        return DelayDense(delays=c.delay, **fields)
    return Dense(**fields)

"""A Network on Lava's own Dense and LIFReset processes, where the plan proves them exact.

Each stock connection adds one timestep: layer l takes a sample's first step at Lava's timestep
l + 2. ``LIFReset`` starts every layer anew at that phase, so that samples follow back to back and
biases do not act before their sample.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from mapping import Network

from . import session, shim
from .stock_plan import plan


def run(network: Network, x: np.ndarray) -> dict[str, np.ndarray]:
    """Run encoded inputs through stock Lava.

    Args:
        network: a chain that ``stock_plan.plan`` accepts.
        x: (samples, T', *shape) integers.

    Returns
    -------
        spikes by population name, bool (samples, T', neurons); a read-out without threshold
        gives none.

    Raises
    ------
        Unsupported: a population that stock processes do not run exactly; it is named.
    """
    layers = plan(network)
    shim.load()
    from lava.proc.dense.process import Dense
    from lava.proc.lif.process import LIFReset

    from .processes.sink import Sink
    from .processes.source import Source

    session.quiet()
    samples, steps = x.shape[:2]
    timesteps = samples * steps + len(layers) + 1
    data = np.zeros((timesteps, int(np.prod(x.shape[2:]))), np.int32)
    data[: samples * steps] = x.reshape(samples * steps, -1)
    source = Source(data)
    with tempfile.TemporaryDirectory(prefix="spikexact-lava-") as folder:
        out = source.s_out
        for k, layer in enumerate(layers):
            dense = Dense(
                weights=layer.weights,
                weight_exp=layer.weight_exp,
                num_message_bits=layer.message_bits,
            )
            neurons = LIFReset(
                shape=(len(layer.vth),),
                du=4095,
                dv=layer.dv,
                vth=layer.vth,
                bias_mant=layer.bias_mant,
                bias_exp=layer.bias_exp,
                reset_interval=steps,
                reset_offset=(k + 2) % steps,
            )
            out.connect(dense.s_in)
            dense.a_out.connect(neurons.a_in)
            sink = Sink(neurons.s_out.shape, timesteps, str(Path(folder) / f"{k}.npy"))
            neurons.s_out.connect(sink.in_port)
            out = neurons.s_out
        session.play(source, timesteps, "fixed_pt")
        found = {}
        for k, layer in enumerate(layers):
            spikes = session.collected(Path(folder) / f"{k}.npy")
            spikes = spikes[k + 1 : k + 1 + samples * steps]
            found[layer.name] = spikes.reshape(samples, steps, -1).astype(bool)
    return found

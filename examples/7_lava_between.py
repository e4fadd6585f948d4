"""A network of ours between Lava's own Processes: a source before it, Dense and LIF behind it."""

import numpy as np

from lava_procs import shim
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import run


def main() -> None:
    """Build the network, connect it, run Lava, and compare with the reference."""
    shim.load()  # before any import of lava: on Python 3.11 and later it does not import without
    from lava.proc.dense.process import Dense as LavaDense
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source
    from lava.proc.lif.process import LIF

    from lava_procs.processes.network import NetworkProcess
    from lava_procs.running import Running

    rng = np.random.default_rng(0)
    steps, weights = 4, Dense(rng.choice([-1, 1], (10, 64)))
    hidden = Population(
        "hidden", (Connection("input", weights, gain=8),), Neuron(num=1, q=1, threshold=40)
    )
    network = Network(Input((64,)), (hidden,), Readout("hidden"), steps)
    samples = rng.integers(0, 2, (5, steps, 64))

    source = Source(data=samples.reshape(-1, 64).T)
    ours = NetworkProcess(network)  # starts anew after every sample of four timesteps
    dense = LavaDense(weights=2 * np.eye(10, dtype=int), weight_exp=5)
    lif = LIF(shape=(10,), du=4095, dv=0, vth=63)
    hidden_spikes, spikes = (Sink(shape=(10,), buffer=len(samples) * steps + 1) for _ in range(2))
    source.s_out.connect(ours.s_in)
    ours.s_out.connect(dense.s_in)
    ours.s_out.connect(hidden_spikes.a_in)
    dense.a_out.connect(lif.a_in)
    lif.s_out.connect(spikes.a_in)

    with Running(source, "fixed_pt") as running:  # as Lava's own run; what fails is named, and ends
        running.steps(len(samples) * steps + 1)
        found, behind = hidden_spikes.data.get(), spikes.data.get()

    expected = run(network, samples).spikes["hidden"].reshape(-1, 10).T
    assert (found[:, :-1] == expected).all()
    assert (behind[:, 1:] == expected).all()  # Lava's Dense takes a timestep
    print(f"{int(expected.sum())} spikes of {expected.size}, equal to the reference, and passed on")


if __name__ == "__main__":  # Lava forks
    main()

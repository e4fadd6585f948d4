"""A network of integers, typed by hand, on two backends."""

import numpy as np

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim import compare, run

rng = np.random.default_rng(0)
w1, w2 = (rng.choice([-1, 1], shape) for shape in ((128, 64), (10, 128)))
lif = {"num": 1, "q": 1}  # leak 1/2; hard reset to 0

network = Network(
    timesteps=4,
    input=Input(shape=(64,)),
    populations=(
        Population(
            "hidden", (Connection("input", Dense(w1), gain=8, bias=5),), Neuron(**lif, threshold=40)
        ),
        Population("out", (Connection("hidden", Dense(w2), gain=8),), Neuron(**lif, threshold=24)),
    ),
    readout=Readout("out", "count"),
)
print(network)

spikes = rng.integers(0, 2, (1000, 4, 64))  # (samples, T, inputs)
trace = run(network, spikes)
agreement = compare(trace, run(network, spikes, backend="fast"))  # raises at a divergence
print(agreement)
print("classes of the first samples:", trace.classes[:10])
print("membranes of 'hidden' lie within", network.facts["hidden"].v)

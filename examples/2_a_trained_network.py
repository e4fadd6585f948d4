"""Batch norm, a scale and `>`, folded into integers and certified for every input."""

import numpy as np

from mapping import Dense, Input, Readout, TrainedNetwork, fold, real, trained
from sim import run

rng = np.random.default_rng(0)


def layer(source: str, fan_in: int, size: int) -> tuple[trained.Connection]:
    """Return one binary layer with a scale per channel and batch norm of both signs."""
    norm = trained.Norm(
        gamma=rng.normal(0.5, 0.6, size).astype(np.float32),
        beta=rng.normal(0.3, 0.3, size).astype(np.float32),
        mean=rng.normal(0, 2, size).astype(np.float32),
        var=np.full(size, fan_in / 3, np.float32),
    )
    weights = Dense(rng.choice([-1, 1], (size, fan_in)))
    return (trained.Connection(source, weights, scale=rng.uniform(0.5, 1, size), norm=norm),)


lif = trained.Neuron(leak=0.5, threshold=1.0, compare=">")
model = TrainedNetwork(
    timesteps=4,
    input=Input(shape=(64,)),
    populations=(
        trained.Population("hidden", layer("input", 64, 128), lif),
        trained.Population("out", layer("hidden", 128, 10), lif),
    ),
    readout=Readout("out", "count"),
)
network = fold(model)
print(network)
for population in network.populations:
    certificate = population.certificate
    print(f"{population.name}: exact {certificate.exact}, {certificate.reason}")

spikes = rng.integers(0, 2, (1000, 4, 64))
meant, trace = real.run(model, spikes), run(network, spikes, backend="fast")
for name in meant.spikes:
    wrong = int((meant.spikes[name] != trace.spikes[name]).sum())
    print(f"{name}: {wrong} of {trace.spikes[name].size:,} spikes differ from float64")

"""The same network on this project's Lava Processes and, where it is certified, on Lava's own."""

import numpy as np

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim.campaign.stimuli import stimuli
from sim.verify import verify


def main() -> None:
    """Build, run, compare."""
    rng = np.random.default_rng(0)
    weights = Dense(rng.choice([-1, 1], (10, 64)))
    network = Network(
        timesteps=4,
        input=Input(shape=(64,)),
        populations=(
            Population(
                "out", (Connection("input", weights, gain=8),), Neuron(num=1, q=1, threshold=40)
            ),
        ),
        readout=Readout("out", "count"),
    )
    verification = verify(network, stimuli(network, 20), ["lava", "lava-stock"])
    print(verification)
    assert verification.ok


if __name__ == "__main__":  # Lava forks
    main()

"""Verilog with its testbench and vectors, checked against the reference through its ports."""

import tempfile
from pathlib import Path

import numpy as np

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from sim.campaign.stimuli import stimuli
from sim.vectors import write_bundle
from sim.verify import verify

rng = np.random.default_rng(0)
network = Network(
    timesteps=4,
    input=Input(shape=(30,)),
    populations=(
        Population(
            "hidden",
            (Connection("input", Dense(rng.choice([-1, 1], (20, 30))), gain=8, bias=3),),
            Neuron(num=1, q=1, threshold=rng.integers(10, 30, 20)),
        ),
        Population(
            "out",
            (Connection("hidden", Dense(rng.choice([-1, 1], (3, 20)))),),
            Neuron(num=1, q=0, threshold=2),
        ),
    ),
    readout=Readout("out", "count"),
)
with tempfile.TemporaryDirectory() as folder:
    rtl = Path(folder) / "rtl"
    manifest = write_bundle(network, rtl, pe=4, simd=8)  # or: spikexact verilog NET -o rtl
    print(*sorted(path.name for path in rtl.iterdir()))
    print("cycles a sample:", manifest["cycles_per_sample"])
    verification = verify(network, stimuli(network, 50), ["fast", "rtl"], rtl=rtl)
    print(verification)
    assert verification.ok

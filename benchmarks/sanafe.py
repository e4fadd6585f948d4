"""The same placed network here and in SANA-FE: spikes, energy, time.

``python benchmarks/sanafe.py --python VENV/bin/python [--example VENV/../dvs_challenge.npz]``

SANA-FE (GPL-3) stays a program of its own: make an environment with ``pip install sanafe`` and name
its Python. What it sends for the input stands apart, as inputs are on no core here; it runs as many
timesteps longer as the network is deep, and its neurons are read in those too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

import sim
from mapping import Connection, Conv, Dense, Input, Network, Neuron, Population, Readout, loihi

RUN = """
import json, sys, sanafe
folder, steps = sys.argv[1], int(sys.argv[2])
arch = sanafe.load_arch(folder + "/arch.yaml")
net = sanafe.load_net(folder + "/snn.net", arch, use_netlist_format=True)
chip = sanafe.SpikingChip(arch)
chip.load(net)
found = chip.sim(steps, spike_trace=True, perf_trace=True)
told = {k: found[k] for k in ("energy", "sim_time", "spikes", "packets_sent", "neurons_updated")}
told["trace"] = [[str(address) for address in step] for step in found["spike_trace"]]
told["times"] = list(found["perf_trace"]["sim_time"])
json.dump(told, open(folder + "/result.json", "w"))
"""


def main() -> None:
    """Print a line of JSON for each network."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", required=True)
    parser.add_argument("--example", type=Path, help="dvs_challenge.npz of SANA-FE's package")
    parser.add_argument("--timesteps", type=int, default=8, help="of the example (8)")
    options = parser.parse_args()
    made = [("mixed", mixed(24)), ("mixed, 4 times as long", mixed(96))]
    if options.example is not None:
        made = [("topology of dvs_challenge", gesture(options.example, options.timesteps))]
    for name, network in made:
        print(json.dumps({"network": name, **compared(network, options.python)}), flush=True)


def mixed(steps: int) -> Network:
    """Return a convolution and two dense layers of integrators."""
    rng = np.random.default_rng(0)

    def signs(*shape: int) -> np.ndarray:
        return rng.choice(np.array([-1, 1], np.int8), shape)

    populations = (
        Population("c", (Connection("input", Conv(signs(8, 2, 3, 3), padding=1)),),
                   Neuron(threshold=rng.integers(1, 4, 8))),
        Population("h", (Connection("c", Dense(signs(200, 8 * 144))),),
                   Neuron(threshold=rng.integers(1, 30, 200))),
        Population("o", (Connection("h", Dense(signs(10, 200))),),
                   Neuron(threshold=rng.integers(1, 8, 10))),
    )  # fmt: skip
    return Network(Input((2, 12, 12)), populations, Readout("o"), steps)


def gesture(example: Path, steps: int) -> Network:
    """Return the layers of SANA-FE's gesture example; its weights have 9 bits, here 7 and a sign.

    Its first layer is driven by biases of 0 to 255; here spikes drive it.
    """
    held = np.load(example, allow_pickle=False)
    populations, source = [], "input"
    names = ("conv1", "conv2", "conv3", "conv4", "dense1")
    for k, name in enumerate(names):
        array = held[name]
        scale = 127 / np.abs(array).max()
        weights = np.rint(array * scale).astype(np.int8)
        if array.ndim == 4:
            op = Conv(weights.transpose(3, 2, 0, 1), 2 if k == 0 else 1, bits=8)
        else:
            places = weights.reshape(9, 9, 11, 11).transpose(2, 0, 1, 3).reshape(891, 11)
            op = Dense(places.T, 8)
        threshold = round(int(held["thresholds"][k + 1]) * scale)
        edge = Connection(source, op)
        populations.append(Population(name, (edge,), Neuron(threshold=threshold)))
        source = name
    return Network(Input((1, 32, 32)), tuple(populations), Readout(source), steps)


def compared(network: Network, python: str) -> dict[str, object]:
    """Run a network on both sides."""
    rng = np.random.default_rng(1)
    enter, steps = network.input.shape, network.timesteps
    inputs = (rng.random((1, steps, *enter)) < 0.3).astype(np.uint8)
    trace = sim.run(network, inputs, "reference")
    outputs = loihi.outputs_of(network, inputs, trace)
    placed = loihi.place(network, "loihi1", loihi.mean_spikes(outputs))
    counted = loihi.events(network, placed, outputs, trace.v)
    bill = loihi.estimate(network, placed, counted, "sanafe-nahuku")
    depth = len(network.populations)
    with tempfile.TemporaryDirectory() as folder:
        loihi.export_sanafe(network, placed, inputs, Path(folder))
        command = [python, "-c", RUN, folder, str(steps + depth)]
        subprocess.run(command, check=True, capture_output=True, timeout=1500)
        told = json.loads((Path(folder) / "result.json").read_text())
    sizes = [int(np.prod(network.shapes[p.name])) for p in network.populations]
    entries = int(np.prod(enter))
    theirs = [np.zeros((steps + depth, n), bool) for n in sizes]
    for t, step in enumerate(told["trace"]):
        for address in step:
            group, neuron = map(int, address.rpartition(".")[::2])
            if group >= entries:
                theirs[group - entries][t, neuron] = True
    different = 0
    for k, p in enumerate(network.populations):  # population k is k + 1 timesteps late
        ours = trace.spikes[p.name][0].reshape(steps, -1)
        different += int((theirs[k][k + 1 : k + 1 + steps] != ours).sum())
    pj = {key: value * 1e12 for key, value in told["energy"].items()}
    synapses = sum(row["pj_synapses"] for row in bill.layers)
    soma = sum(row["pj_neurons"] for row in bill.layers) + 69.3 * sum(
        row["spikes"] for row in bill.layers
    )
    mine = {"synapse": synapses, "soma": soma, "total": bill.energy_pj}
    times = np.diff(np.concatenate([[0.0], np.cumsum(told["times"])])) * 1e9
    inside = times[depth:steps]  # the pipeline is full
    return {
        "timesteps": steps,
        "neurons": sum(sizes),
        "cores": len(placed.cores),
        "spikes": int(sum(s.sum() for s in trace.spikes.values())),
        "spikes_different": different,
        "synops_ratio": sum(
            row["synop_denses"] + row["synop_windows"] for row in bill.layers
        ) / told["spikes"],
        **{f"{key}_ratio": round(value / pj[key], 4) for key, value in mine.items()},
        "timestep_ratio": round(float(bill.timestep_ns[depth:].mean() / inside.mean()), 3),
    }  # fmt: skip


if __name__ == "__main__":
    main()

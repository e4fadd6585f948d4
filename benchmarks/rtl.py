"""RTL: emission, size and speed of a network's Verilog under both engines.

Every spike and membrane of every run is compared with the reference before a figure is printed; a
mismatch ends the program. CXXRTL's figure counts the cycles between the first and the last beat
with every stream collected; cocotb's counts whole runs under the simulator, testbench included,
without its build. ``cold`` builds use an empty cache.

    python benchmarks/rtl.py [--quick] [--json] [--seed 0]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, save
from sim import MissingTool, run
from sim.campaign.stimuli import stimuli
from sim.compare import agreement


def leaky(sizes: tuple[int, ...], steps: int, seed: int) -> Network:
    """Return a chain of leaky populations of random signs, with a bias per neuron."""
    rng = np.random.default_rng(seed)
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        signs = rng.choice(np.array([-1, 1], np.int8), (out, fan))
        edge = Connection(source, Dense(signs), gain=8, bias=rng.integers(-20, 21, out))
        neuron = Neuron(1, 1, threshold=rng.integers(1, 8 + 8 * int(np.sqrt(fan)), out))
        populations.append(Population(f"p{k}", (edge,), neuron))
        source = f"p{k}"
    return Network(Input((sizes[0],)), tuple(populations), Readout(source), steps)


def checked(network: Network, inputs: np.ndarray, backend: str, **options: Any) -> Any:
    """Run a backend and return its trace's info; end the program if it disagrees."""
    found = run(network, inputs, backend, **options)
    compared = agreement(run(network, inputs), found)
    if compared.mismatches or not compared.compared:
        raise SystemExit(f"{backend}: {compared.divergence or 'nothing was compared'}")
    return {**found.info, "neuron-values compared": compared.compared}


#: Emits in a process of its own, as a command does.
EMIT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from mapping import load
network = load(sys.argv[2])
began = time.perf_counter()
from hdl.verilog import emit
made = emit(network, int(sys.argv[3]), int(sys.argv[4]))
print(time.perf_counter() - began, len(made.verilog))
"""


def emission(network: Network, pe: int, simd: int, folder: Path) -> tuple[float, int]:
    """Return seconds (imports included) and bytes."""
    import subprocess

    save(network, folder / "network.safetensors")
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", EMIT, str(root), str(folder / "network.safetensors")]
    done = subprocess.run(
        [*command, str(pe), str(simd)], capture_output=True, text=True, check=True
    )
    seconds, size = done.stdout.split()
    return float(seconds), int(size)


def measure(
    sizes: tuple[int, ...], pe: int, simd: int, samples: int, seed: int, folder: Path
) -> dict[str, Any]:
    """Return one row."""
    network = leaky(sizes, 4, seed)
    seconds, size = emission(network, pe, simd, folder)
    batch = stimuli(network, samples, seed)
    os.environ["SPIKEXACT_CACHE"] = str(folder / "-".join(map(str, (*sizes, pe, simd))))
    began = time.perf_counter()
    checked(network, batch[:1], "rtl", pe=pe, simd=simd)
    cold = time.perf_counter() - began
    bulk = checked(network, batch, "rtl", pe=pe, simd=simd)
    row = {
        "network": "-".join(map(str, sizes)),
        "PE x SIMD": f"{pe} x {simd}",
        "emission, seconds": round(seconds, 2),
        "Verilog, bytes": size,
        "first result, cold, seconds": round(cold, 1),
        "cycles a sample": bulk["cycles_per_sample"],
        "CXXRTL, cycles a second": round(bulk["cycles_per_second"]),
        "neuron-values compared": bulk["neuron-values compared"],
    }
    for simulator, share in (("icarus", 50), ("verilator", 5)):
        few = batch[: max(2, samples // share)]
        try:
            times = []
            for part in (few[:1], few):
                began = time.perf_counter()
                info = checked(network, part, "cocotb", pe=pe, simd=simd, simulator=simulator)
                times.append((time.perf_counter() - began, info["cycles"]))
        except MissingTool as error:  # a device that fails its testbench ends the program
            row[f"cocotb, {simulator}, cycles a second"] = f"not measured: {error}"
            continue
        (short, fewer), (long, more) = times  # the difference leaves the build out
        rate = (more - fewer) / max(long - short, 1e-9)
        row[f"cocotb, {simulator}, cycles a second"] = round(rate)
        row[f"CXXRTL is faster than {simulator} by"] = round(bulk["cycles_per_second"] / rate, 1)
    return row


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the small network, fewer samples")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of networks and inputs (0)")
    options = parser.parse_args()
    sizes = [((64, 128, 10), 8, 32)]
    if not options.quick:
        sizes += [((784, 128, 10), 8, 32), ((784, 128, 10), 16, 98)]
    with tempfile.TemporaryDirectory() as folder:
        count = 100 if options.quick else 1000
        found = [measure(*size, count, options.seed, Path(folder)) for size in sizes]
    if options.json:
        print(json.dumps({"seed": options.seed, "networks": found}, indent=1))
        return
    print(f"seed {options.seed}")
    for row in found:
        print()
        for name, value in row.items():
            print(f"  {name:38} {value:,}" if isinstance(value, int) else f"  {name:38} {value}")


if __name__ == "__main__":
    main()
